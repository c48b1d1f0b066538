/**
 * Some chains of a table, on their way to being in order.
 */
import { compareCodePoints, hasSurrogates } from "@strata/core";
import type { VersionChain } from "./version-chain.js";

/** Repeated chains are weeded out when they are more than this, and more than half. */
const REPEATS_MIN = 1024;
/** A tail up to this length is inserted chain by chain. */
const INSERT_MAX = 16;
const SAMPLES_PER_PIVOT = 8;

/**
 * How the keys of one table compare: with `<` until one with a surrogate is met, by code point from then on. The two
 * agree on keys without surrogates, so what was sorted before stays sorted.
 */
export class KeyOrder {
  byCodePoint = false;
  /** String comparisons made so far: what tests of complexity count. */
  comparisons = 0;

  /** To be called with each key before it is first compared. */
  meet(key: string): void {
    if (!this.byCodePoint && hasSurrogates(key)) this.byCodePoint = true;
  }
}

/** Whether `a` comes before `b`. */
export function isBefore(a: string, b: string, byCodePoint: boolean): boolean {
  return byCodePoint ? compareCodePoints(a, b) < 0 : a < b;
}

/**
 * 1. `chains[0..sorted)` ascend strictly by key. What follows is in order of arrival and may repeat a chain.
 * 2. Unless `hasUnmetKeys`, the order has met all keys.
 */
export class KeyBucket {
  chains: VersionChain[];
  sorted: number;
  hasUnmetKeys: boolean;
  /** How many were added that may have been there already. */
  #repeats = 0;

  constructor(chains: VersionChain[], sorted: number, hasUnmetKeys: boolean) {
    this.chains = chains;
    this.sorted = sorted;
    this.hasUnmetKeys = hasUnmetKeys;
  }

  get isSorted(): boolean {
    return this.sorted === this.chains.length;
  }

  /**
   * Appends a chain whose key was met. What is certainly new need not be looked for; the rest is, now and then: sorting
   * removes repetitions, but where no reader comes they must not pile up.
   *
   * @returns whether `chains` is another array now.
   */
  add(chain: VersionChain, isNew: boolean): boolean {
    this.chains.push(chain);
    if (isNew || ++this.#repeats <= REPEATS_MIN || this.#repeats * 2 <= this.chains.length) return false;
    this.chains = [...new Set(this.chains)];
    this.#repeats = 0;
    return true;
  }

  /** Sorts the bucket if that is no work: because little was added, or in order, as sequential keys are. */
  sortCheaply(order: KeyOrder): boolean {
    if (this.sorted > 0 && this.chains.length - this.sorted <= INSERT_MAX) {
      this.#insertTail(order);
      return true;
    }
    const { chains } = this;
    if (this.hasUnmetKeys && chains.length > 0) order.meet(chains[0]!.key);
    for (let position = Math.max(this.sorted, 1); position < chains.length; position++) {
      const key = chains[position]!.key;
      if (this.hasUnmetKeys) order.meet(key);
      order.comparisons++;
      if (!isBefore(chains[position - 1]!.key, key, order.byCodePoint)) return false;
    }
    this.#becomeSorted();
    return true;
  }

  sort(order: KeyOrder): void {
    const { chains } = this;
    if (this.hasUnmetKeys) for (const chain of chains) order.meet(chain.key);
    const byCodePoint = order.byCodePoint;
    let comparisons = 0;
    chains.sort((a, b) => {
      comparisons++;
      if (a === b) return 0;
      return isBefore(a.key, b.key, byCodePoint) ? -1 : 1;
    });
    order.comparisons += comparisons;
    let kept = 0;
    for (const chain of chains) {
      if (kept === 0 || chains[kept - 1] !== chain) chains[kept++] = chain;
    }
    chains.length = kept;
    this.#becomeSorted();
  }

  /**
   * Position of the first chain, of those sorted, whose key is at least `key`.
   *
   * @param keyHasSurrogates that `key` was not met by the order, and has one.
   */
  positionOf(key: string, order: KeyOrder, keyHasSurrogates: boolean): number {
    const { chains } = this;
    const byCodePoint = keyHasSurrogates || order.byCodePoint;
    let low = 0;
    let high = this.sorted;
    while (low < high) {
      const middle = (low + high) >>> 1;
      order.comparisons++;
      if (isBefore(chains[middle]!.key, key, byCodePoint)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Up to `count` keys that part the bucket about evenly. None is the smallest, so every part is smaller than this. */
  pivots(count: number, order: KeyOrder): string[] {
    const { chains } = this;
    const samples = (count + 1) * SAMPLES_PER_PIVOT;
    // Prime steps, so that no rhythm in which the keys arrived is met; nothing here needs chance.
    const step = Math.max(1, Math.floor(chains.length / samples));
    const sample: string[] = [];
    for (let taken = 0; taken < samples; taken++) {
      sample.push(chains[(taken * step + ((taken * 7919) % step)) % chains.length]!.key);
    }
    if (this.hasUnmetKeys) for (const key of sample) order.meet(key);
    sample.sort(order.byCodePoint ? compareCodePoints : undefined);
    const pivots: string[] = [];
    let last = sample[0]!;
    for (let taken = SAMPLES_PER_PIVOT; taken < samples; taken += SAMPLES_PER_PIVOT) {
      const pivot = sample[taken]!;
      if (pivot !== last) pivots.push(pivot);
      last = pivot;
    }
    return pivots;
  }

  #insertTail(order: KeyOrder): void {
    const { chains } = this;
    for (let next = this.sorted; next < chains.length; next++) {
      const chain = chains[next]!;
      const position = this.positionOf(chain.key, order, false);
      if (position < this.sorted && chains[position] === chain) continue;
      for (let at = this.sorted; at > position; at--) chains[at] = chains[at - 1]!;
      chains[position] = chain;
      this.sorted++;
    }
    chains.length = this.sorted;
    this.#repeats = 0;
  }

  #becomeSorted(): void {
    this.sorted = this.chains.length;
    this.hasUnmetKeys = false;
    this.#repeats = 0;
  }
}

/** A bucket on its way to become several: part i gets the keys in [pivots[i - 1], pivots[i]). */
export class Parting {
  readonly bucket: KeyBucket;
  readonly pivots: readonly string[];
  readonly parts: readonly VersionChain[][];
  #done = 0;

  constructor(bucket: KeyBucket, pivots: readonly string[]) {
    this.bucket = bucket;
    this.pivots = pivots;
    this.parts = Array.from({ length: pivots.length + 1 }, () => []);
  }

  get isDone(): boolean {
    return this.#done === this.bucket.chains.length;
  }

  /** Goes on for up to `budget` chains. @returns for how many. */
  go(budget: number, order: KeyOrder): number {
    const from = this.#done;
    const to = Math.min(this.bucket.chains.length, from + budget);
    distribute(this.bucket, from, to, this.pivots, this.parts, order);
    order.comparisons += (to - from) * Math.ceil(Math.log2(this.parts.length));
    this.#done = to;
    return to - from;
  }
}

function distribute(
  { chains, hasUnmetKeys }: KeyBucket,
  from: number,
  to: number,
  pivots: readonly string[],
  parts: readonly VersionChain[][],
  order: KeyOrder,
): void {
  for (let position = from; position < to; position++) {
    const chain = chains[position]!;
    const key = chain.key;
    if (hasUnmetKeys) order.meet(key);
    const byCodePoint = order.byCodePoint;
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
