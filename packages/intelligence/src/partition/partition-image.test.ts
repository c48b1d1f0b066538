import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { ManualTime, SeededRandom } from "@strata/durability/testing";
import { Database } from "@strata/engine";
import type { Stored } from "@strata/storage";
import { describe, expect, test, vi } from "vitest";
import { Column, ImageColumns, type ImageParts } from "../image/index.js";
import { Indexes } from "./indexes.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";
import { Slots } from "./slots.js";

/** Sums of numbers, each with how often it was told of one. */
class Numbers implements SlotIndex {
  readonly values: Column<Float64Array>;
  readonly memoryBytes = 0;
  told = 0;

  constructor(values: Column<Float64Array>) {
    this.values = values;
  }

  add(slot: number, _key: string, value: Stored): void {
    expect(this.values.push(value as number)).toBe(slot);
    this.told++;
  }

  remove(): void {}

  save(): ImageParts {
    return { head: this.values.length, columns: { values: this.values } };
  }
}

let broken = false;

const numbers: IndexKind<Numbers> = {
  name: "numbers",
  primitive: "kv",
  owns: () => true,
  accepts: (_key, value) => typeof value === "number",
  create: () => new Numbers(new Column(Float64Array)),
  load({ head, columns }: ImageParts, slots: Slots) {
    const values = new ImageColumns(columns).numbers("values", Float64Array);
    if (broken || head !== slots.length || values.length !== slots.length) throw new Error("not what was saved");
    return new Numbers(values);
  },
};

function open(vfs: MemoryVfs) {
  const time = new ManualTime();
  const shared = { clock: time, timer: time, random: new SeededRandom(1) };
  const driver = new InlineSyncDriver(vfs, time);
  const messages: string[] = [];
  const logger = { log: (_level: string, _target: string, message: string) => void messages.push(message) };
  const db = Database.open({ ...shared, logger, durability: new LogDurability(vfs, driver, shared) });
  const indexes = Indexes.of(db);
  const layer = () => indexes.layersOf(numbers, db.head(db.runs.must("default")).table("kv").view())[0]!;
  const visible = () => {
    const { slots, index } = layer();
    const entries = Array.from({ length: slots.length }, (_, slot) => slot).filter((slot) => layer().isVisible(slot));
    return Object.fromEntries(entries.map((slot) => [slots.keyOf(slot), index.values.array[slot]]));
  };
  return { db, time, layer, visible, messages };
}

describe("an index that was saved", () => {
  test("is read back, and goes on from where it was", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    for (let i = 0; i < 100; i++) first.db.put("default", `k${i}`, i);
    first.db.delete("default", "k7");
    expect(first.layer().index.told).toBe(99);
    await first.db.checkpoint();
    first.db.put("default", "k8", 88);
    first.db.put("default", "late", 1);
    first.db.close();

    const second = open(vfs);
    expect(second.layer().index.told).toBe(2);
    expect(second.visible()).toEqual(stored(second.db));
    await second.db.checkpoint();
    second.db.close();

    const third = open(vfs);
    expect(third.layer().index.told).toBe(0);
    expect(third.visible()).toEqual(stored(third.db));
    third.db.close();
  });

  test("has its keys made ready in idle steps, once somebody writes", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    for (let i = 0; i < 1200; i++) first.db.put("default", `k${i}`, i);
    first.layer();
    await first.db.checkpoint();
    first.db.close();

    const second = open(vfs);
    const mapped = vi.spyOn(Slots.prototype, "mapKeys");
    second.layer();
    expect(mapped).not.toHaveBeenCalled();
    second.db.put("default", "k7", 77);
    second.time.advance(25);
    expect(mapped.mock.results.map(({ value }) => value).slice(0, 3)).toEqual([true, true, false]);
    expect(mapped.mock.calls.every(([most]) => Number.isFinite(most))).toBe(true);
    vi.restoreAllMocks();
    expect(second.visible()).toEqual(stored(second.db));
    second.db.close();
  });

  test("is built anew where it makes no sense, and says so", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    for (let i = 0; i < 10; i++) first.db.put("default", `k${i}`, i);
    first.layer();
    await first.db.checkpoint();
    first.db.close();
    broken = true;
    try {
      const second = open(vfs);
      expect(second.layer().index.told).toBe(10);
      expect(second.messages.join()).toContain("is built anew");
      second.db.close();
    } finally {
      broken = false;
    }
  });

  test("is forgotten with what was erased", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    for (let i = 0; i < 10; i++) first.db.put("default", `k${i}`, i);
    first.layer();
    await first.db.checkpoint();
    await first.db.compact({ erase: true });
    expect(first.layer().index.told).toBe(10);
    expect(first.visible()).toEqual(stored(first.db));
    first.db.close();
  });
});

/** What the store says. */
function stored(db: Database): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  const range = { start: undefined, end: undefined, reverse: false };
  db.head(db.runs.must("default"))
    .table("kv")
    .scan(range, "values", (key, value) => entries.push([key, value]) > 0);
  return Object.fromEntries(entries);
}
