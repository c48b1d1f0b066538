/**
 * The commits of one run, in order, with what each of them wrote.
 */
import { assert, type Version } from "@strata/core";
import type { ColdTimeline, ColdWrite } from "./cold.js";
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

/** What lies in files of a timeline. */
interface ColdRows {
  readonly timeline: ColdTimeline;
  /** What a write in files was made to. */
  readonly resolve: (write: ColdWrite) => WriteTarget;
}

/**
 * One row of numbers a commit and one reference a write. Who wants to know what changed since a version reads it here
 * instead of comparing tables: validation of ranges, diffs, feeds and search indexes.
 *
 * Commits are counted in rows: first those in files, `#coldRows` of them, then those that only memory has, from row `#tailRow` of
 * `#commits` on.
 *
 * 1. Versions ascend strictly, timestamps never descend.
 * 2. Every commit above `floor` is here; none at or below it can be asked for.
 * 3. Commits above `tailFloor` are in memory; those between the floor and it are in files.
 */
export class Timeline {
  #floor: Version;
  #tailFloor: Version;
  #cold: ColdRows | undefined = undefined;
  #coldRows = 0;
  /** Row of the first commit above the floor. */
  #firstRow = 0;
  #tailRow = 0;
  /** Differs whenever a row may be the row of another commit. */
  #changes = 0;
  #commits = new NumberRows(4);
  /** Of the commits in memory that have one. Like `#drops` made when the first comes: an empty map is as large as a run. */
  #messages: Map<Version, string> | undefined = undefined;
  #writes: (WriteTarget | undefined)[][] = [];
  #writeCount = 0;
  #droppedWriteBlocks = 0;
  /** Spaces that were dropped, by the commit that did it. */
  #drops: Map<Version, SpaceTables[]> | undefined = undefined;

  /** @param floor the version below which other timelines answer: that of the fork, 0 for a run without parent. */
  constructor(floor: Version = 0) {
    this.#floor = floor;
    this.#tailFloor = floor;
  }

  /** Number of commits that are here. */
  get length(): number {
    return this.#end - this.#firstRow;
  }

  /** Commits above this version are here. */
  get floor(): Version {
    return this.#floor;
  }

  /** Commits above this version are in memory. */
  get tailFloor(): Version {
    return this.#tailFloor;
  }

