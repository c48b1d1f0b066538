/**
 * What a run in memory has above a version and up to another, while the run is being written.
 */
import { hasSurrogates, type Version } from "@strata/core";
import type { EventTable } from "../event-table.js";
import type { RunShard } from "../shard.js";
import type { SpaceTables } from "../space-tables.js";
import type { Table } from "../table.js";
import type { Timeline, TimelineCommit, WriteTarget } from "../timeline.js";
import { VersionChain } from "../version-chain.js";
import type { WorkBudget } from "./work-budget.js";

/** Commits dealt with at a time. */
const PAGE = 64;

/** A commit with what it wrote to. */
export interface LiveCommit extends TimelineCommit {
  readonly targets: readonly WriteTarget[];
}

/** The commits of a run in (from, through], page by page, while it goes on and may forget some of them. */
export class LiveCommits {
  readonly #timeline: Timeline;
  readonly #through: Version;
  /** Commits up to it were given. */
  #at: Version;
  /** Commits above it are given, `from` if none was forgotten. It rises when some were: then those given so far are not to be used. */
  floor: Version;

  constructor(timeline: Timeline, from: Version, through: Version) {
    this.#timeline = timeline;
    this.#through = through;
    this.#at = from;
    this.floor = from;
  }

  /** The next commits; none at the end. To be dealt with even if others get a turn meanwhile. */
  next(): readonly LiveCommit[] {
    const timeline = this.#timeline;
    const tailFloor = Math.min(timeline.tailFloor, this.#through);
    if (tailFloor > this.#at) {
      this.floor = tailFloor;
      this.#at = tailFloor;
    }
    const page: LiveCommit[] = [];
    for (const commit of timeline.commits({ after: this.#at, limit: PAGE })) {
      if (commit.version > this.#through) break;
      page.push({ ...commit, targets: timeline.writesOf(commit.version) });
      this.#at = commit.version;
      // One with very many writes is a page of its own.
      if (commit.operations > PAGE) break;
    }
    return page;
  }
}

/** A table that was written to. */
export interface LiveTable {
  /** Some of them several times; a few may have nothing in the range. */
  readonly chains: readonly VersionChain[];
  /** Whether one of the keys has a surrogate. */
  readonly hasSurrogates: boolean;
}

export interface LiveDelta {
  /** Spaces that were registered, dropped or written to. */
  readonly spaces: ReadonlySet<SpaceTables>;
  readonly tables: ReadonlyMap<Table, LiveTable>;
  readonly logs: ReadonlySet<EventTable>;
  /** Commits above it were there. */
  readonly floor: Version;
  /** Of those, ascending. */
  readonly versions: readonly number[];
  readonly timestamps: readonly number[];
  /** How many writes each made. */
  readonly operations: readonly number[];
}

/**
 * Reads the commits in (from, through] and notes what they wrote to. Where retention has trimmed the timeline above `from`, looks at every
 * chain in memory instead.
 */
export function* collectDelta(
  shard: RunShard,
  from: Version,
  through: Version,
  budget: WorkBudget,
): Generator<void, LiveDelta, undefined> {
  const delta = new DeltaCollector(from);
  const commits = new LiveCommits(shard.timeline, from, through);
  for (let page = commits.next(); page.length > 0; page = commits.next()) {
    if (commits.floor > delta.floor) delta.forgetThrough(commits.floor);
    for (const commit of page) {
      delta.versions.push(commit.version);
      delta.timestamps.push(commit.timestamp);
      delta.operations.push(commit.operations);
      for (const target of commit.targets) {
        if (!(target instanceof VersionChain)) delta.addLog(target);
        // What the table lost by it is said of the table.
        else if (target.isRetired) delta.spaces.add(target.table.space);
        // Once for each key, with the commit that wrote what it has as of `through`; always where that cannot be told.
        else if (target.version === commit.version || target.version > through) delta.addChain(target);
        budget.spend(0.2);
        if (budget.isSpent) yield;
      }
      budget.spend(1);
    }
    if (budget.isSpent) yield;
  }
  if (commits.floor > delta.floor) delta.forgetThrough(commits.floor);
  const isWhole = delta.floor === from;
  for (const space of shard.ownSpaces()) {
    const { createdAt, droppedAt } = space;
    const isNew = !space.inherited && createdAt > from && createdAt <= through;
    if (isNew || (droppedAt > from && droppedAt <= through)) delta.spaces.add(space);
    if (isWhole) continue;
    const log = space.ownEvents();
    if (log !== undefined && log.length(through) > log.length(from)) delta.addLog(log);
    for (const table of space.ownTables()) {
      if (table.lastVersion <= from) continue;
      if (table.lost.length > 0) delta.spaces.add(space);
      for (const chain of table.chains()) {
        if (chain.version > from && hasEntryIn(chain, from, through)) delta.addChain(chain);
        budget.spend(0.1);
        if (budget.isSpent) yield;
      }
    }
  }
  return delta;
}

/** @param chain newer than `from`. */
function hasEntryIn(chain: VersionChain, from: Version, through: Version): boolean {
  if (chain.version <= through) return true;
  return chain.older?.versions.some((version) => version > from && version <= through) ?? false;
}

class DeltaCollector implements LiveDelta {
  readonly spaces: Set<SpaceTables> = new Set();
  readonly tables: Map<Table, TableDelta> = new Map();
  readonly logs: Set<EventTable> = new Set();
  readonly versions: number[] = [];
  readonly timestamps: number[] = [];
  readonly operations: number[] = [];
  floor: Version;
  #last: TableDelta | undefined = undefined;

  constructor(floor: Version) {
    this.floor = floor;
  }

  addChain(chain: VersionChain): void {
    const { table } = chain;
    let delta = this.#last;
    if (delta?.table !== table) {
      delta = this.tables.get(table);
      if (delta === undefined) {
        delta = new TableDelta(table);
        this.tables.set(table, delta);
        this.spaces.add(table.space);
      }
      this.#last = delta;
    }
    delta.chains.push(chain);
    if (!delta.hasSurrogates) delta.hasSurrogates = hasSurrogates(chain.key);
  }

  addLog(log: EventTable): void {
    this.logs.add(log);
    this.spaces.add(log.space);
  }

  /** Commits at or below `floor` turn out to be missing, or some of them. */
  forgetThrough(floor: Version): void {
    this.floor = floor;
    this.versions.length = 0;
    this.timestamps.length = 0;
    this.operations.length = 0;
  }
}

class TableDelta implements LiveTable {
  readonly table: Table;
  readonly chains: VersionChain[] = [];
  hasSurrogates = false;

  constructor(table: Table) {
    this.table = table;
  }
}
