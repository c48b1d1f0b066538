import { ByteWriter, CorruptionError, crc32, runId, type Value } from "@strata/core";
import { describe, expect, test, vi } from "vitest";
import { openWritten, type WrittenSegment, writeToMemory } from "../../test/segment-file.js";
import type { ColdTable } from "../cold.js";
import type { KeepEntries } from "../retention.js";
import { RunShard } from "../shard.js";
import { Box, type Stored } from "../stored.js";
import { encodeStored, encodeStoredDelta } from "../stored-codec.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import { MemoryByteSource } from "./byte-source.js";
import { EntryWalk } from "./entry-walk.js";
import { SegmentFile } from "./segment-file.js";
import { blockSeed } from "./segment-output.js";
import { openSegments } from "./segment-reader.js";
import { TablePart } from "./table-part.js";
import { verifySegment } from "./verify-segment.js";

type Fields = { readonly [name: string]: { readonly text: string; readonly count: number } };

/** About 100 bytes a field. */
function documentOf(fields: number): Fields {
  const names = Array.from({ length: fields }, (_, i): [string, Fields[string]] => [
    `field ${i}`,
    Object.freeze({ text: "x".repeat(80), count: 0 }),
  ]);
  return Object.freeze(Object.fromEntries(names));
}

/** One field counts on. */
function counted(document: Fields, version: number): Fields {
  const names = Object.keys(document);
  const name = names[(version * 7) % names.length]!;
  return Object.freeze({ ...document, [name]: Object.freeze({ ...document[name]!, count: version }) });
}

function put(shard: RunShard, version: number, stored: Stored | undefined, key = "doc"): void {
  shard.timeline.append(version, version * 1000, undefined, 10);
  shard.timeline.write(shard.table("default", "json")!.put(key, stored, version));
  shard.lastVersion = version;
}

/** A document of so many versions; what version v has is `documents[v - 1]`. */
function written(fields: number, versions: number) {
  const shard = new RunShard(runId(7));
  const documents: Fields[] = [];
  let document = documentOf(fields);
  for (let version = 1; version <= versions; version++) {
    if (version > 1) document = counted(document, version);
    documents.push(document);
    put(shard, version, new Box(document, Number.POSITIVE_INFINITY, version, 5));
  }
  return { shard, documents };
}

function wholeOf(shard: RunShard, keep?: KeepEntries): WrittenSegment {
  return writeToMemory({ shard, from: 0, through: shard.lastVersion, merge: [], keep });
}

function tableOf(...segments: WrittenSegment[]): ColdTable {
  return openWritten(...segments).spaces[0]!.table("json")!;
}

function problemsOf(source: MemoryByteSource): readonly string[] {
  const verifying = verifySegment(source);
  let step = verifying.next();
  while (step.done !== true) step = verifying.next();
  return step.value.map(({ message }) => message);
}

function historyOf(table: ColdTable, key = "doc"): Map<number, Stored | undefined> {
  const entries = new Map<number, Stored | undefined>();
  table.visitBefore(key, Number.POSITIVE_INFINITY, (version, stored) => entries.set(version, stored).size > 0);
  return entries;
}

