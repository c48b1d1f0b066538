import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import {
  checkOptions,
  hasMethods,
  isBoolean,
  isFunction,
  isGroup,
  isOneOf,
  isString,
  isWholeNumber,
  type OptionCheck,
} from "./option-check.js";

const CHECKS = { name: isString, deep: isBoolean, count: isWholeNumber(1) };

function refusal(options: unknown, required: readonly string[] = []): StrataError {
  try {
    checkOptions("call", options, CHECKS, required);
  } catch (error) {
    if (StrataError.is(error, "INVALID_ARGUMENT")) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

describe("options", () => {
  test("that are absent, empty or undefined pass", () => {
    checkOptions("call", undefined, CHECKS);
    checkOptions("call", {}, CHECKS);
    checkOptions("call", { name: undefined, deep: undefined }, CHECKS);
    checkOptions("call", Object.create(null), CHECKS);
  });

  test("that are no object are refused", () => {
    for (const options of [null, 7, "name", [], () => {}])
      expect(refusal(options).facts).toEqual({ valid: ["name", "deep", "count"] });
  });

  test("that are unknown name the nearest and all there are", () => {
    const error = refusal({ nmae: "x" });
    expect(error.message).toBe('call has no option "nmae"; did you mean "name"?; it takes name, deep, count');
    expect(error.facts).toMatchObject({ option: "nmae" });
    refusal({ constructor: 1 });
    refusal(JSON.parse('{"__proto__": 1}'));
  });

  test("that are ill-typed say what they must be", () => {
    expect(refusal({ count: 0 }).message).toBe('call: "count" must be a whole number of at least 1');
    expect(refusal({ name: 7 }).facts).toEqual({ option: "name", expected: "a string" });
  });

  test("that are required may not be absent", () => {
    expect(refusal({}, ["name"]).message).toBe('call needs "name"');
    refusal(undefined, ["name"]);
    refusal({ name: undefined }, ["name"]);
  });
});

describe("checks", () => {
  const rows: readonly [OptionCheck, readonly unknown[], readonly unknown[]][] = [
    [isString, ["", "a"], [1, null, {}]],
    [isBoolean, [true, false], [0, "true"]],
    [isFunction, [() => {}], [{}, null]],
    [isWholeNumber(0), [0, 1, 2 ** 53 - 1], [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", 1n, 2 ** 53]],
    [isOneOf(["a", "b"]), ["a", "b"], ["c", "", undefined]],
    [hasMethods("now", "wait"), [{ now() {}, wait() {} }], [{ now() {} }, null, () => {}]],
    [isGroup({ n: isWholeNumber(1) }), [{}, { n: 1 }, { n: undefined }], [{ n: 0 }, { m: 1 }, 7, null]],
  ];
  test.each(rows)("%# tells what it takes from what it does not", (check, good, bad) => {
    for (const value of good) expect(check(value)).toBeUndefined();
    for (const value of bad) expect(check(value)).toBeTypeOf("string");
  });
});
