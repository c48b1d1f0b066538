import { compareCodePoints } from "@strata/core";
import type { Neighbors } from "./scan.js";

/** Rows to be searched: those of one layer, or those that a transaction has written. */
export interface NearestSource {
  /** In one list or several, each nearest first: the `k` nearest of them, and with them all that are exactly as near as the k-th. */
  nearest(k: number): readonly Neighbors[];
  /** The key of the vector in a row. */
  keyOf(slot: number): string;
  /** Whether something is kept beside the vector: if not, its row need not be read. */
  hasMetadata(slot: number): boolean;
}

/** A vector found. */
export interface Nearest {
  readonly key: string;
  readonly proximity: number;
  readonly hasMetadata: boolean;
}

/**
 * The `k` nearest of all sources, nearest first, those equally near in code point order of their keys. No key is in two of them.
 *
 * @param k at least 1.
 */
export function nearestOf(sources: readonly NearestSource[], k: number): Nearest[] {
  const found = sources.flatMap((source) => source.nearest(k).map((neighbors) => ({ source, neighbors })));
  const least = leastOf(
    found.map(({ neighbors }) => neighbors),
    k,
  );
  const nearest: Nearest[] = [];
  for (const { source, neighbors } of found) {
    const { count, slots, proximities } = neighbors;
    for (let at = 0; at < count && proximities[at]! >= least; at++) {
      const slot = slots[at]!;
      nearest.push({
        key: source.keyOf(slot),
        proximity: proximities[at]!,
        hasMetadata: source.hasMetadata(slot),
      });
    }
  }
  nearest.sort((a, b) => b.proximity - a.proximity || compareCodePoints(a.key, b.key));
  return nearest.length > k ? nearest.slice(0, k) : nearest;
}

/** The proximity of the k-th of all, or below that of any where there are no more than `k`. */
function leastOf(lists: readonly Neighbors[], k: number): number {
  let count = 0;
  for (const list of lists) count += list.count;
  if (count <= k) return Number.NEGATIVE_INFINITY;
  const [only] = lists;
  if (lists.length === 1) return only!.proximities[k - 1]!;
  const all = new Float32Array(count);
  let at = 0;
  for (const { proximities, count: own } of lists) {
    all.set(own === proximities.length ? proximities : proximities.subarray(0, own), at);
    at += own;
  }
  all.sort();
  return all[count - k]!;
}
