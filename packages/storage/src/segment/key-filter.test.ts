import { crc32, runId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { type WrittenSegment, writeToMemory } from "../../test/segment-file.js";
import { RunShard } from "../shard.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import { type ByteSource, MemoryByteSource } from "./byte-source.js";
import { KeyBytes } from "./key-bytes.js";
import { FilterLines, FilterPage, filterLineOf, filterPlaceOf, hashKey } from "./key-filter.js";
import { SegmentFile } from "./segment-file.js";
import { blockSeed } from "./segment-output.js";
import { openSegments } from "./segment-reader.js";
import { verifySegment } from "./verify-segment.js";

function segmentOf(keys: readonly string[]): WrittenSegment {
  const shard = new RunShard(runId(7));
  shard.timeline.append(1, 1000, undefined, 10);
  for (const key of keys) shard.timeline.write(shard.table("default", "kv")!.put(key, 1, 1));
  shard.lastVersion = 1;
  return writeToMemory({ shard, from: 0, through: 1, merge: [] });
}

function namesOf(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
}

function filterOf({ source }: WrittenSegment) {
  return new SegmentFile(source, new BlockCache(0)).footer.spaces[0]!.tables[0]!.filter;
}

function problemsOf(source: ByteSource): readonly string[] {
  const verifying = verifySegment(source);
  let step = verifying.next();
  while (step.done !== true) step = verifying.next();
  return step.value.map(({ message }) => message);
}

/** Tells which bytes were read. */
class WatchedSource implements ByteSource {
  readonly name = "a.snap";
  readonly size: number;
  reads: { readonly offset: number; readonly length: number }[] = [];
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
    this.size = source.size;
  }

  read(offset: number, length: number): Uint8Array {
    this.reads.push({ offset, length });
    return this.#source.read(offset, length);
  }
}

const keys = namesOf(30_000, "key");
const segment = segmentOf(keys);

describe("the filter of a table", () => {
  test("lets through every key that is there, and about one in a hundred of those that are not", () => {
    const source = new WatchedSource(segment.source);
    const table = openSegments([source], { cache: new BlockCache(0) }).spaces[0]!.table("kv")!;
    const found = new Found();
    for (const absent of namesOf(4, "none")) expect(table.find(absent, 1, found)).toBe(false);
    const filter = filterOf(segment)!;
    const isOfFilter = ({ offset }: { readonly offset: number }): boolean => offset >= filter.position;
    let passed = 0;
    for (const absent of namesOf(3000, "absent")) {
      source.reads = [];
      expect(table.find(absent, 1, found)).toBe(false);
      if (!source.reads.every(isOfFilter)) passed++;
    }
    expect(passed).toBeGreaterThan(3);
    expect(passed).toBeLessThan(90);
    for (const key of keys) expect(table.find(key, 1, found), key).toBe(true);
  });

  test("is not read for keys that are there, nor for the first few that are not", () => {
    const source = new WatchedSource(segment.source);
    const table = openSegments([source], { cache: new BlockCache(1 << 20) }).spaces[0]!.table("kv")!;
    const filter = filterOf(segment)!;
    const found = new Found();
    for (let i = 0; i < 1000; i++) expect(table.find(keys[i * 17]!, 1, found)).toBe(true);
    for (const absent of namesOf(4, "absent")) table.find(absent, 1, found);
    // Its end was read when it was opened.
    expect(source.reads.slice(1).filter(({ offset }) => offset >= filter.position)).toEqual([]);
    table.find("absent 5", 1, found);
    expect(source.reads.at(-1)!.offset).toBeGreaterThanOrEqual(filter.position);
  });

  test("has ten bits a key, in pages of its own, and few keys have none", () => {
    const filter = filterOf(segment)!;
    expect(filter.lines).toBe(Math.ceil((30_000 * 10) / 512));
    expect(filterPlaceOf(filter, 255)).toEqual({ position: filter.position, size: 16_388, line: 255 });
    expect(filterPlaceOf(filter, 256)).toEqual({ position: filter.position + 16_388, size: 16_388, line: 0 });
    expect(filterPlaceOf(filter, 585)).toEqual({ position: filter.position + 32_776, size: 74 * 64 + 4, line: 73 });
    expect(filterOf(segmentOf(namesOf(499, "key")))).toBeUndefined();
    expect(filterOf(segmentOf(namesOf(500, "key")))).toMatchObject({ lines: 10 });
  });

  test("asks for the line and the bits that the page of the format says", () => {
    const key = new KeyBytes();
    key.set("apple");
    expect(key.hash).toBe(0xb1397ef8);
    expect(hashKey(key.bytes, key.length)).toBe(key.hash);
    const lines = new FilterLines(1);
    lines.add(key.hash);
    const bits = Array.from({ length: 512 }, (_, n) => n).filter((n) => (lines.bytes[n >> 3]! >> (n & 7)) & 1);
    expect(bits).toEqual([36, 93, 150, 207, 434, 491]);
    expect(new FilterPage(lines.bytes).mayHave(0, key.hash)).toBe(true);
    key.set("apricot");
    expect(new FilterPage(lines.bytes).mayHave(0, key.hash)).toBe(false);
    expect([0, 0x7fffffff, 0xffffffff].map((hash) => filterLineOf(hash, 586))).toEqual([0, 292, 585]);
  });

  test("that is damaged, or not that of the keys, is found", () => {
    expect(problemsOf(segment.source)).toEqual([]);
    const { position } = filterOf(segment)!;
    const damaged = segment.bytes.slice();
    damaged[position + 20_000]! ^= 1;
    const source = new MemoryByteSource("a.snap", damaged);
    expect(problemsOf(source)).toHaveLength(1);
    const table = openSegments([source], { cache: new BlockCache(1 << 20) }).spaces[0]!.table("kv")!;
    // Whole blocks, and other bits than those of the keys.
    const file = new SegmentFile(segment.source, new BlockCache(0));
    const other = segment.bytes.slice();
    other[position + 20_000]! ^= 1;
    const [start, end] = [position + 16_388, position + 2 * 16_388 - 4];
    new DataView(other.buffer).setUint32(end, crc32(other, start, end, blockSeed(file.salt, start)), true);
    expect(problemsOf(new MemoryByteSource("a.snap", other))).toEqual([
      expect.stringContaining("not that of its keys"),
    ]);
    const find = () => namesOf(100, "absent").map((absent) => table.find(absent, 1, new Found()));
    expect(find).toThrow(
      expect.objectContaining({ code: "SNAPSHOT_CORRUPT", facts: { file: "a.snap", offset: position + 16_388 } }),
    );
  });
});
