import { beforeEach, describe, expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { type Conflict, Database, type MergeOptions } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));
const fork = (source: string, ...names: string[]) => db.fork(db.runs.must(source), names);
const merge = (source: string, target: string, options?: MergeOptions) => db.algebra.merge(source, target, options);
const version = (run: string) => db.runs.must(run).version;
const code = (code: string) => expect.objectContaining({ code });
const caught = (work: () => unknown): { code: string; facts: { conflicts: Conflict[] } } => {
  try {
    work();
  } catch (error) {
    return error as never;
  }
  throw new Error("nothing was thrown");
};

beforeEach(() => {
  db = Database.ephemeral();
  on("default").kv.putMany([
    ["a", 1],
    ["b", 1],
    ["c", 1],
  ]);
  on("default").json.put("doc", { x: 1, y: 1, list: [1] });
  on("default").cells.set("cell", "base");
  on("default").events.append("note", { n: 0 });
  fork("default", "try");
});

describe("the base of a merge", () => {
  test("is the fork, then the latest merge, in either direction", () => {
    const forked = version("default");
    on("try").kv.put("a", 2);
    expect(merge("try", "default").base).toBe(forked);
    const first = version("try");
    on("default").kv.put("a", 3);
    on("try").kv.put("b", 2);
    // "a" changed in the target only, since that merge.
    expect(merge("try", "default")).toMatchObject({ base: first, applied: 1, conflicts: [] });
    expect(on("default").kv.get("a")).toBe(3);
    const merged = version("default");
    expect(merge("default", "try")).toMatchObject({ applied: 1, conflicts: [] });
    on("try").kv.put("a", 4);
    expect(merge("try", "default")).toMatchObject({ base: merged, applied: 1, conflicts: [] });
  });

  test("takes into account what came by way of a third run", () => {
    fork("default", "hub");
    on("try").kv.put("a", 2);
    merge("try", "hub");
    merge("hub", "default");
    expect(merge("try", "default")).toMatchObject({ version: undefined, applied: 0 });
    on("default").kv.put("a", 3);
    on("try").kv.put("b", 2);
    expect(merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
    db.runs.delete("hub");
    on("default").kv.put("a", 4);
    on("try").kv.put("b", 3);
    expect(merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
  });

  test("of siblings is where they parted, and forks know what their parent had merged", () => {
    fork("default", "left");
    on("try").kv.put("a", 2);
    on("left").kv.put("b", 2);
    expect(merge("try", "left")).toMatchObject({ applied: 1, conflicts: [] });
    fork("left", "leaf");
    on("leaf").kv.put("a", 3);
    expect(merge("try", "leaf")).toMatchObject({ version: undefined });
    expect(merge("leaf", "try")).toMatchObject({ applied: 2, conflicts: [] });
    expect(new Map(on("try").kv.entries())).toEqual(
      new Map([
        ["a", 3],
        ["b", 2],
        ["c", 1],
      ]),
    );
  });

  test("is not moved by a revert or a cherry-pick", () => {
    const forked = version("default");
    on("try").kv.put("a", 2);
    on("try").kv.put("b", 2);
    db.algebra.cherryPick("try", "default", { prefix: "a" });
    db.algebra.revert("default", { from: forked });
    expect(merge("try", "default", { preview: true }).base).toBe(forked);
  });

  test("is not shared with a later run of the same name", () => {
    on("try").kv.put("a", 2);
    merge("try", "default");
    db.runs.delete("try");
    db.fork(db.runs.must("default"), ["try"], { version: 1 });
    on("try").kv.put("z", 1);
    expect(merge("try", "default")).toMatchObject({ base: 1, applied: 1 });
    db.runs.delete("try");
    db.runs.create("try");
    on("try").kv.put("a", 1);
    expect(() => merge("try", "default")).toThrow(code("CONSTRAINT_VIOLATION"));
  });

  test("of a run whose parent was deleted is still the fork", () => {
    fork("try", "leaf");
    on("leaf").kv.put("a", 5);
    db.runs.delete("try");
    expect(merge("leaf", "default")).toMatchObject({ applied: 1, conflicts: [] });
  });
});

describe("spaces", () => {
  test("dropped by the source lose in the target what the target left alone", () => {
    on("default", "lab").kv.putMany([
      ["a", 1],
      ["b", 1],
    ]);
    fork("default", "late");
    db.spaces(db.runs.must("late")).delete("lab", { force: true });
    on("default", "lab").kv.put("own", 1);
    merge("late", "default");
    expect(on("default", "lab").kv.list()).toEqual(["own"]);
  });

  test("dropped by the target stay dropped, unless the source changed what they held", () => {
    on("default", "lab").kv.putMany([
      ["a", 1],
      ["b", 1],
    ]);
    fork("default", "late");
    db.spaces(db.runs.must("default")).delete("lab", { force: true });
    expect(merge("late", "default")).toMatchObject({ applied: 0 });
    on("late", "lab").kv.put("a", 2);
    expect(caught(() => merge("late", "default")).facts.conflicts).toMatchObject([
      { ref: { space: "lab", key: "a" }, ours: undefined, theirs: 2 },
    ]);
  });
});

describe("what the database keeps for itself", () => {
  const kept = (run: string) => on(run, "_system_recorder_default").kv;

  test("comes along, but where the target has its own; nobody is asked, and no diff shows it", () => {
    kept("default").put("both", "ours");
    fork("default", "late");
    kept("late").put("both", "theirs");
    kept("late").put("step", 1);
    kept("default").put("both", "later");
    expect(db.algebra.diff("default", "late")).toEqual({ added: [], removed: [], modified: [], truncated: false });
    expect(merge("late", "default")).toMatchObject({ applied: 1, conflicts: [] });
    expect([kept("default").get("step"), kept("default").get("both")]).toEqual([1, "later"]);
  });

  test("is neither picked nor reverted", () => {
    const from = version("default");
    kept("default").put("step", 1);
    kept("try").put("other", 1);
    expect(db.algebra.cherryPick("try", "default", {})).toMatchObject({ applied: 0 });
    db.algebra.revert("default", { from });
    expect(kept("default").get("step")).toBe(1);
  });
});
