/**
 * The commits of one run, in order, with what each of them wrote.
 */
import { assert, type Version } from "@strata/core";
import type { EventTable } from "./event-table.js";
import { NumberRows } from "./number-rows.js";
import type { SpaceTables } from "./space-tables.js";
import type { VersionChain } from "./version-chain.js";

/** What a commit wrote to: a key, or a log of events. */
export type WriteTarget = VersionChain | EventTable;

/** Writes are kept in blocks of this many, so that no long array is ever copied. */
const WRITES_PER_BLOCK = 4096;

const NO_SPACES: readonly SpaceTables[] = [];

/** Columns of `#commits`. */
const VERSION = 0;
const TIMESTAMP = 1;
const BYTES = 2;
/** Number of writes of all commits before this one. */
const WRITES_BEFORE = 3;

export interface TimelineCommit {
  readonly version: Version;
  /** The commit before this one in this run; the timeline's floor before the first. */
  readonly previous: Version;
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly message: string | undefined;
  /** What it took in the log; 0 where there is no log. */
  readonly bytes: number;
  /** How many writes it made. */
  readonly operations: number;
}

export interface CommitRange {
  /** Exclusive; the last commit of the page before. In scan direction: with `reverse`, commits below it. */
  readonly after?: Version | undefined;
  readonly limit?: number | undefined;
  readonly reverse?: boolean | undefined;
}

/**
 * One row of numbers a commit and one reference a write. Who wants to know what changed since a version reads it here
 * instead of comparing tables: validation of ranges, diffs, feeds and search indexes.
 *
 * 1. Versions ascend strictly, timestamps never descend.
 * 2. Every commit above `floor` is here; none at or below it can be asked for.
 */
export class Timeline {
  #floor: Version;
  readonly #commits = new NumberRows(4);
  /** Of the commits that have one. Like `#drops` made when the first comes: an empty map is as large as a run. */
  #messages: Map<Version, string> | undefined = undefined;
  #writes: WriteTarget[][] = [];
  #writeCount = 0;
  #droppedWriteBlocks = 0;
  /** Spaces that were dropped, by the commit that did it. */
  #drops: Map<Version, SpaceTables[]> | undefined = undefined;

  /** @param floor the version below which other timelines answer: that of the fork, 0 for a run without parent. */
  constructor(floor: Version = 0) {
    this.#floor = floor;
  }

  /** Number of commits that are here. */
  get length(): number {
    return this.#commits.length - this.#firstRow;
  }

  /** Commits above this version are here. */
  get floor(): Version {
    return this.#floor;
  }

