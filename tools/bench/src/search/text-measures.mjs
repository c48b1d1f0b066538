import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { memoryOf, quantiles, ROUNDS, timed } from "./rounds.mjs";
import { zipfDocuments } from "./text-data.mjs";
import { fts5, strata } from "./text-engines.mjs";

const K = 10;
const QUERIES = 200;
const PROCESS = fileURLToPath(new URL("./text-process.mjs", import.meta.url));

/** An engine in a process of its own. */
class TextProcess {
  #child;

  static async start(name, count) {
    const engine = new TextProcess();
    engine.#child = fork(PROCESS, [name, String(count)], { execArgv: ["--expose-gc"] });
    const [facts] = await once(engine.#child, "message");
    return Object.assign(engine, facts);
  }

  /** @returns the µs that each query took. */
  async turn(what) {
    this.#child.send(what);
    const [times] = await once(this.#child, "message");
    return times;
  }

  end() {
    this.#child.kill();
  }
}

export const textMeasures = [
  {
    name: "text 50k documents",
    async run({ scale }) {
      const count = 50_000 * scale;
      const engines = [];
      for (const name of ["stratadb", "fts5", "minisearch", "orama", "fts5 texts"]) {
        engines.push(await TextProcess.start(name, count));
      }
      const results = [];
      for (const [kind, what] of Object.entries({ queries: "terms", commonQueries: "common terms" })) {
        for (const terms of [1, 2, 4]) {
          const times = engines.map(() => []);
          for (let round = 0; round <= ROUNDS; round++) {
            for (const [index, engine] of engines.entries()) {
              const turn = await engine.turn({ kind, terms, count: QUERIES });
              if (round > 0) times[index].push(...turn);
            }
          }
          for (const [index, engine] of engines.entries()) {
            results.push({ name: `${terms} ${what}, ${engine.name}`, ...quantiles(times[index]) });
          }
        }
      }
      for (const engine of engines) engine.end();
      const built = engines
        .filter(({ seconds }) => seconds !== undefined)
        .map(({ name, seconds, megabytes }) => ({ name: `index, ${name}`, perSecond: count / seconds, megabytes }));
      return [...built, ...results];
    },
  },
  {
    name: "text views 50k documents",
    async run({ scale }) {
      const { documents, queries } = zipfDocuments(50_000 * scale);
      const { db } = strata(documents, memoryOf);
      const before = db.version;
      db.runs.fork("default", "fork");
      const forked = db.in({ run: "fork" });
      for (let i = 0; i < 100; i++) forked.kv.put(`doc-${i}`, documents[i + 1]);
      for (let i = 0; i < 100; i++) db.kv.put(`doc-${i + 500}`, documents[i]);
      const past = db.at({ version: before });
      const engines = [
        { name: "head", search: (query) => db.search(query, { k: K }) },
        { name: "fork", search: (query) => forked.search(query, { k: K }) },
        { name: "past", search: (query) => past.search(query, { k: K }) },
        {
          name: "transaction",
          search: (query) => db.transaction((txn) => txn.search(query, { k: K }), { readOnly: true }),
        },
      ];
      const results = [1, 2, 4].flatMap((terms) =>
        timed(engines, queries(terms, QUERIES)).map((result) => ({
          ...result,
          name: `${terms} terms, ${result.name}`,
        })),
      );
      db.close();
      return results;
    },
  },
  {
    name: "text judge",
    /** FTS5's bm25() says what the scores are: on words that neither stems, ours must be the same up to the idf of the two. */
    async run({ require, scale }) {
      const { documents, queries } = zipfDocuments(10_000 * scale);
      const ours = strata(documents, memoryOf);
      const judge = fts5(require, documents);
      const asked = queries(1, 100);
      let agreed = 0;
      let asSearched = 0;
      for (const query of asked) {
        const scores = new Map(judge.scores(query, documents.length).map(({ rowid, score }) => [rowid, -score]));
        const hits = ours.db.search(query, { k: K }).hits;
        const best = [...scores.values()].sort((a, b) => b - a).slice(0, hits.length);
        asSearched += hits.length;
        for (const [rank, { ref }] of hits.entries()) {
          const score = scores.get(Number(ref.key.slice(4))) ?? 0;
          if (Math.abs(score - best[rank]) <= 1e-6 * Math.abs(best[rank])) agreed++;
        }
      }
      ours.db.close();
      return [{ name: "ranks that FTS5's bm25() gives the same score", recall: agreed / asSearched }];
    },
  },
];
