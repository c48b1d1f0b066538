import { StrataError } from "@strata/core";
import { ManualTime } from "@strata/durability/testing";
import { Database, EMBEDDINGS_SPACE, EventLogStore, JsonDocumentStore, KvStore, VectorReader } from "@strata/engine";
import { describe, expect, test } from "vitest";
import type { SearchOptions } from "../search/search-options.js";
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

  test("does not pass over what a fork inherits without a vector", async () => {
    const { db, pass, embedded } = open(embedder());
    db.put("default", "a", "cat");
    await pass();
    db.put("default", "b", "dog");
    db.fork(db.runs.must("default"), ["child"]);
    db.put("child", "c", "sea");
    await pass();
    expect(embedded("child")).toEqual(["kv:default/a", "kv:default/b", "kv:default/c"]);
    expect(embedded()).toEqual(["kv:default/a", "kv:default/b"]);
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

  test("that fails is tried again ever more rarely, and begins with short waits after it went well", async () => {
    let fails = true;
    const calls: number[] = [];
    const given = embedder({
      run: async (texts) => {
        calls.push(time.now() / 1000);
        if (fails) throw new Error("the model is down");
        return texts.map(vectorOf);
      },
    });
    const { db, time, pass } = open(given);
    const waits = () => calls.slice(1).map((at, before) => Math.round((at - (calls[before] ?? 0)) / 1000));
    for (const key of ["a", "b", "c"]) db.put("default", key, "cat");
    // Together once, and then each alone until it is put aside.
    await pass(3_000_000, 12_000);
    expect(waits()).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300, 300]);
    expect(Embedding.statusOf(db)).toMatchObject({ pending: 0, failed: 3 });
    fails = false;
    db.put("default", "d", "cat");
    await pass(1_000);
    expect(Embedding.statusOf(db)?.pending).toBe(0);
    fails = true;
    calls.length = 0;
    db.put("default", "e", "cat");
    await pass(10_000, 200);
    expect(waits().slice(0, 2)).toEqual([1, 2]);
  });

  test("does not keep a vector of what was written over while it was made", async () => {
    let give = () => {};
    const given = embedder({
      run: (texts) =>
        new Promise((resolve) => {
          give = () => resolve(texts.map(vectorOf));
        }),
    });
    const { db, pass, embedded } = open(given);
    db.put("default", "a", "cat");
    await pass();
    db.put("default", "a", "dog");
    give();
    await pass(5);
    expect(embedded()).toEqual([]);
    await pass();
    give();
    await pass();
    expect(embedded()).toEqual(["kv:default/a"]);
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

describe("entries found by nearness", () => {
  const near = (given: Searcher, options: SearchOptions = {}) =>
    given
      .searchAsync("cat", { mode: "vector", ...options })
      .then(({ hits }) => hits.map(({ ref }) => ("key" in ref ? ref.key : `${"type" in ref ? ref.type : ""}`)));

  test("are narrowed as others are", async () => {
    const { db, searcher, pass, time } = open(embedder({ targets: [{}] }));
    const scope = db.head(db.runs.must("default"));
    new KvStore(scope).put("a/1", { text: "cat", n: 1 });
    new EventLogStore(scope).append("seen", { text: "cat cat", n: 1 });
    await pass(1000);
    const middle = time.now();
    await pass(1000);
    new KvStore(scope).put("b/1", { text: "cat dog", n: 2 });
    new EventLogStore(scope).append("heard", { text: "cat sea", n: 2 });
    await pass(1000);
    expect((await near(searcher())).sort()).toEqual(["a/1", "b/1", "heard", "seen"]);
    expect(await near(searcher(), { prefix: "a" })).toEqual(["a/1"]);
    expect(await near(searcher(), { prefix: "he" })).toEqual(["heard"]);
    expect(await near(searcher(), { types: ["seen"] })).toEqual(["seen"]);
    expect((await near(searcher(), { filter: { n: 2 } })).sort()).toEqual(["b/1", "heard"]);
    expect((await near(searcher(), { timeRange: { end: middle } })).sort()).toEqual(["a/1", "seen"]);
    expect((await near(searcher(), { timeRange: { start: middle } })).sort()).toEqual(["b/1", "heard"]);
    expect(await near(searcher(), { primitives: ["json", "state"] })).toEqual([]);
    expect(await near(searcher(), { timeRange: { start: middle }, prefix: "b", k: 1 })).toEqual(["b/1"]);
  });

  test("are not events of a space that was dropped, in place of those that came after them", async () => {
    const { db, pass } = open(embedder({ targets: [{ primitive: "event" }] }));
    const run = db.runs.must("default");
    new EventLogStore(db.head(run, "b")).append("old", { text: "cat" });
    await pass();
    const found = () => near(new Searcher(SearchParts.of(db), db.head(run, "b")));
    expect(await found()).toEqual(["old"]);
    db.spaces(run).delete("b", { force: true });
    new EventLogStore(db.head(run, "b")).append("new", { text: "dog" });
    expect(await found()).toEqual([]);
    await pass();
    expect(await found()).toEqual(["new"]);
  });

  test("come behind those found by words where both count the same", async () => {
    const { db, searcher, pass } = open(embedder({ targets: [{ primitive: "kv", prefix: "a" }] }));
    db.put("default", "a", "dog");
    db.put("default", "z", "the sea");
    await pass();
    const { hits } = await searcher().searchAsync("sea");
    expect(hits.map(({ score }) => score)).toEqual([1 / 61, 1 / 61]);
    expect(keysOf({ hits })).toEqual(["z", "a"]);
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
