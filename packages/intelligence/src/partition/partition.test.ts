import type { Value } from "@strata/core";
import { ManualTime } from "@strata/durability/testing";
import { Database, keepLast, type Run, type TableView } from "@strata/engine";
import { Box, type Stored } from "@strata/storage";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Indexes } from "./indexes.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";

/** Keeps what it is told, as it is told. */
class Told implements SlotIndex {
  readonly entries: { readonly key: string; readonly stored: Stored }[] = [];
  readonly removed: number[] = [];
  readonly memoryBytes = 0;

  add(slot: number, key: string, stored: Stored): void {
    expect(slot).toBe(this.entries.length);
    this.entries.push({ key, stored: plain(stored) as Stored });
  }

  remove(slot: number): void {
    expect(this.removed).not.toContain(slot);
    this.removed.push(slot);
  }
}

const strings: IndexKind<Told> = {
  name: "strings",
  primitive: "kv",
  owns: (key) => !key.startsWith("other"),
  accepts: (_key, stored) => typeof plain(stored) === "string",
  create: () => new Told(),
};

function plain(stored: Stored): Value | undefined {
  return stored instanceof Box ? stored.value : stored;
}

/** Keys and values that a reader finds through its layers. */
function found(indexes: Indexes, view: TableView): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const layer of indexes.layersOf(strings, view)) {
    let count = 0;
    for (let slot = 0; slot < layer.slots.length; slot++) {
      if (!layer.isVisible(slot)) continue;
      const { key, stored } = layer.index.entries[slot]!;
      expect(layer.slotOf(key)).toBe(slot);
      entries.push([key, stored]);
      count++;
    }
    expect(layer.visibleCount()).toBe(count);
  }
  expect(new Set(entries.map(([key]) => key)).size).toBe(entries.length);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same by looking at everything. */
