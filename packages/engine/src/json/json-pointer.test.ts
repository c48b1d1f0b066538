import { copyValue, DEFAULT_LIMITS } from "@strata/core";
import { anyName } from "@strata/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { locate, parsePointer } from "./json-pointer.js";

test.each([
  ["", []],
  ["/", [""]],
  ["/a", ["a"]],
  ["/a/0/-", ["a", "0", "-"]],
  ["/a~1b/m~0n/~01", ["a/b", "m~n", "~1"]],
  ["//x", ["", "x"]],
  ['/ /k"l/é', [" ", 'k"l', "é"]],
])("%j", (pointer, tokens) => {
  expect(parsePointer(pointer)).toEqual(tokens);
});

test.each(["a", "a/b", "#/a", "/~", "/a~2", "/~x", "/\ud800", "/a".repeat(257)])("%j is no pointer", (pointer) => {
  expect(() => parsePointer(pointer)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
});

test("a pointer made of escaped tokens gives the tokens", () => {
  fc.assert(
    fc.property(fc.array(anyName(), { maxLength: 6 }), (tokens) => {
      const pointer = tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
      expect(parsePointer(pointer)).toEqual(tokens);
    }),
  );
});

test("a token is a member or an index, as the document says", () => {
  const document = copyValue({ a: [{ "0": 1 }, 2], "-": { "": 3 } }, DEFAULT_LIMITS);
  expect(locate(document, ["a", "0", "0"])).toEqual(["a", 0, "0"]);
  expect(locate(document, ["a", "-"])).toEqual(["a", 2]);
  expect(locate(document, ["a", "2"])).toEqual(["a", 2]);
  expect(locate(document, ["-", ""])).toEqual(["-", ""]);
  expect(locate(document, ["new"])).toEqual(["new"]);
  for (const tokens of [
    ["new", "x"],
    ["a", "3"],
    ["a", "01"],
    ["a", "-1"],
    ["a", "1e0"],
    ["a", ""],
    ["a", "1", "x"],
    ["a", "9".repeat(30)],
    ["toString", "x"],
  ]) {
    expect(locate(document, tokens)).toBeUndefined();
  }
  expect(locate(undefined, [])).toEqual([]);
  expect(locate(undefined, ["a"])).toBeUndefined();
});
