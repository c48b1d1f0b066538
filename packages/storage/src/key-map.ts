/**
 * Chains by key: a hash map that grows without long stalls.
 */
import type { VersionChain } from "./version-chain.js";

/** A single `Map` stops the world for 43 ms when it grows at a million entries, and ends at 2^24 of them. */
const SPLIT_AT = 500_000;
const SHARDS = 64;
/** Old keys copied for each new one while a split is under way: it ends after `SPLIT_AT / MOVED_PER_SET` new keys. */
const MOVED_PER_SET = 8;

/** Stands in for the map of a table that nobody wrote to: a fork that only reads costs no map. */
const EMPTY: Map<string, VersionChain> = new Map();

/**
 * One `Map` up to `SPLIT_AT` keys, then 64, chosen by characters of the key. The split happens a few keys at a time,
 * along with the writes that follow it.
 *
 * 1. A key is never removed, and its chain never replaced: chains are updated in place.
 * 2. While a split is under way, `#map` has every key that was there when it began, `#shards` has every later one and a
 *    growing share of the former. A key in both has the same chain in both.
 */
export class KeyMap {
  #map: Map<string, VersionChain> = EMPTY;
  #shards: Map<string, VersionChain>[] | undefined = undefined;
  /** What is left to copy of `#map`; `undefined` when no split is under way. */
  #moving: Iterator<VersionChain> | undefined = undefined;
  #size = 0;
  readonly #splitAt: number;

  constructor(splitAt: number = SPLIT_AT) {
    this.#splitAt = splitAt;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): VersionChain | undefined {
    if (this.#shards === undefined) return this.#map.get(key);
    if (this.#moving !== undefined) {
      const chain = this.#map.get(key);
      if (chain !== undefined) return chain;
    }
    return this.#shards[shardOf(key)]!.get(key);
  }

  /** Adds the chain of a key that is not there yet. */
  set(key: string, chain: VersionChain): void {
    this.#size++;
    if (this.#shards !== undefined) {
      this.#shards[shardOf(key)]!.set(key, chain);
      if (this.#moving !== undefined) this.#move();
      return;
    }
    if (this.#map === EMPTY) this.#map = new Map();
    this.#map.set(key, chain);
    if (this.#size >= this.#splitAt) this.#split();
  }

  /** Every chain once, in no particular order. Keys added meanwhile may or may not be among them. */
  *chains(): Generator<VersionChain, void, undefined> {
    const map = this.#map;
    yield* map.values();
    if (this.#shards === undefined) return;
    for (const shard of this.#shards) {
      for (const chain of shard.values()) {
        // `map` holds what the split has already copied, and nothing once it is over.
        if (!map.has(chain.key)) yield chain;
      }
    }
  }

  #split(): void {
    this.#shards = Array.from({ length: SHARDS }, () => new Map());
    this.#moving = this.#map.values();
  }

  #move(): void {
    for (let moved = 0; moved < MOVED_PER_SET; moved++) {
      const next = this.#moving!.next();
      if (next.done === true) {
        this.#moving = undefined;
        this.#map = EMPTY;
        return;
      }
      this.#shards![shardOf(next.value.key)]!.set(next.value.key, next.value);
    }
  }
}

/** Mixes the last two characters, where keys differ most often, and six spread over the rest. */
function shardOf(key: string): number {
  const length = key.length;
  if (length < 2) return length === 0 ? 0 : key.charCodeAt(0) % SHARDS;
  let hash = Math.imul(key.charCodeAt(length - 1), 31) + key.charCodeAt(length - 2);
  const step = length <= 6 ? 1 : Math.floor(length / 6);
  for (let position = length - 1 - step; position >= 0; position -= step) {
    hash = Math.imul(hash, 31) + key.charCodeAt(position);
  }
  return ((hash ^ (hash >>> 15)) & 0x7fff_ffff) % SHARDS;
}
