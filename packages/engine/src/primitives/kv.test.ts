import { SMALL_LIMITS, type StrataError, type Version } from "@strata/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { KvReader, KvStore } from "./kv.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

/** µs since the epoch; moves when a test says so. */
class StoppedClock {
  time = 1_700_000_000_000_000;
  now(): number {
    return this.time;
  }
  pass(ms: number): void {
    this.time += ms * 1000;
  }
}

let clock: StoppedClock;
let db: Database;
let run: Run;
let kv: KvStore;
beforeEach(() => {
  clock = new StoppedClock();
  db = Database.ephemeral({ clock });
  run = db.runs.must("default");
  kv = new KvStore(db.head(run));
});

/** A transaction's store; `W` as the facade types it. */
const inTransaction = <T>(fn: (kv: KvStore<unknown, unknown, undefined>) => T): T =>
  db.transaction(run, (transaction) => fn(new KvStore(transaction.scope("default"))));

describe("get and put", () => {
  test("a missing key is undefined, a stored null is null", () => {
    kv.put("null", null);
    expect(kv.get("null")).toBeNull();
    expect(kv.exists("null")).toBe(true);
    expect(kv.get("missing")).toBeUndefined();
    expect(kv.exists("missing")).toBe(false);
  });

  test("put returns the commit's version, which rises", () => {
    const first = kv.put("a", 1);
    const second = kv.put("a", 2);
    expect(second).toBeGreaterThan(first);
    expect(run.version).toBe(second);
    expect(kv.get("a")).toBe(2);
  });

  test("in a transaction put returns nothing and is seen by its own reads", () => {
    inTransaction((own) => {
      expect(own.put("a", 1)).toBeUndefined();
      expect(own.get("a")).toBe(1);
      expect(own.list()).toEqual(["a"]);
      expect(kv.get("a")).toBeUndefined();
    });
    expect(kv.get("a")).toBe(1);
  });

  test("what is handed out is frozen, all the way down", () => {
    kv.put("a", { list: [{ deep: 1 }] });
    const value = kv.get("a") as { list: { deep: number }[] };
    expect(Object.isFrozen(value) && Object.isFrozen(value.list) && Object.isFrozen(value.list[0])).toBe(true);
  });

  test("nothing that the caller changes afterwards changes the store", () => {
    const value = { list: [1, 2], bytes: new Uint8Array([1, 2, 3]) };
    kv.put("a", value);
    value.list.push(3);
    value.bytes[0] = 9;
    expect(kv.get("a")).toEqual({ list: [1, 2], bytes: new Uint8Array([1, 2, 3]) });
    (kv.get("a") as { bytes: Uint8Array }).bytes[0] = 9;
    for (const [, entry] of kv.entries()) (entry as { bytes: Uint8Array }).bytes[0] = 9;
    (kv.getVersioned("a") as unknown as { value: { bytes: Uint8Array } }).value.bytes[0] = 9;
    expect(kv.get("a")).toEqual({ list: [1, 2], bytes: new Uint8Array([1, 2, 3]) });
    expect((kv.history("a")[0] as unknown as { value: object }).value).toEqual(kv.get("a"));
  });

  test.each(["__proto__", "constructor", "toString", "a:b/c", " ", "\u{1f600}", "\u00e9", "e\u0301", "0"])(
    "%j is a key like any other",
    (key) => {
      expect(kv.get(key)).toBeUndefined();
      kv.put(key, { [key]: key });
      expect(kv.get(key)).toEqual({ [key]: key });
      expect(kv.list()).toEqual([key]);
      expect(kv.delete(key)).toBe(true);
    },
  );

  test("getMany keeps order and repeats", () => {
    kv.putMany([
      ["a", 1],
      ["b", 2],
    ]);
    expect(kv.getMany(["b", "x", "a", "b"])).toEqual([2, undefined, 1, 2]);
    expect(kv.getMany(new Set(["a"]))).toEqual([1]);
  });

  test("getVersioned tells version and time of the commit, 0 and 0 for an own write", () => {
    const version = kv.put("a", 1);
    const timestamp = run.shard.timeline.timestampOf(version);
    expect(kv.getVersioned("a")).toEqual({ value: 1, version, timestamp });
    expect(kv.getVersioned("b")).toBeUndefined();
    inTransaction((own) => {
      expect(own.getVersioned("a")).toEqual({ value: 1, version, timestamp });
      own.put("a", 2);
      expect(own.getVersioned("a")).toEqual({ value: 2, version: 0, timestamp: 0 });
    });
  });
});

