import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareCodePoints, hasSurrogates, isWellFormed, prefixEnd } from "./index.js";
import { anyText } from "./testing/index.js";

/** By bytes of UTF-8: the definition. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

const edges = ["\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{103ff}", "\u{10400}", "\u{10ffff}", "a", ""];
const edgeText = fc.array(fc.constantFrom(...edges), { maxLength: 4 }).map((parts) => parts.join(""));
const text = fc.oneof(edgeText, anyText(8));

describe("compareCodePoints", () => {
  test("orders as UTF-8 bytes do", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(compareUtf8(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  test("differs from < where surrogates meet U+E000 to U+FFFF", () => {
    expect("\u{10000}" < "\uffff").toBe(true);
    expect(compareCodePoints("\u{10000}", "\uffff")).toBeGreaterThan(0);
  });

  test("is a total order of any strings, lone surrogates included", () => {
    const any = fc.string({
      unit: fc.constantFrom("a", "\ud800", "\udbff", "\udc00", "\udfff", "\ue000", "\uffff"),
      maxLength: 4,
    });
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(-Math.sign(compareCodePoints(b, a)) || 0);
        expect(compareCodePoints(a, b) === 0).toBe(a === b);
        if (compareCodePoints(a, b) <= 0 && compareCodePoints(b, c) <= 0) {
          expect(compareCodePoints(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("prefixEnd", () => {
  test.each([
    ["a", "b"],
    ["user:", "user;"],
    ["\ud7ff", "\ue000"],
    ["\ue000", "\ue001"],
    ["\uffff", "\u{10000}"],
    ["\u{103ff}", "\u{10400}"],
    ["\u{1f600}", "\u{1f601}"],
    ["a\u{10ffff}", "b"],
    ["a\u{10ffff}\u{10ffff}", "b"],
    ["\0", "\u0001"],
  ])("of %j is %j", (prefix, end) => {
    expect(prefixEnd(prefix)).toBe(end);
  });

  test("there is none above everything", () => {
    expect(prefixEnd("")).toBeUndefined();
    expect(prefixEnd("\u{10ffff}")).toBeUndefined();
    expect(prefixEnd("\u{10ffff}\u{10ffff}")).toBeUndefined();
  });

  test("exactly the strings with the prefix lie between it and its end", () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (prefix, other, joined) => {
        const key = joined ? prefix + other : other;
        const end = prefixEnd(prefix);
        const inside = compareCodePoints(key, prefix) >= 0 && (end === undefined || compareCodePoints(key, end) < 0);
        expect(inside).toBe(key.startsWith(prefix));
        expect(end === undefined || isWellFormed(end)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("works for prefixes that end in half a pair", () => {
    for (const prefix of ["\ud83d", "a\ud83d", "\udbff", "a\udfff", "\udfff"]) {
      const end = prefixEnd(prefix);
      for (const key of [prefix, `${prefix}\ude00`, `${prefix}x`, "\ue000", "a", "b", "\u{1f600}", "\u{10ffff}"]) {
        const inside = compareCodePoints(key, prefix) >= 0 && (end === undefined || compareCodePoints(key, end) < 0);
        expect(inside).toBe(key.startsWith(prefix));
      }
    }
  });
});

test("hasSurrogates sees halves and pairs, and nothing else", () => {
  expect(hasSurrogates("plain é \ud7ff \ue000 \uffff")).toBe(false);
  expect(hasSurrogates("a\u{10000}")).toBe(true);
  expect(hasSurrogates("\udfff")).toBe(true);
});
