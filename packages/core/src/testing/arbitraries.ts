/**
 * fast-check arbitraries of what the database holds, for the property tests of every package. They draw the awkward on
 * purpose: names that are properties of `Object.prototype`, integer-like names, text around the surrogates, numbers at
 * the edges of Int and Float.
 */

import fc from "fast-check";
import { DEFAULT_LIMITS, INT_MAX, INT_MIN, RESERVED_KEY_PREFIX } from "../limits.js";
import { defineMember } from "../own-member.js";
import type { KeyPart } from "../tuple-key.js";
import { utf8Length } from "../utf8.js";
import type { Value } from "../value.js";
import { copyValue } from "../value-copy.js";

const AWKWARD_NAMES = [
  "",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "toJSON",
  "length",
  "then",
  "0",
  "1",
  "-1",
  "10",
  "4294967295",
  "9007199254740993",
  "$bytes",
  "$object",
  "a.b",
  "a\0b",
];

const AWKWARD_TEXTS = [
  "",
  "\0",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\ufeff",
  "\ufffd",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
  "é",
  "e\u0301",
];

const AWKWARD_NUMBERS = [
  0,
  -0,
  1,
  -1,
  23,
  24,
  -24,
  -25,
  255,
  256,
  65535,
  65536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  -(2 ** 32),
  -(2 ** 32) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 53,
  -(2 ** 53),
  2 ** 60,
  2 ** 63,
  2 ** 64,
  0.5,
  0.1,
  65504,
  65504.5,
  2 ** -14,
  2 ** -24,
  2 ** -25,
  1.1754943508222875e-38,
  3.4028234663852886e38,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  Number.EPSILON,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const AWKWARD_BIGINTS = [
  BigInt(Number.MAX_SAFE_INTEGER) + 1n,
  BigInt(Number.MIN_SAFE_INTEGER) - 1n,
  INT_MAX,
  INT_MIN,
  2n ** 60n,
];

/** Well-formed text, weighted towards its edges. */
export function anyText(maxLength = 40): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength }) },
    { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength }) },
    {
      weight: 2,
      arbitrary: fc.array(fc.constantFrom(...AWKWARD_TEXTS), { maxLength: 6 }).map((parts) => parts.join("")),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", minLength: maxLength, maxLength: maxLength * 8 }) },
  );
}

/** Member names, hostile ones included. */
export function anyName(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 10 }) },
    { weight: 2, arbitrary: fc.constantFrom(...AWKWARD_NAMES) },
    { weight: 1, arbitrary: anyText(12) },
  );
}

export type AnyValueOptions = {
  /** Containers around a scalar, at most; 5 by default. */
  readonly depth?: number | undefined;
  /** Whether Bytes occur; true by default. */
  readonly bytes?: boolean | undefined;
  /** Whether NaN occurs, which equals nothing; true by default. */
  readonly nan?: boolean | undefined;
};

/** Any value of the eight types, frozen as the store hands it out. */
export function anyValue(options: AnyValueOptions = {}): fc.Arbitrary<Value> {
  const { depth = 5, bytes = true, nan = true } = options;
  const scalar = anyScalar(bytes, nan);
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: depth, depthSize: "small", withCrossShrink: true },
      { weight: 4, arbitrary: scalar },
      { weight: 1, arbitrary: fc.array(tie("value"), { maxLength: 6 }) },
      {
        weight: 2,
        arbitrary: fc
          .uniqueArray(fc.tuple(anyName(), tie("value")), { maxLength: 6, selector: ([name]) => name })
          .map(toObject),
      },
    ),
  }));
  return value.map((input) => copyValue(input, DEFAULT_LIMITS));
}

function anyScalar(bytes: boolean, nan: boolean): fc.Arbitrary<unknown> {
  const number = fc.oneof(
    fc.constantFrom(...AWKWARD_NUMBERS.filter((value) => nan || !Number.isNaN(value))),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: !nan }),
    fc.float({ noNaN: !nan }),
  );
  const scalars: fc.Arbitrary<unknown>[] = [
    fc.constantFrom(null, true, false),
    number,
    fc.oneof(fc.constantFrom(...AWKWARD_BIGINTS), fc.bigInt({ min: INT_MIN, max: INT_MAX })),
    anyText(),
  ];
  if (bytes) scalars.push(fc.uint8Array({ maxLength: 40 }));
  return fc.oneof(...scalars);
}

function toObject(members: readonly (readonly [string, unknown])[]): object {
  const object: Record<string, Value> = {};
  for (const [name, value] of members) defineMember(object, name, value as Value);
  return object;
}

/** A key that the default limits allow. */
export function anyKey(): fc.Arbitrary<string> {
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }) },
      { weight: 2, arbitrary: anyText(8) },
      { weight: 1, arbitrary: anyName() },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.constantFrom("user:", "a", "\uffff", "\u{10000}", "_strata"), fc.nat(50))
          .map(([prefix, n]) => prefix + n),
      },
    )
    .map((text) => text.replaceAll("\0", ""))
    .filter(
      (text) => text !== "" && !text.startsWith(RESERVED_KEY_PREFIX) && utf8Length(text) <= DEFAULT_LIMITS.keyBytes,
    );
}

/** One part of a tuple key. */
export function anyKeyPart(): fc.Arbitrary<KeyPart> {
  return fc.oneof(
    anyText(8),
    fc
      .oneof(fc.constantFrom(...AWKWARD_NUMBERS), fc.integer(), fc.maxSafeInteger(), fc.double())
      .filter((n) => !Number.isNaN(n)),
    fc.oneof(fc.constantFrom(...AWKWARD_BIGINTS), fc.bigInt({ min: INT_MIN, max: INT_MAX })),
    fc.boolean(),
    fc.uint8Array({ maxLength: 6 }),
  );
}

/** A legal name of a space. */
export function anySpaceName(): fc.Arbitrary<string> {
  return fc.oneof(fc.constantFrom("default", "a", "tool-results", "x_1"), fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/));
}

/** A legal name of a run. */
export function anyRunName(): fc.Arbitrary<string> {
  return fc
    .oneof(fc.constantFrom("default", "run-1", "0.1", "_x"), fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/))
    .filter((name) => !name.startsWith("_system"));
}
