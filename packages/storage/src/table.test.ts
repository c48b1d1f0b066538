import { runId } from "@strata/core";
import { afterEach, expect, test, vi } from "vitest";
import { KeyCursor, type KeyRange } from "./key-cursor.js";
import { KeyMap } from "./key-map.js";
import { RunShard } from "./shard.js";
import { Box, type Stored } from "./stored.js";
import type { Table } from "./table.js";

const ALL: KeyRange = { start: undefined, end: undefined, reverse: false };
const NOW = Number.POSITIVE_INFINITY;

let lastId = 0;
let version = 0;

afterEach(() => {
  vi.restoreAllMocks();
});

function newShard(parent?: RunShard): RunShard {
  return new RunShard(runId(++lastId), parent, parent === undefined ? 0 : version);
}

function kv(shard: RunShard): Table {
  return shard.table("default", "kv")!;
}

function put(table: Table, key: string, stored: Stored | undefined): void {
  table.put(key, stored, ++version);
}

function numbered(id: number): string {
  return `key ${String(id).padStart(7, "0")}`;
}

/** Fills a table in an order that is not that of the keys. */
function filled(count: number): Table {
  const table = kv(newShard());
  for (let id = 0; id < count; id++) put(table, numbered((id * 7919) % count), id);
  return table;
}

function keysIn(table: Table, range = ALL, asOf = NOW, limit = NOW): string[] {
  const keys: string[] = [];
  table.scan(range, asOf, (key) => keys.push(key) < limit);
  return keys;
}

/** A run with `depth` ancestors, each of which wrote a key of its own. */
function forked(depth: number): { table: Table; layers: Table[] } {
  const layers: Table[] = [];
  let shard = newShard();
  for (let layer = 0; ; layer++) {
    const table = kv(shard);
    layers.push(table);
    put(table, `layer ${layer}`, layer);
    if (layer === depth) return { table, layers };
    shard = newShard(shard);
  }
}

function lookUps(run: () => void): number {
  const get = vi.spyOn(KeyMap.prototype, "get");
  run();
  const count = get.mock.calls.length;
  get.mockRestore();
  return count;
}

function steps(run: () => void): number {
  const next = vi.spyOn(KeyCursor.prototype, "next");
  run();
  const count = next.mock.calls.length;
  next.mockRestore();
  return count;
}

test("reading the newest entry is one look-up", () => {
  const table = filled(100);
  expect(lookUps(() => table.head(numbered(5)))).toBe(1);
  expect(lookUps(() => table.head("missing"))).toBe(1);
  expect(lookUps(() => put(table, numbered(5), "again"))).toBe(1);
  expect(table.head(numbered(5))).toBe("again");
  expect(table.headVersion(numbered(5))).toBe(version);
});

test("reading through a fork is a look-up for each layer, up to the one that has the key", () => {
  const { table } = forked(4);
  expect(lookUps(() => table.head("layer 4"))).toBe(1);
  expect(lookUps(() => table.head("layer 3"))).toBe(2);
  expect(lookUps(() => table.head("layer 0"))).toBe(5);
  expect(lookUps(() => table.head("missing"))).toBe(5);
  expect(lookUps(() => table.head("layer 0"))).toBe(5);
});

test("below many layers a key is looked for once, present or not", () => {
  const { table } = forked(64);
  expect(lookUps(() => expect(table.head("layer 0")).toBe(0))).toBe(65);
  expect(lookUps(() => expect(table.head("missing")).toBeUndefined())).toBe(65);
  expect(lookUps(() => expect(table.head("layer 0")).toBe(0))).toBe(1);
  expect(lookUps(() => expect(table.headVersion("missing")).toBe(0))).toBe(1);
});

test("what a deep fork remembers is what it inherits, whatever it or its ancestors write", () => {
  const { table, layers } = forked(10);
  expect(table.head("layer 2")).toBe(2);
  put(layers[9]!, "layer 2", "changed above");
  expect(table.head("layer 2")).toBe(2);
  put(table, "layer 2", undefined);
  expect(table.head("layer 2")).toBeUndefined();
  expect(keysIn(table)).not.toContain("layer 2");
});

test("tables that were empty at the fork are no layers", () => {
  const root = newShard();
  put(kv(root), "k", "v");
  let shard = root;
  for (let depth = 0; depth < 50; depth++) {
    shard = newShard(shard);
    kv(shard);
  }
  expect(kv(shard).depth).toBe(1);
  expect(lookUps(() => expect(kv(shard).head("k")).toBe("v"))).toBe(2);
  // Written after the fork: not there for the child.
  put(kv(shard.parent!), "late", "v");
  expect(kv(shard).head("late")).toBeUndefined();
});

