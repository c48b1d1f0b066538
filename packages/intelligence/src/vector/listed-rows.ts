import type { Query, VectorRows } from "./row-store.js";
import type { Neighbors } from "./scan.js";

/**
 * The `k` rows nearest to `query` among those that `slots` lists, and with them all that are exactly as near as the k-th; nearest first. Exact.
 *
 * @param slots ascending, no slot twice.
 */
export function nearestListed(rows: VectorRows, query: Query, slots: Int32Array, k: number): Neighbors {
  const proximities = new Float32Array(slots.length);
  rows.gather(query, slots, slots.length, proximities);
  const least = kthLargest(proximities, k);
  const places: number[] = [];
  for (let place = 0; place < slots.length; place++) if (proximities[place]! >= least) places.push(place);
  places.sort((a, b) => proximities[b]! - proximities[a]! || a - b);
  return {
    count: places.length,
    slots: Int32Array.from(places, (place) => slots[place]!),
    proximities: Float32Array.from(places, (place) => proximities[place]!),
  };
}

/** The k-th largest of `numbers`; −Infinity when there are no more than `k`. */
function kthLargest(numbers: Float32Array, k: number): number {
  if (numbers.length <= k) return Number.NEGATIVE_INFINITY;
  // The k largest so far, the least of them at the root.
  const heap = numbers.slice(0, k).sort();
  for (let i = k; i < numbers.length; i++) if (numbers[i]! > heap[0]!) replaceLeast(heap, numbers[i]!);
  return heap[0]!;
}

function replaceLeast(heap: Float32Array, number: number): void {
  const { length } = heap;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= number) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = number;
}
