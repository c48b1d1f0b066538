import { EventTable } from "@strata/storage";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type SearchHit, type SearchOptions, Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode, expectRejection } from "./expect-code.js";

const FILLER = "lorem ipsum dolor sit amet consectetur ".repeat(10);

let db: Strata;
let now: number;

beforeEach(() => {
  now = 1_700_000_000_000_000;
  db = Strata.cache({ clock: { now: () => now } });
});
afterEach(() => db.close());

/** "kv:key", "event:7": short names of what was found, in order. */
function found(hits: readonly SearchHit[]): string[] {
  return hits.map(({ ref }) => {
    if (ref.primitive === "event") return `event:${ref.sequence}`;
    return ref.primitive === "vector" ? `${ref.collection}/${ref.key}` : `${ref.primitive}:${ref.key}`;
  });
}

describe("options of a search", () => {
  const WRONG: { readonly [name: string]: readonly unknown[] } = {
    k: [-1, 1.5, Number.NaN, "10", null],
    mode: ["both", 1],
    primitives: ["kv", ["kv", "graph"], [1]],
    spaces: ["default", [1], 7],
    prefix: [1, null],
    types: ["a", [1]],
    filter: [1, "x", [], null],
    embedding: [[], "0.1", {}, 7],
    collections: ["docs", [1]],
    timeRange: [1, { start: "today" }, { begin: 1 }, { end: Number.NaN }],
    bm25: [1, { k1: -1 }, { b: 2 }, { k2: 1 }],
    weights: [1, { keyword: -1 }, { vector: Number.POSITIVE_INFINITY }, { text: 1 }],
    explain: [1, "yes"],
    highlight: [1],
    observe: [0],
  };

  for (const [option, values] of Object.entries(WRONG)) {
    test(`${option} is checked`, () => {
      for (const value of values) {
        const error = expectCode(
          "INVALID_ARGUMENT",
          () => db.search("x", { [option]: value } as SearchOptions),
          `${value}`,
        );
        expect(error.facts).toMatchObject({ option });
      }
      expect(db.search("x", { [option]: undefined }).hits).toEqual([]);
    });
  }

  test("that there are not are named, with the nearest that there is", () => {
    const error = expectCode("INVALID_ARGUMENT", () => db.search("x", { hilight: true } as SearchOptions));
    expect(error.message).toContain('did you mean "highlight"');
    expectCode("INVALID_ARGUMENT", () => db.search("x", 7 as SearchOptions));
    expectCode("INVALID_ARGUMENT", () => db.search(7 as unknown as string));
    expectCode("INVALID_NAME", () => db.search("x", { spaces: ["_system_embeddings"] }));
    expectCode("INVALID_NAME", () => db.search("x", { collections: ["a/b"] }));
  });

  test("ask for none, or for a million, hits", () => {
    for (let i = 0; i < 30; i++) db.kv.put(`k${i}`, "fox");
    expect(db.search("fox")).toMatchObject({ hits: { length: 10 }, truncated: true });
    expect(db.search("fox", { k: 0 })).toMatchObject({ hits: [], truncated: false });
    expect(db.search("fox", { k: 30 })).toMatchObject({ hits: { length: 30 }, truncated: false });
    expect(db.search("fox", { k: 1_000_000 })).toMatchObject({ hits: { length: 30 }, truncated: false });
  });
});

