import type { AsOf } from "@strata/core";
import { beforeEach, describe, expect, test } from "vitest";
import {
  Database,
  EventLogStore,
  JsonDocumentStore,
  KvReader,
  KvStore,
  keepAll,
  keepByPrimitive,
  keepFor,
  keepLast,
  type Retention,
  StateCellStore,
} from "./index.js";

const SECOND = 1_000_000;
let now: number;
let db: Database;
const kv = (run = "default") => new KvStore(db.head(db.runs.must(run)));
const cells = () => new StateCellStore(db.head(db.runs.must("default")));
/** Reads the past without holding on to it. */
function past(point: number | AsOf, run = "default") {
  const look = <T>(read: (kv: KvReader) => T): T => {
    const view = db.at(db.runs.must(run), "default", typeof point === "number" ? { version: point } : point);
    try {
      return read(new KvReader(view));
    } finally {
      view.dispose();
    }
  };
  return { get: (key: string) => look((kv) => kv.get(key)), list: () => look((kv) => kv.list()) };
}
const entries = (key: string, primitive: "kv" | "state" | "json" = "kv", run = "default") =>
  db.runs.must(run).shard.table("default", primitive)?.chain(key)?.length;
const code = (code: string, facts: object = {}) =>
  expect.objectContaining({ code, facts: expect.objectContaining(facts) });
const trimmed = code("HISTORY_TRIMMED");

function open(retention: Retention): void {
  now = 1_700_000_000 * SECOND;
  db = Database.ephemeral({ retention, clock: { now: () => now } });
}

/** @returns the versions. */
function write(key: string, times: number, run = "default"): number[] {
  return Array.from({ length: times }, (_, i) => kv(run).put(key, i) as number);
}

beforeEach(() => open(keepLast(2)));

describe("a key that is written again and again", () => {
  test("keeps about as many versions as the policy says, in all that it takes", () => {
    open(keepLast(10));
    for (let i = 0; i < 1_000_000; i++) kv().put("counter", i);
    expect(entries("counter")).toBeLessThanOrEqual(22);
    const { timeline } = db.runs.must("default").shard;
    expect(timeline.tailLength).toBeLessThan(2500);
    expect(timeline.floor).toBeGreaterThan(0);
    expect(kv().history("counter").length).toBeGreaterThanOrEqual(10);
    expect(kv().get("counter")).toBe(999_999);
  });

  test("keeps everything unless something else is said", () => {
    db = Database.ephemeral();
    write("k", 100);
    expect(kv().history("k")).toHaveLength(100);
  });

  test("tells how far back it reaches when it is asked for more", () => {
    const versions = write("k", 40);
    const [kept] = kv().history("k").slice(-1);
    expect(() => past(versions[3] as number).get("k")).toThrow(code("HISTORY_TRIMMED", { earliest: kept?.version }));
    expect(past(versions[39] as number).get("k")).toBe(39);
    expect(past((versions[0] as number) - 1).get("k")).toBeUndefined();
    expect(() => past(versions[3] as number).list()).toThrow(trimmed);
  });

  test("costs the others nothing", () => {
    const version = kv().put("other", "here") as number;
    write("k", 40);
    expect(past(version).get("other")).toBe("here");
    expect(past(version + 5).get("other")).toBe("here");
    expect(kv().history("other")).toHaveLength(1);
  });
});

