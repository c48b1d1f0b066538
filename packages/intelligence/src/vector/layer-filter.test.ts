import { compileWhere, Database, keepLast, type Where } from "@strata/engine";
import { afterEach, expect, test, vi } from "vitest";
import { TEXT_KEY_LENGTH } from "../fields/field-key.js";
import { Indexes } from "../partition/indexes.js";
import { filterKey } from "./filter-key.js";
import { LayerMetadata } from "./layer-metadata.js";
import { SearchableVectorStore } from "./searchable-vectors.js";

afterEach(() => {
  vi.restoreAllMocks();
});

const LONG = "x".repeat(TEXT_KEY_LENGTH);

function opened(count: number, metadataOf: (i: number) => object) {
  const database = Database.ephemeral();
  const store = new SearchableVectorStore(
    database.head(database.runs.must("default"), "default"),
    Indexes.of(database),
  );
  store.createCollection("docs", { dimension: 1, metric: "dot" });
  const add = (from: number, to: number) =>
    store.upsertMany(
      "docs",
      Array.from({ length: to - from }, (_, i) => ({
        key: `k${from + i}`,
        vector: [-from - i],
        metadata: metadataOf(from + i),
      })),
    );
  add(0, count);
  const keys = (filter: Where, k = 5) => store.search("docs", [1], { filter, k }).map(({ key }) => key);
  return { store, add, keys };
}

test("texts that an index cannot tell apart are told apart by reading them", () => {
  const { keys } = opened(200, (i) => ({ text: LONG + (i % 4 === 0 ? "a" : "b") }));
  for (let i = 0; i < 3; i++) {
    expect(keys({ text: `${LONG}a` })).toEqual(["k0", "k4", "k8", "k12", "k16"]);
    expect(keys({ text: `${LONG}b` })).toEqual(["k1", "k2", "k3", "k5", "k6"]);
    expect(keys({ text: `${LONG}c` })).toEqual([]);
  }
});

test("what comes and goes after a filter was used is seen by it", () => {
  const { store, add, keys } = opened(200, (i) => ({ is: i % 2 === 0, group: i % 3 }));
  const filters: Where[] = [
    { is: true },
    { $not: { is: false } },
    { group: { $ne: 1 } },
    { $or: [{ is: true }, { group: 0 }] },
  ];
  const firstOf = (filter: Where, from: number): string[] => {
    const predicate = compileWhere(filter, "test");
    const found: string[] = [];
    for (let i = from; found.length < 5; i++) {
      if (predicate.matches({ is: i % 2 === 0, group: i % 3 })) found.push(`k${i}`);
    }
    return found;
  };
  for (let round = 0; round < 3; round++)
    for (const filter of filters) expect(keys(filter)).toEqual(firstOf(filter, 0));
  add(200, 230);
  for (let i = 0; i < 195; i++) store.delete("docs", `k${i}`);
  for (let round = 0; round < 3; round++)
    for (const filter of filters) expect(keys(filter)).toEqual(firstOf(filter, 195));
  // So many that what was known is made anew.
  add(230, 5_000);
  for (let i = 195; i < 225; i++) store.delete("docs", `k${i}`);
  for (let round = 0; round < 3; round++)
    for (const filter of filters) expect(keys(filter)).toEqual(firstOf(filter, 225));
});

test("a filter that comes again reads next to nothing", () => {
  const { keys } = opened(5_000, (i) => ({ is: i % 2 === 0, group: i % 100 }));
  const read = vi.spyOn(LayerMetadata.prototype, "of");
  const filters: Where[] = [
    { is: true },
    { group: { $lt: 3 } },
    { $not: { group: { $lt: 97 } } },
    { group: { $ne: 5 } },
  ];
  for (const filter of filters) for (let i = 0; i < 25; i++) keys(filter);
  read.mockClear();
  for (const filter of filters) keys(filter);
  expect(read.mock.calls.length).toBeLessThan(100);
});

test("a prefix that many keys begin with is seen with what comes and goes", () => {
  const { store, add } = opened(3_000, (i) => ({ is: i % 2 === 0 }));
  const keys = (prefix: string, filter: Where = {}) =>
    store.search("docs", [1], { prefix, filter, k: 4 }).map(({ key }) => key);
  for (let round = 0; round < 3; round++) {
    expect(keys("k")).toEqual(["k0", "k1", "k2", "k3"]);
    expect(keys("k2")).toEqual(["k2", "k20", "k21", "k22"]);
    expect(keys("k2", { is: true })).toEqual(["k2", "k20", "k22", "k24"]);
    expect(keys("k299")).toEqual(["k299", "k2990", "k2991", "k2992"]);
  }
  for (let i = 0; i < 2_999; i++) store.delete("docs", `k${i}`);
  add(3_000, 3_100);
  for (let round = 0; round < 3; round++) {
    expect(keys("k")).toEqual(["k2999", "k3000", "k3001", "k3002"]);
    expect(keys("k2")).toEqual(["k2999"]);
    expect(keys("k3", { is: true })).toEqual(["k3000", "k3002", "k3004", "k3006"]);
  }
});

test("vectors of which the history is gone do not stand in the way", async () => {
  const database = Database.ephemeral({ retention: keepLast(1) });
  const run = database.runs.must("default");
  const store = new SearchableVectorStore(database.head(run, "default"), Indexes.of(database));
  store.createCollection("docs", { dimension: 1, metric: "dot" });
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 300; i++) store.upsert("docs", `k${i}`, [-i], { round, is: i % 2 === 0 });
    expect(store.search("docs", [1], { k: 2 }).map(({ key }) => key)).toEqual(["k0", "k1"]);
  }
  for (let i = 0; i < 10; i++) store.delete("docs", `k${i}`);
  await database.compact();
  for (let again = 0; again < 10; again++) {
    const keys = (filter: Where) => store.search("docs", [1], { filter, k: 2 }).map(({ key }) => key);
    expect(keys({ round: 4, is: true })).toEqual(["k10", "k12"]);
    expect(keys({ round: { $lt: 4 } })).toEqual([]);
    expect(keys({ $not: { is: true } })).toEqual(["k11", "k13"]);
    expect(store.count("docs", { $not: { is: true } })).toBe(145);
  }
});

test("filters that ask alike have one key, and others have others", () => {
  const keyOf = (filter: Where) => filterKey(compileWhere(filter, "test").tree);
  expect(keyOf({ "a.b": 1 })).toBe(keyOf({ "$.a.b": { $eq: 1n } }));
  const different: Where[] = [
    { a: 1 },
    { a: "1" },
    { a: null },
    { a: "null" },
    { a: { $ne: 1 } },
    { a: { $in: [1, 2] } },
    { a: { $in: ["1,2"] } },
    { a: { $nin: [1, 2] } },
    { a: 2n ** 60n },
    { a: Number(2n ** 60n) + 2 ** 10 },
    { a: 1, b: 2 },
    { $or: [{ a: 1 }, { b: 2 }] },
    { $not: { a: 1 } },
    { $or: [{ a: 1 }] },
    { $or: [] },
    { $or: [{ $or: [{ a: 1 }] }, { b: 2 }] },
    { $or: [{ $or: [{ a: 1 }, { b: 2 }] }] },
    { a: Number.POSITIVE_INFINITY },
    { a: Number.NEGATIVE_INFINITY },
  ];
  expect(new Set(different.map(keyOf)).size).toBe(different.length);
  expect(keyOf({ a: "x".repeat(2000) })).toBeUndefined();
  expect(keyOf({ a: { $in: Array.from({ length: 2000 }, (_, i) => i) } })).toBeUndefined();
});
