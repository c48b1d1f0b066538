import { StrataError } from "@strata/core";
import { ManualTime } from "@strata/durability/testing";
import { Database, EMBEDDINGS_SPACE, VectorReader } from "@strata/engine";
import { describe, expect, test } from "vitest";
import { SearchParts } from "../search/search-parts.js";
import { Searcher } from "../search/searcher.js";
import { SpaceScope } from "../search/space-scope.js";
import type { Embedder } from "./embedder.js";
import { Embedding } from "./embedding.js";

const WORDS = ["cat", "dog", "car", "sea"];

/** As many as each word occurs, and one, so that no text is the zero vector. */
const vectorOf = (text: string) => Float32Array.from([...WORDS.map((word) => text.split(word).length - 1), 0.1]);

function embedder(options: Partial<Embedder> = {}): Embedder & { calls: string[][] } {
  const calls: string[][] = [];
  return {
    model: "words",
    dimension: WORDS.length + 1,
    targets: [{ primitive: "kv" }],
    run: async (texts, { purpose }) => {
      if (purpose === "document") calls.push([...texts]);
      return texts.map(vectorOf);
    },
    ...options,
    calls,
  };
}

function open(given: Embedder, database?: Database) {
  const time = new ManualTime();
  const db = database ?? Database.ephemeral({ clock: time, timer: time });
  Embedding.begin(db, Embedding.check(given));
  const searcher = (run = "default") => new Searcher(SearchParts.of(db), db.head(db.runs.must(run)));
  /** In steps that are shorter than a call may take. */
  const pass = async (ms = 50, steps = 40) => {
    for (let i = 0; i < steps; i++) {
      time.advance(ms / steps);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const embedded = (run = "default") => {
    const scope = SpaceScope.of(db.head(db.runs.must(run)), EMBEDDINGS_SPACE);
    const vectors = new VectorReader(scope);
    return vectors.listCollections().flatMap(({ name }) => vectors.keys(name).map((key) => `${name}/${key}`));
  };
  return { db, searcher, pass, embedded, time };
}

const keysOf = (result: { readonly hits: readonly { readonly ref: object }[] }) =>
  result.hits.map(({ ref }) => (ref as { key?: string }).key);

describe("embedding in the background", () => {
  test("makes entries found by nearness, and lets go of those that are gone", async () => {
    const { db, searcher, pass, embedded } = open(embedder());
    db.put("default", "a", "cat cat");
    db.put("default", "b", "dog");
    db.put("default", "n", 7);
    expect(Embedding.statusOf(db)).toMatchObject({ pending: 3 });
    await pass();
    expect(embedded()).toEqual(["kv:default/a", "kv:default/b"]);
    expect(Embedding.statusOf(db)).toEqual({ pending: 0, failed: 0 });
    const result = await searcher().searchAsync("a big cat", { mode: "vector", k: 1 });
    expect(result.mode).toBe("vector");
    expect(keysOf(result)).toEqual(["a"]);
    db.delete("default", "a");
    expect(keysOf(await searcher().searchAsync("a big cat", { mode: "vector", k: 1 }))).toEqual(["b"]);
    await pass();
    expect(embedded()).toEqual(["kv:default/b"]);
  });

  test("never finds an entry by what it was before", async () => {
    const { db, searcher, pass } = open(embedder());
    db.put("default", "a", "cat");
    await pass();
    db.put("default", "a", "dog");
    expect(keysOf(await searcher().searchAsync("cat", { mode: "vector" }))).toEqual([]);
    await pass();
    expect(keysOf(await searcher().searchAsync("dog", { mode: "vector" }))).toEqual(["a"]);
  });

  test("is inherited by forks, which embed what they write themselves", async () => {
    const given = embedder();
    const { db, searcher, pass } = open(given);
    db.put("default", "a", "cat");
    await pass();
    db.fork(db.runs.must("default"), ["child"]);
    db.put("child", "b", "cat cat");
    await pass();
    expect(given.calls.flat()).toEqual(["cat", "cat cat"]);
    expect(keysOf(await searcher("child").searchAsync("cat", { mode: "vector" })).sort()).toEqual(["a", "b"]);
    expect(keysOf(await searcher().searchAsync("cat", { mode: "vector" }))).toEqual(["a"]);
  });

  test("that fails holds up no write, is tried again, and shows", async () => {
    let fails = true;
    const given = embedder({
      run: async (texts) => {
        if (fails) throw new Error("the model is down");
        return texts.map(vectorOf);
      },
    });
    const { db, pass, embedded } = open(given);
    db.put("default", "a", "cat");
    await pass();
    expect(db.get("default", "a")).toBe("cat");
    expect(Embedding.statusOf(db)).toEqual({ pending: 1, failed: 0, lastError: "the model is down" });
    fails = false;
    await pass(2_000);
    expect(embedded()).toEqual(["kv:default/a"]);
    expect(Embedding.statusOf(db)).toEqual({ pending: 0, failed: 0 });
  });

  test("puts a text aside that always fails, and goes on with the others", async () => {
    const given = embedder({
      run: async (texts) => {
        if (texts.some((text) => text.includes("poison"))) throw new Error("cannot");
        return texts.map(vectorOf);
      },
    });
    const { db, pass, embedded } = open(given);
    for (let i = 0; i < 5; i++) db.put("default", `k${i}`, i === 2 ? "poison" : "cat");
    await pass(10_000_000, 400);
    expect(embedded()).toEqual([0, 1, 3, 4].map((i) => `kv:default/k${i}`));
    expect(Embedding.statusOf(db)).toMatchObject({ pending: 0, failed: 1 });
  });

  test("begins anew with another model", async () => {
    const { db, pass, time } = open(embedder());
    db.put("default", "a", "cat");
    await pass();
    const other = embedder({ model: "other", dimension: 2, run: async (texts) => texts.map(() => [1, 2]) });
    const second = Database.ephemeral({ clock: time, timer: time });
    second.put("default", "unrelated", 1);
    Embedding.begin(db, Embedding.check(other));
    await pass();
    const scope = SpaceScope.of(db.head(db.runs.must("default")), EMBEDDINGS_SPACE);
    expect(new VectorReader(scope).get("kv:default", "a")?.vector).toEqual(Float32Array.from([1, 2]));
  });

  test("embeds the part that the target names, of events, documents and chosen keys", async () => {
    const given = embedder({
      targets: [
        { primitive: "json", path: "body", prefix: "note/" },
        { primitive: "event", prefix: "said" },
      ],
    });
    const { db, pass } = open(given);
    const scope = db.head(db.runs.must("default"));
    const { JsonDocumentStore, EventLogStore } = await import("@strata/engine");
    const json = new JsonDocumentStore(scope);
    json.put("note/1", { title: "dog", body: "cat" });
    json.put("other", { body: "sea" });
    const events = new EventLogStore(scope);
    events.append("said", { words: "car" });
    events.append("done", { words: "sea" });
    await pass();
    expect(given.calls.flat().sort()).toEqual(["car", "cat"]);
  });
});

describe("a query", () => {
  test("is embedded at once by an embedder that does not keep waiting", async () => {
    const { db, searcher, pass } = open(embedder({ run: (texts) => texts.map(vectorOf) }));
    db.put("default", "a", "cat");
    await pass();
    expect(searcher().search("cat")).toMatchObject({ mode: "hybrid" });
    expect(keysOf(searcher().search("cat", { mode: "vector" }))).toEqual(["a"]);
  });

  test("is searched by its words where it could only be waited for, unless nearness is asked for", async () => {
    const { db, searcher, pass } = open(embedder());
    db.put("default", "a", "cat");
    await pass();
    expect(searcher().search("cat")).toMatchObject({ mode: "keyword" });
    expect(() => searcher().search("cat", { mode: "hybrid" })).toThrow(
      expect.objectContaining({ code: "EMBEDDER_IS_ASYNC" }),
    );
    expect(await searcher().searchAsync("cat")).toMatchObject({ mode: "hybrid" });
  });
});

describe("an embedder that fails at a query", () => {
  const failing = () => {
    throw new Error("down");
  };

  test("leaves searches by words, unless nearness is asked for", async () => {
    const { db, searcher, pass } = open(embedder({ run: (texts) => texts.map(vectorOf) }));
    db.put("default", "a", "cat");
    await pass();
    for (const run of [failing, async () => failing()]) {
      SearchParts.of(db).embedder = Embedding.check(embedder({ run }));
      if (run === failing) expect(searcher().search("cat")).toMatchObject({ mode: "keyword" });
      expect(await searcher().searchAsync("cat")).toMatchObject({ mode: "keyword" });
      await expect(searcher().searchAsync("cat", { mode: "vector" })).rejects.toThrow("down");
    }
  });

  test("that never answers is left as soon as the caller gives up", async () => {
    const { db, searcher, pass } = open(embedder());
    db.put("default", "a", "cat");
    await pass();
    SearchParts.of(db).embedder = Embedding.check(embedder({ run: () => new Promise(() => {}) }));
    const giving = new AbortController();
    const searching = searcher().searchAsync("cat", {}, giving.signal);
    giving.abort(new Error("enough"));
    await expect(searching).rejects.toThrow("enough");
  });
});

test("what is no embedder is refused", () => {
  const good = embedder();
  for (const bad of [
    { ...good, model: "" },
    { ...good, dimension: 0 },
    { ...good, dimension: 1.5 },
    { ...good, run: undefined },
    { ...good, targets: [{ primitive: "state" }] },
    { ...good, targets: [{ spaces: "all" }] },
    { ...good, targets: [{ spaces: ["_system_embeddings"] }] },
    { ...good, targets: [{ spaces: ["A b"] }] },
    { ...good, targets: [{ path: "a[" }] },
    { ...good, targets: [{ pth: "a" }] },
    undefined,
  ]) {
    expect(() => Embedding.check(bad as unknown as Embedder)).toThrow(StrataError);
  }
});
