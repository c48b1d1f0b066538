import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { RunShard } from "./shard.js";
import { type Stored, TRIMMED } from "./stored.js";
import { Found, VersionChain } from "./version-chain.js";

const table = new RunShard(runId(1)).table("default", "kv")!;

function chainOf(...entries: [version: number, stored: Stored | undefined][]): VersionChain {
  const [[version, stored], ...rest] = entries as [[number, Stored | undefined]];
  const chain = new VersionChain(table, "k", stored, version);
  for (const [version, stored] of rest as typeof entries) chain.put(stored, version);
  return chain;
}

function visited(
  chain: VersionChain,
  before: number,
  limit = Number.POSITIVE_INFINITY,
): [number, Stored | undefined][] {
  const seen: [number, Stored | undefined][] = [];
  chain.visitBefore(before, (version, stored) => seen.push([version, stored]) < limit);
  return seen;
}

test("a read gives the newest version that is not above it", () => {
  const chain = chainOf([3, "a"], [5, undefined], [9, "b"]);
  expect([2, 3, 4, 5, 8, 9, Number.POSITIVE_INFINITY].map((asOf) => chain.versionAt(asOf))).toEqual([
    0, 3, 3, 5, 5, 9, 9,
  ]);
  expect([2, 3, 4, 5, 8, 9].map((asOf) => chain.storedAt(asOf))).toEqual([
    undefined,
    "a",
    "a",
    undefined,
    undefined,
    "b",
  ]);
});

test("finding tells a tombstone from no history, and leaves its target alone when there is none", () => {
  const chain = chainOf([3, "a"], [5, undefined], [9, "b"]);
  const found = new Found();
  expect(chain.findAt(2, found)).toBe(false);
  expect(found).toEqual({ version: 0, stored: undefined });
  expect(chain.findAt(6, found)).toBe(true);
  expect(found).toEqual({ version: 5, stored: undefined });
  expect(chain.findAt(2, found)).toBe(false);
  expect(found.version).toBe(5);
  found.reset();
  expect(found.version).toBe(0);
});

test("of several writes by one version the last counts", () => {
  const chain = chainOf([3, "a"], [3, "b"], [4, "c"], [4, undefined]);
  expect(visited(chain, Number.POSITIVE_INFINITY)).toEqual([
    [4, undefined],
    [3, "b"],
  ]);
});

test("versions of a key must rise", () => {
  const chain = chainOf([3, "a"]);
  expect(() => chain.put("b", 2)).toThrow("rise");
  expect(chain.stored).toBe("a");
});

test("versions beyond 2^31 and 2^40 keep their order", () => {
  const versions = [1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 40, 2 ** 53 - 1];
  const chain = chainOf(...versions.map((version): [number, Stored] => [version, version]));
  for (const version of versions) expect(chain.storedAt(version)).toBe(version);
  expect(chain.older?.versions).toEqual(versions.slice(0, -1));
});

test("history comes newest first, below a bound, until it is stopped", () => {
  const chain = chainOf([3, "a"], [5, undefined], [9, "b"]);
  expect(visited(chain, 9)).toEqual([
    [5, undefined],
    [3, "a"],
  ]);
  expect(visited(chain, 5)).toEqual([[3, "a"]]);
  expect(visited(chain, 4)).toEqual([[3, "a"]]);
  expect(visited(chain, 3)).toEqual([]);
  expect(visited(chain, Number.POSITIVE_INFINITY, 2)).toHaveLength(2);
  expect(chain.visitBefore(99, () => false)).toBe(false);
  expect(chain.visitBefore(99, () => true)).toBe(true);
});

test("older entries come oldest first, and only once there are some", () => {
  const chain = chainOf([3, "a"]);
  expect(chain.older).toBeUndefined();
  expect(chain.hasOlder).toBe(false);
  chain.put("b", 7);
  chain.put(undefined, 8);
  expect(chain.hasOlder).toBe(true);
  expect(chain.older).toEqual({ versions: [3, 7], values: ["a", "b"] });
});

test("what is forgotten leaves memory, and never the newest entry", () => {
  const chain = chainOf([3, "a"], [5, undefined], [9, "b"], [12, "c"]);
  chain.forgetThrough(2);
  expect(chain.older).toEqual({ versions: [3, 5, 9], values: ["a", undefined, "b"] });
  chain.forgetThrough(8);
  expect(chain.older).toEqual({ versions: [9], values: ["b"] });
  chain.put("d", 15);
  expect(chain.older).toEqual({ versions: [9, 12], values: ["b", "c"] });
  chain.forgetThrough(99);
  expect(chain.hasOlder).toBe(false);
  expect([chain.version, chain.stored]).toEqual([15, "d"]);
  chain.put("e", 20);
  chain.put("f", 21);
  expect(chain.older).toEqual({ versions: [15, 20], values: ["d", "e"] });
});

