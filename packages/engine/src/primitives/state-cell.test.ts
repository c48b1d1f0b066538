import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { StateCellReader, StateCellStore } from "./state-cell.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

let db: Database;
let run: Run;
let cells: StateCellStore;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  cells = new StateCellStore(db.head(run));
});

const inTransaction = <T>(fn: (cells: StateCellStore) => T): T =>
  db.transaction(run, (transaction) => fn(new StateCellStore(transaction.scope("default"))));

describe("a cell's counter", () => {
  test("begins at 1 and counts every write", () => {
    expect(cells.set("c", "a")).toBe(1);
    expect(cells.set("c", "a")).toBe(2);
    expect(cells.cas("c", 2, "b")).toBe(3);
    expect(cells.readVersioned("c")).toMatchObject({ value: "b", counter: 3, version: run.version });
  });

  test("counts each write inside one transaction", () => {
    inTransaction((own) => {
      expect([own.set("c", 1), own.set("c", 2), own.set("c", 3)]).toEqual([1, 2, 3]);
      expect(own.readVersioned("c")).toEqual({ value: 3, counter: 3, version: 0, timestamp: 0 });
    });
    expect(cells.readVersioned("c")?.counter).toBe(3);
  });

  test("goes on after a deletion, also within one transaction, so that no counter comes twice", () => {
    cells.set("c", "a");
    expect(cells.delete("c")).toBe(true);
    expect(cells.readVersioned("c")).toBeUndefined();
    expect(cells.set("c", "b")).toBe(2);
    inTransaction((own) => {
      own.delete("c");
      expect(own.set("c", "c")).toBe(3);
    });
    expect(cells.cas("c", 1, "never")).toBeNull();
    expect(cells.read("c")).toBe("c");
  });

  test("is told in the history, of deletions too", () => {
    cells.set("c", "a");
    cells.delete("c");
    cells.set("c", "b");
    expect(cells.history("c")).toMatchObject([
      { deleted: false, value: "b", counter: 2 },
      { deleted: true, counter: 1 },
      { deleted: false, value: "a", counter: 1 },
    ]);
    expect(cells.history("c", { limit: 1 })).toHaveLength(1);
  });

  test("that a transaction was told is true if it commits", () => {
    const transaction = db.beginTransaction(run);
    expect(new StateCellStore(transaction.scope("default")).set("c", "mine")).toBe(1);
    cells.set("c", "theirs");
    expect(() => transaction.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(cells.readVersioned("c")).toMatchObject({ value: "theirs", counter: 1 });
  });
});

describe("init", () => {
  test("writes an absent cell and leaves a present one alone", () => {
    expect(cells.init("c", "first")).toBe(1);
    const before = run.version;
    expect(cells.init("c", "second")).toBe(1);
    expect(run.version).toBe(before);
    expect(cells.read("c")).toBe("first");
  });

  test("takes a stored null for present", () => {
    cells.set("c", null);
    cells.init("c", 1);
    expect(cells.read("c")).toBeNull();
  });

  test("writes again after a deletion", () => {
    cells.init("c", 1);
    cells.delete("c");
    expect(cells.init("c", 2)).toBe(2);
  });
});

describe("cas", () => {
  test.each([null, undefined, 0])("with expected %s writes only an absent cell", (expected) => {
    expect(cells.cas("lock", expected, "me")).toBe(1);
    expect(cells.cas("lock", expected, "you")).toBeNull();
    cells.delete("lock");
    expect(cells.cas("lock", expected, "you")).toBe(2);
  });

  test("with a counter writes only at that counter", () => {
    cells.set("c", "a");
    expect(cells.cas("c", 2, "b")).toBeNull();
    expect(cells.cas("missing", 1, "b")).toBeNull();
    expect(cells.cas("c", 1, "b")).toBe(2);
  });

  test("observes what it saw, also when it did not match", () => {
    cells.set("c", "a");
    const transaction = db.beginTransaction(run);
    const scope = transaction.scope("default");
    expect(new StateCellStore(scope).cas("c", 7, "b")).toBeNull();
    new StateCellStore(scope).set("other", 1);
    cells.set("c", "changed");
    expect(() => transaction.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test("lets one of many win, each round", () => {
    cells.set("turn", 0);
    for (let round = 1; round <= 10; round++) {
      const wins = [1, 2, 3, 4].filter((player) => cells.cas("turn", round, player) !== null);
      expect(wins).toEqual([1]);
    }
  });

  test.each([-1, 1.5, Number.NaN, "1", {}, true])("refuses %o as expected", (expected) => {
    expect(() => cells.cas("c", expected as number, 1)).toThrow(coded("INVALID_ARGUMENT"));
  });
});

describe("update", () => {
  test("gives the function what is there and returns what it made", () => {
    expect(cells.update("c", (value) => ((value as number | undefined) ?? 10) + 1)).toBe(11);
    expect(cells.update("c", (value) => (value as number) + 1)).toBe(12);
    expect(cells.readVersioned("c")?.counter).toBe(2);
  });

  test("runs the function again when the cell was written meanwhile, and loses no increment", () => {
    cells.set("c", 0);
    let runs = 0;
    cells.update("c", (value) => {
      if (runs++ === 0) cells.update("c", (other) => (other as number) + 10);
      return (value as number) + 1;
    });
    expect(runs).toBe(2);
    expect(cells.read("c")).toBe(11);
  });

  test("gives up when the function always writes the cell itself", () => {
    expect(() => cells.update("c", () => cells.set("c", 1))).toThrow(coded("VERSION_CONFLICT"));
  });

  test("passes on what the function throws and leaves the cell alone", () => {
    cells.set("c", 1);
    expect(() =>
      cells.update("c", () => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    expect(cells.readVersioned("c")).toMatchObject({ value: 1, counter: 1 });
  });

  test("returns a copy of bytes, not the store's own", () => {
    const value = cells.update("c", () => new Uint8Array([1])) as Uint8Array;
    value[0] = 9;
    expect(cells.read("c")).toEqual(new Uint8Array([1]));
  });

  test("N increments from interleaved transactions with retry are N", async () => {
    cells.set("c", 0);
    const increment = () =>
      db.transaction(
        run,
        async (transaction) => {
          const own = new StateCellStore(transaction.scope("default"));
          const value = own.read("c") as number;
          await Promise.resolve();
          own.set("c", value + 1);
        },
        { retry: { maxRetries: 100, baseDelayMs: 0, maxDelayMs: 0 } },
      );
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(cells.readVersioned("c")).toMatchObject({ value: 20, counter: 21 });
  });

  test.each([undefined, null, 5, "f", {}])("refuses %o as function", (fn) => {
    expect(() => cells.update("c", fn as never)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("refuses a promise as value: the function must be synchronous", () => {
    expect(() => cells.update("c", (async () => 1) as never)).toThrow(coded("INVALID_VALUE"));
    expect(cells.read("c")).toBeUndefined();
  });
});

describe("delete and list", () => {
  test("delete tells whether there was a value, and commits nothing when not", () => {
    const before = run.version;
    expect(cells.delete("c")).toBe(false);
    expect(run.version).toBe(before);
    cells.set("c", 1);
    expect(cells.delete("c")).toBe(true);
    expect(cells.delete("c")).toBe(false);
    expect(cells.read("c")).toBeUndefined();
  });

  test("list leaves deleted cells out and pages like any scan", () => {
    for (const cell of ["b", "a", "c", "x"]) cells.set(cell, 1);
    cells.delete("b");
    expect(cells.list()).toEqual(["a", "c", "x"]);
    expect(cells.list({ limit: 1, after: "a" })).toEqual(["c"]);
    expect(cells.list("x")).toEqual(["x"]);
  });

  test("the past reads as it was", () => {
    cells.set("c", "old");
    const past = db.at(run);
    cells.set("c", "new");
    cells.delete("c");
    const reader = new StateCellReader(past);
    expect(reader.readVersioned("c")).toMatchObject({ value: "old", counter: 1 });
    expect(reader.history("c")).toHaveLength(1);
    expect(reader).not.toHaveProperty("set");
  });
});

describe("hostile input", () => {
  test.each(["", "a\0", "_strata/x", "\ud800", undefined, null, 5, {}, Symbol("c")])(
    "the cell %o is refused by every call",
    (cell) => {
      const bad = cell as string;
      const refused = coded("INVALID_KEY");
      expect(() => cells.read(bad)).toThrow(refused);
      expect(() => cells.readVersioned(bad)).toThrow(refused);
      expect(() => cells.history(bad)).toThrow(refused);
      expect(() => cells.set(bad, 1)).toThrow(refused);
      expect(() => cells.init(bad, 1)).toThrow(refused);
      expect(() => cells.cas(bad, null, 1)).toThrow(refused);
      expect(() => cells.update(bad, () => 1)).toThrow(refused);
      expect(() => cells.delete(bad)).toThrow(refused);
      expect(() => cells.acquire(bad, "me", { ttlMs: 1 })).toThrow(refused);
    },
  );

  test.each([undefined, () => 1, new Date(), "\udfff", [undefined]])(
    "the value %o is refused, and nothing is written",
    (value) => {
      const before = run.version;
      const bad = value as never;
      expect(() => cells.set("c", bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => cells.init("c", bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => cells.cas("c", null, bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => cells.update("c", () => bad)).toThrow(coded("INVALID_VALUE"));
      expect(run.version).toBe(before);
    },
  );

  test("odd names are names, and __proto__ a member like any other", () => {
    cells.set("__proto__", JSON.parse('{"__proto__": 1}'));
    expect(Object.keys(cells.read("__proto__") as object)).toEqual(["__proto__"]);
    expect(cells.list()).toEqual(["__proto__"]);
  });
});
