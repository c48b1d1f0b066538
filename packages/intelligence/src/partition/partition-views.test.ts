import { CorruptionError } from "@strata/core";
import { ManualTime } from "@strata/durability/testing";
import { Database, type IndexImage, type SavedImage } from "@strata/engine";
import { Box } from "@strata/storage";
import { describe, expect, test } from "vitest";
import { Column, ImageColumns, type ImageParts } from "../image/index.js";
import { Indexes } from "./indexes.js";
import { Partition } from "./partition.js";
import { imageFrom, partitionFrom } from "./partition-image.js";
import { layersFrom } from "./partition-layer.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";

/** Has nothing but its slots, and an image of them. */
class Bare implements SlotIndex {
  readonly memoryBytes = 0;
  readonly seen: Column<Int32Array>;
  isDisposed = false;

  constructor(seen: Column<Int32Array> = new Column(Int32Array)) {
    this.seen = seen;
  }

  add(slot: number): void {
    this.seen.push(slot);
  }

  remove(): void {}

  save(): ImageParts {
    return { head: null, columns: { seen: this.seen } };
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

const bare: IndexKind<Bare> = {
  name: "bare",
  primitive: "kv",
  owns: () => true,
  accepts: () => true,
  create: () => new Bare(),
  load: ({ columns }) => new Bare(new ImageColumns(columns).numbers("seen", Int32Array)),
};

function open() {
  let now = 1_000_000;
  const database = Database.ephemeral({ clock: { now: () => now }, timer: new ManualTime() });
  const indexes = Indexes.of(database);
  const run = database.runs.must("default");
  const viewOf = (name = "default", space = "default") =>
    database.head(database.runs.must(name), space).table("kv").view();
  const keysIn = (name?: string) =>
    indexes.layersOf(bare, viewOf(name)).flatMap((layer) => {
      const slots = Array.from({ length: layer.slots.length }, (_, slot) => slot);
      return slots.filter((slot) => layer.isVisible(slot)).map((slot) => layer.slots.keyOf(slot));
    });
  const pass = (us: number) => {
    now += us;
  };
  return { database, indexes, run, viewOf, keysIn, pass };
}

describe("what a reader sees of a partition", () => {
  test("own writes hide what there was as of his version, whichever he asked for before", () => {
    const { database, run, viewOf } = open();
    const first = database.put(run, "a", 1);
    const second = database.put(run, "a", 2);
    const { table } = viewOf().layers[0]!;
    const partition = Partition.built(bare, table, first, 0);
    partition.catchUp(second, 0);
    const standpoint = { now: 0, pending: new Map([["a", undefined]]) };
    for (const [through, slot] of [
      [second, 1],
      [first, 0],
    ] as const) {
      const [layer] = layersFrom([{ partition, through }], standpoint);
      expect([...layer!.hidden()]).toEqual([slot]);
      expect(layer!.visibleCount()).toBe(0);
    }
  });

  test("what has expired is seen by no fork, although a commit of its source has outlived it", () => {
    const { database, run, keysIn, pass } = open();
    const head = database.head(run);
    head.put("kv", "lasting", 1);
    head.put("kv", "short", new Box(1, 1_000_500, 0, 0));
    database.fork(run, ["child"]);
    database.put("child", "own", 1);
    expect(keysIn("child").sort()).toEqual(["lasting", "own", "short"]);
    pass(1000);
    expect(keysIn("child").sort()).toEqual(["lasting", "own"]);
    database.put(run, "later", 1);
    expect(keysIn()).toEqual(["lasting", "later"]);
    expect(keysIn("child").sort()).toEqual(["lasting", "own"]);
  });
});

describe("what is gone from the store", () => {
  test("is gone from all partitions, those of the past as well", async () => {
    const { database, indexes, run, viewOf } = open();
    for (let i = 0; i < 15_000; i++) database.put(run, "counter", i);
    const past = database.at(run, "default", { version: 10 }).table("kv").view();
    const held = [viewOf(), past].map((view) => indexes.layersOf(bare, view)[0]!.index);
    expect(held[0]).not.toBe(held[1]);
    indexes.erased();
    await Promise.resolve();
    expect(held.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
    expect(indexes.layersOf(bare, past)[0]!.index).not.toBe(held[1]);
    expect([...indexes.images()]).toEqual([]);
  });

  test("a space that was dropped gives no image any more", () => {
    const { database, indexes, run, viewOf } = open();
    database.spaces(run).create("side");
    database.head(run, "side").put("kv", "a", 1);
    database.put(run, "a", 1);
    for (const space of ["default", "side"]) indexes.layersOf(bare, viewOf("default", space));
    const names = () => [...indexes.images()].map(({ name }) => name.split("/").at(-1));
    expect(names().sort()).toEqual(["default", "side"]);
    database.spaces(run).delete("side", { force: true });
    expect(names()).toEqual(["default"]);
  });
});

describe("an image of a partition", () => {
  test("that has commits the run has lost is refused", () => {
    const [ahead, behind] = [open(), open()];
    for (let i = 0; i < 5; i++) ahead.database.put(ahead.run, `k${i}`, i);
    behind.database.put(behind.run, "k0", 0);
    const table = (of: typeof ahead) => of.viewOf().layers[0]!.table;
    const partition = Partition.built(bare, table(ahead), ahead.run.version, 0);
    const saved = savedFrom(imageFrom(ahead.run.number, partition)!);
    expect(partitionFrom(bare, table(ahead), saved).slots.length).toBe(5);
    expect(() => partitionFrom(bare, table(behind), saved)).toThrow(CorruptionError);
  });
});

function savedFrom({ run, name, head, pages, ...image }: IndexImage): SavedImage {
  expect(pages).toBe(0);
  return { run, name, version: 1, head, pages, page: () => expect.fail(`${Object.keys(image)}`) };
}
