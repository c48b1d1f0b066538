/**
 * The part of a timeline that is in memory.
 */
import type { Version } from "@strata/core";
import type { EventTable } from "./event-table.js";
import { NumberRows } from "./number-rows.js";
import { VersionChain } from "./version-chain.js";

/** What a commit wrote to: a key, or a log of events. */
export type WriteTarget = VersionChain | EventTable;

/** Writes are kept in blocks of this many, so that no long array is ever copied. */
const WRITES_PER_BLOCK = 4096;

/** Columns of `#commits`. */
const VERSION = 0;
const TIMESTAMP = 1;
/** `FORGOTTEN` in a row that stands for one or more commits, of which it has the version and the time of the first. */
const BYTES = 2;
/** Number of writes of all commits before this one. */
const WRITES_BEFORE = 3;

const FORGOTTEN = -1;

/** What a thinning is to leave: told a commit's version, that of the next one, and whether a write of it can still be read. */
export type Stays = (version: Version, next: Version, isLeft: boolean) => boolean;

/**
 * Commits by row, counted from the first that is here, with their writes. Versions ascend strictly, timestamps never descend, and
 * `FORGOTTEN` rows never meet.
 */
export class TimelineRows {
  #commits = new NumberRows(4);
  /** Rows of `#commits` in front of it were dropped. */
  #start = 0;
  #writes: (WriteTarget | undefined)[][] = [];
  #writeCount = 0;
  #droppedWriteBlocks = 0;

  get length(): number {
    return this.#commits.length - this.#start;
  }

  push(version: Version, timestamp: number, bytes: number): void {
    this.#commits.push4(version, timestamp, bytes, this.#writeCount);
  }

  /** Adds a write to the last commit. */
  write(target: WriteTarget): void {
    const slot = this.#writeCount % WRITES_PER_BLOCK;
    if (slot === 0) this.#writes.push([target]);
    else this.#writes.at(-1)!.push(target);
    this.#writeCount++;
  }

  /** The last row with a version at or below `version`; -1 without one. */
  lastAtOrBefore(version: Version): number {
    return Math.max(this.#commits.lastAtOrBefore(version) - this.#start, -1);
  }

  /** The last row with a timestamp at or before `time`; -1 without one. */
  lastAtTime(time: number): number {
    return Math.max(this.#commits.lastAtOrBefore(time, TIMESTAMP) - this.#start, -1);
  }

  versionOf(row: number): Version {
    return this.#commits.at(this.#start + row, VERSION);
  }

  timestampOf(row: number): number {
    return this.#commits.at(this.#start + row, TIMESTAMP);
  }

  bytesOf(row: number): number {
    return this.#commits.at(this.#start + row, BYTES);
  }

  /** Whether the row stands for commits that were forgotten. */
  isForgotten(row: number): boolean {
    return this.bytesOf(row) === FORGOTTEN;
  }

  operationsOf(row: number): number {
    return this.#writesBefore(row + 1) - this.#writesBefore(row);
  }

  /** Number of writes in `row` and behind it; `row` may be the end. */
  writesFrom(row: number): number {
    return this.#writeCount - this.#writesBefore(row);
  }

  /** The writes of a commit in order, until `visit` returns false. @returns false when `visit` stopped it. */
  visitWrites(row: number, visit: (target: WriteTarget, version: Version) => boolean): boolean {
    const version = this.versionOf(row);
    const end = this.#writesBefore(row + 1);
    for (let write = this.#writesBefore(row); write < end; write++) {
      if (!visit(this.#writeAt(write)!, version)) return false;
    }
    return true;
  }

  /** Lets go of commits at or below `version`. */
  dropThrough(version: Version): void {
    const first = this.#commits.lastAtOrBefore(version) + 1;
    if (first <= this.#start) return;
    if (first >= this.#commits.length) {
      this.#clear();
      return;
    }
    this.#start = first;
    this.#commits.dropBefore(first);
    const writesBefore = this.#writesBefore(0);
    const blocks = Math.floor(writesBefore / WRITES_PER_BLOCK);
    this.#writes.splice(0, blocks - this.#droppedWriteBlocks);
    this.#droppedWriteBlocks = blocks;
    // What they refer to may leave memory.
    this.#writes[0]?.fill(undefined, 0, writesBefore % WRITES_PER_BLOCK);
  }

  /**
   * Forgets commits at or below `through` that do not stay: those at or below the floor, which is raised above others where these are at
   * least half of what it passes.
   *
   * @returns the floor.
   */
  thin(floor: Version, through: Version, stays: Stays): Version {
    const goes = new Uint8Array(this.length);
    let raised = floor;
    let passed = 0;
    let gone = 0;
    for (let row = 0; row < this.length && this.versionOf(row) <= through; row++) {
      const version = this.versionOf(row);
      if (version > floor) passed++;
      const next = row + 1 < this.length ? this.versionOf(row + 1) : Number.POSITIVE_INFINITY;
      if (!this.isForgotten(row) && stays(version, next, this.#isLeft(row))) continue;
      goes[row] = 1;
      if (version > floor && 2 * ++gone >= passed) raised = version;
    }
    this.#rebuild(raised, goes);
    return raised;
  }

  /** Whether a write of the commit can still be read. */
  #isLeft(row: number): boolean {
    return !this.visitWrites(row, (target, version) => target instanceof VersionChain && !target.has(version));
  }

  /** Writes everything anew, up to `floor` without the rows that go. */
  #rebuild(floor: Version, goes: Uint8Array): void {
    const old = this.#commits;
    const start = this.#start;
    const targets: (WriteTarget | undefined)[] = [];
    const commits = new NumberRows(4);
    for (let row = 0; row < goes.length; row++) {
      const version = old.at(start + row, VERSION);
      const timestamp = old.at(start + row, TIMESTAMP);
      if (goes[row] === 1 && version <= floor) {
        const last = commits.length - 1;
        if (last < 0 || commits.at(last, BYTES) !== FORGOTTEN)
          commits.push4(version, timestamp, FORGOTTEN, targets.length);
        continue;
      }
      commits.push4(version, timestamp, old.at(start + row, BYTES), targets.length);
      const end = this.#writesBefore(row + 1);
      for (let write = this.#writesBefore(row); write < end; write++) targets.push(this.#writeAt(write));
    }
    this.#clear();
    this.#commits = commits;
    for (const target of targets) this.write(target as WriteTarget);
  }

  #clear(): void {
    this.#commits = new NumberRows(4);
    this.#start = 0;
    this.#writes = [];
    this.#writeCount = 0;
    this.#droppedWriteBlocks = 0;
  }

  #writesBefore(row: number): number {
    return row < this.length ? this.#commits.at(this.#start + row, WRITES_BEFORE) : this.#writeCount;
  }

  #writeAt(write: number): WriteTarget | undefined {
    return this.#writes[Math.floor(write / WRITES_PER_BLOCK) - this.#droppedWriteBlocks]![write % WRITES_PER_BLOCK];
  }
}
