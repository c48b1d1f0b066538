import { recall, timed } from "./rounds.mjs";
import { clustered, nearest, uniform } from "./vector-data.mjs";
import { hnswlib, sqliteVec, strata, usearch } from "./vector-engines.mjs";

const K = 10;
const GRAPH = { m: 16, efConstruction: 128, efSearch: 64 };

/** Everything is compared with everything. */
export const flatMeasures = [128, 384, 768].map((dimension) => ({
  name: `flat 10k x ${dimension}`,
  async run({ require, scale }) {
    const data = clustered(10_000 * scale, dimension, 100);
    const engines = [
      strata("stratadb f32", data, { index: "flat" }, { exact: true }),
      strata("stratadb int8", data, { index: "flat", quantization: "int8" }),
      sqliteVec(require, data),
    ];
    const expected = data.queries.map((query) => nearest(data.vectors, query, K));
    const results = timed(engines, data.queries).map((result) => ({
      ...result,
      recall: recall(result.found, expected),
    }));
    for (const engine of engines) engine.close?.();
    return results;
  },
}));

/** Graphs, built one vector after the other. */
export const graphMeasures = [
  { shape: "clustered", count: 10_000, dimension: 384 },
  { shape: "uniform", count: 10_000, dimension: 128 },
  { shape: "clustered", count: 100_000, dimension: 128 },
  { shape: "clustered", count: 100_000, dimension: 384 },
].map(({ shape, count, dimension }) => ({
  name: `hnsw ${count / 1000}k x ${dimension} ${shape}`,
  async run({ require, scale }) {
    const data = (shape === "uniform" ? uniform : clustered)(count * scale, dimension, count > 10_000 ? 200 : 1000);
    const expected = data.queries.map((query) => nearest(data.vectors, query, K));
    const peers = [hnswlib(require, data, GRAPH), usearch(require, data, GRAPH)];
    const plain = strata("stratadb hnsw", data, { index: "hnsw", ...GRAPH });
    const engines = [plain, ...peers];
    const seconds = [await plain.build(), ...peers.map((peer) => peer.seconds)];
    const results = timed(engines, data.queries).map((result, index) => ({
      ...result,
      seconds: seconds[index],
      recall: recall(result.found, expected),
    }));
    plain.close();
    return results;
  },
}));

/** The same search at the head, in a fork, at an earlier version and inside a transaction. */
export const viewMeasures = ["flat", "hnsw"].map((index) => ({
  name: `views ${index} 20k x 128`,
  async run({ scale }) {
    const data = clustered(20_000 * scale, 128, 100);
    const head = strata("head", data, { index });
    await head.build();
    const { db } = head;
    const before = db.version;
    db.runs.fork("default", "fork");
    const fork = db.in({ run: "fork" });
    for (let i = 0; i < 100; i++) fork.vectors.upsert("bench", String(i), data.vectors[i + 1]);
    for (let i = 0; i < 100; i++) db.vectors.upsert("bench", String(i + 500), data.vectors[i]);
    await db.vectors.build("bench");
    const past = db.at({ version: before });
    const find = (vectors) => (query) => vectors.search("bench", query, { k: K });
    const engines = [
      { name: "head", search: find(db.vectors) },
      { name: "fork", search: find(fork.vectors) },
      { name: "past", search: find(past.vectors) },
      { name: "transaction", search: (query) => db.transaction((txn) => find(txn.vectors)(query), { readOnly: true }) },
    ];
    const results = timed(engines, data.queries);
    db.close();
    return results;
  },
}));
