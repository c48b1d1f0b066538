import { Strata } from "stratadb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectCode } from "./expect-code.js";

let db: Strata;
beforeEach(() => {
  db = Strata.cache({ embed: { model: "one", dimension: 2, run: (texts) => texts.map(() => [1, 0]) } });
  db.kv.put("a", "a fish");
  db.events.append("said", { words: "nothing of the kind, but at length" });
  db.vectors.createCollection("docs", { dimension: 2 });
  db.vectors.upsert("docs", "a", [1, 0], { title: "fish" });
});
afterEach(() => db.close());

describe("what a search is asked", () => {
  test("may be more than there is", () => {
    for (const mode of ["keyword", "vector", "hybrid"] as const) {
      const { hits } = db.search("fish", { k: Number.MAX_SAFE_INTEGER, mode, collections: ["docs"] });
      expect(hits.length).toBeGreaterThan(0);
    }
  });

  test("is no embedding when it is no finite vector, whatever collections there are", () => {
    for (const embedding of [[Number.NaN, 1, 2], ["a", "b"], [1, Number.POSITIVE_INFINITY], new Array(3)]) {
      expectCode("INVALID_VALUE", () => db.search("fish", { embedding: embedding as number[] }));
    }
    expectCode("INVALID_ARGUMENT", () => db.search("fish", { embedding: new Float32Array(10_000) }));
    expectCode("DIMENSION_MISMATCH", () => db.search("fish", { embedding: [1, 2, 3], collections: ["docs"] }));
  });

  test("observes of named collections only these", () => {
    const other = db.newHandle();
    const session = db.session();
    session.begin();
    session.search("fish", { embedding: [1, 0], collections: ["docs"], mode: "vector" });
    session.kv.put("mine", 1);
    other.vectors.createCollection("another", { dimension: 2 });
    session.commit();
    session.begin();
    session.search("fish", { embedding: [1, 0], collections: ["docs"], mode: "vector" });
    session.kv.put("mine", 2);
    other.vectors.upsert("docs", "b", [0, 1]);
    expectCode("TRANSACTION_CONFLICT", () => session.commit());
  });
});

test("an entry that no word finds shows the longest of its texts", () => {
  const [hit] = db.search("unrelated", { mode: "keyword", primitives: ["event"] }).hits;
  expect(hit).toBeUndefined();
  const [found] = db.search("said", { primitives: ["event"] }).hits;
  expect(found?.snippet).toBe("said");
});

test("a run takes what is searched of it along in a bundle", async () => {
  db.runs.setTextSearch("default", ["kv"]);
  for (const history of [true, false]) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of db.runs.export("default", { history })) chunks.push(chunk);
    const target = Strata.cache();
    await target.runs.import(chunks, { as: "copy" });
    const copy = target.in({ run: "copy" });
    expect(copy.search("fish").hits).toHaveLength(1);
    expect(copy.search("said").hits).toHaveLength(0);
    target.close();
  }
});

test("a run's keys are counted without what the database keeps for itself", () => {
  const { keys } = db.runs.stats("default");
  db.json.createIndex("$.a");
  expect(db.runs.stats("default").keys).toEqual(keys);
});
