import { runId } from "@strata/core";
import { Found, RunShard, type Stored, type Table } from "@strata/storage";
import { describe, expect, test } from "vitest";
import type { RangeObservation } from "./read-set.js";
import { TransactionContext } from "./transaction-context.js";
import { MAX_REPORTED_CONFLICTS, validate } from "./validate.js";

/** A run with one table, and commits made by hand. */
class Bench {
  readonly shard = new RunShard(runId(1));
  readonly table: Table;
  #version = 0;

  constructor() {
    this.table = this.shard.table("default", "kv") as Table;
  }

  commit(...writes: [key: string, stored: Stored | undefined][]): number {
    const version = ++this.#version;
    this.shard.timeline.append(version, version, undefined, 0);
    for (const [key, stored] of writes) this.shard.timeline.write(this.table.put(key, stored, version));
    this.shard.lastVersion = version;
    return version;
  }

  begin(): TransactionContext {
    const context = new TransactionContext();
    context.begin(1, this.shard, this.shard.lastVersion, 0);
    return context;
  }

  read(context: TransactionContext, key: string): void {
    const out = new Found();
    context.reads.observeKey(this.table, key, this.table.find(key, context.startVersion, out) ? out.version : 0);
  }

  scan(context: TransactionContext, range: Partial<RangeObservation>): void {
    context.reads.observeRange({ table: this.table, what: "values", start: undefined, end: undefined, ...range });
  }
}

const keysOf = (context: TransactionContext) => validate(context).conflicts.map((conflict) => conflict.key);

describe("validate", () => {
  test("holds when nothing that was read changed", () => {
    const bench = new Bench();
    bench.commit(["a", 1], ["b", 1]);
    const context = bench.begin();
    bench.read(context, "a");
    bench.commit(["b", 2]);
    expect(validate(context)).toEqual({ valid: true, conflicts: [], conflictCount: 0 });
  });

  test("names a changed key with the version seen and the version in force", () => {
    const bench = new Bench();
    const seen = bench.commit(["a", 1]);
    const context = bench.begin();
    bench.read(context, "a");
    const now = bench.commit(["a", 2]);
    expect(validate(context).conflicts).toEqual([
      { space: "default", primitive: "kv", key: "a", expected: seen, actual: now },
    ]);
  });

  test("sees a key that was absent and is created, and one that is deleted", () => {
    const bench = new Bench();
    bench.commit(["b", 1]);
    const context = bench.begin();
    bench.read(context, "a");
    bench.read(context, "b");
    bench.commit(["a", 1], ["b", undefined]);
    expect(keysOf(context)).toEqual(["a", "b"]);
  });

  test("an overwrite with an equal value is still a change", () => {
    const bench = new Bench();
    bench.commit(["a", 1]);
    const context = bench.begin();
    bench.read(context, "a");
    bench.commit(["a", 1]);
    expect(validate(context).valid).toBe(false);
  });

  test("finds the one changed key among a thousand", () => {
    const bench = new Bench();
    for (let i = 0; i < 1000; i++) bench.commit([`key-${i}`, i]);
    const context = bench.begin();
    for (let i = 0; i < 1000; i++) bench.read(context, `key-${i}`);
    bench.commit(["key-777", 0]);
    expect(keysOf(context)).toEqual(["key-777"]);
  });

  test("reports a hundred conflicts and counts all", () => {
    const bench = new Bench();
    const context = bench.begin();
    for (let i = 0; i < 150; i++) bench.read(context, `key-${i}`);
    for (let i = 0; i < 150; i++) bench.commit([`key-${i}`, i]);
    const verdict = validate(context);
    expect(verdict.conflicts).toHaveLength(MAX_REPORTED_CONFLICTS);
    expect(verdict.conflictCount).toBe(150);
  });

  test("a key read many times is observed once", () => {
    const bench = new Bench();
    const context = bench.begin();
    for (let round = 0; round < 3; round++) for (let i = 0; i < 40; i++) bench.read(context, `key-${i}`);
    expect(context.reads.keys).toHaveLength(40);
  });

  describe("of ranges", () => {
    test("an insert into a scanned range is a phantom; beside it, it is not", () => {
      const bench = new Bench();
      bench.commit(["b", 1]);
      const context = bench.begin();
      bench.scan(context, { start: "b", end: "d" });
      bench.commit(["a", 1], ["d", 1]);
      expect(validate(context).valid).toBe(true);
      bench.commit(["c", 1]);
      expect(keysOf(context)).toEqual(["c"]);
    });

    test("bounds: the start is inside, the end is not", () => {
      const bench = new Bench();
      const context = bench.begin();
      bench.scan(context, { start: "b", end: "d" });
      bench.commit(["b", 1]);
      expect(keysOf(context)).toEqual(["b"]);
    });

    test("an overwrite changes the values of a range and not its keys", () => {
      const bench = new Bench();
      bench.commit(["a", 1]);
      const keys = bench.begin();
      bench.scan(keys, { what: "keys" });
      const values = bench.begin();
      bench.scan(values, { what: "values" });
      bench.commit(["a", 2]);
      expect(validate(keys).valid).toBe(true);
      expect(validate(values).valid).toBe(false);
      bench.commit(["a", undefined]);
      expect(validate(keys).valid).toBe(false);
    });

    test("a key that comes and goes again leaves a list of keys as it was", () => {
      const bench = new Bench();
      const context = bench.begin();
      bench.scan(context, { what: "keys" });
      bench.commit(["a", 1]);
      bench.commit(["a", undefined]);
      expect(validate(context).valid).toBe(true);
    });

    test("bounds compare by code point", () => {
      const bench = new Bench();
      const context = bench.begin();
      bench.scan(context, { start: "\uffee" });
      bench.commit(["\u{1f600}", 1]);
      expect(validate(context).valid).toBe(false);
    });
  });

  test("whatever was read in a space that is dropped conflicts", () => {
    const bench = new Bench();
    bench.commit(["a", 1]);
    bench.shard.registerSpace("temp", 2);
    const table = bench.shard.table("temp", "kv") as Table;
    const point = bench.begin();
    point.reads.observeKey(table, "absent", 0);
    const range = bench.begin();
    range.reads.observeRange({ table, what: "keys", start: undefined, end: undefined });
    bench.commit(["unrelated", 1]);
    bench.shard.dropSpace("temp", bench.shard.lastVersion);
    expect(validate(point).valid).toBe(false);
    expect(validate(range).valid).toBe(false);
  });

  test("other observations are asked only when another commit happened", () => {
    const bench = new Bench();
    bench.commit(["a", 1]);
    const context = bench.begin();
    let asked = 0;
    context.reads.observe({
      conflict: () => {
        asked++;
        return { space: "default", primitive: "event", key: "#length", expected: 0, actual: 1 };
      },
    });
    expect(validate(context).valid).toBe(true);
    expect(asked).toBe(0);
    bench.commit(["b", 1]);
    expect(keysOf(context)).toEqual(["#length"]);
    expect(asked).toBe(1);
  });
});
