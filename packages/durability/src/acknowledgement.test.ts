import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { MemoryVfs } from "./memory-vfs.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { FaultVfs } from "./testing/fault-vfs.js";
import { openTestLog, TINY_SEGMENTS } from "./testing/test-log.js";

const PAYLOAD = new Uint8Array(20).fill(1);

/** Counts fsyncs of segments at the disk itself: what the log says of itself is checked against it. */
function countingDisk() {
  let syncs = 0;
  const vfs = new FaultVfs(new MemoryVfs(), ({ operation, path }) => {
    if (path.startsWith("wal/") && (operation === "sync" || operation === "syncData")) syncs += 1;
    return undefined;
  });
  return { vfs, syncs: () => syncs };
}

describe("fsyncs", () => {
  test("a strict commit that waits costs exactly one", () => {
    const { vfs, syncs } = countingDisk();
    const { log } = openTestLog(vfs, { mode: "strict" });
    const before = syncs();
    const counted = log.counters.fsyncs;
    for (let version = 1; version <= 50; version++) log.persist(version, PAYLOAD);
    expect(syncs() - before).toBe(50);
    expect(log.counters.fsyncs - counted).toBe(50);
    expect(log.durableThrough).toBe(50);
  });

  test("sixty-four strict commits that wait together cost one, or two", async () => {
    const { vfs, syncs } = countingDisk();
    const { log } = openTestLog(vfs, { mode: "strict" });
    const before = syncs();
    const waiting: Promise<void>[] = [];
    for (let version = 1; version <= 64; version++) waiting.push(log.settled(log.append(version, PAYLOAD)));
    await Promise.all(waiting);
    expect(syncs() - before).toBeLessThanOrEqual(2);
    expect(log.durableThrough).toBe(64);
  });

  test("sixty-four writers that each wait for their own share them, round by round", async () => {
    const { vfs, syncs } = countingDisk();
    const { log } = openTestLog(vfs, { mode: "strict" });
    const before = syncs();
    let version = 0;
    const writer = async () => {
      for (let i = 0; i < 20; i++) {
        version += 1;
        await log.settled(log.append(version, PAYLOAD));
      }
    };
    await Promise.all(Array.from({ length: 64 }, writer));
    expect(version).toBe(64 * 20);
    expect(syncs() - before).toBeLessThanOrEqual(2 * 20);
  });

  test("a buffered commit costs its caller none; time brings one for all", () => {
    const { vfs, syncs } = countingDisk();
    const { log, time } = openTestLog(vfs, {
      mode: "buffered",
      buffered: { flushIntervalMs: 100, maxPendingWrites: 1000 },
    });
    const before = syncs();
    for (let version = 1; version <= 900; version++) log.persist(version, PAYLOAD);
    expect(syncs()).toBe(before);
    expect(log.durableThrough).toBe(0);
    time.advance(99);
    expect(syncs()).toBe(before);
    time.advance(1);
    expect(syncs()).toBe(before + 1);
    expect(log.durableThrough).toBe(900);
  });

  test("the window counts from the oldest commit that waits, not from the last", () => {
    const { vfs, syncs } = countingDisk();
    const { log, time } = openTestLog(vfs, { mode: "buffered", buffered: { flushIntervalMs: 100 } });
    const before = syncs();
    for (let version = 1; version <= 10; version++) {
      log.persist(version, PAYLOAD);
      time.advance(10);
    }
    expect(syncs()).toBe(before + 1);
  });

  test("a thousand buffered commits are due at once", () => {
    const { vfs, syncs } = countingDisk();
    const { log, time } = openTestLog(vfs, {
      mode: "buffered",
      buffered: { flushIntervalMs: 60_000, maxPendingWrites: 1000 },
    });
    const before = syncs();
    for (let version = 1; version <= 1000; version++) log.persist(version, PAYLOAD);
    expect(syncs()).toBe(before);
    time.advance(0);
    expect(syncs()).toBe(before + 1);
  });

  test("a commit in mode none costs none, however long it waits; an orderly end makes it durable", () => {
    const disk = new CrashVfs();
    const { log, time } = openTestLog(disk, { mode: "none" });
    const before = disk.syncs;
    for (let version = 1; version <= 100; version++) log.persist(version, PAYLOAD);
    time.advance(1_000_000);
    expect(disk.syncs).toBe(before);
    log.shutdown();
    const after = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }));
    expect(after.commits).toHaveLength(100);
  });

  test("a strict commit syncs what lies before it in every segment", () => {
    const disk = new CrashVfs();
    const { log } = openTestLog(disk, { mode: "none", segments: TINY_SEGMENTS });
    for (let version = 1; version <= 60; version++) log.persist(version, PAYLOAD);
    expect(log.counters.rolls).toBeGreaterThan(1);
    log.persist(61, PAYLOAD, "strict");
    const after = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }), { segments: TINY_SEGMENTS });
    expect(after.commits).toHaveLength(61);
  });

  test("a full segment is synced soon, in mode none too", () => {
    const disk = new CrashVfs();
    const { log, time } = openTestLog(disk, { mode: "none", segments: TINY_SEGMENTS });
    let version = 0;
    while (log.counters.rolls === 0) log.persist(++version, PAYLOAD);
    time.advance(0);
    const after = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }), { segments: TINY_SEGMENTS });
    expect(after.commits.length).toBeGreaterThanOrEqual(version - 1);
  });

  test("without its flush thread, each thousandth buffered commit syncs for itself", () => {
    const { vfs, syncs } = countingDisk();
    const { log, time } = openTestLog(vfs, {
      mode: "buffered",
      flushThread: false,
      buffered: { maxPendingWrites: 10 },
    });
    const before = syncs();
    for (let version = 1; version <= 25; version++) log.persist(version, PAYLOAD);
    time.advance(10_000);
    expect(syncs()).toBe(before + 2);
    log.startFlushThread();
    log.startFlushThread();
    log.persist(26, PAYLOAD);
    time.advance(100);
    expect(syncs()).toBe(before + 3);
    expect(log.durableThrough).toBe(26);
  });
});

