/**
 * One primitive of one space of one run: chains by key, over the tables it was forked from.
 */
import { assert, compareCodePoints, type Primitive, type Version } from "@strata/core";
import type { ColdTable, LostInterval } from "./cold.js";
import { Inherited, InheritedMemo, NOT_INHERITED } from "./inherited-memo.js";
import { EVERYTHING, type KeyRange } from "./key-cursor.js";
import { KeyMap } from "./key-map.js";
import { LostKeys } from "./lost-intervals.js";
import { OrderedIndex } from "./ordered-index.js";
import type { SpaceTables } from "./space-tables.js";
import { isLive, type Stored } from "./stored.js";
import { addKeys, type Layer, scanLayers, scanNewest, type Visit } from "./table-scan.js";
import { Found, VersionChain } from "./version-chain.js";

/** The primitives that keep keys; events have a table of their own kind. */
export type TablePrimitive = Exclude<Primitive, "event">;

/** Where walks through the layers put what they find: no read keeps it beyond its own return. */
const scratch = new Found();

/** From this many layers below on, what was inherited is remembered: fewer are walked as fast as a memo is looked up. */
const MEMO_DEPTH = 5;

/** One table of a stack, and the version up to which it is read. */
export interface TableLayer {
  readonly table: Table;
  readonly through: Version;
}

/** What a key of one table holds; `undefined` when it was deleted. */
export interface OwnEntry {
  readonly key: string;
  readonly stored: Stored | undefined;
  readonly version: Version;
}

/** The table below, and the version at which it was forked from. */
export interface TableBase {
  readonly table: Table;
  readonly version: number;
}

