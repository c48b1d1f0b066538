import { runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NaiveColdEvents } from "../test/naive-files.js";
import type { NaiveEvent } from "../test/naive-store.js";
import { RunShard } from "./shard.js";

const NOW = Number.POSITIVE_INFINITY;
const newLog = () => new RunShard(runId(1)).events("default")!;
const bytes = (size: number, fill: number): Uint8Array => new Uint8Array(size).fill(fill);

test("events are numbered from 0, and an empty log has none", () => {
  const log = newLog();
  expect([log.length(), log.countOf("t"), log.types(), log.sequencesOf("t", 0, NOW, false)]).toEqual([0, 0, [], []]);
  expect(log.append(1, "t", bytes(1, 1))).toBe(0);
  expect(log.append(1, "t", bytes(1, 2))).toBe(1);
  expect(log.length()).toBe(2);
  expect(log.length(0)).toBe(0);
});

test("records of every size come back whole, in chunks of their own where they must", () => {
  const log = newLog();
  const sizes = [0, 1, 511, 512, 513, 0, 100_000, 2 ** 20, 0, 1, 2 ** 20 - 1, 1, 3 * 2 ** 20 + 5, 0, 7];
  sizes.forEach((size, index) => {
    log.append(index + 1, "t", bytes(size, index + 1));
  });
  sizes.forEach((size, index) => {
    const record = log.record(index);
    expect(record.length).toBe(size);
    expect(record.every((byte) => byte === index + 1)).toBe(true);
  });
});

test("many small records fill chunks without straddling, each the size it must be", () => {
  const log = newLog();
  for (let sequence = 0; sequence < 20_000; sequence++)
    log.append(sequence + 1, "t", bytes(100 + (sequence % 50), sequence % 251));
  const buffers = new Set<ArrayBufferLike>();
  for (let sequence = 0; sequence < 20_000; sequence++) {
    const record = log.record(sequence);
    buffers.add(record.buffer);
    if (record.length !== 100 + (sequence % 50) || record[0] !== sequence % 251) throw new Error(`event ${sequence}`);
  }
  // 2.5 MB: chunks of 512 bytes, doubling to 1 MB.
  expect(buffers.size).toBeLessThan(16);
});

test("the caller's bytes are copied", () => {
  const log = newLog();
  const record = bytes(4, 1);
  log.append(1, "t", record);
  record.fill(9);
  expect([...log.record(0)]).toEqual([1, 1, 1, 1]);
});

test("versions of events must ascend, and lie above the fork", () => {
  const parent = new RunShard(runId(1));
  parent.events("default")!.append(5, "t", bytes(1, 1));
  expect(() => parent.events("default")!.append(4, "t", bytes(1, 1))).toThrow("ascend");
  const fork = new RunShard(runId(6), parent, 5);
  expect(() => fork.events("default")!.append(5, "t", bytes(1, 1))).toThrow("fork");
});

test("an event that is not there cannot be read", () => {
  const log = newLog();
  log.append(1, "t", bytes(1, 1));
  for (const sequence of [-1, 1, 99]) expect(() => log.record(sequence)).toThrow("exists");
});

test("a fork goes on counting where it left its parent, whatever the parent does", () => {
  const parent = new RunShard(runId(1));
  parent.events("default")!.append(2, "a", bytes(1, 10));
  const fork = new RunShard(runId(3), parent, 2);
  parent.events("default")!.append(4, "a", bytes(1, 11));
  const log = fork.events("default")!;
  expect(log.append(5, "b", bytes(1, 20))).toBe(1);
  expect([log.length(), log.record(0)[0], log.record(1)[0]]).toEqual([2, 10, 20]);
  expect([log.typeOf(0), log.typeOf(1), log.versionOf(0), log.versionOf(1)]).toEqual(["a", "b", 2, 5]);
  expect(log.types()).toEqual([
    { type: "a", count: 1 },
    { type: "b", count: 1 },
  ]);
  expect([log.length(1), log.length(2), log.length(4), log.length(5)]).toEqual([0, 1, 1, 2]);
});

