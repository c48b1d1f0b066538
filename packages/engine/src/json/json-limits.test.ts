import {
  copyValue,
  DEFAULT_LIMITS,
  DOCUMENT_BYTES_MAX,
  DOCUMENT_NESTING_MAX,
  SMALL_LIMITS,
  type Value,
} from "@strata/core";
import { describe, expect, test } from "vitest";
import { checkDocument, checkWritten, documentLimits } from "./json-limits.js";

describe("a document", () => {
  test.each([null, 1, "x", 2n ** 60n, -0, [], {}, [1, { a: [null] }], new Uint8Array([1])])("may be %o", (input) => {
    expect(() => checkDocument(value(input))).not.toThrow();
  });

  test.each([
    [Number.NaN, "$"],
    [{ a: [1, { b: Number.POSITIVE_INFINITY }] }, "$.a[1].b"],
    [{ "odd name": [Number.NEGATIVE_INFINITY] }, '$["odd name"][0]'],
  ])("holds no number that JSON cannot say: case %#", (input, path) => {
    expect(() => checkDocument(value(input))).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE", facts: { path } }),
    );
  });

  test("nests at most 100 deep", () => {
    expect(() => checkDocument(nested(DOCUMENT_NESTING_MAX, 1))).not.toThrow();
    expect(() => checkDocument(nested(DOCUMENT_NESTING_MAX + 1, 1))).toThrow(
      expect.objectContaining({ code: "LIMIT_VALUE", facts: expect.objectContaining({ limit: "nesting", max: 100 }) }),
    );
    expect(() => checkDocument(nested(DOCUMENT_NESTING_MAX, Number.NaN))).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE" }),
    );
  });
});

test("for a part of a document what is around it counts", () => {
  const path = ["a", 0, "b"];
  expect(() => checkWritten(nested(DOCUMENT_NESTING_MAX - path.length, 1), path)).not.toThrow();
  expect(() => checkWritten(nested(DOCUMENT_NESTING_MAX - path.length + 1, 1), path)).toThrow(
    expect.objectContaining({ code: "LIMIT_VALUE" }),
  );
  expect(() => checkWritten(value([1, Number.NaN]), path)).toThrow(
    expect.objectContaining({ code: "INVALID_VALUE", facts: { path: "$.a[0].b[1]" } }),
  );
  expect(() => checkWritten(1, Array(DOCUMENT_NESTING_MAX).fill("a"))).not.toThrow();
  expect(() => checkWritten(1, Array(DOCUMENT_NESTING_MAX + 1).fill("a"))).toThrow(
    expect.objectContaining({ code: "LIMIT_VALUE" }),
  );
});

test("documents are copied within the tighter of both limits", () => {
  expect(documentLimits(DEFAULT_LIMITS)).toMatchObject({
    nesting: DOCUMENT_NESTING_MAX,
    valueBytes: DOCUMENT_BYTES_MAX,
  });
  expect(documentLimits(SMALL_LIMITS)).toEqual(SMALL_LIMITS);
  expect(documentLimits(DEFAULT_LIMITS)).toBe(documentLimits(DEFAULT_LIMITS));
});

function nested(depth: number, inner: Value): Value {
  let made = inner;
  for (let i = 0; i < depth; i++) made = i % 2 === 0 ? [made] : { a: made };
  return value(made);
}

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