/**
 * A key has one chain in memory or none. What the chain does not reach, and keys without one, are read from `cold`. A key that is in
 * neither, or was not there yet, is what `base` had at `baseVersion`: forking copies nothing.
 *
 * 1. Versions written here are above `baseVersion`, and rise from write to write.
 * 2. `base` had a version at or below `baseVersion` of some key: tables that were empty at the fork are never a base.
 * 3. Entries of `base` at or below `baseVersion` do not change, whatever its run writes after the fork.
 * 4. Entries at or below `coldThrough` are in `cold`; those above it are in memory.
 * 5. Of a resident table every key has its chain in memory: only what lies behind the newest entry is looked for in `cold`.
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
  #coldThrough: Version = 0;
  #isResident = true;
  /** Whether a key without a chain in memory is nowhere. */
  #isAlone: boolean;
  #keys = new KeyMap();
  #firstVersion = Number.POSITIVE_INFINITY;
  #lastVersion = 0;
  /** The highest version at which a chain in memory lost its value. */
  #lastDeath = 0;
  #index: OrderedIndex | undefined = undefined;
  #memo: InheritedMemo | undefined = undefined;
  /** Whether a box without a value was ever written. If not, an entry is live unless it is `undefined`. */
  #hasDeadBoxes = false;
  /** Live keys, inherited ones included; -1 in a forked table until somebody asks. */
  #live: number;
  /** Live keys of `base` as of `baseVersion` where that was known for nothing; -1 otherwise. */
  readonly #inheritedLive: number;
  readonly #lost = new LostKeys();

  constructor(space: SpaceTables, primitive: TablePrimitive, base?: TableBase) {
    this.primitive = primitive;
    this.space = space;
    this.base = base?.table;
    this.baseVersion = base?.version ?? 0;
    this.#isAlone = base === undefined;
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

  /** Keys of this very table that have a chain in memory, dead ones included. */
  get ownKeys(): number {
    return this.#keys.size;
  }

  /** What was written to this very table at or below it is in `cold`. */
  get coldThrough(): Version {
    return this.#coldThrough;
  }

  /** Whether every key of this very table has its chain in memory. */
  get isResident(): boolean {
    return this.#isResident;
  }

  /** Within these, keys were dropped altogether: what is not found as of such a version is not known, nor is what a list would have. */
  get lost(): readonly LostInterval[] {
    return this.#lost.with(this.cold);
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
    return !this.#isAlone && this.#findElsewhere(key) ? scratch.stored : undefined;
  }

  /** Version of the newest entry of `key`, a tombstone's too; 0 when it was never written. */
  headVersion(key: string): number {
    const chain = this.#keys.get(key);
    if (chain !== undefined) return chain.version;
    return !this.#isAlone && this.#findElsewhere(key) ? scratch.version : 0;
  }

  /**
   * The newest entry of `key` at or below `asOf`, into `out`.
   *
   * @param asOf commit version, inclusive; `Infinity` for the newest.
   * @returns whether there is one, a tombstone included; otherwise `out` is reset.
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, when retention dropped what would have to be looked at
   */
  find(key: string, asOf: number, out: Found): boolean {
    const chain = this.#keys.get(key);
    if (chain === undefined ? !this.#isResident && this.#findCold(key, asOf, out, false) : chain.findAt(asOf, out))
      return true;
    let found = false;
    if (this.base !== undefined) {
      found = asOf < this.baseVersion ? this.#findBelow(key, asOf, out, false) : this.#findInherited(key, out);
      if (found && isLive(out.stored)) return true;
    }
    if (asOf !== Number.POSITIVE_INFINITY) this.#mustKnow(asOf);
    if (!found) out.reset();
    return found;
  }

  /**
   * Writes an entry; `undefined` is a tombstone. Only the commit pass writes.
   *
   * @param version above every version of the table; or the same as the last one's, which it then belongs to.
   * @returns the key's chain, for the timeline.
   */
  put(key: string, stored: Stored | undefined, version: number): VersionChain {
    let chain = this.#keys.get(key);
    if (chain === undefined && !this.#isResident) chain = this.#promote(key);
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
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, when retention dropped what would have to be looked at
   */
  scan(range: KeyRange, asOf: number, visit: Visit): void {
    if (this.base === undefined && this.#isResident && asOf >= this.#lastVersion) {
      scanNewest(this.#ordered(), range, this.#lastVersion, visit);
      return;
    }
    const layers: Layer[] = [];
    let clip = asOf;
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      table.#lost.mustHaveNone(clip, table);
      const cold = table.#isResident ? undefined : table.cold;
      // Written after what is asked for: nothing here to be seen, and no index to be built for it.
      if ((table.#keys.size > 0 || cold !== undefined) && table.#firstVersion <= clip) {
        // A dead key hides what lies below it. With nothing below, it matters to those who look behind its death.
        const readsDead = table.base !== undefined || cold !== undefined || clip < table.#lastDeath;
        layers.push({ index: table.#ordered(), cold, clip: Math.min(clip, table.#lastVersion), readsDead });
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
      if (chain !== undefined) {
        if (!chain.visitBefore(limit, visit)) return;
      } else if (!table.#isResident && !table.cold!.visitBefore(key, limit, visit)) return;
      if (table.baseVersion + 1 < limit) limit = table.baseVersion + 1;
    }
  }

  /**
   * Every key that has an entry at or below `asOf`, inherited and dead ones included, in code point order. Looks at each key there is.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, as `scan`
   */
  everyKey(asOf: number): string[] {
    const keys = new Set<string>();
    let clip = asOf;
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      table.#lost.mustHaveNone(clip, table);
      addKeys(table.#keys.chains(), table.#isResident ? undefined : table.cold, clip, keys);
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return [...keys].sort(compareCodePoints);
  }

  /**
   * The tables that a view as of `asOf` reads, the nearest first, each with the version up to which it is read. Of a key, the nearest one that
   * has an entry there decides.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, as `scan`
   */
  layers(asOf: number): TableLayer[] {
    const layers: TableLayer[] = [];
    let through = asOf;
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      table.#lost.mustHaveNone(through, table);
      if (table.#lastVersion > 0 && table.#firstVersion <= through) layers.push({ table, through });
      if (table.baseVersion < through) through = table.baseVersion;
    }
    return layers;
  }

  /**
   * The newest entry at or below `asOf` of each key of this very table, dead ones included, in no order. What is written meanwhile does not
   * disturb it. Keys that lie in files do not come into memory.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, as `scan`
   */
  *ownEntries(asOf: number): Generator<OwnEntry, void, undefined> {
    this.#lost.mustHaveNone(asOf, this);
    const found = new Found();
    const chains = [...this.#keys.chains()];
    const cursor = this.#isResident ? undefined : this.cold!.cursor(EVERYTHING);
    const seen = new Set<string>();
    for (const chain of chains) {
      if (cursor !== undefined) seen.add(chain.key);
      if (chain.findAt(asOf, found)) yield { key: chain.key, stored: found.stored, version: found.version };
    }
    for (let key = cursor?.next(); key !== undefined; key = cursor!.next()) {
      if (!seen.has(key) && cursor!.findAt(asOf, found)) yield { key, stored: found.stored, version: found.version };
    }
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

  /** `liveCount()` where that need not be counted; -1 otherwise. */
  get knownLiveCount(): number {
    return this.#live;
  }

  /** Live keys of the newest state. One field, except the first time in a forked table. */
  liveCount(): number {
    if (this.#live < 0) this.#live = this.#countLive();
    return this.#live;
  }

  /** The chain of a key of this very table, in memory from now on; `undefined` when nothing was written here for it. */
  chain(key: string): VersionChain | undefined {
    return this.#keys.get(key) ?? this.#promote(key);
  }

  /**
   * What stands for a key of this very table in a list of writes: its chain when that is in memory, otherwise one whose every entry is
   * read from files. To be read as of a version, and not kept.
   */
  chainForReading(key: string): VersionChain {
    return this.#keys.get(key) ?? new VersionChain(this, key, undefined, Number.POSITIVE_INFINITY);
  }

  /** Chains of this very table that are in memory, in no order. */
  chains(): IterableIterator<VersionChain> {
    return this.#keys.chains();
  }

  /**
   * Takes over what lies in files: everything that was written to this table up to `through`. A table that has nothing yet is that; for
   * one that has, it is the same once more, and no answer changes by it.
   */
  attachCold(cold: ColdTable | undefined, through: Version): void {
    assert(through >= this.#coldThrough, "files of a table only reach further");
    const isNew = this.#lastVersion === 0;
    this.cold = cold;
    this.#coldThrough = through;
    if (cold === undefined) {
      this.#setResident(true);
      return;
    }
    this.#lost.leaveTo(cold);
    this.#firstVersion = Math.min(this.#firstVersion, cold.firstVersion);
    this.#lastVersion = Math.max(this.#lastVersion, cold.lastVersion);
    if (cold.hasDeadBoxes) this.#hasDeadBoxes = true;
    if (!isNew) return;
    this.#live = cold.live;
    this.#setResident(false);
  }

  /**
   * Lets go of every chain that can be read back from files, and of what lies behind the newest entry of the others.
   *
   * @param written the chains that were written above `coldThrough`, when that is known; others may be among them.
   */
  evict(written: Iterable<VersionChain> = this.#keys.chains()): void {
    this.#memo = undefined;
    if (this.cold === undefined) return;
    const kept = new KeyMap();
    if (this.#lastVersion > this.#coldThrough) {
      for (const chain of written) {
        if (chain.version <= this.#coldThrough || kept.get(chain.key) !== undefined) continue;
        this.releaseHistory(chain);
        kept.set(chain.key, chain);
      }
    }
    if (kept.size === this.#keys.size) return;
    this.#keys = kept;
    this.#index = undefined;
    this.#setResident(false);
  }

  /** Lets go of what lies behind the newest entry of a chain of this very table and can be read back from files. */
  releaseHistory(chain: VersionChain): void {
    if (this.cold !== undefined) chain.forgetThrough(this.#coldThrough);
  }

  /** Says that keys which retention drops altogether had entries from version `from` on, and were dead from `to` on. */
  noteLost(from: Version, to: Version): void {
    this.#lost.note(from, to);
    // Reads of the newest state must begin behind it.
    if (this.#lastVersion < to) this.#lastVersion = to;
  }

  /** Whether without its chain the key would show something alive, from files or from below. */
  hides(key: string): boolean {
    return this.cold !== undefined || this.#inheritsLive(key);
  }

  /** Takes a dead key out as if it had never been written. @param chain hides nothing. */
  forget(chain: VersionChain): void {
    this.#keys.delete(chain.key);
    this.#index = undefined;
    if (this.#live > 0 && isLive(chain.stored)) this.#live--;
  }

  /** The index, with every key in its place. */
  #ordered(): OrderedIndex {
    this.#index ??= new OrderedIndex(this.#keys);
    this.#index.catchUp();
    return this.#index;
  }

  #setResident(isResident: boolean): void {
    this.#isResident = isResident;
    this.#isAlone = isResident && this.base === undefined;
  }

  /** Takes a key that has no chain into memory, when files have it. */
  #promote(key: string): VersionChain | undefined {
    if (this.#isResident || !this.cold!.find(key, Number.POSITIVE_INFINITY, scratch)) return undefined;
    const chain = new VersionChain(this, key, scratch.stored, scratch.version);
    this.#keys.set(key, chain);
    this.#index?.noteNew(chain);
    return chain;
  }

  /** The newest entry of a key that has no chain in memory, into `scratch`. */
  #findElsewhere(key: string): boolean {
    if (!this.#isResident && this.#findCold(key, Number.POSITIVE_INFINITY, scratch, true)) return true;
    return this.base !== undefined && this.#findInherited(key, scratch);
  }

  /**
   * `find` in the files of this very table, for a key that has no chain in memory. Does not touch `out` on false.
   *
   * @param again that the same is likely to be asked again, so that memory takes the key even if `asOf` lies in the past.
   */
  #findCold(key: string, asOf: Version, out: Found, again: boolean): boolean {
    if (!again && asOf < this.#coldThrough) return this.cold!.find(key, asOf, out);
    return this.#promote(key)?.findAt(asOf, out) ?? false;
  }

  /** To be called when a key was not found alive as of `asOf`: throws when it may have been. What a fork is based on is kept. */
  #mustKnow(asOf: Version): void {
    for (let table: Table | undefined = this; table !== undefined; table = table.base) {
      table.#lost.mustHaveNone(asOf, table);
      if (asOf >= table.baseVersion) return;
    }
  }

  #insert(key: string, stored: Stored | undefined, live: boolean, version: number): VersionChain {
    const chain = new VersionChain(this, key, stored, version);
    this.#keys.set(key, chain);
    if (this.#firstVersion > version) this.#firstVersion = version;
    if (this.#index !== undefined) this.#index.noteNew(chain);
    if (this.#live >= 0) {
      const wasLive = this.#inheritsLive(key);
      this.#live += (live ? 1 : 0) - (wasLive ? 1 : 0);
    }
    return chain;
  }

  #livenessChanged(chain: VersionChain, live: boolean, version: number): void {
    if (live) {
      if (this.#index !== undefined) this.#index.noteRevived(chain);
    } else {
      this.#lastDeath = version;
    }
    if (this.#live >= 0) this.#live += live ? 1 : -1;
  }

  /** What `base` has for `key` as of `baseVersion`. Does not touch `out` on false. */
  #findInherited(key: string, out: Found): boolean {
    if (this.depth < MEMO_DEPTH) return this.#findBelow(key, this.baseVersion, out, true);
    this.#memo ??= new InheritedMemo();
    const known = this.#memo.get(key);
    if (known !== undefined) return known.copyTo(out);
    const found = this.#findBelow(key, this.baseVersion, out, true);
    this.#memo.set(key, found ? new Inherited(out.version, out.stored) : NOT_INHERITED);
    return found;
  }

  #inheritsLive(key: string): boolean {
    return this.base !== undefined && this.#findInherited(key, scratch) && isLive(scratch.stored);
  }

  /** `find` in the tables below, `asOf` being at most `baseVersion`. Does not touch `out` on false. */
  #findBelow(key: string, asOf: number, out: Found, again: boolean): boolean {
    let clip = asOf;
    for (let table = this.base; table !== undefined; table = table.base) {
      const chain = table.#keys.get(key);
      if (
        chain === undefined ? !table.#isResident && table.#findCold(key, clip, out, again) : chain.findAt(clip, out)
      ) {
        return true;
      }
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return false;
  }

  #countLive(): number {
    if (this.#inheritedLive < 0 || !this.#isResident) {
      let count = 0;
      this.scan(EVERYTHING, Number.POSITIVE_INFINITY, () => ++count > 0);
      return count;
    }
    let count = this.#inheritedLive;
    for (const chain of this.#keys.chains()) {
      count += (isLive(chain.stored) ? 1 : 0) - (this.#inheritsLive(chain.key) ? 1 : 0);
    }
    return count;
  }
}
