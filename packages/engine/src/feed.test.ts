import { CrashVfs, FaultVfs } from "@strata/durability/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSimulated } from "../test/simulated-database.js";
import type { CommitChanges, Feed, WatchFilter } from "./index.js";
import {
  Database,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  recorderSpaceOf,
  StateCellStore,
  VectorStore,
} from "./index.js";

let db: Database;
const run = (name = "default") => db.runs.must(name);
const kv = (space = "default", name = "default") => new KvStore(db.head(run(name), space));
const events = (space = "default", name = "default") => new EventLogStore(db.head(run(name), space));
const watch = (filter: WatchFilter = {}, name = "default") => db.history.watch(run(name), "default", filter);
const code = (code: string) => expect.objectContaining({ code });
const PENDING = Symbol("pending");
const END = { done: true, value: undefined };

/** What `promise` is once everything that can happen by itself has happened. */
async function settled<T>(promise: Promise<T>): Promise<T | typeof PENDING> {
  return Promise.race([promise, new Promise<typeof PENDING>((resolve) => setTimeout(resolve, 5, PENDING))]);
}

/** The next `count` items; the feed goes on. */
async function take<T>(feed: Feed<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  while (items.length < count) {
    const { done, value } = await feed.next();
    if (done === true) break;
    items.push(value);
  }
  return items;
}

