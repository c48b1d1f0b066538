import type { Value } from "@strata/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { JsonDocumentStore, JsonReader } from "./json-store.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

let db: Database;
let run: Run;
let json: JsonDocumentStore;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  json = new JsonDocumentStore(db.head(run));
});

/** A transaction's store; `W` as the facade types it. */
type Own = JsonDocumentStore<Value, unknown, undefined>;
const inTransaction = <T>(fn: (json: Own) => T): T =>
  db.transaction(run, (transaction) => fn(new JsonDocumentStore(transaction.scope("default"))));

/** Runs `first` and `second` in two transactions that overlap, and commits both. */
function overlap(first: (json: Own) => unknown, second: (json: Own) => unknown): void {
  const [t1, t2] = [db.beginTransaction(run), db.beginTransaction(run)];
  first(new JsonDocumentStore(t1.scope("default")));
  second(new JsonDocumentStore(t2.scope("default")));
  t1.commit();
  t2.commit();
}

describe("documents", () => {
  test("are put, read whole and by path, and deleted", () => {
    const version = json.put("doc", { user: { name: "Ada", tags: ["x", "y"] } });
    expect(version).toBe(run.version);
    expect(json.get("doc")).toEqual({ user: { name: "Ada", tags: ["x", "y"] } });
    expect(json.get("doc", "user.name")).toBe("Ada");
    expect(json.get("doc", "$.user.tags[-1]")).toBe("y");
    expect(json.get("doc", ["user", "tags", 0])).toBe("x");
    expect(json.get("doc", "$")).toBe(json.get("doc"));
    expect(json.delete("doc")).toBe(1);
    expect(json.get("doc")).toBeUndefined();
    expect(json.delete("doc")).toBe(0);
  });

  test("that are missing, and paths that lead nowhere, are undefined; a stored null is null", () => {
    json.put("doc", { nothing: null, list: [1] });
    expect(json.get("doc", "nothing")).toBeNull();
    for (const path of ["missing", "nothing.deeper", "list[7]", "list.name", "$.a.b.c"]) {
      expect(json.get("doc", path)).toBeUndefined();
      expect(json.exists("doc", path)).toBe(false);
    }
    expect(json.get("other")).toBeUndefined();
    expect(json.get("other", "a")).toBeUndefined();
    expect(json.exists("doc", "nothing")).toBe(true);
    expect(json.exists("doc")).toBe(true);
    expect(json.exists("other")).toBe(false);
  });

  test.each([null, 7, "text", true, [1, 2], {}])("may be %j", (document) => {
    json.put("doc", document);
    expect(json.get("doc")).toEqual(document);
  });

  test("share what a path write leaves alone", () => {
    json.put("doc", { left: { a: 1 }, right: { b: 1 } });
    const before = json.get("doc", "left");
    json.set("doc", "right.b", 2);
    expect(json.get("doc", "left")).toBe(before);
  });

  test("copy bytes in and out, also those that a path write brings", () => {
    const bytes = new Uint8Array([1]);
    json.put("doc", { a: 1 });
    json.set("doc", "b", { bytes });
    bytes[0] = 9;
    const read = json.get("doc", "b.bytes") as Uint8Array;
    expect(read).toEqual(new Uint8Array([1]));
    read[0] = 9;
    (json.query("doc", "$.b.bytes")[0] as Uint8Array)[0] = 9;
    (json.get("doc") as { b: { bytes: Uint8Array } }).b.bytes[0] = 9;
    expect(json.get("doc", "b.bytes")).toEqual(new Uint8Array([1]));
  });

  test("remember when they came into being, not when they were changed", () => {
    const version = json.put("doc", { a: 1 });
    const born = run.shard.timeline.timestampOf(version);
    json.set("doc", "a", 2);
    json.put("doc", { a: 3 });
    expect(json.getVersioned("doc")).toMatchObject({ value: { a: 3 }, createdAt: born, version: run.version });
    json.delete("doc");
    json.put("doc", {});
    expect(json.getVersioned("doc")?.createdAt).toBeGreaterThan(born);
    expect(json.getVersioned("other")).toBeUndefined();
  });

  test("list, entries and history are those of any key", () => {
    json.put("b", { n: 1 });
    json.put("a", { n: 2 });
    json.set("a", "n", 3);
    json.delete("a");
    expect(json.list()).toEqual(["b"]);
    expect([...json.entries()]).toEqual([["b", { n: 1 }]]);
    expect(json.history("a")).toMatchObject([
      { deleted: true },
      { deleted: false, value: { n: 3 } },
      { deleted: false, value: { n: 2 } },
    ]);
    expect(json.history("a", { limit: 1 })).toHaveLength(1);
  });

  test("in the past read as they were", () => {
    json.put("doc", { a: 1 });
    const past = db.at(run);
    json.set("doc", "a", 2);
    const reader = new JsonReader(past);
    expect(reader.get("doc", "a")).toBe(1);
    expect(reader.query("doc", "$.a")).toEqual([1]);
    expect(reader).not.toHaveProperty("set");
  });
});

