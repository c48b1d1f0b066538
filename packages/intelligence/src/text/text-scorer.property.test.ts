import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type NaiveDocument, naiveTextSearch } from "../../test/naive-text-search.js";
import { RandomCorpus } from "../../test/random-corpus.js";
import { parseQuery } from "./query.js";
import { TextScorer } from "./text-scorer.js";
import type { TextLayer } from "./text-view.js";

const SYLLABLES = ["ab", "ra", "run", "ning", "s", "ed", "te", "日本", "語", "é", "'s", "7", "ness"];

const word = fc.array(fc.constantFrom(...SYLLABLES), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
const item = fc.oneof(
  { weight: 4, arbitrary: word },
  word.map((text) => `${text.slice(0, 3)}*`),
  word.map((text) => `${text}~`),
  fc.tuple(word, fc.constantFrom("~1", "~2")).map(([text, suffix]) => text + suffix),
  fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => `"${words.join(" ")}"`),
  fc.tuple(word, word).map(([a, b]) => `"${a} ${b.slice(0, 2)}*"`),
  fc.tuple(word, word).map(([a, b]) => `${a}.${b}`),
  fc.constantFrom("a", "b", "r*", "s*", "a*", "runs~2", "*", "日", "\ud800", '"', "+", "-"),
);
const sign = fc.constantFrom("", "", "", "", "+", "-");
const query = fc
  .oneof(
    { weight: 4, arbitrary: fc.array(fc.tuple(sign, item), { minLength: 1, maxLength: 6 }) },
    fc.array(fc.tuple(fc.constantFrom("", "", "", "", "", "", "", "", "+"), word), { minLength: 10, maxLength: 60 }),
  )
  .map((items) => items.map(([sign, text]) => sign + text).join(" "));

const search = fc.record({
  query,
  k: fc.constantFrom(1, 3, 10, 1000),
  // Of the versions so far, as a part of them.
  at: fc.oneof(
    fc.constant(1),
    fc.integer({ min: 0, max: 20 }).map((part) => part / 20),
  ),
  hidden: fc.constantFrom(0, 0, 0.02, 0.5),
});

const scenario = fc.record({
  seed: fc.integer(),
  stems: fc.boolean(),
  layers: fc.integer({ min: 1, max: 3 }),
  documents: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 100, max: 700 })),
  deaths: fc.constantFrom(0, 0.05, 0.5),
  k1: fc.constantFrom(1.2, 0, 0.9, 3),
  b: fc.constantFrom(0.75, 0, 1),
  // Searches after each part of the documents came.
  searches: fc.array(fc.array(search, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
});

describe("scores", () => {
  test("are those of naive BM25 over the documents that the reader sees, whatever is asked for, at every version", () => {
    let found = 0;
    fc.assert(
      fc.property(scenario, ({ seed, stems, layers, documents, deaths, k1, b, searches }) => {
        const corpora = Array.from({ length: layers }, (_, layer) => new RandomCorpus(seed + layer, SYLLABLES, stems));
        for (const part of searches) {
          for (const corpus of corpora) corpus.grow(Math.ceil(documents / searches.length / layers), deaths);
          for (const { query, k, at, hidden } of part) {
            const views = corpora.map((corpus) => corpus.view(Math.round(corpus.version * at), hidden));
            const all: NaiveDocument[] = views.flatMap((view, layer) =>
              view.visible.map((slot) => ({ id: idOf(layer, slot), fields: corpora[layer]!.fieldsOf(slot) })),
            );
            const parsed = parseQuery(query);
            const expected = naiveTextSearch(all, parsed, { k1, b, stems });
            const layersOf: TextLayer[] = views.map((view) => view.layer);
            const scorer = new TextScorer(layersOf, parsed, { k1, b });
            const hits = scorer.top(k, (layerA, slotA, layerB, slotB) =>
              idOf(layerA, slotA) < idOf(layerB, slotB) ? -1 : 1,
            );
            found += hits.length;
            expectSame(
              hits.map(({ layer, slot, score }) => ({ id: idOf(layer, slot), score })),
              expected,
              k,
            );
            for (const { layer, slot, score } of hits) expect(scorer.explain(layer, slot)!.score).toBe(score);
          }
        }
      }),
      { numRuns: 100 },
    );
    expect(found).toBeGreaterThan(1000);
  });
});

function idOf(layer: number, slot: number): string {
  // Ties are not in order of slots.
  return `${(slot * 7919) % 1009}/${layer}/${slot}`;
}

/** The same scores, and the same documents wherever scores are told apart. */
function expectSame(hits: readonly { id: string; score: number }[], expected: typeof hits, k: number): void {
  expect(hits.length).toBe(Math.min(k, expected.length));
  const scores = new Map(expected.map(({ id, score }) => [id, score]));
  for (const [rank, { id, score }] of hits.entries()) {
    expect(Math.abs(score - expected[rank]!.score)).toBeLessThan(1e-9);
    expect(Math.abs(score - (scores.get(id) ?? Number.NaN))).toBeLessThan(1e-9);
    const before = hits[rank - 1];
    if (before?.score === score) expect(before.id < id).toBe(true);
  }
  expect(new Set(hits.map(({ id }) => id)).size).toBe(hits.length);
}
