import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { RunShard } from "./shard.js";

const ALL = { start: undefined, end: undefined, reverse: false };
const NOW = Number.POSITIVE_INFINITY;

function commit(shard: RunShard, version: number, timestamp: number): void {
  shard.timeline.append(version, timestamp, undefined, version);
  shard.lastVersion = version;
  shard.lastTimestamp = timestamp;
}

function keysOf(shard: RunShard, space: string, asOf = NOW): string[] | undefined {
  const table = shard.tableAt(space, "kv", asOf);
  if (table === undefined) return undefined;
  const keys: string[] = [];
  table.scan(ALL, asOf, (key) => keys.push(key) > 0);
  return keys;
}

test("the default space is always there, others once they are registered", () => {
  const shard = new RunShard(runId(1));
  expect(shard.spaces()).toEqual(["default"]);
  expect(shard.hasSpace("default")).toBe(true);
  expect(shard.hasSpace("default", 0)).toBe(true);
  expect(shard.table("notes", "kv")).toBeUndefined();
  expect(shard.events("notes")).toBeUndefined();
  const space = shard.registerSpace("notes", 5);
  expect(shard.registerSpace("notes", 6)).toBe(space);
  expect(shard.layout).toBe(1);
  expect(shard.table("notes", "kv")).toBe(shard.table("notes", "kv"));
  expect(shard.spaces()).toEqual(["default", "notes"]);
  expect(shard.spaces(4)).toEqual(["default"]);
  expect([shard.hasSpace("notes", 4), shard.hasSpace("notes", 5)]).toEqual([false, true]);
});

test("each primitive has a table of its own in each space", () => {
  const shard = new RunShard(runId(1));
  shard.registerSpace("notes", 2);
  const tables = ["default", "notes"].flatMap((space) =>
    (["kv", "state", "json", "vector"] as const).map((primitive) => shard.table(space, primitive)),
  );
  expect(new Set(tables).size).toBe(8);
  shard.table("notes", "kv")!.put("k", 1, 3);
  expect(tables.filter((table) => table!.head("k") !== undefined)).toEqual([shard.table("notes", "kv")]);
});

test("a dropped space is gone, stays for views of the past, and comes back empty", () => {
  const shard = new RunShard(runId(1));
  shard.registerSpace("notes", 2);
  shard.table("notes", "kv")!.put("k", 1, 3);
  shard.events("notes")!.append(3, "t", new Uint8Array(1));
  expect(shard.dropSpace("notes", 5)).toBe(true);
  expect(shard.dropSpace("notes", 6)).toBe(false);
  expect(shard.layout).toBe(2);
  expect(shard.table("notes", "kv")).toBeUndefined();
  expect([keysOf(shard, "notes", 4), keysOf(shard, "notes", 5)]).toEqual([["k"], undefined]);
  expect(shard.eventsAt("notes", 4)!.length(4)).toBe(1);
  shard.registerSpace("notes", 7);
  expect(shard.layout).toBe(3);
  expect([keysOf(shard, "notes", 4), keysOf(shard, "notes", 6), keysOf(shard, "notes", 7)]).toEqual([
    ["k"],
    undefined,
    [],
  ]);
  expect(shard.events("notes")!.length()).toBe(0);
  expect([1, 2, 4, 5, 6, 7].map((asOf) => shard.hasSpace("notes", asOf))).toEqual([
    false,
    true,
    true,
    false,
    false,
    true,
  ]);
});

test("a space dropped and registered by one commit is the new one as of that commit", () => {
  const shard = new RunShard(runId(1));
  shard.registerSpace("notes", 2).table("kv").put("k", 1, 2);
  shard.dropSpace("notes", 5);
  shard.registerSpace("notes", 5);
  expect([keysOf(shard, "notes", 4), keysOf(shard, "notes", 5)]).toEqual([["k"], []]);
});

test("the default space cannot be dropped", () => {
  expect(() => new RunShard(runId(1)).dropSpace("default", 1)).toThrow("stays");
});

test("a fork has the spaces that its parent had then", () => {
  const parent = new RunShard(runId(1));
  parent.registerSpace("early", 2).table("kv").put("k", "early", 2);
  parent.registerSpace("gone", 3).table("kv").put("k", "gone", 3);
  parent.dropSpace("gone", 4);
  const fork = new RunShard(runId(6), parent, 5);
  parent.registerSpace("late", 7);
  parent.dropSpace("early", 8);
  expect(fork.spaces()).toEqual(["default", "early"]);
  expect(parent.spaces()).toEqual(["default", "late"]);
  expect(fork.table("early", "kv")!.head("k")).toBe("early");
  expect(fork.spaces(3)).toEqual(["default", "early", "gone"]);
  expect(keysOf(fork, "gone", 3)).toEqual(["k"]);
});

test("a fork of an earlier version sees the incarnation of that version", () => {
  const parent = new RunShard(runId(1));
  parent.registerSpace("s", 2).table("kv").put("first", 1, 2);
  parent.dropSpace("s", 4);
  parent.registerSpace("s", 6).table("kv").put("second", 1, 6);
  expect(keysOf(new RunShard(runId(10), parent, 3), "s")).toEqual(["first"]);
  expect(keysOf(new RunShard(runId(11), parent, 5), "s")).toBeUndefined();
  expect(keysOf(new RunShard(runId(12), parent, 6), "s")).toEqual(["second"]);
});

