/**
 * Chains in the order of their keys, sorted no sooner and no further than somebody reads.
 */
import { compareCodePoints } from "@strata/core";
import type { VersionChain } from "./version-chain.js";

/** A sorted bucket above this is split. */
const BUCKET_MAX = 256;
/** Size of the pieces a sorted bucket is split into: what is inserted next has room. */
const BUCKET_SPLIT = 128;
/** A bucket up to this size is sorted at once; a larger one is first parted by sampled pivots. */
const SORT_MAX = 1024;
const FAN_OUT = 16;
const SAMPLES_PER_PIVOT = 8;
/** The most arguments a call is given: many more would overflow the stack. */
const SPREAD_MAX = 1000;

/** A tail up to this length is inserted chain by chain. */
const INSERT_MAX = 16;

/** `chains[0..sorted)` ascend strictly by key; what follows is in order of arrival and may repeat a chain. */
class Bucket {
  chains: VersionChain[];
  sorted: number;
  /** How many were added that may have been there already. */
  repeats: number;

  constructor(chains: VersionChain[], sorted: number) {
    this.chains = chains;
    this.sorted = sorted;
    this.repeats = 0;
  }
}

/**
 * A list of buckets, each for an interval of keys. Adding a chain finds its bucket and appends; a bucket is parted and
 * sorted when a cursor comes to it (lazy samplesort). So a million chains cost the first reader one pass with four
 * comparisons each, not a sort, and later readers what is left of it in the places they visit.
 *
 * 1. `#lows[i]` is at most every key of bucket i, and above every key of the buckets before it; `#lows[0]` is "".
 * 2. Every list has at least one bucket.
 * 3. Keys compare with `<` until one with a surrogate was added, by code point from then on. The two orders agree on
 *    keys without surrogates, so what was sorted before stays sorted.
 * 4. `changes` differs whenever a chain may have moved from where a cursor saw it.
 */
export class OrderedKeys {
  #lows: string[] = [""];
  #buckets: Bucket[] = [new Bucket([], 0)];
  #byCodePoint = false;
  #changes = 0;
  /** String comparisons made so far: what the tests of complexity count. */
  comparisons = 0;

  get changes(): number {
    return this.#changes;
  }

  get byCodePoint(): boolean {
    return this.#byCodePoint;
  }

  get bucketCount(): number {
    return this.#buckets.length;
  }

  get isEmpty(): boolean {
    return this.#buckets.length === 1 && this.#buckets[0]!.chains.length === 0;
  }

  /** To be called before a key with a surrogate is added. */
  orderByCodePoint(): void {
    this.#byCodePoint = true;
  }

  /**
   * Adds a chain.
   *
   * @param isNew that it is certainly not there yet. One that is does no harm, but must be said to be possible.
   */
  add(chain: VersionChain, isNew: boolean): void {
    const bucket = this.#buckets[this.#indexOf(chain.key, this.#byCodePoint)]!;
    const chains = bucket.chains;
    if (chains.length === bucket.sorted) this.#changes++;
    chains.push(chain);
    // Repeated chains go when a cursor sorts the bucket. Where none ever comes they must not pile up.
    if (!isNew && ++bucket.repeats > SORT_MAX && bucket.repeats * 2 > chains.length) {
      bucket.chains = [...new Set(chains)];
      bucket.repeats = 0;
    }
  }

  /** Chains of bucket `index`, which is settled: they ascend strictly by key. Valid until `changes` moves. */
  chainsOf(index: number): readonly VersionChain[] {
    return this.#buckets[index]!.chains;
  }

  /** Lower bound of the keys of bucket `index`; `undefined` behind the last bucket. */
  lowOf(index: number): string | undefined {
    return this.#lows[index];
  }

  /**
   * Index of the bucket whose interval has `key`, settled. `undefined` asks for the last bucket; "" for the first.
   *
   * @param byCodePoint whether to compare by code point: true when `key` has a surrogate or `this.byCodePoint` is set.
   */
  seek(key: string | undefined, byCodePoint: boolean): number {
    for (;;) {
      const index = key === undefined ? this.#buckets.length - 1 : this.#indexOf(key, byCodePoint);
      if (this.settle(index) === 0) return index;
    }
  }

