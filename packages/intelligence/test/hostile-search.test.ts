import { StrataError } from "@strata/core";
import { CrashVfs, ManualTime } from "@strata/durability/testing";
import { Database, KvStore, type Where } from "@strata/engine";
import { afterEach, describe, expect, test } from "vitest";
import type { Embedder } from "../src/embedding/embedder.js";
import { Embedding } from "../src/embedding/embedding.js";
import { Indexes } from "../src/partition/indexes.js";
import type { SearchOptions } from "../src/search/search-options.js";
import { SearchParts } from "../src/search/search-parts.js";
import { Searcher } from "../src/search/searcher.js";
import { SearchableVectorStore } from "../src/vector/searchable-vectors.js";
import { drive, openSimulated } from "./simulated-search.js";

const MEGABYTE = 1_000_000;

let opened: Database[] = [];

afterEach(() => {
  for (const db of opened) db.close();
  opened = [];
});

function open(options: Parameters<typeof Database.ephemeral>[0] = {}) {
  const db = Database.ephemeral(options);
  opened.push(db);
  const scope = db.head(db.runs.must("default"));
  return {
    db,
    kv: new KvStore(scope),
    texts: new Searcher(SearchParts.of(db), scope),
    vectors: new SearchableVectorStore(scope, Indexes.of(db)),
  };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (StrataError.is(error)) return error.code;
    throw error;
  }
  return "nothing was thrown";
}

function deep(depth: number): Where {
  let where: Where = { n: 1 };
  for (let level = 0; level < depth; level++) where = level % 2 === 0 ? { $not: where } : { $and: [where] };
  return where;
}