describe("any text is a query", () => {
  test("also one that says nothing, or a megabyte", () => {
    db.kv.put("k", "fox");
    for (const query of ["", " ", "+", "-", "+-", '"', '""', "*", "~", "\ud800", "!?%", "the\0"]) {
      expect(db.search(query).hits, JSON.stringify(query)).toEqual([]);
    }
    expect(db.search("fox ".repeat(250_000)).hits).toHaveLength(1);
    expect(db.search("x".repeat(1_000_000)).hits).toEqual([]);
    expect(db.search(`${'"a'.repeat(100_000)} fox`, { explain: true, highlight: true })).toBeDefined();
  });

  test("with words that must or must not be there, phrases, beginnings and near misses", () => {
    db.kv.put("a", "the quick brown fox");
    db.kv.put("b", "a brown and quick dog");
    db.kv.put("c", "foxes run quickly");
    expect(found(db.search("+quick -dog").hits)).toEqual(["kv:a"]);
    expect(found(db.search('"quick brown"').hits)).toEqual(["kv:a"]);
    expect(found(db.search("fo*").hits).sort()).toEqual(["kv:a", "kv:c"]);
    expect(found(db.search("quikc~").hits).sort()).toContain("kv:a");
  });
});

describe("what is found", () => {
  test("comes with its value, as reading it gives it", () => {
    const bytes = new Uint8Array([1, 2]);
    const version = db.kv.put("k", { text: "fox", bytes });
    const [hit] = db.search("fox").hits;
    const { timestamp } = db.kv.getVersioned("k")!;
    expect(hit).toMatchObject({ value: { text: "fox", bytes }, rank: 1, timestamp });
    expect(hit?.ref).toEqual({ run: "default", space: "default", primitive: "kv", key: "k" });
    const value = hit!.value as { bytes: Uint8Array };
    value.bytes[0] = 99;
    expect((db.kv.get("k") as { bytes: Uint8Array }).bytes[0]).toBe(1);
    expect(db.version).toBe(version);
  });

  test("is ordered by place where scores are equal", () => {
    for (const space of ["b", "default"]) {
      const at = db.in({ space });
      at.json.put("a", { text: "fox" });
      at.kv.put("\u{1f600}", "fox");
      at.kv.put("\uffff", "fox");
      at.kv.put("a", "fox");
    }
    const hits = db.search("fox", { spaces: "all" }).hits;
    expect(hits.map(({ ref }) => `${ref.space} ${ref.primitive} ${(ref as { key: string }).key}`)).toEqual([
      "b kv a",
      "b kv \uffff",
      "b kv \u{1f600}",
      "default kv a",
      "default kv \uffff",
      "default kv \u{1f600}",
      "b json a",
      "default json a",
    ]);
  });

  test("is nothing that the database keeps for itself", async () => {
    await db.recorder("scope").call("step", {}, () => "fox");
    db.kv.put("k", "fox");
    expect(found(db.search("fox", { spaces: "all" }).hits)).toEqual(["kv:k"]);
  });

  test("is of the run and the spaces that were asked for", () => {
    db.kv.put("k", "fox");
    db.createRun("other");
    db.in({ run: "other" }).kv.put("o", "fox");
    db.in({ space: "b" }).kv.put("b", "fox");
    expect(found(db.search("fox").hits)).toEqual(["kv:k"]);
    expect(found(db.search("fox", { spaces: ["b", "nowhere"] }).hits)).toEqual(["kv:b"]);
    expect(found(db.in({ space: "b" }).search("fox").hits)).toEqual(["kv:b"]);
    expect(found(db.search("fox", { spaces: "all" }).hits).sort()).toEqual(["kv:b", "kv:k"]);
    expect(found(db.in({ run: "other" }).search("fox", { spaces: "all" }).hits)).toEqual(["kv:o"]);
  });

  test("can be narrowed by primitive, key, type, value and time", () => {
    db.kv.put("a/1", { text: "fox", n: 1 });
    now += 1_000_000;
    db.kv.put("b/1", { text: "fox", n: 2 });
    now += 1_000_000;
    db.events.append("seen", { text: "fox", n: 3 });
    db.events.append("heard", { text: "fox", n: 1 });
    const by = (options: SearchOptions) => found(db.search("fox", options).hits).sort();
    expect(by({ primitives: ["event"] })).toEqual(["event:0", "event:1"]);
    expect(by({ prefix: "a/" })).toEqual(["kv:a/1"]);
    expect(by({ prefix: "se" })).toEqual(["event:0"]);
    expect(by({ types: ["heard", "missed"] })).toEqual(["event:1"]);
    expect(by({ types: [] })).toEqual([]);
    expect(by({ filter: { n: { $gte: 2 } } })).toEqual(["event:0", "kv:b/1"]);
    const { timestamp } = db.kv.getVersioned("b/1")!;
    expect(by({ timeRange: { start: timestamp } })).toEqual(["event:0", "event:1", "kv:b/1"]);
    expect(by({ timeRange: { end: timestamp } })).toEqual(["kv:a/1"]);
    expect(by({ timeRange: { start: new Date(timestamp / 1000), end: new Date(timestamp / 1000 + 500) } })).toEqual([
      "kv:b/1",
    ]);
    db.transaction((txn) => {
      txn.kv.put("own", { text: "fox", n: 1 });
      expect(found(txn.search("fox", { timeRange: { start: timestamp + 500_000 } }).hits)).toContain("kv:own");
      expect(found(txn.search("fox", { timeRange: { end: timestamp } }).hits)).toEqual(["kv:a/1"]);
      txn.events.append("seen", { text: "fox", n: 7 });
      const own = (options: SearchOptions) =>
        found(txn.search("fox", { primitives: ["event"], ...options }).hits).sort();
      expect(own({ timeRange: { end: timestamp + 500_000 } })).toEqual([]);
      expect(own({ types: ["seen"] })).toEqual(["event:0", "event:2"]);
      expect(own({ prefix: "he" })).toEqual(["event:1"]);
      expect(own({ filter: { n: 7 } })).toEqual(["event:2"]);
      txn.kv.put("own", { text: "no more", n: 1 });
      expect(found(txn.search("fox", { prefix: "own" }).hits)).toEqual([]);
      txn.kv.put("own", { text: "a fox again", n: 1 });
      expect(found(txn.search("fox again", { prefix: "own" }).hits)).toEqual(["kv:own"]);
    });
  });

  test("shows where its words are, when asked", () => {
    db.kv.put("k", { title: "nothing here", text: `${FILLER}The Naïve foxes' ${FILLER}` });
    const [hit] = db.search("naive fox", { highlight: true }).hits;
    expect(hit?.snippet.length).toBeLessThanOrEqual(100);
    expect(hit?.highlights?.map(([start, end]) => hit.snippet.slice(start, end))).toEqual(["Naïve", "foxes"]);
    const [plain] = db.search("naive fox").hits;
    expect(plain).not.toHaveProperty("highlights");
    expect(plain?.snippet).toBe(hit?.snippet);
  });

  test("says how its score came about, when asked", () => {
    db.kv.put("a", "fox fox dog");
    db.kv.put("b", "dog");
    const [hit] = db.search("fox dog", { explain: true }).hits;
    const keyword = hit?.explain?.["keyword"] as { clauses: { clause: string; tf: number; score: number }[] };
    expect(keyword.clauses.map(({ clause, tf }) => [clause, tf])).toEqual([
      ["fox", 2],
      ["dog", 1],
    ]);
    expect(keyword.clauses.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(hit!.score, 12);
    expect(hit?.explain).toMatchObject({
      mode: "keyword",
      keyword: { documents: 2, length: 3, averageLength: 2, k1: 1.2, b: 0.75 },
    });
    expect(db.search("fox").hits[0]).not.toHaveProperty("explain");
  });
});

describe("a reader searches what it sees", () => {
  test("in a transaction its own writes, which nobody else finds, and which end with it", () => {
    db.kv.put("a", "fox");
    db.transaction((txn) => {
      txn.kv.put("b", "fox");
      txn.kv.put("a", "dog");
      txn.events.append("seen", { text: "fox" });
      txn.in({ space: "b" }).json.put("d", "fox");
      expect(found(txn.search("fox").hits).sort()).toEqual(["event:0", "kv:b"]);
      expect(txn.search("fox", { primitives: ["kv"] }).hits[0]?.timestamp).toBe(0);
      expect(found(txn.search("fox", { spaces: "all" }).hits)).toContain("json:d");
      txn.kv.put("b", "cat");
      expect(found(txn.search("fox cat", { primitives: ["kv"] }).hits)).toEqual(["kv:b"]);
      expect(found(db.search("fox", { spaces: "all" }).hits)).toEqual(["kv:a"]);
    });
    const session = db.session();
    session.begin();
    session.kv.put("c", "fox");
    expect(found(session.search("fox").hits)).toContain("kv:c");
    session.rollback();
    expect(found(session.search("fox").hits)).not.toContain("kv:c");
    session.begin();
    session.kv.put("d", "fox");
    expect(found(session.search("fox").hits).sort()).toEqual(["event:0", "kv:d"]);
    session.commit();
    expect(found(session.search("fox").hits).sort()).toEqual(["event:0", "kv:d"]);
  });

  test("in the past and in a replay what was there", () => {
    db.kv.put("a", "fox");
    const before = db.at();
    db.kv.put("a", "dog");
    db.kv.put("b", "fox");
    expect(found(before.search("fox").hits)).toEqual(["kv:a"]);
    expect(found(before.in({ space: "default" }).search("fox").hits)).toEqual(["kv:a"]);
    const replayed = db.runs.replay({ run: "default", at: { version: before.version } });
    expect(found(replayed.search("fox").hits)).toEqual(["kv:a"]);
    expect(found(db.search("fox").hits)).toEqual(["kv:b"]);
    expect(db.session().execute({ name: "search", query: "fox", at: { version: before.version } }).hits).toHaveLength(
      1,
    );
  });

  test("once it is over, nothing", () => {
    const view = db.at();
    view[Symbol.dispose]();
    expectCode("DATABASE_CLOSED", () => view.search("fox"));
    const escaped = db.transaction((txn) => txn);
    expectCode("TRANSACTION_NOT_ACTIVE", () => escaped.search("fox"));
  });
});

describe("an index of events", () => {
  test("comes back with the checkpoint: of those that are not in it, and of hits, events are read", async () => {
    const path = newDirectory();
    const first = Strata.open(path);
    first.events.appendMany(Array.from({ length: 300 }, (_, i) => ({ type: "note", payload: { text: `word ${i}` } })));
    expect(first.search("word").truncated).toBe(true);
    await first.shutdown();
    const again = Strata.open(path);
    again.events.append("note", { text: "fox 7" });
    const read = vi.spyOn(EventTable.prototype, "record");
    try {
      expect(found(again.search("7").hits).sort()).toEqual(["event:300", "event:7"]);
      expect(read.mock.calls.length).toBeLessThanOrEqual(3);
    } finally {
      read.mockRestore();
      again.close();
    }
  });
});

describe("in a transaction a search is observed", () => {
  /** Whether a transaction that searches conflicts with what `meanwhile` commits. */
  function conflicts(options: SearchOptions, meanwhile: () => void): boolean {
    db.kv.put("a", "fox");
    const session = db.session();
    session.begin();
    session.search("fox", options);
    session.kv.put("mine", "written");
    meanwhile();
    try {
      session.commit();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: "TRANSACTION_CONFLICT" });
      return true;
    }
  }

  test("as far as it went", () => {
    expect(conflicts({}, () => db.kv.put("b", "dog"))).toBe(true);
    expect(conflicts({}, () => db.events.append("seen", {}))).toBe(true);
    expect(conflicts({ primitives: ["kv"] }, () => db.events.append("seen", {}))).toBe(false);
    expect(conflicts({ primitives: ["kv"] }, () => db.json.put("d", {}))).toBe(false);
    expect(conflicts({}, () => db.in({ space: "b" }).kv.put("b", "dog"))).toBe(false);
    expect(conflicts({ spaces: ["c"] }, () => db.in({ space: "c" }).kv.put("b", "dog"))).toBe(true);
  });

  test("all spaces: also that there are no others", () => {
    expect(conflicts({ spaces: "all" }, () => db.in({ space: "new" }).kv.put("b", "dog"))).toBe(true);
    expect(conflicts({ spaces: "all" }, () => db.in({ space: "new" }).kv.put("b", "cat"))).toBe(true);
    expect(conflicts({ spaces: "all" }, () => db.createRun("other"))).toBe(false);
    expect(conflicts({ spaces: "all" }, () => db.spaces.create("empty"))).toBe(true);
    expect(conflicts({ spaces: "all" }, () => db.spaces.delete("empty"))).toBe(true);
    expect(conflicts({ spaces: "all" }, () => db.json.createIndex("$.n"))).toBe(false); // kept in a space of its own
  });

  test("unless it says not to", () => {
    expect(conflicts({ observe: false }, () => db.kv.put("b", "dog"))).toBe(false);
    expect(conflicts({ observe: false, spaces: "all" }, () => db.in({ space: "new" }).kv.put("b", "dog"))).toBe(false);
  });
});

