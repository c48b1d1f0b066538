import { beforeEach, describe, expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { type Conflict, Database, type DiffOptions, type EntityRef, formatDiff, type MergeOptions } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space)).vectors;
const merge = (options?: MergeOptions) => db.algebra.merge("try", "default", options);
/** Everything in a run, in short: `docs[2]: a=1,2`. */
const shown = (run: string) =>
  on(run)
    .listCollections()
    .map(({ name, dimension }) => {
      const vectors = on(run)
        .keys(name)
        .map((key) => `${key}=${on(run).get(name, key)?.vector.join(",")}`);
      return `${name}[${dimension}]: ${vectors.join(" ")}`;
    });
const name = (ref: EntityRef) => (ref.primitive === "vector" ? `${ref.collection}/${ref.key}` : ref.primitive);
const diff = (a: string, b: string, options?: DiffOptions) => {
  const { added, removed, modified } = db.algebra.diff(a, b, options);
  return {
    added: added.map(({ ref }) => name(ref)),
    removed: removed.map(({ ref }) => name(ref)),
    modified: modified.map(({ ref }) => name(ref)),
  };
};
const conflictsOf = (work: () => unknown): readonly Conflict[] => {
  try {
    work();
  } catch (error) {
    const { code, facts } = error as { code: string; facts: { conflicts: readonly Conflict[] } };
    expect(code).toBe("MERGE_CONFLICT");
    return facts.conflicts;
  }
  throw new Error("nothing was thrown");
};
const conflicts = (work: () => unknown) => conflictsOf(work).map(({ ref }) => name(ref));

beforeEach(() => {
  db = Database.ephemeral();
  on("default").createCollection("docs", { dimension: 2 });
  on("default").upsertMany("docs", [
    { key: "a", vector: [1, 0], metadata: { n: 1 } },
    { key: "b", vector: [2, 0] },
    { key: "c", vector: [3, 0] },
  ]);
  db.fork(db.runs.must("default"), ["try"]);
});

describe("a diff", () => {
  test("names vectors by collection and key, collections by an empty key and first, and shows what they hold", () => {
    on("try").createCollection("Zoo", { dimension: 1, metric: "dot" });
    on("try").upsert("Zoo", "a/b", [0.1]);
    on("try").upsert("docs", "a", [1, -0], { n: 2 });
    on("try").delete("docs", "b");
    expect(diff("default", "try")).toEqual({ added: ["Zoo/", "Zoo/a/b"], removed: ["docs/b"], modified: ["docs/a"] });
    const { added, modified } = db.algebra.diff("default", "try");
    expect(added[0]).toMatchObject({ before: undefined, after: { dimension: 1, metric: "dot", index: "auto" } });
    expect(added[1]?.after).toEqual({ vector: [Math.fround(0.1)] });
    expect(modified).toEqual([
      {
        ref: { run: "try", space: "default", primitive: "vector", collection: "docs", key: "a" },
        before: { vector: [1, 0], metadata: { n: 1 } },
        after: { vector: [1, -0], metadata: { n: 2 } },
      },
    ]);
    expect(formatDiff(db.algebra.diff("default", "try"))).toContain('  - docs/b  {"vector":[2,0]}');
  });

  test("is the same where the runs share nothing", () => {
    db.runs.create("other");
    on("other").createCollection("docs", { dimension: 2 });
    on("other").upsert("docs", "a", [1, 0], { n: 1 });
    expect(diff("default", "other")).toEqual({ added: [], removed: ["docs/b", "docs/c"], modified: [] });
    expect(diff("other", "default", { prefix: "docs/b" }).added).toEqual(["docs/b"]);
    on("other").deleteCollection("docs");
    expect(diff("other", "default", { prefix: "docs/" }).added).toEqual(["docs/", "docs/a", "docs/b", "docs/c"]);
    expect(diff("other", "default", { prefix: "do" }).added.length).toBe(4);
    expect(diff("other", "default", { prefix: "_collections/" }).added).toEqual([]);
    expect(diff("other", "default", { prefix: "docs/", limit: 1 }).added).toEqual(["docs/"]);
    expect(diff("other", "default", { primitives: ["kv"] }).added).toEqual([]);
  });

  test("what was written and is the same again is no difference", () => {
    on("try").upsert("docs", "a", [9, 9]);
    on("try").upsert("docs", "a", [1, 0], { n: 1 });
    on("try").deleteCollection("docs");
    on("try").createCollection("docs", { dimension: 2 });
    on("try").upsertMany("docs", [
      { key: "a", vector: [1, 0], metadata: { n: 1 } },
      { key: "b", vector: [2, 0] },
      { key: "c", vector: [3, 0] },
    ]);
    expect(diff("default", "try")).toEqual({ added: [], removed: [], modified: [] });
  });
});