test("a read that lands on dropped entries throws and says from where on there is something", () => {
  const chain = chainOf([3, "a"], [5, "b"], [9, undefined], [12, "c"], [15, "d"]);
  const lost: [number, number][] = [];
  expect(chain.trim([true, false, false, true, false], (from, to) => lost.push([from, to]))).toBe(2);
  expect(lost).toEqual([
    [5, 9],
    [9, 12],
  ]);
  expect([3, 4, 12, 14, 15, 99].map((asOf) => chain.storedAt(asOf))).toEqual(["a", "a", "c", "c", "d", "d"]);
  expect(chain.versionAt(2)).toBe(0);
  for (const asOf of [5, 8, 9, 11]) {
    const trimmed = expect.objectContaining({
      code: "HISTORY_TRIMMED",
      facts: { space: "default", primitive: "kv", key: "k", requested: { version: asOf }, earliest: 12 },
    });
    expect(() => chain.storedAt(asOf)).toThrow(trimmed);
    expect(() => chain.versionAt(asOf)).toThrow(trimmed);
    expect(() => chain.findAt(asOf, new Found())).toThrow(trimmed);
  }
  expect(visited(chain, Number.POSITIVE_INFINITY).map(([version]) => version)).toEqual([15, 12, 3]);
  expect([3, 5, 9, 12, 15].map((version) => chain.has(version))).toEqual([true, false, false, true, true]);
  expect(chain.keptVersions()).toEqual([3, 12, 15]);
});

test("gaps that meet become one, and the newest entry stays whatever is asked", () => {
  const chain = chainOf([3, "a"], [5, "b"], [9, "c"], [12, "d"]);
  expect(chain.length).toBe(4);
  chain.trim([true, false, true, true], () => {});
  expect(chain.length).toBe(4);
  expect(chain.trim([false, true, true], () => {})).toBe(1);
  expect(chain.older?.versions).toEqual([3, 9]);
  expect(() => chain.storedAt(8)).toThrow(expect.objectContaining({ facts: expect.objectContaining({ earliest: 9 }) }));
  expect(chain.trim([false, false], () => {})).toBe(1);
  expect(chain.older?.versions).toEqual([3]);
  expect(() => chain.storedAt(11)).toThrow(
    expect.objectContaining({ facts: expect.objectContaining({ earliest: 12 }) }),
  );
  expect(chain.storedAt(12)).toBe("d");
  expect(chain.trim([false], () => {})).toBe(0);
  chain.put("e", 20);
  expect([chain.storedAt(12), chain.storedAt(20)]).toEqual(["d", "e"]);
});

test("a gap that reaches beyond what is forgotten stays for what lies beyond", () => {
  const chain = chainOf([3, "a"], [5, "b"], [9, "c"], [12, "d"]);
  chain.trim([false, false, false, true], () => {});
  chain.forgetThrough(7);
  expect(() => chain.storedAt(8)).toThrow("no longer kept");
  expect(chain.storedAt(7)).toBeUndefined();
  chain.forgetThrough(11);
  expect(chain.hasOlder).toBe(false);
});

test("what files have is not dropped from memory as if it were nowhere", () => {
  const other = new RunShard(runId(2)).table("default", "kv")!;
  const chain = other.put("k", "a", 3);
  for (const version of [5, 9, 12]) other.put("k", version, version);
  other.attachCold(undefined, 5);
  expect(chain.trim([false, false, false, true], () => {})).toBe(1);
  expect(chain.older).toEqual({ versions: [3, 5, 9], values: ["a", 5, TRIMMED] });
});

test("a chain that was retired answers for what it had while it was there", () => {
  const chain = chainOf([3, "a"], [5, undefined], [9, "c"], [12, undefined]);
  const lost: [number, number][] = [];
  chain.retire(12, (from, to) => lost.push([from, to]));
  expect(lost).toEqual([
    [3, 5],
    [9, 12],
  ]);
  expect(chain.isRetired).toBe(true);
  expect([2, 5, 8, 12, 99].map((asOf) => chain.storedAt(asOf))).toEqual(Array.from({ length: 5 }, () => undefined));
  for (const asOf of [3, 4, 9, 11]) expect(() => chain.storedAt(asOf)).toThrow("no longer kept");
  expect([3, 5, 9, 12].map((version) => chain.has(version))).toEqual([false, false, false, false]);
});
