import type { Query, VectorRows } from "./row-store.js";
import type { Neighbors } from "./scan.js";
import { Found } from "./scan-found.js";
import { NearestRows } from "./scan-nearest.js";

/**
 * The `k` rows nearest to `query` among those that `slots` lists and `accept` admits, and with them all that are exactly as near as the k-th;
 * nearest first. Exact.
 *
 * @param slots ascending, no slot twice.
 * @param accept asked only of rows that are near enough.
 * @param k at least 1.
 */
export function nearestListed(
  rows: VectorRows,
  query: Query,
  slots: Int32Array,
  accept: ((slot: number) => boolean) | undefined,
  k: number,
): Neighbors {
  const found = new Found(slots.length);
  found.slots.set(slots);
  rows.gather(query, slots, slots.length, found.proximities);
  found.count = slots.length;
  const nearest = new NearestRows(k, slots.length);
  nearest.offerAll(found, accept);
  return nearest.result();
}
