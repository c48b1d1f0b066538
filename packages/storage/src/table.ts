/**
 * One primitive of one space of one run: chains by key, over the tables it was forked from.
 */
import { compareCodePoints, type Primitive } from "@strata/core";
import type { ColdTable } from "./cold.js";
import { Inherited, InheritedMemo, NOT_INHERITED } from "./inherited-memo.js";
import type { KeyRange } from "./key-cursor.js";
import { KeyMap } from "./key-map.js";
import { OrderedIndex } from "./ordered-index.js";
import type { SpaceTables } from "./space-tables.js";
import { isLive, type Stored } from "./stored.js";
import { type Layer, scanLayers, scanNewest, type Visit } from "./table-scan.js";
import { Found, VersionChain } from "./version-chain.js";

/** The primitives that keep keys; events have a table of their own kind. */
export type TablePrimitive = Exclude<Primitive, "event">;

/** Where walks through the layers put what they find: no read keeps it beyond its own return. */
const scratch = new Found();

/** From this many layers below on, what was inherited is remembered: fewer are walked as fast as a memo is looked up. */
const MEMO_DEPTH = 5;

/** The table below, and the version at which it was forked from. */
export interface TableBase {
  readonly table: Table;
  readonly version: number;
}

/**
 * A key has one chain here or none. Without one, or below its first version, the table is what `base` was at
 * `baseVersion`: forking copies nothing.
 *
 * 1. Versions written here are above `baseVersion`, and rise from write to write.
 * 2. `base` had a version at or below `baseVersion` of some key: tables that were empty at the fork are never a base.
 * 3. Entries of `base` at or below `baseVersion` do not change, whatever its run writes after the fork.
 */
export class Table {
  readonly primitive: TablePrimitive;
  readonly space: SpaceTables;
  readonly base: Table | undefined;
  readonly baseVersion: number;
  /** Number of tables below this one. */
  readonly depth: number;
  /** What lies in files of this very table: what its chains do not have, they read there. */
  cold: ColdTable | undefined = undefined;
  readonly #keys = new KeyMap();
  #firstVersion = Number.POSITIVE_INFINITY;
  #lastVersion = 0;
  /** The highest version at which a key of this table lost its value. */
  #lastDeath = 0;
  #index: OrderedIndex | undefined = undefined;
  #memo: InheritedMemo | undefined = undefined;
  /** Whether a box without a value was ever written. If not, an entry is live unless it is `undefined`. */
  #hasDeadBoxes = false;
  /** Live keys, inherited ones included; -1 in a forked table until somebody asks. */
  #live: number;
  /** Live keys of `base` as of `baseVersion` where that was known for nothing; -1 otherwise. */
  readonly #inheritedLive: number;

  constructor(space: SpaceTables, primitive: TablePrimitive, base?: TableBase) {
    this.primitive = primitive;
    this.space = space;
    this.base = base?.table;
    this.baseVersion = base?.version ?? 0;
    this.depth = base === undefined ? 0 : base.table.depth + 1;
    this.#live = base === undefined ? 0 : -1;
    this.#inheritedLive = base !== undefined && base.table.#lastVersion <= base.version ? base.table.#live : -1;
  }

  /** Commit version that dropped the space; `Infinity` while it is there. */
  get droppedAt(): number {
    return this.space.droppedAt;
  }

  /** Version of the first write to this very table; `Infinity` before it. */
  get firstVersion(): number {
    return this.#firstVersion;
  }

  /** Version of the last write to this very table; 0 before any. */
  get lastVersion(): number {
    return this.#lastVersion;
  }

  /** Keys that have a chain in this very table, dead ones included. */
  get ownKeys(): number {
    return this.#keys.size;
  }

  /** String comparisons that scans of this very table have made: a measure of their work. */
  get comparisons(): number {
    return this.#index?.order.comparisons ?? 0;
  }

  /**
   * The newest entry of `key`; `undefined` for a tombstone and for a key never written. Shared: never mutate it.
   *
   * Hot path: without a fork one look-up and one field.
   */
  head(key: string): Stored | undefined {
    const chain = this.#keys.get(key);
    if (chain !== undefined) return chain.stored;
    return this.base !== undefined && this.#findInherited(key, scratch) ? scratch.stored : undefined;
  }

  /** Version of the newest entry of `key`, a tombstone's too; 0 when it was never written. */
  headVersion(key: string): number {
    const chain = this.#keys.get(key);
    if (chain !== undefined) return chain.version;
    return this.base !== undefined && this.#findInherited(key, scratch) ? scratch.version : 0;
  }

  /**
   * The newest entry of `key` at or below `asOf`, into `out`.
   *
   * @param asOf commit version, inclusive; `Infinity` for the newest.
   * @returns whether there is one, a tombstone included; otherwise `out` is reset.
   */
  find(key: string, asOf: number, out: Found): boolean {
    const chain = this.#keys.get(key);
    if (chain?.findAt(asOf, out)) return true;
    if (this.base !== undefined) {
      const found = asOf < this.baseVersion ? this.#findBelow(key, asOf, out) : this.#findInherited(key, out);
      if (found) return true;
    }
    out.reset();
    return false;
  }

  /**
   * Writes an entry; `undefined` is a tombstone. Only the commit pass writes.
   *
   * @param version above every version of the table; or the same as the last one's, which it then belongs to.
   * @returns the key's chain, for the timeline.
   */
  put(key: string, stored: Stored | undefined, version: number): VersionChain {
    const chain = this.#keys.get(key);
    const live = isLive(stored);
    if (!live && stored !== undefined) this.#hasDeadBoxes = true;
    this.#lastVersion = version;
    if (chain === undefined) return this.#insert(key, stored, live, version);
    // Looking at the value that is replaced would cost a cache miss.
    const wasLive = this.#hasDeadBoxes ? isLive(chain.stored) : chain.stored !== undefined;
    chain.put(stored, version);
    if (live !== wasLive) this.#livenessChanged(chain, live, version);
    return chain;
  }

