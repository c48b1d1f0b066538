import { runId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { RunShard } from "../shard.js";
import { Box } from "../stored.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import { type ByteSource, MemoryByteSource } from "./byte-source.js";
import { openSegments } from "./segment-reader.js";
import { type SegmentInput, type SegmentSummary, writeSegment } from "./segment-writer.js";

function write(input: SegmentInput, between: () => void = () => {}): { source: ByteSource; summary: SegmentSummary } {
  const pieces: Uint8Array[] = [];
  const writing = writeSegment(input, (bytes) => pieces.push(bytes.slice()));
  for (;;) {
    const step = writing.next();
    if (step.done) {
      const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      expect(step.value.bytes).toBe(bytes.length);
      return { source: new MemoryByteSource("test.snap", bytes), summary: step.value };
    }
    between();
  }
}

const open = (...sources: ByteSource[]) => openSegments(sources, { cache: new BlockCache(1 << 20) });

function commit(shard: RunShard, version: number, puts: [string, unknown][], message?: string): void {
  shard.timeline.append(version, version * 1000, message, 10 * puts.length);
  for (const [key, value] of puts) {
    const table = shard.table("default", "kv")!;
    shard.timeline.write(table.put(key, value as never, version));
  }
  shard.lastVersion = version;
}

describe("a segment", () => {
  test("gives back what was written", () => {
    const shard = new RunShard(runId(7));
    commit(
      shard,
      1,
      [
        ["a", 1],
        ["b", { x: [1, 2] }],
      ],
      "first",
    );
    commit(shard, 2, [
      ["a", undefined],
      ["c", new Box("v", 99, 3, 4)],
    ]);
    const { source, summary } = write({ shard, from: 0, through: 2, merge: [] });
    expect(summary).toMatchObject({ keys: 3, entries: 4, commits: 2, from: 0, through: 2 });
    const run = open(source);
    expect(run.through).toBe(2);
    const table = run.spaces[0]!.table("kv")!;
    const found = new Found();
    expect(table.find("a", 1, found)).toBe(true);
    expect(found.stored).toBe(1);
    expect(table.find("a", 9, found)).toBe(true);
    expect(found).toMatchObject({ stored: undefined, version: 2 });
    expect(table.find("b", 9, found)).toBe(true);
    expect(found.stored).toEqual({ x: [1, 2] });
    expect(Object.isFrozen(found.stored)).toBe(true);
    expect(table.find("c", 9, found)).toBe(true);
    expect(found.stored).toEqual(new Box("v", 99, 3, 4));
    expect(table.find("zz", 9, found)).toBe(false);
    const cursor = table.cursor({ start: undefined, end: undefined, reverse: true });
    expect([cursor.next(), cursor.next(), cursor.next(), cursor.next()]).toEqual(["c", "b", "a", undefined]);
    expect(run.timeline.length).toBe(2);
    expect(run.timeline.messageOf(0)).toBe("first");
    const writes: unknown[] = [];
    run.timeline.visitWrites(1, (each) => writes.push(each) > 0);
    expect(writes).toEqual([
      { space: 0, primitive: "kv", key: "a" },
      { space: 0, primitive: "kv", key: "c" },
    ]);
  });

  test("of many keys is read block by block, and merges with the next", () => {
    const shard = new RunShard(runId(7));
    for (let i = 1; i <= 5000; i++) commit(shard, i, [[`key ${i % 3000}`, i]]);
    const first = write({ shard, from: 0, through: 2500, merge: [] });
    const second = write({ shard, from: 2500, through: 5000, merge: [] });
    const whole = write({ shard, from: 0, through: 5000, merge: [] });
    const merged = write({ shard, from: 5000, through: 5000, merge: [first.source, second.source] });
    expect(merged.source.read(0, merged.source.size)).toEqual(whole.source.read(0, whole.source.size));
    for (const run of [open(first.source, second.source), open(merged.source)]) {
      const table = run.spaces[0]!.table("kv")!;
      const found = new Found();
      for (let i = 1; i <= 5000; i++) {
        expect(table.find(`key ${i % 3000}`, i, found)).toBe(true);
        expect(found).toMatchObject({ version: i, stored: i });
      }
      expect(table.live).toBe(3000);
      expect(run.timeline.length).toBe(5000);
      expect(run.timeline.versionOf(4000)).toBe(4001);
      const cursor = table.cursor({ start: "key 1", end: "key 2", reverse: false });
      let count = 0;
      for (let key = cursor.next(); key !== undefined; key = cursor.next()) {
        expect(cursor.findAt(5000, found)).toBe(true);
        count++;
      }
      expect(count).toBe(1111);
    }
  });
});
