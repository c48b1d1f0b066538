/**
 * The versions of one key.
 */
import { assert, StateError } from "@strata/core";
import { isLive, type Stored, TRIMMED } from "./stored.js";
import type { Table } from "./table.js";

/** Where a read puts what it found, so that a read allocates nothing: the caller keeps one and uses it again. */
export class Found {
  /** 0 when nothing was found. */
  version = 0;
  /** `undefined` is a tombstone when `version` is above 0. */
  stored: Stored | undefined = undefined;

  reset(): void {
    this.version = 0;
    this.stored = undefined;
  }
}

/** Where reads that want one half of what they find put it. */
const scratch = new Found();

/** Entries in memory behind the newest one, oldest first: `values[i]` was written by version `versions[i]`, or is `TRIMMED`. */
export interface OlderVersions {
  readonly versions: readonly number[];
  readonly values: readonly (Stored | undefined)[];
}

/** In place of a version: the key has another chain by now, or none. */
const RETIRED = Number.POSITIVE_INFINITY;

/** Version and value by turns, oldest first. */
type History = (Stored | undefined)[];

/**
 * Hot path: the newest version lies in the chain itself, so that reading it costs one look-up and one field. Older
 * ones lie in a single array: of the layouts tried, 23 bytes a version and, at 100k keys, 250 ns an overwrite, against
 * 48 bytes and much more collecting for linked entries, 29 bytes and 400 ns for one array of versions and one of values.
 *
 * 1. The versions in `#history` ascend strictly and end below `version`.
 * 2. An entry never changes once a higher version exists.
 * 3. What is here is all the key has from some version on, and at least what `table.cold` does not have; older entries are read there.
 * 4. `TRIMMED` stands for one or more entries that retention dropped. It is never the newest entry, and never follows another.
 */
export class VersionChain {
  readonly table: Table;
  readonly key: string;
  /** Commit version of the newest entry. */
  version: number;
  /** The newest entry; `undefined` is a tombstone. Shared with every reader: never mutate it. */
  stored: Stored | undefined;
  /** `undefined` until the key is written for a second time. */
  #history: History | undefined;

  constructor(table: Table, key: string, stored: Stored | undefined, version: number) {
    this.table = table;
    this.key = key;
    this.version = version;
    this.stored = stored;
    this.#history = undefined;
  }

  /** A copy of the entries in memory behind the newest; `undefined` when there are none. */
  get older(): OlderVersions | undefined {
    const history = this.#history;
    if (history === undefined) return undefined;
    const versions: number[] = [];
    const values: (Stored | undefined)[] = [];
    for (let entry = 0; entry < history.length >>> 1; entry++) {
      versions.push(versionOf(history, entry));
      values.push(storedOf(history, entry));
    }
    return { versions, values };
  }

  /** Whether the key has another chain by now, or none. */
  get isRetired(): boolean {
    return this.version === RETIRED;
  }

  /** Whether memory has more than the newest entry. */
  get hasOlder(): boolean {
    return this.#history !== undefined;
  }

  /** Entries in memory, the newest and gaps included. */
  get length(): number {
    return this.#history === undefined ? 1 : 1 + (this.#history.length >>> 1);
  }

