import { SMALL_LIMITS, type Version } from "@strata/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { collectionOf, collectionsOf } from "./vector-collection.js";
import { decodeVector, vectorBytes, vectorRowKey } from "./vector-row.js";
import { VectorReader, VectorStore, type Vectors } from "./vector-store.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

let db: Database;
let run: Run;
let vectors: VectorStore;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  vectors = new VectorStore(db.head(run));
});

const inTransaction = <T>(fn: (vectors: VectorStore<undefined>) => T): T =>
  db.transaction(run, (transaction) => fn(new VectorStore(transaction.scope("default"))));

const at = (version: Version) => new VectorReader(db.at(run, "default", { version }));

/** What a call that has no types would pass. */
const loose = () => vectors as unknown as { [method in keyof Vectors]: (...args: readonly unknown[]) => unknown };

describe("collections", () => {
  test("are made with their defaults, and listed by name", () => {
    expect(vectors.createCollection("notes", { dimension: 3 })).toBe(true);
    expect(vectors.createCollection("docs", { dimension: 2, metric: "dot", m: 8 })).toBe(true);
    vectors.upsert("docs", "a", [1, 2]);
    expect(vectors.listCollections()).toEqual([
      { name: "docs", dimension: 2, metric: "dot", index: "flat", count: 1, indexed: 0, memoryBytes: 0 },
      { name: "notes", dimension: 3, metric: "cosine", index: "flat", count: 0, indexed: 0, memoryBytes: 0 },
    ]);
    expect(collectionOf(db.head(run), "notes")).toEqual({
      dimension: 3,
      metric: "cosine",
      index: "auto",
      quantization: "none",
      m: 16,
      efConstruction: 200,
      efSearch: 50,
    });
    expect(collectionOf(db.head(run), "other")).toBeUndefined();
    expect([...collectionsOf(db.head(run)).keys()]).toEqual(["docs", "notes"]);
  });

  test("one that exists is an error, or kept when its options are the same", () => {
    vectors.createCollection("docs", { dimension: 3 });
    const before = run.version;
    expect(() => vectors.createCollection("docs", { dimension: 3 })).toThrow(coded("COLLECTION_EXISTS"));
    expect(vectors.createCollection("docs", { dimension: 3, metric: "cosine", ifExists: "keep" })).toBe(false);
    expect(() => vectors.createCollection("docs", { dimension: 4, m: 8, ifExists: "keep" })).toThrow(
      coded("COLLECTION_EXISTS", { collection: "docs", differing: ["dimension", "m"] }),
    );
    expect(run.version).toBe(before);
  });

  test.each([
    ["no options", undefined],
    ["no dimension", {}],
    ["text", "3"],
    ["a dimension of 0", { dimension: 0 }],
    ["a negative one", { dimension: -1 }],
    ["a broken one", { dimension: 1.5 }],
    ["one in text", { dimension: "3" }],
    ["one that is none", { dimension: Number.NaN }],
    ["one beyond the limit", { dimension: 8193 }],
    ["another metric", { dimension: 3, metric: "manhattan" }],
    ["a metric that every object has", { dimension: 3, metric: "toString" }],
    ["another index", { dimension: 3, index: "ivf" }],
    ["another quantization", { dimension: 3, quantization: "int4" }],
    ["m of 1", { dimension: 3, m: 1 }],
    ["m of a million", { dimension: 3, m: 1_000_000 }],
    ["efSearch of 0", { dimension: 3, efSearch: 0 }],
    ["a mistyped option", { dimension: 3, metrics: "dot" }],
    ["another ifExists", { dimension: 3, ifExists: "replace" }],
  ])("%s makes none", (_what, options) => {
    expect(() => loose().createCollection("docs", options)).toThrow(coded("INVALID_ARGUMENT"));
    expect(vectors.listCollections()).toEqual([]);
  });

  test.each(["", "_docs", "_collections", "a/b", "a\0b", "x".repeat(257), "\ud800", 3, undefined, null])(
    "%j is no name",
    (name) => {
      const calls: [method: keyof Vectors, ...rest: unknown[]][] = [
        ["createCollection", { dimension: 3 }],
        ["deleteCollection"],
        ["upsert", "a", [1, 2, 3]],
        ["upsertMany", []],
        ["delete", "a"],
        ["get", "a"],
        ["keys"],
        ["count"],
        ["history", "a"],
      ];
      for (const [method, ...rest] of calls) {
        expect(() => loose()[method](name, ...rest)).toThrow(coded("INVALID_NAME"));
      }
    },
  );

  test("deleting one takes its vectors along, in one commit, and leaves those beside it", () => {
    for (const name of ["docs", "docs-2", "doc"]) {
      vectors.createCollection(name, { dimension: 1 });
      vectors.upsertMany(name, [
        { key: "a", vector: [1] },
        { key: "b", vector: [2] },
      ]);
    }
    const before = run.version;
    expect(vectors.deleteCollection("docs")).toBe(true);
    expect(run.version).toBe(before + 1);
    expect(vectors.deleteCollection("docs")).toBe(false);
    expect(vectors.listCollections().map(({ name, count }) => [name, count])).toEqual([
      ["doc", 2],
      ["docs-2", 2],
    ]);
    vectors.createCollection("docs", { dimension: 2 });
    expect(vectors.keys("docs")).toEqual([]);
    expect(vectors.get("docs", "a")).toBeUndefined();
    expect(at(before).get("docs", "a")?.vector).toEqual(Float32Array.of(1));
  });

  test("ten thousand of them", () => {
    db.transaction(run, (transaction) => {
      const own = new VectorStore(transaction.scope("default"));
      for (let i = 0; i < 10_000; i++) own.createCollection(`c${i}`, { dimension: 1 });
      own.upsert("c5000", "a", [1]);
    });
    const listed = vectors.listCollections();
    expect(listed.length).toBe(10_000);
    expect(listed.find(({ name }) => name === "c5000")?.count).toBe(1);
    expect(vectors.keys("c5000")).toEqual(["a"]);
    expect(vectors.keys("c500")).toEqual([]);
  });
});