/** What was done to which keys, in short. */
function shown({ changes }: CommitChanges): string[] {
  return changes.map(({ kind, ref, value }) => {
    const what = ref.primitive === "event" ? `${ref.type}#${ref.sequence}` : ref.key;
    return `${kind} ${ref.primitive} ${ref.space}/${what}${value === undefined ? "" : ` ${JSON.stringify(value)}`}`;
  });
}

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
  db = Database.ephemeral();
});
afterEach(async () => {
  await settled(new Promise(() => {}));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

describe("a watched run", () => {
  test("tells of vectors by collection and key, and of collections", async () => {
    const vectors = new VectorStore(db.head(run()));
    const told = ({ changes }: CommitChanges) =>
      changes.map(({ kind, ref, value }) => [
        kind,
        ref.primitive === "vector" && `${ref.collection}/${ref.key}`,
        value,
      ]);
    const all = watch();
    const docs = watch({ prefix: "docs/" });
    const none = watch({ primitives: ["kv", "event", "state", "json"] });
    vectors.createCollection("docs", { dimension: 2 });
    vectors.createCollection("other", { dimension: 1 });
    vectors.upsertMany("docs", [
      { key: "a/b", vector: [1, 0.5], metadata: { n: 1 } },
      { key: "c", vector: [0, 0] },
    ]);
    vectors.delete("docs", "c");
    vectors.deleteCollection("docs");
    kv().put("end", 1);
    const made = ["put", "docs/", expect.objectContaining({ dimension: 2, metric: "cosine" })];
    const written = [
      [
        ["put", "docs/a/b", { vector: [1, 0.5], metadata: { n: 1 } }],
        ["put", "docs/c", { vector: [0, 0] }],
      ],
      [["delete", "docs/c", undefined]],
      [
        ["delete", "docs/a/b", undefined],
        ["delete", "docs/", undefined],
      ],
    ];
    expect((await take(all, 5)).map(told)).toEqual([
      [made],
      [["put", "other/", expect.objectContaining({ dimension: 1 })]],
      ...written,
    ]);
    expect((await take(docs, 4)).map(told)).toEqual([[made], ...written]);
    expect((await take(none, 1)).map(shown)).toEqual([["put kv default/end 1"]]);
  });

  test("tells what a dropped space takes along, vectors and collections of the prefix", async () => {
    const vectors = new VectorStore(db.head(run(), "other"));
    vectors.createCollection("docs", { dimension: 1 });
    vectors.createCollection("more", { dimension: 1 });
    vectors.upsert("docs", "a", [1]);
    const feed = watch({ spaces: "all", prefix: "docs" });
    db.spaces(run()).delete("other", { force: true });
    const [{ changes } = { changes: [] }] = await take(feed, 1);
    expect(
      changes.map(({ kind, ref }) => [kind, ref.primitive === "vector" && `${ref.collection}/${ref.key}`]),
    ).toEqual([
      ["delete", "docs/"],
      ["delete", "docs/a"],
    ]);
  });

  test("gives each commit whole, with what it did, as of then", async () => {
    const feed = watch({ spaces: "all" });
    kv().put("a", { n: 1 });
    db.transaction(
      "default",
      (t) => {
        new KvStore(t.scope("default")).put("a", 2);
        new KvStore(t.scope("other")).put("b", new Uint8Array([1]));
        new StateCellStore(t.scope("default")).set("phase", "one");
        new JsonDocumentStore(t.scope("default")).put("doc", { list: [1] });
        for (const type of ["x", "y"]) new EventLogStore(t.scope("logs")).append(type, { n: 1 });
      },
      { message: "why" },
    );
    new JsonDocumentStore(db.head(run())).push("doc", "$.list", 2);
    kv().delete("a");
    const commits = await take(feed, 4);
    expect(commits.map(shown)).toEqual([
      ['put kv default/a {"n":1}'],
      [
        "put kv default/a 2",
        'put kv other/b {"0":1}',
        'put state default/phase "one"',
        'put json default/doc {"list":[1]}',
        'append event logs/x#0 {"n":1}',
        'append event logs/y#1 {"n":1}',
      ],
      ['put json default/doc {"list":[1,2]}'],
      ["delete kv default/a"],
    ]);
    const line = [...db.history.commits(run())];
    expect(commits.map(({ run, version, timestamp, message }) => ({ run, version, timestamp, message }))).toEqual(
      line.map(({ version, timestamp, message }) => ({ run: "default", version, timestamp, message })),
    );
    expect(commits[1]?.message).toBe("why");
    expect("message" in (commits[0] as object)).toBe(false);
    expect(commits[1]?.changes[1]?.ref).toEqual({ run: "default", space: "other", primitive: "kv", key: "b" });
  });

  test("gives values that are its reader's own", async () => {
    const feed = watch();
    const stored = new Uint8Array([1, 2]);
    kv().put("bytes", stored);
    const [commit] = await take(feed, 1);
    (commit?.changes[0]?.value as Uint8Array)[0] = 9;
    expect(kv().get("bytes")).toEqual(stored);
  });

  test("is watched from the call on, or behind a version", async () => {
    const first = kv().put("a", 1) as number;
    const second = kv().put("b", 1) as number;
    const feed = watch();
    const all = watch({ since: 0 });
    const later = watch({ since: first });
    const third = kv().put("c", 1) as number;
    const versions = async (feed: Feed<CommitChanges>, count: number) =>
      (await take(feed, count)).map(({ version }) => version);
    expect(await versions(feed, 1)).toEqual([third]);
    expect(await versions(all, 3)).toEqual([first, second, third]);
    expect(await versions(later, 2)).toEqual([second, third]);
    for (const each of [feed, all, later]) expect(await settled(each.next())).toBe(PENDING);
  });

  test("is seen through a filter, and commits that have nothing of it are passed over", async () => {
    const everywhere = { spaces: "all", since: 0 } as const;
    kv().put("user:1", 1);
    kv("other").put("user:2", 1);
    kv("other").put("x", 1);
    events().append("user:seen", {});
    events().append("other", {});
    new StateCellStore(db.head(run())).set("user:3", 1);
    const all = async (filter: WatchFilter) => {
      const feed = watch(filter);
      const found: string[] = [];
      for (;;) {
        const next = await settled(feed.next());
        if (next === PENDING || next.done) break;
        found.push(...shown(next.value));
      }
      await feed.return?.();
      return found.map((text) => text.split(" ").slice(1, 3).join(" "));
    };
    expect(await all({ since: 0 })).toEqual([
      "kv default/user:1",
      "event default/user:seen#0",
      "event default/other#1",
      "state default/user:3",
    ]);
    expect(await all({ ...everywhere, prefix: "user:" })).toEqual([
      "kv default/user:1",
      "kv other/user:2",
      "event default/user:seen#0",
      "state default/user:3",
    ]);
    expect(await all({ ...everywhere, primitives: ["state"] })).toEqual(["state default/user:3"]);
    expect(await all({ spaces: ["other"], since: 0 })).toEqual(["kv other/user:2", "kv other/x"]);
    expect(await all({ ...everywhere, primitives: ["event"], prefix: "o" })).toEqual(["event default/other#1"]);
  });

  test("refuses filters that make no sense, at the call", () => {
    const wrong: object[] = [
      { since: -1 },
      { since: "1" },
      { primitives: ["keys"] },
      { primitives: "kv" },
      { spaces: "default" },
      { prefix: 1 },
    ];
    for (const filter of wrong) expect(() => watch(filter), JSON.stringify(filter)).toThrow(code("INVALID_ARGUMENT"));
    expect(() => watch({ spaces: ["No"] })).toThrow(code("INVALID_NAME"));
  });

  test("tells of a deleted space by what it held, then of what the next of the name gets", async () => {
    kv("other").put("a", 1);
    kv("other").put("b", 1);
    kv("other").delete("b");
    events("other").append("seen", {});
    const feed = watch({ spaces: "all" });
    const narrow = watch({ spaces: "all", prefix: "a" });
    const cells = watch({ spaces: "all", primitives: ["state"] });
    const elsewhere = watch();
    db.fork(run(), ["child"]);
    const inFork = watch({ spaces: "all" }, "child");
    db.spaces(run("child")).delete("other", { force: true });
    expect((await take(inFork, 1)).map(shown)).toEqual([["delete kv other/a", "delete event other/seen#0"]]);
    db.spaces(run()).delete("other", { force: true });
    kv("other").put("c", 1);
    events("other").append("again", {});
    expect((await take(feed, 3)).map(shown)).toEqual([
      ["delete kv other/a", "delete event other/seen#0"],
      ["put kv other/c 1"],
      ["append event other/again#0 {}"],
    ]);
    expect((await take(narrow, 2)).map(shown)).toEqual([["delete kv other/a"], ["append event other/again#0 {}"]]);
    for (const feed of [cells, elsewhere]) expect(await settled(feed.next())).toBe(PENDING);
  });

  test("shows nothing of what the database keeps for itself", async () => {
    const feed = watch({ spaces: "all" });
    kv(recorderSpaceOf("other")).put("step", 1);
    db.head(run(), "other").put("kv", "_strata/mine", 1);
    kv("other").put("a", 1);
    db.spaces(run()).delete("other", { force: true });
    expect((await take(feed, 2)).map(shown)).toEqual([["put kv other/a 1"], ["delete kv other/a"]]);
    expect(() => watch({ spaces: [recorderSpaceOf("other")] })).toThrow(code("INVALID_NAME"));
  });

  test("that is a fork has the commits it inherited behind its own", async () => {
    const a = kv().put("a", 1) as number;
    db.fork(run(), ["child"]);
    kv().put("late", 1);
    const feed = watch({ since: 0 }, "child");
    const b = kv("default", "child").put("b", 1) as number;
    kv().put("later", 1);
    expect((await take(feed, 2)).map(({ run, version }) => [run, version])).toEqual([
      ["child", a],
      ["child", b],
    ]);
    expect(await settled(feed.next())).toBe(PENDING);
    db.fork(run("child"), ["grandchild"]);
    db.spaces(run("grandchild")).create("x");
    expect((await take(watch({ since: a }, "grandchild"), 1)).map(({ version }) => version)).toEqual([b]);
  });

  test("that was forked between two commits of its source has only the one before", async () => {
    const a = kv().put("a", 1) as number;
    db.runs.create("elsewhere");
    const { version: between } = run("elsewhere");
    kv().put("late", 1);
    db.fork(run(), ["child"], { version: between });
    const b = kv("default", "child").put("b", 1) as number;
    const versions = async (since: number, count: number) =>
      (await take(watch({ since }, "child"), count)).map(({ version }) => version);
    expect(between).toBeGreaterThan(a);
    expect(await versions(0, 2)).toEqual([a, b]);
    expect(await versions(a, 1)).toEqual([b]);
    expect([...db.history.commits(run("child"))].map(({ version }) => version)).toEqual([a, b]);
  });

  test("waits for one commit after another, and only for those of its own", async () => {
    db.runs.create("elsewhere");
    const feed = watch();
    for (let i = 0; i < 3; i++) {
      const next = feed.next();
      kv("default", "elsewhere").put("a", i);
      expect(await settled(next)).toBe(PENDING);
      kv().put("a", i);
      expect((await next).value.changes[0].value).toBe(i);
    }
  });

  test("serves calls that were made at once in their order", async () => {
    const feed = watch();
    const asked = [feed.next(), feed.next(), feed.next(), feed.next()];
    for (let i = 0; i < 3; i++) kv().put("a", i);
    const values = await Promise.all(asked.slice(0, 3).map(async (next) => (await next).value.changes[0].value));
    expect(values).toEqual([0, 1, 2]);
    expect(await settled(asked[3] as Promise<unknown>)).toBe(PENDING);
    await feed.return?.();
    expect(await asked[3]).toEqual(END);
  });

  test("delivers after the call that commits, never inside it", async () => {
    const feed = watch();
    const order: string[] = [];
    const reading = feed.next().then(() => order.push("delivered"));
    db.transaction("default", (t) => {
      new KvStore(t.scope("default")).put("a", 1);
      t.onCommit(() => order.push("acknowledged"));
    });
    order.push("returned");
    await reading;
    expect(order).toEqual(["acknowledged", "returned", "delivered"]);
  });

  test("left behind its trimmed history fails with where it begins, and has ended", async () => {
    const feed = watch({ since: 0 });
    for (let i = 0; i < 3; i++) kv().put("a", i);
    const [first] = await take(feed, 1);
    const { version } = run();
    run().shard.timeline.trimThrough(version);
    await expect(feed.next()).rejects.toEqual(code("HISTORY_TRIMMED"));
    expect(await feed.next()).toEqual(END);
    expect(first?.version).toBeLessThan(version);
  });
});

describe("feeds end without throwing", () => {
  const kinds: { readonly [name: string]: (signal?: AbortSignal) => Feed<unknown> } = {
    watch: (signal) => db.history.watch(run("doomed"), "default", { signal }),
    follow: (signal) => new EventLogStore(db.head(run("doomed"))).follow({ signal }),
  };
  const write = () => db.transaction("doomed", (t) => new EventLogStore(t.scope("default")).append("e", {}));
  beforeEach(() => {
    db.runs.create("doomed");
  });

  for (const [kind, open] of Object.entries(kinds)) {
    const ways: { readonly [how: string]: (feed: Feed<unknown>, abort: () => void) => unknown } = {
      "when their signal aborts": (_, abort) => abort(),
      "when the database closes": () => db.close(),
      "when the run is deleted": () => db.runs.delete("doomed"),
      "when they are returned": (feed) => feed.return?.(),
      "when they are disposed of": (feed) => feed[Symbol.asyncDispose](),
    };
    for (const [how, end] of Object.entries(ways)) {
      test(`${kind}: ${how}, while they wait and from then on`, async () => {
        const controller = new AbortController();
        const feed = open(controller.signal);
        const waiting = [feed.next(), feed.next()];
        expect(await settled(waiting[0] as Promise<unknown>)).toBe(PENDING);
        expect(db.history.waitingFeeds).toBe(1);
        await end(feed, () => controller.abort());
        expect(await Promise.all(waiting)).toEqual([END, END]);
        expect(await feed.next()).toEqual(END);
        expect(db.history.waitingFeeds).toBe(0);
      });

      test(`${kind}: ${how}, with something left to deliver`, async () => {
        const controller = new AbortController();
        const feed = open(controller.signal);
        write();
        await end(feed, () => controller.abort());
        expect(await feed.next()).toEqual(END);
      });
    }

    test(`${kind}: when their signal was aborted before`, async () => {
      expect(await open(AbortSignal.abort()).next()).toEqual(END);
    });

    test(`${kind}: when the consumer leaves its loop`, async () => {
      const feed = open();
      write();
      write();
      for await (const _ of feed) break;
      expect(await feed.next()).toEqual(END);
    });

    test(`${kind}: and leave nothing on a signal that lives on`, async () => {
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners++;
        add(...args);
      };
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners--;
        remove(...args);
      };
      const feed = open(signal);
      for (let i = 0; i < 5; i++) {
        const next = feed.next();
        await settled(next);
        write();
        await next;
      }
      const last = feed.next();
      await feed.return?.();
      await last;
      expect(listeners).toBe(0);
    });
  }
});

