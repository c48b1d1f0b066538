import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { MemoryVfs } from "./memory-vfs.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { changeFile, imageOf } from "./testing/disk-image.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";

const payload = (n: number, length = 20): Uint8Array => new Uint8Array(length).fill(n);

/** Commits `from`…`to`, one version each. */
function commit({ log }: TestLog, from: number, to: number, mode?: "none" | "buffered" | "strict"): void {
  for (let version = from; version <= to; version++) log.persist(version, payload(version), mode);
}

const versions = ({ commits }: TestLog): number[] => commits.map(({ version }) => version);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "no error";
}

describe("a log", () => {
  test("begins empty, and says that it was created", () => {
    const { summary, log } = openTestLog(new MemoryVfs());
    expect(summary).toMatchObject({
      epoch: 1,
      nextVersion: 1,
      commits: 0,
      created: true,
      clean: false,
      tornBytes: 0,
      cut: [],
      lost: [],
    });
    expect(summary.databaseId).toMatch(/^[0-9a-f]{32}$/);
    expect(log.epoch).toBe(1);
  });

  test("gives back what was committed, in order, after an orderly end", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs);
    commit(first, 1, 50);
    first.log.shutdown();
    const second = openTestLog(vfs);
    expect(versions(second)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(second.commits.every(({ payload: bytes, version }) => bytes.every((byte) => byte === version))).toBe(true);
    expect(second.summary).toMatchObject({ epoch: 2, clean: true, created: false, nextVersion: 51, commits: 50 });
    expect(second.summary.databaseId).toBe(first.summary.databaseId);
  });

  test("gives it back after a kill, and goes on", () => {
    const vfs = new MemoryVfs();
    let expected = 0;
    for (let session = 1; session <= 20; session++) {
      const log = openTestLog(vfs, { segments: TINY_SEGMENTS }, session);
      expect(log.commits).toHaveLength(expected);
      expect(log.summary.clean).toBe(false);
      for (let i = 0; i < session; i++) log.log.persist(log.summary.nextVersion + i, payload(i));
      expected += session;
      log.log.abandon();
    }
    expect(openTestLog(vfs).commits).toHaveLength(expected);
  });

  test("opened and closed often without writing, it stays as small as it was", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs);
    commit(first, 1, 3);
    first.log.shutdown();
    const names = () => [...vfs.list(""), ...vfs.list("wal")].length;
    const before = names();
    for (let i = 0; i < 20; i++) openTestLog(vfs).log.shutdown();
    expect(names()).toBe(before);
    const last = openTestLog(vfs);
    expect(last.summary).toMatchObject({ epoch: 22, nextVersion: 4, commits: 3 });
  });

  test("rolls into new segments, each as large as a frame needs", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs, { segments: TINY_SEGMENTS });
    commit(first, 1, 100);
    first.log.persist(101, payload(101, 50_000));
    commit(first, 102, 110);
    expect(first.log.counters.rolls).toBeGreaterThan(3);
    expect(vfs.list("wal").filter((name) => name.endsWith(".wal")).length).toBeGreaterThan(4);
    first.log.abandon();
    const second = openTestLog(vfs, { segments: TINY_SEGMENTS });
    expect(second.commits).toHaveLength(110);
    expect(second.commits[100]?.payload).toEqual(payload(101, 50_000));
    second.log.shutdown();
    expect(openTestLog(vfs).commits).toHaveLength(110);
  });

  test("that nobody synced for many segments is copied into several, none of them large", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs, { segments: TINY_SEGMENTS, mode: "none" });
    commit(first, 1, 200);
    first.log.abandon();
    for (let session = 2; session <= 4; session++) {
      const log = openTestLog(vfs, { segments: TINY_SEGMENTS }, session);
      expect(versions(log)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      log.log.abandon();
      const segments = vfs.list("wal").filter((name) => name.endsWith(".wal"));
      expect(segments.length).toBeGreaterThan(1);
      for (const name of segments) expect(vfs.size(`wal/${name}`)).toBeLessThan(3 * TINY_SEGMENTS.maxBytes);
    }
  });

  test("without a flush thread syncs the segments it leaves by itself", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs, { segments: TINY_SEGMENTS, mode: "none", flushThread: false });
    for (let version = 1; version <= 100; version++) log.persist(version, payload(version));
    expect(log.counters.fsyncs).toBe(log.counters.rolls);
    expect(log.durableThrough).toBeGreaterThan(70);
  });

  test("does not mind what stands behind a segment's end", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs);
    commit(first, 1, 3);
    first.log.abandon();
    const path = `wal/${vfs.list("wal")[0]}`;
    changeFile(vfs, path, (bytes) => {
      const longer = new Uint8Array(bytes.length + 1000).fill(255);
      longer.set(bytes);
      return longer;
    });
    expect(openTestLog(vfs).summary).toMatchObject({ commits: 3, tornBytes: 0 });
  });

  test("tells the position behind each commit, rising, the same after recovery", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs, { segments: TINY_SEGMENTS });
    const positions = Array.from({ length: 40 }, (_, i) => first.log.append(i + 1, payload(i)));
    expect([...positions].sort((a, b) => a - b)).toEqual(positions);
    first.log.abandon();
    expect(openTestLog(vfs).commits.map(({ lsn }) => lsn)).toEqual(positions);
  });

  test("copies the payload: the caller may reuse it at once", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    const bytes = payload(7);
    log.append(1, bytes);
    bytes.fill(0);
    log.abandon();
    expect(openTestLog(vfs).commits[0]?.payload).toEqual(payload(7));
  });

  test("never gives a version out again, lost ones included", () => {
    const vfs = new MemoryVfs();
    const first = openTestLog(vfs);
    commit(first, 1, 5);
    first.log.abandon();
    const second = openTestLog(vfs);
    // Versions above 5 may have been used and lost for all this log can know.
    expect(second.summary.nextVersion).toBeGreaterThan(5 + 1000);
    second.log.shutdown();
    expect(openTestLog(vfs).summary.nextVersion).toBe(second.summary.nextVersion);
  });
});

