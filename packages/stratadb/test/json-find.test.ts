import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Reads, Strata, Value, type Where } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const keysOf = (db: Pick<Reads, "json">, where: Where) => db.json.find(where).map(({ key }) => key);
/** Paths of the indexes that a find uses. */
const used = (db: Pick<Reads, "json">, where: Where) => db.json.explain(where).indexes;
const SEVEN: Where = { n: 7 };

/** A thousand documents, and an index. */
function filled(db: Strata): Strata {
  db.transaction((txn) => {
    for (let n = 0; n < 1000; n++) txn.json.put(`doc/${n}`, { n, tags: n % 100 === 0 ? ["round"] : [] });
  });
  expect(db.json.createIndex("n")).toBe(true);
  return db;
}

describe("documents are found by index", () => {
  test("on handles, in transactions, sessions and views, typed too", () => {
    using db = filled(Strata.cache());
    const version = db.version;
    expect([keysOf(db, SEVEN), used(db, SEVEN)]).toEqual([["doc/7"], ["$.n"]]);
    expect(db.json.typed<{ n: number }>().find(SEVEN)[0]?.value.n).toBe(7);
    expect(db.json.typed<{ n: number }>().explain(SEVEN).indexes).toEqual(["$.n"]);
    db.transaction((txn) => {
      txn.json.put("mine", { n: 7 });
      txn.json.delete("doc/7");
      expect([keysOf(txn, SEVEN), used(txn, SEVEN)]).toEqual([["mine"], ["$.n"]]);
      expect(keysOf(db, SEVEN)).toEqual(["doc/7"]);
    });
    using session = db.session();
    const { json } = session;
    session.begin();
    json.set("doc/8", "n", 7);
    expect([keysOf({ json }, SEVEN), used({ json }, SEVEN)]).toEqual([["doc/8", "mine"], ["$.n"]]);
    session.rollback();
    expect(keysOf({ json }, SEVEN)).toEqual(["mine"]);
    using view = db.at({ version });
    expect([keysOf(view, SEVEN), used(view, SEVEN)]).toEqual([["doc/7"], ["$.n"]]);
    expect("createIndex" in view.json).toBe(false);
    using replayed = db.runs.replay({ run: "default", at: { version } });
    expect([keysOf(replayed, SEVEN), used(replayed, SEVEN)]).toEqual([["doc/7"], ["$.n"]]);
  });

  test("by commands, now and in the past", () => {
    using db = filled(Strata.cache());
    using session = db.session();
    const { version } = db;
    session.execute({ name: "json.dropIndex", path: "n" });
    const where = { n: { $lt: 2 } };
    expect(session.execute({ name: "json.find", where, limit: 1 })).toEqual([
      { key: "doc/0", value: { n: 0, tags: ["round"] } },
    ]);
    expect(session.execute({ name: "json.explain", where })).toMatchObject({ indexes: [], scanned: 1000 });
    expect(session.execute({ name: "json.explain", where, at: { version } })).toEqual({
      ...{ indexes: ["$.n"], candidates: 2, scanned: 2, matches: 2 },
    });
    expectCode("INVALID_ARGUMENT", () => session.execute({ name: "json.find", where: { n: { $gtt: 1 } } as Where }));
    expectCode("INVALID_COMMAND", () => session.execute({ name: "json.find", where: "n" as unknown as Where }));
  });

  test("in spaces of their own", () => {
    using db = filled(Strata.cache());
    const other = db.in({ space: "other" });
    other.json.put("doc/7", { n: 7 });
    expect(used(other, SEVEN)).toEqual([]);
    expect(other.json.createIndex("n")).toBe(true);
    expect([used(db, SEVEN), keysOf(other, SEVEN)]).toEqual([["$.n"], ["doc/7"]]);
    expect(db.spaces.list()).toEqual(["default", "other"]);
    db.spaces.delete("other", { force: true });
    other.json.put("again", { n: 7 });
    expect(other.json.dropIndex("n")).toBe(false);
  });
});

describe("a declared index", () => {
  test("is there after opening again, with and without a checkpoint", async () => {
    const path = join(newDirectory(), "db");
    let db = filled(Strata.open(path));
    for (const how of ["log", "checkpoint", "image"]) {
      if (how !== "log") await db.checkpoint();
      db.close();
      db = Strata.open(path);
      expect([how, used(db, SEVEN), keysOf(db, SEVEN)]).toEqual([how, ["$.n"], ["doc/7"]]);
      db.json.put("late", { n: how.length });
      expect(keysOf(db, { n: how.length })).toContain("late");
    }
    db.close();
  });

  test("is forked, merged, and carried by bundles; a diff does not show it", async () => {
    using db = filled(Strata.cache());
    db.runs.fork("default", "try");
    const fork = db.in({ run: "try" });
    expect(used(fork, SEVEN)).toEqual(["$.n"]);
    fork.json.createIndex("tags");
    fork.json.put("doc/7", { n: -7 });
    expect(keysOf(fork, SEVEN)).toEqual([]);
    expect(db.runs.diff("default", "try").modified).toHaveLength(1);
    expect(db.runs.diff("default", "try").added).toEqual([]);
    db.runs.merge("try", "default");
    const round: Where = { tags: { $contains: "round" } };
    expect([used(db, round), keysOf(db, round).length]).toEqual([["$.tags"], 10]);
    using target = Strata.cache();
    await target.runs.import(db.runs.export("try"));
    const moved = target.in({ run: "try" });
    expect([used(moved, round), keysOf(moved, { n: -7 })]).toEqual([["$.tags"], ["doc/7"]]);
  });

  test("is seen by nobody who watches, and changes the digest like all data", async () => {
    using db = filled(Strata.cache());
    const before = db.at().digest();
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const { changes } of db.watch()) {
        seen.push(...changes.map(({ ref }) => ref));
        if (seen.length > 0) break;
      }
    })();
    db.json.createIndex("tags");
    db.json.put("after", 1);
    await watching;
    expect(seen).toEqual([{ run: "default", space: "default", primitive: "json", key: "after" }]);
    expect(db.at().digest()).not.toBe(before);
    expect(Value.equal(db.json.list({ prefix: "a" }), ["after"])).toBe(true);
  });

  test("belongs to who writes: a read-only database has what there is", () => {
    const path = join(newDirectory(), "db");
    filled(Strata.open(path)).close();
    using db = Strata.open(path, { readOnly: true });
    expect(used(db, SEVEN)).toEqual(["$.n"]);
    expectCode("READ_ONLY", () => db.json.createIndex("tags"));
  });
});
