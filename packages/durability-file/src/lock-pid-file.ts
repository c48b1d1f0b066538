/**
 * A lock without the kernel's help: files `<name>-<n>`, each the record of one process that took the lock, numbered from
 * 1. The highest number counts: its process holds the lock while it lives and has not marked it as released.
 *
 *  1. To take a lock whose highest record is dead or released is to make the next number. A hard link makes name and content
 *     appear in one step and fails when the name is there, so of many who try one succeeds.
 *  2. Who has made a number looks once more, and gives way to a higher one: it was late.
 *  3. Only the holder removes lower numbers, and the highest is never removed: releasing marks it. So numbers never
 *     fall, and a latecomer's number is always seen to be too low.
 *
 * Nobody ever removes or replaces the record of another who might live, which is what goes wrong with one file.
 */
import { linkSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { VfsLockKind } from "@strata/durability";
import { errnoOf, ioFailure } from "./io-failure.js";
import type { LockAttempt } from "./lock-methods.js";
import { formatRecord, newRecord, readRecord, releaseRecord } from "./lock-record.js";
import { livenessOf, uniqueSuffix } from "./process-identity.js";

export const PID_FILE_METHOD = "pid-file";

/** More rounds than processes can plausibly start at the same moment. */
const ROUNDS_MAX = 1000;

/**
 * Takes the lock named `prefix`, a path that the numbers are appended to. A shared lock only looks: it makes no file, so
 * it does not keep a later writer out.
 */
export function lockByPidFile(prefix: string, kind: VfsLockKind): LockAttempt {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const highest = highestNumber(prefix);
    if (highest > 0) {
      const record = readRecord(`${prefix}-${highest}`);
      // What cannot be read is somebody's who is just writing it, or died doing so: not ours to judge.
      if (record === "unreadable" || (record !== undefined && livenessOf(record) !== "dead")) return "held";
    }
    if (kind === "shared") return () => {};
    const mine = highest + 1;
    if (!make(prefix, mine)) continue;
    if (highestNumber(prefix) > mine) {
      remove(`${prefix}-${mine}`);
      continue;
    }
    for (const number of numbersOf(prefix)) if (number < mine) remove(`${prefix}-${number}`);
    return () => releaseRecord(`${prefix}-${mine}`);
  }
  return "held";
}

/** Makes record `number` of this process. False when that number exists. */
function make(prefix: string, number: number): boolean {
  const path = `${prefix}-${number}`;
  const text = formatRecord(newRecord(PID_FILE_METHOD));
  const draft = `${path}.${uniqueSuffix()}`;
  try {
    writeFileSync(draft, text, { flag: "wx" });
    try {
      linkSync(draft, path);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      // No hard links on this file system: name first, content a moment later. Until then it is unreadable, thus held.
      writeFileSync(path, text, { flag: "wx" });
    } finally {
      remove(draft);
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw ioFailure("create", path, error);
  }
}

function highestNumber(prefix: string): number {
  return numbersOf(prefix).reduce((highest, number) => Math.max(highest, number), 0);
}

function numbersOf(prefix: string): number[] {
  const start = `${basename(prefix)}-`;
  const numbers: number[] = [];
  for (const name of readdirSync(dirname(prefix))) {
    if (name.startsWith(start) && /^[1-9]\d*$/.test(name.slice(start.length)))
      numbers.push(Number(name.slice(start.length)));
  }
  return numbers;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw ioFailure("unlink", path, error);
  }
}
