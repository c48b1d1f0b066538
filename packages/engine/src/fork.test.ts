import { beforeEach, describe, expect, test } from "vitest";
import { Database, EventLogStore, JsonDocumentStore, KvStore, StateCellStore } from "./index.js";

let db: Database;
const kv = (run: string, space = "default") => new KvStore(db.head(db.runs.must(run), space));
const events = (run: string) => new EventLogStore(db.head(db.runs.must(run)));
const cells = (run: string) => new StateCellStore(db.head(db.runs.must(run)));
const json = (run: string) => new JsonDocumentStore(db.head(db.runs.must(run)));
const fork = (source: string, name: string, version?: number) =>
  db.fork(db.runs.must(source), [name], version === undefined ? undefined : { version })[0];
const code = (code: string) => expect.objectContaining({ code });

beforeEach(() => {
  db = Database.ephemeral();
  kv("default").put("a", 1);
  kv("default", "other").put("b", 1);
  events("default").append("began", { n: 0 });
  cells("default").set("phase", "one");
  json("default").put("doc", { list: [1], at: { x: 0 } });
});

describe("a fork", () => {
  test("begins with everything, of every primitive and space", () => {
    fork("default", "child");
    expect(kv("child").get("a")).toBe(1);
    expect(kv("child", "other").list()).toEqual(["b"]);
    expect(events("child").len()).toBe(1);
    expect(cells("child").readVersioned("phase")).toMatchObject({ value: "one", counter: 1 });
    expect(json("child").get("doc")).toEqual({ list: [1], at: { x: 0 } });
    expect(db.spaces(db.runs.must("child")).list()).toEqual(["default", "other"]);
  });

  test("and its source never see each other's later writes", () => {
    fork("default", "child");
    kv("default").put("a", 2);
    kv("child").put("c", 3);
    kv("child").delete("a");
    json("child").set("doc", "$.at.x", 9);
    cells("child").set("phase", "two");
    events("child").append("diverged", {});
    events("default").append("went on", {});
    expect([kv("default").get("a"), kv("default").get("c")]).toEqual([2, undefined]);
    expect([kv("child").get("a"), kv("child").get("c")]).toEqual([undefined, 3]);
    expect(json("default").get("doc", "$.at.x")).toBe(0);
    expect(cells("default").read("phase")).toBe("one");
    expect(
      events("child")
        .range(0, 9)
        .map(({ type }) => type),
    ).toEqual(["began", "diverged"]);
    expect(
      events("default")
        .range(0, 9)
        .map(({ type }) => type),
    ).toEqual(["began", "went on"]);
  });

  test("continues the chain of its source, and both verify", () => {
    fork("default", "child");
    events("child").append("diverged", {});
    expect(events("child").verify()).toMatchObject({ valid: true, length: 2 });
    expect(events("child").read(1)?.prevHash).toBe(events("default").read(0)?.hash);
  });

  test("knows where it comes from", () => {
    const { version } = db.runs.must("default");
    expect(fork("default", "child")).toMatchObject({ name: "child", parent: { run: "default", version } });
    expect(db.runs.get("default")?.parent).toBeUndefined();
    db.runs.setStatus("child", "paused");
    expect(db.runs.get("child")).toMatchObject({ status: "paused", parent: { run: "default", version } });
  });

  test("of a past version or time holds what was there then", () => {
    const then = db.runs.must("default").version;
    kv("default").put("a", 2);
    const { timestamp } = db.at(db.runs.must("default"));
    fork("default", "old", then);
    db.fork(db.runs.must("default"), ["by-time"], { time: timestamp + 1e9 });
    expect(kv("old").get("a")).toBe(1);
    expect(kv("by-time").get("a")).toBe(2);
    expect(() => fork("default", "never", 0)).toThrow(code("HISTORY_TRIMMED"));
    expect(() => fork("default", "future", 999)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("reads its own past, that before the fork included", () => {
    const before = db.runs.must("default").version;
    kv("default").put("a", 2);
    fork("default", "child");
    const mine = kv("child").put("a", 3);
    const child = db.runs.must("child");
    expect(db.at(child, "default", { version: before }).table("kv").get("a")).toBe(1);
    expect(db.at(child, "default", { version: mine }).table("kv").get("a")).toBe(3);
    expect(
      db
        .at(child, "default", { version: mine - 1 })
        .table("kv")
        .get("a"),
    ).toBe(2);
    expect(
      kv("child")
        .history("a")
        .map((entry) => (entry.deleted ? undefined : entry.value)),
    ).toEqual([3, 2, 1]);
  });

  test("keeps what it sees when its source goes; who holds on is told, and cascade takes them along", () => {
    db.runs.create("root");
    kv("root").put("a", "root");
    fork("root", "child");
    kv("child").put("own", 1);
    fork("child", "grandchild");
    expect(db.runs.delete("root")).toEqual({ heldBy: ["child", "grandchild"] });
    expect(kv("grandchild").get("a")).toBe("root");
    db.runs.create("root");
    expect(kv("root").get("a")).toBeUndefined();
    expect(db.runs.delete("child", { cascade: true })).toEqual({ heldBy: [] });
    expect(db.runs.list()).toEqual(["default", "root"]);
  });

  test("is still known to hold data of a run whose other forks are gone", () => {
    db.runs.create("a");
    kv("a").put("x", 1);
    fork("a", "b");
    kv("b").put("y", 1);
    fork("b", "c");
    expect(db.runs.delete("b")).toEqual({ heldBy: ["c"] });
    expect(db.runs.delete("a", { cascade: true })).toEqual({ heldBy: [] });
    expect(db.runs.list()).toEqual(["default"]);
  });

  test("names its parent while that exists, and no other run of that name", () => {
    db.runs.create("root");
    fork("root", "child");
    expect(db.runs.get("child")?.parent?.run).toBe("root");
    db.runs.delete("root");
    db.runs.create("root");
    expect(db.runs.get("child")).not.toHaveProperty("parent");
  });

  test("needs a new name, a good one, and a living source; many are made in one commit or none", () => {
    expect(() => fork("default", "default")).toThrow(code("RUN_EXISTS"));
    expect(() => fork("default", "no/slash")).toThrow(code("INVALID_NAME"));
    const version = db.coordinator.currentVersion();
    expect(() => db.fork(db.runs.must("default"), ["x", "y", "x"])).toThrow(code("RUN_EXISTS"));
    expect(db.runs.list()).toEqual(["default"]);
    expect(db.fork(db.runs.must("default"), ["x", "y"])).toHaveLength(2);
    expect(db.coordinator.currentVersion()).toBeGreaterThan(version);
    db.runs.create("gone");
    const gone = db.runs.must("gone");
    db.runs.delete("gone");
    expect(() => db.fork(gone, ["z"])).toThrow(code("RUN_NOT_FOUND"));
  });

  test("of an untouched fork reads through to what that reads through to", () => {
    fork("default", "a");
    fork("a", "b");
    fork("b", "c");
    expect(db.runs.must("c").shard.parent).toBe(db.runs.must("default").shard);
    kv("b").put("own", 1);
    fork("b", "d");
    expect(db.runs.must("d").shard.parent).toBe(db.runs.must("b").shard);
    expect(kv("d").get("own")).toBe(1);
    expect(db.runs.get("c")?.parent?.run).toBe("b");
  });

  test("conflicts like any other run, and never with its source", () => {
    fork("default", "child");
    const t = db.beginTransaction("child");
    new KvStore(t.scope("default")).get("a");
    new KvStore(t.scope("default")).put("x", 1);
    kv("default").put("a", 2);
    t.commit();
    const u = db.beginTransaction("child");
    new KvStore(u.scope("default")).get("a");
    new KvStore(u.scope("default")).put("x", 2);
    kv("child").put("a", 3);
    expect(() => u.commit()).toThrow(code("TRANSACTION_CONFLICT"));
  });
});

test("ten thousand forks of a large run copy nothing", () => {
  for (let i = 0; i < 2000; i++) kv("default").put(`key-${i}`, i);
  db.fork(
    db.runs.must("default"),
    Array.from({ length: 10_000 }, (_, i) => `fork-${i}`),
  );
  expect(db.runs.live.size).toBe(10_001);
  expect(kv("fork-9999").get("key-1999")).toBe(1999);
  expect(db.runs.must("fork-9999").shard.table("default", "kv")?.ownKeys).toBe(0);
});
