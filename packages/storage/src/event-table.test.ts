import { runId } from "@strata/core";
import { expect, test } from "vitest";
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
