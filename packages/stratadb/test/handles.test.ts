import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Handle, Strata } from "../src/index.js";
import { expectCode, expectRejection } from "./expect-code.js";

describe("handles", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
    db.createRun("other");
  });
  afterEach(() => db.close());

  const place = (handle: Handle) => [handle.currentRun(), handle.currentSpace()];

  test("in() keeps what it is not given, but another run begins in its default space", () => {
    const here = db.in({ space: "notes" });
    expect(place(here)).toEqual(["default", "notes"]);
    expect(place(here.in({}))).toEqual(["default", "notes"]);
    expect(place(here.in({ run: "default" }))).toEqual(["default", "notes"]);
    expect(place(here.in({ run: "other" }))).toEqual(["other", "default"]);
    expect(place(here.in({ run: "other", space: "x" }))).toEqual(["other", "x"]);
    expect(place(here.in({ run: undefined, space: undefined }))).toEqual(["default", "notes"]);
  });

  test("in() moves nobody's cursor", () => {
    db.in({ run: "other", space: "x" }).kv.put("a", 1);
    expect(place(db)).toEqual(["default", "default"]);
  });

  test("in() refuses a run that is not there, a bad name, and what it does not know", () => {
    expect(expectCode("RUN_NOT_FOUND", () => db.in({ run: "othr" })).facts).toMatchObject({ nearest: "other" });
    expectCode("INVALID_NAME", () => db.in({ space: "Notes" }));
    // @ts-expect-error
    const error = expectCode("INVALID_ARGUMENT", () => db.in({ rnu: "other" }));
    expect(error.message).toContain('did you mean "run"');
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.in("other"));
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.in({ run: 7 }));
  });

  test("setRun puts the space back to the default one, setSpace does not touch the run", () => {
    db.setSpace("notes");
    db.setRun("other");
    expect(place(db)).toEqual(["other", "default"]);
    db.setSpace("notes");
    expect(place(db)).toEqual(["other", "notes"]);
  });

  test("a handle taken before the cursor moved stays where it was", () => {
    const here = db.in({});
    const { kv } = db;
    db.setRun("other");
    kv.put("a", 1);
    here.kv.put("b", 2);
    expect(db.kv.list()).toEqual([]);
    db.setRun("default");
    expect(db.kv.list()).toEqual(["a", "b"]);
  });

  test("newHandle begins at the defaults whatever the cursor, and closing it ends only itself", () => {
    db.setRun("other");
    db.setSpace("notes");
    const handle = db.newHandle();
    expect(place(handle)).toEqual(["default", "default"]);
    expect(place(db.newHandle({ run: "other", space: "x" }))).toEqual(["other", "x"]);
    handle.close();
    handle.close();
    expect(handle.isOpen).toBe(false);
    expectCode("DATABASE_CLOSED", () => handle.kv.get("a"));
    expect(db.isOpen).toBe(true);
    db.kv.put("a", 1);
    const second = db.newHandle();
    db.close();
    expect(second.isOpen).toBe(false);
    expectCode("DATABASE_CLOSED", () => second.kv.get("a"));
  });

  test("version is the newest commit of the run, and only of that run", () => {
    const other = db.in({ run: "other" });
    const before = other.version;
    const version = db.kv.put("a", 1);
    expect(db.version).toBe(version);
    expect(other.version).toBe(before);
  });

  test("a view of the past reads one version in every space, for all primitives", () => {
    db.kv.put("k", 1);
    db.state.set("c", 1);
    db.json.put("d", { n: 1 });
    db.events.append("e", { n: 1 });
    db.in({ space: "x" }).kv.put("k", "x1");
    using then = db.at();
    db.kv.put("k", 2);
    db.state.set("c", 2);
    db.json.set("d", "$.n", 2);
    db.events.append("e", { n: 2 });
    db.in({ space: "x" }).kv.put("k", "x2");
    expect([then.kv.get("k"), then.state.read("c"), then.json.get("d"), then.events.len()]).toEqual([
      1,
      1,
      { n: 1 },
      1,
    ]);
    expect(then.in({ space: "x" }).kv.get("k")).toBe("x1");
    expect(then.run).toBe("default");
    expect(then.currentSpace()).toBe("default");
    expect(then.version).toBeLessThan(db.version);
    using named = db.at({ version: then.version });
    expect(named.kv.get("k")).toBe(1);
    expect("put" in then.kv).toBe(false);
  });

  test("a view can be had by time", async () => {
    db.kv.put("k", 1);
    const moment = db.kv.getVersioned("k")?.timestamp ?? 0;
    db.kv.put("k", 2);
    using then = db.at({ time: moment });
    expect(then.kv.get("k")).toBe(1);
    const error = expectCode("HISTORY_TRIMMED", () => db.at({ time: new Date(0) }));
    expect(error.facts).toHaveProperty("earliest");
  });

  test("a closure's transaction is its own object, and ends with it", () => {
    let escaped: { get(key: string): unknown } | undefined;
    const result = db.transaction((txn) => {
      escaped = txn.kv;
      expect(txn.run).toBe("default");
      expect(txn.kv.put("a", 1)).toBeUndefined();
      expect(txn.kv.get("a")).toBe(1);
      expect(db.kv.get("a")).toBeUndefined();
      txn.setSpace("x");
      expect(txn.currentSpace()).toBe("x");
      txn.kv.put("a", 2);
      expect(txn.in({ space: "default" }).kv.get("a")).toBe(1);
      expect(txn.currentSpace()).toBe("x");
      expectCode("INVALID_NAME", () => txn.setSpace("X"));
      expectCode("TRANSACTION_NESTED", () => db.kv.put("b", 1));
      db.in({ run: "other" }).kv.put("b", 1);
      return "done";
    });
    expect(result).toBe("done");
    expect(db.kv.get("a")).toBe(1);
    expect(db.in({ space: "x" }).kv.get("a")).toBe(2);
    expectCode("TRANSACTION_NOT_ACTIVE", () => escaped?.get("a"));
  });

  test("onCommit hears of the commit once, and only if there is one", async () => {
    const heard: number[] = [];
    db.transaction((txn) => {
      txn.onCommit((info) => heard.push(info.version));
      txn.kv.put("a", 1);
    });
    expect(heard).toEqual([db.version]);
    await expect(
      db.transaction(async (txn) => {
        txn.onCommit((info) => heard.push(info.version));
        txn.kv.put("a", 2);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(heard).toHaveLength(1);
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.transaction((txn) => txn.onCommit("me")));
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.transaction());
  });

  test("an asynchronous closure reads what it began with and conflicts with what came between", async () => {
    db.kv.put("n", 1);
    const error = await expectRejection("TRANSACTION_CONFLICT", () =>
      db.transaction(async (txn) => {
        const n = txn.kv.get("n") as number;
        await Promise.resolve();
        db.kv.put("n", 10);
        txn.kv.put("n", n + 1);
      }),
    );
    expect(error.retryable).toBe(true);
    expect(error.facts).toMatchObject({ keys: [{ space: "default", primitive: "kv", key: "n" }] });
    expect(db.kv.get("n")).toBe(10);
  });

  test("runs have a status, and one that is not active refuses writes", () => {
    expect(db.runs.get("other")).toMatchObject({ name: "other", status: "active" });
    expect(db.runs.setStatus("other", "completed", "all done").status).toBe("completed");
    expect(db.runs.list({ status: "completed" })).toEqual(["other"]);
    expectCode("RUN_CLOSED", () => db.in({ run: "other" }).kv.put("a", 1));
    expectCode("CONSTRAINT_VIOLATION", () => db.runs.setStatus("other", "active"));
    expect(db.runs.get("nobody")).toBeUndefined();
  });

  test("runs are listed in order, by prefix, page by page", () => {
    for (const name of ["b-2", "b-1", "a"]) db.createRun(name);
    expect(db.runs.list({ prefix: "b-" })).toEqual(["b-1", "b-2"]);
    expect(db.runs.list({ limit: 2 })).toEqual(["a", "b-1"]);
    expect(db.runs.list({ limit: 2, after: "b-1" })).toEqual(["b-2", "default"]);
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.runs.list({ prefx: "b" }));
    // @ts-expect-error
    expectCode("INVALID_ARGUMENT", () => db.runs.list({ status: "sleeping" }));
  });

  test("meta data are kept with the run", () => {
    const info = db.createRun("tagged", { goal: "explore", depth: 2 });
    expect(info.meta).toEqual({ goal: "explore", depth: 2 });
    expect(Object.isFrozen(info.meta)).toBe(true);
    expect(db.runs.get("tagged")?.meta).toEqual(info.meta);
  });

  test("info, metrics and ping answer", () => {
    db.kv.put("a", 1);
    expect(db.ping()).toMatch(/^\d+\.\d+\.\d+/);
    expect(db.info()).toMatchObject({ runs: 2, health: { state: "ok" }, openTransactions: 0, version: db.ping() });
    expect(db.metrics().totalCommitted).toBeGreaterThan(0);
    expect(db.database.isEphemeral).toBe(true);
  });
});
