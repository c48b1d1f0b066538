import { Database } from "@strata/engine";
import { afterEach, expect, test, vi } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { HnswIndex } from "./hnsw-index.js";
import { SearchableVectorReader, type SearchableVectorReads, SearchableVectorStore } from "./searchable-vectors.js";
import { VectorIndex } from "./vector-index.js";
import type { VectorSearchOptions } from "./vector-match.js";

const DIMENSION = 16;
const COUNT = 3000;
const K = 10;

afterEach(() => {
  vi.restoreAllMocks();
});

function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Vectors around a few centres. */
function vectorsOf(count: number, seed: number): Float32Array[] {
  const random = randomSource(seed);
  const centres = Array.from({ length: 20 }, () => Array.from({ length: DIMENSION }, () => random() - 0.5));
  return Array.from({ length: count }, () => {
    const centre = centres[Math.floor(random() * centres.length)]!;
    return Float32Array.from(centre, (x) => x + 0.3 * (random() - 0.5));
  });
}

const VECTORS = vectorsOf(COUNT, 1);
const QUERIES = vectorsOf(30, 2).map((query, i) => query.map((x, at) => (x + VECTORS[i * 7]![at]!) / 2));

/** A collection with a graph over `covered` of its vectors, the others behind it. */
async function graphOf(index: "hnsw" | "auto" = "hnsw", covered: number = COUNT) {
  const database = Database.ephemeral();
  const indexes = Indexes.of(database);
  const run = database.runs.must("default");
  const store = new SearchableVectorStore(database.head(run, "default"), indexes);
  store.createCollection("docs", { dimension: DIMENSION, index, efSearch: 24 });
  const entries = VECTORS.map((vector, i) => ({
    key: `key-${i}`,
    vector,
    metadata: { group: i % 100, half: i % 2 === 0 },
  }));
  store.upsertMany("docs", entries.slice(0, covered));
  await store.build("docs");
  if (covered < COUNT) store.upsertMany("docs", entries.slice(covered));
  return { database, indexes, run, store };
}

/** Of the exact answers, how many are found; checks on the way that what is found is sound. */
function recall(reader: SearchableVectorReads, options: VectorSearchOptions = {}): number {
  let found = 0;
  let wanted = 0;
  for (const query of QUERIES) {
    const exact = reader.search("docs", query, { k: K, ...options, exact: true });
    const matches = reader.search("docs", query, { k: K, ...options });
    expect(matches).toHaveLength(exact.length);
    for (const [at, match] of matches.entries()) {
      expect(match.score).toBeLessThanOrEqual(exact[at]!.score);
      if (at > 0) expect(match.score).toBeLessThanOrEqual(matches[at - 1]!.score);
    }
    const keys = new Set(matches.map(({ key }) => key));
    expect(keys.size).toBe(matches.length);
    for (const { key } of exact) if (keys.has(key)) found++;
    wanted += exact.length;
    for (const match of matches) {
      const entry = reader.get("docs", match.key)!;
      expect(match.metadata).toEqual(entry.metadata);
    }
  }
  return found / wanted;
}

test("a graph that was built finds nearly all that comparing with every vector finds", async () => {
  const { store } = await graphOf();
  expect(store.stats("docs")).toMatchObject({ index: "hnsw", count: COUNT, indexed: COUNT });
  const search = vi.spyOn(HnswIndex.prototype, "search");
  expect(recall(store)).toBeGreaterThan(0.95);
  expect(search).toHaveBeenCalledTimes(QUERIES.length);
});

test("what the graph has not reached is found as well", async () => {
  const { store } = await graphOf("hnsw", COUNT - 500);
  expect(store.stats("docs")).toMatchObject({ index: "hnsw", count: COUNT, indexed: COUNT - 500 });
  const search = vi.spyOn(HnswIndex.prototype, "search");
  expect(recall(store)).toBeGreaterThan(0.95);
  expect(search).toHaveBeenCalledTimes(QUERIES.length);
  const [nearest] = store.search("docs", VECTORS[COUNT - 1]!, { k: 1 });
  expect(nearest!.key).toBe(`key-${COUNT - 1}`);
});

test("few vectors of an automatic collection need no graph", async () => {
  const { store } = await graphOf("auto");
  const search = vi.spyOn(HnswIndex.prototype, "search");
  expect(store.stats("docs")).toMatchObject({ index: "flat", count: COUNT, indexed: 0 });
  expect(recall(store)).toBe(1);
  expect(search).not.toHaveBeenCalled();
});

test("deleted and replaced vectors are not found, and do not keep others from being found", async () => {
  const { database, run, indexes, store } = await graphOf();
  database.transaction(run, (open) => {
    const inside = new SearchableVectorStore(open.scope("default"), indexes);
    for (let i = 0; i < COUNT; i += 3) inside.delete("docs", `key-${i}`);
    for (let i = 1; i < COUNT; i += 30)
      inside.upsert(
        "docs",
        `key-${i}`,
        VECTORS[i]!.map((x) => -x),
      );
    expect(recall(inside)).toBeGreaterThan(0.95);
  });
  const search = vi.spyOn(HnswIndex.prototype, "search");
  expect(recall(store)).toBeGreaterThan(0.95);
  expect(search).toHaveBeenCalled();
  for (const query of QUERIES) {
    for (const { key } of store.search("docs", query, { k: 100 })) expect(Number(key.slice(4)) % 3).not.toBe(0);
  }
});

