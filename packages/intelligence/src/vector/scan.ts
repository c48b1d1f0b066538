import type { Query, VectorRows } from "./row-store.js";

/** Rows found, nearest first; rows of equal proximity by slot. `slots` and `proximities` have `count` elements. */
export interface Neighbors {
  readonly count: number;
  readonly slots: Int32Array;
  readonly proximities: Float32Array;
}

/**
 * The `k` rows nearest to `query` among slots [from, to) that `accept` admits; exact. All rows that are exactly as near as the k-th come with them,
 * so that the caller can order ties by what it likes: `count` may be more than `k`.
 */
export function topK(
  rows: VectorRows,
  query: Query,
  range: { readonly from: number; readonly to: number },
  accept: ((slot: number) => boolean) | undefined,
  k: number,
): Neighbors {
  const proximities = new Float32Array(range.to - range.from);
  rows.scan(query, range.from, range.to, proximities);
  let found: number[] = [];
  for (let slot = range.from; slot < range.to; slot++) if (accept === undefined || accept(slot)) found.push(slot);
  const proximityOf = (slot: number): number => proximities[slot - range.from]!;
  found.sort((a, b) => proximityOf(b) - proximityOf(a) || a - b);
  const last = found[k - 1];
  if (last !== undefined) found = found.filter((slot) => proximityOf(slot) >= proximityOf(last));
  if (k < 1) found = [];
  return { count: found.length, slots: Int32Array.from(found), proximities: Float32Array.from(found, proximityOf) };
}