test("a scan costs a search and its results", () => {
  const table = filled(20_000);
  keysIn(table);
  const before = table.comparisons;
  const walked = steps(() => {
    expect(keysIn(table, { ...ALL, start: numbered(10_000) }, NOW, 100)).toHaveLength(100);
  });
  expect(walked).toBe(100);
  // log2 of 20,000 is 14.3; finding the bucket and the place in it are two searches.
  expect(table.comparisons - before).toBeLessThan(20);
});

test("the first scan does a part of what sorting would", () => {
  const table = filled(100_000);
  expect(keysIn(table, { ...ALL, start: numbered(50_000) }, NOW, 100)).toHaveLength(100);
  // Sorting takes about 100,000 * 15.
  expect(table.comparisons).toBeLessThan(100_000 * 5);
});

test("a scan prepared in slices has next to nothing left to do", () => {
  const table = filled(50_000);
  let slices = 1;
  while (table.orderAhead(1000)) slices++;
  expect(slices).toBeGreaterThan(100);
  const before = table.comparisons;
  expect(keysIn(table, { ...ALL, start: numbered(25_000) }, NOW, 100)).toHaveLength(100);
  expect(table.comparisons - before).toBeLessThan(3 * 1024 * 10);
});

test("preparing in slices while keys come and go changes nothing of what is seen", () => {
  const table = kv(newShard());
  const expected = new Set<string>();
  for (let id = 0; id < 12_000; id++) {
    const key = numbered((id * 7919) % 12_000);
    put(table, key, id);
    expected.add(key);
    if (id > 3000 && id % 5 === 0) table.orderAhead(7);
    if (id % 3 === 0) {
      const gone = numbered((id * 31) % 12_000);
      put(table, gone, undefined);
      expected.delete(gone);
    }
  }
  expect(keysIn(table)).toEqual([...expected].sort());
  expect(table.liveCount()).toBe(expected.size);
});

test("dead keys are met once, and then only by who looks at the past", () => {
  const table = filled(5000);
  keysIn(table);
  const past = version;
  for (let id = 0; id < 4000; id++) put(table, numbered(id), undefined);
  expect(keysIn(table, ALL, NOW, 1)).toEqual([numbered(4000)]);
  // A few of the bucket that the first live key lies in may be left.
  expect(steps(() => keysIn(table, ALL, NOW, 1))).toBeLessThan(20);
  expect(keysIn(table, ALL, past)).toHaveLength(5000);
  expect(keysIn(table, { ...ALL, reverse: true }, past, 1)).toEqual([numbered(4999)]);
});

test("a queue that is worked off at its head stays cheap", () => {
  const table = kv(newShard());
  let walked = 0;
  for (let id = 0; id < 3000; id++) {
    put(table, numbered(id), "job");
    put(table, numbered(id + 100_000), "job");
    walked += steps(() => expect(keysIn(table, ALL, NOW, 1)).toEqual([numbered(id)]));
    put(table, numbered(id), undefined);
  }
  expect(walked / 3000).toBeLessThan(20);
});

test("a key deleted and written again between scans is there once", () => {
  const table = filled(500);
  keysIn(table);
  for (let round = 0; round < 30; round++) {
    for (let id = 0; id < 500; id += 3) put(table, numbered(id), undefined);
    if (round % 2 === 0) keysIn(table);
    for (let id = 0; id < 500; id += 3) put(table, numbered(id), round);
    expect(keysIn(table)).toHaveLength(500);
  }
  expect(keysIn(table, { ...ALL, reverse: true }, version)).toHaveLength(500);
});

test("a key that comes and goes where nobody scans does not pile up", () => {
  const table = filled(2000);
  keysIn(table);
  const start = numbered(1990);
  for (let round = 0; round < 30_000; round++) {
    put(table, numbered(3), undefined);
    put(table, numbered(3), round);
    if (round % 3 === 0) keysIn(table, { ...ALL, start }, NOW, 1);
  }
  const before = table.comparisons;
  expect(keysIn(table, ALL, NOW, 10)).toHaveLength(10);
  // Sorting the ten thousand repetitions would take as many.
  expect(table.comparisons - before).toBeLessThan(5000);
});