describe("what is not there", () => {
  test("calls on a collection that does not exist say how to make it", () => {
    const before = run.version;
    const calls: [method: keyof Vectors, ...rest: unknown[]][] = [
      ["upsert", "a", [1, 2, 3]],
      ["upsertMany", []],
      ["delete", "a"],
      ["get", "a"],
      ["keys"],
      ["count"],
    ];
    for (const [method, ...rest] of calls) {
      expect(() => loose()[method]("docs", ...rest)).toThrow(
        coded("COLLECTION_NOT_FOUND", { collection: "docs", run: "default", space: "default" }),
      );
    }
    expect(run.version).toBe(before);
  });

  test("the history of a collection that was deleted can be read on", () => {
    vectors.createCollection("docs", { dimension: 1 });
    vectors.upsert("docs", "a", [1]);
    vectors.deleteCollection("docs");
    const [deleted, written] = vectors.history("docs", "a");
    expect(deleted?.deleted).toBe(true);
    expect(written?.deleted === false && written.value.vector).toEqual(Float32Array.of(1));
  });
});

describe("vectors", () => {
  beforeEach(() => {
    vectors.createCollection("docs", { dimension: 3 });
  });

  test("get gives exactly what is stored, and a copy", () => {
    const version = vectors.upsert("docs", "a", [1 / 3, -0, 3], { title: "A", tags: ["x"], n: 2n ** 60n });
    const entry = vectors.get("docs", "a");
    expect(entry).toEqual({
      key: "a",
      vector: Float32Array.of(1 / 3, -0, 3),
      metadata: { title: "A", tags: ["x"], n: 2n ** 60n },
      version,
      timestamp: db.head(run).timestampOf(version),
    });
    expect(Object.is(entry?.vector[1], -0)).toBe(true);
    expect(Object.isFrozen(entry?.metadata)).toBe(true);
    entry?.vector.fill(9);
    expect(vectors.get("docs", "a")?.vector[2]).toBe(3);
    expect(vectors.get("docs", "b")).toBeUndefined();
  });

  test("what the caller does with vector and metadata afterwards changes nothing", () => {
    const vector = Float32Array.of(1, 2, 3);
    const metadata = { tags: ["x"] };
    vectors.upsert("docs", "a", vector, metadata);
    vector.fill(0);
    metadata.tags.push("y");
    expect(vectors.get("docs", "a")).toMatchObject({ vector: Float32Array.of(1, 2, 3), metadata: { tags: ["x"] } });
  });

  test("upsert replaces vector and metadata together", () => {
    vectors.upsert("docs", "a", [1, 2, 3], { n: 1 });
    vectors.upsert("docs", "a", [4, 5, 6]);
    expect(vectors.get("docs", "a")).toMatchObject({ vector: Float32Array.of(4, 5, 6), metadata: undefined });
    expect(vectors.count("docs")).toBe(1);
  });

  test("upsertMany is one commit, of a key that comes twice the last stays", () => {
    const version = vectors.upsertMany("docs", [
      { key: "a", vector: [1, 0, 0] },
      { key: "b", vector: [0, 1, 0], metadata: { n: 1 } },
      { key: "a", vector: [0, 0, 1] },
    ]);
    expect(version).toBe(run.version);
    expect(vectors.get("docs", "a")).toMatchObject({ vector: Float32Array.of(0, 0, 1), version });
    expect(vectors.upsertMany("docs", [])).toBe(0);
    expect(run.version).toBe(version);
  });

  test("an entry as get gives it fits into another collection", () => {
    vectors.createCollection("copy", { dimension: 3 });
    vectors.upsert("docs", "a", [1, 2, 3], { n: 1 });
    vectors.upsertMany("copy", [vectors.get("docs", "a") as NonNullable<ReturnType<VectorStore["get"]>>]);
    expect(vectors.get("copy", "a")).toMatchObject({ vector: Float32Array.of(1, 2, 3), metadata: { n: 1 } });
  });

  test("upsertMany writes nothing when one entry is wrong", () => {
    const before = run.version;
    const good = { key: "a", vector: [1, 2, 3] };
    const wrong: unknown[] = [
      { key: "b", vector: [1, 2] },
      { key: "b" },
      { vector: [1, 2, 3] },
      { key: "", vector: [1, 2, 3] },
      { key: "b", vector: [1, 2, 3], metdata: {} },
      null,
      undefined,
      "b",
      [],
    ];
    for (const entry of wrong) expect(() => loose().upsertMany("docs", [good, entry])).toThrow();
    for (const entries of ["ab", undefined, { key: "a", vector: [1, 2, 3] }, 3]) {
      expect(() => loose().upsertMany("docs", entries)).toThrow(coded("INVALID_ARGUMENT"));
    }
    expect(run.version).toBe(before);
  });

  test("a wrong dimension says both", () => {
    expect(() => vectors.upsert("docs", "a", [1, 2])).toThrow(
      coded("DIMENSION_MISMATCH", { collection: "docs", expected: 3, actual: 2 }),
    );
    expect(vectors.count("docs")).toBe(0);
  });

  test.each([
    ["null", null],
    ["text", "x"],
    ["a list", []],
    ["bytes", new Uint8Array(3)],
    ["a number", 3],
  ])("metadata is an object, not %s", (_what, metadata) => {
    expect(() => loose().upsert("docs", "a", [1, 2, 3], metadata)).toThrow(coded("INVALID_ARGUMENT"));
  });

  test.each([
    ["bytes", { a: { b: new Uint8Array(3) } }],
    ["a Date", { a: new Date(0) }],
    ["a function", { a: () => 0 }],
    ["a Map", new Map()],
    ["half of a surrogate pair", { a: "\ud800" }],
  ])("metadata holds no %s", (_what, metadata) => {
    expect(() => vectors.upsert("docs", "a", [1, 2, 3], metadata)).toThrow(coded("INVALID_VALUE"));
  });

  test("metadata that holds itself, or is too deep or too large, is refused", () => {
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    expect(() => vectors.upsert("docs", "a", [1, 2, 3], cycle)).toThrow(coded("INVALID_VALUE"));
    let deep: object = {};
    for (let i = 0; i < 200; i++) deep = { deep };
    expect(() => vectors.upsert("docs", "a", [1, 2, 3], deep)).toThrow(coded("LIMIT_VALUE"));
    const small = new VectorStore(
      (() => {
        const other = Database.ephemeral({ limits: SMALL_LIMITS });
        return other.head(other.runs.must("default"));
      })(),
    );
    expect(() => small.createCollection("docs", { dimension: 101 })).toThrow(coded("INVALID_ARGUMENT"));
    small.createCollection("docs", { dimension: 100 });
    expect(() => small.upsert("docs", "a", new Float32Array(100), { text: "x".repeat(1001) })).toThrow(
      coded("LIMIT_VALUE"),
    );
  });

  test("names that objects have are keys like others", () => {
    for (const key of ["__proto__", "constructor", "toString", "_collections", "a/b", "/", "é".normalize("NFD")]) {
      const metadata = JSON.parse('{ "__proto__": { "polluted": 1 }, "constructor": 2 }') as object;
      vectors.upsert("docs", key, [1, 2, 3], metadata);
      const entry = vectors.get("docs", key);
      expect(entry?.key).toBe(key);
      expect(Object.keys(entry?.metadata ?? {})).toEqual(["__proto__", "constructor"]);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      expect(vectors.delete("docs", key)).toBe(true);
      expect(vectors.delete("docs", key)).toBe(false);
    }
    vectors.createCollection("constructor", { dimension: 1 });
    expect(vectors.listCollections().map(({ name }) => name)).toEqual(["constructor", "docs"]);
  });

  test("keys reach 1024 bytes, with slashes, beside a name of 256", () => {
    const name = "n".repeat(256);
    const key = "/a".repeat(512);
    vectors.createCollection(name, { dimension: 1 });
    vectors.upsert(name, key, [1]);
    expect(vectors.get(name, key)?.key).toBe(key);
    expect(vectors.keys(name)).toEqual([key]);
    expect(() => vectors.upsert(name, `${key}x`, [1])).toThrow(coded("INVALID_KEY", { reason: "key_too_long" }));
    for (const wrong of ["", "a\0", "_strata/a", "\ud800", 3, undefined]) {
      expect(() => loose().upsert("docs", wrong, [1, 2, 3])).toThrow(coded("INVALID_KEY"));
      expect(() => loose().get("docs", wrong)).toThrow(coded("INVALID_KEY"));
    }
  });

  test("keys are scanned in their collection alone, in code point order", () => {
    for (const name of ["doc", "docs!", "docs0", "docs-a"]) {
      vectors.createCollection(name, { dimension: 1 });
      vectors.upsert(name, "x", [1]);
    }
    for (const key of ["b", "a/2", "a/1", "a", "c", "\u{10000}", "\uffff"]) vectors.upsert("docs", key, [1, 2, 3]);
    expect(vectors.keys("docs")).toEqual(["a", "a/1", "a/2", "b", "c", "\uffff", "\u{10000}"]);
    expect(vectors.keys("docs", "a/")).toEqual(["a/1", "a/2"]);
    expect(vectors.keys("docs", { start: "a/2", end: "c" })).toEqual(["a/2", "b"]);
    expect(vectors.keys("docs", { after: "b", limit: 2 })).toEqual(["c", "\uffff"]);
    expect(vectors.keys("docs", { reverse: true, limit: 2 })).toEqual(["\u{10000}", "\uffff"]);
    expect(vectors.keys("docs", { reverse: true, after: "b" })).toEqual(["a/2", "a/1", "a"]);
    expect(vectors.keys("docs", { start: "c", end: "a" })).toEqual([]);
    expect(() => vectors.keys("docs", { limit: 0 })).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("count takes a filter of metadata", () => {
    vectors.upsertMany("docs", [
      { key: "a", vector: [1, 0, 0], metadata: { lang: "en", nested: { n: 1 } } },
      { key: "b", vector: [0, 1, 0], metadata: { lang: "de" } },
      { key: "c", vector: [0, 0, 1] },
    ]);
    expect(vectors.count("docs")).toBe(3);
    expect(vectors.count("docs", {})).toBe(3);
    expect(vectors.count("docs", { lang: "en" })).toBe(1);
    expect(vectors.count("docs", { "nested.n": { $gte: 1 } })).toBe(1);
    expect(vectors.count("docs", { lang: { $exists: false } })).toBe(1);
    expect(vectors.count("docs", { $not: { lang: "en" } })).toBe(2);
    expect(() => loose().count("docs", { lang: { $regex: "x" } })).toThrow(coded("INVALID_ARGUMENT"));
  });

  test("history tells every version, newest first", () => {
    const first = vectors.upsert("docs", "a", [1, 2, 3], { n: 1 });
    const second = vectors.upsert("docs", "a", [4, 5, 6]);
    vectors.delete("docs", "a");
    const history = vectors.history("docs", "a");
    expect(history.map(({ deleted, version }) => [deleted, version])).toEqual([
      [true, run.version],
      [false, second],
      [false, first],
    ]);
    expect(history[2]).toMatchObject({
      value: { key: "a", vector: Float32Array.of(1, 2, 3), metadata: { n: 1 }, version: first },
    });
    expect(vectors.history("docs", "a", { before: second, limit: 1 }).map(({ version }) => version)).toEqual([first]);
  });

  test("a past version reads as it was", () => {
    const first = vectors.upsert("docs", "a", [1, 2, 3]);
    vectors.upsert("docs", "b", [1, 2, 3]);
    vectors.upsert("docs", "a", [4, 5, 6]);
    const past = at(first);
    expect(past.get("docs", "a")?.vector).toEqual(Float32Array.of(1, 2, 3));
    expect(past.keys("docs")).toEqual(["a"]);
    expect(past.count("docs")).toBe(1);
    expect(past.listCollections()).toMatchObject([{ name: "docs", count: 1 }]);
    vectors.createCollection("later", { dimension: 1 });
    expect(() => past.get("later", "a")).toThrow(coded("COLLECTION_NOT_FOUND"));
  });

  test("spaces have collections of their own", () => {
    const other = new VectorStore(db.head(run, "other"));
    expect(() => other.upsert("docs", "a", [1, 2, 3])).toThrow(coded("COLLECTION_NOT_FOUND", { space: "other" }));
    other.createCollection("docs", { dimension: 1 });
    other.upsert("docs", "a", [1]);
    expect(vectors.get("docs", "a")).toBeUndefined();
  });

  test("a space with a vector, or with a collection alone, is not empty", () => {
    const other = new VectorStore(db.head(run, "other"));
    const spaces = db.spaces(run);
    other.createCollection("docs", { dimension: 1 });
    expect(() => spaces.delete("other")).toThrow(coded("SPACE_NOT_EMPTY", { holds: 'collection "docs"' }));
    other.deleteCollection("docs");
    expect(spaces.delete("other")).toBe(true);
    other.createCollection("docs", { dimension: 1 });
    other.upsert("docs", "a", [1]);
    expect(spaces.delete("other", { force: true })).toBe(true);
    expect(() => other.get("docs", "a")).toThrow(coded("COLLECTION_NOT_FOUND"));
    other.createCollection("docs", { dimension: 2 });
    expect(other.keys("docs")).toEqual([]);
  });

  test("the bytes of a row are the components, 32-bit floats in little-endian order", () => {
    vectors.upsert("docs", "a", [1, -2, 0.5]);
    const stored = db.head(run).table("vector").get(vectorRowKey("docs", "a"));
    expect(stored && [...vectorBytes(stored)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f]);
    expect(stored && decodeVector(stored)).toEqual(Float32Array.of(1, -2, 0.5));
  });
});

describe("code of the caller's that runs meanwhile", () => {
  test("a collection that is gone when the vector was read takes none", () => {
    vectors.createCollection("docs", { dimension: 2 });
    const hostile = Object.defineProperty([1, 2], 1, {
      get: () => {
        vectors.deleteCollection("docs");
        return 2;
      },
    });
    expect(() => vectors.upsert("docs", "a", hostile)).toThrow(coded("COLLECTION_NOT_FOUND"));
    const store = db.head(run).table("vector");
    expect(store.get(vectorRowKey("docs", "a"))).toBeUndefined();
  });

  test("nor one that was made anew with another dimension", () => {
    vectors.createCollection("docs", { dimension: 2 });
    function* entries() {
      yield { key: "a", vector: [1, 2] };
      vectors.deleteCollection("docs");
      vectors.createCollection("docs", { dimension: 3 });
    }
    expect(() => vectors.upsertMany("docs", entries())).toThrow(
      coded("DIMENSION_MISMATCH", { expected: 3, actual: 2 }),
    );
    expect(vectors.count("docs")).toBe(0);
  });
});

describe("in a transaction", () => {
  beforeEach(() => {
    vectors.createCollection("docs", { dimension: 1 });
    vectors.upsert("docs", "a", [1]);
  });

  test("own writes are seen, and nobody else sees them before the commit", () => {
    inTransaction((own) => {
      expect(own.upsert("docs", "b", [2], { n: 1 })).toBeUndefined();
      expect(own.upsertMany("docs", [{ key: "c", vector: [3] }])).toBeUndefined();
      expect(own.get("docs", "b")).toMatchObject({ vector: Float32Array.of(2), version: 0, timestamp: 0 });
      expect(own.delete("docs", "a")).toBe(true);
      expect(own.keys("docs")).toEqual(["b", "c"]);
      expect(own.count("docs", { n: 1 })).toBe(1);
      expect(own.listCollections()).toMatchObject([{ name: "docs", count: 2 }]);
      expect(vectors.keys("docs")).toEqual(["a"]);
    });
    expect(vectors.keys("docs")).toEqual(["b", "c"]);
  });

  test("a collection can be made, filled, deleted and made anew", () => {
    inTransaction((own) => {
      expect(own.deleteCollection("docs")).toBe(true);
      expect(() => own.get("docs", "a")).toThrow(coded("COLLECTION_NOT_FOUND"));
      expect(own.createCollection("docs", { dimension: 2 })).toBe(true);
      own.upsert("docs", "b", [1, 2]);
    });
    expect(vectors.keys("docs")).toEqual(["b"]);
    expect(vectors.listCollections()).toMatchObject([{ dimension: 2, count: 1 }]);
  });

  test("what was rolled back never was", () => {
    expect(() =>
      inTransaction((own) => {
        own.upsert("docs", "b", [2]);
        own.deleteCollection("docs");
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(vectors.keys("docs")).toEqual(["a"]);
  });

  /** Runs `mine` in a transaction, `theirs` beside it before its commit. */
  const beside = (mine: (own: VectorStore<undefined>) => void, theirs: () => void) => {
    const open = db.beginTransaction(run, {});
    mine(new VectorStore(open.scope("default")));
    theirs();
    return () => open.commit();
  };

  test("writers of different vectors, and of the same one blindly, do not conflict", () => {
    expect(
      beside(
        (own) => own.upsert("docs", "x", [1]),
        () => vectors.upsert("docs", "y", [2]),
      ),
    ).not.toThrow();
    expect(
      beside(
        (own) => own.upsert("docs", "x", [3]),
        () => vectors.upsert("docs", "x", [4]),
      ),
    ).not.toThrow();
    expect(vectors.get("docs", "x")?.vector[0]).toBe(3);
  });

  test("whoever writes into a collection that goes, or is made anew, conflicts", () => {
    expect(
      beside(
        (own) => own.upsert("docs", "x", [1]),
        () => vectors.deleteCollection("docs"),
      ),
    ).toThrow(
      coded("TRANSACTION_CONFLICT", {
        keys: [expect.objectContaining({ primitive: "vector", collection: "docs", key: "" })],
      }),
    );
    vectors.createCollection("docs", { dimension: 1 });
    expect(
      beside(
        (own) => own.upsertMany("docs", [{ key: "x", vector: [1] }]),
        () => {
          vectors.deleteCollection("docs");
          vectors.createCollection("docs", { dimension: 2 });
        },
      ),
    ).toThrow(/collection "docs" in space "default"/);
    expect(vectors.keys("docs")).toEqual([]);
  });

  test("whoever deletes a collection conflicts with a vector that came into it, so that none is left behind", () => {
    expect(
      beside(
        (own) => own.deleteCollection("docs"),
        () => vectors.upsert("docs", "new", [1]),
      ),
    ).toThrow(coded("TRANSACTION_CONFLICT", { keys: [expect.objectContaining({ collection: "docs", key: "new" })] }));
    expect(vectors.keys("docs")).toEqual(["a", "new"]);
  });

  test("two that make the same collection conflict", () => {
    expect(
      beside(
        (own) => own.createCollection("new", { dimension: 1, ifExists: "keep" }),
        () => vectors.createCollection("new", { dimension: 2 }),
      ),
    ).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test.each<[string, (own: VectorStore<undefined>) => void, () => void]>([
    ["a vector", (own) => own.get("docs", "a"), () => vectors.upsert("docs", "a", [9])],
    ["a vector that was not there", (own) => own.get("docs", "z"), () => vectors.upsert("docs", "z", [9])],
    ["a delete's answer", (own) => own.delete("docs", "z"), () => vectors.upsert("docs", "z", [9])],
    ["the keys", (own) => own.keys("docs"), () => vectors.upsert("docs", "z", [9])],
    ["the count", (own) => own.count("docs"), () => vectors.delete("docs", "a")],
    ["a filtered count", (own) => own.count("docs", { n: 1 }), () => vectors.upsert("docs", "a", [9], { n: 1 })],
    ["the collections", (own) => own.listCollections(), () => vectors.createCollection("z", { dimension: 1 })],
    ["their counts", (own) => own.listCollections(), () => vectors.upsert("docs", "z", [9])],
    [
      "a missing collection",
      (own) => expect(own.deleteCollection("z")).toBe(false),
      () => vectors.createCollection("z", { dimension: 1 }),
    ],
    ["the history", (own) => own.history("docs", "a"), () => vectors.upsert("docs", "a", [9])],
  ])("what was read of %s is observed", (_what, read, change) => {
    const commit = beside((own) => {
      read(own);
      own.upsert("docs", "mine", [1]);
    }, change);
    expect(commit).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test.each<[string, (own: VectorStore<undefined>) => void, () => void]>([
    [
      "the keys of a collection and a write to another",
      (own) => own.keys("docs"),
      () => vectors.upsert("docs2", "z", [9]),
    ],
    [
      "the keys, and a vector that got another value",
      (own) => own.keys("docs"),
      () => vectors.upsert("docs", "a", [9]),
    ],
    ["a prefix and a write beside it", (own) => own.keys("docs", "a"), () => vectors.upsert("docs", "b", [9])],
  ])("%s do not conflict", (_what, read, change) => {
    vectors.createCollection("docs2", { dimension: 1 });
    const commit = beside((own) => {
      read(own);
      own.upsert("docs", "mine", [1]);
    }, change);
    expect(commit).not.toThrow();
  });
});
