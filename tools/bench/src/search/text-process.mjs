/**
 * One engine over the documents, in a process of its own: other engines' garbage and code are not in its way. Told `{ kind, terms, count }`, it
 * goes through that many queries once, and again against the clock, and tells how long each took.
 */
import { peers } from "./peers.mjs";
import { memoryOf } from "./rounds.mjs";
import { zipfDocuments } from "./text-data.mjs";
import { fts5, minisearch, orama, strata } from "./text-engines.mjs";

const [name, documentCount] = [process.argv[2], Number(process.argv[3])];
const { documents, ...drawn } = zipfDocuments(documentCount);
const makers = {
  stratadb: () => strata(documents, memoryOf),
  fts5: () => fts5(peers(), documents),
  "fts5 texts": () => ({ ...fts5(peers(), documents).withTexts }),
  minisearch: () => minisearch(peers(), documents, memoryOf),
  orama: () => orama(peers(), documents),
};
const engine = await makers[name]();
const asked = new Map();

process.on("message", ({ kind, terms, count }) => {
  const key = `${kind} ${terms}`;
  if (!asked.has(key)) asked.set(key, drawn[kind](terms, count));
  const queries = asked.get(key);
  for (const query of queries) engine.search(query);
  const times = queries.map((query) => {
    const begun = process.hrtime.bigint();
    engine.search(query);
    return Number(process.hrtime.bigint() - begun) / 1000;
  });
  process.send(times);
});
const { seconds, megabytes } = engine;
process.send({ name: engine.name, seconds, megabytes });
