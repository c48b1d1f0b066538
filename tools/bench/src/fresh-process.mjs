import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROBE = fileURLToPath(new URL("./probe.mjs", import.meta.url));

/**
 * Runs one probe in a process of its own.
 *
 * @param how `copied`: on a copy of the directory, for probes that leave it different.
 * @returns what the probe prints.
 */
export function probe(name, dir, count, { copied = false } = {}) {
  const scratch = copied ? mkdtempSync(join(tmpdir(), "strata-bench-")) : undefined;
  if (scratch !== undefined) cpSync(dir, scratch, { recursive: true });
  const args = ["--expose-gc", PROBE, name, scratch ?? dir, String(count)];
  const run = spawnSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  if (run.status !== 0) throw new Error(`probe ${name} failed`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

/** Alternates subject and yardstick; the first pass of each only fills the caches of the machine. */
export function alternate(passes, subject, yardstick) {
  const subjects = [];
  const yardsticks = [];
  for (let pass = 0; pass <= passes; pass++) {
    const one = subject();
    const other = yardstick?.();
    if (pass === 0) continue;
    subjects.push(one);
    if (other !== undefined) yardsticks.push(other);
  }
  return { subjects, yardsticks };
}

export function quantile(numbers, q) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

export const median = (numbers) => quantile(numbers, 0.5);