describe("a search of vectors", () => {
  function filled(metric: "cosine" | "dot" | "euclidean") {
    const { vectors, ...rest } = open();
    vectors.createCollection("docs", { dimension: 2, metric });
    vectors.upsertMany("docs", [
      { key: "a", vector: [1, 0] },
      { key: "b", vector: [0, 0], metadata: { n: 1 } },
      { key: "c", vector: [-1, 0] },
    ]);
    return { vectors, ...rest };
  }

  test.each<[string, ArrayLike<number>, string]>([
    ["NaN", [Number.NaN, 0], "INVALID_VALUE"],
    ["Infinity", [0, Number.POSITIVE_INFINITY], "INVALID_VALUE"],
    ["more than 32 bits hold", [1e300, 0], "INVALID_VALUE"],
    ["no dimension", [], "DIMENSION_MISMATCH"],
    ["a dimension too many", [1, 2, 3], "DIMENSION_MISMATCH"],
    ["a hole", new Array<number>(2), "INVALID_VALUE"],
    ["texts", ["1", "0"] as unknown as number[], "INVALID_VALUE"],
    ["BigInts", [1n, 0n] as unknown as number[], "INVALID_VALUE"],
    ["a length alone", { length: 2 } as ArrayLike<number>, "INVALID_VALUE"],
    ["a length beyond everything", { length: 2 ** 53 } as ArrayLike<number>, "DIMENSION_MISMATCH"],
    ["nothing", undefined as unknown as number[], "INVALID_VALUE"],
  ])("refuses %s, in queries and in writes, and writes nothing", (_, vector, code) => {
    const { db, vectors } = filled("cosine");
    const { version } = db.runs.must("default");
    expect(codeOf(() => vectors.search("docs", vector))).toBe(code);
    expect(codeOf(() => vectors.upsert("docs", "bad", vector))).toBe(code);
    expect(
      codeOf(() =>
        vectors.upsertMany("docs", [
          { key: "good", vector: [1, 1] },
          { key: "bad", vector },
        ]),
      ),
    ).toBe(code);
    expect(db.runs.must("default").version).toBe(version);
    expect(vectors.count("docs")).toBe(3);
  });

  test.each([
    ["cosine", [0, 0, 0]],
    ["dot", [0, 0, 0]],
    ["euclidean", [1, 0.5, 0.5]],
  ] as const)("%s: for nothing in particular gives every vector a finite score", (metric, scores) => {
    const { vectors } = filled(metric);
    const matches = vectors.search("docs", [0, -0]);
    expect(matches.map(({ score }) => score)).toEqual(scores);
    expect(matches.map(({ key }) => key)).toEqual(metric === "euclidean" ? ["b", "a", "c"] : ["a", "b", "c"]);
    for (const { score } of matches) expect(Object.is(score, -0)).toBe(false);
  });

  test.each(["cosine", "dot", "euclidean"] as const)("%s: of the largest numbers there are gives no NaN", (metric) => {
    const { vectors } = filled(metric);
    const huge = 3.4028234663852886e38;
    vectors.upsertMany("docs", [
      { key: "huge", vector: [huge, huge] },
      { key: "far", vector: [-huge, huge] },
      { key: "tiny", vector: [1e-45, 1e-45] },
    ]);
    for (const query of [
      [huge, huge],
      [-huge, huge],
      [1e-45, 1e-45],
      [1, 0],
    ]) {
      for (const exact of [true, false]) {
        const matches = vectors.search("docs", query, { exact });
        expect(matches).toHaveLength(6);
        for (const { score } of matches) expect(score).not.toBeNaN();
      }
    }
  });

  test("takes any k there may be", () => {
    const { vectors } = filled("dot");
    expect(vectors.search("docs", [1, 0], { k: 0 })).toEqual([]);
    expect(vectors.search("docs", [1, 0], { k: 1_000_000 })).toHaveLength(3);
    expect(vectors.search("docs", [1, 0], { k: Number.MAX_SAFE_INTEGER })).toHaveLength(3);
    for (const k of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3" as unknown as number])
      expect(codeOf(() => vectors.search("docs", [1, 0], { k }))).toBe("INVALID_ARGUMENT");
    expect(vectors.search("docs", [1, 0], { efSearch: 1_000_000 })).toHaveLength(3);
  });

  test("refuses filters that are too deep or too large, and takes those that are not", () => {
    const { vectors } = filled("dot");
    expect(codeOf(() => vectors.search("docs", [1, 0], { filter: deep(100) }))).toBe("INVALID_ARGUMENT");
    expect(codeOf(() => vectors.count("docs", deep(100_000)))).toBe("INVALID_ARGUMENT");
    const wide = { $or: Array.from({ length: 100_000 }, () => ({ n: 1 })) };
    expect(codeOf(() => vectors.search("docs", [1, 0], { filter: wide }))).toBe("INVALID_ARGUMENT");
    expect(vectors.search("docs", [1, 0], { filter: deep(40) }).map(({ key }) => key)).toEqual(["b"]);
  });
});

describe("a search for words", () => {
  const QUERIES: readonly (readonly [string, string])[] = [
    ["a megabyte of one letter", "a".repeat(MEGABYTE)],
    ["a megabyte of one word", "fox ".repeat(MEGABYTE / 4)],
    ["a hundred thousand words", manyOf((i) => `w${i}`)],
    ["a hundred thousand words that must not be there", manyOf((i) => `-w${i}`)],
    ["a hundred thousand begun words", manyOf((i) => `w${i % 10 === 0 ? "" : i}*`)],
    ["a hundred thousand words spelled about so", manyOf((i) => `fxo${i}~2`)],
    ["a phrase of a hundred thousand words", `"${manyOf((i) => `w${i % 100}`)}"`],
    ["fifty thousand phrases", manyOf((i) => (i % 2 === 0 ? `"w${i}` : `w${i}"`))],
    ["a phrase of one word, again and again", `"${"fox ".repeat(MEGABYTE / 4)}"`],
    ["lone surrogates", "\ud83e".repeat(MEGABYTE / 2) + "\udd8a".repeat(MEGABYTE / 2)],
    ["lone surrogates between words", "fox \udd8a\ud83e ".repeat(MEGABYTE / 8)],
    ["operators alone", '+-"~*'.repeat(MEGABYTE / 5)],
    ["signs before nothing", "+ - ~ * ".repeat(MEGABYTE / 8)],
    ["quotes", '"'.repeat(MEGABYTE)],
    ["signs without an end", `${"-".repeat(MEGABYTE)}fox`],
    ["marks upon one letter", `e${"\u0301".repeat(MEGABYTE)}`],
    ["a megabyte of ideographs", "日本語".repeat(MEGABYTE / 3)],
    ["apostrophes", `a${"'".repeat(MEGABYTE)}b`],
    ["zeros", "\0".repeat(MEGABYTE)],
    ["a prefix of a megabyte", `${"a".repeat(MEGABYTE)}*`],
    ["a megabyte spelled about so", `${"a".repeat(MEGABYTE)}~2`],
  ];

  function manyOf(word: (i: number) => string): string {
    return Array.from({ length: 100_000 }, (_, i) => word(i)).join(" ");
  }

  const { kv, texts, db } = open();
  opened.pop();
  kv.putMany(Array.from({ length: 300 }, (_, i) => [`k${i}`, `the fox w${i} w${i % 7} runs after w${i + 1}`] as const));
  kv.put("long", "a".repeat(100_000));

  test.each(QUERIES)("takes %s", (_, query) => {
    for (const options of [{}, { highlight: true, explain: true }] satisfies SearchOptions[]) {
      const { hits } = texts.search(query, options);
      expect(hits.length).toBeLessThanOrEqual(10);
      for (const { score, snippet } of hits) {
        expect(score).toBeGreaterThan(0);
        expect(Number.isFinite(score)).toBe(true);
        expect(snippet.length).toBeLessThanOrEqual(100);
      }
    }
    expect(db.isOpen).toBe(true);
  });

  test.each(QUERIES)("is not put off by a text of %s", (_, text) => {
    const { kv, texts } = open();
    // What is not well formed is refused.
    kv.put("hostile", new TextDecoder().decode(new TextEncoder().encode(text)));
    kv.put("plain", "a zebra");
    expect(texts.search("zebra", { highlight: true }).hits.map(({ ref }) => ref)).toMatchObject([{ key: "plain" }]);
    for (const { snippet } of texts.search("fox w1 a", { highlight: true }).hits)
      expect(snippet.length).toBeLessThanOrEqual(100);
    expect(kv.delete("hostile")).toBe(true);
    expect(texts.search("fox w1").hits).toEqual([]);
  });

  test("takes any k there may be", () => {
    expect(texts.search("fox", { k: 0 })).toMatchObject({ hits: [], truncated: false });
    expect(texts.search("fox", { k: 1_000_000 }).hits).toHaveLength(300);
    expect(codeOf(() => texts.search("fox", { filter: deep(100) }))).toBe("INVALID_ARGUMENT");
  });
});

test("of ten thousand runs that are searched once each, only so many indexes are kept as there is memory for", () => {
  const RUNS = 10_000;
  const { db, kv, vectors } = open({ memoryBudgetBytes: 100_000 });
  kv.put("inherited", "a fox");
  vectors.createCollection("docs", { dimension: 2 });
  vectors.upsert("docs", "one", [1, 0]);
  const parts = SearchParts.of(db);
  const indexes = Indexes.of(db);
  const first = db.runs.must("default");
  const most: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const name = `r${i}`;
    db.fork(first, [name]);
    const scope = db.head(db.runs.must(name));
    if (i % 3 === 0) new KvStore(scope).put("own", `fox ${i}`);
    const searcher = new Searcher(parts, scope);
    expect(searcher.search("fox").hits.length).toBe(i % 3 === 0 ? 2 : 1);
    if (i % 10 === 0) expect(new SearchableVectorStore(scope, indexes).search("docs", [1, 0])).toHaveLength(1);
    if (i % 1000 === 999) most.push(kept(indexes));
  }
  expect(Math.max(...most)).toBeLessThan(500);
  expect(most.at(-1)).toBeLessThanOrEqual(most[1]! * 1.2 + 10);
});