describe("set", () => {
  test("makes missing parents, objects or arrays by what follows", () => {
    json.set("doc", "a.list[0].name", "x");
    expect(json.get("doc")).toEqual({ a: { list: [{ name: "x" }] } });
  });

  test("at the root replaces the document", () => {
    json.set("doc", "$", { a: 1 });
    json.set("doc", [], { b: 1 });
    expect(json.get("doc")).toEqual({ b: 1 });
  });

  test("appends at the end of an array, and not beyond", () => {
    json.put("doc", { list: [1] });
    json.set("doc", "list[1]", 2);
    json.set("doc", "list[-]", 3);
    expect(json.get("doc", "list")).toEqual([1, 2, 3]);
    expect(() => json.set("doc", "list[7]", 0)).toThrow(coded("INVALID_PATH"));
  });

  test("through a scalar is refused and leaves the document as it was", () => {
    json.put("doc", { a: 1 });
    const before = run.version;
    expect(() => json.set("doc", "a.b", 1)).toThrow(coded("WRONG_TYPE"));
    expect(run.version).toBe(before);
    expect(json.get("doc")).toEqual({ a: 1 });
  });

  test("takes __proto__ and constructor for names", () => {
    json.set("doc", ["__proto__", "constructor"], 1);
    expect(json.get("doc", ["__proto__", "constructor"])).toBe(1);
    expect(({} as { constructor: unknown }).constructor).toBe(Object);
    expect(json.get("doc", "toString")).toBeUndefined();
  });
});

describe("delete at a path", () => {
  test("removes a member or an element, later ones move up", () => {
    json.put("doc", { a: 1, list: [1, 2, 3] });
    expect(json.delete("doc", "a")).toBe(1);
    expect(json.delete("doc", "list[0]")).toBe(1);
    expect(json.get("doc")).toEqual({ list: [2, 3] });
  });

  test("counts 0 where there is nothing, and commits nothing", () => {
    json.put("doc", { a: 1 });
    const before = run.version;
    expect(json.delete("doc", "b")).toBe(0);
    expect(json.delete("doc", "a.b.c")).toBe(0);
    expect(json.delete("other", "a")).toBe(0);
    expect(json.delete("other")).toBe(0);
    expect(run.version).toBe(before);
  });
});

