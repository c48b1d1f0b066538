import { CrashVfs } from "@strata/durability/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { openSimulated } from "../test/simulated-database.js";
import type { CommitSummary } from "./commit-history.js";
import { Database, EventLogStore, KvStore } from "./index.js";

let db: Database;
const run = (name = "default") => db.runs.must(name);
const kv = (name = "default", space = "default") => new KvStore(db.head(run(name), space));
const put = (key: string, name = "default") => kv(name).put(key, 1) as number;
const versions = (commits: Iterable<CommitSummary>) => [...commits].map(({ version }) => version);
const code = (code: string, facts: object = {}) =>
  expect.objectContaining({ code, facts: expect.objectContaining(facts) });

beforeEach(() => {
  db = Database.ephemeral();
});

describe("commits", () => {
  test("are listed with what they are made of, oldest first", () => {
    const first = put("a");
    db.transaction(
      "default",
      (t) => {
        new KvStore(t.scope("default")).putMany([
          ["b", 1],
          ["c", 2],
        ]);
        new EventLogStore(t.scope("logs")).append("noted", {});
      },
      { message: "why" },
    );
    const [one, two, ...rest] = db.history.commits(run());
    expect(rest).toEqual([]);
    expect(one).toEqual({ version: first, previous: 0, timestamp: expect.any(Number), operations: 1, bytes: 0 });
    expect(two).toMatchObject({ previous: first, message: "why", operations: 3 });
    expect(two?.timestamp).toBeGreaterThan(one?.timestamp ?? 0);
    expect(db.at(run(), "default", { version: first }).timestamp).toBe(one?.timestamp);
  });

  test("are paged in both directions", () => {
    const all = ["a", "b", "c", "d"].map((key) => put(key));
    const list = (scan: object) => versions(db.history.commits(run(), scan));
    expect(list({ limit: 2 })).toEqual(all.slice(0, 2));
    expect(list({ after: all[1], limit: 9 })).toEqual(all.slice(2));
    expect(list({ reverse: true, limit: 2 })).toEqual([all[3], all[2]]);
    expect(list({ reverse: true, after: all[2] })).toEqual([all[1], all[0]]);
    expect(list({ limit: 0 })).toEqual([]);
    for (const scan of [{ after: -1 }, { limit: 0.5 }, { after: "1" }])
      expect(() => db.history.commits(run(), scan as object)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("of an iterator are those that were there at its first next()", () => {
    put("a");
    const commits = db.history.commits(run());
    const second = put("b");
    commits.next();
    put("c");
    expect(versions(commits)).toEqual([second]);
  });

  test("of a fork are those it inherited, then its own, each after the one before", () => {
    const a = put("a");
    const b = put("b");
    db.fork(run(), ["child"], { version: a });
    put("late");
    const c = put("c", "child");
    db.fork(run("child"), ["grandchild"]);
    const d = put("d", "grandchild");
    expect(versions(db.history.commits(run("child")))).toEqual([a, c]);
    const line = [...db.history.commits(run("grandchild"))];
    expect(line.map(({ version, previous }) => [version, previous])).toEqual([
      [a, 0],
      [c, a],
      [d, c],
    ]);
    expect(versions(db.history.commits(run("grandchild"), { reverse: true }))).toEqual([d, c, a]);
    expect(versions(db.history.commits(run("grandchild"), { reverse: true, after: d, limit: 1 }))).toEqual([c]);
    expect(versions(db.history.commits(run("grandchild"), { after: a, limit: 1 }))).toEqual([c]);
    expect(versions(db.history.commits(run("grandchild"), { after: b }))).toEqual([c, d]);
    db.runs.delete("child");
    expect(versions(db.history.commits(run("grandchild")))).toEqual([a, c, d]);
  });

  test("above a trimmed floor are listed, and nothing older", () => {
    const a = put("a");
    db.fork(run(), ["child"]);
    const [b, c] = [put("b", "child"), put("c", "child")];
    run("child").shard.timeline.trimThrough(b);
    expect([...db.history.commits(run("child"))]).toMatchObject([{ version: c, previous: b }]);
    expect(versions(db.history.commits(run("child"), { reverse: true }))).toEqual([c]);
    expect(() => db.history.watch(run("child"), "default", { since: a })).toThrow(
      code("HISTORY_TRIMMED", { earliest: b, requested: { version: a } }),
    );
  });

  test("end with the run and with the database", () => {
    db.runs.create("doomed");
    put("a", "doomed");
    const commits = db.history.commits(run("doomed"));
    db.runs.delete("doomed");
    expect(() => commits.next()).toThrow(code("RUN_NOT_FOUND"));
    put("a");
    put("b");
    const others = db.history.commits(run());
    others.next();
    db.close();
    expect(() => others.next()).toThrow(code("DATABASE_CLOSED"));
  });

  test("have the size they take in the log, also after it was read back", () => {
    const disk = new CrashVfs();
    const first = openSimulated(disk).db;
    first.put("default", "small", 1);
    first.put("default", "large", "x".repeat(500));
    const before = [...first.history.commits(first.runs.must("default"))];
    const [small = 0, large = 0] = before.map(({ bytes }) => bytes);
    expect(small).toBeGreaterThan(10);
    expect(large - small).toBeGreaterThan(495);
    expect(large - small).toBeLessThan(520);
    first.close();
    const again = openSimulated(disk).db;
    expect([...again.history.commits(again.runs.must("default"))]).toEqual(before);
  });
});

test("the time range of a run is that of the commits it sees", () => {
  expect(db.history.timeRange(run())).toBeUndefined();
  put("a");
  db.fork(run(), ["child"]);
  put("b");
  put("c", "child");
  const [first, second] = db.history.commits(run("child"));
  expect(db.history.timeRange(run("child"))).toEqual({ oldest: first?.timestamp, latest: second?.timestamp });
  expect(db.history.timeRange(run())?.oldest).toBe(first?.timestamp);
});

describe("tags", () => {
  test("name a version, for reading, forking and listing", () => {
    const first = put("a");
    db.history.tag(run(), { version: first }, "stable");
    kv().put("a", 2);
    db.history.tag(run(), undefined, "newest");
    expect(db.at(run(), "default", { tag: "stable" }).table("kv").get("a")).toBe(1);
    expect(db.history.tags(run())).toEqual([
      { name: "newest", version: run().version, timestamp: db.history.timeRange(run())?.latest },
      { name: "stable", version: first, timestamp: db.history.timeRange(run())?.oldest },
    ]);
    db.fork(run(), ["old"], { tag: "stable" });
    expect(kv("old").get("a")).toBe(1);
    db.history.tag(run(), { tag: "stable" }, "alias");
    expect(run().tags.get("alias")?.version).toBe(first);
  });

  test("of a run without commits name where it began", () => {
    db.history.tag(run(), undefined, "begin");
    put("a");
    expect(db.at(run(), "default", { tag: "begin" }).table("kv").get("a")).toBeUndefined();
    expect(db.history.tags(run())).toMatchObject([{ version: run().number, timestamp: run().createdAt }]);
  });

  test("are not moved, only taken away and given again", () => {
    const first = put("a");
    db.history.tag(run(), undefined, "mine");
    put("b");
    expect(() => db.history.tag(run(), undefined, "mine")).toThrow(
      code("CONSTRAINT_VIOLATION", { tag: "mine", version: first }),
    );
    expect(run().tags.get("mine")?.version).toBe(first);
    expect(db.history.untag(run(), "mine")).toBe(true);
    expect(db.history.untag(run(), "mine")).toBe(false);
    db.history.tag(run(), undefined, "mine");
    expect(run().tags.get("mine")?.version).toBe(run().version);
  });

  test("that are unknown are an error that knows what was meant; names are those of runs", () => {
    db.history.tag(run(), undefined, "stable");
    expect(() => db.at(run(), "default", { tag: "stabel" })).toThrow(
      code("TAG_NOT_FOUND", { tag: "stabel", nearest: "stable", run: "default" }),
    );
    for (const name of ["", "a/b", "_system", "-x", 7]) {
      expect(() => db.at(run(), "default", { tag: name as string })).toThrow(code("INVALID_NAME"));
      expect(() => db.history.tag(run(), undefined, name as string)).toThrow(code("INVALID_NAME", { kind: "tag" }));
      expect(() => db.history.untag(run(), name as string)).toThrow(code("INVALID_NAME"));
    }
  });

  test("belong to a run: forks begin without, and the next run of the name too", () => {
    db.runs.create("one");
    put("a", "one");
    db.history.tag(run("one"), undefined, "mine");
    db.fork(run("one"), ["two"]);
    expect(db.history.tags(run("two"))).toEqual([]);
    db.history.tag(run("two"), undefined, "mine");
    const gone = run("one");
    db.runs.delete("one");
    expect(() => db.history.tags(gone)).toThrow(code("RUN_NOT_FOUND"));
    expect(() => db.history.tag(gone, undefined, "again")).toThrow(code("RUN_NOT_FOUND"));
    db.runs.create("one");
    expect(db.history.tags(run("one"))).toEqual([]);
    expect(db.runs.list()).toEqual(["default", "one", "two"]);
    expect([...new KvStore(db.head(db.runs.system, "tags")).list()]).toEqual([`${run("two").number}/mine`]);
  });

  test("can be given to a run that is closed to writes", () => {
    db.runs.create("done");
    put("a", "done");
    db.runs.setStatus("done", "completed");
    db.history.tag(run("done"), undefined, "result");
    expect(db.history.untag(run("done"), "result")).toBe(true);
  });

  test("survive reopening, and go with their run in one commit", () => {
    const disk = new CrashVfs();
    const first = openSimulated(disk).db;
    const doomed = first.runs.create("doomed").name;
    for (const name of ["default", doomed]) {
      first.put(name, "a", 1);
      first.history.tag(first.runs.must(name), undefined, "kept");
      first.history.tag(first.runs.must(name), undefined, "gone");
      first.history.untag(first.runs.must(name), "gone");
    }
    const tags = first.history.tags(first.runs.must("default"));
    first.runs.delete(doomed);
    first.close();
    const again = openSimulated(disk).db;
    expect(again.history.tags(again.runs.must("default"))).toEqual(tags);
    again.runs.create(doomed);
    expect(again.history.tags(again.runs.must(doomed))).toEqual([]);
    again.put("default", "a", 2);
    expect(again.at(again.runs.must("default"), "default", { tag: "kept" }).table("kv").get("a")).toBe(1);
  });
});