describe("delete", () => {
  test("tells whether there was a value", () => {
    kv.put("a", 1);
    expect(kv.delete("a")).toBe(true);
    expect(kv.get("a")).toBeUndefined();
    expect(kv.delete("a")).toBe(false);
  });

  test("of a missing key commits nothing and registers no space", () => {
    const before = run.version;
    const elsewhere = new KvStore(db.head(run, "elsewhere"));
    expect(kv.delete("a")).toBe(false);
    expect(elsewhere.delete("a")).toBe(false);
    expect(elsewhere.deleteMany(["a", "b"])).toBe(0);
    expect(elsewhere.clear("")).toBe(0);
    expect(run.version).toBe(before);
    expect(db.spaces(run).list()).toEqual(["default"]);
  });

  test("sees the transaction's own writes", () => {
    inTransaction((own) => {
      own.put("a", 1);
      expect(own.delete("a")).toBe(true);
      expect(own.delete("a")).toBe(false);
      expect(own.get("a")).toBeUndefined();
    });
    expect(kv.exists("a")).toBe(false);
  });

  test("deleteMany counts keys that were there, once each", () => {
    kv.putMany([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    const before = run.version;
    expect(kv.deleteMany(["a", "x", "b", "a"])).toBe(2);
    expect(kv.list()).toEqual(["c"]);
    expect(kv.history("a")[0]?.version).toBe(kv.history("b")[0]?.version);
    expect(run.version).toBeGreaterThan(before);
  });

  test("clear deletes what list lists, in one commit", () => {
    kv.putMany(["a1", "a2", "a3", "b1"].map((key) => [key, key]));
    expect(kv.clear({ prefix: "a", limit: 2, reverse: true })).toBe(2);
    expect(kv.list()).toEqual(["a1", "b1"]);
    expect(kv.history("a3")[0]?.version).toBe(kv.history("a2")[0]?.version);
    expect(kv.clear("")).toBe(2);
    expect(kv.list()).toEqual([]);
  });

  test("clear without an argument is refused, not taken for everything", () => {
    kv.put("a", 1);
    expect(() => kv.clear(undefined as unknown as string)).toThrow(coded("INVALID_ARGUMENT"));
    expect(kv.get("a")).toBe(1);
  });
});

describe("putMany", () => {
  test("is one commit, and its version", () => {
    const version = kv.putMany(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    expect(kv.getVersioned("a")?.version).toBe(version);
    expect(kv.getVersioned("b")?.version).toBe(version);
  });

  test("keeps the last value of a key that comes twice", () => {
    kv.putMany([
      ["a", 1],
      ["a", 2],
    ]);
    expect(kv.get("a")).toBe(2);
    expect(kv.history("a")).toHaveLength(1);
  });

  test("writes nothing when one entry is refused, wherever it stands", () => {
    const before = run.version;
    const bad: [unknown, string][] = [
      [["b", undefined], "INVALID_VALUE"],
      [["", 1], "INVALID_KEY"],
      ["bc", "INVALID_ARGUMENT"],
      [["b"], "INVALID_ARGUMENT"],
      [["b", 1, 2], "INVALID_ARGUMENT"],
      [null, "INVALID_ARGUMENT"],
    ];
    for (const [entry, code] of bad) {
      expect(() => kv.putMany([["a", 1], entry as [string, unknown]])).toThrow(coded(code));
    }
    expect(run.version).toBe(before);
    expect(kv.list()).toEqual([]);
  });

  test("passes on what the iterable throws, and writes nothing", () => {
    function* entries(): Generator<[string, number]> {
      yield ["a", 1];
      throw new RangeError("mine");
    }
    expect(() => kv.putMany(entries())).toThrow(RangeError);
    expect(kv.list()).toEqual([]);
  });

  test("of nothing commits nothing and returns 0, in a transaction undefined", () => {
    const before = run.version;
    expect(kv.putMany([])).toBe(0);
    expect(inTransaction((own) => own.putMany([]))).toBeUndefined();
    expect(run.version).toBe(before);
  });
});

describe("ifVersion", () => {
  test("writes only over that version", () => {
    const first = kv.put("a", 1);
    const second = kv.put("a", 2, { ifVersion: first });
    expect(() => kv.put("a", 3, { ifVersion: first })).toThrow(
      coded("VERSION_CONFLICT", { expected: first, actual: second, key: "a" }),
    );
    expect(kv.get("a")).toBe(2);
  });

  test("0 means absent: never written, deleted or expired", () => {
    kv.put("a", 1, { ifVersion: 0 });
    expect(() => kv.put("a", 2, { ifVersion: 0 })).toThrow(coded("VERSION_CONFLICT", { expected: 0 }));
    kv.delete("a");
    kv.put("a", 3, { ifVersion: 0, ttlMs: 5 });
    clock.pass(10);
    kv.put("a", 4, { ifVersion: 0 });
    expect(kv.get("a")).toBe(4);
  });

  test("a deleted key is not at its last version", () => {
    const version = kv.put("a", 1);
    kv.delete("a");
    expect(() => kv.put("a", 2, { ifVersion: version })).toThrow(
      coded("VERSION_CONFLICT", { expected: version, actual: 0 }),
    );
  });

  test("an own, uncommitted write matches no version, not even 0", () => {
    const version = kv.put("a", 1);
    inTransaction((own) => {
      own.put("a", 2);
      expect(() => own.put("a", 3, { ifVersion: version })).toThrow(coded("VERSION_CONFLICT", { uncommitted: true }));
      expect(() => own.put("a", 3, { ifVersion: 0 })).toThrow(coded("VERSION_CONFLICT", { uncommitted: true }));
      expect(own.get("a")).toBe(2);
    });
  });

  test("observes the key: another write before the commit conflicts", () => {
    const version = kv.put("a", 1);
    const transaction = db.beginTransaction(run);
    new KvStore(transaction.scope("default")).put("a", 2, { ifVersion: version });
    kv.put("a", 3);
    expect(() => transaction.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(kv.get("a")).toBe(3);
  });
});

describe("ttlMs", () => {
  test("hides the value from every read once it is over, and older values with it", () => {
    kv.put("a", "old");
    kv.put("a", "new", { ttlMs: 100 });
    const expiresAt = clock.now() + 100_000;
    expect(kv.getVersioned("a")).toMatchObject({ value: "new", expiresAt });
    clock.pass(99);
    expect(kv.get("a")).toBe("new");
    clock.pass(1);
    expect(kv.get("a")).toBeUndefined();
    expect(kv.getVersioned("a")).toBeUndefined();
    expect(kv.exists("a")).toBe(false);
    expect(kv.list()).toEqual([]);
    expect([...kv.entries()]).toEqual([]);
    expect(kv.delete("a")).toBe(false);
  });

  test("is judged in the past by that view's time, in a transaction by its begin", () => {
    const version = kv.put("a", 1, { ttlMs: 100 });
    const transaction = db.beginTransaction(run);
    clock.pass(200);
    expect(new KvReader(db.at(run, "default", { version })).get("a")).toBe(1);
    expect(new KvReader(transaction.scope("default")).get("a")).toBe(1);
    expect(kv.get("a")).toBeUndefined();
    transaction.rollback();
  });

  test("expiring changes no version; history still tells what was written", () => {
    const version = kv.put("a", 1, { ttlMs: 1 });
    clock.pass(5);
    expect(run.version).toBe(version);
    expect(kv.history("a")).toMatchObject([{ version, deleted: false, value: 1 }]);
  });

  test("putMany gives all its keys the same", () => {
    kv.putMany(
      [
        ["a", 1],
        ["b", 2],
      ],
      { ttlMs: 10 },
    );
    clock.pass(10);
    expect(kv.list()).toEqual([]);
  });

  test("less than a microsecond is a microsecond", () => {
    kv.put("a", 1, { ttlMs: 1e-9 });
    expect(kv.get("a")).toBe(1);
    clock.time += 1;
    expect(kv.get("a")).toBeUndefined();
  });

  test("a plain put afterwards does not expire", () => {
    kv.put("a", 1, { ttlMs: 10 });
    kv.put("a", 2);
    clock.pass(1000);
    expect(kv.get("a")).toBe(2);
  });
});

describe("entries", () => {
  const many = Array.from({ length: 700 }, (_, i) => [`k${String(i).padStart(4, "0")}`, i] as const);

  test("are in key order, several chunks of them", () => {
    kv.putMany(many);
    expect([...kv.entries()]).toEqual(many);
    expect([...kv.entries({ reverse: true })]).toEqual([...many].reverse());
    expect([...kv.entries({ limit: 300, after: "k0010" })]).toEqual(many.slice(11, 311));
  });

  test("stay as they were at the first next(), whatever is written meanwhile", () => {
    kv.putMany(many);
    const seen: unknown[] = [];
    for (const [key, value] of kv.entries()) {
      seen.push([key, value]);
      kv.put(key, "changed");
      kv.delete("k0699");
      kv.put(`${key}x`, "new");
    }
    expect(seen).toEqual(many);
  });

  test("begin at the first next(), not at the call", () => {
    const entries = kv.entries();
    kv.put("a", 1);
    expect([...entries]).toEqual([["a", 1]]);
  });

  test("hide a transaction's own later writes too", () => {
    kv.putMany(many);
    inTransaction((own) => {
      own.put("k0000", "own");
      const seen: unknown[] = [];
      for (const [key, value] of own.entries()) {
        seen.push([key, value]);
        own.put("k0500", "later");
        own.delete("k0600");
      }
      expect(seen).toEqual([["k0000", "own"], ...many.slice(1)]);
    });
  });

  test("end for good: at the end, and when a loop is left", () => {
    kv.putMany(many);
    const entries = kv.entries();
    for (const [key] of entries) if (key === "k0003") break;
    expect(entries.next()).toEqual({ done: true, value: undefined });
    const all = kv.entries({ limit: 1 });
    expect([...all]).toHaveLength(1);
    expect(all.next().done).toBe(true);
  });

  test("hold their version only as long as they are read", () => {
    kv.putMany(many);
    const { watermark } = run.shard;
    const before = watermark.pins;
    const unread = kv.entries();
    expect(watermark.pins).toBe(before);
    unread.return?.();
    const finished = kv.entries();
    finished.next();
    expect(watermark.pins).toBe(before + 1);
    expect([...finished]).toHaveLength(many.length - 1);
    expect(watermark.pins).toBe(before);
    for (const _entry of kv.entries()) break;
    expect(watermark.pins).toBe(before);
  });

  test("end when their ground is gone, and let go of it", () => {
    kv.putMany(many);
    const entries = kv.entries();
    entries.next();
    db.close();
    expect(() => [...entries]).toThrow(coded("DATABASE_CLOSED"));
    expect(run.shard.watermark.pins).toBe(0);
    expect(entries.next().done).toBe(true);
  });

  test("read in the past what was there", () => {
    kv.putMany(many);
    const past = db.at(run);
    kv.clear("");
    expect([...new KvReader(past).entries()]).toEqual(many);
  });
});

describe("history", () => {
  test("is newest first, deletions included", () => {
    const first = kv.put("a", 1);
    kv.delete("a");
    const third = kv.put("a", 3);
    expect(kv.history("a")).toMatchObject([
      { version: third, deleted: false, value: 3 },
      { deleted: true },
      { version: first, deleted: false, value: 1 },
    ]);
    expect(kv.history("a")[1]).not.toHaveProperty("value");
    expect(kv.history("never")).toEqual([]);
  });

  test("pages by before, which is exclusive", () => {
    const versions: Version[] = [1, 2, 3, 4, 5].map((n) => kv.put("a", n));
    const [newest, next] = kv.history("a", { limit: 2 });
    expect([newest?.version, next?.version]).toEqual([versions[4], versions[3]]);
    expect(kv.history("a", { before: next?.version, limit: 2 }).map(({ version }) => version)).toEqual([
      versions[2],
      versions[1],
    ]);
    expect(kv.history("a", { before: 0 })).toEqual([]);
  });

  test.each([{ limit: 0 }, { limit: 1.5 }, { before: -1 }, { before: "1" }, { befor: 1 }, null, 7, []])(
    "refuses %j",
    (options) => {
      expect(() => kv.history("a", options as object)).toThrow(coded("INVALID_ARGUMENT"));
    },
  );
});

describe("hostile input", () => {
  const keys: [unknown, string][] = [
    ["", "empty_key"],
    ["a\0b", "contains_nul"],
    ["_strata/x", "reserved_prefix"],
    ["x".repeat(1025), "key_too_long"],
    ["é".repeat(513), "key_too_long"],
    ["\ud800", "lone_surrogate"],
    [undefined, "not_a_string"],
    [null, "not_a_string"],
    [7, "not_a_string"],
    [Symbol("k"), "not_a_string"],
    [{}, "not_a_string"],
    [["a"], "not_a_string"],
    [new String("a"), "not_a_string"],
  ];
  test.each(keys)("the key %o is refused by every call: %s", (key, reason) => {
    const bad = key as string;
    const refused = coded("INVALID_KEY", { reason });
    kv.put("a", 1);
    for (const store of [kv, new KvStore(db.head(run, "empty"))]) {
      expect(() => store.get(bad)).toThrow(refused);
      expect(() => store.getMany([bad])).toThrow(refused);
      expect(() => store.getVersioned(bad)).toThrow(refused);
      expect(() => store.exists(bad)).toThrow(refused);
      expect(() => store.history(bad)).toThrow(refused);
      expect(() => store.put(bad, 1)).toThrow(refused);
      expect(() => store.putMany([[bad, 1]])).toThrow(refused);
      expect(() => store.delete(bad)).toThrow(refused);
      expect(() => store.deleteMany(["a", bad])).toThrow(refused);
    }
    inTransaction((own) => {
      expect(() => own.get(bad)).toThrow(refused);
      expect(() => own.put(bad, 1)).toThrow(refused);
    });
    expect(kv.list()).toEqual(["a"]);
  });

  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const values: [string, unknown][] = [
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("v")],
    ["a Date", new Date()],
    ["a Map", new Map()],
    ["a promise", Promise.resolve(1)],
    ["a class instance", new (class Point {})()],
    ["a cycle", cyclic],
    ["undefined in an array", [undefined]],
    ["a hole in an array", new Array(3)],
    ["a lone surrogate", "\udfff"],
    ["a Float32Array", new Float32Array(2)],
    [
      "a throwing getter",
      Object.defineProperty({}, "x", {
        enumerable: true,
        get: () => {
          throw new Error("mine");
        },
      }),
    ],
  ];
  test.each(values)("the value %s is refused and nothing is written", (_what, value) => {
    const before = run.version;
    expect(() => kv.put("a", value as never)).toThrow(coded("INVALID_VALUE"));
    expect(() => kv.putMany([["a", value]])).toThrow(coded("INVALID_VALUE"));
    expect(run.version).toBe(before);
  });

  test("values beyond the limits are refused", () => {
    const small = Database.ephemeral({ limits: SMALL_LIMITS });
    const store = new KvStore(small.head(small.runs.must("default")));
    expect(() => store.put("a", "x".repeat(1001))).toThrow(coded("LIMIT_VALUE"));
    expect(() => store.put("k".repeat(101), 1)).toThrow(coded("INVALID_KEY", { reason: "key_too_long" }));
    let nested: unknown = 1;
    for (let i = 0; i < 11; i++) nested = [nested];
    expect(() => store.put("a", nested)).toThrow(coded("LIMIT_VALUE"));
    expect(() => kv.put("a", 2n ** 64n)).toThrow(coded("OVERFLOW"));
  });

  test.each([
    null,
    5,
    "ttlMs",
    [],
    { ttlMs: 0 },
    { ttlMs: -1 },
    { ttlMs: Number.NaN },
    { ttlMs: Number.POSITIVE_INFINITY },
    { ttlMs: 1e300 },
    { ttlMs: "5" },
    { ttl: 5 },
    { ifVersion: -1 },
    { ifVersion: 1.5 },
    { ifVersion: null },
    { ifVersion: "1" },
  ])("the options %j are refused", (options) => {
    expect(() => kv.put("a", 1, options as object)).toThrow(coded("INVALID_ARGUMENT"));
    expect(kv.exists("a")).toBe(false);
  });

  test.each([undefined, null, 5, "ab", {}, () => ["a"]])("%o is no iterable of keys or entries", (input) => {
    expect(() => kv.getMany(input as never)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => kv.deleteMany(input as never)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => kv.putMany(input as never)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("a past view has no write", () => {
    expect(new KvReader(db.at(run))).not.toHaveProperty("put");
  });

  test("a closed database and a deleted run refuse every call", () => {
    const doomed = db.runs.create("doomed");
    const store = new KvStore(db.head(db.runs.must(doomed.name)));
    store.put("a", 1);
    db.runs.delete("doomed");
    const calls: ((store: KvStore) => unknown)[] = [
      (s) => s.get("a"),
      (s) => s.getVersioned("a"),
      (s) => s.exists("a"),
      (s) => s.list(),
      (s) => s.entries().next(),
      (s) => s.history("a"),
      (s) => s.put("a", 1),
      (s) => s.putMany([["a", 1]]),
      (s) => s.delete("a"),
      (s) => s.deleteMany(["a"]),
      (s) => s.clear(""),
    ];
    for (const call of calls) expect(() => call(store)).toThrow(coded("RUN_NOT_FOUND"));
    db.close();
    for (const call of calls) expect(() => call(kv)).toThrow(coded("DATABASE_CLOSED"));
  });

  test("a finished transaction refuses every call", () => {
    const own = inTransaction((store) => store);
    expect(() => own.get("a")).toThrow(coded("TRANSACTION_NOT_ACTIVE"));
    expect(() => own.put("a", 1)).toThrow(coded("TRANSACTION_NOT_ACTIVE"));
    expect(() => own.list()).toThrow(coded("TRANSACTION_NOT_ACTIVE"));
  });

  test("every refusal says what to do", () => {
    try {
      kv.put("a", 1, { ttlms: 5 } as object);
      expect.unreachable();
    } catch (error) {
      expect((error as StrataError).message).toBe('kv.put has no option "ttlms"; did you mean "ttlMs"?');
      expect((error as StrataError).hint).not.toBe("");
    }
  });
});
