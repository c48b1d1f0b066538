import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { imageOf, TINY_SEGMENTS } from "@strata/durability/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { observeSpace } from "../test/stores.js";
import {
  Database,
  EventLogReader,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  StateCellStore,
  VectorStore,
} from "./index.js";

let time = 1_700_000_000_000_000;
const clock = { now: () => (time += 1000) };
let vfs: MemoryVfs;

function onDisk(): Database {
  vfs = new MemoryVfs();
  const durability = new LogDurability(vfs, new InlineSyncDriver(vfs), { segments: TINY_SEGMENTS });
  return Database.open({ durability, clock });
}

const inMemory = () => Database.ephemeral({ clock });
const code = (code: string) => expect.objectContaining({ code });

describe.each([
  ["from the log", onDisk],
  ["from the timeline", inMemory],
])("a replay %s", (_, open) => {
  let db: Database;
  const head = (run = "default", space = "default") => db.head(db.runs.must(run), space);
  const kv = (run?: string, space?: string) => new KvStore(head(run, space));
  const at = (run: string, version: number) => db.at(db.runs.must(run), "default", { version });

  beforeEach(() => {
    db = open();
    kv().put("a", { n: 1, bytes: new Uint8Array([1, 2]) });
    kv("default", "other").put("b", 1);
    new EventLogStore(head()).append("began", { n: 0 });
    new StateCellStore(head()).set("phase", "one");
    new JsonDocumentStore(head()).put("doc", { list: [1], at: { x: 0 } });
    new JsonDocumentStore(head()).set("doc", "$.at.x", 1);
    new VectorStore(head()).createCollection("docs", { dimension: 2 });
    new VectorStore(head()).upsert("docs", "a", [1, 2], { n: 1 });
    db.transaction("default", (t) => {
      new VectorStore(t.scope("default")).upsert("docs", "b", [3, 4]);
      new VectorStore(t.scope("default")).delete("docs", "a");
      new KvStore(t.scope("default")).put("c", 1);
      new KvStore(t.scope("default")).delete("a");
      new EventLogStore(t.scope("default")).append("went on", { n: 1 });
      new EventLogStore(t.scope("default")).append("and on", { n: 2 });
    });
  });

  const everything = () =>
    db.runs.list().map((name) => {
      const run = db.runs.must(name);
      const shown = db
        .spaces(run)
        .list()
        .map((space) => [space, observeSpace(db.head(run, space))]);
      return [db.runs.get(name), db.at(run).digest({ history: true }), shown];
    });

  test("P1: is a pure function of the log and the point, equal to the live store at that point", () => {
    const run = db.runs.must("default");
    expect(run.version).toBeGreaterThan(5);
    for (let version = run.number as number; version <= run.version; version++) {
      const replayed = db.replayRun("default", { version });
      for (const space of ["default", "other"]) {
        expect(observeSpace(replayed.in(space)), `version ${version}`).toEqual(
          observeSpace(db.at(run, space, { version })),
        );
      }
      expect(replayed.version).toBe(version);
      expect(replayed.digest({ history: true })).toBe(at("default", version).digest({ history: true }));
    }
  });

  test("P2: has no side effects: no run, file, version, metric or value is another one afterwards", () => {
    const before = everything();
    const files = vfs === undefined ? undefined : imageOf(vfs);
    const { openTransactions, durableThrough } = db.info();
    const [version, metrics] = [db.coordinator.currentVersion(), db.metrics()];
    const replayed = db.replayRun("default");
    observeSpace(replayed);
    const bytes = (replayed.table("kv").get("a") ?? {}) as object;
    expect(bytes).toEqual({});
    replayed.dispose();
    expect(everything()).toEqual(before);
    expect(vfs === undefined ? undefined : imageOf(vfs)).toEqual(files);
    expect(db.info()).toMatchObject({ openTransactions, durableThrough });
    expect([db.coordinator.currentVersion(), db.metrics()]).toEqual([version, metrics]);
  });

  test("P3: is derived: later writes, a deleted space and a deleted run leave it as it was", () => {
    db.runs.create("second");
    kv("second").put("k", "then");
    kv("second", "notes").put("n", 1);
    const replayed = db.replayRun("second");
    const digest = replayed.digest({ history: true });
    kv("second").put("k", "later");
    db.spaces(db.runs.must("second")).delete("notes", { force: true });
    db.runs.delete("second");
    db.runs.create("second");
    expect(replayed.digest({ history: true })).toBe(digest);
    expect(observeSpace(replayed).kv).toEqual(new Map([["k", "then"]]));
    expect(observeSpace(replayed.in("notes")).kv).toEqual(new Map([["n", 1]]));
    expect(db.replayRun("second").digest()).not.toBe(digest);
  });

  test("P4: is not persisted, and takes no writes", () => {
    const files = vfs === undefined ? 0 : imageOf(vfs).size;
    const replayed = db.replayRun("default");
    expect("put" in replayed || "append" in replayed || "transact" in replayed).toBe(false);
    expect(db.runs.list()).toEqual(["default"]);
    expect(vfs === undefined ? 0 : imageOf(vfs).size).toBe(files);
  });

  test("P5: is deterministic: expiry is judged by the point, not by the clock", () => {
    kv().put("short", 1, { ttlMs: 5 });
    const replayed = db.replayRun("default");
    expect(replayed.table("kv").get("short")).toBe(replayed.table("kv").get("short"));
    const digest = replayed.digest();
    time += 60_000_000;
    expect(kv().get("short")).toBeUndefined();
    expect(db.replayRun("default").digest()).toBe(digest);
    expect(observeSpace(db.replayRun("default")).kv.has("short")).toBe(true);
    expect(observeSpace(db.replayRun("default", { time })).kv.has("short")).toBe(false);
  });

  test("P6: is idempotent: two give the same, in everything they show", () => {
    const [one, two] = [db.replayRun("default"), db.replayRun("default")];
    expect(observeSpace(one)).toEqual(observeSpace(two));
    expect(one.digest({ history: true })).toBe(two.digest({ history: true }));
    expect([one.operationCount, one.version, one.timestamp]).toEqual([two.operationCount, two.version, two.timestamp]);
  });

  test("of a fork folds what it inherited, and nothing its source wrote later", () => {
    const then = db.runs.must("default").version;
    kv().put("later", 1);
    db.fork(db.runs.must("default"), ["child"], { version: then });
    kv("child").put("own", 1);
    kv().put("later still", 1);
    db.fork(db.runs.must("child"), ["grandchild"]);
    kv("grandchild").delete("own");
    kv("child").put("own", 2);
    for (const name of ["default", "child", "grandchild"]) {
      const run = db.runs.must(name);
      const live = db.at(run, "default", { version: run.version });
      expect(db.replayRun(name).digest({ history: true }), name).toBe(live.digest({ history: true }));
      expect(observeSpace(db.replayRun(name))).toEqual(observeSpace(live));
    }
    expect([...observeSpace(db.replayRun("grandchild")).kv.keys()]).toEqual(["c"]);
    expect(["default", "child", "grandchild"].map((name) => db.replayRun(name).operationCount)).toEqual([16, 16, 16]);
    expect(new EventLogStore(head("child")).verify().valid).toBe(true);
  });

  test("of a fork works also when its source is gone", () => {
    db.runs.create("root");
    kv("root").put("a", "root");
    db.fork(db.runs.must("root"), ["child"]);
    kv("child").put("b", 1);
    db.runs.delete("root");
    db.runs.create("root");
    kv("root").put("a", "another");
    expect(observeSpace(db.replayRun("child")).kv).toEqual(
      new Map<string, unknown>([
        ["a", "root"],
        ["b", 1],
      ]),
    );
    expect(observeSpace(db.replayRun("root")).kv).toEqual(new Map([["a", "another"]]));
  });

  test("of a run that others were merged into folds the merges, with the events they copied", () => {
    db.fork(db.runs.must("default"), ["child"]);
    kv("child").put("own", 1);
    new EventLogStore(head("child")).append("of the child", { n: 1 });
    new EventLogStore(head()).append("meanwhile", { n: 2 });
    new JsonDocumentStore(head("child")).set("doc", "$.at.y", 2);
    const merged = db.algebra.merge("child", "default");
    expect(merged.conflicts).toEqual([]);
    kv().put("after", 1);
    for (const name of ["default", "child"]) {
      const run = db.runs.must(name);
      const replayed = db.replayRun(name);
      expect(replayed.digest({ history: true }), name).toBe(at(name, run.version).digest({ history: true }));
      expect(observeSpace(replayed)).toEqual(observeSpace(at(name, run.version)));
      expect(new EventLogReader(replayed).verify()).toMatchObject({ valid: true });
    }
    const types = observeSpace(db.replayRun("default")).events.map(({ type }) => type);
    expect(types.slice(-2)).toEqual(["meanwhile", "of the child"]);
  });

  test("of spaces that went and came again shows those that were there", () => {
    const run = db.runs.must("default");
    const before = run.version;
    db.spaces(run).delete("other", { force: true });
    const gone = run.version;
    kv("default", "other").put("new", 1);
    db.spaces(run).create("empty");
    for (const version of [before, gone, run.version]) {
      const replayed = db.replayRun("default", { version });
      expect(replayed.digest({ history: true })).toBe(at("default", version).digest({ history: true }));
    }
    expect(observeSpace(db.replayRun("default", undefined, "other")).kv).toEqual(new Map([["new", 1]]));
    expect(observeSpace(db.replayRun("default", { version: before }, "other")).kv).toEqual(new Map([["b", 1]]));
  });

  test("counts the writes that were folded", () => {
    expect(db.replayRun("default").operationCount).toBe(14);
    const { number, version } = db.runs.must("default");
    expect(db.replayRun("default", { version: number }).operationCount).toBe(0);
    expect(db.replayRun("default", { version: version - 1 }).operationCount).toBe(8);
    db.fork(db.runs.must("default"), ["child"]);
    kv("child").put("one", "more");
    expect(db.replayRun("child").operationCount).toBe(15);
  });

  test("needs a run that is there, and a point that was", () => {
    expect(() => db.replayRun("nobody")).toThrow(code("RUN_NOT_FOUND"));
    expect(() => db.replayRun("default", { version: 9999 })).toThrow(code("INVALID_ARGUMENT"));
    expect(() => db.replayRun("default", { version: 0 })).toThrow(code("HISTORY_TRIMMED"));
    const replayed = db.replayRun("default");
    replayed.dispose();
    expect(() => replayed.digest()).toThrow(code("DATABASE_CLOSED"));
    db.close();
    expect(() => db.replayRun("default")).toThrow(code("DATABASE_CLOSED"));
  });
});
