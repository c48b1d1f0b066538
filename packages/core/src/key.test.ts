import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkKey, DEFAULT_LIMITS, SMALL_LIMITS, StrataError } from "./index.js";
import { anyKey } from "./testing/index.js";

function reasonAgainst(key: unknown, limits = DEFAULT_LIMITS): unknown {
  try {
    checkKey(key, limits);
  } catch (error) {
    if (!StrataError.is(error, "INVALID_KEY")) throw error;
    const { reason } = error.facts;
    return reason;
  }
  return undefined;
}

describe("checkKey", () => {
  test("takes every legal key", () => {
    fc.assert(
      fc.property(anyKey(), (key) => {
        expect(reasonAgainst(key)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    [" "],
    ["_strata"],
    ["_strataX"],
    ["a_strata/"],
    ["__proto__"],
    ["constructor"],
    ["a b\nc\t"],
    ["é"],
    ["e\u0301"],
    ["\u{10ffff}"],
    ["\uffff"],
    ["\ud7ff\ue000"],
    ["run:space/kv%00"],
  ])("takes %j", (key) => {
    expect(reasonAgainst(key)).toBeUndefined();
  });

  test.each([
    ["", "empty_key"],
    ["\0", "contains_nul"],
    ["a\0b", "contains_nul"],
    ["_strata/", "reserved_prefix"],
    ["_strata/x", "reserved_prefix"],
    ["\ud800", "lone_surrogate"],
    ["a\udc00b", "lone_surrogate"],
    ["\udc00\ud800", "lone_surrogate"],
    [undefined, "not_a_string"],
    [null, "not_a_string"],
    [1, "not_a_string"],
    [{}, "not_a_string"],
    [["a"], "not_a_string"],
    [Symbol("a"), "not_a_string"],
    [Object("a"), "not_a_string"],
  ])("refuses %j as %s", (key, reason) => {
    expect(reasonAgainst(key)).toBe(reason);
  });

  test("counts bytes of UTF-8, exactly", () => {
    for (const [character, bytes] of [
      ["a", 1],
      ["é", 2],
      ["😀", 4],
    ] as const) {
      const longest = character.repeat(SMALL_LIMITS.keyBytes / bytes);
      expect(reasonAgainst(longest, SMALL_LIMITS)).toBeUndefined();
      expect(reasonAgainst(`${longest}a`, SMALL_LIMITS)).toBe("key_too_long");
    }
    expect(reasonAgainst("a".repeat(1024))).toBeUndefined();
    expect(reasonAgainst("a".repeat(1025))).toBe("key_too_long");
    expect(reasonAgainst("é".repeat(512))).toBeUndefined();
    expect(reasonAgainst(`a${"é".repeat(512)}`)).toBe("key_too_long");
  });
});
