import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { naiveFiles, Reads } from "../test/naive-files.js";
import { NaiveRun } from "../test/naive-store.js";
import type { ColdRun } from "./cold.js";
import { RunShard, type StoredRun } from "./shard.js";
import { ShardedStore } from "./sharded-store.js";

const NOW = Number.POSITIVE_INFINITY;

/** Counts how often it is read. */
interface CountedRun extends StoredRun {
  loads: number;
}

function stored(files: ColdRun, lastVersion: number, lastTimestamp: number): CountedRun {
  return {
    through: files.through,
    lastVersion,
    lastTimestamp,
    loads: 0,
    load() {
      this.loads++;
      return files;
    },
  };
}

/** Files of a run that wrote "key" to the default space and to "a" in commits 2 and 3, at 200 and 300 µs. */
function twoCommits(reads = new Reads()): ColdRun {
  const run = new NaiveRun();
  const write = { primitive: "kv", key: "key" } as const;
  run.table("default", "kv", 2)!.put("key", "default", 2);
  run.register("a", 3);
  run.table("a", "kv", 3)!.put("key", "a", 3);
  return naiveFiles(run, {
    forkVersion: undefined,
    through: 5,
    merges: [{ version: 3, contained: [] }],
    reads,
    commits: [
      { version: 2, timestamp: 200, message: undefined, bytes: 0, writes: [{ ...write, space: "default" }] },
      { version: 3, timestamp: 300, message: "why", bytes: 0, writes: [{ ...write, space: "a" }] },
    ],
  });
}

/** Files of a fork of such a run at version 3, of which only the commits differ. */
function forked(id: number): ColdRun {
  const run = new NaiveRun();
  const write = { space: "default", primitive: "kv", key: `fork ${id}` } as const;
  run.table("default", "kv", id)!.put(write.key, id, id);
  return naiveFiles(run, {
    forkVersion: id - 1,
    through: id,
    commits: [{ version: id, timestamp: 1000 + id, message: undefined, bytes: 0, writes: [write] }],
  });
}

test("a stored run says what it is without being loaded, and can be forked and dropped", () => {
  const source = stored(twoCommits(), 3, 300);
  const store = new ShardedStore();
  const shard = store.adopt(new RunShard(runId(1), undefined, 0, source));
  expect(store.get(runId(1))).toBe(shard);
  expect([shard.isLoaded, shard.coldThrough, shard.lastVersion, shard.lastTimestamp]).toEqual([false, 5, 3, 300]);
  expect([shard.residentChains, shard.layout, shard.watermark.lowest]).toEqual([0, 0, NOW]);
  shard.evict();
  const fork = store.create(runId(6), shard, 3);
  expect([fork.lastVersion, fork.lastTimestamp, store.size]).toEqual([3, 300, 2]);
  expect([...store.loaded()]).toEqual([shard, fork]);
  expect(store.drop(runId(1))).toBe(true);
  expect([source.loads, shard.isLoaded, shard.dropped]).toEqual([0, false, true]);
  expect(store.get(runId(2))).toBeUndefined();
});

test.each<[touch: string, (shard: RunShard) => unknown, answer: unknown]>([
  ["a table", (shard) => shard.table("a", "kv")?.head("key"), "a"],
  ["a table of the past", (shard) => shard.tableAt("default", "kv", 2)?.head("key"), "default"],
  ["events", (shard) => shard.events("none"), undefined],
  ["the timeline", (shard) => [...shard.timeline.commits()].map(({ version }) => version), [2, 3]],
  ["spaces", (shard) => shard.spaces(), ["a", "default"]],
  ["spaces of the past", (shard) => shard.spaces(2), ["default"]],
  ["one space", (shard) => shard.hasSpace("a", 3), true],
  [
    "its incarnations",
    (shard) => shard.ownSpaces().map(({ name, createdAt }) => [name, createdAt]),
    [
      ["default", 0],
      ["a", 3],
    ],
  ],
  ["merges", (shard) => shard.merges, [{ version: 3, contained: [] }]],
  ["a time", (shard) => shard.versionAtTime(250), 2],
  ["a timestamp", (shard) => shard.timestampOf(3), 300],
  ["the last commit before", (shard) => shard.timestampAt(4), 300],
  ["a space that is there already", (shard) => shard.registerSpace("a", 6).createdAt, 3],
  ["a space to drop", (shard) => shard.dropSpace("a", 6), true],
])("whoever asks for %s loads the run, once", (_, touch, answer) => {
  const source = stored(twoCommits(), 3, 300);
  const shard = new RunShard(runId(1), undefined, 0, source);
  expect(touch(shard)).toEqual(answer);
  shard.load();
  expect([shard.isLoaded, source.loads]).toEqual([true, 1]);
});

