import { compareCodePoints, type Primitive } from "@strata/core";
import type { EntityRef } from "@strata/engine";

/** The order of hits of equal score begins with that of their primitives. */
const ORDER: { readonly [P in Primitive]: number } = { kv: 0, event: 1, state: 2, json: 3, vector: 4 };

/** kv, event, state, json, vector; then spaces, collections and keys by code point, sequences by number. */
export function compareRefs(a: EntityRef, b: EntityRef): number {
  const place = comparePlaces(a.primitive, a.space, b.primitive, b.space);
  if (place !== 0) return place;
  if (a.primitive === "event") return a.sequence - (b as typeof a).sequence;
  if (a.primitive === "vector") {
    const other = b as typeof a;
    return compareCodePoints(a.collection, other.collection) || compareCodePoints(a.key, other.key);
  }
  return compareCodePoints(a.key, (b as typeof a).key);
}

/** The part of the order that does not look at keys. */
export function comparePlaces(primitiveA: Primitive, spaceA: string, primitiveB: Primitive, spaceB: string): number {
  return ORDER[primitiveA] - ORDER[primitiveB] || compareCodePoints(spaceA, spaceB);
}

/** The same text for the same entry of a run, and for no other. */
export function identityOf(ref: EntityRef): string {
  const { primitive, space } = ref;
  if (primitive === "event") return `${primitive}\0${space}\0${ref.sequence}`;
  if (primitive === "vector") return `${primitive}\0${space}\0${ref.collection}\0${ref.key}`;
  return `${primitive}\0${space}\0${ref.key}`;
}
