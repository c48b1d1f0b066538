import { beforeEach, describe, expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { type Conflict, Database } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));
const fork = (source: string, ...names: string[]) => db.fork(db.runs.must(source), names);
const version = (run = "default") => db.runs.must(run).version;
const kv = (run: string) => Object.fromEntries(on(run).kv.entries());
const code = (code: string) => expect.objectContaining({ code });
const conflictsOf = (work: () => unknown): readonly Conflict[] => {
  try {
    work();
  } catch (error) {
    return (error as { facts: { conflicts: Conflict[] } }).facts.conflicts;
  }
  throw new Error("nothing was thrown");
};

beforeEach(() => {
  db = Database.ephemeral();
  on("default").kv.putMany([
    ["a", 1],
    ["b", 1],
  ]);
  on("default").json.put("doc", { x: 1, y: 1 });
  on("default").cells.set("cell", "base");
});

describe("revert", () => {
  test("undoes what the commits of a range did, in one commit that says so; events stay", () => {
    const from = version();
    on("default").kv.put("a", 2);
    on("default").kv.delete("b");
    on("default").kv.put("c", 1);
    on("default").json.set("doc", "$.x", 2);
    on("default").cells.set("cell", "later");
    on("default").events.append("note", { n: 1 });
    const to = version();
    const info = db.algebra.revert("default", { from });
    expect(info).toMatchObject({ run: "default", version: version(), events: [] });
    expect(kv("default")).toEqual({ a: 1, b: 1 });
    expect(on("default").json.get("doc")).toEqual({ x: 1, y: 1 });
    expect(on("default").cells.readVersioned("cell")).toMatchObject({ value: "base", counter: 3 });
    expect(on("default").events.len()).toBe(1);
    expect(db.runs.must("default").shard.timeline.messageOf(version())).toBe(
      `reverted versions above ${from} up to ${to}`,
    );
  });

  test("of a range in the past leaves alone what came later", () => {
    const from = version();
    on("default").kv.put("a", 2);
    on("default").json.set("doc", "$.x", 2);
    const to = version();
    on("default").kv.put("b", 3);
    on("default").json.set("doc", "$.y", 3);
    db.algebra.revert("default", { from, to });
    expect(kv("default")).toEqual({ a: 1, b: 3 });
    expect(on("default").json.get("doc")).toEqual({ x: 1, y: 3 });
  });

  test("conflicts where later commits changed the same again", () => {
    const from = version();
    on("default").kv.put("a", 2);
    on("default").cells.set("cell", "two");
    const to = version();
    on("default").kv.put("a", 3);
    on("default").cells.set("cell", "two");
    const before = version();
    expect(conflictsOf(() => db.algebra.revert("default", { from, to }))).toMatchObject([
      { ref: { primitive: "kv", key: "a" }, base: 2, ours: 3, theirs: 1 },
      { ref: { primitive: "state", key: "cell" }, base: "two", ours: "two", theirs: "base" },
    ]);
    expect(version()).toBe(before);
  });

  test("of a revert does again what was undone", () => {
    const from = version();
    on("default").kv.put("a", 2);
    const undone = version();
    db.algebra.revert("default", { from });
    db.algebra.revert("default", { from: undone });
    expect(kv("default")).toEqual({ a: 2, b: 1 });
  });

  test("of a merge undoes it, and the same changes are not merged again", () => {
    fork("default", "try");
    on("try").kv.put("a", 2);
    const from = version();
    db.algebra.merge("try", "default");
    db.algebra.revert("default", { from });
    expect(kv("default")).toEqual({ a: 1, b: 1 });
    expect(db.algebra.merge("try", "default")).toMatchObject({ version: undefined });
  });

  test("in a fork reaches back behind the fork, and touches nobody else", () => {
    const from = version();
    on("default").kv.put("a", 2);
    fork("default", "try");
    db.algebra.revert("try", { from });
    expect([kv("try"), kv("default")]).toEqual([
      { a: 1, b: 1 },
      { a: 2, b: 1 },
    ]);
  });

  test("from 0 on undoes everything but events", () => {
    on("default").events.append("note", {});
    db.algebra.revert("default", { from: 0 });
    expect([kv("default"), on("default").json.list(), on("default").cells.list()]).toEqual([{}, [], []]);
    expect(on("default").events.len()).toBe(1);
  });

  test("of nothing commits nothing", () => {
    const before = version();
    expect(db.algebra.revert("default", { from: before })).toMatchObject({ version: before });
    expect(version()).toBe(before);
  });

  test("refuses a range that is none, a closed run and a version that is not there", () => {
    expect(() => db.algebra.revert("default", { from: version(), to: version() - 1 })).toThrow(
      code("INVALID_ARGUMENT"),
    );
    expect(() => db.algebra.revert("default", {} as never)).toThrow(code("INVALID_ARGUMENT"));
    expect(() => db.algebra.revert("default", undefined as never)).toThrow(code("INVALID_ARGUMENT"));
    expect(() => db.algebra.revert("default", { from: 999 })).toThrow(code("INVALID_ARGUMENT"));
    fork("default", "closed");
    db.runs.setStatus("closed", "completed");
    expect(() => db.algebra.revert("closed", { from: 1 })).toThrow(code("RUN_CLOSED"));
  });
});