  /**
   * Sorts bucket `index`, or parts it when that is too much at once. Call again until it returns 0.
   *
   * @returns how many buckets took its place, less one. 0: bucket `index` is sorted.
   */
  settle(index: number): number {
    const bucket = this.#buckets[index]!;
    const length = bucket.chains.length;
    if (bucket.sorted === length && length <= BUCKET_MAX) return 0;
    this.#changes++;
    if (length - bucket.sorted <= INSERT_MAX && bucket.sorted > 0) {
      this.#insertTail(bucket);
    } else if (bucket.sorted < length) {
      // Sequential keys arrive in order: one pass finds that out, and stops at the first that is not.
      const sorted = this.#ascendingFrom(bucket.chains, bucket.sorted);
      if (sorted < length && length > SORT_MAX) {
        const parted = this.#part(index, bucket.chains);
        if (parted > 0) return parted;
      }
      if (sorted < length) this.#sort(bucket);
      else bucket.sorted = length;
    }
    return this.#split(index, bucket);
  }

  /**
   * Removes the chains of the settled bucket `index` for which `keep` is false. An emptied bucket leaves the list.
   */
  retain(index: number, keep: (chain: VersionChain) => boolean): void {
    const bucket = this.#buckets[index]!;
    if (bucket.sorted < bucket.chains.length) return;
    this.#changes++;
    bucket.chains = bucket.chains.filter(keep);
    bucket.sorted = bucket.chains.length;
    if (bucket.chains.length > 0 || this.#buckets.length === 1) return;
    this.#buckets.splice(index, 1);
    this.#lows.splice(index, 1);
    this.#lows[0] = "";
  }

  /** Position in the settled bucket `index` of the first chain whose key is at least `key`. */
  lowerBound(index: number, key: string, byCodePoint: boolean): number {
    const chains = this.#buckets[index]!.chains;
    return this.#positionOf(chains, chains.length, key, byCodePoint);
  }

  /** Index of the last bucket whose low is at most `key`. */
  #indexOf(key: string, byCodePoint: boolean): number {
    const lows = this.#lows;
    let low = 1; // lows[0] is "", below every key
    let high = lows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.comparisons++;
      if (isBefore(key, lows[middle]!, byCodePoint)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  /** Where the strict ascent that begins at the front, and is known up to `from`, ends. */
  #ascendingFrom(chains: readonly VersionChain[], from: number): number {
    let position = from === 0 ? 1 : from;
    while (position < chains.length) {
      this.comparisons++;
      if (!isBefore(chains[position - 1]!.key, chains[position]!.key, this.#byCodePoint)) break;
      position++;
    }
    return position;
  }

  /** Insertion sort of what was added to a sorted bucket. */
  #insertTail(bucket: Bucket): void {
    const chains = bucket.chains;
    let sorted = bucket.sorted;
    for (let next = sorted; next < chains.length; next++) {
      const chain = chains[next]!;
      const position = this.#positionOf(chains, sorted, chain.key, this.#byCodePoint);
      if (position < sorted && chains[position] === chain) continue;
      for (let at = sorted; at > position; at--) chains[at] = chains[at - 1]!;
      chains[position] = chain;
      sorted++;
    }
    chains.length = sorted;
    bucket.sorted = sorted;
  }

  /** Position of the first of the `length` chains, which ascend, whose key is at least `key`. */
  #positionOf(chains: readonly VersionChain[], length: number, key: string, byCodePoint: boolean): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.comparisons++;
      if (isBefore(chains[middle]!.key, key, byCodePoint)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sort(bucket: Bucket): void {
    const chains = bucket.chains;
    const byCodePoint = this.#byCodePoint;
    let comparisons = 0;
    chains.sort((a, b) => {
      comparisons++;
      if (a === b) return 0;
      return isBefore(a.key, b.key, byCodePoint) ? -1 : 1;
    });
    this.comparisons += comparisons;
    let kept = 0;
    for (let position = 0; position < chains.length; position++) {
      const chain = chains[position]!;
      if (kept === 0 || chains[kept - 1] !== chain) chains[kept++] = chain;
    }
    chains.length = kept;
    bucket.sorted = kept;
    bucket.repeats = 0;
  }

  /** Puts sorted pieces of a sorted bucket in its place. */
  #split(index: number, bucket: Bucket): number {
    const chains = bucket.chains;
    if (chains.length <= BUCKET_MAX) return 0;
    const lows: string[] = [];
    const pieces: Bucket[] = [];
    const count = Math.ceil(chains.length / BUCKET_SPLIT);
    for (let piece = 0; piece < count; piece++) {
      const from = Math.floor((chains.length * piece) / count);
      const to = Math.floor((chains.length * (piece + 1)) / count);
      pieces.push(new Bucket(chains.slice(from, to), to - from));
      lows.push(piece === 0 ? this.#lows[index]! : chains[from]!.key);
    }
    this.#replace(index, lows, pieces);
    return count - 1;
  }

  /** Parts a bucket that is too large to sort at once. 0 when its sample has no two different keys. */
  #part(index: number, chains: readonly VersionChain[]): number {
    const pivots = this.#pivots(chains);
    if (pivots.length === 0) return 0;
    const parts: VersionChain[][] = Array.from({ length: pivots.length + 1 }, () => []);
    distribute(chains, 0, chains.length, pivots, parts, this.#byCodePoint);
    this.comparisons += chains.length * Math.ceil(Math.log2(pivots.length + 1));
    this.#replace(
      index,
      [this.#lows[index]!, ...pivots],
      parts.map((part) => new Bucket(part, 0)),
    );
    return pivots.length;
  }

  /** Keys that part `chains` about evenly, ascending. None is the smallest of the sample, so each part is smaller. */
  #pivots(chains: readonly VersionChain[]): string[] {
    const fanOut = Math.min(FAN_OUT, Math.ceil(chains.length / (SORT_MAX / 2)));
    const count = fanOut * SAMPLES_PER_PIVOT;
    // Prime steps through the bucket, so that no rhythm of the keys' arrival is met; nothing here needs chance.
    const step = Math.max(1, Math.floor(chains.length / count));
    const sample: string[] = [];
    for (let taken = 0; taken < count; taken++) {
      sample.push(chains[(taken * step + ((taken * 7919) % step)) % chains.length]!.key);
    }
    sample.sort(this.#byCodePoint ? compareCodePoints : undefined);
    const pivots: string[] = [];
    let last = sample[0]!;
    for (let taken = SAMPLES_PER_PIVOT; taken < count; taken += SAMPLES_PER_PIVOT) {
      const pivot = sample[taken]!;
      if (pivot !== last) pivots.push(pivot);
      last = pivot;
    }
    return pivots;
  }

  #replace(index: number, lows: readonly string[], buckets: readonly Bucket[]): void {
    if (lows.length <= SPREAD_MAX) {
      this.#lows.splice(index, 1, ...lows);
      this.#buckets.splice(index, 1, ...buckets);
      return;
    }
    this.#lows = this.#lows.slice(0, index).concat(lows, this.#lows.slice(index + 1));
    this.#buckets = this.#buckets.slice(0, index).concat(buckets, this.#buckets.slice(index + 1));
  }
}

/** Whether `a` comes before `b`. */
export function isBefore(a: string, b: string, byCodePoint: boolean): boolean {
  return byCodePoint ? compareCodePoints(a, b) < 0 : a < b;
}

/** Appends each chain to the part it belongs to: part i has keys in [pivots[i - 1], pivots[i]). */
function distribute(
  chains: readonly VersionChain[],
  from: number,
  to: number,
  pivots: readonly string[],
  parts: readonly VersionChain[][],
  byCodePoint: boolean,
): void {
  for (let position = from; position < to; position++) {
    const chain = chains[position]!;
    const key = chain.key;
    let low = 0;
    let high = pivots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(key, pivots[middle]!, byCodePoint)) high = middle;
      else low = middle + 1;
    }
    parts[low]!.push(chain);
  }
}
