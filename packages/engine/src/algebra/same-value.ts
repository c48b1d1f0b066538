import { Value } from "@strata/core";

/** Whether nothing changed between two states of a key, `undefined` being its absence. A NaN that stays is no change. */
export function isSame(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return Value.equal(a, b) || Value.compare(a, b) === 0;
}
