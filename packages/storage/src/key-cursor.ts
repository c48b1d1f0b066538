/**
 * A walk over ordered chains, in either direction, that survives changes of what it walks over.
 */
import { hasSurrogates } from "@strata/core";
import { isBefore } from "./key-bucket.js";
import type { OrderedKeys } from "./ordered-keys.js";
import type { VersionChain } from "./version-chain.js";

/** Keys in [start, end), in code point order or against it. `undefined` is no bound. */
export interface KeyRange {
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly reverse: boolean;
}

export const EVERYTHING: KeyRange = { start: undefined, end: undefined, reverse: false };

/**
 * Gives the chains of a range one by one. It remembers a position and the state of the list it belongs to; when that
 * has changed, it looks its last key up again and goes on behind it.
 */
export class KeyCursor {
  readonly #keys: OrderedKeys;
  readonly #start: string | undefined;
  readonly #end: string | undefined;
  readonly #reverse: boolean;
  readonly #boundHasSurrogates: boolean;
  #lastKey: string | undefined = undefined;
  #bucket = 0;
  #chains: readonly VersionChain[] = [];
  /** Forward: next is `#chains[#position]`, up to `#stop`. Reverse: next is `#chains[#position - 1]`, down to `#stop`. */
  #position = 0;
  #stop = 0;
  #isLastBucket = false;
  /** `changes` of the list when position and bucket were found; -1 before the first look. */
  #seen = -1;

  constructor(keys: OrderedKeys, range: KeyRange) {
    this.#keys = keys;
    this.#start = range.start;
    this.#end = range.end;
    this.#reverse = range.reverse;
    this.#boundHasSurrogates =
      (range.start !== undefined && hasSurrogates(range.start)) ||
      (range.end !== undefined && hasSurrogates(range.end));
  }

  /** The bucket that the chain given last came from; good until the list changes. */
  get bucket(): number {
    return this.#bucket;
  }

  /** The next chain; `undefined` at the end of the range. */
  next(): VersionChain | undefined {
    if (this.#seen !== this.#keys.changes) this.#find();
    while (this.#position === this.#stop) {
      if (this.#isLastBucket) return undefined;
      this.#enterNextBucket();
    }
    const chain = this.#reverse ? this.#chains[--this.#position]! : this.#chains[this.#position++]!;
    this.#lastKey = chain.key;
    return chain;
  }

  /** Looks up where to begin, or where to go on. */
  #find(): void {
    const last = this.#lastKey;
    const from = this.#reverse ? (last ?? this.#end) : (last ?? this.#start ?? "");
    const bucket = this.#keys.seek(from, this.#boundHasSurrogates);
    this.#enter(bucket);
    if (from === undefined) return;
    let position = this.#keys.lowerBound(bucket, from, this.#boundHasSurrogates);
    if (this.#reverse) {
      this.#position = Math.max(position, this.#stop);
    } else {
      if (last !== undefined && this.#chains[position]?.key === last) position++;
      this.#position = Math.min(position, this.#stop);
    }
  }

  #enterNextBucket(): void {
    const keys = this.#keys;
    let next = this.#bucket + 1;
    if (this.#reverse) {
      // Of what takes the place of the bucket before this one, the last piece is next.
      next = this.#bucket - 1;
      for (let more = keys.settle(next); more > 0; more = keys.settle(next)) next += more;
    } else {
      while (keys.settle(next) > 0);
    }
    this.#enter(next);
  }

  /** Takes the whole of a settled bucket, as far as the range goes. */
  #enter(bucket: number): void {
    const keys = this.#keys;
    const byCodePoint = this.#boundHasSurrogates || keys.byCodePoint;
    this.#bucket = bucket;
    this.#chains = keys.chainsOf(bucket);
    this.#seen = keys.changes;
    if (this.#reverse) {
      const start = this.#start;
      this.#position = this.#chains.length;
      this.#isLastBucket = bucket === 0 || (start !== undefined && !isBefore(start, keys.lowOf(bucket)!, byCodePoint));
      this.#stop = this.#isLastBucket && start !== undefined ? keys.lowerBound(bucket, start, byCodePoint) : 0;
    } else {
      const end = this.#end;
      const nextLow = keys.lowOf(bucket + 1);
      this.#position = 0;
      this.#isLastBucket = nextLow === undefined || (end !== undefined && !isBefore(nextLow, end, byCodePoint));
      this.#stop =
        this.#isLastBucket && end !== undefined ? keys.lowerBound(bucket, end, byCodePoint) : this.#chains.length;
    }
  }
}
