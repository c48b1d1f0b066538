import type { VectorRows } from "./row-store.js";
import { topK } from "./scan.js";

const QUERIES = 8;
const NEAREST = 10;
/** Rank by codes among which the nearest rows must be: about as many a search has compared in full. */
const RANK_MAX = 32;
const SHARE_MIN = 0.9;

/** At so many rows it is looked at whether codes serve. Later rows are taken to be of the same kind. */
export function isCheckedAt(length: number): boolean {
  return length === 256 || length === 1024 || length === 4096 || length === 16_384;
}

/**
 * Whether codes tell which rows are near: whether of the nearest of some rows nearly all are among the first by codes. They do not where vectors
 * differ by less than a code, as those that lie far from the origin and close to each other.
 */
export function doCodesServe(rows: VectorRows, length: number): boolean {
  const byCodes = new Float32Array(length);
  let there = 0;
  let found = 0;
  for (let i = 0; i < QUERIES; i++) {
    const query = rows.prepare(rows.vectorAt(Math.floor(((i + 0.5) * length) / QUERIES)));
    const { slots } = topK(rows, query, { from: 0, to: length }, undefined, NEAREST);
    rows.scanApproximate(query, 0, length, byCodes);
    for (const slot of slots.subarray(0, NEAREST)) {
      there++;
      if (rankOf(slot, byCodes) < RANK_MAX) found++;
    }
  }
  return found >= SHARE_MIN * there;
}

/** How many rows are nearer by codes. */
function rankOf(slot: number, byCodes: Float32Array): number {
  const own = byCodes[slot]!;
  let rank = 0;
  for (const proximity of byCodes) if (proximity > own) rank++;
  return rank;
}
