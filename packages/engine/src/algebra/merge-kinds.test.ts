import { beforeEach, describe, expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { type Conflict, Database, type MergeOptions } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));
const fork = (source: string, ...names: string[]) => db.fork(db.runs.must(source), names);
const merge = (source: string, target: string, options?: MergeOptions) => db.algebra.merge(source, target, options);
const payloads = (run: string) =>
  on(run)
    .events.range(0, 99)
    .map(({ payload }) => payload);
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