test("a space that a fork drops and registers again does not show what it inherited", () => {
  const parent = new RunShard(runId(1));
  parent.registerSpace("s", 2).table("kv").put("k", 1, 2);
  const fork = new RunShard(runId(4), parent, 3);
  expect(fork.dropSpace("s", 5)).toBe(true);
  fork.registerSpace("s", 6);
  expect(keysOf(fork, "s")).toEqual([]);
  expect(keysOf(fork, "s", 4)).toEqual(["k"]);
  expect(keysOf(parent, "s")).toEqual(["k"]);
  const grandchild = new RunShard(runId(8), fork, 7);
  expect(keysOf(grandchild, "s")).toEqual([]);
  expect(keysOf(new RunShard(runId(9), fork, 4), "s")).toEqual(["k"]);
});

test("a fork made at a version before its parent's own fork sees the grandparent", () => {
  const root = new RunShard(runId(1));
  root.table("default", "kv")!.put("a", 1, 2);
  root.table("default", "kv")!.put("b", 1, 4);
  const parent = new RunShard(runId(6), root, 5);
  parent.table("default", "kv")!.put("c", 1, 7);
  const fork = new RunShard(runId(8), parent, 3);
  expect(keysOf(fork, "default")).toEqual(["a"]);
  expect(keysOf(parent, "default")).toEqual(["a", "b", "c"]);
  expect(fork.table("default", "kv")!.base).toBe(root.table("default", "kv"));
});

test("forking is the same work whatever the parent has, and tables come when they are asked for", () => {
  const parent = new RunShard(runId(1));
  for (let key = 0; key < 100; key++) parent.table("default", "kv")!.put(`k${key}`, key, 2 + key);
  const fork = new RunShard(runId(200), parent, 150);
  const table = fork.table("default", "kv")!;
  expect(table.ownKeys).toBe(0);
  expect(table.base).toBe(parent.table("default", "kv"));
  expect(table.baseVersion).toBe(150);
});

test("a line of twenty thousand forks that nobody wrote to reads like one", () => {
  const root = new RunShard(runId(1));
  root.table("default", "kv")!.put("k", "v", 2);
  root.events("default")!.append(2, "t", new Uint8Array([1]));
  root.timeline.append(2, 100, undefined, 2);
  let shard = root;
  for (let depth = 0; depth < 20_000; depth++) shard = new RunShard(runId(10 + depth), shard, 10 + depth);
  expect(shard.table("default", "kv")!.head("k")).toBe("v");
  expect(shard.table("default", "kv")!.depth).toBe(1);
  expect(shard.events("default")!.record(0)[0]).toBe(1);
  expect(shard.spaces()).toEqual(["default"]);
  expect(shard.hasSpace("default", 3)).toBe(true);
  expect(shard.timestampOf(2)).toBe(100);
});

test("a line of two thousand forks that each wrote reads through all of them", () => {
  let shard = new RunShard(runId(1));
  let version = 1;
  for (let depth = 0; depth < 2000; depth++) {
    shard.table("default", "kv")!.put(`k${depth}`, depth, ++version);
    shard.events("default")!.append(version, "t", new Uint8Array([depth % 256]));
    shard = new RunShard(runId(++version), shard, version);
  }
  expect(shard.table("default", "kv")!.head("k0")).toBe(0);
  expect(keysOf(shard, "default")).toHaveLength(2000);
  const log = shard.events("default")!;
  expect([log.length(), log.length(2), log.record(0)[0], log.countOf("t")]).toEqual([2000, 1, 0, 2000]);
  expect(log.sequencesOf("t", 1000, 2, true)).toEqual([1000, 999]);
});

test("times and versions are found in the run that made the commit", () => {
  const parent = new RunShard(runId(1));
  commit(parent, 2, 100);
  commit(parent, 4, 200);
  const fork = new RunShard(runId(5), parent, 4);
  expect([fork.lastVersion, fork.lastTimestamp]).toEqual([4, 200]);
  commit(parent, 6, 300);
  commit(fork, 7, 400);
  expect([2, 4, 6, 7].map((version) => fork.timestampOf(version))).toEqual([100, 200, 0, 400]);
  expect([99, 100, 250, 350, 400].map((time) => fork.versionAtTime(time))).toEqual([undefined, 2, 4, 4, 7]);
  expect([1, 3, 5, 8].map((version) => fork.timestampAt(version))).toEqual([0, 100, 200, 400]);
  expect(new RunShard(runId(9), parent, 3).lastTimestamp).toBe(100);
  expect(parent.versionAtTime(350)).toBe(6);
});

test("a time whose commit was trimmed has no version, rather than an older one", () => {
  const parent = new RunShard(runId(1));
  commit(parent, 2, 100);
  const fork = new RunShard(runId(3), parent, 2);
  commit(fork, 4, 200);
  commit(fork, 5, 300);
  fork.timeline.trimThrough(4);
  expect([fork.versionAtTime(250), fork.versionAtTime(300)]).toEqual([undefined, 5]);
});
