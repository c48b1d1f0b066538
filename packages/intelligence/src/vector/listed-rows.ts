import type { Query, VectorRows } from "./row-store.js";
import type { Neighbors } from "./scan.js";

/**
 * The `k` rows nearest to `query` among those that `slots` lists and `accept` admits, and with them all that are exactly as near as the k-th;
 * nearest first. Exact.
 *
 * @param slots ascending, no slot twice.
 * @param accept asked only of rows that are near enough.
 */
export function nearestListed(
  rows: VectorRows,
  query: Query,
  slots: Int32Array,
  accept: ((slot: number) => boolean) | undefined,
  k: number,
): Neighbors {
  const proximities = new Float32Array(slots.length);
  rows.gather(query, slots, slots.length, proximities);
  // Proximities of the k nearest so far, the least of them at the root.
  const heap = new Float32Array(Math.min(k, slots.length));
  let size = 0;
  const places: number[] = [];
  for (let place = 0; place < slots.length; place++) {
    const proximity = proximities[place]!;
    if (size === heap.length && proximity < heap[0]!) continue;
    if (accept !== undefined && !accept(slots[place]!)) continue;
    places.push(place);
    if (size < heap.length) siftUp(heap, size++, proximity);
    else if (proximity > heap[0]!) siftDown(heap, proximity);
  }
  const least = size < heap.length ? Number.NEGATIVE_INFINITY : (heap[0] ?? 0);
  const nearest = places.filter((place) => proximities[place]! >= least);
  nearest.sort((a, b) => proximities[b]! - proximities[a]! || a - b);
  return {
    count: nearest.length,
    slots: Int32Array.from(nearest, (place) => slots[place]!),
    proximities: Float32Array.from(nearest, (place) => proximities[place]!),
  };
}

function siftUp(heap: Float32Array, end: number, proximity: number): void {
  let at = end;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= proximity) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = proximity;
}

/** Takes the place of the least. */
function siftDown(heap: Float32Array, proximity: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= proximity) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = proximity;
}
