import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { NaiveColdTable, type NaiveColdTableOptions, Reads } from "../test/naive-files.js";
import type { NaiveEntry } from "../test/naive-store.js";
import { EVERYTHING } from "./key-cursor.js";
import { RunShard } from "./shard.js";
import { Box, type Stored, TRIMMED } from "./stored.js";
import type { Table } from "./table.js";
import { Found, type VersionChain } from "./version-chain.js";

const NOW = Number.POSITIVE_INFINITY;
let lastId = 0;

function newTable(parent?: RunShard, forkVersion?: number): Table {
  return new RunShard(runId(++lastId), parent, forkVersion).table("default", "kv")!;
}

type Entries = { [key: string]: { [version: number]: Stored | undefined } };

/** Files with these entries of each key, by version. */
function files(entries: Entries, options?: NaiveColdTableOptions): NaiveColdTable {
  const map = new Map<string, NaiveEntry[]>();
  for (const [key, versions] of Object.entries(entries)) {
    map.set(
      key,
      Object.entries(versions).map(([version, stored]) => ({ version: Number(version), stored })),
    );
  }
  return new NaiveColdTable(map, options);
}

/** A table as it is right after its run was loaded. */
function loaded(entries: Entries, through: number, options?: NaiveColdTableOptions): Table {
  const table = newTable();
  table.attachCold(files(entries, options), through);
  return table;
}

function listed(table: Table, asOf = NOW): string[] {
  const keys: string[] = [];
  table.scan(EVERYTHING, asOf, (key) => keys.push(key) > 0);
  return keys;
}

function entryAt(table: Table, key: string, asOf: number): [version: number, stored: Stored | undefined] | undefined {
  const found = new Found();
  return table.find(key, asOf, found) ? [found.version, found.stored] : undefined;
}

function trimmedAt(requested: number, earliest: number): object {
  return expect.objectContaining({
    code: "HISTORY_TRIMMED",
    facts: expect.objectContaining({ requested: { version: requested }, earliest }),
  });
}

test("a table that is all in memory looks at files for what lies behind the newest entry, and for nothing else", () => {
  const reads = new Reads();
  const table = newTable();
  const chains = ["a", "b", "c"].map((key, index) => table.put(key, key, index + 1));
  table.put("a", "again", 4);
  table.attachCold(files({ a: { 1: "a", 4: "again" }, b: { 2: "b" }, c: { 3: "c" } }, { reads }), 4);
  expect(table.isResident).toBe(true);
  table.put("b", undefined, 5);
  expect([table.head("a"), table.head("b"), table.head("none"), table.headVersion("none")]).toEqual([
    "again",
    undefined,
    undefined,
    0,
  ]);
  expect([listed(table), table.liveCount(), table.everyKey(NOW)]).toEqual([["a", "c"], 2, ["a", "b", "c"]]);
  expect(entryAt(table, "none", 3)).toBeUndefined();
  expect([entryAt(table, "a", 3), entryAt(table, "b", 4)]).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
  expect([listed(table, 3), reads.count]).toEqual([["a", "b", "c"], 0]);
  for (const chain of chains) table.releaseHistory(chain);
  expect(chains.map(({ hasOlder }) => hasOlder)).toEqual([false, false, false]);
  expect([table.head("a"), listed(table), reads.count]).toEqual(["again", ["a", "c"], 0]);
  expect([entryAt(table, "a", 3), entryAt(table, "b", 4), reads.finds]).toEqual([[1, "a"], [2, "b"], 2]);
});

test("a table that was loaded reads each key once, at its first touch", () => {
  const reads = new Reads();
  const table = loaded({ a: { 1: "a" }, b: { 2: undefined }, c: { 3: "c" } }, 3, { reads, live: 2 });
  expect([table.isResident, table.ownKeys, reads.count]).toEqual([false, 0, 0]);
  expect([table.liveCount(), table.firstVersion, table.lastVersion, reads.count]).toEqual([2, 1, 3, 0]);
  for (let again = 0; again < 3; again++) {
    expect([table.head("a"), table.headVersion("a")]).toEqual(["a", 1]);
    expect([table.head("b"), table.headVersion("b")]).toEqual([undefined, 2]);
  }
  expect([reads.finds, table.ownKeys]).toEqual([2, 2]);
  expect(table.chain("a")).toBe(table.put("a", "more", 4));
  expect(table.chain("none")).toBeUndefined();
  expect([...table.chains()].map(({ key }) => key).sort()).toEqual(["a", "b"]);
  expect([entryAt(table, "a", 3), listed(table)]).toEqual([
    [1, "a"],
    ["a", "c"],
  ]);
});