  /**
   * Live keys of `range` as of `asOf`, in code point order or against it, until `visit` returns false. A key with a
   * value is live, expired or not.
   *
   * What is seen is the state when the scan began: `visit` may read, scan and write.
   */
  scan(range: KeyRange, asOf: number, visit: Visit): void {
    if (this.base === undefined && asOf >= this.#lastVersion) {
      scanNewest(this.#ordered(), range, this.#lastVersion, visit);
      return;
    }
    const layers: Layer[] = [];
    let clip = asOf;
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      // Written after what is asked for: nothing here to be seen, and no index to be built for it.
      if (table.#keys.size > 0 && table.#firstVersion <= clip) {
        // A dead key hides what lies below it. With nothing below, it matters to those who look behind its death.
        const readsDead = table.base !== undefined || clip < table.#lastDeath;
        layers.push({ index: table.#ordered(), clip: Math.min(clip, table.#lastVersion), readsDead });
      }
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    scanLayers(layers, range, visit);
  }

  /**
   * Entries of `key` below version `before` (`Infinity` for all), newest first, tombstones included, until `visit`
   * returns false. Each layer counts up to the version it was forked at.
   */
  versions(key: string, before: number, visit: (version: number, stored: Stored | undefined) => boolean): void {
    let limit = before; // exclusive
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      const chain = table.#keys.get(key);
      if (chain !== undefined && !chain.visitBefore(limit, visit)) return;
      if (table.baseVersion + 1 < limit) limit = table.baseVersion + 1;
    }
  }

  /**
   * Every key that has an entry at or below `asOf`, inherited and dead ones included, in code point order. Looks at each key there is:
   * for digests and checks, not for reads.
   */
  everyKey(asOf: number): string[] {
    const keys = new Set<string>();
    let clip = asOf;
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      for (const chain of table.#keys.chains()) if (chain.versionAt(clip) > 0) keys.add(chain.key);
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return [...keys].sort(compareCodePoints);
  }

  /**
   * A slice of what the next scan would otherwise have to do first: worth calling in idle moments for a table beyond
   * some 100k `ownKeys`, and again after many new keys. Not needed for anything to be right.
   *
   * @param budget about how many keys to deal with; 10,000 take a few milliseconds.
   * @returns whether something is left to do.
   */
  orderAhead(budget: number): boolean {
    this.#index ??= new OrderedIndex(this.#keys);
    return this.#index.orderAhead(budget);
  }

  /** Live keys of the newest state. One field, except the first time in a forked table. */
  liveCount(): number {
    if (this.#live < 0) this.#live = this.#countLive();
    return this.#live;
  }

  /** The index, with every key in its place. */
  #ordered(): OrderedIndex {
    this.#index ??= new OrderedIndex(this.#keys);
    this.#index.catchUp();
    return this.#index;
  }

  #insert(key: string, stored: Stored | undefined, live: boolean, version: number): VersionChain {
    const chain = new VersionChain(this, key, stored, version);
    this.#keys.set(key, chain);
    if (this.#firstVersion > version) this.#firstVersion = version;
    if (this.#index !== undefined) this.#index.note(chain);
    if (this.#live >= 0) {
      const wasLive = this.#inheritsLive(key);
      this.#live += (live ? 1 : 0) - (wasLive ? 1 : 0);
    }
    return chain;
  }

  #livenessChanged(chain: VersionChain, live: boolean, version: number): void {
    if (live) {
      if (this.#index !== undefined) this.#index.note(chain);
    } else {
      this.#lastDeath = version;
    }
    if (this.#live >= 0) this.#live += live ? 1 : -1;
  }

  /** What `base` has for `key` as of `baseVersion`. Does not touch `out` on false. */
  #findInherited(key: string, out: Found): boolean {
    if (this.depth < MEMO_DEPTH) return this.#findBelow(key, this.baseVersion, out);
    this.#memo ??= new InheritedMemo();
    let inherited = this.#memo.get(key);
    if (inherited === undefined) {
      const found = this.#findBelow(key, this.baseVersion, out);
      inherited = found ? new Inherited(out.version, out.stored) : NOT_INHERITED;
      this.#memo.set(key, inherited);
    }
    if (inherited === NOT_INHERITED) return false;
    out.version = inherited.version;
    out.stored = inherited.stored;
    return true;
  }

  #inheritsLive(key: string): boolean {
    return this.base !== undefined && this.#findInherited(key, scratch) && isLive(scratch.stored);
  }

  /** `find` in the tables below, `asOf` being at most `baseVersion`. Does not touch `out` on false. */
  #findBelow(key: string, asOf: number, out: Found): boolean {
    let clip = asOf;
    for (let table = this.base; table !== undefined; table = table.base) {
      const chain = table.#keys.get(key);
      if (chain?.findAt(clip, out)) return true;
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return false;
  }

  #countLive(): number {
    if (this.#inheritedLive < 0) {
      let count = 0;
      this.scan({ start: undefined, end: undefined, reverse: false }, Number.POSITIVE_INFINITY, () => {
        count++;
        return true;
      });
      return count;
    }
    let count = this.#inheritedLive;
    for (const chain of this.#keys.chains()) {
      count += (isLive(chain.stored) ? 1 : 0) - (this.#inheritsLive(chain.key) ? 1 : 0);
    }
    return count;
  }
}
