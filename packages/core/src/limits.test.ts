import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, NESTING_MAX, resolveLimits, SMALL_LIMITS } from "./index.js";

describe("resolveLimits", () => {
  test("gives the defaults, with what is given in their place", () => {
    expect(resolveLimits()).toEqual(DEFAULT_LIMITS);
    expect(resolveLimits({ keyBytes: 10, nesting: undefined })).toEqual({ ...DEFAULT_LIMITS, keyBytes: 10 });
    expect(resolveLimits(SMALL_LIMITS)).toEqual(SMALL_LIMITS);
    expect(Object.isFrozen(resolveLimits({ keyBytes: 10 }))).toBe(true);
  });

  test.each([
    [{ keyBytes: 0 }],
    [{ keyBytes: 1.5 }],
    [{ keyBytes: Number.NaN }],
    [{ keyBytes: "10" }],
    [{ keyBytes: 2 ** 40 }],
    [{ nesting: NESTING_MAX + 1 }],
    [{ depth: 3 }],
    [{ ["__proto__"]: 3 }],
    [{ toString: 3 }],
    [null],
    [7],
  ])("refuses %j", (given) => {
    expect(() => resolveLimits(given as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});
