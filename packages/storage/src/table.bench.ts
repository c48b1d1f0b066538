import { runId } from "@strata/core";
import { bench, describe } from "vitest";
import { ShardedStore } from "./sharded-store.js";
import type { Table } from "./table.js";

// Beside a bare Map, since absolute figures say more about the machine. `npx vitest bench` in this package.

const COUNT = 100_000;
const CALLS = 10_000;

let version = 0;
/** What reads found: without a use they would be optimised away. */
export let found = 0;
const store = new ShardedStore();
const nextId = () => runId(++version);

// As a parser makes them: keys made by concatenation stay trees of pieces, and compare several times slower.
const keys: string[] = JSON.parse(
  JSON.stringify(
    Array.from({ length: COUNT }, (_, id) => `user:${String((id * 7919) % COUNT).padStart(12, "0")}:name`),
  ),
);
const order = Int32Array.from({ length: CALLS }, (_, call) => (call * 104_729) % COUNT);

function filled(): Table {
  const table = store.create(nextId()).table("default", "kv")!;
  for (const key of keys) table.put(key, key, ++version);
  return table;
}

function forked(depth: number): Table {
  let shard = store.create(nextId());
  for (const key of keys) shard.table("default", "kv")!.put(key, key, ++version);
  for (let layer = 0; layer < depth; layer++) {
    shard = store.create(nextId(), shard, version);
    for (let own = 0; own < 100; own++) shard.table("default", "kv")!.put(`layer ${layer}:${own}`, own, ++version);
  }
  return shard.table("default", "kv")!;
}

function scanFrom(table: Table, start: string): void {
  let count = 0;
  table.scan({ start, end: undefined, reverse: false }, Number.POSITIVE_INFINITY, () => ++count < 100);
  found += count;
}

describe(`${CALLS} reads of ${COUNT} keys`, () => {
  const map = new Map(keys.map((key) => [key, { key }]));
  const table = filled();
  const layers = [1, 8, 64].map((depth) => ({ depth, table: forked(depth) }));
  bench("a bare Map", () => {
    for (const id of order) if (map.get(keys[id]!)?.key !== undefined) found++;
  });
  bench("head", () => {
    for (const id of order) if (table.head(keys[id]!) !== undefined) found++;
  });
  for (const { depth, table } of layers) {
    bench(`head, forked ${depth} deep`, () => {
      for (const id of order) if (table.head(keys[id]!) !== undefined) found++;
    });
  }
});

describe(`${CALLS} writes of ${COUNT} keys`, () => {
  const map = new Map<string, unknown>(keys.map((key) => [key, key]));
  const table = filled();
  const hot = filled();
  bench("a bare Map", () => {
    for (const id of order) map.set(keys[id]!, id);
  });
  bench("put, any key", () => {
    for (const id of order) table.put(keys[id]!, id, ++version);
  });
  bench("put, 500 keys", () => {
    for (const id of order) hot.put(keys[id % 500]!, id, ++version);
  });
});

describe("scans of 100", () => {
  const table = filled();
  const layers = [1, 8, 64].map((depth) => ({ depth, table: forked(depth) }));
  let call = 0;
  bench("unforked", () => scanFrom(table, keys[order[call++ % CALLS]!]!));
  for (const { depth, table } of layers) {
    bench(`forked ${depth} deep`, () => scanFrom(table, keys[order[call++ % CALLS]!]!));
  }
});

describe(`the first scan of ${COUNT} keys`, () => {
  bench("filling a table", () => void filled(), { iterations: 5, time: 0, warmupIterations: 1 });
  bench("filling and scanning 100", () => scanFrom(filled(), keys[7]!), {
    iterations: 5,
    time: 0,
    warmupIterations: 1,
  });
});
