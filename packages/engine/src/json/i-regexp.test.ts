import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IRegexp, PATTERN_LENGTH_MAX } from "./i-regexp.js";
import { QueryBudget } from "./query-budget.js";

describe("a pattern matches the whole text, or is found in it", () => {
  const cases: readonly (readonly [pattern: string, text: string, matches: boolean, finds: boolean])[] = [
    ["", "", true, true],
    ["", "x", false, true],
    ["abc", "abc", true, true],
    ["b", "abc", false, true],
    ["a.c", "abc", true, true],
    ["a.c", "a\nc", false, false],
    ["a.c", "a😀c", true, true],
    ["a..c", "a😀c", false, false],
    [".", "\u2028", true, true],
    ["a|b|", "b", true, true],
    ["a|b|", "", true, true],
    ["(ab)+", "abab", true, true],
    ["(ab)+", "aba", false, true],
    ["a{2}", "aaa", false, true],
    ["a{2,}", "aaa", true, true],
    ["a{1,2}", "aaa", false, true],
    ["a{0}b", "b", true, true],
    ["a?b*c+", "bbcc", true, true],
    ["[a-c]+", "abcab", true, true],
    ["[^a-c]", "d", true, true],
    ["[^a-c]", "b", false, false],
    ["[-a]+", "a-a", true, true],
    ["[a-]+", "a-a", true, true],
    ["[^-]", "-", false, false],
    ["[\\n\\r\\t]", "\t", true, true],
    ["[\\[\\]\\\\\\-]+", "[]\\-", true, true],
    ["[😀-😂]", "😁", true, true],
    ["\\.\\*\\(\\)\\{\\}\\|\\?\\+\\[\\]\\^\\\\\\-", ".*(){}|?+[]^\\-", true, true],
    ["\\p{Lu}+", "ЖA", true, true],
    ["\\P{Lu}", "ж", true, true],
    ["[\\p{L}\\p{Nd}_]+", "aж7_", true, true],
    ["[^\\p{L}]", "a", false, false],
    ["\\p{S}", "+", true, true],
    ["^ab", "abc", false, true],
    ["^ab", "xab", false, false],
    ["bc$", "abc", false, true],
    ["^abc$", "abc", true, true],
    ["(a*)*", "aaaa", true, true],
    ["(a*)*b", "aaaa", false, false],
    ["((a|aa)+)+c", "aaaac", true, true],
  ];
  test.each(cases)("%j on %j", (pattern, text, matches, finds) => {
    const regexp = IRegexp.compile(pattern);
    expect(regexp?.matches(text, new QueryBudget(""))).toBe(matches);
    expect(regexp?.finds(text, new QueryBudget(""))).toBe(finds);
    expect(regexp?.matches(text, new QueryBudget(""))).toBe(matches);
  });
});

test.each([
  "(",
  ")",
  "a)",
  "[",
  "[]",
  "[^]",
  "]",
  "[a",
  "a{",
  "a{}",
  "a{x}",
  "a{2,1}",
  "a{,2}",
  "{2}",
  "*",
  "+a",
  "?",
  "a**",
  "a+?",
  "(?:a)",
  "(?=a)",
  "\\",
  "\\d",
  "\\w",
  "\\b",
  "\\1",
  "\\$",
  "\\p{X}",
  "\\p{Lx}",
  "\\p{L",
  "\\pL",
  "\\p{Cs}",
  "[b-a]",
  "[a-\\d]",
  "[a--b]",
  "[a-b-c]",
  "[[]",
  "\\u0041",
  "}",
  "a|*",
])("%j is no I-Regexp", (pattern) => {
  expect(IRegexp.compile(pattern)).toBeUndefined();
});

describe("a pattern cannot be made to run for long", () => {
  test.each(["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "(a*)*(a*)*b", `${"a?".repeat(200)}${"a".repeat(200)}b`])(
    "%s takes steps in proportion to the text",
    (pattern) => {
      const regexp = IRegexp.compile(pattern) as IRegexp;
      const text = "a".repeat(5000);
      const steps = new QueryBudget("", 5001 * 1000);
      expect(regexp.finds(text, steps)).toBe(false);
      expect(regexp.matches(text, steps)).toBe(false);
    },
  );

  test.each([
    "a{100000}",
    "(a{1000}){1000}",
    "((((a{100}){100}){100}){100}){100}",
    "(a|b){2000}",
    "a".repeat(PATTERN_LENGTH_MAX + 1),
    "a{99999999999999999999}",
  ])("case %# is too large", (pattern) => {
    expect(() => IRegexp.compile(pattern)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
  });

  test("repeating nothing costs nothing", () => {
    expect(IRegexp.compile("((((){9999999}){9999999}){9999999}){9999999}b")?.matches("b", new QueryBudget(""))).toBe(
      true,
    );
  });

  test("parentheses nested as deep as a pattern can be long are parsed", () => {
    const pattern = "(".repeat(PATTERN_LENGTH_MAX / 2) + ")".repeat(PATTERN_LENGTH_MAX / 2);
    expect(IRegexp.compile(pattern)?.matches("", new QueryBudget(""))).toBe(true);
  });

  test("the budget ends it", () => {
    const regexp = IRegexp.compile("a*b") as IRegexp;
    expect(() => regexp.finds("a".repeat(1000), new QueryBudget("$[?…]", 100))).toThrow(
      expect.objectContaining({ code: "INVALID_PATH", facts: expect.objectContaining({ limit: "querySteps" }) }),
    );
  });
});

test("it agrees with JavaScript where both have the syntax", () => {
  const { pattern: anyPattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 4, depthSize: "medium" },
      fc.constantFrom(
        "a",
        "b",
        "c",
        ".",
        "[ab]",
        "[^a]",
        "[a-b]",
        "\\.",
        "\\p{Ll}",
        "\\P{Ll}",
        "",
        "^",
        "$",
        "é",
        "😀",
      ),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => a + b),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(${a}|${b})`),
      fc
        .tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}", "{1,}", "{0,2}", "{0}"))
        .map(([a, times]) => `(${a})${times}`),
    ),
  }));
  const anyText = fc
    .array(fc.constantFrom("a", "b", "c", ".", "\n", "é", "😀", "A"), { maxLength: 6 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(anyPattern, anyText, (pattern, text) => {
      const regexp = IRegexp.compile(pattern) as IRegexp;
      // In JavaScript the dot also excludes two separators, which these texts do not hold.
      expect(regexp.matches(text, new QueryBudget(""))).toBe(new RegExp(`^(?:${pattern})$`, "u").test(text));
      expect(regexp.finds(text, new QueryBudget(""))).toBe(new RegExp(pattern, "u").test(text));
    }),
    { numRuns: 3000 },
  );
});
