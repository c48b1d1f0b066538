import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvertedIndex } from "./inverted-index.js";
import { parseQuery } from "./query.js";
import { TextMatcher } from "./text-matcher.js";
import { TextScorer } from "./text-scorer.js";

function marked(text: string, query: string, withStems = true): string {
  let result = "";
  let at = 0;
  for (const [start, end] of new TextMatcher(parseQuery(query), withStems).matches(text)) {
    result += `${text.slice(at, start)}[${text.slice(start, end)}]`;
    at = end;
  }
  return result + text.slice(at);
}

describe("the words of a query in a text", () => {
  test("are found in all their forms", () => {
    expect(marked("He runs; RUNNING late. Ruins.", "run")).toBe("He [runs]; [RUNNING] late. Ruins.");
    expect(marked("He runs, RUN", "run", false)).toBe("He runs, [RUN]");
    expect(marked("L'Élan de l’élan", "elan lelan")).toBe("[L'Élan] de [l’élan]");
  });

  test("are found by how they begin, stems or not", () => {
    expect(marked("happiness happy hat running", "happi* runni*")).toBe("[happiness] [happy] hat [running]");
  });

  test("are found although they are written in another way", () => {
    expect(marked("recieve receive deceive", "receive~1")).toBe("[recieve] [receive] [deceive]");
    expect(marked("database databse dates", "databse~")).toBe("[database] [databse] dates");
  });

  test("are phrases as a whole, and not their words elsewhere", () => {
    expect(marked("new york, york new, New, York!", '"new york"')).toBe("[new york], york new, [New, York]!");
    expect(marked("one two three", '"one two" "two three"')).toBe("[one two three]");
  });

  test("are runs of characters where words have no spaces between them", () => {
    expect(marked("私は日本語を話す", "日本語")).toBe("私は[日本語]を話す");
    expect(marked("私は日本語を話す", "+日本語")).toBe("私は[日本語]を話す");
    expect(marked("東京と京都、京", "京")).toBe("東[京]と[京]都、[京]");
    expect(marked("東京と京都", '京 "と京"')).toBe("東[京と京]都");
    expect(marked("see 東京都 here", '"see 東"')).toBe("[see 東]京都 here");
    expect(marked("か\u3099きく", "か\u3099")).toBe("[か\u3099]きく");
  });

  test("do not include what must not be there", () => {
    expect(marked("good bad", "good -bad")).toBe("[good] bad");
  });

  test("are as many as asked for", () => {
    const matcher = new TextMatcher(parseQuery('a "b c"'), true);
    expect(matcher.matches("a a b c", 2)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(new TextMatcher(parseQuery("日本語"), true).matches("日本語 日本", 1)).toEqual([[0, 3]]);
  });

  test("are there wherever an index finds the text, and nowhere else", () => {
    const piece = fc.constantFrom(
      ..."run running Runs happily naïve don't l'Élan straße 日 本語 東京都 ｶﾞ か\u3099 42 한국어 x".split(" "),
    );
    const text = fc
      .array(fc.tuple(piece, fc.constantFrom(" ", " ", "", "-", ". ")), { minLength: 1, maxLength: 8 })
      .map((parts) => parts.flat().join(""));
    const asked = fc.oneof(
      { weight: 3, arbitrary: piece },
      piece.map((word) => `${word.slice(0, 3)}*`),
      piece.map((word) => `${word}~1`),
      fc.tuple(piece, piece).map((words) => `"${words.join(" ")}"`),
      fc.tuple(piece, piece).map((words) => `"${words.join(" ")}*"`),
      fc.tuple(piece, piece).map((words) => words.join("")),
    );
    let found = 0;
    fc.assert(
      fc.property(text, asked, fc.boolean(), (of, query, stem) => {
        const index = new InvertedIndex({ bornThrough: () => 1, diedThrough: () => 0, deathAt: () => 0 }, { stem });
        index.add(0, [of]);
        const layer = { index, through: 1, hidden: new Int32Array(0), isVisible: () => true };
        const hits = new TextScorer([layer], parseQuery(query)).top(1, () => 0);
        found += hits.length;
        expect(new TextMatcher(parseQuery(query), stem).matches(of).length > 0).toBe(hits.length > 0);
      }),
      { numRuns: 2000 },
    );
    expect(found).toBeGreaterThan(200);
  });

  test("are ranges that ascend and do not touch, in any text", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab \"'日本+-*~\ud800é"), maxLength: 40 });
    fc.assert(
      fc.property(text, text, (query, of) => {
        let before = -1;
        for (const [start, end] of new TextMatcher(parseQuery(query), true).matches(of)) {
          expect(start).toBeGreaterThan(before);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(of.length);
          before = end;
        }
      }),
    );
  });
});
