import { Strata } from "stratadb";

const K = 10;

/** Ours, over the public surface. @param options of the collection */
export function strata(name, { vectors }, options, search = {}) {
  const db = Strata.cache();
  const dimension = vectors[0].length;
  db.vectors.createCollection("bench", { dimension, metric: "cosine", ...options });
  const begun = performance.now();
  for (let from = 0; from < vectors.length; from += 1000) {
    const entries = vectors.slice(from, from + 1000).map((vector, index) => ({ key: String(from + index), vector }));
    db.vectors.upsertMany("bench", entries);
  }
  const find = (query) => db.vectors.search("bench", query, { k: K, ...search }).map(({ key }) => Number(key));
  find(vectors[0]);
  const build = async () => {
    await db.vectors.build("bench");
    return (performance.now() - begun) / 1000;
  };
  return { name, search: find, build, db, close: () => db.close() };
}

export function sqliteVec(require, { vectors }) {
  const Database = require("better-sqlite3");
  const db = new Database(":memory:");
  require("sqlite-vec").load(db);
  db.exec(`CREATE VIRTUAL TABLE v USING vec0(embedding float[${vectors[0].length}] distance_metric=cosine)`);
  const insert = db.prepare("INSERT INTO v(rowid, embedding) VALUES (?, ?)");
  const bytes = (vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  db.transaction(() => {
    for (const [index, vector] of vectors.entries()) insert.run(BigInt(index), bytes(vector));
  })();
  const find = db.prepare(`SELECT rowid FROM v WHERE embedding MATCH ? AND k = ${K}`).pluck();
  return { name: "sqlite-vec", search: (query) => find.all(bytes(query)), close: () => db.close() };
}

export function hnswlib(require, { vectors }, { m, efConstruction, efSearch }) {
  const { HierarchicalNSW } = require("hnswlib-node");
  const index = new HierarchicalNSW("cosine", vectors[0].length);
  index.initIndex({ maxElements: vectors.length, m, efConstruction, randomSeed: 100 });
  const begun = performance.now();
  for (const [label, vector] of vectors.entries()) index.addPoint(Array.from(vector), label);
  const seconds = (performance.now() - begun) / 1000;
  index.setEf(efSearch);
  return { name: "hnswlib-node", search: (query) => index.searchKnn(Array.from(query), K).neighbors, seconds };
}

export function usearch(require, { vectors }, { m, efConstruction, efSearch }) {
  const { Index, MetricKind, ScalarKind } = require("usearch");
  const index = new Index({
    metric: MetricKind.Cos,
    quantization: ScalarKind.F32,
    connectivity: m,
    dimensions: vectors[0].length,
    expansion_add: efConstruction,
    expansion_search: efSearch,
  });
  const begun = performance.now();
  for (const [label, vector] of vectors.entries()) index.add(BigInt(label), vector);
  const seconds = (performance.now() - begun) / 1000;
  return { name: "usearch f32", search: (query) => Array.from(index.search(query, K, 1).keys, Number), seconds };
}
