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
