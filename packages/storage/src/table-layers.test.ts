import type { RunId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { RunShard } from "./shard.js";

const id = (number: number) => number as RunId;

function shardWith(shard: RunShard, entries: readonly (readonly [string, string | undefined, number])[]): RunShard {
  for (const [key, value, version] of entries) shard.table("default", "kv")!.put(key, value, version);
  return shard;
}

describe("a table's layers", () => {
  test("go from the table itself to those it was forked from, each up to its fork", () => {
    const parent = shardWith(new RunShard(id(1)), [["a", "1", 1]]);
    const child = shardWith(new RunShard(id(2), parent, 1), [["a", "2", 2]]);
    const grandchild = new RunShard(id(3), child, 2);
    const table = grandchild.table("default", "kv")!;
    expect(table.layers(Number.POSITIVE_INFINITY).map(({ through }) => through)).toEqual([2, 1]);
    expect(table.layers(1).map(({ through }) => through)).toEqual([1]);
    expect(table.layers(1)[0]!.table).toBe(parent.table("default", "kv"));
    expect(table.layers(1)[0]!.table.space.shard).toBe(parent);
  });
});

describe("own entries", () => {
  test("are the newest ones at a version, dead ones included and inherited ones left out", () => {
    const parent = shardWith(new RunShard(id(1)), [["below", "1", 1]]);
    const child = shardWith(new RunShard(id(2), parent, 1), [
      ["a", "1", 2],
      ["b", "1", 3],
      ["a", "2", 4],
      ["b", undefined, 5],
      ["c", "1", 6],
    ]);
    const table = child.table("default", "kv")!;
    expect([...table.ownEntries(5)]).toEqual([
      { key: "a", stored: "2", version: 4 },
      { key: "b", stored: undefined, version: 5 },
    ]);
    expect([...table.ownEntries(2)]).toEqual([{ key: "a", stored: "1", version: 2 }]);
  });

  test("stay those of the version while others are written", () => {
    const shard = shardWith(new RunShard(id(1)), [
      ["a", "1", 1],
      ["b", "1", 2],
    ]);
    const entries = shard.table("default", "kv")!.ownEntries(2);
    const seen = [entries.next().value];
    shardWith(shard, [
      ["b", "2", 3],
      ["c", "1", 4],
    ]);
    expect([...seen, ...entries].map((entry) => entry?.stored)).toEqual(["1", "1"]);
  });
});
