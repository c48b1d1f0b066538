import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TextRange } from "../text/text-matcher.js";
import { cutBefore, cutBehind } from "./grapheme-cut.js";
import { SNIPPET_LENGTH, snippetOf, type WordFinder } from "./snippet.js";

/** Finds one word, whatever the case of its letters, and counts how often it was asked to look for itself. */
class OneWord implements WordFinder {
  readonly beginnings: readonly string[];
  readonly words: ReadonlySet<string>;
  readonly #pattern: RegExp;
  looks = 0;

  constructor(word: string) {
    this.beginnings = [word];
    this.words = new Set([word]);
    this.#pattern = new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${word}(?![\\p{L}\\p{M}\\p{N}])`, "giu");
  }

  matches(text: string): TextRange[] {
    this.looks++;
    return [...text.matchAll(this.#pattern)].map(({ index, 0: found }) => [index, index + found.length] as const);
  }
}

const FILLER = "lorem ipsum dolor sit amet consectetur ".repeat(20);

describe("a snippet", () => {
  test("of a short text is the text", () => {
    expect(snippetOf(["the quick fox"], new OneWord("quick"), false).text).toBe("the quick fox");
    expect(snippetOf(["the quick fox"], new OneWord("absent"), false).text).toBe("the quick fox");
    expect(snippetOf([], new OneWord("absent"), false).text).toBe("");
    expect(snippetOf(["", "second"], new OneWord("absent"), false).text).toBe("second");
  });

  test("of a long text stands around the word and cuts no other", () => {
    const { text } = snippetOf([`${FILLER}needle ${FILLER}`], new OneWord("needle"), false);
    expect(text.length).toBeLessThanOrEqual(SNIPPET_LENGTH);
    expect(text.length).toBeGreaterThan(SNIPPET_LENGTH - 40);
    const at = text.indexOf("needle");
    expect(Math.abs(at + 3 - text.length / 2)).toBeLessThan(20);
    for (const word of text.split(" ")) expect(`${FILLER}needle`.split(" ")).toContain(word);
  });

  test("is of the text that has the word, and of the word itself, not of one that begins like it", () => {
    const texts = [FILLER, `needless ${FILLER} needle ${FILLER}`];
    const { text, highlights } = snippetOf(texts, new OneWord("needle"), true);
    expect(highlights).toHaveLength(1);
    const [[start, end] = [0, 0]] = highlights;
    expect(text.slice(start, end)).toBe("needle");
    expect(text).not.toContain("needless");
  });

  test("is of the first text that has the word, in whatever letters", () => {
    const texts = [FILLER, "Needle", `a needle in ${FILLER}`];
    expect(snippetOf(texts, new OneWord("needle"), false).text).toBe("Needle");
  });

  test("asks the tokenizer for nothing where the word stands as it was typed", () => {
    const finder = new OneWord("needle");
    snippetOf([`${FILLER}needle ${FILLER}`], finder, false);
    snippetOf([`${FILLER}NEEDLE ${FILLER}`], finder, false);
    expect(finder.looks).toBe(0);
  });

  test("finds words whose letters change their length with their case", () => {
    const { text } = snippetOf([`İ${FILLER}Needle ${FILLER}`], new OneWord("needle"), false);
    expect(text).toContain("Needle");
  });

  test("shows the beginning of a word that is too long to be shown", () => {
    const word = "x".repeat(300);
    const { text, highlights } = snippetOf([`${FILLER}${word}`], new OneWord(word), true);
    expect(text).toBe(word.slice(0, SNIPPET_LENGTH));
    expect(highlights).toEqual([]);
  });

  test("shows no places beyond its edges", () => {
    const text = `${"needle ".repeat(40)}needle`;
    const snippet = snippetOf([`${FILLER}${text}`], new OneWord("needle"), true);
    expect(snippet.highlights.map(([start, end]) => snippet.text.slice(start, end))).toEqual(
      Array.from({ length: snippet.text.split("needle").length - 1 }, () => "needle"),
    );
  });

  test("does not take half a word at its edge for another one", () => {
    const glued = `${"a".repeat(60)}needle`.repeat(10);
    const { highlights } = snippetOf([`${glued} needle ${glued}`], new OneWord("needle"), true);
    expect(highlights).toHaveLength(1);
  });

  const characters = fc.constantFrom(
    ..."ab 世界かな\r\n".split(""),
    "\r\n",
    "é",
    "e\u0301\u0323",
    "👩‍👩‍👧‍👦",
    "🇫🇷",
    "👍🏽",
    "각",
    "\u1112\u1161\u11ab",
    "नि",
    "क्ष",
    "\u{1F600}",
    "needle",
  );

  test("is a piece of the text that begins and ends between characters, whatever they are made of", () => {
    const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 120 }), (parts) => {
        const text = parts.join("");
        const snippet = snippetOf([text], new OneWord("needle"), true);
        expect(snippet.text.length).toBeLessThanOrEqual(SNIPPET_LENGTH);
        const boundaries = new Set([...segmenter.segment(text)].map(({ index }) => index).concat(text.length));
        const places: number[] = snippet.text === "" ? [0] : [];
        for (
          let at = text.indexOf(snippet.text);
          at >= 0 && snippet.text !== "";
          at = text.indexOf(snippet.text, at + 1)
        )
          places.push(at);
        expect(places.some((at) => boundaries.has(at) && boundaries.has(at + snippet.text.length))).toBe(true);
        let last = 0;
        for (const [start, end] of snippet.highlights) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(snippet.text.slice(start, end)).toBe("needle");
          last = end;
        }
      }),
      { numRuns: 300 },
    );
  });

  test("cuts go to the nearest boundary on the side they are asked for", () => {
    const text = "a👩‍👩‍👧‍👦b";
    const family = text.length - 2;
    for (let at = 1; at <= 1 + family; at++) {
      const isBoundary = at === 1 || at === 1 + family;
      expect(cutBefore(text, at)).toBe(isBoundary ? at : 1);
      expect(cutBehind(text, at)).toBe(isBoundary ? at : 1 + family);
    }
    expect([1, 2, 3].map((at) => cutBefore("a\r\nb", at))).toEqual([1, 1, 3]);
    expect([1, 2, 3].map((at) => cutBehind("a\r\nb", at))).toEqual([1, 3, 3]);
    expect([cutBefore("a\n\rb", 2), cutBehind("a\n\rb", 2)]).toEqual([2, 2]);
  });
});
