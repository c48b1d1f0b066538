/**
 * Chains by key: a hash map that grows without long stalls.
 */
import type { VersionChain } from "./version-chain.js";

/** A single `Map` stops the world for 43 ms when it grows at a million entries, and ends at 2^24 of them. */
const SPLIT_AT = 500_000;
const SHARDS = 64;
/** Old keys copied for each new one while a split is under way: it ends after `SPLIT_AT / MOVED_PER_SET` new keys. */
const MOVED_PER_SET = 8;

/** Keys looked at when choosing how to spread them, and the part of them that one map may get. */
const SAMPLE = 4096;
const SHARE_MAX = 1 / 8;

/** Stands in for the map of a table that nobody wrote to: a fork that only reads costs no map. */
const EMPTY: Map<string, VersionChain> = new Map();

/**
 * One `Map` up to `SPLIT_AT` keys, then 64, chosen by characters of the key. The split happens a few keys at a time,
 * along with the writes that follow it.
 *
 * 1. The chain of a key is never replaced: chains are updated in place.
 * 2. While a split is under way, `#map` has every key that was there when it began, `#shards` has every later one and a
 *    growing share of the former. A key in both has the same chain in both.
 */
export class KeyMap {
  #map: Map<string, VersionChain> = EMPTY;
  #shards: Map<string, VersionChain>[] | undefined = undefined;
  /** What is left to copy of `#map`; `undefined` when no split is under way. */
  #moving: Iterator<VersionChain> | undefined = undefined;
  #size = 0;
  #isThorough = false;
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
    return this.#shards[this.#shardOf(key)]!.get(key);
  }

  /** Adds the chain of a key that is not there yet. */
  set(key: string, chain: VersionChain): void {
    this.#size++;
    if (this.#shards !== undefined) {
      this.#shards[this.#shardOf(key)]!.set(key, chain);
      if (this.#moving !== undefined) this.#move();
      return;
    }
    if (this.#map === EMPTY) this.#map = new Map();
    this.#map.set(key, chain);
    if (this.#size >= this.#splitAt) this.#split();
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    this.#size--;
    this.#map.delete(key);
    if (this.#shards !== undefined) this.#shards[this.#shardOf(key)]!.delete(key);
  }

  /** Every chain once, in no particular order. Keys added before it is done may be among them. */
  *chains(): Generator<VersionChain, void, undefined> {
    const map = this.#map;
    yield* map.values();
    if (this.#shards === undefined) return;
    for (const shard of this.#shards) {
      for (const chain of shard.values()) {
        // While a split is under way, `map` still has what was copied from it.
        if (map.size === 0 || !map.has(chain.key)) yield chain;
      }
    }
  }

  #shardOf(key: string): number {
    return this.#isThorough ? thoroughShard(key) : quickShard(key);
  }

  #split(): void {
    this.#isThorough = isLopsided(this.#map.values());
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
      this.#shards![this.#shardOf(next.value.key)]!.set(next.value.key, next.value);
    }
  }
}

/** Four characters where keys tend to differ: 100 ns less than reading the whole key, at a million of them. */
function quickShard(key: string): number {
  const length = key.length;
  if (length < 4) return thoroughShard(key);
  const mixed =
    key.charCodeAt(length - 1) +
    31 * key.charCodeAt(length - 2) +
    17 * key.charCodeAt(length - 3) +
    13 * key.charCodeAt(length >>> 1);
  return mixed & (SHARDS - 1);
}

function thoroughShard(key: string): number {
  let hash = key.length;
  for (let position = 0; position < key.length; position++) hash = Math.imul(hash, 31) + key.charCodeAt(position);
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}

/** Whether `quickShard` spreads these keys badly: all they differ in may lie where it does not look. */
function isLopsided(chains: Iterable<VersionChain>): boolean {
  const counts = new Uint32Array(SHARDS);
  let sampled = 0;
  for (const chain of chains) {
    counts[quickShard(chain.key)]!++;
    if (++sampled === SAMPLE) break;
  }
  return Math.max(...counts) > sampled * SHARE_MAX;
}