  /** Whether memory has the entry of exactly this version. */
  has(version: number): boolean {
    if (version === this.version) return true;
    if (this.isRetired) return false;
    const entry = lastAtOrBefore(this.#history, version);
    return entry >= 0 && versionOf(this.#history!, entry) === version && storedOf(this.#history!, entry) !== TRIMMED;
  }

  /** Adds an entry. The same version again replaces the newest: within one commit the last write wins. */
  put(stored: Stored | undefined, version: number): void {
    if (version !== this.version) {
      assert(version > this.version, "the versions of a key rise");
      const history = this.#history;
      if (history === undefined) {
        this.#history = [this.version, this.stored];
      } else if (history.length === 2) {
        // A `push` would make room for 20 entries, and most keys that are written three times are not written ten times.
        this.#history = [history[0], history[1], this.version, this.stored];
      } else {
        history.push(this.version, this.stored);
      }
      this.version = version;
    }
    this.stored = stored;
  }

  /** Drops from memory what lies behind the newest entry at or below `version`: `table.cold` has it, and reads find it there. */
  forgetThrough(version: number): void {
    const history = this.#history;
    const forgotten = lastAtOrBefore(history, version) + 1;
    if (history === undefined || forgotten === 0) return;
    const rest = history.slice(2 * forgotten);
    const next = (rest[0] as number | undefined) ?? this.version;
    // A gap that reaches beyond may stand for entries that files have not.
    if (storedOf(history, forgotten - 1) === TRIMMED && version + 1 < next) rest.unshift(version + 1, TRIMMED);
    this.#history = rest.length === 0 ? undefined : rest;
  }

  /** Versions of the entries in memory that were not dropped, ascending. */
  keptVersions(): number[] {
    const history = this.#history;
    const versions: number[] = [];
    for (let entry = 0; history !== undefined && entry < history.length >>> 1; entry++) {
      if (storedOf(history, entry) !== TRIMMED) versions.push(versionOf(history, entry));
    }
    versions.push(this.version);
    return versions;
  }

  /**
   * Drops entries behind the newest one that are not in files. A read that lands on one of them throws from then on.
   *
   * @param kept for each of `keptVersions` whether it stays; the newest does, whatever this says.
   * @param lose told of the versions [from, to) as of which a dropped entry was the one to be seen, ascending.
   * @returns how many were dropped.
   */
  trim(kept: readonly boolean[], lose: (from: number, to: number) => void): number {
    const history = this.#history;
    if (history === undefined) return 0;
    const { coldThrough } = this.table;
    const left: History = [];
    let dropped = 0;
    let real = 0;
    for (let entry = 0; entry < history.length >>> 1; entry++) {
      const version = versionOf(history, entry);
      const stored = storedOf(history, entry);
      const stays = stored !== TRIMMED && kept[real++] === true;
      // A gap that began with what is in files would not be written down with what is not.
      if (stays || version <= coldThrough) {
        left.push(version, stored);
        continue;
      }
      if (stored !== TRIMMED) {
        dropped++;
        lose(version, entry + 1 < history.length >>> 1 ? versionOf(history, entry + 1) : this.version);
      }
      if (left.at(-1) !== TRIMMED) left.push(version, TRIMMED);
    }
    if (dropped > 0) this.#history = left;
    return dropped;
  }

  /**
   * The table has forgotten the key: nothing is left that was alive. For those who have the chain still, timelines among them.
   *
   * @param death from which version on nobody sees a value.
   * @param lose as for `trim`, of versions as of which a value, or nobody knows what, was to be seen.
   */
  retire(death: number, lose: (from: number, to: number) => void): void {
    const all = this.#history ?? [];
    all.push(this.version, this.stored);
    const left: History = [];
    for (let entry = 0; entry < all.length >>> 1; entry++) {
      const version = versionOf(all, entry);
      const stored = storedOf(all, entry);
      const isLost = stored === TRIMMED || isLive(stored);
      if (!isLost) left.push(version, stored);
      else if (left.at(-1) !== TRIMMED) left.push(version, TRIMMED);
      if (isLost) lose(version, 2 * entry + 2 < all.length ? versionOf(all, entry + 1) : death);
    }
    if (death > this.version) left.push(death, undefined);
    this.#history = left;
    this.version = RETIRED;
    this.stored = undefined;
  }

  /** The newest entry at or below `asOf`; `undefined` for a tombstone and for a key without history at `asOf`. */
  storedAt(asOf: number): Stored | undefined {
    if (this.version <= asOf) return this.stored;
    return this.findAt(asOf, scratch) ? scratch.stored : undefined;
  }

  /** Version of the newest entry at or below `asOf`; 0 when the key had no history yet. */
  versionAt(asOf: number): number {
    if (this.version <= asOf) return this.version;
    return this.findAt(asOf, scratch) ? scratch.version : 0;
  }

  /**
   * `versionAt` and `storedAt` in one search. On `false` nothing was written to `out`.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, when retention dropped that entry; `versionAt` and `storedAt` do the same
   */
  findAt(asOf: number, out: Found): boolean {
    if (this.version <= asOf) {
      out.version = this.version;
      out.stored = this.stored;
      return true;
    }
    const entry = lastAtOrBefore(this.#history, asOf);
    if (entry < 0) return this.table.cold?.find(this.key, asOf, out) ?? false;
    const stored = storedOf(this.#history!, entry);
    if (stored === TRIMMED) throw this.#trimmed(asOf, entry);
    out.version = versionOf(this.#history!, entry);
    out.stored = stored;
    return true;
  }

  /**
   * Entries below `before`, newest first, dropped ones left out, until `visit` returns false.
   *
   * @returns false when `visit` stopped it.
   */
  visitBefore(before: number, visit: (version: number, stored: Stored | undefined) => boolean): boolean {
    if (this.version < before && !visit(this.version, this.stored)) return false;
    const history = this.#history;
    let entry = lastAtOrBefore(history, before);
    if (entry >= 0 && versionOf(history!, entry) === before) entry--;
    for (; entry >= 0; entry--) {
      const stored = storedOf(history!, entry);
      if (stored !== TRIMMED && !visit(versionOf(history!, entry), stored)) return false;
    }
    const { cold } = this.table;
    if (cold === undefined) return true;
    const oldest = history === undefined ? this.version : versionOf(history, 0);
    return cold.visitBefore(this.key, Math.min(before, oldest), visit);
  }

  #trimmed(requested: number, gap: number): StateError {
    const history = this.#history as History;
    const earliest = 2 * gap + 2 < history.length ? versionOf(history, gap + 1) : this.version;
    return historyTrimmed(this.table, this.key, requested, earliest);
  }
}

/** @param earliest the version of the key's next entry that is kept. */
export function historyTrimmed(table: Table, key: string, requested: number, earliest: number): StateError {
  const { space, primitive } = table;
  return new StateError(
    "HISTORY_TRIMMED",
    `what "${key}" held at version ${requested} is no longer kept; from version ${earliest} on it is`,
    { space: space.name, primitive, key, requested: { version: requested }, earliest },
  );
}

function versionOf(history: History, entry: number): number {
  return history[2 * entry] as number;
}

function storedOf(history: History, entry: number): Stored | undefined {
  return history[2 * entry + 1];
}

/** The last entry whose version is at most `asOf`; -1 when there is none. */
function lastAtOrBefore(history: History | undefined, asOf: number): number {
  if (history === undefined) return -1;
  let low = 0;
  let high = history.length >>> 1; // versionOf(i) <= asOf for i < low; > asOf for i >= high
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (versionOf(history, middle) <= asOf) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
