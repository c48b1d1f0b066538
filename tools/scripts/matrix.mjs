#!/usr/bin/env node
/**
 * Runs every package's tests on other versions of Node: `node tools/scripts/matrix.mjs [major ...]`, all supported ones by default. The
 * runtimes come from the npm packages `node-<platform>-<arch>` and are kept in `.matrix/`.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, install } from "./bootstrap.mjs";
import { rootDir, run, seconds } from "./run.mjs";

const MAJORS = ["22", "24", "26"];
const majors = process.argv.slice(2).length > 0 ? process.argv.slice(2) : MAJORS;

if (!(await install()) || !(await build())) process.exit(1);

let failed = 0;
for (const major of majors) {
  const node = await runtimeOf(major);
  if (node === undefined) {
    failed++;
    continue;
  }
  for (const name of readdirSync(join(rootDir, "packages"))) {
    const startMs = performance.now();
    const cwd = join(rootDir, "packages", name);
    const vitest = join(rootDir, "node_modules", "vitest", "vitest.mjs");
    // Types do not depend on the runtime.
    const code = await run(node, [vitest, "run", "--typecheck.enabled=false", "--reporter=dot"], { quiet: true, cwd });
    if (code !== 0) failed++;
    console.log(`Node ${major}  ${name.padEnd(16)} ${code === 0 ? "passed" : "FAILED"} in ${seconds(startMs)}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;

/** @returns the path of that version's executable, fetched on first use; undefined after saying why there is none. */
async function runtimeOf(major) {
  const prefix = join(rootDir, ".matrix", major);
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const path = join(prefix, "node_modules", name, "bin", "node");
  if (existsSync(path)) return path;
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, "package.json"), "{}");
  const code = await run("npm", ["install", "--prefix", prefix, "--no-save", "--ignore-scripts", `${name}@${major}`], {
    quiet: true,
  });
  if (code === 0 && existsSync(path)) return path;
  console.error(`Node ${major} could not be fetched as ${name}`);
  return undefined;
}
