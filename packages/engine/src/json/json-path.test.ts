import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import {
  APPEND,
  findLoneSurrogate,
  formatJsonPath,
  type JsonPath,
  type JsonSegment,
  parseJsonPath,
} from "./json-path.js";

describe("a path as text", () => {
  const cases: readonly (readonly [text: string, segments: readonly JsonSegment[]])[] = [
    ["", []],
    ["$", []],
    ["a", ["a"]],
    ["a.b", ["a", "b"]],
    ["$.a.b", ["a", "b"]],
    ["$.a.b[0]", ["a", "b", 0]],
    ["a[0][1].b", ["a", 0, 1, "b"]],
    ["[0]", [0]],
    ["$[0]", [0]],
    ["list[-1]", ["list", -1]],
    ["list[-]", ["list", APPEND]],
    ["[-].x", [APPEND, "x"]],
    ['["a b"].c', ["a b", "c"]],
    ["$['a.b']", ["a.b"]],
    ['$["it\'s"]', ["it's"]],
    ["$['it\\'s']", ["it's"]],
    ['$["\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"]', ['"\\/\b\f\n\r\té😀']],
    ['$[""]', [""]],
    ["$.größe.名前", ["größe", "名前"]],
    ["$.😀", ["😀"]],
    ["first name", ["first name"]],
    ["a-b_c", ["a-b_c"]],
    ["$.$ref", ["$ref"]],
    ["@type", ["@type"]],
    ["a.0", ["a", "0"]],
    ["__proto__.constructor", ["__proto__", "constructor"]],
    [`[${Number.MAX_SAFE_INTEGER}]`, [Number.MAX_SAFE_INTEGER]],
  ];
  test.each(cases)("%j", (text, segments) => {
    expect(parseJsonPath(text)).toEqual(segments);
  });
});

describe("what is no path is refused with position and reason", () => {
  const cases: readonly (readonly [path: unknown, position: number, reason: RegExp])[] = [
    [".a", 0, /expected a member name/],
    ["a.", 2, /expected a member name, found the end/],
    ["a..b", 2, /query\(\)/],
    ["$..a", 2, /query\(\)/],
    ["$a", 1, /begins with "\$"/],
    ["a.*", 2, /expected a member name/],
    ["a[*]", 2, /query\(\)/],
    ["a[?@.b]", 2, /query\(\)/],
    ["a[0:2]", 3, /expected "]"/],
    ["a[", 2, /found the end/],
    ["a[0", 3, /expected "]", found the end/],
    ["a[01]", 2, /leading zero/],
    ["a[-0]", 2, /leading zero/],
    ["a[-01]", 2, /leading zero/],
    ["a[1.5]", 3, /expected "]"/],
    ["a[ 1 ]", 2, /expected an index/],
    ["a[9007199254740992]", 2, /2\^53/],
    ["a[b]", 2, /expected an index/],
    ["a[0]b", 4, /expected "\." or "\["/],
    ["a]", 1, /only in quotes/],
    ['a"b', 1, /only in quotes/],
    ["a(b", 1, /only in quotes/],
    ["a\nb", 1, /only in quotes/],
    ['["a', 1, /no end/],
    ['["a\\', 3, /unknown escape/],
    ['["a\\x"]', 3, /unknown escape/],
    ['["\\u12"]', 2, /four hex digits/],
    ['["\\ud800"]', 1, /lone surrogate/],
    ['["a\u0000"]', 3, /control character/],
    ["a.\ud800", 2, /lone surrogate/],
    [["a", 1.5], 1, /1.5 is neither/],
    [["a", Number.NaN], 1, /NaN is neither/],
    [["a", 2 ** 53], 1, /neither/],
    [["a", null], 1, /a null is neither/],
    [["a", undefined], 1, /a undefined is neither/],
    [[1n], 0, /a bigint is neither/],
    [["\udc00"], 0, /lone surrogate/],
    [undefined, 0, /text, or an array/],
    [{}, 0, /text, or an array/],
    [Array(257).fill("a"), 256, /at most 256/],
  ];
  test.each(cases)("case %#", (path, position, reason) => {
    const error = errorOf(path as JsonPath);
    expect(error).toMatchObject({ code: "INVALID_PATH", facts: { position } });
    expect(error.facts).toMatchObject({ reason: expect.stringMatching(reason) });
  });

  test("a text with more than 256 segments is refused, one with 256 is not", () => {
    expect(parseJsonPath(Array(256).fill("a").join("."))).toHaveLength(256);
    expect(errorOf(Array(257).fill("a").join("."))).toMatchObject({
      facts: { reason: expect.stringMatching(/at most 256/) },
    });
    expect(errorOf("[0]".repeat(100_000)).message.length).toBeLessThan(250);
  });
});

describe("a path as an array", () => {
  test("needs no quoting, and tells members from indexes by type", () => {
    expect(parseJsonPath(["users", "a.b[0]", 0, "0", "-", ""])).toEqual(["users", "a.b[0]", 0, "0", "-", ""]);
  });

  test("is copied: changing it afterwards changes nothing", () => {
    const path = ["a", "b"];
    const segments = parseJsonPath(path);
    path[0] = "x";
    expect(segments).toEqual(["a", "b"]);
  });

  test("takes −0 for 0", () => {
    expect(Object.is(parseJsonPath([-0])[0], 0)).toBe(true);
  });
});

test("the same text gives the same segments, frozen", () => {
  expect(parseJsonPath("x.y[3]")).toBe(parseJsonPath("x.y[3]"));
  expect(Object.isFrozen(parseJsonPath("x.y[3]"))).toBe(true);
});

test("formatting quotes what is no identifier", () => {
  expect(formatJsonPath([])).toBe("$");
  expect(formatJsonPath(["a", "b c", "0", "", 3, -1, APPEND, '"', "é"])).toBe('$.a["b c"]["0"][""][3][-1][-]["\\""].é');
});

test("a surrogate without its partner is found wherever it stands", () => {
  expect(findLoneSurrogate("plain 😀")).toBe(-1);
  expect(findLoneSurrogate("\ud83d")).toBe(0);
  expect(findLoneSurrogate("a\ude00")).toBe(1);
  expect(findLoneSurrogate("😀\ud83dx")).toBe(2);
});

function errorOf(path: JsonPath): StrataError {
  try {
    parseJsonPath(path);
  } catch (error) {
    if (StrataError.is(error)) return error;
    throw error;
  }
  throw new Error(`${String(path)} was taken for a path`);
}
