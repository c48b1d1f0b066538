import { compareCodePoints, type Version } from "@strata/core";
import { Column, type ImageColumns, type ImageParts, TextColumn } from "../image/index.js";
import { ExpiryQueue } from "./expiry-queue.js";

/** In `#previous`: the key had no slot before. */
const NONE = -1;

/**
 * The entries of one table that an index has, in order of commit: each has a slot, from 0 on. A slot is to be seen from the version it was
 * born at up to below the one it died at.
 *
 * 1. `born` rises, or stays, from slot to slot; within one commit slots are in order of key.
 * 2. Of one key at most the last slot is alive, and a slot dies no later than the next one of its key is born.
 * 3. `deaths` lists the slots that died, in order of the version.
 */
export class Slots {
  readonly #keys: TextColumn;
  readonly #born: Column<Float64Array>;
  /** `Infinity` while alive. */
  readonly #died: Column<Float64Array>;
  readonly #previous: Column<Int32Array>;
  readonly #deaths: Column<Int32Array>;
  readonly #expiring: ExpiryQueue;
  /** Of each key the last slot, of those below `#mapped`. */
  readonly #latest = new Map<string, number>();
  #mapped = 0;

  constructor(saved?: ImageColumns) {
    this.#keys = saved === undefined ? new TextColumn() : saved.text("slots.keys");
    this.#born = saved === undefined ? new Column(Float64Array) : saved.numbers("slots.born", Float64Array);
    this.#died = saved === undefined ? new Column(Float64Array) : saved.numbers("slots.died", Float64Array);
    this.#previous = saved === undefined ? new Column(Int32Array) : saved.numbers("slots.previous", Int32Array);
    this.#deaths = saved === undefined ? new Column(Int32Array) : saved.numbers("slots.deaths", Int32Array);
    this.#expiring = new ExpiryQueue(saved);
  }

  /** Slots there are, dead ones included. */
  get length(): number {
    return this.#born.length;
  }

  /** Slots that are alive at the head. */
  get live(): number {
    return this.#born.length - this.#deaths.length;
  }

  get memoryBytes(): number {
    return this.length * BYTES_PER_SLOT;
  }

  keyOf(slot: number): string {
    return this.#keys.get(slot);
  }

  bornAt(slot: number): Version {
    return this.#born.array[slot]!;
  }

  /** `Infinity` while it is alive. */
  diedAt(slot: number): Version {
    return this.#died.array[slot]!;
  }

  /** Microseconds since the epoch; `Infinity` for one that does not expire. */
  expiresAt(slot: number): number {
    return this.#expiring.timeOf(slot);
  }

  /** Whether a slot expires at all. */
  get expires(): boolean {
    return this.#expiring.length > 0;
  }

  /** Whether it is to be seen as of `version`, as far as births and deaths say. */
  isAliveAt(slot: number, version: Version): boolean {
    return this.#born.array[slot]! <= version && this.#died.array[slot]! > version;
  }

  /** How many slots were born at or below `version`: they are those below that number. */
  bornThrough(version: Version): number {
    return countThrough(this.length, (index) => this.#born.array[index]!, version);
  }

  /** How many slots died at or below `version`. */
  diedThrough(version: Version): number {
    const died = this.#died.array;
    const deaths = this.#deaths.array;
    return countThrough(this.#deaths.length, (index) => died[deaths[index]!]!, version);
  }

  /** The slots that died, in order of the version they died at. */
  deathAt(position: number): number {
    return this.#deaths.array[position]!;
  }

  /** The slot of `key` that is to be seen as of `version`; -1 without one. */
  slotAt(key: string, version: Version): number {
    let slot = this.#last().get(key) ?? NONE;
    while (slot !== NONE && this.#born.array[slot]! > version) slot = this.#previous.array[slot]!;
    return slot !== NONE && this.#died.array[slot]! > version ? slot : NONE;
  }

  /**
   * The slots to be seen as of `version` that have expired by `now`, in no order.
   *
   * @param isNewest whether nothing that died since is to be seen as of `version`.
   */
  expiredBy(now: number, version: Version, isNewest: boolean): readonly number[] {
    const isThere = (slot: number) => this.isAliveAt(slot, version);
    return isNewest ? this.#expiring.waitingBy(now, isThere) : this.#expiring.expiredBy(now, isThere);
  }

  /**
   * Makes ready, at most `most` slots at a time, what looking up keys needs of slots that were saved: the first look-up does all that is left.
   *
   * @returns whether there is more to be done.
   */
  mapKeys(most: number): boolean {
    const end = Math.min(this.length, this.#mapped + most);
    for (; this.#mapped < end; this.#mapped++) this.#latest.set(this.#keys.get(this.#mapped), this.#mapped);
    return this.#mapped < this.length;
  }

  /** A slot for a live entry of `key`; the one before it has died. */
  add(key: string, version: Version, expiresAt: number): number {
    const latest = this.#last();
    const slot = this.#keys.push(key);
    this.#born.push(version);
    this.#died.push(Number.POSITIVE_INFINITY);
    this.#previous.push(latest.get(key) ?? NONE);
    latest.set(key, slot);
    this.#mapped = slot + 1;
    if (expiresAt !== Number.POSITIVE_INFINITY) this.#expiring.add(slot, expiresAt);
    return slot;
  }

  /** The live slot of `key` dies. @returns it; -1 when there was none. */
  end(key: string, version: Version): number {
    const slot = this.#last().get(key) ?? NONE;
    if (slot === NONE || this.#died.array[slot] !== Number.POSITIVE_INFINITY) return NONE;
    this.#end(slot, version);
    return slot;
  }

  /** Every live slot that has expired by `now` dies. @param ended told of each. */
  expire(now: number, version: Version, ended: (slot: number) => void): void {
    this.#expiring.take(now, (slot) => {
      if (this.#died.array[slot] !== Number.POSITIVE_INFINITY) return;
      this.#end(slot, version);
      ended(slot);
    });
  }

  /** What is written of it; the constructor takes the same. */
  columns(): ImageParts["columns"] {
    return {
      "slots.keys": this.#keys,
      "slots.born": this.#born,
      "slots.died": this.#died,
      "slots.previous": this.#previous,
      "slots.deaths": this.#deaths,
      ...this.#expiring.columns(),
    };
  }

  #end(slot: number, version: Version): void {
    this.#died.touch(slot);
    this.#died.array[slot] = version;
    this.#deaths.push(slot);
  }

  #last(): Map<string, number> {
    if (this.#mapped < this.length) this.mapKeys(Number.POSITIVE_INFINITY);
    return this.#latest;
  }
}

/** A key's string and its place in a map, and five numbers. */
const BYTES_PER_SLOT = 160;

/** Of `length` numbers that rise, how many are at most `limit`. */
function countThrough(length: number, at: (index: number) => number, limit: number): number {
  if (length === 0 || at(length - 1) <= limit) return length;
  let low = 0;
  let high = length - 1; // at(high) > limit
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(middle) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order of slots that are born in one commit. */
export function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return compareCodePoints(a.key, b.key);
}
