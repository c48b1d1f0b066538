import type { Neighbors } from "./scan.js";
import type { Found } from "./scan-found.js";

/** Found rows are sorted out when there are so many of them, and twice as many as were kept before. */
const PRUNED_MIN = 1024;
/** Up to so many rows are put in order by insertion: quicker for a few. */
const SORTED_BY_INSERTION = 64;

/** The nearest rows of those offered: `k` of them, and all that are exactly as near as the k-th. */
export class NearestRows {
  readonly k: number;
  /** Proximity that a row needs to be one of them. */
  threshold: number = Number.NEGATIVE_INFINITY;
  /** The k highest proximities, the least of them at the root: a binary heap. */
  readonly #heap: Float32Array;
  #heaped = 0;
  /** Rows that were near enough when they came, by slot. */
  #slots: Int32Array;
  #proximities: Float32Array;
  #count = 0;
  #pruneAt = PRUNED_MIN;

  /** @param most rows that will be offered. */
  constructor(k: number, most: number) {
    this.k = k;
    this.#heap = new Float32Array(Math.max(0, Math.min(k, most)));
    this.#slots = new Int32Array(Math.min(most, 64));
    this.#proximities = new Float32Array(this.#slots.length);
  }

  /** Whether there are `k`. */
  get isFull(): boolean {
    return this.#heaped === this.k;
  }

  /** Those of the found rows, slots ascending, that are near enough and accepted. */
  offerAll(found: Found, accept: ((slot: number) => boolean) | undefined): void {
    const { slots, proximities, count } = found;
    for (let i = 0; i < count; i++) {
      const proximity = proximities[i]!;
      const slot = slots[i]!;
      if (proximity < this.threshold || (accept !== undefined && !accept(slot))) continue;
      this.#add(slot, proximity);
    }
  }

  /** Puts the rows in the place of what `found` holds. */
  moveTo(found: Found): void {
    this.#prune();
    found.clear(this.#count);
    found.slots.set(this.#slots.subarray(0, this.#count));
    found.proximities.set(this.#proximities.subarray(0, this.#count));
    found.count = this.#count;
  }

  result(): Neighbors {
    this.#prune();
    const count = this.#count;
    const slots = this.#slots.slice(0, count);
    const proximities = this.#proximities.slice(0, count);
    if (count <= SORTED_BY_INSERTION) {
      sortByInsertion(slots, proximities);
    } else {
      // Positions are in order of slot, so they order those that tie.
      const order = Array.from(slots.keys()).sort((a, b) => this.#proximities[b]! - this.#proximities[a]! || a - b);
      for (const [place, from] of order.entries()) {
        slots[place] = this.#slots[from]!;
        proximities[place] = this.#proximities[from]!;
      }
    }
    return { count, slots, proximities };
  }

  #add(slot: number, proximity: number): void {
    if (this.#count === this.#slots.length) this.#makeRoom();
    this.#slots[this.#count] = slot;
    this.#proximities[this.#count++] = proximity;
    const heap = this.#heap;
    if (this.#heaped < heap.length) {
      pushUp(heap, this.#heaped++, proximity);
    } else {
      if (proximity === this.threshold) return;
      pushDown(heap, proximity);
    }
    if (this.isFull) this.threshold = heap[0]!;
  }

  #makeRoom(): void {
    if (this.#count >= this.#pruneAt) {
      this.#prune();
      this.#pruneAt = Math.max(PRUNED_MIN, 2 * this.#count);
      if (this.#count < this.#slots.length) return;
    }
    const slots = new Int32Array(2 * this.#count);
    slots.set(this.#slots);
    this.#slots = slots;
    const proximities = new Float32Array(2 * this.#count);
    proximities.set(this.#proximities);
    this.#proximities = proximities;
  }

  #prune(): void {
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      if (this.#proximities[i]! < this.threshold) continue;
      this.#slots[kept] = this.#slots[i]!;
      this.#proximities[kept++] = this.#proximities[i]!;
    }
    this.#count = kept;
  }
}

/** Highest proximity first; what ties stays in order. */
function sortByInsertion(slots: Int32Array, proximities: Float32Array): void {
  for (let i = 1; i < slots.length; i++) {
    const slot = slots[i]!;
    const proximity = proximities[i]!;
    let at = i;
    for (; at > 0 && proximities[at - 1]! < proximity; at--) {
      slots[at] = slots[at - 1]!;
      proximities[at] = proximities[at - 1]!;
    }
    slots[at] = slot;
    proximities[at] = proximity;
  }
}

function pushUp(heap: Float32Array, place: number, number: number): void {
  let at = place;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if (heap[parent]! <= number) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = number;
}

/** Puts `number` in the place of the least. */
function pushDown(heap: Float32Array, number: number): void {
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
