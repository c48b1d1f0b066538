/** A value that is no container, and no bytes. */
export type Scalar = null | boolean | number | bigint | string;

const SCALAR_TYPES: ReadonlySet<string> = new Set(["boolean", "number", "bigint", "string"]);

export function isScalar(value: unknown): value is Scalar {
  return value === null || SCALAR_TYPES.has(typeof value);
}

/**
 * One form for equal numbers: a bigint that a number holds exactly becomes that number, and −0 becomes 0. Then two scalars are equal
 * exactly when a Map or Set takes them for the same key (but for NaN, which equals nothing).
 */
export function canonicalScalar(value: Scalar): Scalar {
  if (typeof value === "number") return value + 0;
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return isSameNumber(value, number) ? number : value;
}

/** Exactly, where neither is NaN. */
export function isSameNumber(a: bigint, b: number): boolean {
  return !(a < b || a > b);
}
