import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { key, Strata, StrataError, Value } from "../src/index.js";

class Instance {
  readonly member = 1;
}
const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

/** What a caller may pass by mistake or on purpose. */
const JUNK: readonly (readonly [name: string, value: unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["0", 0],
  ["-1", -1],
  ["1.5", 1.5],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["2^60", 2 ** 60],
  ["a bigint", 10n],
  ["a huge bigint", 10n ** 40n],
  ["an empty string", ""],
  ["NUL", "\0"],
  ["a reserved key", "_strata/x"],
  ["a reserved name", "_system"],
  ["__proto__", "__proto__"],
  ["a path out", "../../etc/passwd"],
  ["a lone surrogate", "\ud800"],
  ["a long string", "k".repeat(5000)],
  ["a symbol", Symbol("s")],
  ["a function", () => 1],
  ["an array", [1]],
  ["an array of undefined", [undefined]],
  ["a sparse array", new Array(3)],
  ["an object", { a: 1 }],
  ["an object of junk", { limit: "x", prefix: 1, run: {}, space: [] }],
  ["an object without prototype", Object.create(null)],
  ["an instance", new Instance()],
  ["a Date", new Date(0)],
  ["a Map", new Map([["a", 1]])],
  ["a cycle", cyclic],
  ["bytes", new Uint8Array([1])],
  ["floats", new Float64Array(2)],
  ["a promise", Promise.resolve(1)],
  ["a regular expression", /x/],
];

type Call = (junk: never) => unknown;

/** Runs a call; whatever it throws must be ours. */
function survive(name: string, call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch((error) => judge(name, error));
  } catch (error) {
    judge(name, error);
  }
}

function judge(name: string, error: unknown): void {
  if (StrataError.is(error)) {
    expect(error.message.length, name).toBeGreaterThan(0);
    expect(error.hint.length, name).toBeGreaterThan(0);
    expect(error.message.length, `${name}: the message is short`).toBeLessThan(1000);
    return;
  }
  throw new Error(`${name} threw something that is no StrataError: ${error}`, { cause: error });
}