  /**
   * Begins a commit; its writes follow.
   *
   * @param bytes what it took in the log.
   */
  append(version: Version, timestamp: number, message: string | undefined, bytes: number): void {
    const commits = this.#commits;
    const last = commits.length - 1;
    assert(version > this.#floor, "a commit lies above the floor of its timeline");
    if (last >= commits.start) {
      assert(version > commits.at(last, VERSION), "commit versions rise");
      assert(timestamp >= commits.at(last, TIMESTAMP), "timestamps never go back");
    }
    commits.push4(version, timestamp, bytes, this.#writeCount);
    if (message === undefined) return;
    this.#messages ??= new Map();
    this.#messages.set(version, message);
  }

  /** Adds a write to the commit appended last. An event log counts once for each event. */
  write(target: WriteTarget): void {
    const slot = this.#writeCount % WRITES_PER_BLOCK;
    if (slot === 0) this.#writes.push([target]);
    else this.#writes.at(-1)!.push(target);
    this.#writeCount++;
  }

  /** Notes that commit `version` ended a space with all it held. That is no write: it is counted and visited nowhere but here. */
  spaceDropped(space: SpaceTables, version: Version): void {
    this.#drops ??= new Map();
    const drops = this.#drops.get(version);
    if (drops === undefined) this.#drops.set(version, [space]);
    else drops.push(space);
  }

  /** The spaces that the commit with exactly this version ended. They hold what they held, to be read below that version. */
  spacesDroppedBy(version: Version): readonly SpaceTables[] {
    return this.#drops?.get(version) ?? NO_SPACES;
  }

  /** Microseconds of the commit with exactly this version; 0 when it is not here. */
  timestampOf(version: Version): number {
    const row = this.#rowOf(version);
    return row < 0 ? 0 : this.#commits.at(row, TIMESTAMP);
  }

  /** What the commit with exactly this version took in the log; 0 when it is not here. */
  bytesOf(version: Version): number {
    const row = this.#rowOf(version);
    return row < 0 ? 0 : this.#commits.at(row, BYTES);
  }

  messageOf(version: Version): string | undefined {
    return this.#messages?.get(version);
  }

  /** The last commit at or before `time`, in microseconds since the epoch. */
  versionAtTime(time: number): Version | undefined {
    return this.#versionAt(this.#commits.lastAtOrBefore(time, TIMESTAMP));
  }

  /** The last commit at or below `version`. */
  lastAtOrBefore(version: Version): Version | undefined {
    return this.#versionAt(this.#commits.lastAtOrBefore(version));
  }

  /** The first commit above `version`. */
  nextAfter(version: Version): Version | undefined {
    return this.#versionAt(this.#rowAfter(version));
  }

  /**
   * The first commit above `version` that ended a space or made a write that is `wanted`.
   *
   * @param version at least `floor`.
   */
  findAfter(version: Version, wanted: (target: WriteTarget) => boolean): Version | undefined {
    assert(version >= this.#floor, "changes below a timeline's floor are not here");
    const unwanted = (target: WriteTarget) => !wanted(target);
    for (let row = this.#rowAfter(version); row < this.#commits.length; row++) {
      const found = this.#commits.at(row, VERSION);
      if (this.#drops?.has(found) || !this.#visitWrites(row, unwanted)) return found;
    }
    return undefined;
  }

  /**
   * Every write of every commit above `version`, in order, until `visit` returns false. A key written by several
   * commits comes several times.
   *
   * @param version at least `floor`.
   */
  changedSince(version: Version, visit: (target: WriteTarget, version: Version) => boolean): void {
    assert(version >= this.#floor, "changes below a timeline's floor are not here");
    for (let row = this.#rowAfter(version); row < this.#commits.length; row++) {
      if (!this.#visitWrites(row, visit)) return;
    }
  }

  /** Number of writes above `version`, for choosing between `changedSince` and something else. */
  writesSince(version: Version): number {
    const row = this.#rowAfter(version);
    return row >= this.#commits.length ? 0 : this.#writeCount - this.#commits.at(row, WRITES_BEFORE);
  }

  /** The writes of the commit with exactly this version, in order; none when it is not here. */
  writesOf(version: Version): WriteTarget[] {
    const targets: WriteTarget[] = [];
    const row = this.#rowOf(version);
    if (row >= 0) {
      this.#visitWrites(row, (target) => {
        targets.push(target);
        return true;
      });
    }
    return targets;
  }

  /** Commits in order, with `reverse` the newest first. Those appended while it is read are among them. */
  *commits(range: CommitRange = {}): Generator<TimelineCommit, void, undefined> {
    const { after, limit = Number.POSITIVE_INFINITY, reverse = false } = range;
    let left = limit;
    if (reverse) {
      let row = after === undefined ? this.#commits.length - 1 : this.#rowAfter(after - 1) - 1;
      for (; row >= this.#firstRow && left > 0; row--, left--) yield this.#commitAt(row);
    } else {
      let row = after === undefined ? this.#firstRow : this.#rowAfter(after);
      for (; row < this.#commits.length && left > 0; row++, left--) yield this.#commitAt(row);
    }
  }

  /** Forgets the commits at or below `version`, which becomes the floor unless it is higher already. */
  trimThrough(version: Version): void {
    if (version <= this.#floor) return;
    forgetThrough(this.#messages, version);
    forgetThrough(this.#drops, version);
    this.#floor = version;
    const row = this.#rowAfter(version);
    const writesBefore = row < this.#commits.length ? this.#commits.at(row, WRITES_BEFORE) : this.#writeCount;
    this.#commits.dropBefore(row);
    const blocks = Math.floor(writesBefore / WRITES_PER_BLOCK);
    this.#writes.splice(0, blocks - this.#droppedWriteBlocks);
    this.#droppedWriteBlocks = blocks;
  }

  /** Row of the first commit above the floor. */
  get #firstRow(): number {
    return this.#commits.length === 0 ? 0 : this.#rowAfter(this.#floor);
  }

  #rowAfter(version: Version): number {
    return this.#commits.lastAtOrBefore(Math.max(version, this.#floor)) + 1;
  }

  /** -1 when there is no commit of exactly this version. */
  #rowOf(version: Version): number {
    const row = this.#commits.lastAtOrBefore(version);
    if (row < this.#commits.start || version <= this.#floor) return -1;
    return this.#commits.at(row, VERSION) === version ? row : -1;
  }

  #versionAt(row: number): Version | undefined {
    if (row < this.#commits.start || row >= this.#commits.length) return undefined;
    const version = this.#commits.at(row, VERSION);
    return version > this.#floor ? version : undefined;
  }

  #endOfWrites(row: number): number {
    return row + 1 < this.#commits.length ? this.#commits.at(row + 1, WRITES_BEFORE) : this.#writeCount;
  }

  #visitWrites(row: number, visit: (target: WriteTarget, version: Version) => boolean): boolean {
    const version = this.#commits.at(row, VERSION);
    const end = this.#endOfWrites(row);
    for (let write = this.#commits.at(row, WRITES_BEFORE); write < end; write++) {
      const block = this.#writes[Math.floor(write / WRITES_PER_BLOCK) - this.#droppedWriteBlocks]!;
      if (!visit(block[write % WRITES_PER_BLOCK]!, version)) return false;
    }
    return true;
  }

  #commitAt(row: number): TimelineCommit {
    const version = this.#commits.at(row, VERSION);
    return {
      version,
      previous: row > this.#firstRow ? this.#commits.at(row - 1, VERSION) : this.#floor,
      timestamp: this.#commits.at(row, TIMESTAMP),
      message: this.#messages?.get(version),
      bytes: this.#commits.at(row, BYTES),
      operations: this.#endOfWrites(row) - this.#commits.at(row, WRITES_BEFORE),
    };
  }
}

/** Entries were added in order of their versions. */
function forgetThrough(entries: Map<Version, unknown> | undefined, version: Version): void {
  if (entries === undefined) return;
  for (const entry of entries.keys()) {
    if (entry > version) return;
    entries.delete(entry);
  }
}