describe("vectors merge by key", () => {
  test("what only one side changed is in the result", () => {
    on("try").upsert("docs", "a", [9, 9]);
    on("try").delete("docs", "b");
    on("try").upsert("docs", "new", [5, 5], { from: "try" });
    on("default").upsert("docs", "c", [7, 7]);
    expect(merge()).toMatchObject({ applied: 3, conflicts: [] });
    expect(shown("default")).toEqual(["docs[2]: a=9,9 c=7,7 new=5,5"]);
    expect(on("default").get("docs", "new")?.metadata).toEqual({ from: "try" });
    expect(merge()).toMatchObject({ version: undefined, applied: 0 });
  });

  test("changed alike is fine, changed differently is a conflict, also in metadata alone", () => {
    for (const run of ["try", "default"]) on(run).upsert("docs", "a", [4, 4]);
    on("try").upsert("docs", "b", [2, 0], { by: "theirs" });
    on("default").upsert("docs", "b", [2, 0], { by: "ours" });
    on("try").delete("docs", "c");
    on("default").upsert("docs", "c", [3, 3]);
    expect(conflictsOf(() => merge())).toEqual([
      {
        ref: { run: "default", space: "default", primitive: "vector", collection: "docs", key: "b" },
        base: { vector: [2, 0] },
        ours: { vector: [2, 0], metadata: { by: "ours" } },
        theirs: { vector: [2, 0], metadata: { by: "theirs" } },
      },
      expect.objectContaining({ ours: { vector: [3, 3] }, theirs: undefined }),
    ]);
    expect(() => merge()).toThrow(/vector "docs\/b" in space "default", and in 1 more places/);
    merge({ strategy: "theirs" });
    expect(shown("default")).toEqual(["docs[2]: a=4,4 b=2,0"]);
    expect(on("default").get("docs", "b")?.metadata).toEqual({ by: "theirs" });
  });

  test("a resolver gives a vector, one of the sides, or nothing", () => {
    for (const [key, n] of [
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ] as const) {
      on("try").upsert("docs", key, [n, 1]);
      on("default").upsert("docs", key, [n, 2]);
    }
    merge({
      strategy: ({ ref, theirs }) => {
        if (name(ref) === "docs/a") return { vector: [0.5, 1e-3], metadata: { both: [1] } };
        return name(ref) === "docs/b" ? theirs : undefined;
      },
    });
    expect(shown("default")).toEqual([`docs[2]: a=0.5,${Math.fround(1e-3)} b=2,1`]);
    expect(on("default").get("docs", "a")?.metadata).toEqual({ both: [1] });
  });

  test.each([
    ["another dimension", { vector: [1] }, "DIMENSION_MISMATCH"],
    ["no number", { vector: ["1", 2] }, "INVALID_VALUE"],
    ["an infinite one", { vector: [1e39, 2] }, "INVALID_VALUE"],
    ["no vector", { metadata: {} }, "INVALID_ARGUMENT"],
    ["something else", { vector: [1, 2], meta: {} }, "INVALID_ARGUMENT"],
    ["text", "vector", "INVALID_ARGUMENT"],
    ["null", null, "INVALID_ARGUMENT"],
    ["metadata that is none", { vector: [1, 2], metadata: 3 }, "INVALID_ARGUMENT"],
  ])("%s is no answer of a resolver, and nothing is merged", (_what, answer, code) => {
    on("try").upsert("docs", "a", [9, 1]);
    on("default").upsert("docs", "a", [9, 2]);
    expect(() => merge({ strategy: () => answer as never })).toThrow(expect.objectContaining({ code }));
    expect(on("default").get("docs", "a")?.vector).toEqual(Float32Array.of(9, 2));
  });

  test("cherry-pick takes one collection, or one vector, and the collection where it is missing", () => {
    on("try").createCollection("new", { dimension: 1 });
    on("try").upsertMany("new", [
      { key: "x", vector: [1] },
      { key: "y", vector: [2] },
    ]);
    on("try").upsert("docs", "a", [9, 9]);
    db.algebra.cherryPick("try", "default", { prefix: "new/x" });
    expect(shown("default")).toEqual(["docs[2]: a=1,0 b=2,0 c=3,0", "new[1]: x=1"]);
    db.algebra.cherryPick("try", "default", { prefix: "new/" });
    expect(shown("default")[1]).toBe("new[1]: x=1 y=2");
    db.algebra.cherryPick("try", "default", { primitives: ["vector"] });
    expect(shown("default")[0]).toBe("docs[2]: a=9,9 b=2,0 c=3,0");
  });
});