test("the past is read from files without being kept", () => {
  const table = loaded({ a: { 1: "old", 5: "new" }, b: { 2: "b" } }, 6);
  expect([entryAt(table, "a", 4), entryAt(table, "b", 1), entryAt(table, "b", 3)]).toEqual([
    [1, "old"],
    undefined,
    [2, "b"],
  ]);
  const versions: number[] = [];
  table.versions("a", NOW, (version) => versions.push(version) > 0);
  expect([versions, listed(table, 2), table.ownKeys]).toEqual([[5, 1], ["a", "b"], 0]);
  expect([entryAt(table, "a", 6), table.ownKeys]).toEqual([[5, "new"], 1]);
});

test("what a fork inherits from files is kept, also when the run it was forked from has gone on", () => {
  const reads = new Reads();
  const parent = new RunShard(runId(++lastId));
  const base = parent.table("default", "kv")!;
  base.attachCold(files({ a: { 1: "a" }, b: { 2: "b", 9: "later" }, c: { 8: "c" } }, { reads }), 9);
  const fork = newTable(parent, 5);
  expect(fork.base).toBe(base);
  expect([fork.head("a"), fork.headVersion("a"), fork.head("a"), reads.finds]).toEqual(["a", 1, "a", 1]);
  expect([fork.head("b"), base.head("b"), fork.head("c"), fork.head("none")]).toEqual([
    "b",
    "later",
    undefined,
    undefined,
  ]);
  expect(base.ownKeys).toBe(3);
  expect([entryAt(fork, "a", 3), listed(fork), fork.liveCount(), fork.everyKey(NOW)]).toEqual([
    [1, "a"],
    ["a", "b"],
    2,
    ["a", "b"],
  ]);
});

test("evicting drops what files have, and nothing else", () => {
  const table = newTable();
  table.put("a", 1, 1);
  table.put("b", 1, 2);
  table.put("b", 2, 3);
  table.put("c", 1, 4);
  table.put("b", 3, 5);
  table.evict();
  expect([table.ownKeys, table.isResident]).toEqual([3, true]);
  table.attachCold(files({ a: { 1: 1 }, b: { 2: 1 } }), 2);
  const kept = table.chain("b") as VersionChain;
  table.evict();
  expect([table.ownKeys, table.isResident, kept.older?.versions]).toEqual([2, false, [3]]);
  expect(table.chain("b")).toBe(kept);
  expect([table.head("a"), table.head("b"), table.liveCount(), listed(table)]).toEqual([1, 3, 3, ["a", "b", "c"]]);
  expect([entryAt(table, "b", 2), entryAt(table, "b", 3)]).toEqual([
    [2, 1],
    [3, 2],
  ]);
});

test("told what was written since the files, evicting looks at nothing else", () => {
  const table = newTable();
  for (let version = 1; version <= 1000; version++) table.put(`key ${version}`, version, version);
  table.attachCold(files({ a: { 1: 1 } }), 1000);
  const written = [table.put("new", 1, 1001), table.put("key 7", 2, 1002), table.put("key 7", 3, 1003)];
  table.evict(written);
  expect([...table.chains()].map(({ key }) => key)).toEqual(["new", "key 7"]);
  expect(table.ownKeys).toBe(2);
});

test("files that no longer have anything of a table leave it to memory", () => {
  const table = loaded({ a: { 1: "a" } }, 1);
  table.put("a", "b", 2);
  table.attachCold(undefined, 2);
  expect([table.isResident, table.head("a"), table.head("none"), listed(table)]).toEqual([true, "b", undefined, ["a"]]);
  expect(() => table.attachCold(undefined, 1)).toThrow("further");
});

