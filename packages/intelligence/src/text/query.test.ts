import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EXPANDED_WORDS, parseQuery, QUERY_WORDS_MAX, type QueryClause } from "./query.js";

/** Clauses as they would be written. */
function written(text: string): string[] {
  return parseQuery(text).clauses.map(writtenClause);
}

function writtenClause(clause: QueryClause): string {
  const sign = { should: "", must: "+", mustNot: "-" }[clause.occurrence];
  switch (clause.kind) {
    case "word":
      return sign + clause.word;
    case "prefix":
      return `${sign}${clause.word}*`;
    case "fuzzy":
      return `${sign}${clause.word}~${clause.distance}`;
    case "phrase":
      return `${sign}"${clause.words.map(({ word, offset, isPrefix }) => `${offset}:${word}${isPrefix ? "*" : ""}`).join(" ")}"`;
  }
}

describe("a query", () => {
  test("is words, some of which must or must not be there", () => {
    expect(written("Hello +World -Élan --x")).toEqual(["hello", "+world", "-elan", "-x"]);
    expect(written("well-known a+b")).toEqual(["well", "known", "a", "b"]);
  });

  test("takes several words behind a sign as a phrase", () => {
    expect(written("-node.js +3.14")).toEqual(['-"0:node 1:js"', '+"0:3 1:14"']);
  });

  test("has phrases", () => {
    expect(written('"Hello, World" +"a b" -"c d" "single" ""')).toEqual([
      '"0:hello 1:world"',
      '+"0:a 1:b"',
      '-"0:c 1:d"',
      "single",
    ]);
    expect(written('"begin of wor*"')).toEqual(['"0:begin 1:of 2:wor*"']);
  });

  test("has prefixes and misspellings", () => {
    expect(written("beg* +beg* word~ word~1 wordy~ wordy~2 at~ x~0 *x ~y")).toEqual([
      "beg*",
      "+beg*",
      "word~1",
      "wordy~1",
      "wordy~2",
      "at",
      "x",
      "y",
    ]);
    expect(written("longer~")).toEqual(["longer~2"]);
  });

  test("looks for scripts without spaces by pairs, and for a single character by what begins with it", () => {
    expect(written("日本語 +日本語 日")).toEqual(["日本", "本語", '+"0:日本 1:本語"', "日*"]);
    expect(written('"日本 語"')).toEqual(['"0:日本 2:語*"']);
  });

  test("does not mind a quotation mark without its partner", () => {
    expect(written('"hello wor')).toEqual(["hello", "wor"]);
    expect(written('say "a b" "c')).toEqual(["say", '"0:a 1:b"', "c"]);
  });

  test("says nothing twice", () => {
    expect(written('a A á "a b" "a b" +a')).toEqual(["a", '"0:a 1:b"', "+a"]);
  });

  test("is any string", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab+-*~\" \t12日\ud800é'.") }), (text) => {
        for (const clause of parseQuery(text).clauses) {
          if (clause.kind === "phrase") expect(clause.words.length).toBeGreaterThan(1);
          else expect(clause.word).not.toBe("");
        }
      }),
      { numRuns: 2000 },
    );
    for (const text of ["", " ", "+", "-", '"', '""', "*", "~", "+-*~", "\ud800"]) {
      expect(parseQuery(text)).toEqual({ clauses: [], isCut: false });
    }
  });

  test("counts up to a number of words, however long it is", () => {
    const distinct = Array.from({ length: 200_000 }, (_, at) => `w${at}`).join(" ");
    const many = parseQuery(distinct);
    expect(many.clauses.length).toBe(QUERY_WORDS_MAX);
    expect(many.isCut).toBe(true);
    expect(parseQuery("same ".repeat(300_000))).toEqual({
      clauses: [{ kind: "word", occurrence: "should", word: "same" }],
      isCut: true,
    });
    const [phrase, ...others] = parseQuery(`"${distinct.slice(0, 20_000)}" more`).clauses;
    expect(phrase!.kind === "phrase" && phrase!.words.length).toBe(QUERY_WORDS_MAX);
    expect(others).toEqual([]);
    expect(parseQuery(`${"x.".repeat(500_000)} ${"日".repeat(300_000)}`).isCut).toBe(true);
    expect(parseQuery("日本語で".repeat(100_000)).clauses.length).toBeLessThanOrEqual(QUERY_WORDS_MAX);
  });

  test("has fewer words that stand for others, and fewer still in phrases", () => {
    const all = (word: (at: number) => string) => Array.from({ length: 300 }, (_, at) => word(at)).join(" ");
    const expanded = QUERY_WORDS_MAX / EXPANDED_WORDS;
    expect(parseQuery(all((at) => `word${at}*`))).toMatchObject({ clauses: { length: expanded }, isCut: true });
    expect(parseQuery(all((at) => `word${at}~`))).toMatchObject({ clauses: { length: expanded }, isCut: true });
    expect(parseQuery(all((at) => `"word${at}* a"`))).toMatchObject({ clauses: { length: 7 }, isCut: true });
    const [phrase] = parseQuery(`"${all((at) => `word${at}*`)}"`).clauses;
    expect(phrase).toMatchObject({ kind: "phrase", words: { length: 8 } });
    expect(parseQuery(`${all((at) => `w${at}`)} +last`).clauses).toHaveLength(QUERY_WORDS_MAX);
  });
});
