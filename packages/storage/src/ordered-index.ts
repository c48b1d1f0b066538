/**
 * The keys of one table in order, for whoever scans it.
 */
import { hasSurrogates } from "@strata/core";
import type { KeyMap } from "./key-map.js";
import { OrderedKeys } from "./ordered-keys.js";
import { isLive } from "./stored.js";
import type { VersionChain } from "./version-chain.js";

/** Noted chains are weeded of repetitions when there are this many, and twice as many as keys. */
const NOTED_MIN = 1024;

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
  readonly live = new OrderedKeys();
  readonly dead = new OrderedKeys();
  /** Scans under way. A bucket is only cleared by the one that is alone: another would miss what it moves. */
  readers = 0;
  readonly #map: KeyMap;
  #noted: VersionChain[] = [];

  constructor(map: KeyMap) {
    this.#map = map;
    map.forEach((chain) => {
      this.#place(chain, true);
    });
  }

  /** A key was added, or has a value again. */
  note(chain: VersionChain): void {
    this.#noted.push(chain);
    // Where nobody scans any more, keys that come and go must not pile up.
    if (this.#noted.length > NOTED_MIN && this.#noted.length > 2 * this.#map.size) {
      this.#noted = [...new Set(this.#noted)];
    }
  }

  /** Puts what was noted in its place; before each scan. */
  catchUp(): void {
    const noted = this.#noted;
    if (noted.length === 0) return;
    this.#noted = [];
    // A chain with a single version has never been anywhere else.
    for (const chain of noted) this.#place(chain, !chain.hasOlder);
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

  #place(chain: VersionChain, isNew: boolean): void {
    if (!this.live.byCodePoint && hasSurrogates(chain.key)) {
      this.live.orderByCodePoint();
      this.dead.orderByCodePoint();
    }
    (isLive(chain.stored) ? this.live : this.dead).add(chain, isNew);
  }
}