describe("cherryPick", () => {
  beforeEach(() => {
    fork("default", "try");
    on("try").kv.putMany([
      ["a", 2],
      ["b", 2],
    ]);
    on("try", "lab").kv.put("a", 2);
    on("try").cells.set("cell", "picked");
    on("try").events.append("note", { n: 1 });
    on("try").events.append("done", { n: 2 });
  });

  test("takes over what the filter names: by primitive, space or prefix", () => {
    expect(db.algebra.cherryPick("try", "default", { spaces: ["lab"] })).toMatchObject({ applied: 1 });
    expect(on("default", "lab").kv.get("a")).toBe(2);
    expect(kv("default")).toEqual({ a: 1, b: 1 });
    db.algebra.cherryPick("try", "default", { prefix: "b" });
    expect(kv("default")).toEqual({ a: 1, b: 2 });
    db.algebra.cherryPick("try", "default", { primitives: ["event"], prefix: "done" });
    expect(on("default").events.range(0, 9)).toMatchObject([{ type: "done", origin: { run: "try", sequence: 1 } }]);
    expect(
      db.algebra.cherryPick("try", "default", { primitives: ["state"] }, { message: "just the cell" }),
    ).toMatchObject({ applied: 1 });
    expect(db.runs.must("default").shard.timeline.messageOf(version())).toBe("just the cell");
  });

  test("again changes nothing", () => {
    db.algebra.cherryPick("try", "default", {});
    const before = version();
    expect(db.algebra.cherryPick("try", "default", {})).toMatchObject({
      version: undefined,
      applied: 0,
      conflicts: [],
    });
    expect(version()).toBe(before);
    expect(on("default").events.len()).toBe(2);
  });

  test("takes a source at a point of its past", () => {
    const at = { version: version("try") };
    on("try").kv.put("a", 3);
    db.algebra.cherryPick({ run: "try", at }, "default", { primitives: ["kv"] });
    expect(kv("default")).toEqual({ a: 2, b: 2 });
  });

  test("conflicts like a merge, previews like a merge", () => {
    on("default").kv.put("a", 5);
    expect(conflictsOf(() => db.algebra.cherryPick("try", "default", { prefix: "a" }))).toMatchObject([
      { base: 1, ours: 5, theirs: 2 },
    ]);
    expect(db.algebra.cherryPick("try", "default", { prefix: "a" }, { preview: true })).toMatchObject({
      conflicts: { length: 1 },
    });
    db.algebra.cherryPick("try", "default", { prefix: "a" }, { strategy: "theirs" });
    expect(kv("default")).toEqual({ a: 2, b: 1 });
  });

  test("leaves a merge with nothing to append twice and nothing to conflict", () => {
    db.algebra.cherryPick("try", "default", { primitives: ["event", "kv"] });
    expect(db.algebra.merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
    expect(on("default").events.len()).toBe(2);
  });
});

describe("rebase", () => {
  test("brings a fork up to date with its parent: own changes on the parent's head", () => {
    fork("default", "try");
    on("try").kv.put("a", 2);
    on("default").kv.put("b", 5);
    on("default").events.append("note", { n: 1 });
    expect(db.algebra.rebase("try")).toMatchObject({ applied: 2, conflicts: [] });
    expect(kv("try")).toEqual({ a: 2, b: 5 });
    expect(on("try").events.read(0)?.origin?.run).toBe("default");
    expect(db.algebra.rebase("try")).toMatchObject({ version: undefined });
    expect(kv("default")).toEqual({ a: 1, b: 5 });
    expect(db.algebra.merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
  });

  test("conflicts with the run as ours", () => {
    fork("default", "try");
    on("try").kv.put("a", "own");
    on("default").kv.put("a", "parent");
    expect(conflictsOf(() => db.algebra.rebase("try"))).toMatchObject([{ ours: "own", theirs: "parent" }]);
    db.algebra.rebase("try", { strategy: "ours" });
    expect(kv("try")).toEqual({ a: "own", b: 1 });
  });

  test("needs a parent that is still there", () => {
    expect(() => db.algebra.rebase("default")).toThrow(code("CONSTRAINT_VIOLATION"));
    fork("default", "parent");
    fork("parent", "child");
    db.runs.delete("parent");
    expect(() => db.algebra.rebase("child")).toThrow(code("RUN_NOT_FOUND"));
    db.runs.create("parent");
    expect(() => db.algebra.rebase("child")).toThrow(code("RUN_NOT_FOUND"));
  });
});
