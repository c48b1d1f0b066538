import { Column } from "../image/column.js";
import { PostingList } from "./posting-list.js";
import { BLOCK_SHIFT, BLOCK_SIZE, type PostingStore } from "./posting-store.js";

/** Past views whose counts are remembered. */
const VIEWS_MAX = 8;
/** Terms remembered of each of them, and of each set of hidden slots. */
const TERMS_MAX = 16_384;
/** About how many postings are read in the time that one is found. */
const READS_PER_SEARCH = 16;

/**
 * Counts, for terms, the documents that a reader does not see: those that died, and those that something above them hides. Every count is made once
 * and remembered: of the newest view it goes on from where it was.
 */
export class UnseenPostings {
  readonly #store: PostingStore;
  /** The slots that died, in that order. */
  readonly #deaths = new Column(Int32Array);
  /** By slot its place among the deaths, from 1; 0: alive. Shorter than the slots when the last ones are alive. */
  #ordinals: Int32Array = new Int32Array(0);
  /** By term: how many deaths were looked at, and in how many of them it was. */
  #seen: Int32Array = new Int32Array(0);
  #counted: Int32Array = new Int32Array(0);
  /** Counts by number of deaths, and then by term; the view that was used last comes last. */
  readonly #past = new Map<number, Map<number, number>>();
  readonly #hidden = new WeakMap<Int32Array, Map<number, number>>();

  constructor(store: PostingStore) {
    this.#store = store;
  }

  get memoryBytes(): number {
    return this.#deaths.memoryBytes + this.#ordinals.byteLength + this.#seen.byteLength + this.#counted.byteLength;
  }

  add(slot: number): void {
    this.#deaths.push(slot);
    if (slot >= this.#ordinals.length) this.#ordinals = resized(this.#ordinals, slot + 1);
    this.#ordinals[slot] = this.#deaths.length;
  }

  /** Whether a slot is among the first `deaths` that died. */
  isDead(slot: number, deaths: number): boolean {
    if (slot >= this.#ordinals.length) return false;
    const ordinal = this.#ordinals[slot]!;
    return ordinal !== 0 && ordinal <= deaths;
  }

  /** In how many of the first `deaths` documents that died a term was. */
  deadCount(term: number, deaths: number): number {
    if (deaths === 0) return 0;
    if (term >= this.#seen.length) {
      const terms = Math.max(term + 1, this.#store.termCount);
      this.#seen = resized(this.#seen, terms);
      this.#counted = resized(this.#counted, terms);
    }
    const seen = this.#seen[term]!;
    if (deaths < seen) return this.#pastCount(term, deaths);
    if (deaths > seen) {
      this.#counted[term] = this.#counted[term]! + this.#count(term, seen, deaths);
      this.#seen[term] = deaths;
    }
    return this.#counted[term]!;
  }

  /** In how many of the documents in `hidden` a term is. @param hidden slots, ascending; counts are remembered for that very array */
  hiddenCount(term: number, hidden: Int32Array): number {
    if (hidden.length === 0) return 0;
    let counts = this.#hidden.get(hidden);
    if (counts === undefined) {
      counts = new Map();
      this.#hidden.set(hidden, counts);
    }
    return remembered(counts, term, () => countCommon(PostingList.of(this.#store, term), hidden));
  }

  #pastCount(term: number, deaths: number): number {
    let counts = this.#past.get(deaths);
    if (counts === undefined) counts = new Map();
    else this.#past.delete(deaths);
    this.#past.set(deaths, counts);
    if (this.#past.size > VIEWS_MAX) this.#past.delete(this.#past.keys().next().value!);
    return remembered(counts, term, () => this.#count(term, 0, deaths));
  }

  /** In how many of the deaths [from, to) a term was. */
  #count(term: number, from: number, to: number): number {
    const list = PostingList.of(this.#store, term);
    let count = 0;
    if ((to - from) * READS_PER_SEARCH < list.count) {
      const deaths = this.#deaths.array;
      for (let death = from; death < to; death++) if (list.find(deaths[death]!) >= 0) count++;
      return count;
    }
    const ordinals = this.#ordinals;
    for (let block = 0; block < list.blockCount; block++) {
      const begin = list.offsetOf(block);
      const end = begin + list.sizeOf(block);
      for (let at = begin; at < end; at++) {
        const slot = list.slots[at]!;
        if (slot >= ordinals.length) return count;
        const ordinal = ordinals[slot]!;
        if (ordinal > from && ordinal <= to) count++;
      }
    }
    return count;
  }
}

function remembered(counts: Map<number, number>, term: number, count: () => number): number {
  let known = counts.get(term);
  if (known === undefined) {
    known = count();
    if (counts.size === TERMS_MAX) counts.clear();
    counts.set(term, known);
  }
  return known;
}

/** How many of `slots` a list has. */
function countCommon(list: PostingList, slots: Int32Array): number {
  let count = 0;
  if (slots.length < list.count) {
    for (let at = 0; at < slots.length; at++) if (list.find(slots[at]!) >= 0) count++;
    return count;
  }
  let from = 0;
  for (let posting = 0; posting < list.count; posting++) {
    const slot = list.slots[list.offsetOf(posting >>> BLOCK_SHIFT) + (posting & (BLOCK_SIZE - 1))]!;
    from = lowerBound(slots, from, slot);
    if (from < slots.length && slots[from] === slot) count++;
  }
  return count;
}

/** The first place at or behind `from` whose slot is at least `slot`, found by steps that double. */
function lowerBound(slots: Int32Array, from: number, slot: number): number {
  let step = 1;
  let low = from;
  while (low + step < slots.length && slots[low + step]! < slot) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, slots.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (slots[middle]! < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

function resized(array: Int32Array, length: number): Int32Array {
  const longer = new Int32Array(Math.max(length, Math.ceil(array.length * 1.5)));
  longer.set(array);
  return longer;
}
