import { MemoryVfs } from "@strata/durability";
import { beforeEach, expect, test } from "vitest";
import { drive } from "../test/drive.js";
import { openSimulated } from "../test/simulated-database.js";
import { Database, EventLogStore, JsonDocumentStore, KvStore, keepLast, StateCellStore, VectorStore } from "./index.js";
import { statsOf } from "./run-stats.js";

let db: Database;
const scope = (run = "default", space = "default") => db.head(db.runs.must(run), space);
const stats = (run = "default") => statsOf(db.runs.must(run).shard);
const NONE = { kv: 0, event: 0, state: 0, json: 0, vector: 0 };

beforeEach(() => {
  db = Database.ephemeral({ retention: keepLast(1) });
});

test("a run's values and events are live, what they replaced is history", () => {
  expect(stats()).toEqual({ liveBytes: 0, historyBytes: 0, diskBytes: 0, keys: NONE });
  const kv = new KvStore(scope());
  kv.put("k", "x".repeat(1000));
  const { liveBytes } = stats();
  expect(liveBytes).toBeGreaterThan(1000);
  expect(liveBytes).toBeLessThan(1020);
  kv.put("k", "y".repeat(1000));
  expect(stats().liveBytes).toBe(liveBytes);
  expect(stats().historyBytes).toBeGreaterThan(1000);
  kv.delete("k");
  expect(stats().liveBytes).toBe(0);
  expect(stats().historyBytes).toBeGreaterThan(2000);
  new EventLogStore(scope()).append("said", { text: "z".repeat(500) });
  expect(stats().liveBytes).toBeGreaterThan(500);
});

test("keys are counted by primitive, over all spaces, inherited ones too", () => {
  new KvStore(scope()).put("a", 1);
  new KvStore(scope("default", "other")).put("a", 1);
  new KvStore(scope()).put("gone", 1);
  new KvStore(scope()).delete("gone");
  new StateCellStore(scope()).set("cell", 1);
  new JsonDocumentStore(scope()).set("doc", "$", { a: 1 });
  new EventLogStore(scope()).append("said", {});
  const keys = { kv: 2, event: 1, state: 1, json: 1, vector: 0 };
  expect(stats().keys).toEqual(keys);
  db.fork(db.runs.must("default"), ["child"]);
  expect(stats("child")).toEqual({ liveBytes: 0, historyBytes: 0, diskBytes: 0, keys });
});

test("vectors are counted without their collections", () => {
  const vectors = new VectorStore(scope());
  vectors.createCollection("docs", { dimension: 2 });
  vectors.createCollection("empty", { dimension: 2 });
  const before = stats().liveBytes;
  vectors.upsert("docs", "a", [1, 2]);
  vectors.upsert("docs", "b", [1, 2]);
  vectors.delete("docs", "b");
  expect(stats().keys).toEqual({ ...NONE, vector: 1 });
  expect(stats().liveBytes - before).toBeGreaterThan(8);
});

test("what a dropped space held is history, and trimmed history is nothing", () => {
  new KvStore(scope("default", "other")).put("a", "x".repeat(100));
  new EventLogStore(scope("default", "other")).append("said", { text: "z".repeat(100) });
  db.spaces(db.runs.must("default")).delete("other", { force: true });
  expect(stats().liveBytes).toBe(0);
  expect(stats().historyBytes).toBeGreaterThan(200);
  const kv = new KvStore(scope());
  const before = stats().historyBytes;
  for (let i = 0; i < 1000; i++) kv.put("k", "x".repeat(100));
  expect(stats().historyBytes).toBeLessThan(before + 1000);
  for (const _ of db.retention.compact(db.runs.live.loaded(), db.runtime.clock.now()));
  expect(stats().historyBytes).toBeLessThan(before);
});

test("what lies in files is counted there, and what was written since in memory", async () => {
  const { db, time } = openSimulated(new MemoryVfs());
  const kv = new KvStore(db.head(db.runs.must("default")));
  for (let i = 0; i < 100; i++) kv.put(`key ${i}`, "x".repeat(100));
  const before = db.runStats("default");
  await drive(time, db.checkpoint());
  const filed = db.runStats("default");
  expect(filed.diskBytes).toBeGreaterThan(before.liveBytes / 2);
  expect(Math.abs(filed.liveBytes - before.liveBytes)).toBeLessThan(500);
  expect(filed.keys).toEqual(before.keys);
  kv.put("one more", "y".repeat(1000));
  expect(db.runStats("default").liveBytes).toBeGreaterThan(filed.liveBytes + 1000);
});