test("a log that was empty at the fork is no layer", () => {
  const parent = new RunShard(runId(1));
  parent.events("default");
  const fork = new RunShard(runId(2), parent, 1);
  parent.events("default")!.append(3, "a", bytes(1, 1));
  expect(fork.events("default")!.base).toBeUndefined();
  expect(fork.events("default")!.length()).toBe(0);
});

test("types of events can be many", () => {
  const log = newLog();
  for (let sequence = 0; sequence < 5000; sequence++) log.append(sequence + 1, `type ${sequence % 500}`, bytes(1, 1));
  expect(log.types()).toHaveLength(500);
  expect(log.countOf("type 7")).toBe(10);
  expect(log.countOf("type 7", 508)).toBe(2);
  expect(log.sequencesOf("type 7", 600, 3, false)).toEqual([1007, 1507, 2007]);
  expect(log.sequencesOf("type 7", 600, 3, true)).toEqual([507, 7]);
});

test("events that files take over stay what they were, however much of the rest is in memory", () => {
  const types = ["often", "often", "sometimes"];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6000 }),
      fc.array(fc.nat(6000), { minLength: 1, maxLength: 3 }),
      fc.nat(3000),
      (count, ends, more) => {
        const log = newLog();
        const events: NaiveEvent[] = [];
        const append = () => {
          const sequence = events.length;
          const type = sequence % 1500 === 7 ? "seldom" : types[sequence % 3]!;
          const event = { version: 1 + Math.floor(sequence / 2), type, record: bytes(sequence % 700, sequence % 251) };
          expect(log.append(event.version, event.type, event.record)).toBe(sequence);
          events.push(event);
        };
        while (events.length < count) append();
        for (const end of ends.map((end) => Math.min(end, count)).sort((a, b) => a - b)) {
          const through = events[end - 1]?.version ?? 0;
          const filed = events.filter(({ version }) => version <= through);
          log.attachCold(filed.length === 0 ? undefined : new NaiveColdEvents(filed), through);
        }
        for (let next = 0; next < more; next++) append();
        expect([log.length(), log.ownLength, log.firstSequence]).toEqual([events.length, events.length, 0]);
        expect(log.firstVersion).toBe(1);
        for (let sequence = 0; sequence < events.length; sequence++) {
          const { version, type, record } = events[sequence]!;
          const got = log.record(sequence);
          if (log.versionOf(sequence) !== version || log.typeOf(sequence) !== type)
            throw new Error(`event ${sequence}`);
          if (got.length !== record.length || got[0] !== record[0]) throw new Error(`record ${sequence}`);
        }
        for (const asOf of [0, 1, 600, 1500, NOW]) {
          const seen = events.filter(({ version }) => version <= asOf);
          expect(log.length(asOf)).toBe(seen.length);
          for (const type of ["often", "sometimes", "seldom", "never"]) {
            const sequences = seen.flatMap((event, sequence) => (event.type === type ? [sequence] : []));
            expect(log.countOf(type, asOf)).toBe(sequences.length);
            expect(log.sequencesOf(type, 0, NOW, false, asOf)).toEqual(sequences);
            expect(log.sequencesOf(type, 2000, 3, true, asOf)).toEqual(
              sequences
                .filter((sequence) => sequence <= 2000)
                .slice(-3)
                .reverse(),
            );
          }
          expect(log.types(asOf)).toEqual(
            ["often", "seldom", "sometimes"].flatMap((type) => {
              const count = seen.filter((event) => event.type === type).length;
              return count === 0 ? [] : { type, count };
            }),
          );
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("files that end before those that were there, or lack an event, are refused", () => {
  const log = newLog();
  const events = [1, 2, 3].map((version) => ({ version, type: "t", record: bytes(1, version) }));
  for (const { version, type, record } of events) log.append(version, type, record);
  expect(() => log.attachCold(new NaiveColdEvents(events.slice(0, 1)), 2)).toThrow("every event");
  log.attachCold(new NaiveColdEvents(events), 3);
  expect(() => log.attachCold(new NaiveColdEvents(events.slice(0, 2)), 3)).toThrow("further");
  expect(() => log.attachCold(undefined, 3)).toThrow("further");
});
