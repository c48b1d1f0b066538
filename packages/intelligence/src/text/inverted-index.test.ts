import { CorruptionError } from "@strata/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { naiveEditDistance } from "../../test/naive-text-search.js";
import { RandomCorpus } from "../../test/random-corpus.js";
import { Column } from "../image/column.js";
import type { ImageParts } from "../image/image-parts.js";
import { codePointsOf, editDistance, FUZZY_LENGTH_MAX } from "./edit-distance.js";
import { InvertedIndex } from "./inverted-index.js";
import { PositionBuffer } from "./position-buffer.js";
import { PostingList } from "./posting-list.js";
import { parseQuery } from "./query.js";
import { SimilarWords } from "./similar-words.js";
import { TextScorer } from "./text-scorer.js";
import { WordOrder } from "./word-order.js";
import { WordTable } from "./word-table.js";

const SYLLABLES = ["ab", "ra", "run", "te", "日本", "é", "7", "ness"];
const ENCODER = new TextEncoder();

function grown(documents: number, seed = 1): RandomCorpus {
  const corpus = new RandomCorpus(seed, SYLLABLES, true);
  corpus.grow(documents, 0.2);
  return corpus;
}

/** A copy of what an image would hold, as it comes back from one. */
function reloaded(parts: ImageParts): ImageParts {
  const columns = Object.entries(parts.columns).map(([name, column]) => {
    const { array, length } = column as Column;
    const copy = array.slice(0, length);
    return [name, Column.restored(copy.constructor as new (length: number) => typeof copy, copy)];
  });
  return { head: structuredClone(parts.head), columns: Object.fromEntries(columns) };
}

function found(corpus: RandomCorpus, index: InvertedIndex, query: string, part = 1): unknown {
  const { layer } = corpus.view(Math.round(corpus.version * part), 0);
  const scorer = new TextScorer([{ ...layer, index }], parseQuery(query));
  return { hits: scorer.top(20, (_a, slotA, _b, slotB) => slotA - slotB), average: scorer.averageLength };
}

describe("an index", () => {
  test("comes back from its columns, answers the same, and goes on", () => {
    const corpus = grown(500);
    const loaded = InvertedIndex.load(reloaded(corpus.index.save()), corpus);
    const queries = ["ab", "runs ra", '"ab ra"', "+te ab -run", "r*", "runab~2", "日本"];
    for (const query of queries) {
      for (const part of [1, 0.5])
        expect(found(corpus, loaded, query, part)).toEqual(found(corpus, corpus.index, query, part));
    }
    const more = Array.from({ length: 300 }, (_, at) => [`ab run word${at % 40}`, "ra"]);
    const twin = InvertedIndex.load(reloaded(corpus.index.save()), corpus);
    for (const fields of more) {
      for (const index of [loaded, twin]) index.add(index.length, fields);
    }
    expect(loaded.postingCount).toBe(twin.postingCount);
    expect(loaded.postingCount).toBeGreaterThan(corpus.index.postingCount);
    expect(found(corpus, loaded, "word7 ab", 1)).toEqual(found(corpus, twin, "word7 ab", 1));
  });

  test("is not taken from columns of another tokenizer, or that do not belong together", () => {
    const corpus = grown(400);
    const parts = reloaded(corpus.index.save());
    const head = parts.head as { readonly [name: string]: never };
    expect(() => InvertedIndex.load({ ...parts, head: { ...head, tokenizer: "0" } }, corpus)).toThrow(CorruptionError);
    expect(() => InvertedIndex.load(reloaded(parts), corpus, { stem: false })).toThrow(CorruptionError);
    expect(() => InvertedIndex.load({ head: {}, columns: parts.columns }, corpus)).toThrow(CorruptionError);
    expect(() => InvertedIndex.load({ head, columns: {} }, corpus)).toThrow(CorruptionError);
    for (const name of ["terms", "blocks", "wordEnds", "directory", "lengths"]) {
      const damaged = reloaded(parts);
      const column = damaged.columns[name] as Column;
      column.array.fill(0x7fffffff);
      if (name === "lengths") column.length--;
      if (column.length > 0) expect(() => InvertedIndex.load(damaged, corpus)).toThrow(CorruptionError);
    }
    corpus.grow(1, 0);
    expect(() => InvertedIndex.load(reloaded(parts), corpus)).toThrow(CorruptionError);
  });

  test("keeps slots, counts and positions of every term, whatever it grew through", () => {
    const index = new InvertedIndex({ bornThrough: () => 0, diedThrough: () => 0, deathAt: () => 0 });
    const expected = new Map<string, Map<number, number[]>>();
    const corpus = grown(0, 7);
    corpus.grow(1500, 0);
    for (let slot = 0; slot < 1500; slot++) {
      const fields = corpus.fieldsOf(slot).map((field) => field.replace(/[^a-z0-9 ]/g, "x"));
      index.add(slot, fields);
      let position = 0;
      for (const field of fields) {
        for (const word of field.split(" ").filter((part) => part !== "")) {
          const term = index.words.wordOf(index.termOf(word));
          const slots = expected.get(term) ?? new Map<number, number[]>();
          expected.set(term, slots.set(slot, [...(slots.get(slot) ?? []), position++]));
        }
        position += 100;
      }
    }
    expect(index.words.length).toBe(expected.size);
    const positions = new PositionBuffer();
    for (const [term, slots] of expected) {
      const list = PostingList.of(index.postings, index.words.idOf(term));
      expect(list.count).toBe(slots.size);
      for (const [slot, wanted] of slots) {
        expect(list.tfOf(slot)).toBe(wanted.length);
        positions.length = 0;
        list.positionsAt(list.find(slot), positions);
        expect([...positions.array.subarray(0, positions.length)]).toEqual(wanted);
      }
      for (const slot of [0, 700, 1499, 2000]) {
        expect(list.lowerBound(slot)).toBe([...slots.keys()].filter((other) => other < slot).length);
        expect(list.tfOf(slot)).toBe(slots.get(slot)?.length ?? 0);
      }
    }
  });

  test("finds words with no vowel but y, and texts without a word, without harm", () => {
    const index = new InvertedIndex({ bornThrough: () => 3, diedThrough: () => 0, deathAt: () => 0 });
    for (const [slot, fields] of [["y".repeat(60)], [], ["\ud800 !"]].entries()) index.add(slot, fields);
    expect(index.length).toBe(3);
    expect(index.postingCount).toBe(1);
    expect(index.memoryBytes).toBeGreaterThan(0);
  });
});