describe("by nearness", () => {
  beforeEach(() => {
    db.vectors.createCollection("docs", { dimension: 2 });
    db.vectors.createCollection("more", { dimension: 2, metric: "dot" });
    db.vectors.createCollection("deep", { dimension: 3 });
    db.vectors.upsert("docs", "near", [1, 0], { text: "a fox" });
    db.vectors.upsert("docs", "far", [0, 1], { text: "a dog", n: 1 });
    db.vectors.upsert("docs", "bare", [1, 1]);
    db.vectors.upsert("more", "other", [0.9, 0]);
    db.vectors.upsert("deep", "deep", [1, 0, 0]);
  });

  test("the collections of the embedding's dimension, or those that are named", () => {
    const embedding = [1, 0];
    const all = db.search("", { mode: "vector", embedding });
    expect(all.mode).toBe("vector");
    expect(found(all.hits)).toEqual(["docs/near", "more/other", "docs/bare", "docs/far"]);
    expect(all.hits[0]).toMatchObject({ score: 1, rank: 1, value: { text: "a fox" }, snippet: "a fox" });
    expect(all.hits[2]).toMatchObject({ value: null, snippet: "" });
    const named = db.search("", { mode: "vector", embedding, collections: ["docs"], k: 2 });
    expect(found(named.hits)).toEqual(["docs/near", "docs/bare"]);
    expect(named.truncated).toBe(true);
    expectCode("COLLECTION_NOT_FOUND", () => db.search("", { embedding, collections: ["docs", "none"] }));
    expectCode("DIMENSION_MISMATCH", () => db.search("", { embedding, collections: ["deep"] }));
    expectCode("INVALID_VALUE", () => db.search("", { embedding: [1, Number.NaN] }));
    expect(found(db.search("", { embedding, primitives: ["kv"] }).hits)).toEqual([]);
  });

  test("narrowed by key, metadata and time", () => {
    const by = (options: SearchOptions) =>
      found(db.search("", { mode: "vector", embedding: [1, 0], collections: ["docs"], ...options }).hits);
    expect(by({ prefix: "fa" })).toEqual(["docs/far"]);
    expect(by({ filter: { n: 1 } })).toEqual(["docs/far"]);
    now += 1_000_000;
    db.vectors.upsert("docs", "late", [0, -1]);
    const { timestamp } = db.vectors.get("docs", "late")!;
    expect(by({ timeRange: { start: timestamp }, k: 1 })).toEqual(["docs/late"]);
    expect(by({ timeRange: { end: timestamp }, k: 2 })).toEqual(["docs/near", "docs/bare"]);
    expect(by({ types: ["seen"] })).toEqual([]);
  });

  test("and by words, in one list", () => {
    db.kv.put("a", "fox");
    db.kv.put("b", "fox and much else besides");
    const { hits, mode } = db.search("fox", { embedding: [1, 0], collections: ["docs"], explain: true });
    expect(mode).toBe("hybrid");
    expect(found(hits)).toEqual(["kv:a", "docs/near", "kv:b", "docs/bare", "docs/far"]);
    expect(hits.map(({ score }) => score)).toEqual([1 / 61, 1 / 61, 1 / 62, 1 / 62, 1 / 63]);
    expect(hits[0]?.explain).toMatchObject({ mode: "hybrid", fused: 1 / 61, keyword: { rank: 1, weight: 1 } });
    expect(hits[1]?.explain).toMatchObject({ mode: "hybrid", vector: { rank: 1, weight: 1, score: 1 } });
    const words = db.search("fox", { embedding: [1, 0], weights: { vector: 0 } });
    expect(found(words.hits)).toEqual(found(db.search("fox").hits));
    const vectors = db.search("fox", { embedding: [1, 0], weights: { keyword: 0 }, collections: ["docs"] });
    expect(found(vectors.hits)).toEqual(["docs/near", "docs/bare", "docs/far"]);
    expect(db.search("fox", { embedding: [1, 0], mode: "keyword" }).mode).toBe("keyword");
    expect(db.search("fox", { embedding: [1, 0], k: 2 }).truncated).toBe(true);
  });

  test("own, uncommitted vectors and collections among them, and observed", () => {
    const session = db.session();
    session.begin();
    session.vectors.upsert("docs", "own", [1, 0.1]);
    session.vectors.createCollection("new", { dimension: 2 });
    session.vectors.upsert("new", "newer", [1, 0]);
    session.vectors.deleteCollection("more");
    const embedding = [1, 0];
    expect(found(session.search("", { embedding, mode: "vector" }).hits)).toEqual([
      "docs/near",
      "new/newer",
      "docs/own",
      "docs/bare",
      "docs/far",
    ]);
    session.rollback();
    for (const [observe, outcome] of [
      [false, false],
      [true, true],
    ] as const) {
      const conflicted = (meanwhile: () => void) => {
        session.begin();
        session.search("", { embedding, mode: "vector", observe });
        session.kv.put("mine", 1);
        meanwhile();
        try {
          session.commit();
          return false;
        } catch {
          return true;
        }
      };
      expect(conflicted(() => db.vectors.upsert("docs", `${observe}`, [0, 1]))).toBe(outcome);
      expect(conflicted(() => db.vectors.createCollection(`${observe}`, { dimension: 2 }))).toBe(outcome);
      expect(conflicted(() => db.vectors.upsert("deep", `${observe}`, [0, 1, 0]))).toBe(false);
    }
  });

  test("needs the query as a vector", async () => {
    for (const mode of ["vector", "hybrid"] as const) {
      const error = expectCode("INVALID_ARGUMENT", () => db.search("fox", { mode }));
      expect(error.facts).toMatchObject({ option: "mode", mode });
      await expectRejection("INVALID_ARGUMENT", () => db.searchAsync("fox", { mode }));
    }
  });
});

describe("searchAsync", () => {
  test("finds what search finds, and checks what it checks", async () => {
    db.kv.put("a", "fox");
    const { elapsedUs: _, ...expected } = db.search("fox", { highlight: true });
    expect(await db.searchAsync("fox", { highlight: true })).toMatchObject(expected);
    await expectRejection("INVALID_ARGUMENT", () => db.searchAsync("fox", { k: -1 }));
    await expectRejection("INVALID_ARGUMENT", () => db.searchAsync("fox", { signal: {} as AbortSignal }));
  });

  test("rejects with the reason of its signal", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(db.searchAsync("fox", { signal: controller.signal })).rejects.toThrow("enough");
  });
});