test("loading reads no value", () => {
  const reads = new Reads();
  const shard = new RunShard(runId(1), undefined, 0, stored(twoCommits(reads), 3, 300));
  shard.load();
  expect([shard.spaces(), shard.table("a", "kv")?.liveCount(), shard.residentChains]).toEqual([["a", "default"], 1, 0]);
  expect(reads.count).toBe(0);
});

test("a run whose files cannot be read fails at each touch, and is whole once they can", () => {
  const files = twoCommits();
  const damages = {
    whole: new Error("unreadable"),
    table: new Error("table"),
    none: undefined,
  };
  let damage: Error | undefined = damages.whole;
  const shard = new RunShard(runId(1), undefined, 0, {
    through: 5,
    lastVersion: 3,
    lastTimestamp: 300,
    load: () => {
      if (damage === damages.whole) throw damages.whole;
      return {
        ...files,
        spaces: files.spaces.map((space) => ({
          ...space,
          table: (primitive) => {
            if (space.name === "a" && damage !== undefined) throw damage;
            return space.table(primitive);
          },
        })),
      };
    },
  });
  for (const failing of [damages.whole, damages.table]) {
    damage = failing;
    for (let again = 0; again < 2; again++) {
      expect(() => shard.table("default", "kv")).toThrow(failing);
      expect(() => shard.merges).toThrow(failing);
      expect(shard.isLoaded).toBe(false);
    }
  }
  damage = damages.none;
  expect([shard.table("default", "kv")?.head("key"), shard.merges.length, shard.timeline.length]).toEqual([
    "default",
    1,
    2,
  ]);
});

test("a long line of stored forks loads from the oldest on", () => {
  const DEPTH = 4000;
  let shard = new RunShard(runId(1), undefined, 0, stored(twoCommits(), 3, 300));
  for (let id = 6; id < 6 + DEPTH; id++)
    shard = new RunShard(runId(id), shard, id - 1, stored(forked(id), id, 1000 + id));
  expect(shard.table("default", "kv")?.head("fork 6")).toBe(6);
  expect(shard.table("default", "kv")?.head("key")).toBe("default");
  expect(shard.table("a", "kv")?.head("key")).toBe("a");
});

test.each(["attachCold", "takeOver"] as const)(
  "other files of a run that is not loaded are loaded in their place: %s",
  (how) => {
    const source = stored(twoCommits(), 3, 300);
    const shard = new RunShard(runId(1), undefined, 0, source);
    const files = { ...twoCommits(), through: 9, merges: [] };
    if (how === "attachCold") shard.attachCold(files);
    else expect([...shard.takeOver(files)]).toEqual([]);
    expect([shard.isLoaded, shard.coldThrough, shard.lastVersion, shard.lastTimestamp]).toEqual([false, 9, 3, 300]);
    expect([shard.merges, shard.table("a", "kv")?.head("key"), shard.timeline.tailFloor]).toEqual([[], "a", 9]);
    expect([source.loads, shard.isLoaded]).toEqual([0, true]);
  },
);

test("a run that takes files over lets go of what lies behind its newest entries, a slice at a time", () => {
  const run = new NaiveRun();
  const shard = new RunShard(runId(1));
  const table = shard.table("default", "kv")!;
  const write = (key: string, version: number) => {
    shard.timeline.append(version, version, undefined, 0);
    shard.timeline.write(table.put(key, version, version));
    run.table("default", "kv", version)!.put(key, version, version);
    shard.lastVersion = version;
  };
  const commits = (through: number) =>
    Array.from({ length: through }, (_, index) => {
      const writes = [{ space: "default", primitive: "kv" as const, key: index % 2 === 0 ? "a" : "b" }];
      return { version: index + 1, timestamp: index + 1, message: undefined, bytes: 0, writes };
    });
  const takeOver = (through: number) =>
    [...shard.takeOver(naiveFiles(run, { forkVersion: undefined, through, commits: commits(through) }), 4)].length;
  const older = (key: string) => table.chain(key)?.older?.versions;
  for (let version = 1; version <= 10; version++) write(version % 2 === 1 ? "a" : "b", version);
  expect(takeOver(8)).toBe(2);
  expect([older("a"), older("b"), shard.timeline.tailFloor, shard.timeline.tailLength]).toEqual([
    undefined,
    undefined,
    8,
    2,
  ]);
  write("a", 11);
  write("b", 12);
  write("a", 13);
  expect([older("a"), older("b")]).toEqual([[9, 11], [10]]);
  expect(takeOver(11)).toBe(1);
  expect([older("a"), older("b"), table.isResident]).toEqual([undefined, undefined, true]);
  expect([table.head("a"), table.head("b"), shard.timeline.length]).toEqual([13, 12, 13]);
  write("a", 14);
  expect(takeOver(12)).toBe(0);
  expect(older("a")).toEqual([13]);
});

