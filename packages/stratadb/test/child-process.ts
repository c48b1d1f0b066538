import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

const directory = fileURLToPath(new URL(".", import.meta.url));
const running = new Set<ChildProcess>();

afterEach(async () => {
  for (const child of running) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

/** A program in a process of its own, with the package as it is built; its last arguments are `parameters`. */
export interface Program {
  /** The next line it prints; `undefined` when it ended. */
  line(): Promise<string | undefined>;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

export function start(source: string, ...parameters: string[]): Program {
  const child = spawn(process.execPath, ["--input-type=module", "-e", source, "--", ...parameters], {
    cwd: directory,
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const ended = new Promise<number | null>((resolve) => {
    child.on("exit", (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const lines: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    rest += text;
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    while (waiting.length > 0 && lines.length > 0) waiting.shift()?.(lines.shift());
  });
  child.stdout.on("close", () => {
    for (const resolve of waiting.splice(0)) resolve(undefined);
  });
  return {
    line: () =>
      new Promise((resolve) => {
        if (lines.length > 0) resolve(lines.shift());
        else if (child.stdout.closed) resolve(undefined);
        else waiting.push(resolve);
      }),
    ended,
    kill: () => child.kill("SIGKILL"),
  };
}