describe("merge, patch, push, increment", () => {
  test("merge follows RFC 7396", () => {
    json.put("doc", { a: { b: 1, c: 2 }, d: [1] });
    json.merge("doc", "$", { a: { b: null, e: { f: null, g: 1 } }, d: [2] });
    expect(json.get("doc")).toEqual({ a: { c: 2, e: { g: 1 } }, d: [2] });
    json.merge("doc", "a.e", { g: 2 });
    expect(json.get("doc", "a.e")).toEqual({ g: 2 });
    json.merge("new", "x", { y: 1 });
    expect(json.get("new")).toEqual({ x: { y: 1 } });
  });

  test("patch follows RFC 6902, all or nothing", () => {
    json.put("doc", { a: [1, 2] });
    json.patch("doc", [
      { op: "test", path: "/a/0", value: 1 },
      { op: "add", path: "/a/1", value: 9 },
      { op: "move", from: "/a/0", path: "/b" },
      { op: "copy", from: "/b", path: "/c" },
      { op: "replace", path: "/c", value: 3 },
      { op: "remove", path: "/a/1" },
    ]);
    expect(json.get("doc")).toEqual({ a: [9], b: 1, c: 3 });
    const before = run.version;
    expect(() =>
      json.patch("doc", [
        { op: "add", path: "/z", value: 1 },
        { op: "test", path: "/b", value: 2 },
      ]),
    ).toThrow(coded("PATCH_TEST_FAILED"));
    expect(run.version).toBe(before);
    expect(json.get("doc", "z")).toBeUndefined();
  });

  test("a patch that only tests commits nothing and returns 0", () => {
    json.put("doc", { a: 1 });
    const before = run.version;
    expect(json.patch("doc", [{ op: "test", path: "/a", value: 1 }])).toBe(0);
    expect(json.patch("doc", [])).toBe(0);
    expect(inTransaction((own) => own.patch("doc", []))).toBeUndefined();
    expect(run.version).toBe(before);
  });

  test("a patch may make and remove a document", () => {
    json.patch("doc", [{ op: "add", path: "", value: { a: 1 } }]);
    expect(json.get("doc")).toEqual({ a: 1 });
    json.patch("doc", [{ op: "remove", path: "" }]);
    expect(json.exists("doc")).toBe(false);
  });

  test("push returns the new length and makes the array", () => {
    expect(json.push("doc", "list", 1, 2)).toBe(2);
    expect(json.push("doc", "list", { a: 1 })).toBe(3);
    const before = run.version;
    expect(json.push("doc", "list")).toBe(3);
    expect(run.version).toBe(before);
    expect(json.get("doc", "list")).toEqual([1, 2, { a: 1 }]);
    json.set("doc", "n", 1);
    expect(() => json.push("doc", "n", 1)).toThrow(coded("WRONG_TYPE"));
  });

  test("push behind the append marker makes an array inside the array", () => {
    json.put("doc", { list: [] });
    expect(inTransaction((own) => own.push("doc", "list[-]", 1))).toBe(1);
    expect(json.get("doc", "list")).toEqual([[1]]);
  });

  test("increment begins at 0 and returns the new number", () => {
    expect(json.increment("doc", "n")).toBe(1);
    expect(json.increment("doc", "n", 4)).toBe(5);
    expect(json.increment("doc", "n", -0.5)).toBe(4.5);
    json.set("doc", "big", Number.MAX_SAFE_INTEGER);
    expect(() => json.increment("doc", "big")).toThrow(coded("OVERFLOW"));
    json.set("doc", "nothing", null);
    expect(() => json.increment("doc", "nothing")).toThrow(coded("WRONG_TYPE"));
    json.set("doc", "text", "1");
    expect(() => json.increment("doc", "text")).toThrow(coded("WRONG_TYPE"));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, "1", null])("increment refuses %o", (by) => {
    expect(() => json.increment("doc", "n", by as number)).toThrow(coded("INVALID_ARGUMENT"));
    expect(json.exists("doc")).toBe(false);
  });

  test("query gives every value that a JSONPath selects", () => {
    json.put("doc", { books: [{ price: 5 }, { price: 15 }] });
    expect(json.query("doc", "$.books[?@.price > 10].price")).toEqual([15]);
    expect(json.query("doc", "$..price")).toEqual([5, 15]);
    expect(json.query("other", "$..price")).toEqual([]);
    expect(() => json.query("doc", "$[")).toThrow(coded("INVALID_PATH"));
    expect(() => json.query("other", "nonsense[")).toThrow(coded("INVALID_PATH"));
  });
});

