import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Handle, Strata } from "../src/index.js";
import { expectCode } from "./expect-code.js";

/** One call of everything a handle on a run does with its data. */
const CALLS: { readonly [name: string]: (handle: Handle) => unknown } = {
  "kv.get": (h) => h.kv.get("k"),
  "kv.list": (h) => h.kv.list(),
  "kv.put": (h) => h.kv.put("k", 1),
  "kv.delete": (h) => h.kv.delete("k"),
  "kv.putMany": (h) => h.kv.putMany([["k", 1]]),
  "kv.entries": (h) => [...h.kv.entries()],
  "events.append": (h) => h.events.append("e", {}),
  "events.len": (h) => h.events.len(),
  "state.read": (h) => h.state.read("c"),
  "state.set": (h) => h.state.set("c", 1),
  "state.cas": (h) => h.state.cas("c", null, 1),
  "json.get": (h) => h.json.get("d"),
  "json.put": (h) => h.json.put("d", {}),
  "json.set": (h) => h.json.set("d", "$.a", 1),
  "vectors.get": (h) => h.vectors.get("v", "a"),
  "vectors.listCollections": (h) => h.vectors.listCollections(),
  "vectors.search": (h) => h.vectors.search("v", [1]),
  "vectors.createCollection": (h) => h.vectors.createCollection("v", { dimension: 1 }),
  "vectors.upsert": (h) => h.vectors.upsert("v", "a", [1]),
  at: (h) => h.at(),
  transaction: (h) => h.transaction((txn) => txn.kv.put("k", 1)),
  watch: (h) => h.watch(),
  "events.follow": (h) => h.events.follow(),
  recorder: (h) => h.recorder("x"),
  "session.begin": (h) => h.session().begin(),
  "spaces.list": (h) => h.spaces.list(),
  "spaces.create": (h) => h.spaces.create("x"),
};

describe("a run that is deleted under a live handle", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
    db.createRun("doomed");
  });
  afterEach(() => db.close());

  for (const again of [false, true]) {
    describe(again ? "and made anew under the same name" : "for good", () => {
      for (const [name, call] of Object.entries(CALLS)) {
        test(`${name} throws RUN_NOT_FOUND`, () => {
          const used = db.in({ run: "doomed" });
          const fresh = db.in({ run: "doomed" });
          used.kv.put("k", 0);
          used.events.append("e", {});
          db.deleteRun("doomed");
          if (again) db.createRun("doomed");
          expectCode("RUN_NOT_FOUND", () => call(used));
          expectCode("RUN_NOT_FOUND", () => call(fresh));
          if (again) expect(db.in({ run: "doomed" }).kv.list()).toEqual([]);
        });
      }
    });
  }

  test("a new run of the name begins empty", () => {
    const old = db.in({ run: "doomed" });
    old.kv.put("k", 1);
    old.state.set("c", 1);
    old.state.set("c", 2);
    old.events.append("e", {});
    db.deleteRun("doomed");
    const version = db.createRun("doomed").version;
    const anew = db.in({ run: "doomed" });
    expect(anew.kv.get("k")).toBeUndefined();
    expect(anew.events.len()).toBe(0);
    expect(anew.state.set("c", 1)).toBe(1);
    expect(anew.events.append("e", {})).toBe(0);
    expect(version).toBeGreaterThan(1);
  });

  test("an open transaction cannot commit into the new run", () => {
    const session = db.in({ run: "doomed" }).session();
    session.begin();
    session.kv.put("k", 1);
    db.deleteRun("doomed");
    db.createRun("doomed");
    expectCode("RUN_NOT_FOUND", () => session.commit());
    expect(db.in({ run: "doomed" }).kv.list()).toEqual([]);
  });

  test("a cursor can leave a deleted run", () => {
    const handle = db.newHandle({ run: "doomed" });
    db.deleteRun("doomed");
    expectCode("RUN_NOT_FOUND", () => handle.kv.get("k"));
    handle.setRun("default");
    expect(handle.kv.get("k")).toBeUndefined();
  });
});
