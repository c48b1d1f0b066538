import { runInNewContext } from "node:vm";
import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { vectorFrom } from "./vector-input.js";

const taken = (input: unknown, dimension = 3) => vectorFrom(input, "docs", dimension, "vectors.upsert");

function refusal(input: unknown, dimension = 3): StrataError {
  try {
    taken(input, dimension);
  } catch (error) {
    if (StrataError.is(error)) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("what is a vector", () => {
  test("arrays and typed arrays of numbers, and what has a length and numbers", () => {
    const wanted = Float32Array.of(1, -2, 3.5);
    expect(taken([1, -2, 3.5])).toEqual(wanted);
    expect(taken(wanted)).toEqual(wanted);
    expect(taken(Float64Array.of(1, -2, 3.5))).toEqual(wanted);
    expect(taken(Int8Array.of(1, -2, 3))).toEqual(Float32Array.of(1, -2, 3));
    expect(taken({ length: 3, 0: 1, 1: -2, 2: 3.5 })).toEqual(wanted);
  });

  test("it is a copy", () => {
    const given = Float32Array.of(1, 2, 3);
    const copy = taken(given);
    given[0] = 9;
    expect(copy[0]).toBe(1);
  });

  test("doubles are rounded to the nearest 32-bit float, and -0 stays what it is", () => {
    const [third, zero, tiny] = taken([1 / 3, -0, 1e-46]);
    expect(third).toBe(Math.fround(1 / 3));
    expect(Object.is(zero, -0)).toBe(true);
    expect(tiny).toBe(0);
  });

  test("a part of a buffer is only that part", () => {
    const buffer = Float32Array.of(9, 1, 2, 3, 9).buffer;
    expect(taken(new Float32Array(buffer, 4, 3))).toEqual(Float32Array.of(1, 2, 3));
  });

  test("typed arrays and arrays of another realm", () => {
    expect(taken(runInNewContext("Float32Array.of(1, 2, 3)"))).toEqual(Float32Array.of(1, 2, 3));
    expect(taken(runInNewContext("[1, 2, 3]"))).toEqual(Float32Array.of(1, 2, 3));
  });
});

describe("what is none", () => {
  test.each([
    ["a string", "abc"],
    ["null", null],
    ["undefined", undefined],
    ["a number", 3],
    ["a function with three parameters", (_a: unknown, _b: unknown, _c: unknown) => 0],
    ["an object without length", { 0: 1, 1: 2, 2: 3 }],
    ["a Set", new Set([1, 2, 3])],
    ["a DataView", new DataView(new ArrayBuffer(12))],
    ["an ArrayBuffer", new ArrayBuffer(12)],
    ["big integers", BigInt64Array.of(1n, 2n, 3n)],
    ["an object whose length is text", { length: "3", 0: 1, 1: 2, 2: 3 }],
    ["an object whose prototype is that of typed arrays", Object.create(Float32Array.prototype)],
  ])("%s", (_what, input) => {
    expect(refusal(input)).toMatchObject({ code: "INVALID_VALUE", facts: { collection: "docs" } });
  });

  test("another number of components says how many were expected", () => {
    for (const input of [[], [1, 2], Float32Array.of(1, 2, 3, 4), { length: 2 ** 53 }, { length: Number.NaN }]) {
      expect(refusal(input)).toMatchObject({
        code: "DIMENSION_MISMATCH",
        facts: { collection: "docs", expected: 3, actual: (input as ArrayLike<number>).length },
      });
    }
  });

  test("a component that is no finite 32-bit float is named", () => {
    expect(refusal([0, Number.NaN, 0]).facts["index"]).toBe(1);
    expect(refusal([0, 0, Number.POSITIVE_INFINITY]).facts["index"]).toBe(2);
    expect(refusal(Float32Array.of(Number.NEGATIVE_INFINITY, 0, 0)).facts["index"]).toBe(0);
    expect(refusal([0, 1e39, 0])).toMatchObject({ code: "INVALID_VALUE", facts: { index: 1 } });
    expect(refusal(["1", 2, 3]).facts["index"]).toBe(0);
    expect(refusal([1, 2n, 3]).facts["index"]).toBe(1);
  });

  test("a hole is no component", () => {
    // biome-ignore lint/suspicious/noSparseArray: that is what is tested
    expect(refusal([1, , 3]).facts["index"]).toBe(1);
  });

  test("a detached buffer has no components", () => {
    const given = Float32Array.of(1, 2, 3);
    structuredClone(given.buffer, { transfer: [given.buffer] });
    expect(refusal(given)).toMatchObject({ code: "DIMENSION_MISMATCH", facts: { actual: 0 } });
  });
});

describe("hostile classes", () => {
  test("what a subclass says of its length and its elements is not asked", () => {
    class Liar extends Float32Array {
      override get length(): number {
        return 1;
      }
      override [Symbol.iterator](): never {
        throw new Error("asked");
      }
    }
    expect(taken(new Liar([1, 2, 3]))).toEqual(Float32Array.of(1, 2, 3));
    expect(taken(new Liar([1, 2, 3])).constructor).toBe(Float32Array);
  });

  test("a getter that throws is the cause of the refusal", () => {
    const cause = new Error("mine");
    const fails = () => {
      throw cause;
    };
    const element = Object.defineProperty([1, 2, 3], 1, { get: fails });
    const length = Object.defineProperty({ 0: 1 }, "length", { get: fails });
    for (const input of [element, length, new Proxy([1, 2, 3], { get: fails })]) {
      expect(refusal(input)).toMatchObject({ code: "INVALID_VALUE", cause });
    }
  });

  test("a getter is read once: what was checked is what is taken", () => {
    let reads = 0;
    const input = Object.defineProperty([1, 2, 3], 1, {
      get: () => {
        reads++;
        return reads === 1 ? 5 : Number.NaN;
      },
    });
    expect(taken(input)).toEqual(Float32Array.of(1, 5, 3));
  });
});
