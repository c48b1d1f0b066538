import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkKey, compareCodePoints, DEFAULT_LIMITS, type KeyPart, key, StrataError, Value } from "./index.js";
import { anyKeyPart } from "./testing/index.js";

const anyTuple = fc.array(anyKeyPart(), { minLength: 1, maxLength: 4 });

/** As the docstring of `key` says, through `Value`, which orders the same types; only -0 has a place of its own. */
function compareParts(a: KeyPart, b: KeyPart): number {
  const order = Math.sign(Value.compare(a, b));
  return order === 0 ? Number(Object.is(b, -0)) - Number(Object.is(a, -0)) : order;
}

function compareTuples(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function normalized(part: KeyPart): KeyPart {
  return typeof part === "bigint" && Number.isSafeInteger(Number(part)) ? Number(part) : part;
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return StrataError.is(error) ? error.code : error;
  }
  return undefined;
}

describe("key", () => {
  test("comes back as its parts", () => {
    fc.assert(
      fc.property(anyTuple, (parts) => {
        expect(key.parse(key(...parts))).toEqual(parts.map(normalized));
      }),
      { numRuns: 3000 },
    );
  });

  test("sorts as its tuple does, so no two tuples share a key", () => {
    fc.assert(
      fc.property(anyTuple, anyTuple, fc.nat(3), (a, b, shared) => {
        const c = [...a.slice(0, shared), ...b];
        expect(Math.sign(compareCodePoints(key(...a), key(...c)))).toBe(compareTuples(a, c));
      }),
      { numRuns: 5000 },
    );
  });

  test("sorts neighbouring numbers, of one kind and of both", () => {
    const neighbour = fc
      .oneof(fc.double({ noNaN: true }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
      .chain((near) => fc.tuple(fc.constant<number | bigint>(near), nearby(near)));
    fc.assert(
      fc.property(neighbour, ([a, b]) => {
        expect(Math.sign(compareCodePoints(key(a), key(b)))).toBe(compareParts(a, b));
      }),
      { numRuns: 5000 },
    );
  });

  test("is a legal key, and the prefix of every longer tuple that begins with it", () => {
    fc.assert(
      fc.property(anyTuple, anyTuple, (a, b) => {
        checkKey(key(...a), DEFAULT_LIMITS);
        expect(key(...a, ...b)).toBe(key(...a) + key(...b));
      }),
      { numRuns: 1000 },
    );
    checkKey(key("_strata/"), DEFAULT_LIMITS);
    checkKey(key("\0"), DEFAULT_LIMITS);
  });

  test.each([
    ["nb42.", [42]],
    ["n-x57:", [-42]],
    ["na15/", [1.5]],
    ["nA3991/", [0.1]],
    ["nz3001/", [1e300]],
    ["n0", [0]],
    ["n/", [-0]],
    ["nd1000.", [1000]],
    ["ns9223372036854775807.", [2n ** 63n - 1n]],
    ["ns1152921504606846976/", [2 ** 60]],
    ["b1b0", [true, false]],
    ["susers\u0001sa\u0002\u0003\u0002\u0004\u0002\u0005b\u0001", ["users", "a\0\u0001\u0002b"]],
    ["x00ff.", [Uint8Array.of(0, 255)]],
  ] as [string, KeyPart[]][])("writes %j", (text, parts) => {
    expect(key(...parts)).toBe(text);
  });

  test.each([
    ["no parts", []],
    ["NaN", [Number.NaN]],
    ["bigints beyond 64 bits", [2n ** 63n]],
    ["lone surrogates", ["\ud800"]],
    ["null", [null]],
    ["undefined", ["a", undefined]],
    ["objects", [{}]],
    ["arrays", [[1]]],
    ["dates", [new Date(0)]],
    ["symbols", [Symbol("s")]],
    ["floats", [new Float32Array(1)]],
  ] as [string, unknown[]][])("refuses %s", (_, parts) => {
    expect(codeOf(() => key(...(parts as KeyPart[])))).toBe("INVALID_KEY");
  });

  test.each([
    "",
    "users",
    "s",
    "sa",
    "b",
    "b2",
    "n",
    "n42",
    "nb42",
    "nb42/",
    "nb4.",
    "na42.",
    "nb042.",
    "nd1/",
    "na10/",
    "nb42.x",
    "n-0",
    "n-b42.",
    "nA9991/",
    "nz9999/",
    "nz0031/",
    "ns9223372036854775808.",
    `ny${"9".repeat(100_000)}.`,
    "x0.",
    "xFF.",
    "x0g.",
    "sa\u0002b\u0001",
    "sa\u0002\u0006\u0001",
    "sa\u0002\u0001",
    "sa\0\u0001",
    "s\ud800\u0001",
  ])("parse refuses %j", (text) => {
    expect(codeOf(() => key.parse(text))).toBe("INVALID_KEY");
  });

  test("parse refuses whatever key did not make", () => {
    const alphabet = fc.constantFrom(..."bnsx019.:/;-~!aAzfy\u0001\u0002\u0003");
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (text) => {
        const code = codeOf(() => expect(key(...key.parse(text))).toBe(text));
        expect([undefined, "INVALID_KEY"]).toContain(code);
      }),
      { numRuns: 5000 },
    );
    for (const other of [undefined, null, 1, {}]) {
      expect(codeOf(() => key.parse(other as unknown as string))).toBe("INVALID_KEY");
    }
  });
});

/** Numbers and bigints within a few units in the last place. */
function nearby(near: number | bigint): fc.Arbitrary<number | bigint> {
  if (typeof near === "bigint") {
    return fc
      .oneof(fc.bigInt({ min: -3n, max: 3n }), fc.bigInt({ min: -3000n, max: 3000n }))
      .map((step) => near + step)
      .filter((value) => value >= -(2n ** 63n) && value < 2n ** 63n)
      .chain((value) => fc.constantFrom<number | bigint>(value, Number(value)));
  }
  const scratch = new DataView(new ArrayBuffer(8));
  return fc.integer({ min: -3, max: 3 }).chain((step) => {
    scratch.setFloat64(0, near);
    scratch.setBigInt64(0, scratch.getBigInt64(0) + BigInt(step));
    const value = scratch.getFloat64(0);
    if (!Number.isFinite(value)) return fc.constant(near);
    const inRange = Number.isInteger(value) && Math.abs(value) < 2 ** 63;
    return inRange ? fc.constantFrom<number | bigint>(value, BigInt(value)) : fc.constant(value);
  });
}
