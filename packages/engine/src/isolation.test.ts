import { beforeEach, describe, expect, test } from "vitest";
import {
  Database,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  type OpenTransaction,
  type Scope,
  StateCellStore,
} from "./index.js";

/**
 * Isolation by anomaly. Names and scripts follow Adya, "Weak Consistency" (1999), and the Hermitage suite of Martin Kleppmann. T1 and T2 are
 * transactions that interleave; at strict serializability one of them conflicts, or neither needs to.
 */
const CONFLICT = expect.objectContaining({ code: "TRANSACTION_CONFLICT" });

let db: Database;
let kv: KvStore;
const begin = () => db.beginTransaction("default");
const kvOf = (transaction: OpenTransaction, space = "default") => new KvStore(transaction.scope(space));
const eventsOf = (transaction: OpenTransaction) => new EventLogStore(transaction.scope("default"));
const jsonOf = (transaction: OpenTransaction) => new JsonDocumentStore(transaction.scope("default"));
const cellsOf = (transaction: OpenTransaction) => new StateCellStore(transaction.scope("default"));

beforeEach(() => {
  db = Database.ephemeral();
  kv = new KvStore(db.head(db.runs.must("default")));
  kv.put("x", 10);
  kv.put("y", 20);
});

describe("prevented by buffering writes until commit", () => {
  test("G0 dirty write: two transactions never interleave their writes", () => {
    const [t1, t2] = [begin(), begin()];
    kvOf(t1).put("x", 11);
    kvOf(t2).put("x", 12);
    kvOf(t1).put("y", 21);
    t1.commit();
    kvOf(t2).put("y", 22);
    t2.commit();
    expect([kv.get("x"), kv.get("y")]).toEqual([12, 22]);
  });

  test("G1a aborted read: what is rolled back was never seen", () => {
    const [t1, t2] = [begin(), begin()];
    kvOf(t1).put("x", 101);
    expect(kvOf(t2).get("x")).toBe(10);
    t1.rollback();
    expect(kvOf(t2).get("x")).toBe(10);
    expect(kv.get("x")).toBe(10);
    t2.commit();
  });

  test("G1b intermediate read: only the last write of a transaction is ever seen", () => {
    const [t1, t2] = [begin(), begin()];
    kvOf(t1).put("x", 101);
    expect(kvOf(t2).get("x")).toBe(10);
    kvOf(t1).put("x", 11);
    t1.commit();
    expect(kvOf(t2).get("x")).toBe(10);
    expect(kv.get("x")).toBe(11);
  });

  test("G1c circular information flow", () => {
    const [t1, t2] = [begin(), begin()];
    kvOf(t1).put("x", 11);
    kvOf(t2).put("y", 22);
    expect(kvOf(t1).get("y")).toBe(20);
    expect(kvOf(t2).get("x")).toBe(10);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("OTV observed transaction vanishes", () => {
    const [t1, t2, t3] = [begin(), begin(), begin()];
    kvOf(t1).put("x", 11);
    kvOf(t1).put("y", 19);
    kvOf(t2).put("x", 12);
    t1.commit();
    expect(kvOf(t3).get("x")).toBe(10);
    kvOf(t2).put("y", 18);
    t2.commit();
    expect([kvOf(t3).get("x"), kvOf(t3).get("y")]).toEqual([10, 20]);
    t3.commit();
  });
});

describe("prevented by reading one version", () => {
  test("G-single read skew: a reader sees both sides of a transfer or neither", () => {
    const t1 = begin();
    expect(kvOf(t1).get("x")).toBe(10);
    db.transaction("default", (t2) => {
      kvOf(t2).put("x", 12);
      kvOf(t2).put("y", 18);
    });
    expect(kvOf(t1).get("y")).toBe(20);
    t1.commit();
  });

  test("a read-only transaction commits whatever changed, and takes no version", () => {
    const t1 = begin();
    kvOf(t1).get("x");
    const after = kv.put("x", 11);
    expect(t1.commit().version).toBeLessThan(after);
    expect(kv.put("x", 12)).toBe(after + 1);
  });

  test("repeated reads are equal, lists and counts too", () => {
    const t1 = begin();
    const events = eventsOf(t1);
    const before = [kvOf(t1).list(), events.len()];
    kv.put("z", 1);
    new EventLogStore(db.head(db.runs.must("default"))).append("t", {});
    expect([kvOf(t1).list(), events.len()]).toEqual(before);
  });
});

describe("prevented by validating everything read", () => {
  test("P4 lost update: of two increments from one value, one conflicts", () => {
    const [t1, t2] = [begin(), begin()];
    for (const t of [t1, t2]) kvOf(t).put("x", (kvOf(t).get("x") as number) + 1);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
    expect(kv.get("x")).toBe(11);
  });

  test("G2-item write skew: two readers of both keys may not write one each", () => {
    const [t1, t2] = [begin(), begin()];
    for (const t of [t1, t2]) expect([kvOf(t).get("x"), kvOf(t).get("y")]).toEqual([10, 20]);
    kvOf(t1).put("x", 11);
    kvOf(t2).put("y", 21);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("G-single with a write: reading one side of a transfer and writing is refused", () => {
    const t1 = begin();
    expect(kvOf(t1).get("x")).toBe(10);
    db.transaction("default", (t2) => {
      kvOf(t2).put("x", 12);
      kvOf(t2).put("y", 18);
    });
    kvOf(t1).delete("y");
    expect(() => t1.commit()).toThrow(CONFLICT);
  });

  test("G-nonadjacent: a cycle over three transactions is broken", () => {
    const [t1, t2, t3] = [begin(), begin(), begin()];
    expect(kvOf(t1).get("x")).toBe(10);
    kvOf(t2).get("y");
    kvOf(t2).put("x", 11);
    kvOf(t3).put("y", 21);
    t3.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
    kvOf(t1).put("z", 1);
    t1.commit();
  });

  test("PMP phantom: a key that appears in a scanned range conflicts", () => {
    const t1 = begin();
    expect(kvOf(t1).list("user:")).toEqual([]);
    kv.put("user:1", 1);
    kvOf(t1).put("count", 0);
    expect(() => t1.commit()).toThrow(CONFLICT);
  });

  test("PMP with a write predicate: a range that is cleared conflicts with an insert into it", () => {
    const t1 = begin();
    kvOf(t1).clear("user:");
    kvOf(t1).put("cleared", true);
    kv.put("user:1", 1);
    expect(() => t1.commit()).toThrow(CONFLICT);
    expect(kv.get("user:1")).toBe(1);
  });

  test("G2 predicate write skew: each inserts what the other's scan would have found", () => {
    const [t1, t2] = [begin(), begin()];
    for (const t of [t1, t2]) expect(kvOf(t).list("on-call:")).toEqual([]);
    kvOf(t1).put("on-call:ann", 1);
    kvOf(t2).put("on-call:bob", 1);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("a limited scan observes as far as it went", () => {
    const t1 = begin();
    expect(kvOf(t1).list({ limit: 1 })).toEqual(["x"]);
    kv.put("y", 21);
    kv.put("z", 1);
    kvOf(t1).put("first", "x");
    t1.commit();
    const t2 = begin();
    kvOf(t2).list({ limit: 1, start: "x" });
    kv.put("x", 0);
    kv.delete("x");
    kvOf(t2).put("first", "x");
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("a missing key that is created conflicts, another key does not", () => {
    const t1 = begin();
    expect(kvOf(t1).get("absent")).toBeUndefined();
    kvOf(t1).put("seen", true);
    kv.put("another", 1);
    t1.commit();
    const t2 = begin();
    kvOf(t2).get("absent");
    kvOf(t2).put("seen", true);
    kv.put("absent", 1);
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("a key that is read and deleted by another conflicts", () => {
    const t1 = begin();
    kvOf(t1).put("copy", kvOf(t1).get("x") as number);
    kv.delete("x");
    expect(() => t1.commit()).toThrow(CONFLICT);
  });

  test("a read in a space that did not exist conflicts when its key comes into being", () => {
    const other = new KvStore(db.head(db.runs.must("default"), "other"));
    const t1 = begin();
    expect(kvOf(t1, "other").get("a")).toBeUndefined();
    kvOf(t1).put("seen", true);
    other.put("b", 1);
    t1.commit();
    const t2 = begin();
    kvOf(t2, "third").get("a");
    kvOf(t2).put("seen", true);
    new KvStore(db.head(db.runs.must("default"), "third")).put("a", 1);
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("a read in a space that is dropped conflicts, also when it is made again alike", () => {
    const run = db.runs.must("default");
    const temp = new KvStore(db.head(run, "temp"));
    temp.put("a", 1);
    const t1 = begin();
    expect(kvOf(t1, "temp").get("a")).toBe(1);
    kvOf(t1).put("copied", 1);
    db.spaces(run).delete("temp", { force: true });
    temp.put("a", 1);
    expect(() => t1.commit()).toThrow(CONFLICT);
  });
});

describe("of event logs", () => {
  const head = () => new EventLogStore(db.head(db.runs.must("default")));

  test("appenders never conflict with each other", () => {
    const [t1, t2] = [begin(), begin()];
    eventsOf(t1).append("a", { n: 1 });
    eventsOf(t2).append("b", { n: 2 });
    t1.commit();
    t2.commit();
    expect(head().len()).toBe(2);
    expect(head().verify().valid).toBe(true);
  });

  test("a length that was read is observed", () => {
    const t1 = begin();
    eventsOf(t1).append("count", { before: eventsOf(t1).len() });
    head().append("other", {});
    expect(() => t1.commit()).toThrow(CONFLICT);
  });

  test("an exact sequence is observed; an event that exists cannot change and is not", () => {
    head().append("first", {});
    const t1 = begin();
    expect(eventsOf(t1).append("exact", {}, { exact: true })).toBe(1);
    const t2 = begin();
    expect(eventsOf(t2).read(0)?.type).toBe("first");
    kvOf(t2).put("seen", true);
    head().append("other", {});
    expect(() => t1.commit()).toThrow(CONFLICT);
    t2.commit();
  });

  test("reading one type conflicts with that type only", () => {
    const t1 = begin();
    expect(eventsOf(t1).readByType("wanted")).toEqual([]);
    kvOf(t1).put("seen", 0);
    head().append("other", {});
    t1.commit();
    const t2 = begin();
    eventsOf(t2).readByType("wanted");
    kvOf(t2).put("seen", 0);
    head().append("wanted", {});
    expect(() => t2.commit()).toThrow(CONFLICT);
  });
});

describe("of documents", () => {
  const head = () => new JsonDocumentStore(db.head(db.runs.must("default")));
  beforeEach(() => head().put("doc", { a: { n: 1 }, b: { n: 1 }, list: [1, 2, 3] }));

  test("writers of disjoint paths both commit", () => {
    const [t1, t2] = [begin(), begin()];
    jsonOf(t1).set("doc", "$.a.n", 2);
    jsonOf(t2).set("doc", "$.b.n", 3);
    t1.commit();
    t2.commit();
    expect(head().get("doc")).toEqual({ a: { n: 2 }, b: { n: 3 }, list: [1, 2, 3] });
  });

  test("a path that was read conflicts with a write to it, to its parent and to its child, not to its sibling", () => {
    for (const [written, value, conflicts] of [
      ["$.a.n", 2, true],
      ["$.a", { n: 5 }, true],
      ["$.a.n.deep", undefined, false],
      ["$.b.n", 7, false],
    ] as const) {
      if (value === undefined) continue;
      const t1 = begin();
      jsonOf(t1).get("doc", "$.a.n");
      kvOf(t1).put("seen", true);
      head().set("doc", written, value);
      if (conflicts) expect(() => t1.commit(), written).toThrow(CONFLICT);
      else t1.commit();
    }
  });

  test("lost update on one path is prevented", () => {
    const [t1, t2] = [begin(), begin()];
    jsonOf(t1).increment("doc", "$.a.n");
    jsonOf(t2).increment("doc", "$.a.n");
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
    expect(head().get("doc", "$.a.n")).toBe(2);
  });

  test("two pushes to one array conflict", () => {
    const [t1, t2] = [begin(), begin()];
    jsonOf(t1).push("doc", "$.list", 4);
    jsonOf(t2).push("doc", "$.list", 5);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
  });

  test("a path write whose parent was replaced by a scalar conflicts", () => {
    const t1 = begin();
    jsonOf(t1).set("doc", "$.a.n", 9);
    head().set("doc", "$.a", "gone");
    expect(() => t1.commit()).toThrow(CONFLICT);
    expect(head().get("doc", "$.a")).toBe("gone");
  });

  test("creating a document conflicts with creating it", () => {
    const [t1, t2] = [begin(), begin()];
    jsonOf(t1).set("new", "$.from", "t1");
    jsonOf(t2).set("new", "$.from", "t2");
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
  });
});

describe("of cells", () => {
  test("of concurrent cas from one counter exactly one wins", () => {
    const open = Array.from({ length: 5 }, begin);
    for (const t of open) expect(cellsOf(t).cas("leader", null, t.id)).toBe(1);
    const outcomes = open.map((t) => {
      try {
        t.commit();
        return "won";
      } catch {
        return "lost";
      }
    });
    expect(outcomes).toEqual(["won", "lost", "lost", "lost", "lost"]);
  });

  test("a refused cas observes what it saw", () => {
    const cells = new StateCellStore(db.head(db.runs.must("default")));
    cells.set("c", 1);
    const t1 = begin();
    expect(cellsOf(t1).cas("c", null, 2)).toBeNull();
    kvOf(t1).put("refused", true);
    cells.delete("c");
    expect(() => t1.commit()).toThrow(CONFLICT);
  });
});

test("blind writes never conflict: the last one wins", () => {
  const [t1, t2] = [begin(), begin()];
  kvOf(t1).put("x", 1);
  kvOf(t2).put("x", 2);
  t2.commit();
  t1.commit();
  expect(kv.get("x")).toBe(1);
});

test("conflicts never cross runs", () => {
  db.runs.create("other");
  const t1 = begin();
  kvOf(t1).get("x");
  kvOf(t1).put("y", 1);
  new KvStore(db.head(db.runs.must("other"))).put("x", 99);
  t1.commit();
  expect(kv.get("y")).toBe(1);
});

test("a conflict names every key with the version seen and the version in force", () => {
  const t1 = begin();
  const seen = [kvOf(t1).getVersioned("x")?.version, kvOf(t1).getVersioned("y")?.version];
  kvOf(t1).put("z", 1);
  const x = kv.put("x", 1);
  const y = kv.put("y", 1);
  try {
    t1.commit();
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({
      code: "TRANSACTION_CONFLICT",
      retryable: true,
      outcome: "definitely_not_committed",
      facts: {
        count: 2,
        keys: [
          { space: "default", primitive: "kv", key: "x", expected: seen[0], actual: x },
          { space: "default", primitive: "kv", key: "y", expected: seen[1], actual: y },
        ],
      },
    });
  }
});

test("own writes are seen by every kind of read", () => {
  const t = begin();
  const own = kvOf(t);
  own.put("a", 1);
  own.delete("x");
  own.put("y", 2);
  expect(own.get("a")).toBe(1);
  expect(own.exists("x")).toBe(false);
  expect(own.getVersioned("y")).toEqual({ value: 2, version: 0, timestamp: 0 });
  expect(own.getMany(["a", "x", "y"])).toEqual([1, undefined, 2]);
  expect(own.list()).toEqual(["a", "y"]);
  expect(own.list({ reverse: true })).toEqual(["y", "a"]);
  expect(own.list({ start: "b" })).toEqual(["y"]);
  expect([...own.entries()]).toEqual([
    ["a", 1],
    ["y", 2],
  ]);
  eventsOf(t).append("note", { n: 1 });
  expect(eventsOf(t).len()).toBe(1);
  expect(eventsOf(t).read(0)).toMatchObject({ type: "note", payload: { n: 1 }, version: 0 });
  expect(eventsOf(t).readByType("note")).toHaveLength(1);
  expect(eventsOf(t).types()).toEqual([{ type: "note", count: 1 }]);
  jsonOf(t).set("doc", "$.a", 1);
  jsonOf(t).set("doc", "$.b", 2);
  expect(jsonOf(t).get("doc")).toEqual({ a: 1, b: 2 });
  expect(cellsOf(t).set("c", 1)).toBe(1);
  expect(cellsOf(t).set("c", 2)).toBe(2);
  expect(cellsOf(t).read("c")).toBe(2);
  t.commit();
  expect(kv.list()).toEqual(["a", "y"]);
});

describe("in a run that was forked and has not written yet", () => {
  let fork: Scope;
  let other: Scope;
  const beginInFork = () => db.beginTransaction("fork");

  beforeEach(() => {
    new StateCellStore(db.head(db.runs.must("default"))).set("cell", 1);
    new EventLogStore(db.head(db.runs.must("default"))).append("t", {});
    const run = db.runs.must("default");
    db.runs.fork(run, run.version, ["fork"]);
    fork = db.head(db.runs.must("fork"));
    other = db.head(db.runs.must("default"));
  });

  test("P4 lost update", () => {
    const [t1, t2] = [beginInFork(), beginInFork()];
    for (const t of [t1, t2]) kvOf(t).put("x", (kvOf(t).get("x") as number) + 1);
    t1.commit();
    expect(() => t2.commit()).toThrow(CONFLICT);
    expect(new KvStore(fork).get("x")).toBe(11);
  });

  const reads: readonly [string, (t: OpenTransaction) => unknown, (scope: Scope) => unknown][] = [
    ["a value", (t) => kvOf(t).get("x"), (scope) => new KvStore(scope).delete("x")],
    ["an absence", (t) => kvOf(t).get("new"), (scope) => new KvStore(scope).put("new", 1)],
    ["a list", (t) => kvOf(t).list(), (scope) => new KvStore(scope).put("new", 1)],
    ["a cell", (t) => cellsOf(t).read("cell"), (scope) => new StateCellStore(scope).set("cell", 2)],
    ["a length", (t) => eventsOf(t).len(), (scope) => new EventLogStore(scope).append("t", {})],
  ];
  test.each(reads)("%s that was read conflicts with a write of the fork", (_, read, write) => {
    const t = beginInFork();
    read(t);
    kvOf(t).put("seen", true);
    write(fork);
    expect(() => t.commit()).toThrow(CONFLICT);
  });

  test.each(reads)("%s that was read does not conflict with a write of the parent", (_, read, write) => {
    const t = beginInFork();
    read(t);
    kvOf(t).put("seen", true);
    write(other);
    new StateCellStore(fork).set("unrelated", 1);
    t.commit();
  });
});

describe("of a document", () => {
  let json: JsonDocumentStore;
  beforeEach(() => {
    json = new JsonDocumentStore(db.head(db.runs.must("default")));
    json.put("doc", { a: 1, b: 1 });
  });

  test.each<[string, (t: OpenTransaction) => unknown]>([
    ["query", (t) => jsonOf(t).query("doc", "$.b")],
    ["getVersioned", (t) => jsonOf(t).getVersioned("doc")],
  ])("%s after an own path write observes what shows through", (_, read) => {
    const t = begin();
    jsonOf(t).set("doc", "a", 2);
    read(t);
    json.set("doc", "b", 2);
    expect(() => t.commit()).toThrow(CONFLICT);
  });

  test("a patch that was refused, and the refusal caught, is observed", () => {
    const t = begin();
    expect(() => jsonOf(t).patch("doc", [{ op: "test", path: "/a", value: 2 }])).toThrow(
      expect.objectContaining({ code: "PATCH_TEST_FAILED" }),
    );
    kvOf(t).put("a", "is not 2");
    json.set("doc", "a", 2);
    expect(() => t.commit()).toThrow(CONFLICT);
  });
});

test("P3 phantom: a key that had expired comes back", () => {
  let now = 1_700_000_000_000_000;
  db = Database.ephemeral({ clock: { now: () => now } });
  kv = new KvStore(db.head(db.runs.must("default")));
  kv.put("k", 1, { ttlMs: 10 });
  now += 20_000;
  const t = begin();
  expect(kvOf(t).list()).toEqual([]);
  kvOf(t).put("seen", "nothing");
  kv.put("k", 2);
  expect(() => t.commit()).toThrow(CONFLICT);
});
