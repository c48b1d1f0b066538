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
const payloads = (run: string) =>
  on(run)
    .events.range(0, 99)
    .map(({ payload }) => payload);
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

describe("documents", () => {
  test("merge by member: what each side changed is in the result", () => {
    on("try").json.set("doc", "$.x", 2);
    on("try").json.set("doc", "$.deep.made", true);
    on("default").json.set("doc", "$.y", 3);
    on("default").json.set("doc", "$.deep.other", 1);
    expect(merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
    expect(on("default").json.get("doc")).toEqual({ x: 2, y: 3, list: [1], deep: { made: true, other: 1 } });
  });

  test("conflict at the path that both changed, and only there", () => {
    on("try").json.set("doc", "$.x", "theirs");
    on("default").json.set("doc", "$.x", "ours");
    on("try").json.set("doc", "$.y", 2);
    const { facts } = caught(() => merge("try", "default"));
    expect(facts.conflicts).toEqual([
      {
        ref: { run: "default", space: "default", primitive: "json", key: "doc" },
        path: "$.x",
        base: 1,
        ours: "ours",
        theirs: "theirs",
      },
    ]);
    merge("try", "default", { strategy: ({ path }) => `both at ${path}` });
    expect(on("default").json.get("doc")).toEqual({ x: "both at $.x", y: 2, list: [1] });
  });

  test("conflict over an array as one value", () => {
    on("try").json.push("doc", "$.list", 2);
    on("default").json.push("doc", "$.list", 3);
    expect(caught(() => merge("try", "default")).facts.conflicts).toMatchObject([
      { path: "$.list", base: [1], ours: [1, 3], theirs: [1, 2] },
    ]);
  });

  test("conflict when one side deleted what the other changed, and are deleted when the other left them", () => {
    on("default").json.put("other", { v: 1 });
    fork("default", "late");
    on("late").json.delete("doc");
    on("late").json.delete("other");
    on("default").json.set("doc", "$.x", 2);
    expect(caught(() => merge("late", "default")).facts.conflicts).toMatchObject([
      { path: "$", ours: { x: 2 }, theirs: undefined },
    ]);
    merge("late", "default", { strategy: "theirs" });
    expect(on("default").json.list()).toEqual([]);
  });

  test("made on both sides merge as if they had begun empty", () => {
    on("try").json.put("new", { a: 1, same: 0 });
    on("default").json.put("new", { b: 1, same: 0 });
    merge("try", "default");
    expect(on("default").json.get("new")).toEqual({ a: 1, b: 1, same: 0 });
  });

  test("count on from the target's counter and birthday, and hand no bytes out that could be changed", () => {
    on("default").json.set("doc", "$.bytes", new Uint8Array([1]));
    fork("default", "late");
    on("late").json.set("doc", "$.bytes", new Uint8Array([2]));
    on("default").json.set("doc", "$.bytes", new Uint8Array([3]));
    const createdAt = on("default").json.getVersioned("doc")?.createdAt;
    merge("late", "default", {
      strategy: ({ ours, theirs }) => {
        (ours as Uint8Array)[0] = 9;
        (theirs as Uint8Array)[0] = 9;
        return ours;
      },
    });
    expect(on("default").json.get("doc", "$.bytes")).toEqual(new Uint8Array([3]));
    expect(on("late").json.get("doc", "$.bytes")).toEqual(new Uint8Array([2]));
    expect(on("default").json.getVersioned("doc")?.createdAt).toBe(createdAt);
  });
});

describe("cells", () => {
  test("advanced in the source only are taken, and their counter never falls", () => {
    on("try").cells.set("cell", "one");
    on("try").cells.set("cell", "two");
    merge("try", "default");
    expect(on("default").cells.readVersioned("cell")).toMatchObject({ value: "two", counter: 3 });
    on("try").cells.delete("cell");
    merge("try", "default");
    expect(on("default").cells.read("cell")).toBeUndefined();
    expect(on("default").cells.set("cell", "again")).toBe(4);
  });

  test("advanced on both sides conflict, even to the same value", () => {
    on("try").cells.set("cell", "same");
    on("default").cells.set("cell", "same");
    expect(caught(() => merge("try", "default")).facts.conflicts).toMatchObject([
      { ref: { primitive: "state", key: "cell" }, base: "base", ours: "same", theirs: "same" },
    ]);
    expect(merge("try", "default", { strategy: "theirs" })).toMatchObject({ applied: 0, conflicts: { length: 1 } });
    on("try").cells.set("cell", "next");
    // The target has not moved since that merge.
    expect(merge("try", "default")).toMatchObject({ applied: 1, conflicts: [] });
  });

  test("count as advanced from the first merge that brought the base in, not from a later one", () => {
    fork("default", "third");
    on("default").kv.put("one", 1);
    merge("default", "third");
    fork("default", "fourth");
    on("third").cells.set("cell", "base");
    on("default").kv.put("two", 1);
    merge("default", "third");
    on("fourth").cells.set("cell", "fourth");
    expect(caught(() => merge("fourth", "third")).facts.conflicts).toMatchObject([{ ours: "base", theirs: "fourth" }]);
  });

  test("resolved by a function count on from both", () => {
    for (let i = 0; i < 3; i++) on("try").cells.set("cell", i);
    on("default").cells.set("cell", "ours");
    merge("try", "default", { strategy: () => "made up" });
    expect(on("default").cells.readVersioned("cell")).toMatchObject({ value: "made up", counter: 4 });
  });
});

describe("events", () => {
  test("of the source are appended in order, linked anew, with where they came from", () => {
    on("try").events.appendMany([
      { type: "note", payload: { n: 1 } },
      { type: "done", payload: { n: 2 } },
    ]);
    on("default").events.append("note", { n: "own" });
    merge("try", "default");
    expect(payloads("default")).toEqual([{ n: 0 }, { n: "own" }, { n: 1 }, { n: 2 }]);
    const [first, second] = on("try").events.range(1, 3);
    const [, own, ...copies] = on("default").events.range(0, 9);
    const origin = (event: typeof first) => ({
      run: "try",
      sequence: event?.sequence,
      hash: event?.hash,
      timestamp: event?.timestamp,
    });
    expect(copies.map((event) => event.origin)).toEqual([origin(first), origin(second)]);
    expect(copies[0]?.prevHash).toBe(own?.hash);
    expect(copies[0]?.timestamp).toBeGreaterThan(first?.timestamp as number);
    expect(on("default").events.verify()).toMatchObject({ valid: true, length: 4 });
    expect("origin" in (own as object)).toBe(false);
  });

  test("that are held already are skipped, by whichever way they came", () => {
    fork("default", "other");
    on("try").events.append("note", { n: 1 });
    merge("try", "other");
    on("other").events.append("note", { n: 2 });
    merge("other", "default");
    expect(payloads("default")).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    merge("try", "default");
    merge("default", "try");
    expect(payloads("try")).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    merge("other", "try");
    merge("try", "other");
    merge("try", "default");
    expect([payloads("try").length, payloads("other").length, payloads("default").length]).toEqual([3, 3, 3]);
    // The origin is where it was appended first, however often it was copied.
    expect(on("default").events.read(2)?.origin?.run).toBe("other");
  });

  test("equal in payload are still two events", () => {
    on("try").events.append("note", { n: 1 });
    on("default").events.append("note", { n: 1 });
    merge("try", "default");
    expect(payloads("default")).toEqual([{ n: 0 }, { n: 1 }, { n: 1 }]);
  });

  test("do not come back into a space that was dropped since they were merged", () => {
    on("try", "lab").events.append("note", {});
    merge("try", "default");
    db.spaces(db.runs.must("default")).delete("lab", { force: true });
    on("try").kv.put("a", 2);
    merge("try", "default");
    expect(db.spaces(db.runs.must("default")).list()).toEqual(["default"]);
  });
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
