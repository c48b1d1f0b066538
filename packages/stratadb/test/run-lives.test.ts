import { describe, expect, test } from "vitest";
import { type ErrorCode, type Handle, keepAll, keepLast, type RunStatus, Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode, expectRejection } from "./expect-code.js";

const PAYLOAD = "of the old life ".repeat(50);

/** Something of everything, twice, so that there is history. */
function write(run: Handle): void {
  for (const n of [1, 2]) {
    run.kv.put("key", { n, PAYLOAD });
    run.state.set("cell", n);
    run.json.put("doc", { n, PAYLOAD });
    run.events.append("step", { n });
    run.in({ space: "notes" }).kv.put("note", n);
  }
}

/** What is done to a database between one life and the next. */
const BETWEEN: { readonly [what: string]: (db: Strata, path: string) => Promise<Strata> } = {
  nothing: async (db) => db,
  "a checkpoint": async (db) => {
    await db.checkpoint();
    return db;
  },
  "a compaction": async (db) => {
    await db.compact();
    return db;
  },
  "an erasure and opening again": async (db, path) => {
    await db.compact({ erase: true });
    await db.shutdown();
    return Strata.open(path);
  },
};

describe("a name that is used again, with something in between:", () => {
  test.each(Object.entries(BETWEEN))("%s; nothing of the old life is there", async (_, between) => {
    const path = newDirectory();
    let db = Strata.open(path);
    db.runs.create("job", { by: "the old one" });
    db.runs.setRetention("job", keepLast(1));
    write(db.in({ run: "job" }));
    db.runs.tag("job", "best");
    const old = db.in({ run: "job" });
    const { version } = old;
    db.runs.delete("job");
    db = await between(db, path);
    const born = db.runs.create("job");
    db = await between(db, path);

    const job = db.in({ run: "job" });
    expect(born.meta).toEqual({});
    expect([job.kv.list(), job.state.list(), job.json.list(), job.events.len()]).toEqual([[], [], [], 0]);
    expect(job.spaces.list()).toEqual(["default"]);
    expect([job.kv.history("key"), job.state.history("cell"), job.json.history("doc")]).toEqual([[], [], []]);
    expect(db.runs.tags("job")).toEqual([]);
    expect([...db.runs.commits("job")]).toEqual([]);
    expect(db.runs.stats("job")).toMatchObject({ liveBytes: 0, historyBytes: 0, keys: { kv: 0, event: 0, state: 0 } });
    expect(job.at().digest({ history: true })).toBe(db.runs.replay("job").digest({ history: true }));
    expectCode("HISTORY_TRIMMED", () => job.at({ version }));
    expectCode("HISTORY_TRIMMED", () => db.runs.fork({ run: "job", at: { version } }, "of-the-past"));
    // The policy went with the run that had it, and counters begin anew.
    for (let n = 1; n <= 30; n++) expect(job.state.set("cell", n)).toBe(n);
    await db.compact();
    expect(job.state.history("cell")).toHaveLength(30);
    expect(job.events.append("step", {})).toBe(0);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    db.close();
  });

  test.each(Object.entries(BETWEEN).filter(([what]) => !what.includes("again")))(
    "%s; an open transaction, a view and a feed of the old life do not reach the new one",
    async (_, between) => {
      const path = newDirectory();
      const db = Strata.open(path);
      db.runs.create("job");
      const old = db.in({ run: "job" });
      write(old);
      const session = old.session();
      session.begin();
      session.kv.put("key", "from the old life");
      session.events.append("step", { late: true });
      const view = old.at();
      const feed = old.watch()[Symbol.asyncIterator]();
      db.runs.delete("job");
      await between(db, path);
      db.runs.create("job");
      await between(db, path);
      const job = db.in({ run: "job" });
      const before = job.at().digest({ history: true });
      expectCode("RUN_NOT_FOUND", () => session.commit());
      expect(job.at().digest({ history: true })).toBe(before);
      job.kv.put("key", "of the new life");
      // A view that was taken shows what it showed, or says that its run is gone; never another.
      try {
        expect(view.kv.get("key")).toMatchObject({ n: 2 });
      } catch (error) {
        expect(error).toMatchObject({ code: "RUN_NOT_FOUND" });
      }
      const told = await feed.next().catch((error: unknown) => error);
      expect(JSON.stringify(told)).not.toContain("of the new life");
      db.close();
    },
  );
});

