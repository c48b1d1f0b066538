import { describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { expectCode, expectRejection } from "./expect-code.js";

/** A call of everything there is, on a database that was closed. */
const CALLS: { readonly [name: string]: (db: Strata) => unknown } = {
  kv: (db) => db.kv,
  events: (db) => db.events,
  state: (db) => db.state,
  json: (db) => db.json,
  vectors: (db) => db.vectors,
  search: (db) => db.search("x"),
  runs: (db) => db.runs,
  spaces: (db) => db.spaces,
  version: (db) => db.version,
  currentRun: (db) => db.currentRun(),
  currentSpace: (db) => db.currentSpace(),
  in: (db) => db.in({}),
  at: (db) => db.at(),
  transaction: (db) => db.transaction(() => {}),
  session: (db) => db.session(),
  recorder: (db) => db.recorder("x"),
  watch: (db) => db.watch(),
  setRun: (db) => db.setRun("default"),
  setSpace: (db) => db.setSpace("x"),
  createRun: (db) => db.createRun("x"),
  listRuns: (db) => db.listRuns(),
  deleteRun: (db) => db.deleteRun("x"),
  listSpaces: (db) => db.listSpaces(),
  deleteSpace: (db) => db.deleteSpace("x"),
  deleteSpaceForce: (db) => db.deleteSpaceForce("x"),
  newHandle: (db) => db.newHandle(),
  flush: (db) => db.flush(),
  commitStatus: (db) => db.commitStatus({ epoch: 1, version: 1 }),
  info: (db) => db.info(),
  metrics: (db) => db.metrics(),
  ping: (db) => db.ping(),
};

const ASYNC_CALLS: { readonly [name: string]: (db: Strata) => Promise<unknown> } = {
  durable: (db) => db.durable(),
  searchAsync: (db) => db.searchAsync("x"),
  checkpoint: (db) => db.checkpoint(),
  compact: (db) => db.compact(),
  verify: (db) => db.verify(),
  backup: (db) => db.backup("nowhere"),
};

describe("once closed", () => {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name} throws DATABASE_CLOSED`, () => {
      const db = Strata.cache();
      db.close();
      expectCode("DATABASE_CLOSED", () => call(db));
    });
  }

  for (const [name, call] of Object.entries(ASYNC_CALLS)) {
    test(`${name} rejects with DATABASE_CLOSED`, async () => {
      const db = Strata.cache();
      db.close();
      await expectRejection("DATABASE_CLOSED", () => call(db));
    });
  }

  test("what ends it or asks whether it is open does not throw", async () => {
    const db = Strata.cache();
    db.close();
    expect(db.isOpen).toBe(false);
    db.close();
    await db.shutdown();
    db[Symbol.dispose]();
    await db[Symbol.asyncDispose]();
  });

  test("every member of the class is in this list, or is one of those that may be called", () => {
    const free = ["isOpen", "close", "shutdown", "database", "constructor"];
    const names = new Set<string>();
    for (let type = Strata.prototype as object; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
      for (const name of Object.getOwnPropertyNames(type)) names.add(name);
    }
    names.delete("handleAt");
    expect([...names].filter((name) => !free.includes(name)).sort()).toEqual(
      [...Object.keys(CALLS), ...Object.keys(ASYNC_CALLS)].sort(),
    );
  });

  test("what was taken from it before fails as well", async () => {
    const db = Strata.cache();
    db.kv.put("k", 1);
    db.events.append("e", {});
    const { kv, events, state, json, vectors, runs, spaces } = db;
    const handle = db.in({ space: "x" });
    const session = db.session();
    const begun = db.session();
    begun.begin();
    begun.kv.put("k", 2);
    const view = db.at();
    const entries = kv.entries();
    const commits = runs.commits("default");
    db.close();
    const calls: (() => unknown)[] = [
      () => kv.get("k"),
      () => kv.getVersioned("k"),
      () => kv.list(),
      () => kv.history("k"),
      () => kv.put("k", 1),
      () => kv.delete("k"),
      () => kv.clear(""),
      () => entries.next(),
      () => events.len(),
      () => events.read(0),
      () => events.append("e", {}),
      () => events.verify(),
      () => state.read("c"),
      () => state.set("c", 1),
      () => state.cas("c", null, 1),
      () => state.acquire("c", "me", { ttlMs: 1000 }),
      () => json.get("d"),
      () => json.put("d", {}),
      () => json.set("d", "$.a", 1),
      () => vectors.get("v", "a"),
      () => vectors.listCollections(),
      () => vectors.search("v", [1]),
      () => vectors.createCollection("v", { dimension: 1 }),
      () => vectors.upsert("v", "a", [1]),
      () => runs.list(),
      () => runs.get("default"),
      () => runs.exists("default"),
      () => runs.create("x"),
      () => runs.begin("x"),
      () => runs.delete("x"),
      () => runs.setStatus("x", "paused"),
      () => runs.export("default"),
      () => runs.commits("default"),
      () => runs.timeRange("default"),
      () => runs.tag("default", "x"),
      () => runs.untag("default", "x"),
      () => runs.tags("default"),
      () => commits.next(),
      () => events.follow(),
      () => spaces.list(),
      () => spaces.exists("x"),
      () => spaces.create("x"),
      () => spaces.delete("x"),
      () => handle.kv.get("k"),
      () => handle.version,
      () => handle.in({ run: "default" }),
      () => handle.at(),
      () => handle.transaction(() => {}),
      () => handle.session(),
      () => handle.watch(),
      () => session.kv.get("k"),
      () => session.begin(),
      () => view.kv.get("k"),
      () => view.in({ space: "x" }),
    ];
    for (const call of calls) expectCode("DATABASE_CLOSED", call, String(call));
    await expectRejection("DATABASE_CLOSED", () => runs.load("default"));
    await expectRejection("DATABASE_CLOSED", () => runs.import([]));
    await expectRejection("DATABASE_CLOSED", () => runs.inspectBundle([]));
    expectCode("TRANSACTION_NOT_ACTIVE", () => begun.commit());
    view[Symbol.dispose]();
    begun[Symbol.dispose]();
    session[Symbol.dispose]();
  });
});