describe("in a transaction", () => {
  test("plain writes return nothing, what depends on the document returns it", () => {
    inTransaction((own) => {
      expect(own.put("doc", { list: [], n: 1 })).toBeUndefined();
      expect(own.set("doc", "a", 1)).toBeUndefined();
      expect(own.merge("doc", "$", { b: 1 })).toBeUndefined();
      expect(own.push("doc", "list", 1)).toBe(1);
      expect(own.push("doc", "list", 2)).toBe(2);
      expect(own.increment("doc", "n")).toBe(2);
      expect(own.delete("doc", "a")).toBe(1);
      expect(own.delete("doc", "a")).toBe(0);
      expect(own.get("doc")).toEqual({ list: [1, 2], n: 2, b: 1 });
      expect(own.list()).toEqual(["doc"]);
      expect(json.exists("doc")).toBe(false);
    });
    expect(json.get("doc")).toEqual({ list: [1, 2], n: 2, b: 1 });
  });

  test("deleting a document and writing a path of it begins anew", () => {
    json.put("doc", { old: 1 });
    inTransaction((own) => {
      own.delete("doc");
      own.set("doc", "fresh", 1);
      expect(own.get("doc")).toEqual({ fresh: 1 });
    });
    expect(json.get("doc")).toEqual({ fresh: 1 });
  });

  test("creating and deleting again leaves nothing", () => {
    inTransaction((own) => {
      own.put("doc", 1);
      expect(own.delete("doc")).toBe(1);
      expect(own.get("doc")).toBeUndefined();
    });
    expect(json.exists("doc")).toBe(false);
  });
});

