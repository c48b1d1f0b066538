import { CALL_ROWS } from "./kernel.js";
import type { Query, VectorRows } from "./row-store.js";
import type { RowSegment } from "./row-store-segment.js";
import { Found } from "./scan-found.js";
import { NearestRows } from "./scan-nearest.js";

/** Rows found, nearest first, rows of equal proximity by slot. */
export interface Neighbors {
  readonly count: number;
  /** Of `count` elements at least. */
  readonly slots: Int32Array;
  readonly proximities: Float32Array;
}

type Accept = (slot: number) => boolean;

/**
 * Rows that the first step of a scan compares: nothing is known yet of how near the nearest are. Each further step is twice as long, up to `CALL_ROWS`.
 */
const FIRST_STEP = 256;

/**
 * The `k` rows nearest to `query` among slots [from, to) that `accept` admits; exact. All rows that are exactly as near as the k-th come with them,
 * so that the caller can order ties by what it likes: `count` may be more than `k`.
 *
 * Where rows are kept in codes, those are compared first, and bounds of their proximity taken: whatever may be near enough is compared in full. The
 * result is the same.
 *
 * @param accept is asked about rows that are near enough only. It must not begin a scan of its own.
 * @param usesCodes false: every row is compared in full, whatever there is.
 */
export function topK(
  rows: VectorRows,
  query: Query,
  range: { readonly from: number; readonly to: number },
  accept: Accept | undefined,
  k: number,
  usesCodes = true,
): Neighbors {
  const nearest = new NearestRows(k, Math.max(0, Math.min(range.to, rows.length) - Math.max(0, range.from)));
  if (k < 1) return nearest.result();
  const found = new Found();
  rows.forSegments(range.from, range.to, (segment, start, first, end) => {
    if (usesCodes && segment.bounds(query)) scanBounds(segment, query, start, first, end, accept, nearest, found);
    else scanRows(segment, query, start, first, end, accept, nearest, found);
  });
  return nearest.result();
}

function scanRows(
  segment: RowSegment,
  query: Query,
  start: number,
  first: number,
  end: number,
  accept: Accept | undefined,
  nearest: NearestRows,
  found: Found,
): void {
  let step = FIRST_STEP;
  for (let from = first; from < end; ) {
    const to = Math.min(end, from + step);
    segment.findNear(query, from, to, nearest.threshold, start, found);
    nearest.offerAll(found, accept);
    from = to;
    step = Math.min(CALL_ROWS, 2 * step);
  }
}

function scanBounds(
  segment: RowSegment,
  query: Query,
  start: number,
  first: number,
  end: number,
  accept: Accept | undefined,
  nearest: NearestRows,
  found: Found,
): void {
  for (let from = first; from < end; from += CALL_ROWS) {
    const count = Math.min(CALL_ROWS, end - from);
    segment.computeBounds(query, from, from + count);
    let floor = nearest.threshold;
    if (!nearest.isFull) {
      const promising = new NearestRows(nearest.k, count);
      findPromising(segment, count, start + from, accept, promising, found);
      promising.moveTo(found);
      compareInFull(segment, query, start, found);
      if (!promising.isFull) {
        // These are all that are accepted.
        nearest.offerAll(found, undefined);
        continue;
      }
      floor = Math.max(floor, found.least(nearest.k));
    }
    segment.findBounds(0, count, floor, start + from, found);
    if (accept !== undefined) found.keep(accept);
    compareInFull(segment, query, start, found);
    nearest.offerAll(found, undefined);
  }
}

/** Those with the highest bounds. */
function findPromising(
  segment: RowSegment,
  count: number,
  base: number,
  accept: Accept | undefined,
  promising: NearestRows,
  found: Found,
): void {
  let step = FIRST_STEP;
  for (let from = 0; from < count; ) {
    const to = Math.min(count, from + step);
    segment.findBounds(from, to, promising.threshold, base, found);
    promising.offerAll(found, accept);
    from = to;
    step *= 2;
  }
}

/** Puts true proximities in the place of bounds. */
function compareInFull(segment: RowSegment, query: Query, start: number, found: Found): void {
  const { slots, count } = found;
  if (count === 0) return;
  for (let i = 0; i < count; i++) slots[i]! -= start;
  segment.gather(query, slots, count, found.proximities);
  for (let i = 0; i < count; i++) slots[i]! += start;
}
