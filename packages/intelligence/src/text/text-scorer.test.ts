import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bm25, inverseDocumentFrequency } from "./bm25.js";
import { InvertedIndex } from "./inverted-index.js";
import { parseQuery } from "./query.js";
import { TextScorer } from "./text-scorer.js";
import type { TextLayer } from "./text-view.js";
import { TopK } from "./top-k.js";

const bySlot = (_layerA: number, slotA: number, _layerB: number, slotB: number) => slotA - slotB;

/** Documents of one field each, all of them seen. */
function layerOf(texts: readonly string[]): TextLayer & { asked: number } {
  const index = new InvertedIndex({ bornThrough: () => texts.length, diedThrough: () => 0, deathAt: () => 0 });
  for (const [slot, text] of texts.entries()) index.add(slot, [text]);
  return {
    index,
    through: 1,
    hidden: new Int32Array(0),
    asked: 0,
    isVisible() {
      this.asked++;
      return true;
    },
  };
}

function slotsOf(texts: readonly string[], query: string, k = 10): number[] {
  return new TextScorer([layerOf(texts)], parseQuery(query)).top(k, bySlot).map(({ slot }) => slot);
}

describe("a query over documents", () => {
  const texts = ["the quick brown fox", "the lazy dog", "quick quick dog", "a fox and a dog and a fox"];

  test("finds those with any of its words, the best first", () => {
    expect(slotsOf(texts, "quick fox")).toEqual([0, 2, 3]);
    expect(slotsOf(texts, "dog")).toEqual([1, 2, 3]);
    expect(slotsOf(texts, "dog", 2)).toEqual([1, 2]);
  });

  test("finds none without a word that is to be there", () => {
    for (const query of ["", "unknown", "-dog", "+unknown dog", '"dog quick"', "zzz*", "zzzzz~"]) {
      expect(slotsOf(texts, query)).toEqual([]);
    }
    expect(slotsOf([], "dog")).toEqual([]);
    expect(new TextScorer([], parseQuery("dog")).top(10, bySlot)).toEqual([]);
    expect(slotsOf(texts, "dog", 0)).toEqual([]);
  });

  test("finds those with every word that must be there, and without those that must not", () => {
    expect(slotsOf(texts, "+dog fox")).toEqual([3, 1, 2]);
    expect(slotsOf(texts, "dog -fox")).toEqual([1, 2]);
    expect(slotsOf(texts, '+dog -"quick dog"')).toEqual([1, 3]);
  });

  test("finds phrases, but not across fields", () => {
    expect(slotsOf(texts, '"quick brown" "lazy dog"')).toEqual([0, 1]);
    const index = new InvertedIndex({ bornThrough: () => 1, diedThrough: () => 0, deathAt: () => 0 });
    index.add(0, ["one two", "three"]);
    const layer: TextLayer = { index, through: 1, hidden: new Int32Array(0), isVisible: () => true };
    const found = (query: string) => new TextScorer([layer], parseQuery(query)).top(1, bySlot).length;
    expect(found('"one two"')).toBe(1);
    expect(found('"two three"')).toBe(0);
  });

  test("explains a score by its parts", () => {
    const layer = layerOf(texts);
    const scorer = new TextScorer([layer], parseQuery('+fox qui* "a fox" -lazy'), { k1: 1, b: 0.5 });
    const [best] = scorer.top(1, bySlot);
    const explained = scorer.explain(0, best!.slot)!;
    const averageLength = (4 + 3 + 3 + 8) / 4;
    const idf = inverseDocumentFrequency(4, 2);
    const phraseIdf = inverseDocumentFrequency(4, 1) + idf;
    expect(best!.slot).toBe(3);
    expect(explained).toEqual({
      score: best!.score,
      clauses: [
        { clause: "fox", tf: 2, df: 2, idf, score: expect.closeTo(bm25(2, idf, 8, averageLength, 1, 0.5), 12) },
        {
          clause: '"a fox"',
          tf: 2,
          df: 1,
          idf: phraseIdf,
          score: expect.closeTo(bm25(2, phraseIdf, 8, averageLength, 1, 0.5), 12),
        },
      ],
      length: 8,
      averageLength,
      documents: 4,
      k1: 1,
      b: 0.5,
    });
    expect(scorer.explain(0, 1)).toBe(undefined);
  });
});

describe("a search", () => {
  const many = Array.from(
    { length: 20_000 },
    (_, at) => `common ${at % 3 === 0 ? "often" : "x"} w${at % 50} ${"pad ".repeat(at % 7)}`,
  );

  test("asks whether a document is visible only of those that would be among the best", () => {
    for (const query of ["common", "common often", "common w7 often", "+common often", '"common often"', "w*"]) {
      const layer = layerOf(many);
      expect(new TextScorer([layer], parseQuery(query)).top(10, bySlot)).toHaveLength(10);
      expect(layer.asked).toBeLessThan(150);
    }
  });

  test("may begin while another one is under way, and after one that failed", () => {
    const layer = layerOf(many.slice(0, 2000));
    const search = (of: TextLayer) => new TextScorer([of], parseQuery("common often w7")).top(20, bySlot);
    const expected = search(layer);
    const nested: TextLayer = { ...layer, isVisible: () => search(layer).length > 0 };
    expect(search(nested)).toEqual(expected);
    const failing: TextLayer = {
      ...layer,
      isVisible: () => {
        throw new Error("no answer");
      },
    };
    expect(() => search(failing)).toThrow("no answer");
    expect(search(layer)).toEqual(expected);
  });
});

test("the best k of hits are those that sorting all of them puts first", () => {
  const hit = fc.record({ layer: fc.nat(2), slot: fc.nat(50), score: fc.nat(6) });
  const order = (layerA: number, slotA: number, layerB: number, slotB: number) => slotB - slotA || layerB - layerA;
  fc.assert(
    fc.property(
      fc.uniqueArray(hit, { selector: ({ layer, slot }) => layer * 100 + slot }),
      fc.integer({ min: 1, max: 40 }),
      (hits, k) => {
        const top = new TopK(k, order);
        for (const { layer, slot, score } of hits) if (top.accepts(layer, slot, score)) top.add(layer, slot, score);
        const sorted = [...hits].sort((a, b) => b.score - a.score || order(a.layer, a.slot, b.layer, b.slot));
        expect(top.threshold).toBe(hits.length < k ? 0 : sorted[k - 1]!.score);
        expect(top.take()).toEqual(sorted.slice(0, k));
      },
    ),
    { numRuns: 500 },
  );
});
