import type { Version } from "@strata/core";
import type { Table } from "@strata/storage";
import type { Observation, Requirement } from "./observation.js";

/** A range of one table that was scanned: which keys it holds (`"keys"`), or what they hold as well (`"values"`). */
export interface RangeObservation {
  readonly table: Table;
  readonly what: "keys" | "values";
  /** Inclusive; `undefined` from the first key. */
  readonly start: string | undefined;
  /** Exclusive; `undefined` to the last key. */
  readonly end: string | undefined;
}

const LINEAR_KEYS = 16;

/**
 * Everything a transaction observed. Keys lie in parallel arrays, so that observing one allocates no object. Invariants:
 *
 * 1. A key stands here at most once, with the version its first read saw: the view is fixed, so later reads see the same.
 * 2. Nothing here is written by the transaction's own writes.
 */
export class ReadSet {
  readonly tables: Table[] = [];
  readonly keys: string[] = [];
  /** Version seen, 0 for a key that was never written. */
  readonly versions: Version[] = [];
  readonly ranges: RangeObservation[] = [];
  readonly others: Observation[] = [];
  /** Checked at every commit, after validation. */
  readonly requirements: Requirement[] = [];
  #seen: Map<Table, Set<string>> | undefined;

  get size(): number {
    return this.keys.length + this.ranges.length + this.others.length;
  }

  observeKey(table: Table, key: string, version: Version): void {
    if (this.#holds(table, key)) return;
    this.tables.push(table);
    this.keys.push(key);
    this.versions.push(version);
  }

  observeRange(range: RangeObservation): void {
    this.ranges.push(range);
  }

  observe(observation: Observation): void {
    this.others.push(observation);
  }

  require(requirement: Requirement): void {
    this.requirements.push(requirement);
  }

  clear(): void {
    if (this.requirements.length > 0) this.requirements.length = 0;
    if (this.size === 0) return;
    this.tables.length = 0;
    this.keys.length = 0;
    this.versions.length = 0;
    this.ranges.length = 0;
    this.others.length = 0;
    this.#seen = undefined;
  }

  #holds(table: Table, key: string): boolean {
    const { keys, tables } = this;
    if (keys.length < LINEAR_KEYS) {
      for (let i = 0; i < keys.length; i++) if (keys[i] === key && tables[i] === table) return true;
      return false;
    }
    this.#seen ??= indexOf(tables, keys);
    let ofTable = this.#seen.get(table);
    if (ofTable === undefined) {
      ofTable = new Set();
      this.#seen.set(table, ofTable);
    }
    if (ofTable.has(key)) return true;
    ofTable.add(key);
    return false;
  }
}

function indexOf(tables: readonly Table[], keys: readonly string[]): Map<Table, Set<string>> {
  const seen = new Map<Table, Set<string>>();
  for (let i = 0; i < keys.length; i++) {
    const table = tables[i] as Table;
    const ofTable = seen.get(table);
    if (ofTable === undefined) seen.set(table, new Set([keys[i] as string]));
    else ofTable.add(keys[i] as string);
  }
  return seen;
}