describe("hostile input", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
    db.kv.put("k", 1);
    db.state.set("c", 1);
    db.json.put("d", { a: [1, { b: 2 }] });
    db.vectors.createCollection("v", { dimension: 2 });
    db.vectors.upsert("v", "a", [1, 2], { x: 1 });
    db.events.append("e", { a: 1 });
    db.createRun("other");
  });
  afterEach(() => db.close());

  const calls: { readonly [name: string]: (db: Strata) => readonly Call[] } = {
    kv: ({ kv }) => [
      (x) => kv.get(x),
      (x) => kv.getMany(x),
      (x) => kv.getMany([x]),
      (x) => kv.getVersioned(x),
      (x) => kv.exists(x),
      (x) => kv.list(x),
      (x) => kv.list({ prefix: x }),
      (x) => kv.list({ limit: x }),
      (x) => kv.list({ after: x }),
      (x) => [...kv.entries(x)],
      (x) => kv.history(x),
      (x) => kv.history("k", x),
      (x) => kv.history("k", { before: x }),
      (x) => kv.put(x, 1),
      (x) => kv.put("k", x),
      (x) => kv.put("k", 1, x),
      (x) => kv.put("k", 1, { ttlMs: x }),
      (x) => kv.put("k", 1, { ifVersion: x }),
      (x) => kv.putMany(x),
      (x) => kv.putMany([x]),
      (x) => kv.putMany([[x, 1]]),
      (x) => kv.putMany([["k", x]]),
      (x) => kv.delete(x),
      (x) => kv.deleteMany(x),
      (x) => kv.clear(x),
      (x) => kv.typed(x),
    ],
    events: ({ events }) => [
      (x) => events.append(x, {}),
      (x) => events.append("e", x),
      (x) => events.append("e", { x } as never),
      (x) => events.append("e", {}, x),
      (x) => events.appendMany(x),
      (x) => events.appendMany([x]),
      (x) => events.appendMany([{ type: x, payload: {} }]),
      (x) => events.read(x),
      (x) => events.range(x, 1),
      (x) => events.range(0, x),
      (x) => events.readByType(x),
      (x) => events.readByType("e", x),
      (x) => [...events.iterate(x)],
      (x) => events.verify(x),
      (x) => events.typed(x),
    ],
    state: ({ state }) => [
      (x) => state.read(x),
      (x) => state.readVersioned(x),
      (x) => state.list(x),
      (x) => state.history(x),
      (x) => state.set(x, 1),
      (x) => state.set("c", x),
      (x) => state.init(x, 1),
      (x) => state.init("new", x),
      (x) => state.cas(x, 1, 1),
      (x) => state.cas("c", x, 1),
      (x) => state.cas("c", 1, x),
      (x) => state.update(x, () => 1),
      (x) => state.update("c", x),
      (x) => state.update("c", () => x),
      (x) => state.delete(x),
      (x) => state.acquire(x, "me", { ttlMs: 1000 }),
      (x) => state.acquire("l", x, { ttlMs: 1000 }),
      (x) => state.acquire("l", "me", x),
      (x) => state.acquire("l", "me", { ttlMs: x }),
      (x) => state.acquireAsync(x, "me", { ttlMs: 1000, waitMs: 0 }),
      (x) => state.require(x),
      (x) => state.typed(x),
    ],
    json: ({ json }) => [
      (x) => json.get(x),
      (x) => json.get("d", x),
      (x) => json.getVersioned(x),
      (x) => json.exists(x),
      (x) => json.exists("d", x),
      (x) => json.list(x),
      (x) => [...json.entries(x)],
      (x) => json.query(x, "$"),
      (x) => json.query("d", x),
      (x) => json.find(x),
      (x) => json.find({ a: x }),
      (x) => json.find({ [typeof x === "string" ? x : "$"]: 1 }),
      (x) => json.find({ a: { $eq: x } }),
      (x) => json.find({ a: { $in: x } }),
      (x) => json.find({ a: { $in: [x] } }),
      (x) => json.find({ $and: x }),
      (x) => json.find({ $or: [x] }),
      (x) => json.find({ $not: x }),
      (x) => json.find({}, x),
      (x) => json.find({}, { prefix: x }),
      (x) => json.find({}, { orderBy: x }),
      (x) => json.find({}, { after: x }),
      (x) => json.find({}, { orderBy: "a", after: x }),
      (x) => json.find({}, { limit: x }),
      (x) => json.explain(x),
      (x) => json.createIndex(x),
      (x) => json.dropIndex(x),
      (x) => json.history(x),
      (x) => json.set(x, "$.a", 1),
      (x) => json.set("d", x, 1),
      (x) => json.set("d", "$.a", x),
      (x) => json.put(x, 1),
      (x) => json.put("d", x),
      (x) => json.delete(x),
      (x) => json.delete("d", x),
      (x) => json.merge("d", x, {}),
      (x) => json.merge("d", "$", x),
      (x) => json.patch("d", x),
      (x) => json.patch("d", [x]),
      (x) => json.patch("d", [{ op: "add", path: x, value: 1 }]),
      (x) => json.patch("d", [{ op: x, path: "/a", value: 1 }]),
      (x) => json.push("d", x, 1),
      (x) => json.push("list", "$", x),
      (x) => json.increment("d", x),
      (x) => json.increment("n", "$", x),
      (x) => json.typed(x),
    ],
    vectors: ({ vectors }) => [
      (x) => vectors.createCollection(x, { dimension: 1 }),
      (x) => vectors.createCollection("w", x),
      (x) => vectors.createCollection("w", { dimension: x }),
      (x) => vectors.createCollection("w", { dimension: 1, metric: x }),
      (x) => vectors.createCollection("w", { dimension: 1, m: x }),
      (x) => vectors.createCollection("v", { dimension: 2, ifExists: x }),
      (x) => vectors.upsert(x, "a", [1, 2]),
      (x) => vectors.upsert("v", x, [1, 2]),
      (x) => vectors.upsert("v", "a", x),
      (x) => vectors.upsert("v", "a", [1, x]),
      (x) => vectors.upsert("v", "a", { length: x, 0: 1, 1: 2 }),
      (x) => vectors.upsert("v", "a", [1, 2], x),
      (x) => vectors.upsert("v", "a", [1, 2], { x }),
      (x) => vectors.upsertMany(x, []),
      (x) => vectors.upsertMany("v", x),
      (x) => vectors.upsertMany("v", [x]),
      (x) => vectors.upsertMany("v", [{ key: x, vector: [1, 2] }]),
      (x) => vectors.upsertMany("v", [{ key: "a", vector: x }]),
      (x) => vectors.upsertMany("v", [{ key: "a", vector: [1, 2], metadata: x }]),
      (x) => vectors.get(x, "a"),
      (x) => vectors.get("v", x),
      (x) => vectors.keys(x),
      (x) => vectors.keys("v", x),
      (x) => vectors.keys("v", { prefix: x }),
      (x) => vectors.keys("v", { limit: x }),
      (x) => vectors.count(x),
      (x) => vectors.count("v", x),
      (x) => vectors.count("v", { x }),
      (x) => vectors.history(x, "a"),
      (x) => vectors.history("v", x),
      (x) => vectors.history("v", "a", x),
      (x) => vectors.stats(x),
      (x) => vectors.search(x, [1, 2]),
      (x) => vectors.search("v", x),
      (x) => vectors.search("v", [1, x]),
      (x) => vectors.search("v", [1, 2], x),
      (x) => vectors.search("v", [1, 2], { k: x }),
      (x) => vectors.search("v", [1, 2], { filter: x }),
      (x) => vectors.search("v", [1, 2], { prefix: x }),
      (x) => vectors.search("v", [1, 2], { minScore: x }),
      (x) => vectors.search("v", [1, 2], { efSearch: x }),
      (x) => vectors.build(x),
      (x) => vectors.delete(x, "a"),
      (x) => vectors.delete("v", x),
      (x) => vectors.deleteCollection(x),
    ],
    handles: (handle) => [
      (x) => handle.in(x),
      (x) => handle.in({ run: x }),
      (x) => handle.in({ space: x }),
      (x) => handle.at(x),
      (x) => handle.at({ version: x }),
      (x) => handle.at({ time: x }),
      (x) => handle.at({ tag: x }),
      (x) => handle.at().in(x),
      (x) => handle.at().in({ space: x }),
      (x) => handle.newHandle(x),
      (x) => handle.setRun(x),
      (x) => handle.setSpace(x),
      (x) => handle.createRun(x),
      (x) => handle.createRun("fresh", x),
      (x) => handle.deleteRun(x),
      (x) => handle.deleteSpace(x),
      (x) => handle.deleteSpaceForce(x),
      (x) => handle.commitStatus(x),
      (x) => handle.commitStatus({ epoch: x, version: x }),
    ],
    "runs and spaces": ({ runs, spaces }) => [
      (x) => runs.get(x),
      (x) => runs.exists(x),
      (x) => runs.list(x),
      (x) => runs.list({ status: x }),
      (x) => runs.list({ limit: x }),
      (x) => runs.list({ after: x }),
      (x) => runs.delete(x),
      (x) => runs.delete("other", x),
      (x) => runs.begin(x),
      (x) => runs.begin("fresh", x),
      (x) => runs.load(x),
      (x) => runs.export(x),
      (x) => runs.export("other", x),
      (x) => runs.export("other", { history: x }),
      (x) => runs.import(x),
      (x) => runs.import([], x),
      (x) => runs.import([], { as: x }),
      (x) => runs.inspectBundle(x),
      (x) => runs.setStatus(x, "paused"),
      (x) => runs.setStatus("other", x),
      (x) => runs.setStatus("other", "active", x),
      (x) => spaces.create(x),
      (x) => spaces.exists(x),
      (x) => spaces.delete(x),
      (x) => spaces.delete("x", x),
    ],
    transactions: (handle) => [
      (x) => (typeof x === "function" ? 0 : handle.transaction(x)),
      (x) => handle.transaction(() => 1, x),
      (x) => handle.transaction(() => 1, { retry: x }),
      (x) => handle.transaction(() => 1, { retry: { maxRetries: x } }),
      (x) => handle.transaction(() => 1, { timeoutMs: x }),
      (x) => handle.transaction(() => 1, { signal: x }),
      (x) => handle.transaction(() => 1, { durability: x }),
      (x) => handle.transaction(() => 1, { message: x }),
      (x) => handle.transaction(() => 1, { readOnly: x }),
      (x) => handle.transaction((txn) => txn.setSpace(x)),
      (x) => handle.transaction((txn) => txn.in(x)),
      (x) => handle.transaction((txn) => txn.onCommit(x)),
      (x) => handle.session().begin(x),
      (x) => handle.session().begin({ timeoutMs: x }),
      (x) => handle.session().setSpace(x),
      (x) => handle.session().execute(x),
      (x) => handle.session().execute({ name: x } as never),
      (x) => handle.session().execute({ name: "kv.put", key: x, value: x }),
    ],
    "keys and values": () => [
      (x) => key(x),
      (x) => key("a", x),
      (x) => key.parse(x),
      (x) => Value.equal(x, x),
      (x) => Value.compare(x, 1),
      (x) => Value.toJson(x),
      (x) => Value.fromJson(x),
    ],
    opening: () => [
      (x) => (typeof x === "object" || x === undefined ? 0 : Strata.cache(x)),
      (x) => Strata.cache({ limits: x }).close(),
      (x) => Strata.cache({ limits: { keyBytes: x } }).close(),
      (x) => Strata.cache({ durability: x }).close(),
      (x) => Strata.cache({ clock: x }).close(),
      (x) => (typeof x === "string" ? 0 : Strata.open(x)),
      (x) => (typeof x === "string" ? 0 : Strata.openAsync(x)),
    ],
  };

  for (const [group, make] of Object.entries(calls)) {
    for (const [name, junk] of JUNK) {
      test(`${group} survive ${name}`, () => {
        for (const call of make(db)) survive(`${call} with ${name}`, () => call(junk as never));
        if (!db.isOpen) expect.fail("the database was closed by it");
        db.newHandle().kv.put("after", 1);
      });
    }
  }
});