describe("back-pressure", () => {
  test("a blocked event loop stretches the window to ten, and no further", () => {
    const { log, time } = openTestLog(new MemoryVfs(), {
      mode: "buffered",
      buffered: { flushIntervalMs: 100, maxPendingWrites: 1_000_000 },
    });
    let version = 0;
    let oldest = time.now();
    for (let i = 0; i < 500; i++) {
      const durable = log.durableThrough;
      log.persist(++version, PAYLOAD);
      if (log.durableThrough > durable) oldest = time.now();
      expect(time.now() - oldest).toBeLessThanOrEqual(10 * 100 * 1000);
      time.block(17);
    }
    expect(log.stalls).toBeGreaterThan(0);
  });

  test("no more than ten windows of commits wait", () => {
    const { log } = openTestLog(new MemoryVfs(), {
      mode: "buffered",
      buffered: { flushIntervalMs: 60_000, maxPendingWrites: 10 },
    });
    for (let version = 1; version <= 1000; version++) {
      log.persist(version, PAYLOAD);
      expect(version - log.durableThrough).toBeLessThanOrEqual(100);
    }
    expect(log.stalls).toBeGreaterThan(0);
    expect(log.stalls).toBeLessThan(100);
  });

  test("does not block who waits asynchronously", async () => {
    const { log } = openTestLog(new MemoryVfs(), {
      mode: "buffered",
      buffered: { flushIntervalMs: 60_000, maxPendingWrites: 10 },
    });
    for (let version = 1; version <= 300; version++) {
      await log.settled(log.append(version, PAYLOAD));
      expect(version - log.durableThrough).toBeLessThanOrEqual(100);
    }
    expect(log.stalls).toBeGreaterThan(0);
  });

  test("there is none while the background keeps up", () => {
    const { log, time } = openTestLog(new MemoryVfs(), { mode: "buffered" });
    for (let version = 1; version <= 5000; version++) {
      log.persist(version, PAYLOAD);
      time.advance(1);
    }
    expect(log.stalls).toBe(0);
  });
});

describe("a pause", () => {
  test("leaves a mark, so that damage to what was durable is told from a torn tail", () => {
    const vfs = new MemoryVfs();
    const { log, time } = openTestLog(vfs, { mode: "strict" });
    log.persist(1, PAYLOAD);
    log.persist(2, PAYLOAD);
    const end = log.describe().logBytes!;
    time.advance(1000);
    expect(log.describe().logBytes).toBeGreaterThan(end);
    time.advance(100_000);
    expect(time.pending).toBe(0);
    log.abandon();
    // The last commit rots. Nothing was written behind it but the mark.
    flip(vfs, `wal/${vfs.list("wal")[0]}`, 4096 + 53 + 40);
    expect(() => openTestLog(vfs)).toThrow(/durable/);
  });

  test("leaves none while something is unsynced, and none twice", () => {
    const { log, time } = openTestLog(new MemoryVfs(), { mode: "none" });
    log.persist(1, PAYLOAD);
    const end = log.describe().logBytes;
    time.advance(100_000);
    expect(log.describe().logBytes).toBe(end);
    log.flush();
    log.persist(2, PAYLOAD, "strict");
    time.advance(100_000);
    const marked = log.describe().logBytes;
    time.advance(100_000);
    expect(log.describe().logBytes).toBe(marked);
  });
});

describe("waiters at the end", () => {
  test("an orderly end serves them", async () => {
    const { log } = openTestLog(new MemoryVfs(), { mode: "strict" });
    const waiting = [1, 2, 3].map((version) => log.settled(log.append(version, PAYLOAD)));
    log.shutdown();
    await expect(Promise.all(waiting)).resolves.toHaveLength(3);
  });

  test("giving up tells them that nothing is known", async () => {
    const { log } = openTestLog(new MemoryVfs(), { mode: "strict" });
    const waiting = [1, 2, 3].map((version) => log.settled(log.append(version, PAYLOAD)));
    log.abandon();
    for (const [i, promise] of waiting.entries()) {
      const error = await promise.catch((reason: unknown) => reason);
      expect(StrataError.is(error, "COMMIT_OUTCOME_UNKNOWN") && error.facts).toEqual({ epoch: 1, version: i + 1 });
    }
  });
});

function flip(vfs: MemoryVfs, path: string, offset: number): void {
  const file = vfs.open(path, "readWrite");
  const byte = new Uint8Array(1);
  file.read(byte, offset);
  byte[0]! ^= 1;
  file.write(byte, 0, 1, offset);
  file.close();
}
