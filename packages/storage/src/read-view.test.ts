import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { ReadView } from "./read-view.js";
import { RunShard } from "./shard.js";

test("a view pins its version until it is disposed of, once", () => {
  const shard = new RunShard(runId(1));
  const first = new ReadView(shard, 3);
  const second = new ReadView(shard, 3);
  expect(shard.watermark.lowest).toBe(3);
  first.dispose();
  first.dispose();
  expect(shard.watermark.lowest).toBe(3);
  second[Symbol.dispose]();
  expect(shard.watermark.lowest).toBe(Number.POSITIVE_INFINITY);
  expect(shard.watermark.pins).toBe(0);
});

test("a view of what was inherited is pinned where it was written", () => {
  const root = new RunShard(runId(1));
  const fork = new RunShard(runId(2), root, 10);
  const deep = new RunShard(runId(3), fork, 20);
  const views = [5, 10, 15, 20, 25].map((version) => new ReadView(deep, version));
  const held = (shard: RunShard) =>
    [5, 10, 15, 20, 25].filter((version) => shard.watermark.hasIn(version, version + 1));
  expect([held(root), held(fork), held(deep)]).toEqual([[5], [10, 15], [20, 25]]);
  for (const view of views) view.dispose();
  expect([root, fork, deep].map((shard) => shard.watermark.pins)).toEqual([0, 0, 0]);
});
