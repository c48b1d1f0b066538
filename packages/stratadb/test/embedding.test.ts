import { type Embedder, Strata } from "stratadb";
import { afterEach, describe, expect, test } from "vitest";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const WORDS = ["cat", "dog", "ship"];

/** How often each word occurs, and a little, so that no text is the zero vector. */
function embedder(more: Partial<Embedder> = {}): Embedder {
  return {
    model: "words",
    dimension: WORDS.length + 1,
    targets: [{ primitive: "kv" }],
    run: async (texts) => texts.map((text) => [...WORDS.map((word) => text.split(word).length - 1), 0.1]),
    ...more,
  };
}

const open: Strata[] = [];
afterEach(() => {
  for (const db of open.splice(0)) db.close();
});

function opened(db: Strata): Strata {
  open.push(db);
  return db;
}

/** Until nothing waits. */
async function embedded(db: Strata): Promise<void> {
  while ((db.info().embedding?.pending ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const keys = (result: { readonly hits: readonly { readonly ref: object }[] }) =>
  result.hits.map(({ ref }) => ("key" in ref ? ref.key : undefined));

describe("a database with an embedder", () => {
  test("finds what is near, by itself and together with words, in runs, forks and the past", async () => {
    const db = opened(Strata.openTemp({ embed: embedder() }));
    db.kv.put("a", "a cat");
    db.kv.put("b", "a dog");
    await embedded(db);
    const before = db.version;
    expect(keys(await db.searchAsync("cat cat", { mode: "vector", k: 1 }))).toEqual(["a"]);
    const both = await db.searchAsync("dog");
    expect(both.mode).toBe("hybrid");
    expect(keys(both)[0]).toBe("b");
    db.runs.fork("default", "fork");
    db.kv.put("a", "a ship");
    await embedded(db);
    expect((await db.searchAsync("cat", { mode: "vector" })).hits.map(({ value }) => value)).not.toContain("a cat");
    expect(keys(await db.in({ run: "fork" }).searchAsync("cat", { mode: "vector", k: 1 }))).toEqual(["a"]);
    using past = db.at({ version: before });
    expect(keys(past.search("", { mode: "vector", k: 1, embedding: [1, 0, 0, 0] }))).toEqual(["a"]);
  });

  test("embeds what an earlier opening left waiting", async () => {
    const path = newDirectory();
    const first = Strata.open(path);
    first.kv.put("a", "a cat");
    // Joined, not opened anew: the first opening has none.
    expectCode("INVALID_ARGUMENT", () => Strata.open(path, { embed: embedder() }));
    first.close();
    const db = opened(Strata.open(path, { embed: embedder() }));
    db.kv.put("b", "a dog");
    await embedded(db);
    expect(keys(await db.searchAsync("cat", { mode: "vector" })).sort()).toEqual(["a", "b"]);
  });

  test("does not let a failing embedder near a write, and says so", async () => {
    const db = opened(
      Strata.cache({
        embed: embedder({
          run: () => {
            throw new Error("no model");
          },
        }),
      }),
    );
    expect(db.kv.put("a", "cat")).toBeGreaterThan(0);
    while (db.info().embedding?.lastError === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(db.info().embedding).toEqual({ pending: 1, failed: 0, lastError: "no model" });
    expect(keys(db.search("cat", { mode: "keyword" }))).toEqual(["a"]);
  });

  test("is refused one that is none", () => {
    expectCode("INVALID_ARGUMENT", () => Strata.cache({ embed: embedder({ dimension: 0 }) }));
    expectCode("INVALID_ARGUMENT", () => Strata.cache({ embed: {} as Embedder }));
    expectCode("INVALID_ARGUMENT", () => Strata.cache({ textSearch: { stemming: "latin" as "none" } }));
  });
});

test("what is searched by its words can be said", () => {
  const db = opened(Strata.cache({ textSearch: { stemming: "none", primitives: ["kv", "json"] } }));
  db.kv.put("a", "running");
  db.state.set("cell", "running");
  expect(db.search("running").hits).toHaveLength(1);
  expect(db.search("runs").hits).toHaveLength(0);
  db.runs.setTextSearch("default", ["state"]);
  expect(db.search("running").hits.map(({ ref }) => ref.primitive)).toEqual(["state"]);
});