test("a table of which files have nothing counts as taken over too", () => {
  const shard = new RunShard(runId(1), undefined, 0, stored(twoCommits(), 3, 300));
  const state = shard.table("default", "state")!;
  const none = shard.registerSpace("none", 6).table("kv");
  expect([state.coldThrough, none.coldThrough]).toEqual([0, 0]);
  shard.attachCold({ ...twoCommits(), through: 9 });
  expect([state.coldThrough, none.coldThrough, shard.table("a", "kv")?.coldThrough]).toEqual([9, 9, 9]);
  state.put("key", 1, 10);
  state.evict();
  expect([state.isResident, state.head("key"), state.cold]).toEqual([true, 1, undefined]);
});

test("a run knows which of its spaces it inherited", () => {
  const parent = new RunShard(runId(1));
  parent.registerSpace("a", 2);
  parent.table("a", "kv")!.put("key", 1, 2);
  const fork = new RunShard(runId(3), parent, 2);
  fork.registerSpace("b", 4);
  expect([fork.spaces(), fork.table("a", "kv")?.head("key")]).toEqual([["a", "b", "default"], 1]);
  const inherited = (shard: RunShard) => shard.ownSpaces().map((space) => [space.name, space.inherited]);
  expect([inherited(parent), inherited(fork)]).toEqual([
    [["a", false]],
    [
      ["b", false],
      ["a", true],
    ],
  ]);
});

test("files that reach less far than those before are refused", () => {
  const shard = new RunShard(runId(1), undefined, 0, stored(twoCommits(), 3, 300));
  expect(() => shard.attachCold({ ...twoCommits(), through: 4 })).toThrow("further");
});

test("a space that files say was inherited must be there as of the fork", () => {
  const parent = new RunShard(runId(1));
  const run = new NaiveRun();
  run.register("a", 2);
  run.table("a", "kv", 4)!.put("key", 1, 4);
  const files = naiveFiles(run, { forkVersion: 3, through: 4, commits: [] });
  expect(() => new RunShard(runId(4), parent, 3, stored(files, 4, 0)).load()).toThrow("inherited");
  parent.registerSpace("a", 2);
  expect(new RunShard(runId(4), parent, 3, stored(files, 4, 0)).table("a", "kv")?.head("key")).toBe(1);
});

test("spaces that ended are told by the commits that ended them, down to the floor", () => {
  const run = new NaiveRun();
  for (const [index, name] of ["d", "a", "b", "c"].entries()) run.register(name, index + 1);
  for (const [index, name] of ["c", "b", "a"].entries()) run.drop(name, index + 5);
  const files = naiveFiles(run, { forkVersion: undefined, through: 7, commits: [] });
  const timeline = { ...files.timeline, length: 0, floor: 5, lastAtOrBefore: () => -1 };
  const shard = new RunShard(runId(1), undefined, 0, stored({ ...files, timeline }, 7, 0));
  const droppedBy = (version: number) => shard.timeline.spacesDroppedBy(version).map(({ name }) => name);
  expect([5, 6, 7].map(droppedBy)).toEqual([[], ["b"], ["a"]]);
  expect([shard.spaces(), shard.spaces(5)]).toEqual([
    ["d", "default"],
    ["a", "b", "d", "default"],
  ]);
  // The log behind the files ends what is still there.
  shard.dropSpace("d", 8);
  shard.timeline.trimThrough(6);
  expect([5, 6, 7, 8].map(droppedBy)).toEqual([[], [], ["a"], ["d"]]);
});