test("a key that comes and goes while nobody scans at all does not pile up", () => {
  const table = filled(2000);
  keysIn(table, ALL, NOW, 1);
  for (let round = 0; round < 30_000; round++) put(table, numbered(3), round % 2 === 0 ? undefined : round);
  const before = table.comparisons;
  expect(keysIn(table, { ...ALL, start: numbered(1990) }, NOW, 1)).toHaveLength(1);
  // Putting fifteen thousand repetitions in their place would take as many.
  expect(table.comparisons - before).toBeLessThan(15_000);
});

test("a scan of layers walks its results and what they hide", () => {
  const { table, layers } = forked(8);
  for (const layer of layers) keysIn(layer);
  for (let id = 0; id < 1000; id++) put(layers[8]!, numbered(id), id);
  const walked = steps(() => expect(keysIn(table, { ...ALL, start: numbered(500) }, NOW, 100)).toHaveLength(100));
  // 100 results, a first chain for each of nine layers, and the chain behind the last.
  expect(walked).toBeLessThanOrEqual(100 + 9 + 1);
});

test("a fork that wrote nothing scans like the run it was forked from", () => {
  const root = newShard();
  for (let id = 0; id < 1000; id++) put(kv(root), numbered(id), id);
  keysIn(kv(root));
  const before = kv(root).comparisons;
  expect(steps(() => keysIn(kv(newShard(root)), { ...ALL, start: numbered(500) }, NOW, 100))).toBe(100);
  expect(kv(root).comparisons - before).toBeLessThan(20);
});

test("a scan shows the state at its start to a visitor that writes", () => {
  const table = kv(newShard());
  for (const key of ["a", "b", "c", "d"]) put(table, key, 1);
  const seen: [string, Stored][] = [];
  table.scan(ALL, NOW, (key, stored) => {
    seen.push([key, stored]);
    put(table, "c", undefined);
    put(table, "d", 2);
    put(table, `${key}a`, "new");
    put(table, key, undefined);
    return true;
  });
  expect(seen).toEqual([
    ["a", 1],
    ["b", 1],
    ["c", 1],
    ["d", 1],
  ]);
  expect(keysIn(table)).toEqual(["aa", "ba", "ca", "da"]);
});

test("a scan of layers shows the state at its start to a visitor that writes", () => {
  const root = newShard();
  for (const key of ["a", "c", "e"]) put(kv(root), key, "root");
  const table = kv(newShard(root));
  for (const key of ["b", "c", "d"]) put(table, key, "fork");
  const seen: [string, Stored][] = [];
  table.scan(ALL, NOW, (key, stored) => {
    seen.push([key, stored]);
    put(table, "d", "changed");
    put(table, "e", undefined);
    put(table, `${key}a`, "new");
    return true;
  });
  expect(seen).toEqual([
    ["a", "root"],
    ["b", "fork"],
    ["c", "fork"],
    ["d", "fork"],
    ["e", "root"],
  ]);
  expect(keysIn(table)).toEqual(["a", "aa", "b", "ba", "c", "ca", "d", "da", "ea"]);
});

test("a visitor may scan the same table, and go on", () => {
  const table = filled(600);
  const outer: string[] = [];
  table.scan(ALL, NOW, (key) => {
    outer.push(key);
    if (outer.length % 50 === 0) {
      for (let id = 0; id < 20; id++) put(table, numbered(outer.length + id), undefined);
      put(table, `${key} behind`, 1);
      keysIn(table);
      keysIn(table, { ...ALL, reverse: true }, NOW, 30);
    }
    return true;
  });
  expect(outer).toEqual(Array.from({ length: 600 }, (_, id) => numbered(id)));
});

