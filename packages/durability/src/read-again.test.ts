import { InvariantError, StrataError, type Version } from "@strata/core";
import { expect, test } from "vitest";
import { InMemoryDurability } from "./in-memory-durability.js";
import { MemoryVfs } from "./memory-vfs.js";
import { payloadOf } from "./testing/crash-script.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { imageOf } from "./testing/disk-image.js";
import { FaultVfs } from "./testing/fault-vfs.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { VfsLock } from "./vfs.js";

const OPTIONS = { segments: TINY_SEGMENTS } as const;

function commit({ log }: TestLog, from: Version, to: Version): void {
  for (let version = from; version <= to; version++) log.persist(version, payloadOf(version, 200));
}

function read({ log }: TestLog): Version[] {
  const versions: Version[] = [];
  log.read((payload, _, version) => {
    expect(payload).toEqual(payloadOf(version, 200));
    versions.push(version);
  });
  return versions;
}

const upTo = (last: number): Version[] => Array.from({ length: last }, (_, i) => i + 1);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "no error";
}

test("reading an open log again changes no byte, however often segments rolled", () => {
  const vfs = new MemoryVfs();
  const opened = openTestLog(vfs, OPTIONS);
  commit(opened, 1, 40);
  expect(opened.log.counters.rolls).toBeGreaterThan(3);
  const before = imageOf(vfs);
  expect(read(opened)).toEqual(upTo(40));
  expect(read(opened)).toEqual(upTo(40));
  expect(imageOf(vfs)).toEqual(before);
  commit(opened, 41, 42);
  expect(read(opened)).toEqual(upTo(42));
});

test("what no fsync has covered is among what it visits", () => {
  const opened = openTestLog(new CrashVfs(), { ...OPTIONS, mode: "none" });
  commit(opened, 1, 3);
  expect(opened.log.durableThrough).toBe(0);
  expect(read(opened)).toEqual(upTo(3));
});

test("a commit that could not be written is not, and the next one is", () => {
  let fails = false;
  const vfs = new FaultVfs(new MemoryVfs(), ({ operation }) => {
    if (!fails || operation !== "write") return undefined;
    fails = false;
    return { kind: "error", errno: "ENOSPC", bytes: 100 };
  });
  const opened = openTestLog(vfs);
  commit(opened, 1, 2);
  fails = true;
  expect(codeOf(() => commit(opened, 3, 3))).toBe("DISK_FULL");
  expect(read(opened)).toEqual(upTo(2));
  opened.log.persist(4, payloadOf(4, 200));
  expect(read(opened)).toEqual([1, 2, 4]);
});

test("damage since the log was opened is told", () => {
  const vfs = new MemoryVfs();
  const opened = openTestLog(vfs, { ...OPTIONS, mode: "strict", recovery: "salvage" });
  commit(opened, 1, 40);
  const file = vfs.open(vfs.list("wal").map((name) => `wal/${name}`)[0] as string, "readWrite");
  file.write(new Uint8Array([255]), 0, 1, 4096 + 60);
  file.close();
  expect(codeOf(() => read(opened))).toBe("WAL_CORRUPT");
});

test("a robbed owner does not read what the robber wrote", () => {
  const disk = new MemoryVfs();
  const unlocked = () =>
    new (class extends FaultVfs {
      override lock(): VfsLock {
        return { method: "none", release: () => {} };
      }
    })(disk, () => undefined);
  const robbed = openTestLog(unlocked(), OPTIONS);
  commit(robbed, 1, 2);
  const robber = openTestLog(unlocked(), OPTIONS);
  robber.log.persist(robber.summary.nextVersion, payloadOf(9, 200));
  expect(codeOf(() => read(robbed))).toBe("DATABASE_FENCED");
});

test("memory keeps no log to read", () => {
  const memory = new InMemoryDurability();
  memory.recover();
  expect(() => memory.read()).toThrow(InvariantError);
  memory.shutdown();
  expect(codeOf(() => memory.read())).toBe("DATABASE_CLOSED");
});