describe("what stays whatever the policy says", () => {
  test("is what a view sees, until it is disposed of", () => {
    write("k", 3);
    const view = db.at(db.runs.must("default"));
    write("k", 40);
    expect(new KvReader(view).get("k")).toBe(2);
    const version = view.version;
    expect(past(version).get("k")).toBe(2);
    view.dispose();
    write("k", 40);
    expect(() => past(version).get("k")).toThrow(trimmed);
  });

  test("is what an open transaction sees, also what others wrote since", () => {
    write("k", 3);
    const open = db.beginTransaction("default");
    const versions = write("k", 40);
    expect(open.get("k")).toBe(2);
    expect(past(versions[5] as number).get("k")).toBe(5);
    open.put("other", 1);
    open.rollback();
    write("k", 40);
    expect(() => past(versions[5] as number).get("k")).toThrow(trimmed);
  });

  test("is what a transaction must be validated against", () => {
    write("k", 3);
    const reader = db.beginTransaction("default");
    const seen = new KvStore(reader.scope("default")).list();
    write("other", 3000);
    reader.put("mine", seen.length);
    expect(() => reader.commit()).toThrow(code("TRANSACTION_CONFLICT"));
  });

  test("is what a tag names, until it is taken away", () => {
    const [, version] = write("k", 2);
    db.history.tag(db.runs.must("default"), undefined, "here");
    write("k", 40);
    expect(past(version as number).get("k")).toBe(1);
    expect(past({ tag: "here" }).get("k")).toBe(1);
    db.history.untag(db.runs.must("default"), "here");
    write("k", 40);
    expect(() => past(version as number).get("k")).toThrow(trimmed);
  });

  test("is what a fork inherited, also from a run that is gone since", () => {
    write("k", 3);
    db.runs.create("middle");
    db.fork(db.runs.must("default"), ["child"]);
    write("k", 40);
    expect(kv("child").get("k")).toBe(2);
    db.fork(db.runs.must("child"), ["grandchild"]);
    write("k", 40, "child");
    db.runs.delete("child");
    write("k", 40);
    expect(kv("grandchild").get("k")).toBe(2);
    const { shard } = db.runs.must("default");
    const forkedAt = db.runs.must("grandchild").shard.forkVersion;
    db.runs.delete("grandchild");
    write("k", 40);
    expect(() => shard.table("default", "kv")?.chain("k")?.storedAt(forkedAt)).toThrow(trimmed);
  });

  test("is what a fork's own views and tags see of what it inherited", () => {
    const versions = write("k", 3);
    db.fork(db.runs.must("default"), ["child"]);
    db.history.tag(db.runs.must("child"), { version: versions[0] as number }, "first");
    const view = db.at(db.runs.must("child"), "default", { version: versions[1] as number });
    write("k", 40);
    expect(past(versions[0] as number, "child").get("k")).toBe(0);
    expect(new KvReader(view).get("k")).toBe(1);
  });

  test("is where the next merge of two runs begins", () => {
    write("k", 3);
    db.fork(db.runs.must("default"), ["child"]);
    kv("child").put("mine", 1);
    db.algebra.merge("child", "default");
    const base = db.runs.must("child").version;
    write("k", 40);
    write("mine", 40, "child");
    expect(past(base, "child").get("mine")).toBe(1);
    expect(() => past(base + 50, "child").get("mine")).toThrow(trimmed);
    expect(db.algebra.merge("child", "default").conflicts).toEqual([]);
    expect(kv().get("mine")).toBe(39);
    write("mine", 40, "child");
    expect(() => past(base, "child").get("mine")).toThrow(trimmed);
  });

  test("is every event", () => {
    const events = new EventLogStore(db.head(db.runs.must("default")));
    for (let i = 0; i < 2000; i++) events.append("tick", { i });
    write("k", 3000);
    expect(events.len()).toBe(2000);
    expect(events.verify().valid).toBe(true);
    expect(db.runs.must("default").shard.timeline.timestampOf(events.read(0)?.version as number)).toBeGreaterThan(0);
  });
});