test("a scan in pages, with writes in between, repeats nothing and skips nothing that stayed", () => {
  const table = filled(1000);
  const seen: string[] = [];
  let start: string | undefined;
  for (;;) {
    const page = keysIn(table, { ...ALL, start }, NOW, 37);
    if (page.length === 0) break;
    seen.push(...page);
    start = `${page.at(-1)!}\0`;
    put(table, numbered(seen.length), undefined);
    put(table, numbered(seen.length - 5), undefined);
    if (seen.length < 900) put(table, `${numbered(seen.length + 2)} new`, 1);
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual([...seen].sort());
  const stayed = Array.from({ length: 1000 }, (_, id) => numbered(id)).filter((key) => table.head(key) !== undefined);
  expect(seen).toEqual(expect.arrayContaining(stayed));
});

test("a visitor that throws leaves the table as it was", () => {
  const table = filled(100);
  const fail = (): never => {
    throw new Error("visitor");
  };
  expect(() => table.scan(ALL, NOW, fail)).toThrow("visitor");
  for (let id = 0; id < 50; id++) put(table, numbered(id), undefined);
  keysIn(table);
  expect(steps(() => keysIn(table, ALL, NOW, 1))).toBeLessThan(20);
});

test("keys with surrogates sort by code point, whenever they come", () => {
  const table = kv(newShard());
  const early = ["a", "\ud7ff", "\ue000", "\uffff", "a\uffff"];
  for (const key of early) put(table, key, 1);
  expect(keysIn(table)).toEqual(["a", "a\uffff", "\ud7ff", "\ue000", "\uffff"]);
  for (const key of ["\u{10000}", "a\u{1f600}"]) put(table, key, 1);
  const sorted = ["a", "a\uffff", "a\u{1f600}", "\ud7ff", "\ue000", "\uffff", "\u{10000}"];
  expect(keysIn(table)).toEqual(sorted);
  expect(keysIn(table, { ...ALL, reverse: true })).toEqual([...sorted].reverse());
  expect(keysIn(table, { ...ALL, start: "\ue000", end: "\u{10000}" })).toEqual(["\ue000", "\uffff"]);
});

test("a bound with surrogates counts by code point also where no key has any", () => {
  const table = kv(newShard());
  for (const key of ["a", "\ud7ff", "\ue000", "\uffff"]) put(table, key, 1);
  expect(keysIn(table, { ...ALL, start: "\u{10000}" })).toEqual([]);
  expect(keysIn(table, { ...ALL, end: "\u{10000}" })).toEqual(["a", "\ud7ff", "\ue000", "\uffff"]);
  expect(keysIn(table, { start: undefined, end: "\u{10000}", reverse: true })).toEqual([
    "\uffff",
    "\ue000",
    "\ud7ff",
    "a",
  ]);
});

test("counting live keys is one field, also in a fork of a run that has not moved on", () => {
  const root = newShard();
  const parent = kv(root);
  for (let id = 0; id < 1000; id++) put(parent, numbered(id), id);
  expect(steps(() => expect(parent.liveCount()).toBe(1000))).toBe(0);
  const fork = kv(newShard(root));
  put(fork, numbered(0), undefined);
  put(fork, "own", 1);
  put(fork, "own too", undefined);
  put(fork, numbered(1), "changed");
  expect(steps(() => expect(lookUps(() => expect(fork.liveCount()).toBe(1000))).toBeLessThan(10))).toBe(0);
  put(fork, numbered(2), undefined);
  put(fork, numbered(0), "back");
  put(fork, "another", new Box(undefined, NOW, 3));
  expect(lookUps(() => expect(fork.liveCount()).toBe(1000))).toBe(0);
});

test("counting live keys in a fork of a run that has moved on counts once", () => {
  const root = newShard();
  for (let id = 0; id < 100; id++) put(kv(root), numbered(id), id);
  const shard = newShard(root);
  put(kv(root), "later", 1);
  expect(kv(shard).liveCount()).toBe(100);
  put(kv(shard), numbered(5), undefined);
  expect(steps(() => expect(kv(shard).liveCount()).toBe(99))).toBe(0);
});

test("history goes through the layers, each up to its fork", () => {
  const root = newShard();
  put(kv(root), "k", "root 1");
  const shard = newShard(root);
  put(kv(root), "k", "root 2, after the fork");
  put(kv(shard), "k", undefined);
  put(kv(shard), "k", "child");
  const seen: (Stored | undefined)[] = [];
  kv(shard).versions("k", NOW, (_, stored) => seen.push(stored) > 0);
  expect(seen).toEqual(["child", undefined, "root 1"]);
  let stopped = 0;
  kv(shard).versions("k", NOW, () => ++stopped < 2);
  expect(stopped).toBe(2);
});

test("a table knows where it belongs", () => {
  const shard = newShard();
  const space = shard.registerSpace("s", ++version);
  const table = space.table("json");
  expect(table.space.name).toBe("s");
  expect(table.primitive).toBe("json");
  expect([table.firstVersion, table.lastVersion, table.ownKeys, table.droppedAt]).toEqual([NOW, 0, 0, NOW]);
  put(table, "k", 1);
  put(table, "k", 2);
  expect([table.firstVersion, table.lastVersion, table.ownKeys]).toEqual([version - 1, version, 1]);
  shard.dropSpace("s", ++version);
  expect(table.droppedAt).toBe(version);
});
