/**
 * What a store has put down in files: the ports through which tables, event logs and timelines read it back. Who implements them promises
 * that nothing behind them ever changes; whatever they return is shared, or made anew.
 */
import type { Version } from "@strata/core";
import type { KeyRange } from "./key-cursor.js";
import type { MergeRecord } from "./merge-record.js";
import type { Stored } from "./stored.js";
import type { TablePrimitive } from "./table.js";
import type { Found } from "./version-chain.js";

/** One run's own data up to a version: not what it inherits. */
export interface ColdRun {
  /** Every commit of the run at or below it is here, and none above. */
  readonly through: Version;
  /** Incarnations of spaces that the run registered, dropped or wrote to, in order of creation. */
  readonly spaces: readonly ColdSpace[];
  readonly timeline: ColdTimeline;
  readonly merges: readonly MergeRecord[];
}

/** One incarnation of a space. Named by `name` and `createdAt` together. */
export interface ColdSpace {
  readonly name: string;
  /** As `SpaceTables.createdAt`. */
  readonly createdAt: Version;
  /** `Infinity` while it is there. */
  readonly droppedAt: Version;
  /** Whether the run inherited it from the one it was forked from, rather than registering it itself. */
  readonly inherited: boolean;
  /** Of the tables that have entries of their own. */
  table(primitive: TablePrimitive): ColdTable | undefined;
  /** `undefined` without events of its own. */
  events(): ColdEvents | undefined;
}

/** Entries of one table: all versions of each key, dead ones included. */
export interface ColdTable {
  /** Of the first and the last entry. */
  readonly firstVersion: Version;
  readonly lastVersion: Version;
  /** The highest version at which a key lost its value; 0 when none did. */
  readonly lastDeath: Version;
  /** Whether an entry is a box without a value. */
  readonly hasDeadBoxes: boolean;
  /** Whether a key has a surrogate, so that code point order is not that of `<`. */
  readonly hasSurrogates: boolean;
  /** Live keys of the newest state, inherited ones included; -1 when nobody had counted. */
  readonly live: number;
  /** Keys with an entry; one that lies in several files may count several times. */
  readonly keys: number;
  /** Keys that retention dropped altogether were seen within these: what is not found as of a version in one of them is not known. */
  readonly lost: readonly LostInterval[];

  /**
   * The newest entry of `key` at or below `asOf`, a tombstone's too.
   *
   * @returns whether there is one; if not, nothing was written to `out`.
   * @throws StateError `HISTORY_TRIMMED` when that entry was dropped by retention
   */
  find(key: string, asOf: Version, out: Found): boolean;

  /** Entries of `key` below `before`, newest first, dropped ones left out, until `visit` returns false. @returns false when `visit` stopped it. */
  visitBefore(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): boolean;

  /** The keys that have an entry, in the range and its direction. */
  cursor(range: KeyRange): ColdCursor;
}

/** Versions in [from, to). */
export interface LostInterval {
  readonly from: Version;
  readonly to: Version;
}

/** A walk over keys in code point order, or against it. Nothing that happens meanwhile disturbs it. */
export interface ColdCursor {
  /** The next key; `undefined` at the end. */
  next(): string | undefined;
  /** `ColdTable.find` for the key given last, without looking for it again. */
  findAt(asOf: Version, out: Found): boolean;
}

/** Events of one table, by row: row i is the i-th event that the table has of its own. */
export interface ColdEvents {
  readonly length: number;
  /** Of the first event and of the last. */
  readonly firstVersion: Version;
  readonly lastVersion: Version;
  /** The last row with a version at or below `asOf`; -1 without one. */
  lastAtOrBefore(asOf: Version): number;
  versionOf(row: number): Version;
  typeOf(row: number): string;
  /** Never mutate it. */
  record(row: number): Uint8Array;
  /** Every type there is an event of. */
  types(): readonly string[];
  /** The rows of events of `type`, ascending; none for a type that is not here. */
  rowsOf(type: string): ArrayLike<number>;
}

/** The commits of one run, by row: row i is the i-th commit above `floor`. */
export interface ColdTimeline {
  readonly length: number;
  /** Every commit above it, and at or below the run's `through`, is here. */
  readonly floor: Version;
  /** The last row with a version at or below `version`; -1 without one. */
  lastAtOrBefore(version: Version): number;
  /** The last row with a timestamp at or before `time`; -1 without one. */
  lastAtTime(time: number): number;
  versionOf(row: number): Version;
  timestampOf(row: number): number;
  bytesOf(row: number): number;
  messageOf(row: number): string | undefined;
  /** How many writes it made. */
  operationsOf(row: number): number;
  /** Its writes in order, until `visit` returns false. @returns false when `visit` stopped it. */
  visitWrites(row: number, visit: (write: ColdWrite) => boolean): boolean;
  /**
   * Microseconds of a commit at or below `floor` of which some entry is left; 0 when it is not known.
   */
  timestampBelowFloor(version: Version): number;
}

/** What a commit wrote to. */
export interface ColdWrite {
  /** Index into `ColdRun.spaces`. */
  readonly space: number;
  readonly primitive: TablePrimitive | "event";
  /** Empty for an event. */
  readonly key: string;
}