describe("a policy", () => {
  test("of time keeps what could be read within it", () => {
    open(keepFor(10_000));
    const versions: number[] = [];
    for (let i = 0; i < 100; i++) {
      now += SECOND;
      versions.push(kv().put("k", i) as number);
    }
    expect(entries("k")).toBeLessThan(45);
    for (let i = 89; i < 100; i++) expect(past(versions[i] as number).get("k")).toBe(i);
    expect(past({ time: now - 10 * SECOND }).get("k")).toBe(89);
    expect(() => past(versions[10] as number).get("k")).toThrow(trimmed);
  });

  test("may differ from primitive to primitive", () => {
    open(keepByPrimitive({ state: keepLast(1), otherwise: keepAll() }));
    write("k", 100);
    for (let i = 0; i < 100; i++) cells().set("k", i);
    expect(entries("k")).toBe(100);
    expect(entries("k", "state")).toBeLessThan(10);
    expect(cells().readVersioned("k")).toMatchObject({ value: 99, counter: 100 });
  });

  test("of a run takes the place of the database's, at once and for its later forks", () => {
    write("k", 40);
    db.runs.setRetention("default", keepAll());
    const versions = write("k", 40);
    expect(past(versions[0] as number).get("k")).toBe(0);
    db.runs.setRetention("default", keepLast(3));
    db.fork(db.runs.must("default"), ["child"]);
    kv("child").put("own", 0);
    write("own", 40, "child");
    expect(entries("own", "kv", "child")).toBeLessThanOrEqual(8);
    write("k", 1);
    expect(entries("k")).toBeLessThanOrEqual(6);
    expect(() => past(versions[0] as number).get("k")).toThrow(trimmed);
    db.runs.setStatus("child", "completed");
    expect(db.retention.rulesOf(db.runs.must("child"))?.kv).toEqual({ keep: "last", versions: 3 });
  });

  test("is read back from the log, and nothing is trimmed before all of it was read", () => {
    // The view is gone when the log is read back, the fork that was made while it was open is not.
    open(keepLast(1));
    const versions = write("k", 2);
    const view = db.at(db.runs.must("default"), "default", { version: versions[0] as number });
    write("k", 40);
    db.fork(db.runs.must("default"), ["child"], { version: versions[0] as number });
    view.dispose();
    write("k", 40);
    expect(kv("child").get("k")).toBe(0);
  });

  test("is one that was made by one of the makers", () => {
    const illegal = code("INVALID_ARGUMENT");
    for (const versions of [0, -1, 1.5, Number.NaN, "3" as never]) expect(() => keepLast(versions)).toThrow(illegal);
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => keepFor(ms)).toThrow(illegal);
    expect(() => keepByPrimitive({ event: keepLast(1) } as never)).toThrow(illegal);
    expect(() => keepByPrimitive({ kv: "last 3" as never })).toThrow(illegal);
    expect(() => db.runs.setRetention("default", { "~retention": "some" })).toThrow(illegal);
    expect(() => Database.ephemeral({ retention: {} as never })).toThrow(illegal);
    expect(() => db.runs.setRetention("nobody", keepAll())).toThrow(code("RUN_NOT_FOUND"));
    expect(keepByPrimitive({ kv: keepLast(3) })["~retention"]).toBe("kv: last 3, state: all, json: all, vector: all");
  });
});

describe("where history was trimmed", () => {
  test("nobody can fork or merge from a point that is not whole", () => {
    const versions = write("k", 40);
    const point = { version: versions[3] as number };
    expect(() => db.fork(db.runs.must("default"), ["child"], point)).toThrow(trimmed);
    expect(() => db.history.tag(db.runs.must("default"), point, "there")).toThrow(trimmed);
    expect(db.runs.exists("child")).toBe(false);
    db.fork(db.runs.must("default"), ["child"], { version: versions[39] as number });
    expect(kv("child").get("k")).toBe(39);
  });

  test("times and commits that are gone are told from those that are not", () => {
    for (let i = 0; i < 5000; i++) {
      now += SECOND;
      kv().put("k", i);
      if (i === 2000) kv().put("other", "here", { ttlMs: 60_000 });
    }
    const run = db.runs.must("default");
    const { timeline } = run.shard;
    expect(timeline.floor).toBeGreaterThan(0);
    const [other] = kv().history("other");
    expect(timeline.timestampOf(other?.version as number)).toBe(other?.timestamp);
    expect(() => db.at(run, "default", { time: now - 4000 * SECOND })).toThrow(trimmed);
    expect(() => db.at(run, "default", { version: run.number + 10 })).toThrow(trimmed);
    // Whether the value had expired a thousand commits later depends on a time that is gone.
    expect(past(other?.version as number).get("other")).toBe("here");
    expect(() => past((other?.version as number) + 1000).get("other")).toThrow(trimmed);
    expect(db.history.timeRange(run)?.oldest).toBeGreaterThan(now - 4000 * SECOND);
  });

  test("a replay from the timeline says that it cannot", () => {
    write("first", 1);
    for (let i = 0; i < 3000; i++) kv().put("k", i);
    expect(() => db.replayRun("default")).toThrow(trimmed);
  });

  test("documents and cells go on counting", () => {
    const json = new JsonDocumentStore(db.head(db.runs.must("default")));
    for (let i = 0; i < 40; i++) json.set("doc", "$.n", i);
    expect(entries("doc", "json")).toBeLessThanOrEqual(8);
    expect(json.get("doc")).toEqual({ n: 39 });
  });
});
