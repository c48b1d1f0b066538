/**
 * The commits of one run, in order, with what each of them wrote.
 */
import { assert, type Version } from "@strata/core";
import type { ColdTimeline, ColdWrite } from "./cold.js";
import type { SpaceTables } from "./space-tables.js";
import { type Stays, TimelineRows, type WriteTarget } from "./timeline-rows.js";

export type { WriteTarget };

const NO_SPACES: readonly SpaceTables[] = [];

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
 * Commits are counted in rows: first those in files, `#coldRows` of them, then those that only memory has.
 *
 * 1. Versions ascend strictly, timestamps never descend.
 * 2. Every commit above `floor` is here. Of those at or below it, some are still known by version and time: see `thin`.
 * 3. Commits above `tailFloor` are in memory; those between the floor and it are in files.
 * 4. In memory, a commit at or below the floor has its row, or is one of those that a forgotten row stands for.
 */
export class Timeline {
  #floor: Version;
  #tailFloor: Version;
  #cold: ColdRows | undefined = undefined;
  #coldRows = 0;
  /** Row of the first commit above the floor. */
  #firstRow = 0;
  /** Differs whenever a row may be the row of another commit. */
  #changes = 0;
  readonly #rows = new TimelineRows();
  /** Of the commits in memory that have one. Like `#drops` made when the first comes: an empty map is as large as a run. */
  #messages: Map<Version, string> | undefined = undefined;
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

  /** Rows in memory. */
  get tailLength(): number {
    return this.#rows.length;
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
    const rows = this.#rows;
    const last = rows.length - 1;
    assert(version > this.#tailFloor, "a commit lies above the floor of its timeline");
    if (last >= 0) {
      assert(version > rows.versionOf(last), "commit versions rise");
      assert(timestamp >= rows.timestampOf(last), "timestamps never go back");
    }
    rows.push(version, timestamp, bytes);
    if (message === undefined) return;
    this.#messages ??= new Map();
    this.#messages.set(version, message);
  }

  /** Adds a write to the commit appended last. An event log counts once for each event. */
  write(target: WriteTarget): void {
    this.#rows.write(target);
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
    const row = this.#lastRow(version);
    if (row >= 0 && this.#versionAt(row) === version && !this.#isForgotten(row)) return this.#timestampAt(row);
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

  /** The last commit at or before `time`, in microseconds since the epoch; also one below the floor, while it is known which that is. */
  versionAtTime(time: number): Version | undefined {
    return this.#versionOrNone(this.#lastAtTime(time));
  }

  /** The last commit at or below `version`; also one below the floor, while it is known which that is. */
  lastAtOrBefore(version: Version): Version | undefined {
    const last = this.#versionOrNone(this.#lastRow(version));
    return last === undefined && this.timestampOf(version) > 0 ? version : last;
  }

  /** As `versionAtTime`, or where that is not known an earlier commit; 0 when there is none. */
  horizonAt(time: number): Version {
    const row = this.#lastAtTime(time);
    return row < 0 ? 0 : this.#versionAt(row);
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
    return writes + this.#rows.writesFrom(row - this.#coldRows);
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
    this.#dropTail(version);
    this.#raiseFloor(version);
  }

  /**
   * Forgets commits in memory of which nothing is left, and raises the floor above them where they are at least half of what is passed.
   * The others that are passed are known by version and time until they go as well.
   *
   * @param through the floor is not raised above it.
   * @param stays of a commit: whether it is to be known, told the version of the next one, and whether a write of it can still be read.
   */
  thin(through: Version, stays: Stays): void {
    const floor = this.#rows.thin(this.#floor, through, stays);
    this.#changes++;
    this.#tailFloor = Math.max(this.#tailFloor, floor);
    forgetThrough(this.#messages, floor);
    this.#raiseFloor(floor);
  }

  /**
   * Takes over what lies in files: every commit up to `through`, in place of what memory has of them.
   *
   * @param resolve what a write in files was made to.
   */
  attachCold(timeline: ColdTimeline, through: Version, resolve: (write: ColdWrite) => WriteTarget): void {
    this.#cold = { timeline, resolve };
    this.#coldRows = timeline.length;
    this.#dropTail(through);
    this.#raiseFloor(Math.max(this.#floor, timeline.floor));
  }

  #raiseFloor(floor: Version): void {
    forgetThrough(this.#drops, floor);
    this.#floor = floor;
    this.#firstRow = this.#lastRow(floor) + 1;
  }

  /** Lets go of what memory has of commits at or below `version`. */
  #dropTail(version: Version): void {
    this.#changes++;
    this.#tailFloor = Math.max(this.#tailFloor, version);
    forgetThrough(this.#messages, version);
    this.#rows.dropThrough(version);
  }

  /** The row behind the last commit. */
  get #end(): number {
    return this.#coldRows + this.#rows.length;
  }

  /** The last row with a version at or below `version`; -1 without one. */
  #lastRow(version: Version): number {
    const own = this.#rows.lastAtOrBefore(version);
    if (own >= 0) return this.#coldRows + own;
    return this.#cold === undefined ? -1 : this.#cold.timeline.lastAtOrBefore(version);
  }

  #lastAtTime(time: number): number {
    const own = this.#rows.lastAtTime(time);
    if (own >= 0) return this.#coldRows + own;
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
    if (row < 0 || row >= this.#end || this.#isForgotten(row)) return undefined;
    return this.#versionAt(row);
  }

  /** Whether the row's commit, or one between it and the next row, is no longer known. */
  #isForgotten(row: number): boolean {
    // Of what files have nothing was forgotten since they were written.
    if (row < this.#coldRows) return false;
    return this.#rows.isForgotten(row - this.#coldRows);
  }

  #versionAt(row: number): Version {
    if (row < this.#coldRows) return this.#cold!.timeline.versionOf(row);
    return this.#rows.versionOf(row - this.#coldRows);
  }

  #timestampAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.timestampOf(row);
    return this.#rows.timestampOf(row - this.#coldRows);
  }

  #bytesAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.bytesOf(row);
    return this.#rows.bytesOf(row - this.#coldRows);
  }

  #messageAt(row: number, version: Version): string | undefined {
    return row < this.#coldRows ? this.#cold!.timeline.messageOf(row) : this.#messages?.get(version);
  }

  #operationsAt(row: number): number {
    if (row < this.#coldRows) return this.#cold!.timeline.operationsOf(row);
    return this.#rows.operationsOf(row - this.#coldRows);
  }

  #visitWrites(row: number, visit: (target: WriteTarget, version: Version) => boolean): boolean {
    if (row >= this.#coldRows) return this.#rows.visitWrites(row - this.#coldRows, visit);
    const { timeline, resolve } = this.#cold!;
    const version = timeline.versionOf(row);
    return timeline.visitWrites(row, (write) => visit(resolve(write), version));
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
