import { Strata } from "stratadb";

const K = 10;

/** Ours: documents are values of keys, as users put them. */
export function strata(documents, memoryOf) {
  const db = Strata.cache();
  for (let from = 0; from < documents.length; from += 1000) {
    db.kv.putMany(documents.slice(from, from + 1000).map((text, index) => [`doc-${from + index}`, text]));
  }
  let seconds;
  const { megabytes, residentMegabytes } = memoryOf(() => {
    const begun = performance.now();
    db.search("warm");
    seconds = (performance.now() - begun) / 1000;
  });
  const search = (query) => db.search(query, { k: K }).hits.map(({ ref }) => Number(ref.key.slice(4)));
  return { name: "stratadb", search, seconds, megabytes, residentMegabytes, db };
}

export function fts5(require, documents) {
  const Database = require("better-sqlite3");
  const db = new Database(":memory:");
  db.exec("CREATE VIRTUAL TABLE t USING fts5(body, tokenize = 'porter unicode61')");
  const insert = db.prepare("INSERT INTO t(rowid, body) VALUES (?, ?)");
  const begun = performance.now();
  db.transaction(() => {
    for (const [index, text] of documents.entries()) insert.run(index, text);
  })();
  const seconds = (performance.now() - begun) / 1000;
  const find = db.prepare(`SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT ${K}`).pluck();
  const score = db.prepare("SELECT rowid, bm25(t) AS score FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT ?");
  const any = (query) => query.split(" ").join(" OR ");
  const search = (query) => find.all(any(query));
  const shown = db.prepare(
    `SELECT rowid, body, snippet(t, 0, '', '', '…', 16) FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT ${K}`,
  );
  return {
    name: "SQLite FTS5, numbers only",
    search,
    seconds,
    scores: (query, limit) => score.all(any(query), limit),
    /** With what our hits have: the text and a snippet of it. */
    withTexts: { name: "SQLite FTS5, with texts and snippets", search: (query) => shown.all(any(query)) },
  };
}

export function minisearch(require, documents, memoryOf) {
  const MiniSearch = require("minisearch");
  const index = new MiniSearch({ fields: ["body"], storeFields: [] });
  const rows = documents.map((body, id) => ({ id, body }));
  let seconds;
  const { megabytes, residentMegabytes } = memoryOf(() => {
    const begun = performance.now();
    index.addAll(rows);
    seconds = (performance.now() - begun) / 1000;
  });
  const search = (query) =>
    index
      .search(query)
      .slice(0, K)
      .map(({ id }) => id);
  return { name: "MiniSearch", search, seconds, megabytes, residentMegabytes };
}

export async function orama(require, documents) {
  const { create, insertMultiple, search: find } = require("@orama/orama");
  const index = create({ schema: { body: "string" } });
  const rows = documents.map((body, id) => ({ id: String(id), body }));
  const begun = performance.now();
  await insertMultiple(index, rows, 1000);
  const seconds = (performance.now() - begun) / 1000;
  const search = (query) =>
    find(index, { term: query, limit: K, properties: ["body"] }).hits.map(({ id }) => Number(id));
  return { name: "Orama", search, seconds };
}