test("a version far ahead is reserved before it is used: it is not given out again although its commit was lost", () => {
  const disk = new CrashVfs();
  const { log } = openTestLog(disk, { segments: TINY_SEGMENTS, mode: "none" });
  log.persist(1, payload(1));
  log.persist(1_000_000, payload(2));
  const after = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }), { segments: TINY_SEGMENTS });
  expect(after.commits).toEqual([]);
  expect(after.summary.nextVersion).toBeGreaterThan(1_000_000);
});

describe("a second opening", () => {
  test("is refused while the first lasts, and allowed after it", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    expect(codeOf(() => openTestLog(vfs))).toBe("DATABASE_LOCKED");
    expect(codeOf(() => openTestLog(vfs, { readOnly: true }))).toBe("DATABASE_LOCKED");
    log.shutdown();
    openTestLog(vfs).log.shutdown();
  });

  test("shares the lock among readers, and keeps writers out", () => {
    const vfs = new MemoryVfs();
    openTestLog(vfs).log.shutdown();
    const readers = [openTestLog(vfs, { readOnly: true }), openTestLog(vfs, { readOnly: true })];
    expect(codeOf(() => openTestLog(vfs))).toBe("DATABASE_LOCKED");
    for (const { log } of readers) log.shutdown();
    openTestLog(vfs).log.shutdown();
  });
});

describe("read-only", () => {
  test("changes no byte, and refuses to write", () => {
    const vfs = new MemoryVfs();
    const writer = openTestLog(vfs, { segments: TINY_SEGMENTS });
    commit(writer, 1, 10);
    writer.log.abandon();
    const before = imageOf(vfs);
    const reader = openTestLog(vfs, { readOnly: true });
    expect(versions(reader)).toHaveLength(10);
    expect(codeOf(() => reader.log.append(11, payload(1)))).toBe("READ_ONLY");
    reader.log.flush();
    reader.log.shutdown();
    expect(imageOf(vfs)).toEqual(before);
  });

  test("makes no database, and no file, where none is", () => {
    const vfs = new MemoryVfs();
    expect(codeOf(() => openTestLog(vfs, { readOnly: true }))).toBe("READ_ONLY");
    expect(vfs.list("")).toEqual([]);
  });
});

describe("after the end", () => {
  test("every call is refused, and ending again does nothing", () => {
    const { log } = openTestLog(new MemoryVfs());
    log.shutdown();
    log.shutdown();
    log.abandon();
    expect(codeOf(() => log.append(1, payload(1)))).toBe("DATABASE_CLOSED");
    expect(codeOf(() => log.flush())).toBe("DATABASE_CLOSED");
    expect(codeOf(() => log.recover(() => {}))).toBe("DATABASE_CLOSED");
  });
});