test("keys of memory and of files come in one order, by code point once either has a surrogate", () => {
  const table = loaded({ "\uffff": { 1: 1 }, a: { 2: 1 } }, 2);
  table.put("\ue000", 1, 3);
  expect(listed(table)).toEqual(["a", "\ue000", "\uffff"]);
  table.put("\u{10000}", 1, 4);
  expect(listed(table)).toEqual(["a", "\ue000", "\uffff", "\u{10000}"]);
  const other = loaded({ "\u{10000}": { 1: 1 } }, 1);
  other.put("\uffff", 1, 2);
  expect(listed(other)).toEqual(["\uffff", "\u{10000}"]);
  const met = newTable();
  met.put("\uffff", 1, 1);
  met.put("\u{10000}", 1, 2);
  met.attachCold(files({ "\uffff": { 1: 1 }, "\u{10000}": { 2: 1 } }), 2);
  met.evict();
  met.put("\ue000", 1, 3);
  expect(listed(met)).toEqual(["\ue000", "\uffff", "\u{10000}"]);
});

test("what is in memory decides over files in a scan, however it came there", () => {
  const values = (table: Table): unknown[] => {
    const seen: unknown[] = [];
    table.scan(EVERYTHING, NOW, (key, stored) => seen.push(key, stored) > 0);
    return seen;
  };
  const table = loaded({ a: { 1: 1 }, b: { 2: 1 }, c: { 3: 1 }, d: { 4: undefined } }, 4);
  expect(values(table)).toEqual(["a", 1, "b", 1, "c", 1]);
  table.head("a");
  table.put("a", 2, 5);
  table.put("b", undefined, 6);
  table.put("d", 2, 7);
  expect(values(table)).toEqual(["a", 2, "c", 1, "d", 2]);
  table.attachCold(files({ a: { 1: 1, 5: 2 }, b: { 2: 1, 6: undefined }, c: { 3: 1 }, d: { 4: undefined, 7: 2 } }), 7);
  table.evict();
  table.put("a", 3, 8);
  table.put("d", undefined, 9);
  expect(values(table)).toEqual(["a", 3, "c", 1]);
  expect([listed(table, 5), listed(table, 6), listed(table, 7)]).toEqual([
    ["a", "b", "c"],
    ["a", "c"],
    ["a", "c", "d"],
  ]);
});

test("a scan meets no chain that was evicted before", () => {
  const table = newTable();
  const entries: { [key: string]: { [version: number]: number } } = {};
  for (let version = 1; version <= 20; version++) {
    table.put(`key ${version}`, 1, version);
    entries[`key ${version}`] = { [version]: 1 };
  }
  expect(listed(table).length).toBe(20);
  table.attachCold(files(entries), 20);
  table.evict();
  for (let version = 1; version <= 20; version++) table.put(`key ${version}`, undefined, 20 + version);
  const backwards: string[] = [];
  table.scan({ ...EVERYTHING, reverse: true }, NOW, (key) => backwards.push(key) > 0);
  expect([listed(table), backwards]).toEqual([[], []]);
});

test("a box without a value in files is as dead as one in memory", () => {
  const dead = new Box(undefined, NOW, 3);
  const table = loaded({ a: { 1: dead }, b: { 2: 1 } }, 2, { live: 1 });
  table.put("a", 1, 3);
  table.put("b", undefined, 4);
  expect([table.liveCount(), listed(table), listed(table, 3)]).toEqual([1, ["a"], ["a", "b"]]);
});

test("nobody had counted the live keys: they are counted once", () => {
  const reads = new Reads();
  const table = loaded({ a: { 1: 1 }, b: { 2: undefined }, c: { 3: 1 } }, 3, { reads });
  expect([table.liveCount(), table.liveCount(), reads.cursors]).toEqual([2, 2, 1]);
});

test("nobody had counted the live keys of a fork: what it inherits counts with what is in its files", () => {
  const parent = new RunShard(runId(++lastId));
  parent.table("default", "kv")!.put("a", 1, 1);
  const fork = newTable(parent, 5);
  fork.attachCold(files({ a: { 6: 2 }, b: { 7: 1 }, c: { 8: undefined } }), 8);
  expect(fork.liveCount()).toBe(2);
});

test("a write among files stands for all that is known of its key, without taking it into memory", () => {
  const table = loaded({ a: { 1: "old", 5: "new" } }, 6);
  const write = table.chainForReading("a");
  expect([write.key, write.storedAt(3), write.storedAt(6), write.versionAt(5), table.ownKeys]).toEqual([
    "a",
    "old",
    "new",
    5,
    0,
  ]);
  expect(table.chainForReading("a")).not.toBe(table.chain("a"));
  expect(table.chainForReading("a")).toBe(table.chain("a"));
});