/** Partitions in memory. */
function kept(indexes: Indexes): number {
  let count = 0;
  for (const image of indexes.images()) {
    image.dropped();
    count++;
  }
  return count;
}

describe("an embedder", () => {
  const never = new Promise<never>(() => {});
  const GARBAGE: readonly unknown[] = [
    undefined,
    null,
    [],
    [[]],
    [
      [1, 2],
      [3, 4],
    ],
    [[1, Number.NaN]],
    [[1, Number.POSITIVE_INFINITY]],
    [[1]],
    [null],
    ["12"],
    "12",
    { 0: [1, 2], length: 1 },
    [{ length: 2 }],
    [[1n, 2n]],
    42,
  ];

  function embedded(run: (texts: readonly string[]) => unknown) {
    const time = new ManualTime();
    const db = openSimulated(new CrashVfs(), { time, memoryBudgetBytes: 2 ** 30 });
    opened.push(db);
    const embedder = { model: "hostile", dimension: 2, run, targets: [{ primitive: "kv" }] } as unknown as Embedder;
    Embedding.begin(db, Embedding.check(embedder));
    const scope = db.head(db.runs.must("default"));
    return { db, time, kv: new KvStore(scope), texts: new Searcher(SearchParts.of(db), scope) };
  }

  async function pass(time: ManualTime, ms: number): Promise<void> {
    for (let i = 0; i < 20; i++) {
      time.advance(ms / 20);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  }

  test.each(GARBAGE.map((given, i) => [i, given] as const))(
    "that answers garbage (%i) fails nothing but the search that asked for it",
    async (_, given) => {
      const { db, time, kv, texts } = embedded((texts) => (texts[0] === "fox" ? given : Promise.resolve(given)));
      kv.put("a", "the fox");
      await pass(time, 10_000);
      expect(Embedding.statusOf(db)).toMatchObject({ pending: 1, failed: 0, lastError: expect.any(String) });
      expect(texts.search("fox", { mode: "keyword" }).hits).toHaveLength(1);
      expect(() => texts.search("fox", { mode: "vector" })).toThrow(Error);
      await expect(texts.searchAsync("fox", { mode: "vector" })).rejects.toThrow(Error);
      kv.put("b", "another fox");
      expect(texts.search("fox", { mode: "keyword" }).hits).toHaveLength(2);
    },
  );

  test("that throws shows in what is said of it, and holds up no write", async () => {
    const { db, time, kv, texts } = embedded(() => {
      throw new TypeError("the model is away");
    });
    for (let i = 0; i < 10; i++) kv.put(`k${i}`, `fox ${i}`);
    await pass(time, 10_000);
    expect(Embedding.statusOf(db)).toMatchObject({ pending: 10, lastError: "the model is away" });
    expect(texts.search("fox", { mode: "keyword" }).hits).toHaveLength(10);
    expect(() => texts.search("fox", { mode: "hybrid" })).toThrow("the model is away");
  });

  test("that never answers holds up no write, no other search, and no end", async () => {
    const { db, time, kv, texts } = embedded(() => never);
    kv.put("a", "the fox");
    await pass(time, 1_000);
    kv.put("b", "another fox");
    expect(texts.search("fox").mode).toBe("keyword");
    expect(texts.search("fox").hits).toHaveLength(2);
    await pass(time, 200_000);
    expect(Embedding.statusOf(db)!.lastError).toMatch("did not answer");
    const waiting = new AbortController();
    const search = texts.searchAsync("fox", { mode: "vector" }, waiting.signal);
    const reason = new Error("nobody waits any more");
    waiting.abort(reason);
    await expect(search).rejects.toBe(reason);
    await drive(time, db.shutdown());
    expect(db.isOpen).toBe(false);
    // Nothing waits for it any more.
    expect(time.pending).toBe(0);
  });
});
