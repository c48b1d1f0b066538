import { isWellFormed } from "@strata/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Column } from "../image/column.js";
import { stem } from "./stem.js";
import { TermScanner } from "./term-scanner.js";
import { TokenKind, tokenize, WORD_LENGTH_MAX } from "./tokenize.js";
import { tokenizerVersion } from "./tokenizer-version.js";
import { WordTable } from "./word-table.js";

function words(text: string): string[] {
  const found: string[] = [];
  tokenize(text, (word) => found.push(word));
  return found;
}

describe("a text is taken apart", () => {
  test("into words of letters and digits, whatever stands between them", () => {
    expect(words("Hello, world! foo_bar 3.14 (x²) user@example.com")).toEqual(
      "hello world foo bar 3 14 x2 user example com".split(" "),
    );
  });

  test("with case, diacritics, ligatures and forms of presentation folded", () => {
    expect(words("Élan STRASSE Straße ＡＢＣ ﬁne Ærø İstanbul ΣΊΣΥΦΟΣ")).toEqual(
      "elan strasse strasse abc fine aero istanbul σισυφοσ".split(" "),
    );
    expect(words("cafe\u0301 caf\u00e9")).toEqual(["cafe", "cafe"]);
  });

  test("with apostrophes inside words left out, and an English 's as well", () => {
    expect(words("don't Anna's ANNA’S 'quoted' l’été rock'n'roll dogs'")).toEqual(
      "dont anna anna quoted lete rocknroll dogs".split(" "),
    );
  });

  test("keeping the vowel signs of scripts where they tell words apart", () => {
    expect(words("हिन्दी")).toEqual(["हिन्दी"]);
    expect(words("שָׁלוֹם")).toEqual(["שלום"]);
    expect(words("مُحَمَّد")).toEqual(["محمد"]);
  });

  test("by pairs where words have no spaces between them, with the last character once more", () => {
    expect(words("日本語です")).toEqual(["日本", "本語", "語で", "です", "す"]);
    expect(words("ภาษาไทย").length).toBeGreaterThan(2);
    expect(words("한국어")).toEqual(["한국", "국어", "어"]);
    expect(words("한국어".normalize("NFD"))).toEqual(["한국", "국어", "어"]);
    expect(words("が".normalize("NFD"))).toEqual(["が"]);
    expect(words("東京tower駅")).toEqual(["東京", "京", "tower", "駅"]);
  });

  test("with where each word stands, and what it is", () => {
    const found: unknown[] = [];
    tokenize("a 𠮷野 É!", (...token) => found.push(token));
    expect(found).toEqual([
      ["a", 0, 1, TokenKind.word],
      ["𠮷野", 2, 5, TokenKind.pair],
      ["野", 4, 5, TokenKind.last],
      ["e", 6, 7, TokenKind.word],
    ]);
  });

  test("so that of a word too long its beginning counts, and no character is cut", () => {
    const long = "x".repeat(WORD_LENGTH_MAX);
    expect(words(`${long} ${long}yz`)).toEqual([long, long]);
    expect(words(`${"x".repeat(WORD_LENGTH_MAX - 1)}𝐀𝐀`)).toEqual([`${"x".repeat(WORD_LENGTH_MAX - 1)}`]);
  });

  test("until the visitor has seen enough", () => {
    for (const text of ["a b c", "日本語", "日 本 a"]) {
      let seen = 0;
      tokenize(text, () => ++seen === 2);
      expect(seen).toBe(2);
    }
  });

  test("whatever it holds, halves of surrogate pairs as well", () => {
    expect(words("a\ud800b\udc00 \ud800")).toEqual(["a", "b"]);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        let before = 0;
        tokenize(text, (word, start, end) => {
          expect(isWellFormed(word)).toBe(true);
          expect(word).not.toBe("");
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          before = start;
        });
      }),
    );
  });
});

describe("the scanner", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "running",
      "Don't",
      "o's",
      "a''b",
      "it’s",
      "É",
      "é's",
      "'",
      "s",
      " ",
      "-",
      "日本",
      "ｶﾞ",
      "x".repeat(63),
    ),
    fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
    fc.string({ unit: "grapheme", maxLength: 4 }),
    fc.string({ unit: "binary", maxLength: 4 }),
  );

  test("finds the terms that the tokenizer finds", () => {
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 4 }), fc.boolean(), (texts, withStems) => {
        const table = new WordTable();
        const scanner = new TermScanner(table, withStems);
        for (const pieces of texts) {
          const text = pieces.join("");
          scanner.begin();
          scanner.scan(text);
          const found = Array.from(scanner.terms.subarray(0, scanner.count), (term) => table.wordOf(term));
          expect(found).toEqual(words(text).map((word) => (withStems ? stem(word) : word)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("counts positions, and the gap between fields", () => {
    const scanner = new TermScanner(new WordTable(new Column(Uint8Array), new Column(Int32Array)), true);
    scanner.begin();
    scanner.scan("one two");
    scanner.skip(100);
    scanner.scan("three");
    expect([...scanner.positions.subarray(0, scanner.count)]).toEqual([0, 1, 102]);
  });
});

test("what a runtime's tables of characters say is part of the tokenizer's version", () => {
  expect(tokenizerVersion()).toMatch(/^\d+-[1-5]+-\d+$/);
});
