import { compareCodePoints, type Value } from "@strata/core";
import { canonicalScalar, isSameNumber, isScalar, type Scalar } from "./scalar.js";

/** Scalars are canonical (`canonicalScalar`), so that a Set finds equal ones. */
export type Comparison =
  | { readonly operator: "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$contains"; readonly operand: Scalar }
  | { readonly operator: "$in" | "$nin"; readonly operand: ReadonlySet<Scalar> }
  | { readonly operator: "$exists"; readonly operand: boolean }
  | { readonly operator: "$prefix"; readonly operand: string };

/** Something asked of a value, `undefined` where there is none. */
export type Test = (value: Value | undefined) => boolean;

/** What a comparison asks of what stands at the field; `undefined`: nothing does. */
export function comparisonTest({ operator, operand }: Comparison): Test {
  switch (operator) {
    case "$eq":
      return (found) => isEqual(found, operand);
    case "$ne":
      return (found) => found !== undefined && !isEqual(found, operand);
    case "$gt":
      return (found) => orderOf(found, operand) > 0;
    case "$gte":
      return (found) => orderOf(found, operand) >= 0;
    case "$lt":
      return (found) => orderOf(found, operand) < 0;
    case "$lte":
      return (found) => orderOf(found, operand) <= 0;
    case "$in":
      return (found) => isIn(found, operand);
    case "$nin":
      return (found) => found !== undefined && !isIn(found, operand);
    case "$exists":
      return (found) => (found !== undefined) === operand;
    case "$contains":
      return (found) => contains(found, operand);
    case "$prefix":
      return (found) => typeof found === "string" && found.startsWith(operand);
  }
}

/** The operand is canonical, so a number can only equal it by being the same; a bigint may be one that a number holds exactly. */
function isEqual(found: Value | undefined, operand: Scalar): boolean {
  return (
    found === operand || (typeof found === "bigint" && typeof operand === "number" && isSameNumber(found, operand))
  );
}

function isNumeric(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** As `Value.compare` for two of one type; NaN for what is in no order: different types, NaN, what is missing. */
function orderOf(found: Value | undefined, operand: Scalar): number {
  if (typeof found === "string") return typeof operand === "string" ? compareCodePoints(found, operand) : Number.NaN;
  if (typeof found === "number" || typeof found === "bigint") {
    if (!isNumeric(operand)) return Number.NaN;
    if (found < operand) return -1;
    return found > operand ? 1 : Number.isNaN(found) ? Number.NaN : 0;
  }
  if (typeof found === "boolean") return typeof operand === "boolean" ? Number(found) - Number(operand) : Number.NaN;
  return found === null && operand === null ? 0 : Number.NaN;
}

function isIn(found: Value | undefined, operand: ReadonlySet<Scalar>): boolean {
  return isScalar(found) && operand.has(canonicalScalar(found)) && !Number.isNaN(found);
}

function contains(found: Value | undefined, operand: Scalar): boolean {
  if (typeof found === "string") return typeof operand === "string" && found.includes(operand);
  if (!Array.isArray(found)) return false;
  for (const element of found as readonly Value[]) if (isEqual(element, operand)) return true;
  return false;
}
