/** Member names in canonical order. */

import { compareCodePoints } from "./code-points.js";
import type { ValueObject } from "./value.js";

// Objects come in few shapes, and sorting for each event took 28 % of an append: the sorted lists of the shapes met last
// are kept, found by a hash of the names' lengths and confirmed by the names themselves.
const SLOTS = 256;
const NAMES_MAX = 64;
const NAME_LENGTH_MAX = 64; // So that few long names do not stay in memory for good.
const asFound: (readonly string[] | undefined)[] = new Array(SLOTS).fill(undefined);
const sorted: (readonly string[] | undefined)[] = new Array(SLOTS).fill(undefined);

/** Names of all members, by code point. The list is shared: never change it. */
export function sortedNames(object: ValueObject): readonly string[] {
  const names = Object.keys(object);
  if (names.length < 2) return names;
  if (names.length > NAMES_MAX) return names.sort(compareCodePoints);
  let hash = names.length;
  for (let i = 0; i < names.length; i++) {
    const { length } = names[i]!;
    if (length > NAME_LENGTH_MAX) return names.sort(compareCodePoints);
    hash = (hash * 31 + length) | 0;
  }
  const slot = (hash ^ (hash >>> 8)) & (SLOTS - 1);
  const known = asFound[slot];
  if (known !== undefined && sameNames(known, names)) return sorted[slot]!;
  asFound[slot] = names;
  const list = [...names].sort(compareCodePoints);
  sorted[slot] = list;
  return list;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
