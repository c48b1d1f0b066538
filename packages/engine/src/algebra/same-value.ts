import { Value } from "@strata/core";
import { Box, type Stored } from "@strata/storage";

/** Whether nothing changed between two states of a key, `undefined` being its absence. A NaN that stays is no change. */
export function isSame(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return Value.equal(a, b) || Value.compare(a, b) === 0;
}

/** What a key holds, for comparing: shared with the store, so not to be handed out. */
export function heldIn(stored: Stored | undefined): Value | undefined {
  return stored instanceof Box ? stored.value : stored;
}