test("a read that lands where history was dropped from files says so", () => {
  const table = loaded({ a: { 1: TRIMMED, 5: "new" } }, 6);
  expect(() => entryAt(table, "a", 3)).toThrow(expect.objectContaining({ code: "HISTORY_TRIMMED" }));
  expect(() => listed(table, 3)).toThrow(expect.objectContaining({ code: "HISTORY_TRIMMED" }));
  expect([entryAt(table, "a", 0), table.head("a"), listed(table)]).toEqual([undefined, "new", ["a"]]);
});

test("what was not found as of a version within a lost interval is not known", () => {
  const table = newTable();
  table.put("a", 1, 1);
  table.put("b", 1, 20);
  table.noteLost(5, 8);
  table.noteLost(12, 14);
  table.noteLost(7, 10);
  expect(table.lost).toEqual([
    { from: 5, to: 10 },
    { from: 12, to: 14 },
  ]);
  expect(entryAt(table, "a", 6)).toEqual([1, 1]);
  for (const [asOf, earliest] of [
    [5, 10],
    [9, 10],
    [12, 14],
  ] as const) {
    expect(() => entryAt(table, "b", asOf)).toThrow(trimmedAt(asOf, earliest));
    expect(() => listed(table, asOf)).toThrow(trimmedAt(asOf, earliest));
    expect(() => table.everyKey(asOf)).toThrow(trimmedAt(asOf, earliest));
  }
  for (const asOf of [4, 10, 11, 14])
    expect([entryAt(table, "b", asOf), listed(table, asOf)]).toEqual([undefined, ["a"]]);
  expect([entryAt(table, "none", NOW), listed(table)]).toEqual([undefined, ["a", "b"]]);
});

test("lost intervals of files and of memory are one list, in which files take the place of memory", () => {
  const table = newTable();
  table.put("a", 1, 1);
  table.noteLost(3, 5);
  table.noteLost(8, 9);
  table.attachCold(files({ a: { 1: 1 } }, { lost: [{ from: 2, to: 6 }] }), 20);
  expect(table.lost).toEqual([
    { from: 2, to: 6 },
    { from: 8, to: 9 },
  ]);
  expect(() => entryAt(table, "b", 2)).toThrow(trimmedAt(2, 6));
  expect(() => entryAt(table, "b", 8)).toThrow(trimmedAt(8, 9));
  table.attachCold(files({ a: { 1: 1 } }), 21);
  // What files took over is theirs to keep.
  expect(table.lost).toEqual([{ from: 8, to: 9 }]);
});

test("a table of which files have nothing but that it lost something knows that", () => {
  const table = loaded({}, 10, { lost: [{ from: 3, to: 8 }] });
  expect(() => entryAt(table, "a", 7)).toThrow(trimmedAt(7, 8));
  expect(() => listed(table, 3)).toThrow(trimmedAt(3, 8));
  expect([entryAt(table, "a", 8), listed(table)]).toEqual([undefined, []]);
});

test("what a fork inherits is known, whatever else the run it was forked from has lost", () => {
  const parent = new RunShard(runId(++lastId));
  const base = parent.table("default", "kv")!;
  base.put("a", 1, 1);
  base.put("b", undefined, 2);
  base.put("c", 1, 30);
  base.noteLost(10, 20);
  const fork = new RunShard(runId(++lastId), parent, 25).table("default", "kv")!;
  fork.put("d", 1, 40);
  expect(fork.base).toBe(base);
  expect([entryAt(fork, "b", 35), entryAt(fork, "c", 35), listed(fork, 35)]).toEqual([
    [2, undefined],
    undefined,
    ["a"],
  ]);
  expect([entryAt(fork, "a", 15), entryAt(fork, "a", 25)]).toEqual([
    [1, 1],
    [1, 1],
  ]);
  // A tombstone below does not show that nothing lay above it.
  expect(() => entryAt(fork, "b", 15)).toThrow(trimmedAt(15, 20));
  expect(() => entryAt(fork, "c", 15)).toThrow(trimmedAt(15, 20));
  base.noteLost(36, 38);
  expect(entryAt(fork, "c", 37)).toBeUndefined();
  fork.noteLost(32, 34);
  expect(() => entryAt(fork, "b", 33)).toThrow(trimmedAt(33, 34));
  expect(entryAt(fork, "a", 33)).toEqual([1, 1]);
});
