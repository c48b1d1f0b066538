/**
 * Whether two values are one and the same to whoever reads them: -0 is not 0, NaN is NaN, and members have an order.
 */
import type { Value, ValueObject } from "@strata/core";

export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function sameValue(a: Value, b: Value): boolean {
  if (Object.is(a, b)) return true;
  if (isArray(a)) {
    if (!isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameValue(a[i]!, b[i]!)) return false;
    return true;
  }
  if (!isObject(a)) return sameScalar(a, b);
  if (!isObject(b)) return false;
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (name !== others[i] || !sameValue(a[name]!, b[name]!)) return false;
  }
  return true;
}

/** `sameValue` where one of them is neither an array nor an object. */
export function sameScalar(a: Value, b: Value): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return Object.is(a, b);
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
