/**
 * The keys of one table in order, for whoever scans it.
 */
import { KeyOrder } from "./key-bucket.js";
import type { KeyMap } from "./key-map.js";
import { OrderedKeys } from "./ordered-keys.js";
import { isLive } from "./stored.js";
import type { VersionChain } from "./version-chain.js";

/** Revived chains are weeded of repetitions when there are this many, and twice as many as keys. */
const REVIVED_MIN = 1024;

/**
 * Made on a table's first scan; from then on the table notes each new and each revived key, and the next scan puts them
 * in their places. Writes pay one `push`.
 *
 * 1. Every chain of the table is in `live`, in `dead` or among the noted ones.
 * 2. Every chain whose newest entry is live is in `live` or among the noted ones, so that a scan of the newest state
 *    need not look at `dead`.
 * 3. `live` may hold chains that have died since: who meets several in a bucket calls `bury`. A chain may be in both.
 */
export class OrderedIndex {
  readonly order = new KeyOrder();
  readonly live = new OrderedKeys(this.order);
  readonly dead = new OrderedKeys(this.order);
  /** Scans under way. A bucket is only cleared by the one that is alone: another would miss what it moves. */
  readers = 0;
  readonly #map: KeyMap;
  /** What is left to take over from the map; `undefined` once that is done. */
  #unloaded: Iterator<VersionChain> | undefined;
  /** Taken from the map so far. Dead or alive, they all go to `live`, unseen: looking at a million takes long. */
  #loading: VersionChain[] = [];
  #noted: VersionChain[] = [];
  #revived: VersionChain[] = [];
  /** How many of `#noted` are in their places already. */
  #placed = 0;
  /** Whether the map may have given chains that were noted as well. */
  #mayRepeat = false;

  constructor(map: KeyMap) {
    this.#map = map;
    this.#unloaded = map.chains();
  }

  /** A chain was added to the map. */
  noteNew(chain: VersionChain): void {
    this.#noted.push(chain);
  }

  /** A key has a value again. */
  noteRevived(chain: VersionChain): void {
    this.#revived.push(chain);
    // Where nobody scans any more, keys that come and go must not pile up.
    if (this.#revived.length > REVIVED_MIN && this.#revived.length > 2 * this.#map.size) {
      this.#revived = [...new Set(this.#revived)];
    }
  }

  /** Puts every chain in its place; before each scan. */
  catchUp(): void {
    if (this.#unloaded !== undefined) this.#load(Number.POSITIVE_INFINITY);
    if (this.#noted.length > 0) this.#placeNoted(Number.POSITIVE_INFINITY);
    if (this.#revived.length > 0) this.#placeRevived(Number.POSITIVE_INFINITY);
  }

  /**
   * Does about `budget` chains' worth of what scans would have to do.
   *
   * @returns whether something is left.
   */
  orderAhead(budget: number): boolean {
    let left = this.#load(budget);
    if (left > 0) left = this.#placeNoted(left);
    if (left > 0) left = this.#placeRevived(left);
    if (left > 0) left = this.live.partAhead(left);
    if (left > 0) left = this.dead.partAhead(left);
    return left === 0;
  }

  /** @returns what is left of the budget: above 0 when the map has been taken over. */
  #load(budget: number): number {
    if (this.#unloaded === undefined) return budget;
    for (let left = budget; left > 0; left--) {
      const next = this.#unloaded.next();
      if (next.done === true) {
        this.#unloaded = undefined;
        this.live.load(this.#loading);
        this.#loading = [];
        return left;
      }
      this.#loading.push(next.value);
    }
    this.#mayRepeat = true;
    return 0;
  }

  /** @returns what is left of the budget: above 0 when nothing noted is left. */
  #placeNoted(budget: number): number {
    const noted = this.#noted;
    let left = budget;
    for (; this.#placed < noted.length && left > 0; left--) {
      this.#place(noted[this.#placed++]!, !this.#mayRepeat);
    }
    if (this.#placed === noted.length) {
      this.#noted = [];
      this.#placed = 0;
      this.#mayRepeat = false;
    }
    return left;
  }

  /** @returns as `#placeNoted`. */
  #placeRevived(budget: number): number {
    let left = budget;
    for (; left > 0 && this.#revived.length > 0; left--) this.#place(this.#revived.pop()!, false);
    return left;
  }

  #place(chain: VersionChain, isNew: boolean): void {
    (isLive(chain.stored) ? this.live : this.dead).add(chain, isNew);
  }

  /** Moves the dead chains of a bucket of `live` out of the way of readers of the newest state. */
  bury(bucket: number): void {
    const buried: VersionChain[] = [];
    this.live.retain(bucket, (chain) => {
      if (isLive(chain.stored)) return true;
      buried.push(chain);
      return false;
    });
    for (const chain of buried) this.dead.add(chain, false);
  }
}
