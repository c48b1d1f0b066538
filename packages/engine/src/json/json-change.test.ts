import { copyValue, DEFAULT_LIMITS, type Value } from "@strata/core";
import { describe, expect, test } from "vitest";
import { changeByDelete, changeByIncrement, changeByMerge, changeByPush, changeBySet } from "./json-change.js";
import { applyOperation } from "./json-operation.js";
import { parseJsonPath } from "./json-path.js";

const document = value({
  n: 41,
  half: 0.5,
  text: "x",
  list: [1, 2],
  big: 2n ** 60n,
  deep: { a: { b: 1 } },
  none: null,
});

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}

function path(text: string) {
  return parseJsonPath(text);
}

describe("set", () => {
  test("gives the document and the resolved operation", () => {
    const change = changeBySet(document, path("list[-1]"), "last");
    expect(change.root).toMatchObject({ list: [1, "last"] });
    expect(change.operation).toEqual({ kind: "set", path: ["list", 1], value: "last" });
    expect(changeBySet(document, path("list[-]"), 3).operation).toEqual({ kind: "set", path: ["list", 2], value: 3 });
  });

  test("refuses what no document holds", () => {
    expect(() => changeBySet(document, path("n"), Number.NaN)).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE" }),
    );
    const deep = Array(101).fill("a");
    expect(() => changeBySet(document, deep, 1)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
    expect(() => changeBySet(document, deep.slice(1), 1)).not.toThrow();
  });
});

describe("delete", () => {
  test("tells how many values went, and logs only what it did", () => {
    expect(changeByDelete(document, path("list[-1]"))).toMatchObject({
      root: { list: [1] },
      operation: { kind: "delete", path: ["list", 1] },
      removed: 1,
    });
    expect(changeByDelete(document, path("nothing.here"))).toEqual({
      root: document,
      operation: undefined,
      removed: 0,
    });
    expect(changeByDelete(document, [])).toEqual({
      root: undefined,
      operation: { kind: "delete", path: [] },
      removed: 1,
    });
  });
});

describe("merge", () => {
  test("merges at a path, making parents", () => {
    expect(changeByMerge(document, path("deep.a"), value({ c: 2, b: null })).root).toMatchObject({
      deep: { a: { c: 2 } },
    });
    expect(changeByMerge(undefined, path("x.y"), value({ c: 2, d: null })).root).toEqual({ x: { y: { c: 2 } } });
    expect(changeByMerge(document, [], value({ n: null })).root).not.toHaveProperty("n");
  });

  test("a null at the path is the value null", () => {
    expect(changeByMerge(document, path("n"), null).root).toMatchObject({ n: null });
  });

  test("refuses what no document holds", () => {
    expect(() => changeByMerge(document, [], value({ a: [Number.NaN] }))).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE", facts: { path: "$.a[0]" } }),
    );
    expect(() => changeByMerge(document, path("text.x"), value({}))).toThrow(
      expect.objectContaining({ code: "WRONG_TYPE" }),
    );
  });
});

describe("push", () => {
  test("appends and tells the new length", () => {
    expect(changeByPush(document, path("list"), [3, 4])).toMatchObject({
      root: { list: [1, 2, 3, 4] },
      operation: { kind: "insert", path: ["list"], index: 2, values: [3, 4] },
      length: 4,
    });
  });

  test("makes the array where nothing is", () => {
    expect(changeByPush(document, path("new.list"), [1])).toMatchObject({ root: { new: { list: [1] } }, length: 1 });
    expect(changeByPush(undefined, [], [1, 2])).toMatchObject({ root: [1, 2], length: 2 });
    expect(changeByPush(document, path("list[-]"), ["inner"])).toMatchObject({
      root: { list: [1, 2, ["inner"]] },
      length: 1,
    });
  });

  test("without values tells the length and changes nothing", () => {
    expect(changeByPush(document, path("list"), [])).toEqual({ root: document, operation: undefined, length: 2 });
    expect(changeByPush(document, path("new"), [])).toEqual({ root: document, operation: undefined, length: 0 });
    expect(() => changeByPush(document, path("n"), [])).toThrow(expect.objectContaining({ code: "WRONG_TYPE" }));
  });

  test.each(["n", "deep", "text", "none"])("%s is no array", (text) => {
    expect(() => changeByPush(document, path(text), [1])).toThrow(
      expect.objectContaining({
        code: "WRONG_TYPE",
        facts: expect.objectContaining({ path: `$.${text}`, expected: "array" }),
      }),
    );
  });

  test("checks each value at the place where it will stand", () => {
    expect(() => changeByPush(document, path("list"), [1, value([Number.NaN])])).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE", facts: { path: "$.list[3][0]" } }),
    );
    expect(() => changeByPush(undefined, path("a"), [Number.NaN])).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE" }),
    );
  });
});

describe("increment", () => {
  test.each([
    ["n", undefined, 42],
    ["n", -42, -1],
    ["n", 0.5, 41.5],
    ["half", 0.5, 1],
    ["missing.counter", undefined, 1],
    ["missing", 0, 0],
    ["list[0]", 9, 10],
    ["list[-]", 5, 5],
    ["big", Number.MIN_SAFE_INTEGER, undefined],
  ])("%s by %j gives %j", (text, by, expected) => {
    if (expected === undefined) {
      expect(() => changeByIncrement(document, path(text), by)).toThrow(expect.objectContaining({ code: "OVERFLOW" }));
      return;
    }
    const change = changeByIncrement(document, path(text), by);
    expect(change.value).toBe(expected);
    expect(change.operation).toMatchObject({ kind: "set", value: expected });
    expect(applyOperation(document, change.operation as NonNullable<typeof change.operation>)).toEqual(change.root);
  });

  test.each([
    [Number.MAX_SAFE_INTEGER, 1],
    [Number.MIN_SAFE_INTEGER, -1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    [Number.MAX_VALUE, Number.MAX_VALUE],
    [2n ** 60n, 0.5],
    [2n ** 60n, 1],
  ])("%o + %o leaves the range", (from, by) => {
    expect(() => changeByIncrement(value({ n: from }), path("n"), by)).toThrow(
      expect.objectContaining({ code: "OVERFLOW" }),
    );
  });

  test("a bigint that comes back into the range is a number again", () => {
    const change = changeByIncrement(value(BigInt(Number.MAX_SAFE_INTEGER) + 2n), [], -3);
    expect(change.value).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  test.each(["text", "list", "deep", "none"])("%s is no number", (text) => {
    expect(() => changeByIncrement(document, path(text))).toThrow(expect.objectContaining({ code: "WRONG_TYPE" }));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, "1", 1n, null, Object.create(null)])("%o is no increment", (by) => {
    expect(() => changeByIncrement(document, path("n"), by as number)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
