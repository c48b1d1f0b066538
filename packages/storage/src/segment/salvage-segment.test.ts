import { type RunId, runId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { RunShard } from "../shard.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import { type ByteSource, MemoryByteSource } from "./byte-source.js";
import { type SegmentLoss, salvageSegment } from "./salvage-segment.js";
import { openSegments } from "./segment-reader.js";
import { writeSegment } from "./segment-writer.js";
import { verifySegment } from "./verify-segment.js";

const KEYS = 400;
const VERSIONS = 1200;

/** Bytes that a generator gave to a sink, and what it returned. */
function collected<T>(make: (sink: (bytes: Uint8Array) => void) => Generator<void, T, undefined>): [Uint8Array, T] {
  const pieces: number[] = [];
  const work = make((bytes) => pieces.push(...bytes));
  let step = work.next();
  while (step.done !== true) step = work.next();
  return [Uint8Array.from(pieces), step.value];
}

/** Every key three times, an event with every tenth commit. */
function written(): Uint8Array {
  const shard = new RunShard(runId(7) as RunId);
  const table = shard.table("default", "kv");
  const events = shard.events("default");
  for (let version = 1; version <= VERSIONS; version++) {
    shard.timeline.append(version, version * 1000, undefined, 50);
    shard.timeline.write(table!.put(`key ${String(version % KEYS).padStart(3, "0")}`, `value ${version}`, version));
    if (version % 10 === 0) {
      events!.append(version, "tenth", Uint8Array.of(version % 256, 1, 2));
      shard.timeline.write(events!);
    }
    shard.lastVersion = version;
  }
  const input = { shard, from: 0, through: VERSIONS, merge: [] };
  return collected((sink) => writeSegment(input, sink))[0];
}

const sourceOf = (bytes: Uint8Array): ByteSource => new MemoryByteSource("test.snap", bytes);

function salvaged(bytes: Uint8Array, cutLogs = new Set<string>()): [Uint8Array, readonly SegmentLoss[]] {
  return collected((sink) => salvageSegment(sourceOf(bytes), cutLogs, sink));
}

function problemsOf(bytes: Uint8Array): readonly unknown[] {
  return collected(() => verifySegment(sourceOf(bytes)))[1];
}

describe("what is left of a segment", () => {
  const whole = written();

  test("that is whole is all of it, byte for byte", () => {
    const [bytes, losses] = salvaged(whole);
    expect(losses).toEqual([]);
    expect(bytes).toEqual(whole);
  });

  test("is a whole segment, and says nothing else than the damaged one did, wherever a byte changed", () => {
    const reference = openSegments([sourceOf(whole)], { cache: new BlockCache(1 << 20) });
    const table = reference.spaces[0]!.table("kv")!;
    let partial = 0;
    for (let at = 17; at < whole.length; at += 211) {
      const damaged = whole.slice();
      damaged[at] = damaged[at]! ^ 0x40;
      let found: [Uint8Array, readonly SegmentLoss[]];
      try {
        found = salvaged(damaged);
      } catch (error) {
        expect(error).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
        continue;
      }
      const [bytes, losses] = found;
      expect(losses.length, `byte ${at}`).toBeGreaterThan(0);
      expect(problemsOf(bytes), `byte ${at}`).toEqual([]);
      partial++;
      const run = openSegments([sourceOf(bytes)], { cache: new BlockCache(1 << 20) });
      const own = run.spaces[0]!.table("kv");
      const [expected, got] = [new Found(), new Found()];
      let there = 0;
      for (let i = 0; i < KEYS; i++) {
        const key = `key ${String(i).padStart(3, "0")}`;
        if (own?.find(key, VERSIONS, got) !== true) continue;
        there++;
        table.find(key, VERSIONS, expected);
        expect({ ...got }, `byte ${at}, ${key}`).toEqual({ ...expected });
        try {
          if (own.find(key, 700, got)) {
            table.find(key, 700, expected);
            expect({ ...got }, `byte ${at}, ${key} of the past`).toEqual({ ...expected });
          } else {
            expect.fail(`byte ${at}: ${key} was there`);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: "HISTORY_TRIMMED" });
        }
      }
      if (!losses.some(({ what }) => what.includes(`all ${KEYS}`))) expect(there).toBeGreaterThan(KEYS / 3);
      const events = run.spaces[0]!.events();
      const before = reference.spaces[0]!.events()!;
      for (let row = 0; row < (events?.length ?? 0); row++) expect(events!.record(row)).toEqual(before.record(row));
      const { timeline } = run;
      for (let row = 0; row < timeline.length; row++)
        expect(timeline.timestampOf(row)).toBe(timeline.versionOf(row) * 1000);
    }
    expect(partial).toBeGreaterThan(50);
  });

  test("has no events where the log was cut before it", () => {
    const [bytes, losses] = salvaged(whole, new Set(["0/default"]));
    expect(losses).toMatchObject([{ what: 'events in space "default": all 120, which follow others that are lost' }]);
    expect(openSegments([sourceOf(bytes)], { cache: new BlockCache(1 << 20) }).spaces[0]!.events()).toBeUndefined();
  });
});