function scanned(reader: { scan: ReturnType<ReturnType<Database["head"]>["table"]>["scan"] }): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  reader.scan({ start: undefined, end: undefined, reverse: false }, "values", (key, stored) => {
    if (strings.owns(key) && strings.accepts(key, stored)) entries.push([key, plain(stored)]);
    return true;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function open() {
  const database = Database.ephemeral();
  return { database, indexes: Indexes.of(database), run: database.runs.must("default") };
}

const viewOf = (database: Database, run: Run) => database.head(run).table("kv").view();

describe("a partition", () => {
  test("has what was written before it was asked for, and follows what is written afterwards", () => {
    const { database, indexes, run } = open();
    database.put(run, "a", "1");
    database.put(run, "b", 2);
    database.put(run, "other", "x");
    expect(found(indexes, viewOf(database, run))).toEqual({ a: "1" });
    database.put(run, "a", "2");
    database.put(run, "b", "3");
    expect(found(indexes, viewOf(database, run))).toEqual({ a: "2", b: "3" });
    database.delete(run, "a");
    database.put(run, "b", 4);
    expect(found(indexes, viewOf(database, run))).toEqual({});
  });

  test("serves versions behind the one it was built at, without being built again for those ahead", () => {
    const { database, indexes, run } = open();
    const first = database.put(run, "a", "1");
    database.put(run, "a", "2");
    expect(found(indexes, viewOf(database, run))).toEqual({ a: "2" });
    const past = database.at(run, "default", { version: first }).table("kv");
    expect(found(indexes, past.view())).toEqual({ a: "1" });
    const [layer] = indexes.layersOf(strings, viewOf(database, run));
    expect(found(indexes, past.view())).toEqual({ a: "1" });
    expect(indexes.layersOf(strings, past.view())[0]!.partition).toBe(layer!.partition);
  });

  test("of a fork has only what the fork wrote", () => {
    const { database, indexes, run } = open();
    database.put(run, "a", "1");
    database.put(run, "b", "1");
    database.fork(run, ["child"]);
    const child = database.runs.must("child");
    expect(indexes.layersOf(strings, viewOf(database, child))).toHaveLength(1);
    database.put(child, "a", "2");
    database.delete(child, "b");
    database.put(run, "a", "3");
    const layers = indexes.layersOf(strings, viewOf(database, child));
    expect(layers.map(({ slots }) => slots.length)).toEqual([1, 2]);
    expect(found(indexes, viewOf(database, child))).toEqual({ a: "2" });
    expect(found(indexes, viewOf(database, run))).toEqual({ a: "3", b: "1" });
  });

  test("hides what an open transaction has written over", () => {
    const { database, indexes, run } = open();
    database.put(run, "a", "1");
    database.put(run, "b", "1");
    database.transaction(run, (transaction) => {
      transaction.scope("default").put("kv", "a", "2");
      const [layer] = indexes.layersOf(strings, transaction.scope("default").table("kv").view());
      expect([...layer!.hidden()]).toEqual([0]);
      expect(layer!.slotOf("a")).toBe(-1);
    });
  });

  test("lets what has expired go with the first commit after", () => {
    let now = 1_000_000;
    const database = Database.ephemeral({ clock: { now: () => now } });
    const indexes = Indexes.of(database);
    const run = database.runs.must("default");
    const scope = database.head(run);
    database.transaction(run, (transaction) => {
      transaction.scope("default").put("kv", "lasting", "1");
    });
    const kv = database.head(run);
    kv.put("kv", "short", new Box("1", now + 1000));
    expect(found(indexes, scope.table("kv").view())).toEqual({ lasting: "1", short: "1" });
    now += 2000;
    const [layer] = indexes.layersOf(strings, scope.table("kv").view());
    expect(found(indexes, scope.table("kv").view())).toEqual({ lasting: "1" });
    expect(layer!.slots.live).toBe(2);
    database.put(run, "another", "2");
    expect(found(indexes, scope.table("kv").view())).toEqual({ another: "2", lasting: "1" });
    expect(layer!.slots.live).toBe(2);
  });

  test("still has what had expired for who goes by a clock that was set back", () => {
    let now = 1_000_000;
    const database = Database.ephemeral({ clock: { now: () => now } });
    const indexes = Indexes.of(database);
    const run = database.runs.must("default");
    const kv = database.head(run);
    kv.put("kv", "short", new Box("1", now + 1000));
    now += 2000;
    const version = database.put(run, "another", "2");
    expect(found(indexes, kv.table("kv").view())).toEqual({ another: "2" });
    now -= 1500;
    expect(found(indexes, kv.table("kv").view())).toEqual({ another: "2", short: "1" });
    // Committed by a clock that lies behind the commits before.
    kv.put("kv", "shorter", new Box("3", now + 100));
    expect(found(indexes, kv.table("kv").view())).toEqual({ another: "2", short: "1", shorter: "3" });
    const past = database.at(run, "default", { version }).table("kv");
    expect(found(indexes, past.view())).toEqual({ another: "2" });
    now += 1500;
    expect(found(indexes, kv.table("kv").view())).toEqual({ another: "2" });
  });

  test("finds what scans find, in runs, forks and the past, whatever was done and trimmed", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "other");
    const value = fc.oneof(fc.constantFrom("x", "y", "z"), fc.integer(), fc.constant(undefined));
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), run: fc.nat(5), key, value }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fork" as const), run: fc.nat(5), back: fc.nat(6) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("look" as const), run: fc.nat(5), back: fc.nat(6) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: "max" }), fc.boolean(), (commands, trims) => {
        const database = Database.ephemeral(trims ? { retention: keepLast(2) } : {});
        const indexes = Indexes.of(database);
        const runs = [database.runs.must("default")];
        const versions: number[] = [0];
        for (const step of commands) {
          const run = runs[step.run % runs.length]!;
          const point = step.do === "write" ? undefined : { version: Math.max(0, run.version - step.back) };
          if (step.do === "write") {
            if (step.value === undefined) database.delete(run, step.key);
            else versions.push(database.put(run, step.key, step.value));
          } else if (step.do === "fork") {
            try {
              database.fork(run, [`fork-${runs.length}`], point);
              runs.push(database.runs.must(`fork-${runs.length}`));
            } catch (error) {
              expect(error).toHaveProperty("code", "HISTORY_TRIMMED");
            }
          } else {
            agree(() => {
              const table = database.at(run, "default", point).table("kv");
              return { table, view: table.view() };
            }, indexes);
          }
        }
        for (const run of runs) {
          const table = database.head(run).table("kv");
          expect(found(indexes, table.view())).toEqual(scanned(table));
        }
      }),
      { numRuns: Number(process.env["STRATA_MODEL_RUNS"] ?? 150) },
    );
  });
});

/** Index and scan say the same, where retention lets both speak. */
function agree(read: () => { table: Parameters<typeof scanned>[0]; view: TableView }, indexes: Indexes): void {
  let expected: Record<string, unknown> | undefined;
  try {
    expected = scanned(read().table);
  } catch (error) {
    expect(error).toHaveProperty("code", "HISTORY_TRIMMED");
  }
  try {
    const actual = found(indexes, read().view);
    if (expected !== undefined) expect(actual).toEqual(expected);
  } catch (error) {
    if (expected !== undefined) throw error;
    expect(error).toHaveProperty("code", "HISTORY_TRIMMED");
  }
}

describe("a partition that is mostly dead", () => {
  test("is followed by one without the dead, in idle steps, and asked until that has everything", () => {
    const time = new ManualTime();
    const database = Database.ephemeral({ clock: time, timer: time });
    const indexes = Indexes.of(database);
    const run = database.runs.must("default");
    const first = database.put(run, "kept", "1");
    found(indexes, viewOf(database, run));
    for (let i = 0; i < 20_010; i++) database.put(run, "counter", String(i));
    const layer = () => indexes.layersOf(strings, viewOf(database, run))[0]!;
    const before = layer().partition;
    expect(before.slots.length).toBeGreaterThan(20_000);
    for (let i = 0; i < 100 && layer().partition === before; i++) {
      expect(found(indexes, viewOf(database, run))).toEqual({ counter: "20009", kept: "1" });
      time.advance(50);
    }
    expect(layer().slots.length).toBe(2);
    expect(found(indexes, viewOf(database, run))).toEqual({ counter: "20009", kept: "1" });
    expect(found(indexes, database.at(run, "default", { version: first }).table("kv").view())).toEqual({ kept: "1" });
  });
});
