import { describe, expect, test } from "vitest";
import { type Reads, Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const keysOf = (db: Pick<Reads, "vectors">, collection = "docs") => db.vectors.keys(collection);
const nearest = (db: Pick<Reads, "vectors">) => db.vectors.search("docs", [1, 0]).map(({ key }) => key);

/** Three vectors from near to far from `[1, 0]`. */
function filled(db: Strata): Strata {
  db.vectors.createCollection("docs", { dimension: 2 });
  db.vectors.upsertMany("docs", [
    { key: "near", vector: [1, 0.1], metadata: { lang: "en" } },
    { key: "far", vector: [-1, 0] },
    { key: "between", vector: [1, 1], metadata: { lang: "de" } },
  ]);
  return db;
}

describe("vectors on handles", () => {
  test("are in a transaction what it wrote, and outside what was committed", () => {
    using db = filled(Strata.cache());
    db.transaction((txn) => {
      expect(txn.vectors.upsert("docs", "exact", [1, 0])).toBeUndefined();
      txn.vectors.delete("docs", "near");
      expect(nearest(txn)).toEqual(["exact", "between", "far"]);
      expect(nearest(db)).toEqual(["near", "between", "far"]);
    });
    expect(nearest(db)).toEqual(["exact", "between", "far"]);
  });

  test("are in a session what it began, until it rolls back", () => {
    using db = filled(Strata.cache());
    using session = db.session();
    const { vectors } = session;
    session.begin();
    expect(vectors.upsert("docs", "exact", [1, 0])).toBeUndefined();
    expect(vectors.deleteCollection("docs")).toBe(true);
    session.rollback();
    expect(vectors.upsert("docs", "exact", [1, 0])).toBe(db.version);
    expect(nearest(db)).toEqual(["exact", "near", "between", "far"]);
  });

  test("are in a view what they were, in every space", () => {
    using db = filled(Strata.cache());
    const version = db.version;
    const other = db.in({ space: "other" });
    other.vectors.createCollection("docs", { dimension: 1 });
    db.vectors.deleteCollection("docs");
    using view = db.at({ version });
    expect(nearest(view)).toEqual(["near", "between", "far"]);
    expect(view.vectors.get("docs", "near")?.metadata).toEqual({ lang: "en" });
    expect(view.vectors.count("docs", { lang: { $exists: true } })).toBe(2);
    expect("upsert" in view.vectors).toBe(false);
    using elsewhere = view.in({ space: "other" });
    expectCode("COLLECTION_NOT_FOUND", () => keysOf(elsewhere));
    using replayed = db.runs.replay({ run: "default", at: { version } });
    expect(nearest(replayed)).toEqual(["near", "between", "far"]);
  });

  test("go their own way in a fork, and come back by a merge", () => {
    using db = filled(Strata.cache());
    db.runs.fork("default", "try");
    const fork = db.in({ run: "try" });
    fork.vectors.upsert("docs", "exact", [1, 0]);
    fork.vectors.delete("docs", "near");
    db.vectors.upsert("docs", "far", [-1, 0], { lang: "fr" });
    expect(nearest(fork)).toEqual(["exact", "between", "far"]);
    expect(nearest(db)).toEqual(["near", "between", "far"]);
    db.runs.merge("try", "default");
    expect(nearest(db)).toEqual(["exact", "between", "far"]);
    expect(db.vectors.get("docs", "far")?.metadata).toEqual({ lang: "fr" });
    db.runs.revert("default", { from: db.version - 1 });
    expect(nearest(db)).toEqual(["near", "between", "far"]);
  });

  test("are told to whoever watches", async () => {
    using db = filled(Strata.cache());
    const feed = db.watch({ primitives: ["vector"], prefix: "docs/" });
    db.kv.put("k", 1);
    db.vectors.upsert("docs", "a/b", [0.5, 2], { n: 1 });
    const { value } = await feed.next();
    expect(value?.changes).toEqual([
      {
        kind: "put",
        ref: { run: "default", space: "default", primitive: "vector", collection: "docs", key: "a/b" },
        value: { vector: [0.5, 2], metadata: { n: 1 } },
      },
    ]);
    await feed.return?.();
  });

  test("a conflict names collection and key", () => {
    using db = filled(Strata.cache());
    using session = db.session();
    session.begin();
    session.vectors.get("docs", "near");
    session.kv.put("k", 1);
    db.vectors.delete("docs", "near");
    const { facts, message } = expectCode("TRANSACTION_CONFLICT", () => session.commit());
    expect(facts["keys"]).toEqual([
      expect.objectContaining({ space: "default", primitive: "vector", collection: "docs", key: "near" }),
    ]);
    expect(message).toContain('vector "docs/near"');
  });
});

describe("vectors on disk", () => {
  test("are there after a clean end, after none, and after a checkpoint, with their history", async () => {
    const path = newDirectory();
    const before = filled(Strata.open(path));
    before.vectors.upsert("docs", "near", [1, 0.2]);
    await before.checkpoint();
    before.vectors.upsert("docs", "near", [1, 0.3]);
    before.vectors.createCollection("gone", { dimension: 1 });
    before.vectors.deleteCollection("gone");
    const digest = before.at().digest({ history: true });
    await before.shutdown();
    for (let again = 0; again < 2; again++) {
      const db = Strata.open(path);
      expect(db.vectors.listCollections()).toMatchObject([{ name: "docs", dimension: 2, count: 3 }]);
      expect(nearest(db)).toEqual(["near", "between", "far"]);
      expect(db.vectors.history("docs", "near").map((step) => !step.deleted && step.value.vector[1])).toEqual(
        [0.3, 0.2, 0.1].map(Math.fround),
      );
      expect(db.at().digest({ history: true })).toBe(digest);
      expect((await db.verify()).problems).toEqual([]);
      db.close();
    }
  });

  test("travel with their run from one database to another", async () => {
    using source = filled(Strata.cache());
    using target = Strata.cache();
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.runs.export("default")) chunks.push(chunk);
    await target.runs.import(chunks, { as: "copy" });
    const copy = target.in({ run: "copy" });
    expect(nearest(copy)).toEqual(["near", "between", "far"]);
    expect(copy.at().digest()).toBe(source.at().digest());
  });
});
