import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

const toolDir = dirname(dirname(fileURLToPath(import.meta.url)));

/** An empty folder for programs. It lies inside this tool, so that their imports find the packages it depends on. */
export function emptyProgramsDir(name) {
  const dir = join(toolDir, ".programs", name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}

const RUN_TIME_MS_MAX = 30_000;

/** How a user with ordinary settings would compile the examples. */
const USER_TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    module: "nodenext",
    moduleDetection: "force",
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ["*.ts"],
};

/** Type-checks all programs in one run of the compiler. @returns a map from program to its error messages. */
export async function typeErrors(programsDir, programs) {
  writeFileSync(join(programsDir, "tsconfig.json"), JSON.stringify(USER_TSCONFIG));
  const errors = new Map(programs.map((program) => [program, []]));
  if (programs.length === 0) return errors;
  for (const program of programs) writeFileSync(join(programsDir, `${fileName(program)}.ts`), program.text);

  const { output } = await execute("tsc", ["-p", "tsconfig.json", "--pretty", "false"], programsDir);
  const byFile = new Map(programs.map((program) => [`${fileName(program)}.ts`, program]));
  let current;
  for (const line of output.split("\n").filter((each) => each.trim() !== "")) {
    const match = /^(\S[^(]*)\((\d+),(\d+)\): (.*)$/.exec(line);
    const program = match && byFile.get(match[1]);
    if (match && !program) throw new Error(line);
    if (program) current = errors.get(program);
    if (current === undefined) throw new Error(output);
    current.push(program ? `${program.path}:${match[2]}:${match[3]} ${match[4]}` : line);
  }
  return errors;
}

/** Runs a program in a process and an empty directory of its own. @returns what it printed, or why it failed. */
export async function runProgram(programsDir, program) {
  const { code } = await transform(program.text, {
    loader: "ts",
    format: "esm",
    target: "node20",
    sourcefile: program.path,
    sourcemap: "inline",
  });
  const file = join(programsDir, `${fileName(program)}.mjs`);
  writeFileSync(file, code);
  const workDir = mkdtempSync(join(tmpdir(), "strata-docs-"));
  try {
    const result = await execute(process.execPath, ["--enable-source-maps", file], workDir);
    return { isGood: result.code === 0, output: result.output.replaceAll(`${programsDir}/`, "") };
  } finally {
    rmSync(workDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

function fileName({ path, line }) {
  return `${path.replaceAll(/[\\/]/g, "__")}-${line}`;
}

function execute(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    const timer = setTimeout(() => {
      output += `\nstill running after ${RUN_TIME_MS_MAX / 1000} seconds: was something left open?\n`;
      child.kill("SIGKILL");
    }, RUN_TIME_MS_MAX);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