describe("a parent that is deleted", () => {
  test("leaves its children all that they saw, through compaction, erasure and opening again", async () => {
    const path = newDirectory();
    let db = Strata.open(path);
    db.runs.create("parent");
    db.runs.setRetention("parent", keepLast(1));
    const parent = db.in({ run: "parent" });
    write(parent);
    db.runs.fork("parent", "early");
    write(parent);
    await db.checkpoint();
    db.runs.tag("parent", "then");
    for (let n = 10; n < 60; n++) parent.kv.put("key", { n });
    db.runs.fork({ run: "parent", at: { tag: "then" } }, "late");
    db.runs.fork("early", "grandchild");
    db.in({ run: "grandchild" }).kv.put("own", true);
    db.runs.untag("parent", "then");
    const children = ["early", "late", "grandchild"];
    const seen = () => children.map((run) => [db.in({ run }).at().digest(), db.in({ run }).kv.get("key")]);
    const before = seen();
    expect(db.runs.delete("parent").heldBy).toEqual([...children].sort());
    db.runs.create("parent");
    db.in({ run: "parent" }).kv.put("key", "of another parent");

    for (const erase of [false, true]) {
      await db.compact({ erase });
      expect(seen()).toEqual(before);
      await db.shutdown();
      db = Strata.open(path);
      expect(seen()).toEqual(before);
    }
    for (const run of children) expect(db.in({ run }).events.verify().valid).toBe(true);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });

    // Nobody needs it once they are gone: what it held leaves the disk.
    for (const run of children) db.runs.delete(run);
    const { bytesFreed } = await db.compact({ erase: true });
    expect(bytesFreed).toBeGreaterThan(0);
    db.close();
  });
});

describe("two that want one name", () => {
  test("get it once: the other is told, and what the first has is left alone", async () => {
    const db = Strata.cache();
    for (const run of ["a", "b"]) {
      db.runs.create(run);
      db.in({ run }).kv.put("from", run);
    }
    const [exported, importing] = [db.runs.export("b"), () => db.runs.import(exported, { as: "target" })];
    // The import is under way while the fork takes the name.
    const late = expectRejection("RUN_EXISTS", importing);
    db.runs.fork("a", "target");
    expectCode("RUN_EXISTS", () => db.runs.fork("b", "target"));
    expectCode("RUN_EXISTS", () => db.runs.forkMany("b", ["free", "target"]));
    expectCode("RUN_EXISTS", () => db.runs.create("target"));
    await late;
    expect(db.in({ run: "target" }).kv.get("from")).toBe("a");
    expect(db.runs.list()).toEqual(["a", "b", "default", "target"]);
    db.close();
  });
});

