import { Database } from "@strata/engine";
import { describe, expect, test, vi } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { HnswIndex } from "./hnsw-index.js";
import { KernelRows } from "./row-store-kernel.js";
import { PlainRows } from "./row-store-plain.js";
import { SearchableVectorReader, SearchableVectorStore } from "./searchable-vectors.js";
import type { VectorSearchOptions } from "./vector-match.js";

function open() {
  const database = Database.ephemeral();
  const indexes = Indexes.of(database);
  const run = database.runs.must("default");
  const store = new SearchableVectorStore(database.head(run, "default"), indexes);
  return { database, indexes, run, store };
}

/** Three vectors of two components. */
function withThree() {
  const opened = open();
  opened.store.createCollection("docs", { dimension: 2 });
  opened.store.upsertMany("docs", [
    { key: "east", vector: [1, 0], metadata: { side: "right", size: 1 } },
    { key: "north", vector: [0, 2], metadata: { side: "up", size: 2 } },
    { key: "nowhere", vector: [0, 0] },
  ]);
  return opened;
}

const keysOf = (matches: readonly { readonly key: string }[]) => matches.map(({ key }) => key);

describe("scores", () => {
  test("cosine: from 1 for the same direction, 0 for a zero vector, to -1 for the opposite", () => {
    const { store } = withThree();
    store.upsert("docs", "west", [-3, 0]);
    expect(store.search("docs", [5, 0])).toEqual([
      { key: "east", score: 1, metadata: { side: "right", size: 1 } },
      { key: "north", score: 0, metadata: { side: "up", size: 2 } },
      { key: "nowhere", score: 0, metadata: undefined },
      { key: "west", score: -1, metadata: undefined },
    ]);
    expect(store.search("docs", [0, 0]).map(({ score }) => score)).toEqual([0, 0, 0, 0]);
  });

  test("dot and euclidean", () => {
    const { store } = open();
    for (const metric of ["dot", "euclidean"] as const) {
      store.createCollection(metric, { dimension: 2, metric });
      store.upsert(metric, "a", [3, 4]);
      store.upsert(metric, "b", [0, -1]);
    }
    expect(store.search("dot", [1, 2]).map(({ score }) => score)).toEqual([11, -2]);
    expect(store.search("dot", [-1, 0], { k: 1 })[0]).toEqual({ key: "b", score: 0, metadata: undefined });
    expect(store.search("euclidean", [0, 0]).map(({ score }) => score)).toEqual([1 / 2, 1 / 6]);
  });

  test("matches below the least score are left out", () => {
    const { store } = withThree();
    expect(keysOf(store.search("docs", [1, 0.01], { minScore: 0.5 }))).toEqual(["east"]);
    expect(keysOf(store.search("docs", [1, 0], { minScore: 0 }))).toEqual(["east", "north", "nowhere"]);
    expect(store.search("docs", [1, 0], { minScore: 1.1 })).toEqual([]);
  });

  test("vectors equally near are ordered by key, code point by code point, also where only some of them are asked for", () => {
    const { store } = open();
    store.createCollection("docs", { dimension: 1, metric: "dot" });
    for (const key of ["￿", "\u{10000}", "b", "a"]) store.upsert("docs", key, [1]);
    expect(keysOf(store.search("docs", [1], { k: 3 }))).toEqual(["a", "b", "￿"]);
    expect(keysOf(store.search("docs", [1], { k: 4 }))).toEqual(["a", "b", "￿", "\u{10000}"]);
  });

  test("a vector comes as it was stored, whatever the metric makes of it", () => {
    const { store } = withThree();
    const [first] = store.search("docs", [0, 1], { k: 1, includeVectors: true });
    expect(first).toEqual({ key: "north", score: 1, metadata: { side: "up", size: 2 }, vector: Float32Array.of(0, 2) });
    first!.vector![0] = 9;
    expect(store.get("docs", "north")!.vector).toEqual(Float32Array.of(0, 2));
  });

  test("components whose products overflow have a place in the order", () => {
    const { store } = open();
    store.createCollection("docs", { dimension: 2, metric: "dot" });
    store.upsert("docs", "high", [3e38, 3e38]);
    store.upsert("docs", "mixed", [3e38, -3e38]);
    store.upsert("docs", "plain", [1, 1]);
    const matches = store.search("docs", [3e38, 3e38]);
    expect(matches).toHaveLength(3);
    expect(matches[0]!.key).toBe("high");
    for (const { score } of matches) expect(Number.isFinite(score)).toBe(true);
  });
});