describe("two transactions on one document", () => {
  beforeEach(() => {
    json.put("doc", { a: { x: 1 }, b: { y: 1 }, list: [1, 2], n: 0 });
  });

  type Pair = [what: string, first: (own: Own) => unknown, second: (own: Own) => unknown];

  const both: Pair[] = [
    ["writes to disjoint members", (own) => own.set("doc", "a.x", 2), (own) => own.set("doc", "b.y", 2)],
    ["new members of one object", (own) => own.set("doc", "a.p", 2), (own) => own.set("doc", "a.q", 2)],
    ["blind writes to the same path", (own) => own.set("doc", "a.x", 2), (own) => own.set("doc", "a.x", 3)],
    [
      "merges of different members",
      (own) => own.merge("doc", "$", { a: { x: 2 } }),
      (own) => own.merge("doc", "$", { b: { y: 2 } }),
    ],
    ["a push and a write elsewhere", (own) => own.push("doc", "list", 3), (own) => own.set("doc", "a.x", 2)],
    ["an increment and a write elsewhere", (own) => own.set("doc", "a.x", 2), (own) => own.increment("doc", "n")],
    [
      "a write and a read elsewhere that decides one",
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", own.get("doc", "n") as Value),
    ],
    ["whole documents put blindly", (own) => own.put("doc", 1), (own) => own.put("doc", 2)],
    [
      "a read after an own write elsewhere",
      (own) => own.set("doc", "b.y", 9),
      (own) => own.set("doc", "a.p", [own.set("doc", "a.q", 1), own.get("doc", "a.q") as Value].at(1) as Value),
    ],
    [
      "a write of what is there already, and a read of it",
      (own) => own.set("doc", "a.x", 1),
      (own) => own.set("doc", "b.y", own.get("doc", "a.x") as Value),
    ],
    [
      "exists and a change of what exists",
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", own.exists("doc", "a.x")),
    ],
    [
      "a read that found nothing, and still would",
      (own) => own.put("new", { b: 1 }),
      (own) => own.set("doc", "n", own.get("new", "a") ?? 1),
    ],
    ["deletes of different members", (own) => own.delete("doc", "a"), (own) => own.delete("doc", "b")],
  ];
  test.each(both)("both commit: %s", (_what, first, second) => {
    overlap(first, second);
  });

  test("disjoint writes are both there afterwards", () => {
    overlap(
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", 2),
    );
    expect(json.get("doc")).toEqual({ a: { x: 2 }, b: { y: 2 }, list: [1, 2], n: 0 });
  });

  const oneConflicts: Pair[] = [
    [
      "a read of what the other wrote",
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", own.get("doc", "a.x") as Value),
    ],
    [
      "a read of a parent of what the other wrote",
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", own.get("doc", "a") as Value),
    ],
    [
      "a read of a member that appears",
      (own) => own.set("doc", "a.new", 2),
      (own) => own.set("doc", "b.y", own.get("doc", "a.new") ?? 0),
    ],
    [
      "a read of the whole document",
      (own) => own.set("doc", "a.x", 2),
      (own) => own.set("doc", "b.y", own.get("doc") as Value),
    ],
    ["a query", (own) => own.set("doc", "a.x", 2), (own) => own.set("doc", "b.y", own.query("doc", "$.n"))],
    [
      "exists of what the other deleted",
      (own) => own.delete("doc", "a.x"),
      (own) => own.set("doc", "b.y", own.exists("doc", "a.x")),
    ],
    ["two pushes to one array", (own) => own.push("doc", "list", 3), (own) => own.push("doc", "list", 4)],
    ["writes through one array", (own) => own.set("doc", "list[0]", 3), (own) => own.set("doc", "list[1]", 4)],
    ["two increments", (own) => own.increment("doc", "n"), (own) => own.increment("doc", "n")],
    ["deletes of one member", (own) => own.delete("doc", "a"), (own) => own.delete("doc", "a")],
    ["deletes of the document", (own) => own.delete("doc"), (own) => own.delete("doc")],
    [
      "a write below what the other replaced by a scalar",
      (own) => own.set("doc", "a", 5),
      (own) => own.set("doc", "a.x", 2),
    ],
    ["a write below a document that is deleted", (own) => own.delete("doc"), (own) => own.set("doc", "a.x", 2)],
    [
      "a patch whose test no longer holds",
      (own) => own.set("doc", "n", 1),
      (own) =>
        own.patch("doc", [
          { op: "test", path: "/n", value: 0 },
          { op: "add", path: "/m", value: 1 },
        ]),
    ],
    ["creating one document", (own) => own.put("new", 1), (own) => own.put("new", 2)],
    ["creating one document by paths", (own) => own.set("new", "a", 1), (own) => own.set("new", "b", 2)],
    [
      "a read that found no document",
      (own) => own.put("new", { a: 1 }),
      (own) => own.set("doc", "n", own.get("new", "a") ?? 1),
    ],
    [
      "a read after an own write to another path",
      (own) => own.set("doc", "b.y", 2),
      (own) => {
        own.set("doc", "a.x", 5);
        own.set("doc", "n", own.get("doc", "b.y") as Value);
      },
    ],
    ["history", (own) => own.set("doc", "a.x", 2), (own) => own.set("doc", "b.y", own.history("doc").length)],
  ];
  test.each(oneConflicts)("the second conflicts: %s", (_what, first, second) => {
    expect(() => overlap(first, second)).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test("the conflict names document and path", () => {
    try {
      overlap(
        (own) => own.set("doc", "a.x", 2),
        (own) => own.set("doc", "b.y", own.get("doc", "a.x") as Value),
      );
      expect.unreachable();
    } catch (error) {
      const { keys } = (error as { facts: { keys: { expected: number; actual: number }[] } }).facts;
      expect(keys).toMatchObject([{ primitive: "json", space: "default", key: "doc", path: "$.a.x" }]);
      expect(keys[0]?.actual).toBe(run.version);
      expect(keys[0]?.expected).toBeLessThan(run.version);
    }
  });

  test("a read of what the transaction itself wrote does not make it conflict with itself", () => {
    inTransaction((own) => {
      own.set("doc", "a.x", 7);
      expect(own.get("doc", "a.x")).toBe(7);
      own.push("doc", "list", own.get("doc", "a.x") as Value);
      own.increment("doc", "n");
      own.increment("doc", "n");
    });
    expect(json.get("doc")).toEqual({ a: { x: 7 }, b: { y: 1 }, list: [1, 2, 7], n: 2 });
  });

  test("reads of an own whole document observe nothing of the old one", () => {
    overlap(
      (own) => own.set("doc", "a.x", 2),
      (own) => {
        own.put("doc", { fresh: 1 });
        expect(own.get("doc", "fresh")).toBe(1);
        own.set("doc", "more", own.get("doc", "a.x") ?? null);
      },
    );
    expect(json.get("doc")).toEqual({ fresh: 1, more: null });
  });
});

describe("hostile input", () => {
  test.each(["", "a\0", "_strata/x", "\ud800", undefined, null, 5, {}])(
    "the key %o is refused by every call",
    (key) => {
      const bad = key as string;
      const refused = coded("INVALID_KEY");
      const calls: (() => unknown)[] = [
        () => json.get(bad),
        () => json.get(bad, "a"),
        () => json.getVersioned(bad),
        () => json.exists(bad),
        () => json.query(bad, "$"),
        () => json.history(bad),
        () => json.set(bad, "a", 1),
        () => json.put(bad, 1),
        () => json.delete(bad),
        () => json.merge(bad, "$", {}),
        () => json.patch(bad, []),
        () => json.push(bad, "a", 1),
        () => json.increment(bad, "a"),
      ];
      for (const call of calls) expect(call).toThrow(refused);
    },
  );

  test.each(["a[", "a..b", "$x", "[x]", 5, null, {}, [null], [1.5], ["\ud800"], "a[*]"])(
    "the path %j is refused by every call",
    (path) => {
      json.put("doc", { a: 1 });
      const bad = path as string;
      const refused = coded("INVALID_PATH");
      const calls: (() => unknown)[] = [
        () => json.get("doc", bad),
        () => json.exists("doc", bad),
        () => json.set("doc", bad, 1),
        () => json.delete("doc", bad),
        () => json.merge("doc", bad, {}),
        () => json.push("doc", bad, 1),
        () => json.increment("doc", bad),
      ];
      for (const call of calls) expect(call).toThrow(refused);
      expect(json.get("doc")).toEqual({ a: 1 });
    },
  );

  test("the append marker is for writing", () => {
    json.put("doc", { list: [1] });
    inTransaction((own) => {
      for (const store of [json, own]) {
        expect(() => store.get("doc", "list[-]")).toThrow(coded("INVALID_PATH"));
        expect(() => store.exists("doc", "list[-]")).toThrow(coded("INVALID_PATH"));
      }
      expect(() => own.delete("doc", "list[-]")).toThrow(coded("INVALID_PATH"));
    });
  });

  test.each([undefined, () => 1, new Date(), "\udfff", [undefined], Number.NaN, { a: Number.POSITIVE_INFINITY }])(
    "the value %o is refused, and nothing is written",
    (value) => {
      json.put("doc", { list: [] });
      const before = run.version;
      const bad = value as never;
      expect(() => json.put("doc", bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => json.set("doc", "a", bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => json.merge("doc", "$", bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => json.push("doc", "list", 1, bad)).toThrow(coded("INVALID_VALUE"));
      expect(() => json.patch("doc", [{ op: "add", path: "/a", value: { in: bad, list: [bad] } }])).toThrow(
        coded("INVALID_VALUE"),
      );
      expect(run.version).toBe(before);
    },
  );

  test("nesting is limited where it ends up, not only where it comes from", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 60; i++) deep = { d: deep };
    json.put("doc", deep);
    const path = Array.from({ length: 59 }, () => "d");
    expect(() => json.set("doc", path, deep)).toThrow(coded("LIMIT_VALUE"));
    expect(json.get("doc")).toEqual(deep);
  });

  test.each([
    undefined,
    null,
    5,
    "[]",
    {},
    [5],
    [{}],
    [{ op: "add" }],
    [{ op: "drop", path: "/a" }],
    [{ op: "add", path: "a", value: 1 }],
  ])("%j is no patch", (patch) => {
    json.put("doc", { a: 1 });
    expect(() => json.patch("doc", patch as never)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }),
    );
    expect(json.get("doc")).toEqual({ a: 1 });
  });
});