describe("followed events", () => {
  const sequences = async (feed: Feed<{ readonly sequence: number }>, count: number) =>
    (await take(feed, count)).map(({ sequence }) => sequence);

  test("come from the first on, then one by one", async () => {
    events().append("a", { n: 0 });
    const feed = events().follow();
    expect(await take(feed, 1)).toEqual([events().read(0)]);
    const next = feed.next();
    expect(await settled(next)).toBe(PENDING);
    kv().put("unrelated", 1);
    expect(await settled(next)).toBe(PENDING);
    events().append("b", { n: 1 });
    expect((await next).value).toEqual(events().read(1));
  });

  test("come behind a sequence, and of some types only", async () => {
    events().appendMany(["a", "b", "c", "a", "b", "c"].map((type) => ({ type, payload: {} })));
    expect(await sequences(events().follow({ after: 3 }), 2)).toEqual([4, 5]);
    expect(await sequences(events().follow({ after: -1 }), 6)).toEqual([0, 1, 2, 3, 4, 5]);
    const some = events().follow({ types: ["c", "a"], after: 0 });
    expect(await sequences(some, 3)).toEqual([2, 3, 5]);
    expect(await settled(events().follow({ types: [] }).next())).toBe(PENDING);
    const later = events().follow({ after: 9 });
    expect(await settled(later.next())).toBe(PENDING);
  });

  test("go on with the log that begins anew when their space is deleted", async () => {
    const log = events("logs");
    const feed = log.follow();
    log.append("a", {});
    log.append("b", {});
    expect(await sequences(feed, 2)).toEqual([0, 1]);
    db.spaces(run()).delete("logs", { force: true });
    log.append("c", {});
    expect((await take(feed, 1))[0]).toMatchObject({ type: "c", sequence: 0 });
  });

  test("are those that a fork inherited, then its own", async () => {
    events().append("a", {});
    db.fork(run(), ["child"]);
    events().append("late", {});
    events("default", "child").append("b", {});
    expect((await take(events("default", "child").follow(), 2)).map(({ type }) => type)).toEqual(["a", "b"]);
  });

  test("are not to be had inside a transaction, nor with options that make no sense", () => {
    db.transaction("default", (t) => {
      expect(() => new EventLogStore(t.scope("default")).follow()).toThrow(code("INVALID_ARGUMENT"));
    });
    const wrong: object[] = [{ after: -2 }, { after: "1" }, { types: "a" }, { since: 1 }, { signal: 1 }];
    for (const options of wrong) expect(() => events().follow(options)).toThrow(code("INVALID_ARGUMENT"));
    expect(() => events().follow({ types: [""] })).toThrow(code("INVALID_NAME"));
  });
});

