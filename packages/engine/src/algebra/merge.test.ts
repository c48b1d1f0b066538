import { Table } from "@strata/storage";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { stateOf } from "../../test/run-state.js";
import { storesOf } from "../../test/stores.js";
import { type Conflict, Database, type MergeOptions } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));
const fork = (source: string, ...names: string[]) => db.fork(db.runs.must(source), names);
const merge = (source: string, target: string, options?: MergeOptions) => db.algebra.merge(source, target, options);
const version = (run: string) => db.runs.must(run).version;
const state = (run: string) => stateOf(db, db.runs.must(run));
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

describe("merge", () => {
  test("takes what only the source changed, deletions too, and leaves what only the target changed", () => {
    on("try").kv.put("a", 2);
    on("try").kv.delete("b");
    on("try", "lab").kv.put("made", true);
    const base = version("default");
    on("default").kv.put("c", 3);
    const result = merge("try", "default");
    expect(result).toEqual({ version: version("default"), base, applied: 3, conflicts: [] });
    expect(new Map(on("default").kv.entries())).toEqual(
      new Map([
        ["a", 2],
        ["c", 3],
      ]),
    );
    expect(on("default", "lab").kv.get("made")).toBe(true);
    expect(on("try").kv.get("c")).toBe(1);
  });

  test("is one commit, with a message", () => {
    on("try").kv.put("a", 2);
    on("try").events.append("note", { n: 1 });
    const before = version("default");
    const run = db.runs.must("default");
    merge("try", "default");
    expect([...run.shard.timeline.commits({ after: before })]).toMatchObject([
      { operations: 2, message: `merged run "try" at version ${version("try")}` },
    ]);
    on("try").kv.put("a", 3);
    merge("try", "default", { message: "the winner" });
    expect(run.shard.timeline.messageOf(version("default"))).toBe("the winner");
  });

  test("again changes nothing, and commits nothing", () => {
    on("try").kv.put("a", 2);
    on("try").cells.set("cell", "tried");
    on("try").json.set("doc", "$.x", 2);
    on("try").events.append("note", { n: 1 });
    merge("try", "default");
    const before = [version("default"), state("default")];
    expect(merge("try", "default")).toEqual({ version: undefined, base: version("try"), applied: 0, conflicts: [] });
    expect([version("default"), state("default")]).toEqual(before);
  });

  test("of a fork that did nothing, and of a run with itself, does nothing", () => {
    expect(merge("try", "default")).toMatchObject({ version: undefined, applied: 0 });
    expect(merge("default", "default")).toMatchObject({ version: undefined, applied: 0 });
  });

  test("finds no conflict where both did the same", () => {
    for (const run of ["default", "try"]) {
      on(run).kv.put("a", 2);
      on(run).kv.delete("b");
      on(run).json.set("doc", "$.x", 2);
    }
    expect(merge("try", "default")).toMatchObject({ applied: 0, conflicts: [] });
    // It is remembered all the same: what the target does from here on is its own.
    on("default").kv.put("a", 3);
    expect(merge("try", "default")).toMatchObject({ version: undefined, conflicts: [] });
  });

  test("that conflicts changes nothing and tells everything", () => {
    on("try").kv.put("a", "theirs");
    on("try").kv.put("new", 1);
    on("default").kv.put("a", "ours");
    on("try").kv.delete("b");
    on("default").kv.put("b", 2);
    const before = [version("default"), state("default")];
    const error = caught(() => merge("try", "default"));
    expect(error).toMatchObject({ code: "MERGE_CONFLICT" });
    const ref = (key: string) => ({ run: "default", space: "default", primitive: "kv", key });
    expect(error.facts.conflicts).toEqual([
      { ref: ref("a"), base: 1, ours: "ours", theirs: "theirs" },
      { ref: ref("b"), base: 1, ours: 2, theirs: undefined },
    ]);
    expect([version("default"), state("default")]).toEqual(before);
  });

  test("with ours or theirs settles conflicts, and says which there were", () => {
    fork("default", "other");
    for (const run of ["try", "other"]) {
      on(run).kv.put("a", "theirs");
      on(run).kv.delete("b");
      on(run).kv.put("new", 1);
    }
    on("default").kv.put("a", "ours");
    on("default").kv.put("b", "ours");
    expect(merge("try", "default", { strategy: "ours" })).toMatchObject({ applied: 1, conflicts: { length: 2 } });
    expect(new Map(on("default").kv.entries())).toEqual(
      new Map<string, unknown>([
        ["a", "ours"],
        ["b", "ours"],
        ["c", 1],
        ["new", 1],
      ]),
    );
    expect(merge("try", "default")).toMatchObject({ version: undefined });
    expect(merge("other", "default", { strategy: "theirs" })).toMatchObject({ applied: 2, conflicts: { length: 2 } });
    expect(new Map(on("default").kv.entries())).toEqual(
      new Map<string, unknown>([
        ["a", "theirs"],
        ["c", 1],
        ["new", 1],
      ]),
    );
  });

  test("asks a function, whose answer is stored, and undefined deletes", () => {
    on("try").kv.putMany([
      ["a", 10],
      ["b", 10],
    ]);
    on("default").kv.putMany([
      ["a", 5],
      ["b", 5],
    ]);
    const strategy = vi.fn(({ ref, ours, theirs }: Conflict) =>
      "key" in ref && ref.key === "a" ? (ours as number) + (theirs as number) : undefined,
    );
    expect(merge("try", "default", { strategy })).toMatchObject({ applied: 2, conflicts: { length: 2 } });
    expect(on("default").kv.get("a")).toBe(15);
    expect(on("default").kv.exists("b")).toBe(false);
    expect(strategy).toHaveBeenCalledTimes(2);
  });

  test("writes nothing when the function throws or answers with what is no value", () => {
    on("try").kv.put("a", 10);
    on("default").kv.put("a", 5);
    const before = version("default");
    const failing = () => {
      throw new Error("undecided");
    };
    expect(() => merge("try", "default", { strategy: failing })).toThrow("undecided");
    expect(() => merge("try", "default", { strategy: () => new Date() as never })).toThrow(code("INVALID_VALUE"));
    expect(() => merge("try", "default", { strategy: async () => 1 as never } as never)).toThrow(code("INVALID_VALUE"));
    expect(() => merge("try", "default", { strategy: () => on("default").kv.put("x", 1) })).toThrow(
      code("TRANSACTION_NESTED"),
    );
    expect(version("default")).toBe(before);
    on("default").kv.put("x", 1);
  });

  test("sees the source as it was when it began, whatever the function does to it", () => {
    on("try").kv.putMany([
      ["a", 10],
      ["b", 10],
    ]);
    on("default").kv.putMany([
      ["a", 5],
      ["b", 5],
    ]);
    const strategy = ({ theirs }: Conflict) => {
      on("try").kv.put("b", 99);
      return theirs;
    };
    merge("try", "default", { strategy });
    expect(on("default").kv.get("b")).toBe(10);
    expect(merge("try", "default")).toMatchObject({ applied: 1 });
    expect(on("default").kv.get("b")).toBe(99);
  });

  test("previews through the same code and writes nothing", () => {
    on("try").kv.put("a", 2);
    on("try").kv.put("b", 2);
    on("default").kv.put("b", 3);
    on("try").events.append("note", { n: 1 });
    const before = [version("default"), state("default")];
    expect(merge("try", "default", { preview: true })).toMatchObject({
      version: undefined,
      applied: 2,
      conflicts: [{ ref: { key: "b" } }],
    });
    expect(merge("try", "default", { preview: true, strategy: "theirs" })).toMatchObject({ applied: 3 });
    expect([version("default"), state("default")]).toEqual(before);
  });

  test("refuses runs that share nothing, runs that are closed, and options it does not know", () => {
    db.runs.create("stranger");
    on("stranger").kv.put("a", 1);
    expect(() => merge("stranger", "default")).toThrow(code("CONSTRAINT_VIOLATION"));
    on("try").kv.put("a", 2);
    fork("default", "closed");
    db.runs.setStatus("closed", "completed");
    expect(() => merge("try", "closed")).toThrow(code("RUN_CLOSED"));
    expect(merge("try", "closed", { preview: true })).toMatchObject({ applied: 1 });
    expect(() => merge("try", "nobody")).toThrow(code("RUN_NOT_FOUND"));
    expect(() => merge("try", "default", { strategy: "mine" as never })).toThrow(code("INVALID_ARGUMENT"));
    expect(() => merge("try", "default", { prevue: true } as never)).toThrow(code("INVALID_ARGUMENT"));
    expect(() => merge("try", "default", { message: "x".repeat(2000) })).toThrow(code("INVALID_ARGUMENT"));
  });

  test("keeps time to live, and judges expiry by the clock", () => {
    let now = 1_000_000;
    db = Database.ephemeral({ clock: { now: () => now } });
    on("default").kv.put("seed", 1);
    fork("default", "try");
    on("try").kv.put("short", 1, { ttlMs: 10 });
    merge("try", "default");
    expect(on("default").kv.getVersioned("short")?.expiresAt).toBe(on("try").kv.getVersioned("short")?.expiresAt);
    now += 20_000;
    expect(on("default").kv.exists("short")).toBe(false);
  });

  test("costs what was written since the base, not what there is", () => {
    on("default").kv.putMany(Array.from({ length: 20_000 }, (_, i): [string, number] => [`key${i}`, i]));
    fork("default", "small");
    on("small").kv.putMany(Array.from({ length: 100 }, (_, i): [string, number] => [`key${i}`, -1]));
    const find = vi.spyOn(Table.prototype, "find");
    const scan = vi.spyOn(Table.prototype, "scan");
    try {
      expect(merge("small", "default").applied).toBe(100);
      expect(find.mock.calls.length).toBeLessThanOrEqual(300);
      expect(scan).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });
});
