import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CommitChanges, type Feed, Strata } from "../src/index.js";
import { start } from "./child-process.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const END = { done: true, value: undefined };

async function take<T>(feed: Feed<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of feed) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}
const keys = (commits: readonly CommitChanges[]) =>
  commits.map(({ changes }) => changes.map(({ ref }) => (ref.primitive === "event" ? ref.type : ref.key)).join());

describe("a handle", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
  });
  afterEach(() => db.close());

  test("watches its run and its space, a cursor those it stood on", async () => {
    const feed = db.watch();
    const other = db.in({ space: "other" }).watch();
    const second = db.in({ run: db.createRun("second").name }).watch();
    db.setRun("second");
    db.setSpace("elsewhere");
    db.in({ run: "second", space: "default" }).kv.put("in second", 1);
    db.in({ run: "default", space: "other" }).kv.put("in other", 1);
    db.in({ run: "default", space: "default" }).kv.put("here", 1);
    expect(keys(await take(feed, 1))).toEqual(["here"]);
    expect(keys(await take(other, 1))).toEqual(["in other"]);
    expect(keys(await take(second, 1))).toEqual(["in second"]);
  });

  test("refuses filters with what is unknown or ill-typed", () => {
    for (const filter of [
      { space: "a" },
      { since: -1 },
      { since: 1.5 },
      { primitives: "kv" },
      { primitives: ["keys"] },
      { spaces: "a" },
      { spaces: [1] },
      { prefix: 1 },
      { signal: {} },
      "user:",
    ]) {
      expectCode("INVALID_ARGUMENT", () => db.watch(filter as object), JSON.stringify(filter));
    }
  });

  test("has tags and commits of any run by name", () => {
    const version = db.kv.put("k", 1);
    db.kv.put("k", 2);
    db.runs.tag({ run: "default", at: { version } }, "first");
    expect(db.at({ tag: "first" }).kv.get("k")).toBe(1);
    expect(db.runs.tags("default")).toMatchObject([{ name: "first", version }]);
    db.runs.fork({ run: "default", at: { tag: "first" } }, "child");
    expect(db.in({ run: "child" }).kv.get("k")).toBe(1);
    expect([...db.runs.commits("child")].map((commit) => commit.version)).toEqual([version]);
    expect(db.runs.timeRange("child")?.oldest).toBe(db.at({ tag: "first" }).timestamp);
    expect(db.runs.untag("default", "first")).toBe(true);
    expectCode("TAG_NOT_FOUND", () => db.at({ tag: "first" }));
    for (const call of [
      () => db.runs.commits("nobody"),
      () => db.runs.timeRange("nobody"),
      () => db.runs.tag("nobody", "x"),
      () => db.runs.untag("nobody", "x"),
      () => db.runs.tags("nobody"),
    ])
      expectCode("RUN_NOT_FOUND", call);
    expectCode("INVALID_ARGUMENT", () => db.runs.commits("default", { from: 1 } as object));
    expectCode("INVALID_ARGUMENT", () => db.runs.tag(7 as never, "x"));
  });

  test("follows events, typed ones too, but not from inside a transaction", async () => {
    const log = db.events.typed<{ step: { n: number }; other: { x: string } }>();
    log.append("step", { n: 1 });
    log.append("other", { x: "a" });
    log.append("step", { n: 2 });
    const numbers = (await take(log.follow({ types: ["step"], after: 0 }), 1)).map(({ payload }) => payload);
    expect(numbers).toEqual([{ n: 2 }]);
    db.transaction((txn) => void expectCode("INVALID_ARGUMENT", () => txn.events.follow()));
    const session = db.session();
    const follow = session.events.follow();
    expect((await follow.next()).value.sequence).toBe(0);
    session.begin();
    expectCode("INVALID_ARGUMENT", () => session.events.follow());
    session.rollback();
  });
});

test("feeds end when the last that had the database open closes it", async () => {
  const db = Strata.openTemp();
  const path = db.info().path as string;
  const again = Strata.open(path);
  const watching = db.watch().next();
  const following = db.events.follow().next();
  db.close();
  again.kv.put("k", 1);
  expect((await watching).value.changes).toHaveLength(1);
  again.close();
  expect(await following).toEqual(END);
});

test("a database that was opened to be read has its past in feeds, and waits until it is closed", async () => {
  const path = newDirectory();
  const db = Strata.open(path, { durability: "strict" });
  db.kv.put("a", 1);
  db.events.append("e", {});
  db.runs.tag("default", "kept");
  const commits = [...db.runs.commits("default")];
  db.close();
  const reader = Strata.open(path, { durability: "strict", readOnly: true });
  const feed = reader.watch({ since: 0 });
  const versions = [(await feed.next()).value.version, (await feed.next()).value.version];
  expect(versions).toEqual(commits.map(({ version }) => version));
  expect((await reader.events.follow().next()).value.type).toBe("e");
  expect([...reader.runs.commits("default")]).toEqual(commits);
  expect(reader.at({ tag: "kept" }).version).toBe(versions[1]);
  expectCode("READ_ONLY", () => reader.runs.tag("default", "more"));
  expectCode("READ_ONLY", () => reader.runs.untag("default", "kept"));
  const waiting = feed.next();
  reader.close();
  expect(await waiting).toEqual(END);
});

test("a process that has nothing left but feeds that wait ends by itself", async () => {
  const program = start(`
    import { Strata } from "stratadb";
    const db = Strata.cache();
    const feeds = [db.watch(), db.events.follow(), db.watch({ signal: new AbortController().signal })];
    for (const feed of feeds) feed.next().then(() => console.log("delivered"));
    setTimeout(() => console.log("waiting"), 20);
  `);
  expect(await program.line()).toBe("waiting");
  expect(await program.ended).toBe(0);
  expect(await program.line()).toBeUndefined();
});
