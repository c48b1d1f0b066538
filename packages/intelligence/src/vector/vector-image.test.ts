import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { ManualTime, SeededRandom } from "@strata/durability/testing";
import { Database, type DatabaseOptions } from "@strata/engine";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { HnswIndex } from "./hnsw-index.js";
import { SearchableVectorStore } from "./searchable-vectors.js";
import { VectorIndex } from "./vector-index.js";

const DIMENSION = 8;

afterEach(() => {
  vi.restoreAllMocks();
});

function open(vfs: MemoryVfs, options: Partial<DatabaseOptions> = {}) {
  const time = new ManualTime();
  const shared = { clock: time, timer: time, random: new SeededRandom(1) };
  const driver = new InlineSyncDriver(vfs, time);
  const messages: string[] = [];
  const logger = { log: (_level: string, _target: string, message: string) => void messages.push(message) };
  const db = Database.open({ ...options, ...shared, logger, durability: new LogDurability(vfs, driver, shared) });
  const store = (run = "default") => new SearchableVectorStore(db.head(db.runs.must(run), "default"), Indexes.of(db));
  /** Lets what waits for timers go on. */
  const finish = async (work: Promise<unknown>) => {
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      time.advance(1);
      await Promise.resolve();
    }
    await work;
  };
  return { db, store, finish, messages };
}

function vectorsOf(count: number, seed: number) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32 - 0.5;
  };
  return Array.from({ length: count }, (_, i) => ({
    key: `${seed}-${i}`,
    vector: Float32Array.from({ length: DIMENSION }, random),
    metadata: { group: i % 10 },
  }));
}

const QUERY = vectorsOf(1, 99)[0]!.vector;
const FILTER = { filter: { group: 3 } };

describe.each(["none", "int8"] as const)("a collection with quantization %s that was saved", (quantization) => {
  test.each(["flat", "hnsw"] as const)("is there again, and goes on: %s", async (index) => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    const store = first.store();
    store.createCollection("docs", { dimension: DIMENSION, index, quantization });
    store.upsertMany("docs", vectorsOf(600, 1));
    for (let i = 0; i < 600; i += 7) store.delete("docs", `1-${i}`);
    await first.finish(store.build("docs"));
    store.search("docs", QUERY, FILTER);
    const stats = store.stats("docs")!;
    expect(stats.indexed).toBe(index === "hnsw" ? stats.count : 0);
    await first.finish(first.db.checkpoint());
    store.upsertMany("docs", vectorsOf(50, 2));
    store.delete("docs", "1-1");
    const found = [store.search("docs", QUERY, { k: 20 }), store.search("docs", QUERY, FILTER)];
    first.db.close();

    const second = open(vfs);
    const add = vi.spyOn(VectorIndex.prototype, "add");
    const insert = vi.spyOn(HnswIndex.prototype, "insert");
    const again = second.store();
    expect([again.search("docs", QUERY, { k: 20 }), again.search("docs", QUERY, FILTER)]).toEqual(found);
    // Only what came after the checkpoint was told to it.
    expect(add).toHaveBeenCalledTimes(50);
    expect(insert).not.toHaveBeenCalled();
    expect(again.stats("docs")).toMatchObject({ index, count: stats.count + 49 });
    await second.finish(again.build("docs"));
    expect(insert).toHaveBeenCalledTimes(index === "hnsw" ? 50 : 0);
    await second.finish(second.db.checkpoint());
    second.db.close();

    const third = open(vfs);
    add.mockClear();
    expect(third.store().search("docs", QUERY, { k: 20 })).toEqual(found[0]);
    expect(add).not.toHaveBeenCalled();
    expect(third.messages.filter((message) => message.includes("built anew"))).toEqual([]);
    third.db.close();
  });
});

test("forks have images of their own", async () => {
  const vfs = new MemoryVfs();
  const first = open(vfs);
  first.store().createCollection("docs", { dimension: DIMENSION });
  first.store().upsertMany("docs", vectorsOf(100, 1));
  first.db.runs.fork(first.db.runs.must("default"), first.db.runs.must("default").version, ["fork"]);
  first.store("fork").upsertMany(
    "docs",
    vectorsOf(5, 1).map(({ key }) => ({ key, vector: QUERY })),
  );
  const found = ["default", "fork"].map((run) => first.store(run).search("docs", QUERY));
  expect(found[1]!.slice(0, 5).map(({ key }) => key)).toEqual(["1-0", "1-1", "1-2", "1-3", "1-4"]);
  await first.finish(first.db.checkpoint());
  first.db.close();
  const second = open(vfs);
  const add = vi.spyOn(VectorIndex.prototype, "add");
  expect(["default", "fork"].map((run) => second.store(run).search("docs", QUERY))).toEqual(found);
  expect(add).not.toHaveBeenCalled();
});

test("what is let go while a checkpoint writes it is written as it was", async () => {
  const vfs = new MemoryVfs();
  // Room for one index at a time.
  const first = open(vfs, { memoryBudgetBytes: 1 });
  const store = first.store();
  for (const name of ["docs", "others"]) {
    store.createCollection(name, { dimension: 64, metric: "dot" });
    const entries = Array.from({ length: 500 }, (_, i) => {
      return { key: `${name}-${i}`, vector: new Float32Array(64).fill(name === "docs" ? i : -i) };
    });
    store.upsertMany(name, entries);
  }
  const query = new Float32Array(64).fill(1);
  const found = store.search("docs", query);
  const work = first.db.checkpoint();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  store.search("others", query);
  await Promise.resolve();
  store.search("docs", query);
  store.search("others", query);
  await first.finish(work);
  expect(first.messages).toEqual([]);
  first.db.close();

  const second = open(vfs);
  const add = vi.spyOn(VectorIndex.prototype, "add");
  expect(second.store().search("docs", query)).toEqual(found);
  expect(add).not.toHaveBeenCalled();
});
