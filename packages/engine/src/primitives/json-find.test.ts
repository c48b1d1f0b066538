import { compareCodePoints, Value } from "@strata/core";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import { compileWhere, getAt, parseJsonPath, type Where } from "../json/index.js";
import type { Run } from "../run.js";
import { DeclaredIndexes } from "./declared-indexes.js";
import type { JsonFindOptions } from "./json-find.js";
import { JsonDocumentStore, JsonReader } from "./json-store.js";

const coded = (code: string) => expect.objectContaining({ code });

let db: Database;
let run: Run;
let json: JsonDocumentStore;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  json = new JsonDocumentStore(db.head(run));
});

const keysOf = (found: readonly { readonly key: string }[]) => found.map(({ key }) => key);

describe("find", () => {
  beforeEach(() => {
    json.put("p/1", { price: 3, name: "c" });
    json.put("p/2", { price: 1, name: "a" });
    json.put("p/3", { name: "none" });
    json.put("p/4", { price: 1, name: "b" });
    json.put("p/5", { price: "1", name: "text" });
    json.put("q/1", { price: 0 });
  });

  test("gives key and document of what matches, by key", () => {
    expect(json.find({ price: { $lte: 1 } })).toEqual([
      { key: "p/2", value: { price: 1, name: "a" } },
      { key: "p/4", value: { price: 1, name: "b" } },
      { key: "q/1", value: { price: 0 } },
    ]);
    expect(keysOf(json.find({}))).toEqual(["p/1", "p/2", "p/3", "p/4", "p/5", "q/1"]);
    expect(json.find({ price: 7 })).toEqual([]);
  });

  test("takes a prefix, a limit, the other direction and a key to go on behind", () => {
    expect(keysOf(json.find({}, { prefix: "q/" }))).toEqual(["q/1"]);
    expect(keysOf(json.find({ price: { $exists: true } }, { prefix: "p/", limit: 2 }))).toEqual(["p/1", "p/2"]);
    expect(keysOf(json.find({}, { reverse: true, limit: 2 }))).toEqual(["q/1", "p/5"]);
    expect(keysOf(json.find({}, { after: "p/4" }))).toEqual(["p/5", "q/1"]);
    expect(keysOf(json.find({}, { after: "p/2", reverse: true }))).toEqual(["p/1"]);
    expect(keysOf(json.find({}, { after: "p/25" }))).toEqual(["p/3", "p/4", "p/5", "q/1"]);
    expect(json.find({}, { prefix: "z", after: "a" })).toEqual([]);
    expect(json.find({}, { prefix: "a", after: "z" })).toEqual([]);
  });

  test("orders by a value, then by key, with what has none last in either direction", () => {
    expect(keysOf(json.find({}, { orderBy: "price" }))).toEqual(["q/1", "p/2", "p/4", "p/1", "p/5", "p/3"]);
    const back = keysOf(json.find({}, { orderBy: "$.price", reverse: true }));
    expect(back).toEqual(["p/5", "p/1", "p/4", "p/2", "q/1", "p/3"]);
  });

  test.each([false, true])("pages through an order, reverse %s", (reverse) => {
    const all = keysOf(json.find({}, { orderBy: "price", reverse }));
    const paged: string[] = [];
    for (let after: string | undefined; paged.length <= all.length; after = paged.at(-1)) {
      const page = keysOf(json.find({}, { orderBy: "price", reverse, limit: 1, after }));
      if (page.length === 0) break;
      paged.push(...page);
    }
    expect(paged).toEqual(all);
  });

  test.each([false, true])("keeps the first of many, in whatever order they come, reverse %s", (reverse) => {
    db.transaction(run, (t) => {
      const own = new JsonDocumentStore(t.scope("default"));
      for (let n = 0; n < 1000; n++) own.put(`r/${n}`, { mix: (n * 617) % 1000 });
    });
    for (const limit of [1, 3, 40]) {
      const found = json.find({}, { prefix: "r/", orderBy: "mix", reverse, limit });
      const mixes = found.map(({ value }) => (value as { mix: number }).mix);
      expect(mixes).toEqual([...Array(limit).keys()].map((n) => (reverse ? 999 - n : n)));
    }
  });

  test("cannot go on behind a document that is gone, when a value is the order", () => {
    json.delete("p/2");
    expect(() => json.find({}, { orderBy: "price", after: "p/2" })).toThrow(coded("INVALID_ARGUMENT"));
    expect(keysOf(json.find({}, { after: "p/2" }))).toEqual(["p/3", "p/4", "p/5", "q/1"]);
  });

  test("hands out bytes as copies", () => {
    json.put("b", { data: Uint8Array.of(1, 2) });
    for (const { value } of json.find({ data: { $exists: true } })) (value as { data: Uint8Array }).data[0] = 9;
    expect(json.get("b", "data")).toEqual(Uint8Array.of(1, 2));
  });

  test("finds documents that are scalars or arrays", () => {
    json.put("n", 5);
    json.put("l", [5]);
    expect(keysOf(json.find({ $: 5 }))).toEqual(["n"]);
    expect(keysOf(json.find({ $: { $contains: 5 } }))).toEqual(["l"]);
  });

  test("says how it went", () => {
    expect(json.explain({ price: 1 }, { prefix: "p/" })).toEqual({
      indexes: [],
      candidates: 5,
      scanned: 5,
      matches: 2,
    });
    expect(json.explain({ price: 1 }, { limit: 1 })).toEqual({ indexes: [], candidates: 2, scanned: 2, matches: 1 });
  });

  const refused: [what: string, options: object][] = [
    ["an unknown option", { orderby: "price" }],
    ["an order that is no text", { orderBy: 1 }],
    ["a limit of 0", { limit: 0 }],
    ["an after that is no text", { after: 1 }],
    ["bounds that only scans take", { start: "a" }],
  ];
  test.each(refused)("refuses %s", (_what, options) => {
    expect(() => json.find({}, options as JsonFindOptions)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("refuses orders that are no paths, and keys that are none", () => {
    expect(() => json.find({}, { orderBy: "a[-]" })).toThrow(coded("INVALID_PATH"));
    expect(() => json.find({}, { orderBy: "price", after: "" })).toThrow(coded("INVALID_KEY"));
    expect(() => json.find(undefined as unknown as Where)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("sees the past, forks, and a transaction's own writes", () => {
    const before = run.version;
    db.fork(run, ["child"]);
    json.put("p/2", { price: 9 });
    const at = (scope: ConstructorParameters<typeof JsonReader>[0]) =>
      keysOf(new JsonReader(scope).find({ price: { $lte: 1 } }));
    expect(at(db.at(run, "default", { version: before }))).toEqual(["p/2", "p/4", "q/1"]);
    expect(at(db.head(db.runs.must("child")))).toEqual(["p/2", "p/4", "q/1"]);
    expect(at(db.head(run))).toEqual(["p/4", "q/1"]);
    db.transaction(run, (t) => {
      const own = new JsonDocumentStore(t.scope("default"));
      own.set("p/1", "price", -1);
      own.delete("q/1");
      own.put("a", { price: 0 });
      expect(keysOf(own.find({ price: { $lte: 1 } }))).toEqual(["a", "p/1", "p/4"]);
      expect(keysOf(own.find({ price: { $lte: 1 } }, { orderBy: "price" }))).toEqual(["p/1", "a", "p/4"]);
    });
  });

  test("is read whole, so that what would match now makes a transaction fail", () => {
    const attempt = (find: (own: JsonDocumentStore) => unknown, disturb: () => void) => {
      const open = db.beginTransaction(run);
      const own = new JsonDocumentStore(open.scope("default"));
      find(own);
      own.put("z", 1);
      disturb();
      return () => open.commit();
    };
    const cheap = { price: { $lt: 0 } };
    expect(
      attempt(
        (own) => own.find(cheap, { prefix: "p/" }),
        () => json.set("p/1", "price", -1),
      ),
    ).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(
      attempt(
        (own) => own.find(cheap, { prefix: "p/" }),
        () => json.put("p/9", { price: -1 }),
      ),
    ).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(
      attempt(
        (own) => own.find(cheap, { prefix: "p/" }),
        () => json.put("q/9", { price: -1 }),
      ),
    ).not.toThrow();
    // Stopped by its limit at p/2, it has seen nothing behind.
    expect(
      attempt(
        (own) => own.find({}, { limit: 2 }),
        () => json.put("p/3", { price: -1 }),
      ),
    ).not.toThrow();
    expect(
      attempt(
        (own) => own.find({}, { limit: 1, orderBy: "price" }),
        () => json.put("p/4", 1),
      ),
    ).toThrow(coded("TRANSACTION_CONFLICT"));
  });
});

describe("find against a naive one", () => {
  const scalar = fc.constantFrom<Value>(null, false, true, -1, 0, 1, 1.5, 2n ** 60n, 2 ** 60, "", "a", "ab", "b");
  const document = fc.oneof(
    fc.record({ a: fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), b: scalar }, { requiredKeys: [] }),
    scalar,
  );
  const options: fc.Arbitrary<JsonFindOptions> = fc.record(
    {
      prefix: fc.constantFrom("", "k", "k1"),
      orderBy: fc.constantFrom("a", "b", "a[0]", "$"),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 1, max: 5 }),
      after: fc.integer({ min: 0, max: 19 }).map((n) => `k${n}`),
    },
    { requiredKeys: [] },
  );
  const where = fc.constantFrom<Where>({}, { a: { $exists: true } }, { b: { $lte: 1 } }, { a: { $gt: "" } });

  test("has the same results in the same order", () => {
    fc.assert(
      fc.property(fc.array(document, { maxLength: 20 }), where, options, (documents, where, options) => {
        const fresh = Database.ephemeral();
        const store = new JsonDocumentStore(fresh.head(fresh.runs.must("default")));
        for (const [i, each] of documents.entries()) store.put(`k${i}`, each);
        const { after } = options;
        if (options.orderBy !== undefined && after !== undefined && !store.exists(after)) {
          expect(() => store.find(where, options)).toThrow(coded("INVALID_ARGUMENT"));
        } else expect(store.find(where, options)).toEqual(naiveFind(documents, where, options));
      }),
      { numRuns: 300 },
    );
  });
});

function naiveFind(documents: readonly Value[], where: Where, options: JsonFindOptions) {
  const { prefix = "", orderBy, reverse = false, limit = Number.POSITIVE_INFINITY, after } = options;
  const path = parseJsonPath(orderBy ?? "");
  const entries = documents.map((value, i) => ({ key: `k${i}`, value, at: getAt(value, path) }));
  const direction = reverse ? -1 : 1;
  type Entry = (typeof entries)[number];
  const compare = (a: Entry, b: Entry) => {
    const byKey = direction * compareCodePoints(a.key, b.key);
    if (orderBy === undefined) return byKey;
    if (a.at === undefined || b.at === undefined)
      return Number(a.at === undefined) - Number(b.at === undefined) || byKey;
    return direction * Value.compare(a.at, b.at) || byKey;
  };
  const last = entries.find(({ key }) => key === after) ?? { key: after ?? "", value: null, at: undefined };
  return entries
    .filter(({ key, value }) => key.startsWith(prefix) && compileWhere(where, "test").matches(value))
    .filter((entry) => after === undefined || compare(entry, last) > 0)
    .sort(compare)
    .slice(0, limit)
    .map(({ key, value }) => ({ key, value }));
}

describe("an index is declared", () => {
  const declared = (run: Run, space = "default") => new DeclaredIndexes(db.head(run, space)).has("$.price");

  test("once", () => {
    expect(json.createIndex("price")).toBe(true);
    const version = run.version;
    expect(json.createIndex('$["price"]')).toBe(false);
    expect(run.version).toBe(version);
    expect(declared(run)).toBe(true);
    expect(json.dropIndex("$.price")).toBe(true);
    expect(json.dropIndex("price")).toBe(false);
    expect(declared(run)).toBe(false);
  });

  test("for one space, which neither lists it nor shows it", () => {
    const other = new JsonDocumentStore(db.head(run, "other"));
    other.createIndex("price");
    expect([declared(run), declared(run, "other")]).toEqual([false, true]);
    expect(other.list()).toEqual([]);
    expect(db.spaces(run).list()).toEqual(["default"]);
    other.put("a", 1);
    expect(() => db.spaces(run).delete("other")).toThrow(coded("SPACE_NOT_EMPTY"));
    other.delete("a");
    expect(db.spaces(run).delete("other")).toBe(true);
    expect(declared(run, "other")).toBe(false);
  });

  test("in forks too, from there on in each by itself, and is merged", () => {
    json.createIndex("price");
    db.fork(run, ["child"]);
    const child = db.runs.must("child");
    expect(declared(child)).toBe(true);
    json.dropIndex("price");
    expect([declared(run), declared(child)]).toEqual([false, true]);
    db.fork(run, ["other"]);
    new JsonDocumentStore(db.head(db.runs.must("other"))).createIndex("price");
    db.algebra.merge("other", "default");
    expect(declared(run)).toBe(true);
  });

  test("in transactions, and not when they roll back", () => {
    const open = db.beginTransaction(run);
    const own = new JsonDocumentStore(open.scope("default"));
    expect([own.createIndex("price"), own.createIndex("price")]).toEqual([true, false]);
    expect(new DeclaredIndexes(open.scope("default")).has("$.price")).toBe(true);
    open.rollback();
    expect(declared(run)).toBe(false);
  });

  test("in the past of its time", () => {
    const before = run.version;
    json.createIndex("price");
    expect(new DeclaredIndexes(db.at(run, "default", { version: before })).has("$.price")).toBe(false);
    expect(new DeclaredIndexes(db.at(run)).has("$.price")).toBe(true);
  });

  test("for a path that can be read and is not too long", () => {
    expect(() => json.createIndex("tags[-]")).toThrow(coded("INVALID_PATH"));
    expect(() => json.createIndex("a..b")).toThrow(coded("INVALID_PATH"));
    expect(() => json.createIndex("x".repeat(2000))).toThrow(coded("LIMIT_VALUE"));
    expect(() => json.createIndex(["a"] as unknown as string)).toThrow(coded("INVALID_ARGUMENT"));
    expect(json.createIndex("tags[-1]")).toBe(true);
    expect(json.createIndex("$")).toBe(true);
    expect(json.createIndex("__proto__")).toBe(true);
  });
});
