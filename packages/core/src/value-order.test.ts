import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalBytes, LimitError, Value } from "./index.js";
import { anyValue } from "./testing/index.js";

const inOrder: readonly Value[] = [
  null,
  false,
  true,
  Number.NEGATIVE_INFINITY,
  -(2n ** 63n),
  -1.5,
  -1,
  0,
  0.1,
  1,
  2n ** 60n, // An Int, before
  2 ** 60, // the Float of the same value
  2n ** 60n + 1n,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  "",
  "a",
  "\uffff",
  "\u{10000}",
  Uint8Array.of(),
  Uint8Array.of(0),
  Uint8Array.of(0, 0),
  Uint8Array.of(255),
  [],
  [1],
  [1, 0],
  ["a"],
  {},
  { a: 1 },
  { a: 1, b: 0 },
  { a: 2 },
  { b: 0 },
];

describe("Value.compare", () => {
  test("orders all eight types", () => {
    for (const [i, a] of inOrder.entries()) {
      for (const [j, b] of inOrder.entries())
        expect([i, j, Math.sign(Value.compare(a, b))]).toEqual([i, j, Math.sign(i - j)]);
    }
  });

  test("is a total order, and 0 wherever equal holds", () => {
    const value = anyValue({ depth: 2 });
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(Value.compare(a, a)).toBe(0);
        expect(Math.sign(Value.compare(a, b))).toBe(-Math.sign(Value.compare(b, a)) || 0);
        if (Value.compare(a, b) <= 0 && Value.compare(b, c) <= 0) expect(Value.compare(a, c)).toBeLessThanOrEqual(0);
        if (Value.equal(a, b)) expect(Value.compare(a, b)).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  test("compares numbers with bigints exactly", () => {
    expect(Value.compare(2 ** 53, 2n ** 53n + 1n)).toBe(-1);
    expect(Value.compare(9007199254740993n, 9007199254740992)).toBe(1);
    expect(Value.compare(-0, 0)).toBe(0);
  });
});

describe("Value.equal", () => {
  test("ignores the order of members, and holds for values of equal canonical bytes without NaN", () => {
    const value = anyValue({ nan: false });
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(Value.equal(a, structuredClone(a))).toBe(true);
        if (Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0) expect(Value.equal(a, b)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(Value.equal({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
  });

  test("never holds across types", () => {
    const one: readonly Value[] = [
      null,
      false,
      0,
      2 ** 60,
      2n ** 60n,
      "",
      "1",
      Uint8Array.of(),
      Uint8Array.of(1),
      [],
      [1],
      {},
      { 0: 1 },
    ];
    for (const [i, a] of one.entries()) {
      for (const [j, b] of one.entries()) expect([i, j, Value.equal(a, b)]).toEqual([i, j, i === j]);
    }
  });

  test("follows IEEE: -0 is 0, NaN is nothing, not even in one and the same array", () => {
    expect(Value.equal(-0, 0)).toBe(true);
    expect(Value.equal(Number.NaN, Number.NaN)).toBe(false);
    const list = [Number.NaN];
    expect(Value.equal(list, list)).toBe(false);
  });

  test("is not misled by inherited members", () => {
    expect(Value.equal({ toString: 1 }, { a: 1 })).toBe(false);
    expect(Value.equal(JSON.parse('{"__proto__":1}'), { a: 1 })).toBe(false);
    expect(Value.equal(JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}'))).toBe(true);
  });

  test("refuses what is nested without end", () => {
    const cycle: Value[] = [];
    cycle.push(cycle);
    const other: Value[] = [];
    other.push(other);
    expect(() => Value.equal(cycle, other)).toThrow(LimitError);
    expect(() => Value.compare(cycle, other)).toThrow(LimitError);
  });
});