describe("a document that changes little by little", () => {
  test("takes what changed, and a whole document every 64 versions", () => {
    const { shard } = written(200, 640);
    const { summary } = wholeOf(shard);
    const whole = new ByteWriter();
    encodeStored(whole, shard.table("default", "json")!.head("doc"));
    // Of the commits, too: 10 bytes each.
    expect(summary.bytes).toBeLessThan(10 * whole.length + 640 * (25 + 12) + 1000);
    expect(summary.historyBytes + summary.liveBytes).toBeLessThan(summary.bytes);
  });

  test("is as it was at each version, whoever asks", () => {
    const { shard, documents } = written(5, 300);
    const segment = wholeOf(shard);
    expect(problemsOf(segment.source)).toEqual([]);
    const table = tableOf(segment);
    const found = new Found();
    const cursor = table.cursor({ start: undefined, end: undefined, reverse: false });
    cursor.next();
    for (let version = 1; version <= 300; version++) {
      const wanted = new Box(documents[version - 1]!, Number.POSITIVE_INFINITY, version, 5);
      expect(table.find("doc", version, found) && found.version).toBe(version);
      expect(found.stored).toEqual(wanted);
      expect(cursor.findAt(version, found) && found.version).toBe(version);
      expect(found.stored).toEqual(wanted);
    }
    for (const before of [1, 2, 64, 65, 150, 301]) {
      const versions: number[] = [];
      table.visitBefore("doc", before, (version, stored) => {
        expect((stored as Box).value).toEqual(documents[version - 1]!);
        return versions.push(version) > 0;
      });
      expect(versions).toEqual(Array.from({ length: before - 1 }, (_, i) => before - 1 - i));
    }
  });

  test("has a history whose versions share what did not change, and reading it makes nothing twice", () => {
    const { shard } = written(100, 1000);
    const table = tableOf(wholeOf(shard));
    const freeze = vi.spyOn(Object, "freeze");
    const history = [...historyOf(table).values()].map((stored) => (stored as Box).value as Fields);
    // A version makes the document and one field anew. One of 64 is read whole, and made anew to share what there is.
    expect(freeze.mock.calls.length).toBeLessThan(1000 * 2 + (1000 / 64 + 1) * 2.2 * 100);
    freeze.mockRestore();
    for (const [i, document] of history.slice(1).entries()) {
      const newer = history[i]!;
      const differing = Object.keys(document).filter((name) => document[name] !== newer[name]);
      expect(differing.length).toBe(1);
      expect(Object.isFrozen(document) && Object.isFrozen(document[differing[0]!])).toBe(true);
    }
  });

  test("is the same bytes written at once, and taken in by and by", () => {
    const { shard } = written(5, 400);
    const ends = [0, 40, 100, 101, 180, 320, 390];
    let merged = writeToMemory({ shard, from: 0, through: 40, merge: [] });
    for (const [i, through] of [...ends.slice(2), 400].entries()) {
      merged = writeToMemory({ shard, from: ends[i + 1]!, through, merge: [merged.source] });
    }
    expect(merged.bytes).toEqual(wholeOf(shard).bytes);
  });

  test("is as it was where retention has dropped versions between others, in files of files", () => {
    const { shard, documents } = written(5, 400);
    // One in five goes, at first; then one in seven of what is left above 100.
    const dropping =
      (every: number, from: number): KeepEntries =>
      (_primitive, _key, versions) =>
        versions.map((version, i) => i === versions.length - 1 || version < from || i % every !== 0);
    const old = writeToMemory({ shard, from: 0, through: 200, merge: [], keep: dropping(5, 0) });
    const middle = writeToMemory({ shard, from: 200, through: 300, merge: [] });
    const merged = writeToMemory({
      shard,
      from: 300,
      through: 400,
      merge: [old.source, middle.source],
      keep: dropping(7, 100),
    });
    expect(problemsOf(merged.source)).toEqual([]);
    const history = historyOf(tableOf(merged));
    expect(history.size).toBeGreaterThan(300);
    expect(merged.summary.historyBytes).toBeLessThan(400 * 150);
    for (const [version, stored] of history) expect((stored as Box).value).toEqual(documents[version - 1]!);
    const table = tableOf(merged);
    let gaps = 0;
    for (let version = 1; version <= 400; version++) {
      const found = new Found();
      try {
        expect(table.find("doc", version, found)).toBe(true);
        expect(found.stored).toEqual(history.get(version));
      } catch (error) {
        expect(error).toMatchObject({ code: "HISTORY_TRIMMED" });
        gaps++;
      }
    }
    expect(gaps).toBe(400 - history.size);
  });

  test("may be deleted, be something else for a while, and hold whatever values are", () => {
    const shard = new RunShard(runId(7));
    const filler = "x".repeat(100);
    const bytes = Uint8Array.of(1, 2, 3);
    const stored: (Stored | undefined)[] = [
      { filler, a: 1 },
      new Box({ filler, a: -0 }, 1e15, 2, 3),
      undefined,
      { filler, a: Number.NaN },
      [filler, 1n << 60n],
      [filler, 1n << 61n],
      filler,
      new Box({ filler, bytes }, Number.POSITIVE_INFINITY, 0, 0, true),
      new Box({ filler, bytes, more: bytes }, Number.POSITIVE_INFINITY, 9, 0, true),
      new Box(undefined, Number.POSITIVE_INFINITY, 9),
      { b: 1, filler, a: 2 },
      { filler, b: 1, a: 2 },
      JSON.parse(`{"filler": "${filler}", "__proto__": [1]}`) as Value,
      JSON.parse(`{"filler": "${filler}", "__proto__": [2]}`) as Value,
    ];
    for (const [i, each] of stored.entries()) put(shard, i + 1, each);
    const segment = wholeOf(shard);
    expect(problemsOf(segment.source)).toEqual([]);
    const history = historyOf(tableOf(segment));
    for (const [i, each] of stored.entries()) {
      const read = history.get(i + 1);
      expect(read).toEqual(each);
      expect(bytesOf(read)).toEqual(bytesOf(each));
    }
  });

  test("does not cost more than whole documents where each is another", () => {
    const shard = new RunShard(runId(7));
    let whole = 0;
    for (let version = 1; version <= 100; version++) {
      const document = { text: `${version}`.repeat(100), list: Array.from({ length: 20 }, (_, i) => i * version) };
      put(shard, version, document);
      whole += bytesOf(document).length;
    }
    expect(wholeOf(shard).summary.historyBytes).toBeLessThan(whole);
  });
});

