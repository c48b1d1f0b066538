import { memoryOf, timed } from "./rounds.mjs";
import { zipfDocuments } from "./text-data.mjs";
import { fts5, minisearch, orama, strata } from "./text-engines.mjs";

const K = 10;
const QUERIES = 200;

export const textMeasures = [
  {
    name: "text 50k documents",
    async run({ require, scale }) {
      const count = 50_000 * scale;
      const { documents, queries, commonQueries } = zipfDocuments(count);
      const sqlite = fts5(require, documents);
      const engines = [
        strata(documents, memoryOf),
        sqlite,
        minisearch(require, documents, memoryOf),
        await orama(require, documents),
      ];
      const built = engines.map(({ name, seconds, megabytes }) => ({
        name: `index, ${name}`,
        perSecond: count / seconds,
        megabytes,
      }));
      const kinds = Object.entries({ terms: queries, "common terms": commonQueries });
      const results = kinds.flatMap(([kind, drawn]) =>
        [1, 2, 4].flatMap((terms) =>
          timed([...engines, sqlite.withTexts], drawn(terms, QUERIES)).map((result) => ({
            ...result,
            name: `${terms} ${kind}, ${result.name}`,
          })),
        ),
      );
      engines[0].db.close();
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
      const fork = db.in({ run: "fork" });
      for (let i = 0; i < 100; i++) fork.kv.put(`doc-${i}`, documents[i + 1]);
      for (let i = 0; i < 100; i++) db.kv.put(`doc-${i + 500}`, documents[i]);
      const past = db.at({ version: before });
      const engines = [
        { name: "head", search: (query) => db.search(query, { k: K }) },
        { name: "fork", search: (query) => fork.search(query, { k: K }) },
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
