/** Equality and total order of values. The public docstrings are on `Value`. */

import { isInt } from "./cbor.js";
import { compareCodePoints } from "./code-points.js";
import { InvalidArgumentError, LimitError } from "./errors.js";
import { NESTING_MAX } from "./limits.js";
import type { Value, ValueObject } from "./value.js";
import { describe, isUint8Array } from "./value-kind.js";

export function equalValues(a: Value, b: Value): boolean {
  return equal(a, b, 0);
}

export function compareValues(a: Value, b: Value): number {
  return compare(a, b, 0);
}

function equal(a: Value, b: Value, depth: number): boolean {
  // Not for objects: one that holds NaN does not equal itself, whether shared or copied.
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  checkDepth(depth);
  if (Array.isArray(a)) return Array.isArray(b) && equalArrays(a, b, depth + 1);
  if (Array.isArray(b)) return false;
  if (isUint8Array(a)) return isUint8Array(b) && compareBytes(a, b) === 0;
  if (isUint8Array(b)) return false;
  return equalObjects(a as ValueObject, b as ValueObject, depth + 1);
}

function equalArrays(a: readonly Value[], b: readonly Value[], depth: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equal(a[i]!, b[i]!, depth)) return false;
  return true;
}

function equalObjects(a: ValueObject, b: ValueObject, depth: number): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  for (const name of names) {
    if (!Object.hasOwn(b, name) || !equal(a[name]!, b[name]!, depth)) return false;
  }
  return true;
}

// Types in their order; Int and Float share one rank and compare by value.
const RANK_NUMBER = 2;

function rank(value: Value): number {
  switch (typeof value) {
    case "boolean":
      return 1;
    case "number":
    case "bigint":
      return RANK_NUMBER;
    case "string":
      return 3;
    case "object":
      if (value === null) return 0;
      if (Array.isArray(value)) return 5;
      return isUint8Array(value) ? 4 : 6;
    default:
      throw new InvalidArgumentError("INVALID_VALUE", `${describe(value)} is not a value`);
  }
}

function compare(a: Value, b: Value, depth: number): number {
  if (a === b) return 0;
  const rankA = rank(a);
  const rankB = rank(b);
  if (rankA !== rankB) return rankA < rankB ? -1 : 1;
  switch (rankA) {
    case 1:
      return a === false ? -1 : 1;
    case RANK_NUMBER:
      return compareNumbers(a as number | bigint, b as number | bigint);
    case 3:
      return compareCodePoints(a as string, b as string);
    case 4:
      return compareBytes(a as Uint8Array, b as Uint8Array);
    case 5:
      checkDepth(depth);
      return compareArrays(a as readonly Value[], b as readonly Value[], depth + 1);
    default:
      checkDepth(depth);
      return compareObjects(a as ValueObject, b as ValueObject, depth + 1);
  }
}

/** By value, exactly, also between number and bigint; of two of one value the Int first; NaN last. */
function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  const nanA = Number.isNaN(a);
  const nanB = Number.isNaN(b);
  if (nanA || nanB) return Number(nanA) - Number(nanB);
  // Equal in value: -0 with 0, or a bigint with a number that is no Int.
  return Number(isFloat(a)) - Number(isFloat(b));
}

function isFloat(value: number | bigint): boolean {
  return typeof value === "number" && value !== 0 && !isInt(value);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return Math.sign(a.length - b.length);
}

function compareArrays(a: readonly Value[], b: readonly Value[], depth: number): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compare(a[i]!, b[i]!, depth);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function compareObjects(a: ValueObject, b: ValueObject, depth: number): number {
  const namesA = Object.keys(a).sort(compareCodePoints);
  const namesB = Object.keys(b).sort(compareCodePoints);
  const shared = Math.min(namesA.length, namesB.length);
  for (let i = 0; i < shared; i++) {
    const name = namesA[i]!;
    const order = compareCodePoints(name, namesB[i]!) || compare(a[name]!, b[name]!, depth);
    if (order !== 0) return order;
  }
  return Math.sign(namesA.length - namesB.length);
}

// Stored values never reach it; what a caller made by hand may be cyclic.
function checkDepth(depth: number): void {
  if (depth >= NESTING_MAX) {
    throw new LimitError("LIMIT_VALUE", `the value is nested more than ${NESTING_MAX} deep`, {
      limit: "nesting",
      maximum: NESTING_MAX,
    });
  }
}
