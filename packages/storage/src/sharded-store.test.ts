import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { ShardedStore } from "./sharded-store.js";

test("runs are found by id until they are dropped", () => {
  const store = new ShardedStore();
  const first = store.create(runId(1));
  const second = store.create(runId(2), first, 1);
  expect(store.get(runId(1))).toBe(first);
  expect([...store.loaded()]).toEqual([first, second]);
  expect(store.drop(runId(1))).toBe(true);
  expect(store.drop(runId(1))).toBe(false);
  expect(store.get(runId(1))).toBeUndefined();
  expect(store.size).toBe(1);
  expect(first.dropped).toBe(true);
  expect(first.layout).toBe(1);
});

test("an id is used once at a time, and only a run with a parent has a fork version", () => {
  const store = new ShardedStore();
  store.create(runId(1));
  expect(() => store.create(runId(1))).toThrow("never used again");
  expect(() => store.create(runId(2), undefined, 5)).toThrow("fork version");
});

test("a fork keeps what it sees of a run that was dropped", () => {
  const store = new ShardedStore();
  const parent = store.create(runId(1));
  parent.table("default", "kv")!.put("k", "v", 2);
  const fork = store.create(runId(3), parent, 2);
  store.drop(runId(1));
  expect(fork.table("default", "kv")!.head("k")).toBe("v");
});