  /**
   * Begins a commit; its writes follow.
   *
   * @param bytes what it took in the log.
   */
  append(version: Version, timestamp: number, message: string | undefined, bytes: number): void {
    const commits = this.#commits;
    const last = commits.length - 1;
    assert(version > this.#tailFloor, "a commit lies above the floor of its timeline");
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

  /** Microseconds of the commit with exactly this version, also of one below the floor that left something; 0 when it is not known. */
  timestampOf(version: Version): number {
    const row = this.#rowOf(version);
    if (row >= 0) return this.#timestampAt(row);
    return version <= this.#floor ? (this.#cold?.timeline.timestampBelowFloor(version) ?? 0) : 0;
  }

  /** What the commit with exactly this version took in the log; 0 when it is not here. */
  bytesOf(version: Version): number {
    const row = this.#rowOf(version);
    return row < 0 ? 0 : this.#bytesAt(row);
  }

  messageOf(version: Version): string | undefined {
    const row = this.#rowOf(version);
    return row < 0 ? undefined : this.#messageAt(row, version);
  }

  /** The last commit at or before `time`, in microseconds since the epoch. */
  versionAtTime(time: number): Version | undefined {
    return this.#versionOrNone(this.#lastAtTime(time));
  }

  /** The last commit at or below `version`. */
  lastAtOrBefore(version: Version): Version | undefined {
    return this.#versionOrNone(this.#lastRow(version));
  }

  /** The first commit above `version`. */
  nextAfter(version: Version): Version | undefined {
    return this.#versionOrNone(this.#rowAfter(version));
  }

  /**
   * The first commit above `version` that ended a space or made a write that is `wanted`.
   *
   * @param version at least `floor`.
   */
  findAfter(version: Version, wanted: (target: WriteTarget) => boolean): Version | undefined {
    assert(version >= this.#floor, "changes below a timeline's floor are not here");
    const unwanted = (target: WriteTarget) => !wanted(target);
    for (let row = this.#rowAfter(version); row < this.#end; row++) {
      const found = this.#versionAt(row);
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
    for (let row = this.#rowAfter(version); row < this.#end; row++) {
      if (!this.#visitWrites(row, visit)) return;
    }
  }

  /** Number of writes above `version`, for choosing between `changedSince` and something else. */
  writesSince(version: Version): number {
    let row = this.#rowAfter(version);
    let writes = 0;
    for (; row < this.#coldRows; row++) writes += this.#operationsAt(row);
    const own = this.#tailRow + row - this.#coldRows;
    return own >= this.#commits.length ? writes : writes + this.#writeCount - this.#commits.at(own, WRITES_BEFORE);
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
    let last = after;
    let changes = -1;
    let row = 0;
    for (let left = limit; left > 0; left--) {
      if (changes === this.#changes) row += reverse ? -1 : 1;
      else row = this.#rowBeyond(last, reverse);
      changes = this.#changes;
      if (row < this.#firstRow || row >= this.#end) return;
      const commit = this.#commitAt(row);
      last = commit.version;
      yield commit;
    }
  }

  /** Forgets the commits at or below `version`, which becomes the floor unless it is higher already. */
  trimThrough(version: Version): void {
    if (version <= this.#floor) return;
    this.#raiseFloor(version);
    this.#dropTail(version);
  }

  /**
   * Takes over what lies in files: every commit up to `through`, in place of what memory has of them.
   *
   * @param resolve what a write in files was made to.
   */
  attachCold(timeline: ColdTimeline, through: Version, resolve: (write: ColdWrite) => WriteTarget): void {
    this.#cold = { timeline, resolve };
    this.#coldRows = timeline.length;
    this.#raiseFloor(Math.max(this.#floor, timeline.floor));
    this.#dropTail(through);
  }

  #raiseFloor(floor: Version): void {
    forgetThrough(this.#drops, floor);
    this.#floor = floor;
    this.#firstRow = this.#cold === undefined ? 0 : this.#cold.timeline.lastAtOrBefore(floor) + 1;
  }

  /** Lets go of what memory has of commits at or below `version`. */
  #dropTail(version: Version): void {
    this.#changes++;
    if (version <= this.#tailFloor) return;
    this.#tailFloor = version;
    forgetThrough(this.#messages, version);
    const row = this.#commits.lastAtOrBefore(version) + 1;
    if (row >= this.#commits.length) {
      this.#commits = new NumberRows(4);
      this.#writes = [];
      this.#writeCount = 0;
      this.#droppedWriteBlocks = 0;
      this.#tailRow = 0;
      return;
    }
    this.#tailRow = row;
    this.#commits.dropBefore(row);
    const writesBefore = this.#commits.at(row, WRITES_BEFORE);
    const blocks = Math.floor(writesBefore / WRITES_PER_BLOCK);
    this.#writes.splice(0, blocks - this.#droppedWriteBlocks);
    this.#droppedWriteBlocks = blocks;
    // What they refer to may leave memory.
    this.#writes[0]?.fill(undefined, 0, writesBefore % WRITES_PER_BLOCK);
  }

  /** The row behind the last commit. */
  get #end(): number {
    return this.#coldRows + this.#commits.length - this.#tailRow;
  }

  /** The last row with a version at or below `version`; -1 without one. */
  #lastRow(version: Version): number {
    const own = this.#commits.lastAtOrBefore(version);
    if (own >= this.#tailRow) return this.#coldRows + own - this.#tailRow;
    return this.#cold === undefined ? -1 : this.#cold.timeline.lastAtOrBefore(version);
  }

  #lastAtTime(time: number): number {
    const own = this.#commits.lastAtOrBefore(time, TIMESTAMP);
    if (own >= this.#tailRow) return this.#coldRows + own - this.#tailRow;
    return this.#cold === undefined ? -1 : this.#cold.timeline.lastAtTime(time);
  }

  #rowAfter(version: Version): number {
    return this.#lastRow(Math.max(version, this.#floor)) + 1;
  }

  /** The next row in the direction of a walk that was at commit `version`, or begins. */
  #rowBeyond(version: Version | undefined, reverse: boolean): number {
    if (reverse) return version === undefined ? this.#end - 1 : this.#rowAfter(version - 1) - 1;
    return version === undefined ? this.#firstRow : this.#rowAfter(version);
  }

  /** -1 when there is no commit of exactly this version. */
  #rowOf(version: Version): number {
    if (version <= this.#floor) return -1;
    const row = this.#lastRow(version);
    return row >= 0 && this.#versionAt(row) === version ? row : -1;
  }

  #versionOrNone(row: number): Version | undefined {
    if (row < 0 || row >= this.#end) return undefined;
    const version = this.#versionAt(row);
    return version > this.#floor ? version : undefined;
  }

  #versionAt(row: number): Version {
    if (row < this.#coldRows) return this.#cold!.timeline.versionOf(row);
    return this.#commits.at(this.#tailRow + row - this.#coldRows, VERSION);
  }

  #timestampAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.timestampOf(row);
    return this.#commits.at(this.#tailRow + row - this.#coldRows, TIMESTAMP);
  }

  #bytesAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.bytesOf(row);
    return this.#commits.at(this.#tailRow + row - this.#coldRows, BYTES);
  }

  #messageAt(row: number, version: Version): string | undefined {
    return row < this.#coldRows ? this.#cold!.timeline.messageOf(row) : this.#messages?.get(version);
  }

  #operationsAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.operationsOf(row);
    const own = this.#tailRow + row - this.#coldRows;
    return this.#endOfWrites(own) - this.#commits.at(own, WRITES_BEFORE);
  }

  /** @param own a row of `#commits`. */
  #endOfWrites(own: number): number {
    return own + 1 < this.#commits.length ? this.#commits.at(own + 1, WRITES_BEFORE) : this.#writeCount;
  }

  #visitWrites(row: number, visit: (target: WriteTarget, version: Version) => boolean): boolean {
    const version = this.#versionAt(row);
    if (row < this.#coldRows) {
      const { timeline, resolve } = this.#cold!;
      return timeline.visitWrites(row, (write) => visit(resolve(write), version));
    }
    const own = this.#tailRow + row - this.#coldRows;
    const end = this.#endOfWrites(own);
    for (let write = this.#commits.at(own, WRITES_BEFORE); write < end; write++) {
      const block = this.#writes[Math.floor(write / WRITES_PER_BLOCK) - this.#droppedWriteBlocks]!;
      if (!visit(block[write % WRITES_PER_BLOCK]!, version)) return false;
    }
    return true;
  }

  #commitAt(row: number): TimelineCommit {
    const version = this.#versionAt(row);
    return {
      version,
      previous: row > this.#firstRow ? this.#versionAt(row - 1) : this.#floor,
      timestamp: this.#timestampAt(row),
      message: this.#messageAt(row, version),
      bytes: this.#bytesAt(row),
      operations: this.#operationsAt(row),
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