describe("what is refused", () => {
  const refused = (options: unknown) => {
    const { store } = withThree();
    try {
      store.search("docs", [1, 0], options as VectorSearchOptions);
    } catch (error) {
      return error;
    }
    throw new Error("it was searched");
  };

  test("a query that is no vector of the collection", () => {
    const { store } = withThree();
    const search = (query: unknown) => () => store.search("docs", query as number[]);
    expect(search([1])).toThrow(
      expect.objectContaining({
        code: "DIMENSION_MISMATCH",
        facts: expect.objectContaining({ expected: 2, actual: 1 }),
      }),
    );
    expect(search([1, Number.NaN])).toThrow(expect.objectContaining({ code: "INVALID_VALUE" }));
    expect(search([1, Number.POSITIVE_INFINITY])).toThrow(expect.objectContaining({ code: "INVALID_VALUE" }));
    expect(search("no")).toThrow(expect.objectContaining({ code: "INVALID_VALUE" }));
    // Checked even where nothing is asked for.
    expect(() => store.search("docs", [1], { k: 0 })).toThrow(expect.objectContaining({ code: "DIMENSION_MISMATCH" }));
  });

  test("a collection that is not there", () => {
    const { store } = open();
    expect(() => store.search("docs", [1])).toThrow(expect.objectContaining({ code: "COLLECTION_NOT_FOUND" }));
    expect(() => store.search("docs", [1], { observe: false })).toThrow(
      expect.objectContaining({ code: "COLLECTION_NOT_FOUND" }),
    );
    expect(() => store.count("docs", {})).toThrow(expect.objectContaining({ code: "COLLECTION_NOT_FOUND" }));
    expect(() => store.search("_x", [1])).toThrow(expect.objectContaining({ code: "INVALID_NAME" }));
    expect(store.stats("docs")).toBeUndefined();
  });

  test.each([
    [{ k: -1 }],
    [{ k: 1.5 }],
    [{ k: "3" }],
    [{ prefix: 1 }],
    [{ efSearch: 0 }],
    [{ exact: 1 }],
    [{ minScore: Number.NaN }],
    [{ minScore: "0" }],
    [{ includeVectors: "yes" }],
    [{ observe: 0 }],
    [{ filter: null }],
    [{ limit: 5 }],
    [5],
  ])("options %o", (options) => {
    expect(refused(options)).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a filter that is too deep", () => {
    let filter: object = { a: 1 };
    for (let depth = 0; depth < 100; depth++) filter = { $not: filter };
    expect(refused({ filter })).toMatchObject({ code: "INVALID_ARGUMENT", facts: { limit: "whereDepth" } });
  });

  test("options of building", async () => {
    const { store } = withThree();
    const build = (options: unknown) => store.build("docs", options as never);
    await expect(build({ onProgress: 1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(build({ signal: {} })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(build({ force: true })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(build({ signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  });
});

describe("a collection that was made anew", () => {
  test("with other options does not mix with the one before, which the past still has", () => {
    const { database, indexes, run, store } = withThree();
    const { version } = run;
    store.search("docs", [1, 0]);
    store.deleteCollection("docs");
    store.createCollection("docs", { dimension: 3, metric: "dot" });
    expect(store.search("docs", [1, 1, 1])).toEqual([]);
    store.upsert("docs", "east", [1, 2, 3]);
    expect(store.search("docs", [1, 1, 1])).toEqual([{ key: "east", score: 6, metadata: undefined }]);
    const past = new SearchableVectorReader(database.at(run, "default", { version }), indexes);
    expect(keysOf(past.search("docs", [0, 1]))).toEqual(["north", "east", "nowhere"]);
    expect(past.stats("docs")).toMatchObject({ dimension: 2, metric: "cosine", count: 3 });
    expect(store.stats("docs")).toMatchObject({ dimension: 3, metric: "dot", count: 1 });
  });

  test("with another metric is searched by that", () => {
    const { store } = withThree();
    expect(store.search("docs", [0, 3])[0]?.score).toBe(1);
    store.deleteCollection("docs");
    store.createCollection("docs", { dimension: 2, metric: "dot" });
    store.upsert("docs", "north", [0, 2]);
    expect(store.search("docs", [0, 3])[0]?.score).toBe(6);
  });

  test.each([
    [2, 3],
    [3, 2],
  ])("as it was before, of %i components, passes over the vectors of %i between", (dimension, between) => {
    const { store } = open();
    const make = (components: number, key: string) => {
      store.deleteCollection("docs");
      store.createCollection("docs", { dimension: components });
      store.upsert("docs", key, new Float32Array(components).fill(1));
    };
    const search = () => keysOf(store.search("docs", new Float32Array(dimension).fill(1)));
    make(dimension, "first");
    expect(search()).toEqual(["first"]);
    make(between, "second");
    make(dimension, "third");
    expect(search()).toEqual(["third"]);
  });

  test("in a transaction is searched in it as it will be", () => {
    const { database, indexes, run } = withThree();
    database.transaction(run, (opened) => {
      const inside = new SearchableVectorStore(opened.scope("default"), indexes);
      inside.deleteCollection("docs");
      expect(() => inside.search("docs", [1, 0])).toThrow(expect.objectContaining({ code: "COLLECTION_NOT_FOUND" }));
      inside.createCollection("docs", { dimension: 1, metric: "euclidean" });
      inside.upsert("docs", "new", [4]);
      expect(inside.search("docs", [4])).toEqual([{ key: "new", score: 1, metadata: undefined }]);
    });
  });
});

describe("what a search observes", () => {
  /** Searches in a transaction, during which another one commits. */
  function race(options: VectorSearchOptions, meanwhile: (store: SearchableVectorStore) => void): () => void {
    const { database, indexes, run, store } = withThree();
    const opened = database.beginTransaction(run);
    const inside = new SearchableVectorStore(opened.scope("default"), indexes);
    inside.search("docs", [1, 0], options);
    inside.upsert("docs", "own", [1, 1]);
    meanwhile(store);
    return () => database.commitTransaction(opened);
  }
  const conflict = expect.objectContaining({ code: "TRANSACTION_CONFLICT" });

  test("every vector that it could have found", () => {
    expect(race({}, (store) => store.upsert("docs", "far", [-1, 0]))).toThrow(conflict);
    expect(race({ k: 1 }, (store) => store.delete("docs", "nowhere"))).toThrow(conflict);
    expect(race({ prefix: "n" }, (store) => store.upsert("docs", "near", [1, 0]))).toThrow(conflict);
  });

  test("nothing else", () => {
    expect(race({ prefix: "n" }, (store) => store.upsert("docs", "far", [1, 0]))).not.toThrow();
    expect(race({}, (store) => store.createCollection("others", { dimension: 1 }))).not.toThrow();
  });

  test("nothing at all when it is told so", () => {
    expect(race({ observe: false }, (store) => store.upsert("docs", "far", [1, 0]))).not.toThrow();
  });
});

test("ten thousand collections are listed without an index of any, and searched one by one", () => {
  const { database, indexes, run, store } = open();
  database.transaction(run, (opened) => {
    const inside = new SearchableVectorStore(opened.scope("default"), indexes);
    for (let i = 0; i < 10_000; i++) {
      inside.createCollection(`c${i}`, { dimension: 1, metric: "dot" });
      inside.upsert(`c${i}`, "key", [i]);
    }
  });
  const before = store.listCollections();
  expect(before).toHaveLength(10_000);
  expect(before.every(({ memoryBytes, count }) => memoryBytes === 0 && count === 1)).toBe(true);
  for (const i of [0, 77, 9_999]) expect(store.search(`c${i}`, [1])[0]!.score).toBe(i);
  expect(store.listCollections().filter(({ memoryBytes }) => memoryBytes > 0)).toHaveLength(3);
});

test("an exact search asks neither a graph nor the small copies of vectors", async () => {
  const { store } = open();
  store.createCollection("docs", { dimension: 2, index: "hnsw", quantization: "int8" });
  const entries = Array.from({ length: 2000 }, (_, i) => ({ key: `k${i}`, vector: [Math.sin(i), Math.cos(i)] }));
  store.upsertMany("docs", entries);
  await store.build("docs");
  const walked = vi.spyOn(HnswIndex.prototype, "search");
  const bounded = [vi.spyOn(KernelRows.prototype, "bounds"), vi.spyOn(PlainRows.prototype, "bounds")];
  const calls = () => [walked, ...bounded].reduce((sum, { mock }) => sum + mock.calls.length, 0);
  const exact = store.search("docs", [1, 0], { exact: true, k: 500 });
  expect(calls()).toBe(0);
  expect(store.search("docs", [1, 0], { k: 500 })).toEqual(exact);
  expect(calls()).toBe(1);
  expect(store.search("docs", [1, 0], { k: 1, efSearch: 8 })[0]).toEqual(exact[0]);
  expect(calls()).toBe(2);
  vi.restoreAllMocks();
});

describe("what a graph does not have", () => {
  /** A graph over so many vectors that a search walks it. */
  async function withGraph() {
    const opened = open();
    opened.store.createCollection("docs", { dimension: 2, metric: "euclidean", index: "hnsw", efSearch: 8 });
    const vectors = Array.from({ length: 1500 }, (_, i) => ({ key: `k${i}`, vector: [Math.cos(i), Math.sin(i)] }));
    opened.store.upsertMany("docs", vectors);
    await opened.store.build("docs");
    return opened;
  }

  test("where it leads to fewer than there are, all are compared", async () => {
    const { store } = await withGraph();
    const { search } = HnswIndex.prototype;
    const walked = vi.spyOn(HnswIndex.prototype, "search").mockImplementation(function (this: HnswIndex, ...wanted) {
      const found = search.apply(this, wanted);
      return { ...found, count: 4 };
    });
    const matches = store.search("docs", [1, 0], { k: 5 });
    expect(walked).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
    expect(matches).toEqual(store.search("docs", [1, 0], { k: 5, exact: true }));
  });

  test("the only vector that it has not reached is found", async () => {
    const { store } = await withGraph();
    store.upsert("docs", "last", [5, 5]);
    expect(store.search("docs", [5, 5], { k: 1 })).toEqual([{ key: "last", score: 1, metadata: undefined }]);
    expect(store.stats("docs")).toMatchObject({ count: 1501, indexed: 1500 });
  });
});

test("what does not fit into memory is made again for each search, and none goes short of it", () => {
  const database = Database.ephemeral({ memoryBudgetBytes: 1 });
  const indexes = Indexes.of(database);
  let run = database.runs.must("default");
  let store = new SearchableVectorStore(database.head(run, "default"), indexes);
  store.createCollection("docs", { dimension: 1, metric: "dot" });
  const wanted: string[] = [];
  for (let depth = 0; depth < 12; depth++) {
    const key = String.fromCharCode(97 + depth);
    store.upsert("docs", key, [1]);
    wanted.push(key);
    expect(keysOf(store.search("docs", [1], { k: 20 }))).toEqual(wanted);
    database.runs.fork(run, run.version, [`fork-${depth}`]);
    run = database.runs.must(`fork-${depth}`);
    store = new SearchableVectorStore(database.head(run, "default"), indexes);
  }
});
