import { SMALL_LIMITS } from "@strata/core";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { EMPTY_HEAD } from "./event-chain.js";
import { type AnyEvents, EventLogReader, EventLogStore } from "./event-log.js";
import type { EventScan } from "./event-scan.js";
import { KvStore } from "./kv.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

let db: Database;
let run: Run;
let events: EventLogStore;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  events = new EventLogStore(db.head(run));
});

/** A transaction's log; `W` as the facade types it. */
type Own = EventLogStore<AnyEvents, { readonly [type: string]: object }, undefined>;
const inTransaction = <T>(fn: (events: Own) => T): T =>
  db.transaction(run, (transaction) => fn(new EventLogStore(transaction.scope("default"))));

describe("append", () => {
  test("returns the sequence, dense from 0 over all types", () => {
    expect(events.append("a", { n: 1 })).toBe(0);
    expect(events.append("b", {})).toBe(1);
    expect(
      events.appendMany([
        { type: "a", payload: {} },
        { type: "c", payload: {} },
      ]),
    ).toEqual([2, 3]);
    expect(events.len()).toBe(4);
  });

  test("gives the event version and time of its commit, and chains it", () => {
    events.append("a", { n: 1 });
    events.append("b", { n: 2 });
    const [first, second] = events.range(0, 2);
    expect(second).toMatchObject({ type: "b", sequence: 1, payload: { n: 2 }, version: run.version });
    expect(second?.timestamp).toBe(run.shard.timeline.timestampOf(run.version));
    expect(second?.prevHash).toBe(first?.hash);
    expect(first?.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("copies the payload in and out", () => {
    const payload = { list: [1], bytes: new Uint8Array([1]) };
    events.append("a", payload);
    payload.list.push(2);
    payload.bytes[0] = 9;
    const read = events.read(0) as unknown as { payload: { list: number[]; bytes: Uint8Array } };
    expect(read.payload).toEqual({ list: [1], bytes: new Uint8Array([1]) });
    expect(Object.isFrozen(read.payload) && Object.isFrozen(read.payload.list)).toBe(true);
    read.payload.bytes[0] = 9;
    expect(events.read(0)?.payload).toEqual({ list: [1], bytes: new Uint8Array([1]) });
    expect(events.verify()).toEqual({ valid: true, length: 1 });
  });

  test("keeps members named __proto__ and values of every type", () => {
    const payload = { ["__proto__"]: { x: 1 }, big: 2n ** 60n, zero: -0, null: null, deep: [[["x"]]], empty: {} };
    events.append("a", payload);
    expect(events.read(0)?.payload).toEqual(payload);
    expect(Object.keys(events.read(0)?.payload ?? {})).toContain("__proto__");
  });

  test("appendMany is one commit, all or nothing", () => {
    const before = run.version;
    const bad = [
      { type: "a", payload: {} },
      { type: "", payload: {} },
    ];
    expect(() => events.appendMany(bad)).toThrow(coded("INVALID_NAME"));
    expect(() =>
      events.appendMany([
        { type: "a", payload: {} },
        { type: "a", payload: { n: Number.NaN } },
      ]),
    ).toThrow(coded("INVALID_VALUE"));
    expect(run.version).toBe(before);
    events.appendMany([
      { type: "a", payload: {} },
      { type: "b", payload: {} },
    ]);
    expect(new Set(events.range(0, 2).map(({ version }) => version))).toEqual(new Set([run.version]));
  });

  test("appendMany of nothing commits nothing", () => {
    const before = run.version;
    expect(events.appendMany([])).toEqual([]);
    expect(inTransaction((own) => own.appendMany([]))).toBeUndefined();
    expect(run.version).toBe(before);
  });
});

describe("in a transaction", () => {
  test("append returns nothing and two appenders both commit, chained in commit order", () => {
    const [t1, t2] = [db.beginTransaction(run), db.beginTransaction(run)];
    expect(new EventLogStore(t1.scope("default")).append("first", {})).toBeUndefined();
    expect(new EventLogStore(t2.scope("default")).append("second", {})).toBeUndefined();
    t2.commit();
    t1.commit();
    expect(events.range(0, 2).map(({ type }) => type)).toEqual(["second", "first"]);
    expect(events.verify()).toEqual({ valid: true, length: 2 });
  });

  test("exact returns the sequence and observes the head", () => {
    events.append("a", {});
    const transaction = db.beginTransaction(run);
    const own: Own = new EventLogStore(transaction.scope("default"));
    own.append("b", {});
    expect(own.append("c", {}, { exact: true })).toBe(2);
    events.append("other", {});
    expect(() => transaction.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(events.append("d", {}, { exact: true })).toBe(2);
  });

  test("own events are read back, without hashes until they are committed", () => {
    events.append("a", {});
    inTransaction((own) => {
      own.append("b", { n: 1 });
      own.appendMany([{ type: "a", payload: { n: 2 } }]);
      expect(own.len()).toBe(3);
      expect(own.read(1)).toEqual({
        type: "b",
        payload: { n: 1 },
        sequence: 1,
        version: 0,
        timestamp: 0,
        prevHash: "",
        hash: "",
      });
      expect(own.readByType("a").map(({ sequence }) => sequence)).toEqual([0, 2]);
      expect([...own.iterate({ reverse: true })].map(({ type }) => type)).toEqual(["a", "b", "a"]);
      expect(own.types()).toEqual([
        { type: "a", count: 2 },
        { type: "b", count: 1 },
      ]);
      expect(own.head()).toEqual({ length: 3, hash: "" });
      expect(own.verify()).toEqual({ valid: true, length: 1 });
    });
    expect(events.head().length).toBe(3);
  });

  type Read = [what: string, read: (own: Own) => unknown];
  const open: Read[] = [
    ["len", (own) => own.len()],
    ["head", (own) => own.head()],
    ["types", (own) => own.types()],
    ["a read at the end", (own) => own.read(2)],
    ["a range to the end", (own) => own.range(0, 3)],
    ["iterating everything", (own) => [...own.iterate()]],
    ["iterating backwards", (own) => [...own.iterate({ reverse: true, limit: 1 })]],
    ["reading by the type that comes", (own) => own.readByType("a")],
    ["verify", (own) => own.verify()],
  ];
  test.each(open)("%s sees the end, and conflicts with an append", (_what, read) => {
    events.appendMany([
      { type: "a", payload: {} },
      { type: "b", payload: {} },
    ]);
    const transaction = db.beginTransaction(run);
    read(new EventLogStore(transaction.scope("default")));
    new KvStore(transaction.scope("default")).put("k", 1);
    events.append("a", {});
    expect(() => transaction.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  const closed: Read[] = [
    ["reading an event that exists", (own) => own.read(1)],
    ["a range inside the log", (own) => own.range(0, 2)],
    ["iterating up to a limit", (own) => [...own.iterate({ limit: 2 })]],
    ["iterating backwards from inside", (own) => [...own.iterate({ after: 2, reverse: true })]],
    ["reading by another type", (own) => own.readByType("b")],
    ["appending", (own) => own.append("b", {})],
  ];
  test.each(closed)("%s does not conflict with an append", (_what, read) => {
    events.appendMany([
      { type: "a", payload: {} },
      { type: "b", payload: {} },
    ]);
    const transaction = db.beginTransaction(run);
    read(new EventLogStore(transaction.scope("default")));
    new KvStore(transaction.scope("default")).put("k", 1);
    events.append("a", {});
    transaction.commit();
  });

  test("rolled back, nothing was appended and the chain is whole", () => {
    events.append("a", {});
    const transaction = db.beginTransaction(run);
    new EventLogStore(transaction.scope("default")).append("b", {});
    transaction.rollback();
    events.append("c", {});
    expect(events.range(0, 9).map(({ type }) => type)).toEqual(["a", "c"]);
    expect(events.verify().valid).toBe(true);
  });
});

describe("reading", () => {
  test("an empty log is empty in every way", () => {
    expect(events.len()).toBe(0);
    expect(events.head()).toEqual({ length: 0, hash: EMPTY_HEAD });
    expect(events.verify()).toEqual({ valid: true, length: 0 });
    expect(events.verify(events.head())).toEqual({ valid: true, length: 0 });
    expect(events.read(0)).toBeUndefined();
    expect(events.range(0, 10)).toEqual([]);
    expect(events.types()).toEqual([]);
    expect(events.readByType("a")).toEqual([]);
    expect([...events.iterate()]).toEqual([]);
    expect([...events.iterate({ reverse: true })]).toEqual([]);
  });

  test("range is half open, clipped, and empty when it is backwards", () => {
    for (let i = 0; i < 5; i++) events.append("a", { i });
    const sequences = (start: number, end: number) => events.range(start, end).map(({ sequence }) => sequence);
    expect(sequences(1, 3)).toEqual([1, 2]);
    expect(sequences(3, 99)).toEqual([3, 4]);
    expect(sequences(3, 3)).toEqual([]);
    expect(sequences(4, 1)).toEqual([]);
    expect(sequences(7, 9)).toEqual([]);
    expect(sequences(0, Number.MAX_SAFE_INTEGER)).toHaveLength(5);
  });

  test("iterate and readByType are filters over the whole log, in either direction and by page", () => {
    const scans: fc.Arbitrary<EventScan> = fc.record(
      { after: fc.integer({ min: -1, max: 25 }), limit: fc.integer({ min: 1, max: 25 }), reverse: fc.boolean() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 20 }), scans, (types, scan) => {
        const other = Database.ephemeral();
        const log = new EventLogStore(other.head(other.runs.must("default")));
        log.appendMany(types.map((type) => ({ type, payload: {} })));
        const naive = (type: string | undefined) => {
          const all = types.map((t, sequence) => ({ t, sequence })).filter(({ t }) => type === undefined || t === type);
          if (scan.reverse === true) all.reverse();
          const { after } = scan;
          const behind = (sequence: number) =>
            after === undefined || (scan.reverse === true ? sequence < after : sequence > after);
          return all
            .map(({ sequence }) => sequence)
            .filter(behind)
            .slice(0, scan.limit);
        };
        expect([...log.iterate(scan)].map(({ sequence }) => sequence)).toEqual(naive(undefined));
        for (const type of ["a", "b", "none"]) {
          expect(log.readByType(type, scan).map(({ sequence }) => sequence)).toEqual(naive(type));
        }
        const counts = [...new Set(types)]
          .sort()
          .map((type) => ({ type, count: types.filter((t) => t === type).length }));
        expect(log.types()).toEqual(counts);
      }),
    );
  });

  test("iterate gives the events there were at the first next()", () => {
    events.append("a", {});
    const iterator = events.iterate();
    events.append("b", {});
    const seen: string[] = [];
    for (const { type } of iterator) {
      seen.push(type);
      events.append("later", {});
      if (seen.length > 10) break;
    }
    expect(seen).toEqual(["a", "b"]);
    expect(iterator.next().done).toBe(true);
  });

  test("iterate goes on in the log it began in, also when its space is deleted and made again", () => {
    const other = new EventLogStore(db.head(run, "other"));
    other.appendMany([1, 2, 3].map((n) => ({ type: "old", payload: { n } })));
    const { watermark } = run.shard;
    const before = watermark.pins;
    const iterator = other.iterate();
    expect(iterator.next().value?.payload).toEqual({ n: 1 });
    db.spaces(run).delete("other", { force: true });
    other.append("new", { n: 9 });
    expect([...iterator].map(({ type, payload }) => [type, payload])).toEqual([
      ["old", { n: 2 }],
      ["old", { n: 3 }],
    ]);
    expect(watermark.pins).toBe(before);
    expect(other.range(0, 9).map(({ type }) => type)).toEqual(["new"]);
  });

  test("the past reads what was there, and its head verifies today's log", () => {
    events.append("a", {});
    const past = new EventLogReader(db.at(run));
    const head = past.head();
    events.append("b", {});
    expect(past.len()).toBe(1);
    expect(past.read(1)).toBeUndefined();
    expect(past.types()).toEqual([{ type: "a", count: 1 }]);
    expect(events.verify(head)).toEqual({ valid: true, length: 2 });
    expect(past.verify(events.head())).toMatchObject({ valid: false, firstInvalid: 1 });
    expect(past).not.toHaveProperty("append");
  });

  test("logs of two runs or spaces share neither sequences nor hashes", () => {
    events.append("a", {});
    const space = new EventLogStore(db.head(run, "other"));
    expect(space.append("a", {})).toBe(0);
    expect(space.read(0)?.prevHash).not.toBe(events.read(0)?.prevHash);
    expect(events.len()).toBe(1);
  });
});

describe("hostile input", () => {
  test.each(["", "x".repeat(257), "é".repeat(129), "\ud800", undefined, null, 5, {}, Symbol("t")])(
    "the type %o is refused",
    (type) => {
      const bad = type as string;
      expect(() => events.append(bad, {})).toThrow(coded("INVALID_NAME"));
      expect(() => events.readByType(bad)).toThrow(coded("INVALID_NAME"));
      expect(() => events.appendMany([{ type: bad, payload: {} }])).toThrow(coded("INVALID_NAME"));
      expect(events.len()).toBe(0);
    },
  );

  const payloads: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 5],
    ["text", "x"],
    ["an array", [1]],
    ["bytes", new Uint8Array(1)],
    ["a Date", new Date()],
    ["a Map", new Map()],
    ["a function", () => 1],
    ["a promise", Promise.resolve({})],
    ["NaN", { a: Number.NaN }],
    ["an infinity, deep inside", { a: [{ b: Number.NEGATIVE_INFINITY }] }],
    ["undefined in an array", { a: [undefined] }],
    ["a lone surrogate", { a: "\ud800" }],
  ];
  test.each(payloads)("the payload %s is refused, and nothing is appended", (_what, payload) => {
    expect(() => events.append("a", payload as object)).toThrow(coded("INVALID_VALUE"));
    expect(() => events.appendMany([{ type: "a", payload: payload as object }])).toThrow(coded("INVALID_VALUE"));
    inTransaction((own) => expect(() => own.append("a", payload as object)).toThrow(coded("INVALID_VALUE")));
    expect(events.len()).toBe(0);
  });

  test("the refusal says where the number is", () => {
    expect(() => events.append("a", { list: [1, { deep: Number.NaN }] })).toThrow(
      coded("INVALID_VALUE", { path: "$.list[1].deep" }),
    );
  });

  test("oversize payloads are refused", () => {
    const small = Database.ephemeral({ limits: SMALL_LIMITS });
    const log = new EventLogStore(small.head(small.runs.must("default")));
    expect(() => log.append("a", { text: "x".repeat(1001) })).toThrow(coded("LIMIT_VALUE"));
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "0", null, undefined, 1n])(
    "the sequence %o is refused",
    (sequence) => {
      const bad = sequence as number;
      expect(() => events.read(bad)).toThrow(coded("INVALID_ARGUMENT"));
      expect(() => events.range(bad, 1)).toThrow(coded("INVALID_ARGUMENT"));
      expect(() => events.range(0, bad)).toThrow(coded("INVALID_ARGUMENT"));
    },
  );

  test.each([
    null,
    5,
    "a",
    [],
    { limit: 0 },
    { limit: -1 },
    { limit: 1.5 },
    { after: -2 },
    { after: "0" },
    { reverse: 1 },
    { before: 5 },
  ])("the scan %j is refused", (scan) => {
    expect(() => events.iterate(scan as EventScan)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => events.readByType("a", scan as EventScan)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test.each([
    null,
    5,
    {},
    { length: 1 },
    { length: -1, hash: EMPTY_HEAD },
    { length: 1, hash: "" },
    { length: 1, hash: "zz" },
    { length: "1", hash: EMPTY_HEAD },
  ])("the head %j is refused", (head) => {
    expect(() => events.verify(head as { length: number; hash: string })).toThrow(coded("INVALID_ARGUMENT"));
  });

  test.each([undefined, null, 5, "ab", {}, [5], [null], ["a"]])("%o is no iterable of events", (input) => {
    expect(() => events.appendMany(input as never)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }),
    );
    expect(events.len()).toBe(0);
  });

  test.each([{ exact: "yes" }, { exac: true }, 5, null])("the append options %j are refused", (options) => {
    expect(() => events.append("a", {}, options as { exact: true })).toThrow(coded("INVALID_ARGUMENT"));
    expect(events.len()).toBe(0);
  });
});