describe("deltas in a block", () => {
  const through = 100;

  /** Entries of the versions 100, 99, 98 and so on, as they lie in a block. */
  function walkOver(...entries: Uint8Array[]): EntryWalk {
    const writer = new ByteWriter();
    for (const [i, entry] of entries.entries()) {
      writer.varint(i === 0 ? 0 : 1);
      writer.bytes(entry);
    }
    const walk = new EntryWalk(writer.take());
    walk.enter(0, writer.length, through);
    return walk;
  }

  const whole = bytesOf({ a: 1 });
  const deltaWriter = new ByteWriter();
  encodeStoredDelta(deltaWriter, {}, Uint8Array.of(2, 2, 1, 2, 0));
  const delta = deltaWriter.take();

  function readAll(walk: EntryWalk): (Stored | undefined)[] {
    const all: (Stored | undefined)[] = [];
    while (walk.next()) all.push(walk.stored());
    return all;
  }

  test("follow a whole entry, 63 of them at most", () => {
    const all = readAll(walkOver(whole, ...new Array<Uint8Array>(63).fill(delta)));
    expect(all).toEqual([{ a: 1 }, ...new Array<Value>(63).fill({ a: 2 })]);
    expect(() => readAll(walkOver(whole, ...new Array<Uint8Array>(64).fill(delta)))).toThrow(CorruptionError);
  });

  test("are refused where there is nothing to begin from", () => {
    expect(() => readAll(walkOver(delta))).toThrow(CorruptionError);
    expect(() => readAll(walkOver(bytesOf(undefined), delta))).toThrow(CorruptionError);
    expect(() => readAll(walkOver(bytesOf("text"), delta))).toThrow(CorruptionError);
    expect(() => readAll(walkOver(whole, Uint8Array.of(128 | 2, 2, 0)))).toThrow("flags");
  });

  test("that make no sense are damage of the file for those who read them, and nobody else", () => {
    const { shard, documents } = written(5, 10);
    const { bytes } = wholeOf(shard);
    const file = new SegmentFile(new MemoryByteSource("a.snap", bytes), new BlockCache(0));
    const { index } = new TablePart(file, file.footer.spaces[0]!.tables[0]!);
    index.read(0);
    const { position, size } = index;
    const damaged = bytes.slice();
    // The last entry: delta, counter 1, createdAt 5. Its delta ends with two ends.
    const end = position + size - 4;
    expect([...damaged.subarray(end - 4, end)]).toEqual([0, 0, 1, 5]);
    damaged[end - 4] = 7;
    const crc = crc32(damaged, position, end, blockSeed(file.salt, position));
    new DataView(damaged.buffer).setUint32(end, crc, true);
    const source = new MemoryByteSource("a.snap", damaged);
    const table = openSegments([source], { cache: new BlockCache(1 << 20) }).spaces[0]!.table("json")!;
    const found = new Found();
    expect(table.find("doc", 10, found)).toBe(true);
    expect(table.find("doc", 2, found)).toBe(true);
    expect((found.stored as Box).value).toEqual(documents[1]!);
    const damage = expect.objectContaining({ code: "SNAPSHOT_CORRUPT", facts: { file: "a.snap", offset: position } });
    expect(() => table.find("doc", 1, found)).toThrow(damage);
    expect(() => historyOf(table)).toThrow(damage);
    expect(problemsOf(source)).toHaveLength(1);
    expect(() => writeToMemory({ shard, from: 10, through: 10, merge: [source] })).toThrow(damage);
  });
});

function bytesOf(stored: Stored | undefined): Uint8Array {
  const writer = new ByteWriter();
  encodeStored(writer, stored);
  return writer.take();
}