describe("collections", () => {
  test("one that only theirs made comes with its vectors; one that both made alike is one", () => {
    for (const run of ["try", "default"]) {
      on(run).createCollection("both", { dimension: 1 });
      on(run).upsert("both", run, [1]);
    }
    on("try").createCollection("empty", { dimension: 3 });
    expect(merge()).toMatchObject({ conflicts: [] });
    expect(shown("default")).toEqual(["both[1]: default=1 try=1", "docs[2]: a=1,0 b=2,0 c=3,0", "empty[3]: "]);
  });

  test("one that both made with other options is one conflict, decided for all of it", () => {
    on("try").createCollection("both", { dimension: 1 });
    on("try").upsert("both", "t", [1]);
    on("default").createCollection("both", { dimension: 2 });
    on("default").upsert("both", "o", [1, 1]);
    expect(conflictsOf(() => merge())).toEqual([
      {
        ref: { run: "default", space: "default", primitive: "vector", collection: "both", key: "" },
        base: undefined,
        ours: expect.objectContaining({ dimension: 2 }),
        theirs: expect.objectContaining({ dimension: 1 }),
      },
    ]);
    expect(() => merge()).toThrow(/both sides changed collection "both" in space "default"$/);
    merge({ strategy: "theirs" });
    expect(shown("default")[0]).toBe("both[1]: t=1");
  });

  test("one that theirs deleted goes, unless ours wrote into it", () => {
    on("try").deleteCollection("docs");
    on("default").upsert("docs", "a", [1, 0], { n: 1 });
    expect(merge({ preview: true })).toMatchObject({ applied: 4, conflicts: [] });
    on("default").upsert("docs", "new", [4, 0]);
    expect(conflicts(() => merge())).toEqual(["docs/"]);
    merge({ strategy: "theirs" });
    expect(shown("default")).toEqual([]);
  });

  test("ours keeps all of one that theirs deleted", () => {
    on("try").deleteCollection("docs");
    on("default").upsert("docs", "new", [4, 0]);
    merge({ strategy: "ours" });
    expect(shown("default")).toEqual(["docs[2]: a=1,0 b=2,0 c=3,0 new=4,0"]);
  });

  test("one that ours deleted does not come back by a vector, but by a decision, and then whole", () => {
    on("default").deleteCollection("docs");
    on("try").upsert("docs", "a", [9, 9]);
    expect(conflicts(() => merge())).toEqual(["docs/"]);
    expect(merge({ strategy: "ours", preview: true })).toMatchObject({ applied: 0 });
    merge({ strategy: "theirs" });
    expect(shown("default")).toEqual(["docs[2]: a=9,9 b=2,0 c=3,0"]);
  });

  test("deletions in one that ours deleted, or made anew, are nothing to decide", () => {
    on("default").deleteCollection("docs");
    on("try").delete("docs", "a");
    expect(merge({ preview: true })).toMatchObject({ applied: 0, conflicts: [] });
    on("default").createCollection("docs", { dimension: 1 });
    on("default").upsert("docs", "a", [1]);
    merge();
    expect(shown("default")).toEqual(["docs[1]: a=1"]);
  });

  test("one that theirs made anew with another dimension replaces one that ours left alone", () => {
    on("try").deleteCollection("docs");
    on("try").createCollection("docs", { dimension: 1 });
    on("try").upsert("docs", "a", [7]);
    merge();
    expect(shown("default")).toEqual(["docs[1]: a=7"]);
  });

  test("a vector of another dimension is never picked into one", () => {
    on("try").deleteCollection("docs");
    on("try").createCollection("docs", { dimension: 1 });
    on("try").upsert("docs", "a", [7]);
    const pick = (strategy: "fail" | "ours" | "theirs") =>
      db.algebra.cherryPick("try", "default", { prefix: "docs/a" }, { strategy });
    expect(conflicts(() => pick("fail"))).toEqual(["docs/"]);
    pick("ours");
    expect(shown("default")).toEqual(["docs[2]: a=1,0 b=2,0 c=3,0"]);
    db.algebra.cherryPick("try", "default", { prefix: "docs/b" });
    expect(shown("default")).toEqual(["docs[2]: a=1,0 c=3,0"]);
    pick("theirs");
    expect(shown("default")).toEqual(["docs[1]: a=7"]);
  });

  test("a resolver cannot make a third of two", () => {
    on("try").createCollection("both", { dimension: 1 });
    on("default").createCollection("both", { dimension: 2 });
    expect(() => merge({ strategy: () => ({ dimension: 3 }) })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    merge({ strategy: () => undefined });
    expect(shown("default")).toEqual(["docs[2]: a=1,0 b=2,0 c=3,0"]);
  });
});

describe("revert", () => {
  const revert = (from: number, to?: number) => db.algebra.revert("default", { from, to });

  test("brings back vectors, and collections whole", () => {
    const run = db.runs.must("default");
    const before = run.version;
    on("default").upsert("docs", "a", [9, 9]);
    on("default").delete("docs", "b");
    on("default").createCollection("more", { dimension: 1 });
    on("default").upsert("more", "x", [1]);
    on("default").deleteCollection("docs");
    revert(before);
    expect(shown("default")).toEqual(["docs[2]: a=1,0 b=2,0 c=3,0"]);
    expect(diff("default", "try")).toEqual({ added: [], removed: [], modified: [] });
  });

  test("does not take away a collection into which was written since", () => {
    const before = db.runs.must("default").version;
    on("default").createCollection("more", { dimension: 1 });
    const made = db.runs.must("default").version;
    on("default").upsert("more", "x", [1]);
    expect(conflicts(() => revert(before, made))).toEqual(["more/"]);
  });
});