describe("words", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcé日𝐀"), minLength: 1, maxLength: 5 });

  test("are found by their beginnings, whether sorted already or not", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), word, (first, prefix) => {
        const table = new WordTable();
        const order = new WordOrder(table);
        const all = new Set<string>();
        const expectAll = () => {
          const ids = order.withPrefix(ENCODER.encode(prefix));
          expect(ids.map((id) => table.wordOf(id)).sort()).toEqual(
            [...all].filter((of) => of.startsWith(prefix)).sort(),
          );
        };
        const fill = (from: number, to: number) => {
          for (let at = from; at < to; at++) all.add(`${"abc"[at % 3]}${at.toString(3)}`);
          for (const of of all) table.idOrAdd(of);
        };
        for (const of of first) all.add(of);
        fill(0, 5);
        expectAll();
        fill(5, 1200);
        expectAll();
        fill(1200, 1210);
        expectAll();
      }),
      { numRuns: 30 },
    );
  });

  test("are found by what is written nearly so, and no others", () => {
    fc.assert(
      fc.property(fc.uniqueArray(word, { maxLength: 40 }), word, fc.integer({ min: 1, max: 2 }), (all, like, max) => {
        const table = new WordTable();
        for (const of of all) table.idOrAdd(of);
        const similar = new SimilarWords(table).within([like], max);
        const expected = all.flatMap((of, id) => {
          const distance = naiveEditDistance(like, of);
          return distance <= max ? [{ id, distance }] : [];
        });
        expect(similar).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("are as far from each other as the whole table of distances says", () => {
    const a = new Uint32Array(FUZZY_LENGTH_MAX);
    const b = new Uint32Array(FUZZY_LENGTH_MAX);
    const text = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 9 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 4 }), (x, y, max) => {
        const distance = editDistance(a, codePointsOf(x, a), b, codePointsOf(y, b), max);
        const exact = naiveEditDistance(x, y);
        if (exact <= max) expect(distance).toBe(exact);
        else expect(distance).toBeGreaterThan(max);
      }),
      { numRuns: 3000 },
    );
  });
});