test("forks and the past use the graph of the present", async () => {
  const { database, run, indexes, store } = await graphOf();
  const { version } = run;
  database.runs.fork(run, version, ["fork"]);
  const fork = database.runs.must("fork");
  const forked = new SearchableVectorStore(database.head(fork, "default"), indexes);
  for (let i = 0; i < 50; i++) forked.upsert("docs", `key-${i}`, VECTORS[COUNT - 1 - i]!);
  store.upsertMany(
    "docs",
    vectorsOf(100, 3).map((vector, i) => ({ key: `new-${i}`, vector })),
  );
  const past = new SearchableVectorReader(database.at(run, "default", { version }), indexes);
  const search = vi.spyOn(HnswIndex.prototype, "search");
  expect(recall(forked)).toBeGreaterThan(0.95);
  expect(recall(past)).toBeGreaterThan(0.95);
  expect(search).toHaveBeenCalledTimes(2 * QUERIES.length);
  const [first, second] = forked.search("docs", VECTORS[COUNT - 1]!, { k: 2 });
  expect([first!.key, second!.key]).toEqual(["key-0", `key-${COUNT - 1}`]);
  for (const query of QUERIES) {
    for (const { key } of past.search("docs", query, { k: 50 })) expect(key).not.toMatch(/^new/);
  }
});

test("looking further back than the graph reaches leaves it as it is, until another one does", async () => {
  const { database, run, indexes } = await graphOf("hnsw", COUNT - 100);
  const { version } = run;
  database.runs.fork(run, version, ["fork"]);
  // In a fork of its own there is no index yet: it begins behind the first commits.
  const fork = database.runs.must("fork");
  const forked = new SearchableVectorStore(database.head(fork, "default"), indexes);
  for (let i = 0; i < 2000; i++) forked.upsert("docs", `own-${i}`, VECTORS[i]!);
  await forked.build("docs");
  const covered = forked.stats("docs")!.indexed;
  expect(covered).toBe(forked.stats("docs")!.count);
  for (const back of [10, 20, 500, 1999]) {
    const past = new SearchableVectorReader(database.at(fork, "default", { version: fork.version - back }), indexes);
    expect(past.count("docs")).toBe(forked.count("docs") - back);
    for (const exact of [true, false]) {
      const found = past.search("docs", VECTORS[1990]!, { k: 3, exact, prefix: "own" });
      expect(found.map(({ key }) => key).includes("own-1990")).toBe(back <= 9);
    }
    expect(forked.stats("docs")!.indexed).toBe(covered);
  }
  await forked.build("docs");
  expect(forked.stats("docs")!.indexed).toBe(covered);
  const built = vi.spyOn(VectorIndex.prototype, "add");
  for (const back of [1, 10, 300, 1500, 1999]) {
    const past = new SearchableVectorReader(database.at(fork, "default", { version: fork.version - back }), indexes);
    expect(past.search("docs", QUERIES[0]!, { k: 5000 })).toHaveLength(forked.count("docs") - back);
  }
  expect(built).not.toHaveBeenCalled();
});

test.each([
  ["one in two", { half: true }, 0.95],
  ["one in a hundred", { group: 7 }, 0.95],
  ["one in fifty, of those beyond a bound", { group: { $gte: 98 } }, 0.95],
  ["none", { group: 1000 }, 1],
])("a filter that %s satisfies gives as many as there are", async (_what, filter, least) => {
  const { store } = await graphOf();
  // An empty answer has no share of anything.
  const found = recall(store, { filter, k: 20 });
  if (!Number.isNaN(found)) expect(found).toBeGreaterThanOrEqual(least);
});

test("a prefix gives as many as there are", async () => {
  const { store } = await graphOf();
  expect(recall(store, { prefix: "key-12" })).toBe(1);
  expect(recall(store, { prefix: "key-" })).toBeGreaterThan(0.95);
  expect(store.search("docs", QUERIES[0]!, { prefix: "none" })).toEqual([]);
});

test("more than there are is all there are", async () => {
  const { store } = await graphOf();
  expect(store.search("docs", QUERIES[0]!, { k: 1_000_000 })).toHaveLength(COUNT);
  expect(store.search("docs", QUERIES[0]!, { k: 0 })).toEqual([]);
});

test("building tells how far it is, and goes on from there when it was ended", async () => {
  const { store } = await graphOf("hnsw", 1);
  const aborted = new AbortController();
  const seen: number[] = [];
  const onProgress = (done: number, total: number) => {
    expect(total).toBe(COUNT);
    seen.push(done);
    if (done > COUNT / 2) aborted.abort(new Error("enough"));
  };
  await expect(store.build("docs", { onProgress, signal: aborted.signal })).rejects.toThrow("enough");
  const { indexed } = store.stats("docs")!;
  expect(indexed).toBeGreaterThan(COUNT / 2);
  expect(indexed).toBeLessThan(COUNT);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  await store.build("docs");
  expect(store.stats("docs")!.indexed).toBe(COUNT);
});

test("building needs a collection, and nothing where there is no graph", async () => {
  const { store } = await graphOf("auto");
  await expect(store.build("others")).rejects.toMatchObject({ code: "COLLECTION_NOT_FOUND" });
  await store.build("docs");
  expect(store.stats("docs")).toMatchObject({ index: "flat" });
  expect(store.stats("others")).toBeUndefined();
});
