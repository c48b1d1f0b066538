import { compareCodePoints, type Value } from "@strata/core";

/**
 * What an index knows of a value, in the order of `Value.compare`. It may be less than the value: a long string is cut, an integer beyond
 * ±2^53 rounded, and of bytes, arrays and objects only that they are such. So values in order have keys in order, but different values may
 * have one key.
 */
export type FieldKey = number | string | FieldMark;

/** Values of which there is but one, or of which no more is known, by their place in the order; numbers and strings stand among them. */
export const FieldMark = {
  null: { rank: 0 },
  false: { rank: 1 },
  true: { rank: 2 },
  nan: { rank: 4 },
  bytes: { rank: 6 },
  array: { rank: 7 },
  object: { rank: 8 },
  /** Nothing is there. Behind everything, as `orderBy` has it. */
  missing: { rank: 9 },
} as const satisfies Record<string, { readonly rank: number }>;

export type FieldMark = { readonly rank: number };

/** In the order of their ranks. */
export const FIELD_MARKS: readonly FieldMark[] = Object.values(FieldMark);
const NUMBER_RANK = 3;
const TEXT_RANK = 5;

/** UTF-16 units that are kept of a string. */
export const TEXT_KEY_LENGTH = 128;

export function fieldKey(value: Value | undefined): FieldKey {
  switch (typeof value) {
    case "string":
      return textKey(value);
    case "number":
      return Number.isNaN(value) ? FieldMark.nan : value + 0; // −0 + 0 is 0
    case "bigint":
      return Number(value);
    case "boolean":
      return value ? FieldMark.true : FieldMark.false;
    case "undefined":
      return FieldMark.missing;
    default:
      if (value === null) return FieldMark.null;
      if (Array.isArray(value)) return FieldMark.array;
      return value instanceof Uint8Array ? FieldMark.bytes : FieldMark.object;
  }
}

/** Cut, but not between the halves of a character: then strings in order of code points have keys in that order. */
export function textKey(text: string): string {
  if (text.length <= TEXT_KEY_LENGTH) return text;
  const isPair = (text.codePointAt(TEXT_KEY_LENGTH - 1) as number) > 0xffff;
  return text.slice(0, isPair ? TEXT_KEY_LENGTH + 1 : TEXT_KEY_LENGTH);
}

/** Whether the strings that have this key may be longer than it. */
export function isCut(key: string): boolean {
  return key.length >= TEXT_KEY_LENGTH;
}

/** 0 only for equal keys. */
export function compareKeys(a: FieldKey, b: FieldKey): number {
  const byRank = rankOf(a) - rankOf(b);
  if (byRank !== 0) return byRank;
  if (typeof a === "string") return compareCodePoints(a, b as string);
  if (typeof a === "number") return a < (b as number) ? -1 : Number(a > (b as number));
  return 0;
}

function rankOf(key: FieldKey): number {
  if (typeof key === "object") return key.rank;
  return typeof key === "string" ? TEXT_RANK : NUMBER_RANK;
}
