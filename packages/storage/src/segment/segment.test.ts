import { runId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { openWritten, type WrittenSegment, writeToMemory } from "../../test/segment-file.js";
import { NOBODY, SegmentModel } from "../../test/segment-model.js";
import { type KeepEntries, keepEntries, sameRules } from "../retention.js";
import { RunShard } from "../shard.js";
import { Box, type Stored } from "../stored.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { openSegments } from "./segment-reader.js";
import { verifySegment } from "./verify-segment.js";

function commit(shard: RunShard, version: number, ...puts: readonly [string, Stored | undefined][]): void {
  shard.timeline.append(version, version * 1000, undefined, 10 * puts.length);
  for (const [key, stored] of puts) shard.timeline.write(shard.table("default", "kv")!.put(key, stored, version));
  shard.lastVersion = version;
}

/** A run with keys 0 to count - 1, ten of them a commit. */
function runOf(count: number): RunShard {
  const shard = new RunShard(runId(7));
  for (let i = 0; i < count; i += 10) {
    const puts = Array.from({ length: 10 }, (_, j): [string, Stored] => [`key ${i + j}`, { number: i + j }]);
    commit(shard, i / 10 + 1, ...puts);
  }
  return shard;
}

function wholeOf(shard: RunShard): WrittenSegment {
  return writeToMemory({ shard, from: shard.forkVersion, through: shard.lastVersion, merge: [] });
}

const last = (versions: number): KeepEntries => keepEntries(sameRules({ keep: "last", versions }), NOBODY, () => {});

/** Counts what is read. */
class CountingSource implements ByteSource {
  readonly name = "counted.snap";
  readonly #source: ByteSource;
  reads = 0;
  bytes = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  read(offset: number, length: number): Uint8Array {
    this.reads++;
    this.bytes += length;
    return this.#source.read(offset, length);
  }
}

function problemsOf({ source }: WrittenSegment): number {
  const verifying = verifySegment(source);
  let step = verifying.next();
  while (step.done !== true) step = verifying.next();
  return step.value.length;
}

describe("reading a segment", () => {
  test("opening reads its end, a get the index and one block, the next one in that block nothing", () => {
    const written = wholeOf(runOf(50_000));
    const source = new CountingSource(written.source);
    const run = openSegments([source], { cache: new BlockCache(1 << 20) });
    expect([run.through, run.timeline.length, run.spaces[0]!.table("kv")!.live]).toEqual([5000, 5000, 50_000]);
    expect(source.reads).toBe(1);
    expect(source.bytes).toBeLessThanOrEqual(2048);
    const table = run.spaces[0]!.table("kv")!;
    const found = new Found();
    expect(table.find("key 31415", 5000, found)).toBe(true);
    expect(found.stored).toEqual({ number: 31415 });
    expect(source.reads).toBe(3);
    expect(table.find("key 31416", 5000, found)).toBe(true);
    expect(table.find("key 31415", 1, found)).toBe(false);
    expect(source.reads).toBe(3);
    expect(source.bytes).toBeLessThan(written.bytes.length / 50);
  });

  test("a newer segment without the key, or above the version asked about, costs at most a look at its index", () => {
    const shard = runOf(1000);
    const old = wholeOf(shard);
    commit(shard, 101, ["key 5", "new"], ["key 7", undefined]);
    const recent = writeToMemory({ shard, from: 100, through: 101, merge: [] });
    const source = new CountingSource(recent.source);
    const run = openSegments([old.source, source], { cache: new BlockCache(1 << 20) });
    const table = run.spaces[0]!.table("kv")!;
    const found = new Found();
    expect(table.find("key 5", 100, found)).toBe(true);
    expect(found.stored).toEqual({ number: 5 });
    expect(source.reads).toBe(1);
    expect(table.find("key 5", 101, found)).toBe(true);
    expect(found.stored).toBe("new");
    expect(table.live).toBe(999);
  });

  test("a key is not found because one further on has its end", () => {
    const shard = new RunShard(runId(7));
    commit(shard, 1, ["abb", 1], ["bba", 1], ["bbc", 1]);
    const table = openWritten(wholeOf(shard)).spaces[0]!.table("kv")!;
    for (const absent of ["", "a", "abc", "abbb", "b", "bbb", "bbcc", "c"]) {
      expect(table.find(absent, 1, new Found()), absent).toBe(false);
    }
  });

  test("what commits wrote can be asked for in any order", () => {
    const { timeline } = openWritten(wholeOf(runOf(3000)));
    for (const row of [299, 298, 297, 0, 150, 149, 151, 152, 151]) {
      const keys: string[] = [];
      timeline.visitWrites(row, ({ key }) => keys.push(key) > 0);
      expect(keys).toEqual(Array.from({ length: 10 }, (_, i) => `key ${10 * row + i}`));
    }
  });

  test("values are as they were stored, frozen, and boxes keep all they have", () => {
    const shard = new RunShard(runId(7));
    const box = new Box({ bytes: Uint8Array.of(1, 2) }, 1e15, 3, 4, true);
    commit(
      shard,
      1,
      ["a", { list: [1, "é", null] }],
      ["b", box],
      ["c", new Box(undefined, Infinity, 9)],
      ["d", undefined],
    );
    const table = openWritten(wholeOf(shard)).spaces[0]!.table("kv")!;
    const found = new Found();
    table.find("a", 1, found);
    expect(found.stored).toEqual({ list: [1, "é", null] });
    expect(Object.isFrozen((found.stored as unknown as { list: unknown }).list)).toBe(true);
    table.find("b", 1, found);
    expect(found.stored).toEqual(box);
    table.find("c", 1, found);
    expect(found.stored).toEqual(new Box(undefined, Infinity, 9));
    expect(table.find("d", 1, found)).toBe(true);
    expect(found).toMatchObject({ version: 1, stored: undefined });
    expect(table).toMatchObject({ live: 2, hasDeadBoxes: true, hasSurrogates: false });
  });

  test("a key whose history fills many blocks is found at each version, and comes once in a walk", () => {
    const shard = new RunShard(runId(7));
    commit(shard, 1, ["before", 1], ["counter", 1], ["then", 1]);
    for (let version = 2; version <= 5000; version++) commit(shard, version, ["counter", version]);
    const written = wholeOf(shard);
    expect(problemsOf(written)).toBe(0);
    const table = openWritten(written).spaces[0]!.table("kv")!;
    const found = new Found();
    for (let version = 1; version <= 5000; version++) {
      expect(table.find("counter", version, found) && found.version).toBe(version);
      expect(found.stored).toBe(version);
    }
    let next = 4321;
    table.visitBefore("counter", 4322, (version) => version === next && next-- > 0);
    expect(next).toBe(0);
    for (const reverse of [false, true]) {
      const cursor = table.cursor({ start: undefined, end: undefined, reverse });
      const keys = [cursor.next(), cursor.next(), cursor.next(), cursor.next()];
      expect(keys).toEqual([...(reverse ? ["then", "counter", "before"] : ["before", "counter", "then"]), undefined]);
      const again = table.cursor({ start: "c", end: "d", reverse });
      expect(again.next()).toBe("counter");
      expect(again.findAt(17, found) && found.stored).toBe(17);
    }
  });
});

describe("writing a segment", () => {
  test("what merges is what would have been written at once", () => {
    const shard = runOf(3000);
    for (let version = 301; version <= 600; version++) commit(shard, version, [`key ${version}`, version]);
    const parts = [0, 100, 250, 300, 420].map((from, i, all) =>
      writeToMemory({ shard, from, through: all[i + 1] ?? 600, merge: [] }),
    );
    const sources = parts.map(({ source }) => source);
    const pairwise = writeToMemory({ shard, from: 300, through: 300, merge: sources.slice(1, 3) });
    const merged = writeToMemory({
      shard,
      from: 420,
      through: 600,
      merge: [sources[0]!, pairwise.source, sources[3]!],
    });
    expect(merged.bytes).toEqual(wholeOf(shard).bytes);
    expect(problemsOf(merged)).toBe(0);
  });

  test("is done in slices, and keys that come in no order are sorted in them", () => {
    const shard = new RunShard(runId(7));
    for (let i = 0; i < 20_000; i++) commit(shard, i + 1, [`key ${(i * 7919) % 20_000}`, i]);
    const written = writeToMemory({ shard, from: 0, through: 20_000, merge: [], unitsPerSlice: 500 });
    expect(written.slices).toBeGreaterThan(50);
    expect(problemsOf(written)).toBe(0);
  });

  test("a table that nobody wrote to keeps the count that an older segment has", () => {
    const shard = runOf(10);
    const old = wholeOf(shard);
    shard.timeline.append(2, 2000, undefined, 0);
    shard.timeline.write(shard.table("default", "json")!.put("doc", 1, 2));
    shard.lastVersion = 2;
    const recent = writeToMemory({ shard, from: 1, through: 2, merge: [] });
    const space = openWritten(old, recent).spaces[0]!;
    expect([space.table("kv")!.live, space.table("json")!.live]).toEqual([10, 1]);
  });

  test("the count of a fork includes what it inherits, where somebody had counted", () => {
    const parent = runOf(10);
    const fork = new RunShard(runId(8), parent, parent.lastVersion);
    commit(fork, 2, ["key 3", undefined], ["other", 1], ["another", 1]);
    const liveOf = (segment: WrittenSegment): number => openWritten(segment).spaces[0]!.table("kv")!.live;
    expect(liveOf(wholeOf(fork))).toBe(-1);
    expect(fork.table("default", "kv")!.liveCount()).toBe(11);
    commit(fork, 3, ["key 4", undefined], ["key 3", 1]);
    commit(fork, 4, ["key 5", undefined], ["other", undefined]);
    expect([2, 3, 4].map((through) => liveOf(writeToMemory({ shard: fork, from: 1, through, merge: [] })))).toEqual([
      11, 11, 9,
    ]);
  });

  test("a counter that was written very often leaves little where the last ten are kept", () => {
    const shard = new RunShard(runId(7));
    for (let version = 1; version <= 20_000; version++) commit(shard, version, ["counter", version]);
    const { source, summary } = writeToMemory({ shard, from: 0, through: 20_000, merge: [], keep: last(10) });
    expect(summary).toMatchObject({ keys: 1, entries: 11, commits: 10, floor: 19_990 });
    expect(source.size).toBeLessThan(600);
    const table = openSegments([source], { cache: new BlockCache(1000) }).spaces[0]!.table("kv")!;
    expect(() => table.find("counter", 19_990, new Found())).toThrow(
      expect.objectContaining({ code: "HISTORY_TRIMMED", facts: { requested: 19_990, earliest: 19_991 } }),
    );
  });

  test("what memory has trimmed is trimmed in files, too", () => {
    const shard = new RunShard(runId(7));
    for (let version = 1; version <= 6; version++) commit(shard, version, ["counter", version]);
    shard
      .table("default", "kv")!
      .chain("counter")!
      .trim([true, false, false, true, true, true], () => {});
    const table = openWritten(wholeOf(shard)).spaces[0]!.table("kv")!;
    const found = new Found();
    expect([1, 4, 9].map((asOf) => table.find("counter", asOf, found) && found.version)).toEqual([1, 4, 6]);
    for (const asOf of [2, 3]) {
      expect(() => table.find("counter", asOf, found)).toThrow(
        expect.objectContaining({ code: "HISTORY_TRIMMED", facts: { requested: asOf, earliest: 4 } }),
      );
    }
    const versions: number[] = [];
    table.visitBefore("counter", 5, (version) => versions.push(version) > 0);
    expect(versions).toEqual([4, 1]);
  });

  test("what is dropped between entries that stay leaves a gap", () => {
    const shard = new RunShard(runId(7));
    for (let version = 1; version <= 5; version++) commit(shard, version, ["key", version]);
    const keep = (): boolean[] => [true, false, false, true, true];
    const table = openWritten(writeToMemory({ shard, from: 0, through: 5, merge: [], keep })).spaces[0]!.table("kv")!;
    const found = new Found();
    expect([1, 4, 5].map((asOf) => table.find("key", asOf, found) && found.version)).toEqual([1, 4, 5]);
    for (const asOf of [2, 3]) expect(() => table.find("key", asOf, found)).toThrow("kept");
  });

  test("the floor does not rise for the sake of one commit among many that are of use", () => {
    const shard = new RunShard(runId(7));
    for (let version = 1; version <= 30; version++) {
      commit(shard, version, version === 20 || version === 25 ? ["twice", version] : [`key ${version}`, version]);
    }
    const { timeline } = openWritten(writeToMemory({ shard, from: 0, through: 30, merge: [], keep: last(1) }));
    expect([timeline.floor, timeline.length]).toEqual([0, 30]);
  });

  test("commits that memory forgets while they are being written leave no hole", () => {
    for (let at = 1; at < 400; at += 23) {
      const model = new SegmentModel(new RunShard(runId(7)));
      for (let i = 0; i < 200; i++) {
        model.commit([{ kind: "put", space: "default", primitive: "kv", key: `key ${i % 7}`, stored: i }]);
      }
      const { shard, version: through } = model;
      let slices = 0;
      const written = writeToMemory({ shard, from: 0, through, merge: [], unitsPerSlice: 2 }, () => {
        if (++slices === at) model.forget(Math.floor(through * 0.9));
      });
      expect(problemsOf(written)).toBe(0);
      const { timeline } = openWritten(written);
      const kept = model.commits.filter(({ version }) => version > timeline.floor);
      expect(kept.map((_, row) => timeline.versionOf(row))).toEqual(kept.map(({ version }) => version));
      expect(timeline.length).toBe(kept.length);
    }
  });

  test("the time of a commit below the floor is known while an entry of it is left, or somebody holds it", () => {
    const shard = new RunShard(runId(7));
    commit(shard, 1, ["once", 1]);
    for (let version = 2; version <= 40; version++) commit(shard, version, ["counter", version]);
    const isPinned = (from: number, to: number): boolean => from <= 20 && 20 < to;
    const { timeline } = openWritten(
      writeToMemory({ shard, from: 0, through: 40, merge: [], keep: last(2), isPinned }),
    );
    expect(timeline.floor).toBe(38);
    expect([1, 2, 19, 20, 21, 38, 39].map((version) => timeline.timestampBelowFloor(version))).toEqual([
      1000, 0, 0, 20_000, 0, 0, 39_000,
    ]);
    expect(timeline.length).toBe(2);
  });

  test("a dead key vanishes only where nothing lies below that it hides", () => {
    const parent = runOf(10);
    const fork = new RunShard(runId(8), parent, parent.lastVersion);
    for (const shard of [parent, fork]) {
      commit(shard, 2, ["key 3", undefined]);
      commit(shard, 3, ["key 4", 4]);
    }
    const found = new Found();
    const kept = writeToMemory({ shard: fork, from: 1, through: 3, merge: [], keep: last(1) });
    expect(openWritten(kept).spaces[0]!.table("kv")!.find("key 3", 3, found)).toBe(true);
    const partial = writeToMemory({ shard: parent, from: 1, through: 3, merge: [], keep: last(1) });
    expect(openWritten(partial).spaces[0]!.table("kv")!.find("key 3", 3, found)).toBe(true);
    const vanished = writeToMemory({ shard: parent, from: 0, through: 3, merge: [], keep: last(1) });
    const table = openWritten(vanished).spaces[0]!.table("kv")!;
    expect(table.find("key 3", 3, found)).toBe(false);
    expect(table.lost).toEqual([{ from: 1, to: 2 }]);
  });
});
