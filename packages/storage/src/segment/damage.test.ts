import { CorruptionError, crc32, runId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { writeToMemory } from "../../test/segment-file.js";
import { expectRun, NOBODY, SegmentModel } from "../../test/segment-model.js";
import { keepEntries, sameRules } from "../retention.js";
import { RunShard } from "../shard.js";
import { Box } from "../stored.js";
import { BlockCache } from "./block-cache.js";
import { MemoryByteSource, slice } from "./byte-source.js";
import { openSegments } from "./segment-reader.js";
import { type SegmentProblem, verifySegment } from "./verify-segment.js";

/** A run with something of everything, in one segment; its last commits are in a second one. */
function writtenRun() {
  const model = new SegmentModel(new RunShard(runId(5)));
  const { shard } = model;
  model.commit([{ kind: "register", space: "one" }], "began");
  for (let i = 0; i < 5; i++) {
    model.commit([
      { kind: "put", space: "one", primitive: "kv", key: `key ${i % 2}`, stored: { number: i, list: ["é", i] } },
      { kind: "append", space: "one", type: i % 2 === 0 ? "even" : "odd", record: Uint8Array.of(i, i) },
      { kind: "put", space: "default", primitive: "state", key: "cell", stored: new Box(i, 1e15, i + 1, 7) },
    ]);
  }
  model.merge(runId(4));
  model.commit([{ kind: "put", space: "one", primitive: "kv", key: "key 1", stored: undefined }]);
  const through = shard.lastVersion;
  const keep = keepEntries(sameRules({ keep: "last", versions: 2 }), NOBODY, () => {});
  model.trim({ keep: "last", versions: 2 }, 0, through);
  const segment = writeToMemory({ shard, from: 0, through, merge: [], keep });
  return { model, through, segment };
}

function verify(source: MemoryByteSource): readonly SegmentProblem[] {
  const verifying = verifySegment(source);
  let step = verifying.next();
  while (step.done !== true) step = verifying.next();
  return step.value;
}

describe("damage in a segment", () => {
  const { model, through, segment } = writtenRun();

  test("is not seen where there is none", () => {
    expect(verify(segment.source)).toEqual([]);
    expectRun(openSegments([segment.source], { cache: new BlockCache(1 << 20) }), model, through);
  });

  test("is found whichever bit of it flips, and no read takes it for data", () => {
    for (let offset = 0; offset < segment.bytes.length; offset++) {
      const bytes = segment.bytes.slice();
      bytes[offset]! ^= 1 << (offset % 8);
      const source = new MemoryByteSource("damaged.snap", bytes);
      const problems = verify(source);
      expect(problems.length, `byte ${offset}`).toBeGreaterThan(0);
      expect(problems[0]).toMatchObject({ file: "damaged.snap" });
      expect(problems[0]!.offset).toBeLessThan(bytes.length);
      try {
        expectRun(openSegments([source], { cache: new BlockCache(1 << 20) }), model, through);
      } catch (error) {
        expect(error, `byte ${offset}`).toBeInstanceOf(CorruptionError);
        expect(error).toMatchObject({ code: "SNAPSHOT_CORRUPT", facts: { file: "damaged.snap" } });
      }
    }
  });

  test("is found wherever the segment is cut", () => {
    for (let length = 0; length < segment.bytes.length; length++) {
      const source = new MemoryByteSource("cut.snap", segment.bytes.subarray(0, length));
      expect(() => openSegments([source], { cache: new BlockCache(1) }), `${length} bytes`).toThrow(CorruptionError);
      expect(verify(source)).toHaveLength(1);
    }
  });

  test("is told by its place in the file, where several segments share one", () => {
    const bytes = new Uint8Array(1000 + segment.bytes.length);
    bytes.set(segment.bytes, 1000);
    bytes[1000 + 20]! ^= 1;
    const source = slice(new MemoryByteSource("shared.snap", bytes), 1000, segment.bytes.length);
    const run = openSegments([source], { cache: new BlockCache(1 << 20) });
    expect(() => expectRun(run, model, through)).toThrow(
      expect.objectContaining({ code: "SNAPSHOT_CORRUPT", facts: { file: "shared.snap", offset: 1016 } }),
    );
  });

  test("a block in the place of another of its size is none", () => {
    const other = writeToMemory({ shard: model.shard, from: 0, through, merge: [] });
    const mixed = other.bytes.slice();
    // The segments differ in no header and trailer; their blocks have other places.
    mixed.set(segment.bytes.subarray(16, 200), 17);
    expect(verify(new MemoryByteSource("mixed.snap", mixed)).length).toBeGreaterThan(0);
  });

  test("a segment of another run, or one that does not follow, is not taken for the next", () => {
    const { shard } = model;
    const next = new SegmentModel(new RunShard(runId(6)));
    next.commit([]);
    const foreign = writeToMemory({ shard: next.shard, from: 0, through: next.version, merge: [] });
    const open = (...sources: MemoryByteSource[]) => openSegments(sources, { cache: new BlockCache(1 << 20) });
    expect(() => open(segment.source, foreign.source)).toThrow(CorruptionError);
    const gap = writeToMemory({ shard, from: through + 1, through: through + 1, merge: [] });
    expect(() => open(segment.source, gap.source)).toThrow(CorruptionError);
  });

  test("a newer format is not damage", () => {
    const bytes = segment.bytes.slice();
    const at = bytes.length - 12;
    bytes[at] = 2;
    expect(() => openSegments([new MemoryByteSource("new.snap", bytes)], { cache: new BlockCache(1) })).toThrow(
      CorruptionError,
    );
    resealTrailer(bytes);
    expect(() => openSegments([new MemoryByteSource("new.snap", bytes)], { cache: new BlockCache(1) })).toThrow(
      expect.objectContaining({ code: "FORMAT_TOO_NEW", facts: { file: "new.snap", found: 2, supported: 1 } }),
    );
  });
});

/** Makes the checksum at the end right again. */
function resealTrailer(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const footerSize = view.getUint32(bytes.length - 16, true);
  view.setUint32(bytes.length - 4, crc32(bytes, bytes.length - 16 - footerSize, bytes.length - 4), true);
}
