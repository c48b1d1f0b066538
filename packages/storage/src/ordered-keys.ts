/**
 * Chains in the order of their keys, sorted no sooner and no further than somebody reads.
 */
import { isBefore, KeyBucket, type KeyOrder, Parting } from "./key-bucket.js";
import type { VersionChain } from "./version-chain.js";

/** A sorted bucket above this is split. */
const BUCKET_MAX = 256;
/** Size of the pieces a sorted bucket is split into: what is inserted next has room. */
const BUCKET_SPLIT = 128;
/** A bucket up to this size is sorted at once; a larger one is first parted by sampled pivots. */
const SORT_MAX = 1024;
const FAN_OUT = 16;
/** The most arguments a call is given: many more would overflow the stack. */
const SPREAD_MAX = 1000;

/**
 * A list of buckets, each for an interval of keys. Adding a chain finds its bucket and appends; a bucket is parted and
 * sorted when a cursor comes to it (lazy samplesort). So a million chains cost the first reader one pass with four
 * comparisons each, not a sort, and later readers what is left of it in the places they visit.
 *
 * 1. `#lows[i]` is at most every key of bucket i, and above every key of the buckets before it; `#lows[0]` is "".
 * 2. Every list has at least one bucket.
 * 3. `changes` differs whenever a chain may have moved from where a cursor saw it.
 */
export class OrderedKeys {
  readonly #order: KeyOrder;
  #lows: string[] = [""];
  #buckets: KeyBucket[] = [new KeyBucket([], 0, false)];
  #changes = 0;
  #parting: Parting | undefined = undefined;
  /** Where `partAhead` looks for the next bucket to part. */
  #ahead = 0;

  constructor(order: KeyOrder) {
    this.#order = order;
  }

  get changes(): number {
    return this.#changes;
  }

  /** Whether keys must be compared by code point. Can become true whenever a bucket is settled. */
  get byCodePoint(): boolean {
    return this.#order.byCodePoint;
  }

  get isEmpty(): boolean {
    return this.#buckets.length === 1 && this.#buckets[0]!.chains.length === 0;
  }

  /** Takes over different chains, without looking at them, while there are none. */
  load(chains: VersionChain[]): void {
    this.#changes++;
    this.#buckets = [new KeyBucket(chains, 0, true)];
  }