describe("what a run takes", () => {
  test("is counted for the run that wrote it, and retention takes nothing that a child needs", async () => {
    const db = Strata.open(newDirectory());
    db.runs.create("parent");
    const parent = db.in({ run: "parent" });
    const big = (n: number) => `${n}`.repeat(1000);
    for (let n = 0; n < 20; n++) parent.kv.put("key", big(n % 10));
    db.runs.fork("parent", "child");
    for (let n = 0; n < 20; n++) parent.kv.put("key", big(n % 10));
    db.runs.create("bystander");
    const own = (run: string) => {
      const { liveBytes, historyBytes } = db.runs.stats(run);
      return [liveBytes, historyBytes];
    };
    const [live, history] = own("parent") as [number, number];
    expect([live > 900, live < 1100, history > 35_000]).toEqual([true, true, true]);
    expect([own("child"), own("bystander")]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(db.runs.stats("child").keys.kv).toBe(1);
    db.in({ run: "child" }).kv.put("mine", big(1));
    const ofChild = own("child");
    expect(ofChild[0]).toBeLessThan(1100);
    expect(own("parent")).toEqual([live, history]);
    await db.checkpoint();
    expect(db.runs.stats("parent").diskBytes).toBeGreaterThan(500);
    expect(db.runs.stats("bystander")).toMatchObject({ diskBytes: 0 });

    db.runs.setRetention("parent", keepLast(1));
    db.runs.setRetention("child", keepAll());
    await db.compact();
    // Its newest, and the one that the child sees.
    const [, left] = own("parent") as [number, number];
    expect(left).toBeLessThan(3000);
    expect(db.in({ run: "child" }).kv.get("key")).toBe(big(9));
    expect(db.in({ run: "child" }).kv.get("mine")).toBe(big(1));
    expect(Math.abs((own("child")[0] as number) - (ofChild[0] as number))).toBeLessThan(200);
    expect(own("bystander")).toEqual([0, 0]);
    db.close();
  });
});

describe("each verb in each status of a run:", () => {
  /** Writes to the run, which only an active one takes. */
  const WRITES: { readonly [verb: string]: (run: Handle) => unknown } = {
    "kv.put": (run) => run.kv.put("key", 1),
    "kv.delete": (run) => run.kv.delete("key"),
    "state.set": (run) => run.state.set("cell", 1),
    "json.set": (run) => run.json.set("doc", "$.n", 1),
    "events.append": (run) => run.events.append("step", {}),
    "spaces.create": (run) => run.spaces.create("new"),
    "spaces.delete": (run) => run.spaces.delete("notes", { force: true }),
    "transaction with a write": (run) => run.transaction((txn) => txn.kv.put("key", 1)),
  };
  /** What is asked of a run, or done to it from outside: whatever its status. */
  const FREE: { readonly [verb: string]: (db: Strata, run: Handle) => unknown } = {
    "kv.get": (_, run) => run.kv.get("key"),
    at: (_, run) => run.at().digest(),
    "transaction that reads": (_, run) => run.transaction((txn) => txn.kv.get("key")),
    "runs.commits": (db) => [...db.runs.commits("job")],
    "runs.stats": (db) => db.runs.stats("job"),
    "runs.replay": (db) => db.runs.replay("job"),
    "runs.diff": (db) => db.runs.diff("job", "default"),
    "runs.fork": (db) => db.runs.fork("job", "fork"),
    "runs.tag": (db) => db.runs.tag("job", "tag"),
    "runs.setRetention": (db) => db.runs.setRetention("job", keepLast(5)),
    "runs.setTextSearch": (db) => db.runs.setTextSearch("job", ["kv"]),
    "runs.export": async (db) => {
      for await (const _ of db.runs.export("job"));
    },
    "runs.delete": (db) => db.runs.delete("job"),
  };
  const statuses: readonly RunStatus[] = [
    "active",
    "paused",
    "completed",
    "failed",
    "cancelled",
    "archived",
    "orphaned",
  ];

  async function inStatus(status: RunStatus): Promise<Strata> {
    if (status !== "orphaned") {
      const db = Strata.cache();
      db.runs.create("job");
      write(db.in({ run: "job" }));
      if (status !== "active") db.runs.setStatus("job", status);
      return db;
    }
    const path = newDirectory();
    const before = Strata.open(path);
    before.runs.begin("job");
    write(before.in({ run: "job" }));
    await before.shutdown();
    return Strata.open(path);
  }

  test.each(statuses)("%s; a write is taken or refused without a trace, everything else is free", async (status) => {
    const refusal: ErrorCode | undefined = status === "active" ? undefined : "RUN_CLOSED";
    const db = await inStatus(status);
    expect(db.runs.get("job")?.status).toBe(status);
    const job = db.in({ run: "job" });
    const trace = () => [job.version, job.at().digest({ history: true }), job.spaces.list()];
    const before = trace();
    for (const [verb, call] of Object.entries(WRITES)) {
      if (refusal === undefined) call(job);
      else expectCode(refusal, () => call(job), verb);
    }
    if (refusal === undefined) expect(trace()).not.toEqual(before);
    else expect(trace()).toEqual(before);
    for (const [verb, call] of Object.entries(FREE)) {
      await Promise.resolve(call(db, job)).catch((error: unknown) => expect.fail(`${verb}: ${String(error)}`));
    }
    expect(db.runs.list()).toEqual(["default", "fork"]);
    db.close();
  });
});
