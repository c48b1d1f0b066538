import { ByteWriter, type RunId } from "@strata/core";
import { InlineSyncDriver, LogDurability } from "@strata/durability";
import { CrashVfs, ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { RunShard } from "@strata/storage";
import { beforeEach, describe, expect, test } from "vitest";
import { openSimulated } from "../test/simulated-database.js";
import { observe } from "../test/stores.js";
import type { Database } from "./index.js";
import { LogTail } from "./log-tail.js";
import { encodeCommit } from "./operation.js";

const code = (code: string) => expect.objectContaining({ code });

let disk: CrashVfs;
let db: Database;

beforeEach(() => {
  disk = new CrashVfs();
  db = openSimulated(disk).db;
});

function afterKill(seed = 2): Database {
  disk = disk.afterKill();
  db = openSimulated(disk, { seed }).db;
  return db;
}

/** Another process writes what no engine writes, with everything that a log needs for it to be believed. */
function appendRaw(payload: Uint8Array, version: number): void {
  const time = new ManualTime();
  const shared = { clock: time, timer: time, random: new SeededRandom(3), segments: TINY_SEGMENTS };
  const log = new LogDurability(disk, new InlineSyncDriver(disk, time), { ...shared, mode: "strict" });
  log.recover(() => {});
  log.append(version, payload);
  log.shutdown();
}

/** A commit with the head that it should have, and an operation of a kind that there is none of. */
function unreadable(run: RunId, version: number): Uint8Array {
  const writer = new ByteWriter();
  encodeCommit(writer, { run, version, timestamp: 1_800_000_000_000_000, message: undefined, operations: [] });
  const bytes = writer.take();
  return Uint8Array.of(...bytes.subarray(0, -1), 1, 0x7f);
}

function putPayload(run: RunId, version: number, key: string, value: number): Uint8Array {
  const writer = new ByteWriter();
  const put = { kind: "put", space: "default", primitive: "kv", key, stored: value } as const;
  encodeCommit(writer, { run, version, timestamp: version, message: undefined, operations: [put] });
  return writer.take();
}

describe("a run whose commits are in the log", () => {
  test("is not folded before somebody asks for what it holds, and says how far it is", () => {
    db.runs.create("a");
    db.put("a", "k", 1);
    db.put("a", "k", 2);
    const { version } = db.runs.must("a");
    const before = observe(db);
    afterKill();
    const { shard } = db.runs.must("a");
    expect(db.runs.get("a")?.version).toBe(version);
    expect(shard.isLoaded).toBe(false);
    expect(db.get("a", "k")).toBe(2);
    expect(shard.isLoaded).toBe(true);
    expect(shard.timeline.length).toBe(2);
    expect(observe(db)).toEqual(before);
  });

  test("takes writes before it was read, and forks of its past see that past", () => {
    db.runs.create("a");
    const first = db.put("a", "k", 1);
    db.put("a", "k", 2);
    afterKill();
    db.put("a", "other", 3);
    const fork = db.fork(db.runs.must("a"), ["fork"], { version: first })[0];
    expect(fork?.name).toBe("fork");
    expect([db.get("a", "k"), db.get("a", "other"), db.get("fork", "k")]).toEqual([2, 3, 1]);
    afterKill(3);
    expect([db.get("fork", "k"), db.get("a", "k"), db.get("a", "other")]).toEqual([1, 2, 3]);
  });

  test("is as it was when its parent went on after the fork, whichever is asked first", () => {
    db.put("default", "k", 1);
    db.fork(db.runs.must("default"), ["fork"]);
    db.put("default", "k", 2);
    db.put("fork", "own", 3);
    db.put("default", "k", 4);
    const before = observe(db);
    for (const first of ["fork", "default"]) {
      afterKill();
      db.get(first, "k");
      expect(observe(db)).toEqual(before);
    }
  });

  test("holds its merges at once: what they contain is asked of all runs together", () => {
    db.put("default", "k", 1);
    db.fork(db.runs.must("default"), ["fork"]);
    db.put("fork", "k", 2);
    db.algebra.merge("fork", "default");
    db.put("default", "later", 3);
    const { merges } = db.runs.must("default").shard;
    expect(merges).toHaveLength(1);
    afterKill();
    const { shard } = db.runs.must("default");
    expect(shard.merges).toEqual(merges);
    expect(shard.isLoaded).toBe(false);
    expect([db.get("default", "k"), db.get("default", "later")]).toEqual([2, 3]);
  });

  test("is read through by a long line of forks without a deep stack", () => {
    let name = "default";
    for (let depth = 0; depth < 3000; depth++) {
      db.put(name, `own ${depth}`, depth);
      const next = `level-${depth}`;
      db.fork(db.runs.must(name), [next]);
      name = next;
    }
    db.put(name, "last", 1);
    afterKill();
    expect([db.get(name, "own 0"), db.get(name, "last")]).toEqual([0, 1]);
  });
});

describe("a commit that cannot be decoded although its checksum holds", () => {
  test("is told to everyone who asks for its run, each time, and to nobody else", () => {
    db.runs.create("other");
    db.put("other", "k", 1);
    db.put("default", "k", 1);
    const run = db.runs.must("default").number;
    const version = db.runs.must("default").version + 1;
    db.close();
    appendRaw(unreadable(run, version), version);
    db = openSimulated(disk, { seed: 4 }).db;
    expect(db.runs.get("default")?.version).toBe(version);
    for (let times = 0; times < 2; times++) {
      expect(() => db.get("default", "k")).toThrow(code("CORRUPT_RECORD"));
      expect(() => db.put("default", "k", 2)).toThrow(code("CORRUPT_RECORD"));
      expect(() => db.fork(db.runs.must("default"), [`fork-${times}`], { version: 1 })).toThrow();
    }
    expect(db.get("other", "k")).toBe(1);
    expect(db.put("other", "k", 2)).toBe(version + 1);
    expect(db.info).toBeTypeOf("function");
  });

  test("fails the opening where its beginning says what cannot be", () => {
    const version = db.put("default", "k", 1);
    db.close();
    appendRaw(putPayload(999 as RunId, version + 1, "k", 2), version + 1);
    expect(() => openSimulated(disk, { seed: 4 })).toThrow(code("CORRUPT_RECORD"));
  });
});

describe("a tail", () => {
  const run = 5 as RunId;

  function tailOf(shard: RunShard, count: number): LogTail {
    const tail = new LogTail(shard);
    for (let i = 1; i <= count; i++) tail.add(putPayload(run, 10 + i, `key ${i}`, i), 10 + i, 1000 + i);
    return tail;
  }

  test("is applied in slices, and the run is what it is all the while", () => {
    const shard = new RunShard(run);
    tailOf(shard, 100);
    const slices = shard.loadInSlices(30);
    slices.next();
    expect([shard.isLoaded, shard.lastVersion, shard.lastTimestamp]).toEqual([false, 110, 1100]);
    expect([...slices]).toHaveLength(3);
    expect(shard.timeline.length).toBe(100);
    expect(shard.timeline.bytesOf(20)).toBe(putPayload(run, 20, "key 10", 10).length);
  });

  test("is applied to its end by whoever asks between two slices", () => {
    const shard = new RunShard(run);
    tailOf(shard, 100);
    const slices = shard.loadInSlices(30);
    slices.next();
    expect(shard.table("default", "kv")?.head("key 100")).toBe(100);
    expect(shard.isLoaded).toBe(true);
    expect([...slices]).toHaveLength(0);
    expect(shard.table("default", "kv")?.liveCount()).toBe(100);
  });

  test("keeps payloads of any size", () => {
    const shard = new RunShard(run);
    const tail = new LogTail(shard);
    const sizes = [1, 300, 70, 2_000_000, 3, 900_000, 600_000, 5];
    for (const [i, size] of sizes.entries()) tail.add(putPayload(run, i + 1, "k".repeat(size), i), i + 1, i + 1);
    for (const [i, size] of sizes.entries()) expect(shard.table("default", "kv")?.head("k".repeat(size))).toBe(i);
  });
});