  /**
   * Adds a chain.
   *
   * @param isNew that it is certainly not there yet. One that is does no harm, but must be said to be possible.
   */
  add(chain: VersionChain, isNew: boolean): void {
    this.#order.meet(chain.key);
    const bucket = this.#buckets[this.#indexOf(chain.key, false)]!;
    if (bucket.isSorted) this.#changes++;
    if (bucket.add(chain, isNew) && this.#parting?.bucket === bucket) this.#parting = undefined;
  }

  /** Chains of bucket `index`, which is settled: they ascend strictly by key. Valid until `changes` moves. */
  chainsOf(index: number): readonly VersionChain[] {
    return this.#buckets[index]!.chains;
  }

  /** Lower bound of the keys of bucket `index`; `undefined` behind the last bucket. */
  lowOf(index: number): string | undefined {
    return this.#lows[index];
  }

  /** Position in the settled bucket `index` of the first chain whose key is at least `key`. */
  lowerBound(index: number, key: string, keyHasSurrogates: boolean): number {
    return this.#buckets[index]!.positionOf(key, this.#order, keyHasSurrogates);
  }

  /**
   * Index of the bucket whose interval has `key`, settled. `undefined` asks for the last bucket; "" for the first.
   *
   * @param keyHasSurrogates that `key` has a surrogate, or may have one.
   */
  seek(key: string | undefined, keyHasSurrogates: boolean): number {
    for (;;) {
      const index = key === undefined ? this.#buckets.length - 1 : this.#indexOf(key, keyHasSurrogates);
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
    if (bucket.isSorted && bucket.chains.length <= BUCKET_MAX) return 0;
    this.#changes++;
    if (this.#sortOrBeginParting(bucket)) return this.#split(index, bucket);
    this.#parting!.go(Number.POSITIVE_INFINITY, this.#order);
    return this.#endParting(index);
  }

  /**
   * Parts buckets that are too large to be sorted at once, moving up to `budget` chains.
   *
   * @returns what is left of the budget: above 0 when there is nothing more to part.
   */
  partAhead(budget: number): number {
    let left = budget;
    while (left > 0) {
      if (this.#parting === undefined && !this.#findBucketToPart()) return left;
      const parting = this.#parting!;
      left -= parting.go(left, this.#order);
      if (parting.isDone) {
        this.#changes++;
        this.#endParting(this.#buckets.indexOf(parting.bucket));
      }
    }
    return 0;
  }

  /**
   * Removes the chains of the settled bucket `index` for which `keep` is false. An emptied bucket leaves the list.
   */
  retain(index: number, keep: (chain: VersionChain) => boolean): void {
    const bucket = this.#buckets[index]!;
    if (!bucket.isSorted) return;
    this.#changes++;
    bucket.chains = bucket.chains.filter(keep);
    bucket.sorted = bucket.chains.length;
    if (bucket.chains.length > 0 || this.#buckets.length === 1) return;
    this.#buckets.splice(index, 1);
    this.#lows.splice(index, 1);
    this.#lows[0] = "";
  }

  /** Index of the last bucket whose low is at most `key`. */
  #indexOf(key: string, keyHasSurrogates: boolean): number {
    const byCodePoint = keyHasSurrogates || this.#order.byCodePoint;
    const lows = this.#lows;
    let low = 1; // lows[0] is "", below every key
    let high = lows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#order.comparisons++;
      if (isBefore(key, lows[middle]!, byCodePoint)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  /** @returns true when the bucket is sorted, false when it is the one being parted. */
  #sortOrBeginParting(bucket: KeyBucket): boolean {
    if (this.#parting?.bucket === bucket) return false;
    if (bucket.sortCheaply(this.#order)) return true;
    if (bucket.chains.length > SORT_MAX && this.#beginParting(bucket)) return false;
    bucket.sort(this.#order);
    return true;
  }

  /** Puts sorted pieces of a sorted bucket in its place. */
  #split(index: number, { chains }: KeyBucket): number {
    if (chains.length <= BUCKET_MAX) return 0;
    const lows: string[] = [];
    const pieces: KeyBucket[] = [];
    const count = Math.ceil(chains.length / BUCKET_SPLIT);
    for (let piece = 0; piece < count; piece++) {
      const from = Math.floor((chains.length * piece) / count);
      const to = Math.floor((chains.length * (piece + 1)) / count);
      pieces.push(new KeyBucket(chains.slice(from, to), to - from, false));
      lows.push(piece === 0 ? this.#lows[index]! : chains[from]!.key);
    }
    this.#replace(index, lows, pieces);
    return count - 1;
  }

  /** Walks on from where it was last; a whole round without a find is the end. */
  #findBucketToPart(): boolean {
    for (let looked = 0; looked < this.#buckets.length; looked++) {
      if (this.#ahead >= this.#buckets.length) this.#ahead = 0;
      const bucket = this.#buckets[this.#ahead]!;
      if (!bucket.isSorted && bucket.chains.length > SORT_MAX && this.#beginParting(bucket)) return true;
      this.#ahead++;
    }
    return false;
  }

  /** @returns false when the bucket's sample has no two different keys. */
  #beginParting(bucket: KeyBucket): boolean {
    const pivots = bucket.pivots(Math.min(FAN_OUT, Math.ceil((2 * bucket.chains.length) / SORT_MAX)) - 1, this.#order);
    if (pivots.length === 0) return false;
    this.#parting = new Parting(bucket, pivots);
    return true;
  }

  /** Puts the parts in the bucket's place. @returns how many, less one. */
  #endParting(index: number): number {
    const { pivots, parts } = this.#parting!;
    const lows = [this.#lows[index]!, ...pivots];
    this.#replace(
      index,
      lows,
      parts.map((part) => new KeyBucket(part, 0, false)),
    );
    this.#parting = undefined;
    return pivots.length;
  }

  #replace(index: number, lows: readonly string[], buckets: readonly KeyBucket[]): void {
    if (lows.length <= SPREAD_MAX) {
      this.#lows.splice(index, 1, ...lows);
      this.#buckets.splice(index, 1, ...buckets);
      return;
    }
    this.#lows = this.#lows.slice(0, index).concat(lows, this.#lows.slice(index + 1));
    this.#buckets = this.#buckets.slice(0, index).concat(buckets, this.#buckets.slice(index + 1));
  }
}
