/**
 * The versions of one key.
 */
import { assert } from "@strata/core";
import type { Stored } from "./stored.js";
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

/** Entries behind the newest one, oldest first: `values[i]` was written by version `versions[i]`. */
export interface OlderVersions {
  versions: number[];
  values: (Stored | undefined)[];
}

/**
 * Hot path: the newest version lies in the chain itself, so that reading it costs one look-up and one field.
 *
 * 1. `older.versions` ascends strictly and ends below `version`; `older.values` has the same length.
 * 2. An entry never changes once a higher version exists.
 */
export class VersionChain {
  readonly table: Table;
  readonly key: string;
  /** Commit version of the newest entry. */
  version: number;
  /** The newest entry; `undefined` is a tombstone. Shared with every reader: never mutate it. */
  stored: Stored | undefined;
  /** `undefined` until the key is written for a second time. */
  older: OlderVersions | undefined;

  constructor(table: Table, key: string, stored: Stored | undefined, version: number) {
    this.table = table;
    this.key = key;
    this.version = version;
    this.stored = stored;
    this.older = undefined;
  }

  /** Adds an entry. The same version again replaces the newest: within one commit the last write wins. */
  put(stored: Stored | undefined, version: number): void {
    if (version !== this.version) {
      assert(version > this.version, "the versions of a key rise");
      const older = this.older;
      if (older === undefined) {
        this.older = { versions: [this.version], values: [this.stored] };
      } else {
        older.versions.push(this.version);
        older.values.push(this.stored);
      }
      this.version = version;
    }
    this.stored = stored;
  }

  /** The newest entry at or below `asOf`; `undefined` for a tombstone and for a key without history at `asOf`. */
  storedAt(asOf: number): Stored | undefined {
    if (this.version <= asOf) return this.stored;
    const older = this.older;
    if (older === undefined) return undefined;
    const position = lastAtOrBefore(older.versions, asOf);
    return position < 0 ? undefined : older.values[position];
  }

  /** Version of the newest entry at or below `asOf`; 0 when the key had no history yet. */
  versionAt(asOf: number): number {
    if (this.version <= asOf) return this.version;
    const older = this.older;
    if (older === undefined) return 0;
    const position = lastAtOrBefore(older.versions, asOf);
    return position < 0 ? 0 : older.versions[position]!;
  }

  /** `versionAt` and `storedAt` in one search. On `false` nothing was written to `out`. */
  findAt(asOf: number, out: Found): boolean {
    if (this.version <= asOf) {
      out.version = this.version;
      out.stored = this.stored;
      return true;
    }
    const older = this.older;
    if (older === undefined) return false;
    const position = lastAtOrBefore(older.versions, asOf);
    if (position < 0) return false;
    out.version = older.versions[position]!;
    out.stored = older.values[position];
    return true;
  }

  /**
   * Entries below `before`, newest first, until `visit` returns false.
   *
   * @returns false when `visit` stopped it.
   */
  visitBefore(before: number, visit: (version: number, stored: Stored | undefined) => boolean): boolean {
    if (this.version < before && !visit(this.version, this.stored)) return false;
    const older = this.older;
    if (older === undefined) return true;
    let position = older.versions.length - 1;
    if (position >= 0 && older.versions[position]! >= before) {
      position = lastAtOrBefore(older.versions, before);
      if (position >= 0 && older.versions[position] === before) position--;
    }
    for (; position >= 0; position--) {
      if (!visit(older.versions[position]!, older.values[position])) return false;
    }
    return true;
  }
}

/** Position of the last of `versions`, which ascend, that is at most `asOf`; -1 when there is none. */
function lastAtOrBefore(versions: readonly number[], asOf: number): number {
  let low = 0;
  let high = versions.length; // versions[i] <= asOf for i < low; versions[i] > asOf for i >= high
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (versions[middle]! <= asOf) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