describe("what a feed may deliver", () => {
  const put = (db: Database, key: string, durability?: "none" | "strict") =>
    db.transaction(
      "default",
      (t) => new KvStore(t.scope("default")).put(key, 1),
      durability === undefined ? {} : { durability },
    );
  const feedOf = (db: Database) => db.history.watch(db.runs.must("default"), "default");

  test("in a strict database is durable, and commits that wait share their fsync with it", async () => {
    const disk = new CrashVfs();
    const { db } = openSimulated(disk, { mode: "strict", segments: {} });
    const feed = feedOf(db);
    const next = feed.next();
    const before = disk.syncs;
    const delivered: number[] = [];
    void next.then(() => delivered.push(disk.syncs - before));
    const commits = ["a", "b", "c"].map((key) =>
      db.transaction("default", async (t) => void new KvStore(t.scope("default")).put(key, 1)),
    );
    await Promise.all(commits);
    expect((await next).value.version).toBeLessThanOrEqual(db.info().durableThrough);
    expect(delivered).toEqual([1]);
    expect(await take(feed, 2)).toHaveLength(2);
    expect(disk.syncs - before).toBe(1);
  });

  test("in a strict database waits also for commits that did not", async () => {
    const disk = new CrashVfs();
    const { db } = openSimulated(disk, { mode: "strict", segments: {} });
    const feed = feedOf(db);
    put(db, "a", "none");
    const { version } = db.runs.must("default");
    expect(db.info().durableThrough).toBeLessThan(version);
    expect((await feed.next()).value.version).toBe(version);
    expect(db.info().durableThrough).toBeGreaterThanOrEqual(version);
  });

  test("in a buffered database is what is visible, and no fsync is made for it", async () => {
    const disk = new CrashVfs();
    const { db } = openSimulated(disk, { segments: {} });
    const feed = feedOf(db);
    const before = disk.syncs;
    for (const key of ["a", "b"]) put(db, key);
    expect(await take(feed, 2)).toHaveLength(2);
    expect(await settled(feed.next())).toBe(PENDING);
    expect(disk.syncs).toBe(before);
  });

  test("ends with the log: when commits cannot be made durable the feed says so, once, behind those that are", async () => {
    let fails = false;
    const disk = new FaultVfs(new CrashVfs(), ({ operation }) =>
      fails && operation.startsWith("sync") ? { kind: "error", errno: "EIO" } : undefined,
    );
    const { db } = openSimulated(disk, { mode: "strict", segments: {} });
    const feed = feedOf(db);
    put(db, "a");
    expect(await take(feed, 1)).toHaveLength(1);
    const next = feed.next();
    put(db, "b");
    fails = true;
    expect(() => put(db, "c")).toThrow(code("COMMIT_OUTCOME_UNKNOWN"));
    expect(shown((await next).value)).toEqual(["put kv default/b 1"]);
    await expect(feed.next()).rejects.toEqual(code("COMMIT_OUTCOME_UNKNOWN"));
    expect(await feed.next()).toEqual(END);
  });
});

test("a thousand feeds wait on one run, and each gets everything", async () => {
  const feeds = Array.from({ length: 1000 }, () => watch());
  const first = feeds.map((feed) => feed.next());
  await settled(first[0] as Promise<unknown>);
  expect(db.history.waitingFeeds).toBe(1000);
  for (let i = 0; i < 3; i++) kv().put("a", i);
  const second = await Promise.all(
    feeds.map(async (feed, i) => [
      (await first[i])?.value.changes[0].value,
      ...(await take(feed, 2)).map(({ changes }) => changes[0]?.value),
    ]),
  );
  expect(second.every((values) => values.join() === "0,1,2")).toBe(true);
  const last = feeds.map((feed) => feed.next());
  db.close();
  expect(await Promise.all(last)).toEqual(feeds.map(() => END));
  expect(db.history.waitingFeeds).toBe(0);
});
