import { ManualTime } from "@strata/durability/testing";
import { Database } from "@strata/engine";
import { describe, expect, test } from "vitest";
import { Indexes } from "./indexes.js";
import { Partition } from "./partition.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";
import { Successor } from "./successor.js";

/** Counts its slots, and has something to do ahead for each. */
class Counted implements SlotIndex {
  readonly memoryBytes = 0;
  slots = 0;
  #done = 0;
  isDisposed = false;

  add(): void {
    this.slots++;
  }

  remove(): void {}

  *work(): Generator<void, void, undefined> {
    for (; this.#done < this.slots; this.#done++) yield;
  }

  dispose(): void {
    expect(this.isDisposed).toBe(false);
    this.isDisposed = true;
  }
}

/** Entries, more than one step takes in. */
const ENTRIES = 100;

function open() {
  const made: Counted[] = [];
  const kind: IndexKind<Counted> = {
    name: "counted",
    primitive: "kv",
    owns: () => true,
    accepts: () => true,
    create: () => {
      const index = new Counted();
      made.push(index);
      return index;
    },
  };
  const time = new ManualTime();
  let ticks = 0;
  // A slice of idle work has forty steps.
  const clock = { now: () => time.now() + 100 * ticks++ };
  const database = Database.ephemeral({ clock, timer: time });
  const run = database.runs.must("default");
  for (let i = 0; i < ENTRIES; i++) database.put(run, `k${i}`, i);
  const view = (name = "default") => database.head(database.runs.must(name)).table("kv").view();
  const table = view().layers[0]!.table;
  const partition = Partition.built(kind, table, run.version, clock.now());
  const successor = new Successor(partition, run.version, clock);
  return { made, kind, database, time, run, view, partition, successor };
}

describe("a successor that is not wanted any more", () => {
  test.each([
    { done: "nothing", steps: 0 },
    { done: "some entries", steps: 2 },
    { done: "all entries, and some of what can be done ahead", steps: ENTRIES / 2 },
  ])("disposes of what it has: $done", ({ steps }) => {
    const { made, partition, successor } = open();
    for (let step = 0; step < steps; step++) expect(successor.step().done).toBe(false);
    expect(made).toHaveLength(steps === 0 ? 1 : 2);
    successor.dispose();
    for (const index of made) expect(index.isDisposed).toBe(index !== partition.index);
    expect(successor.step()).toEqual({ done: true, value: undefined });
  });

  test("is let go with the partition that it was to follow", async () => {
    const { made, kind, database, time, view } = open();
    const indexes = Indexes.of(database);
    indexes.layersOf(kind, view());
    for (let i = 0; i < 20_400; i++) database.put(database.runs.must("default"), `k${i % ENTRIES}`, i);
    indexes.layersOf(kind, view());
    for (let i = 0; i < 100 && made.length < 3; i++) time.advance(1);
    expect(indexes.layersOf(kind, view())[0]!.index).toBe(made[1]);
    expect(made.map(({ isDisposed }) => isDisposed)).toEqual([false, false, false]);
    indexes.erased();
    await Promise.resolve();
    expect(made.map(({ isDisposed }) => isDisposed)).toEqual([false, true, true]);
  });
});

test("a successor that was given stays", () => {
  const { made, successor } = open();
  let step = successor.step();
  while (step.done !== true) step = successor.step();
  expect(step.value?.slots.length).toBe(ENTRIES);
  successor.dispose();
  expect(made.some(({ isDisposed }) => isDisposed)).toBe(false);
});

test("the indexes of a run are disposed of when it is dropped, those of its past as well", async () => {
  const { made, kind, database, run, view } = open();
  const indexes = Indexes.of(database);
  database.fork(run, ["child"]);
  const child = database.runs.must("child");
  for (let i = 0; i < 15_000; i++) database.put(child, "counter", i);
  const before = made.length;
  expect(indexes.layersOf(kind, view("child"))).toHaveLength(2);
  indexes.layersOf(
    kind,
    database
      .at(child, "default", { version: child.version - 14_000 })
      .table("kv")
      .view(),
  );
  const [head, below, past] = made.slice(before);
  database.runs.delete("child");
  await Promise.resolve();
  expect([head, below, past].map((index) => index?.isDisposed)).toEqual([true, false, true]);
});
