/**
 * One run: its spaces, its commits, and the run it was forked from.
 */
import { assert, compareCodePoints, type RunId, type Version } from "@strata/core";
import type { ColdRun, ColdSpace } from "./cold.js";
import type { EventTable } from "./event-table.js";
import type { MergeRecord } from "./merge-record.js";
import { SpaceTables } from "./space-tables.js";
import type { Table, TablePrimitive } from "./table.js";
import { Timeline, type WriteTarget } from "./timeline.js";
import { forgetVanished } from "./vanished-keys.js";
import { VersionChain } from "./version-chain.js";
import { Watermark } from "./watermark.js";

/** The space that every run has. */
export const DEFAULT_SPACE = "default";

/** Writes that `takeOver` looks at between two pauses: less than a millisecond. */
const WRITES_PER_SLICE = 10_000;
/** Commits that `loadInSlices` applies between two pauses: a few milliseconds. */
const COMMITS_PER_SLICE = 2_000;

/** A run that lies in files. */
export interface StoredRun {
  /** As `ColdRun.through`. */
  readonly through: Version;
  /** Of the newest commit in the files; what it inherited without one. */
  readonly lastVersion: Version;
  readonly lastTimestamp: number;
  /** Called once, when something is asked that is not said here. */
  load(): ColdRun;
}

/** Commits that have been read and are not applied yet: they are when something of their run is first asked for. */
export interface PendingCommits {
  /**
   * Applies the next of them to the run they are of, in order.
   *
   * @param limit how many; `Infinity` for all.
   * @returns whether some are left.
   */
  apply(shard: RunShard, limit: number): boolean;
}

/**
 * A fork is a shard with a parent. It has what the parent had at the fork version; spaces and tables that read through
 * to the parent's are made when they are first asked for, so that forking costs the same whatever the parent holds.
 *
 * 1. Commits of the run have versions above `forkVersion`.
 * 2. The incarnations of a name are in order of creation, at most the last of them alive. If the parent had the space
 *    at the fork, the first of them is the inherited one.
 * 3. The parent may go on, drop spaces, or be dropped: nothing at or below `forkVersion` changes by it.
 */
export class RunShard {
  readonly id: RunId;
  readonly parent: RunShard | undefined;
  /** Version of the parent as of which it is inherited; 0 without a parent. */
  readonly forkVersion: Version;
  /** Version of the newest commit; the fork's before the first. Kept by the commit pass. */
  lastVersion: Version;
  /** Microseconds; of the newest commit that is seen from here. Kept by the commit pass. */
  lastTimestamp: number;
  /** Differs whenever a table that was looked up may no longer be the right one. */
  layout = 0;
  dropped = false;
  readonly #merges: MergeRecord[] = [];
  #coldThrough: Version;
  #stored: StoredRun | undefined;
  #pending: PendingCommits | undefined = undefined;
  // Made when they are first needed: ten thousand forks that do nothing yet must cost little.
  #timeline: Timeline | undefined = undefined;
  #watermark: Watermark | undefined = undefined;
  #incarnations: Map<string, SpaceTables[]> | undefined = undefined;

  /** @param stored of a run that lies in files, from which it is loaded at the first touch. */
  constructor(id: RunId, parent?: RunShard, forkVersion: Version = 0, stored?: StoredRun) {
    assert(parent !== undefined || forkVersion === 0, "only a run with a parent has a fork version");
    this.id = id;
    this.parent = parent;
    this.forkVersion = forkVersion;
    this.#stored = stored;
    this.#coldThrough = stored?.through ?? 0;
    this.lastVersion = stored?.lastVersion ?? forkVersion;
    this.lastTimestamp = stored?.lastTimestamp ?? timestampAtFork(parent, forkVersion);
  }

  /** Everything that the run wrote up to this version is in files; 0 without files. */
  get coldThrough(): Version {
    return this.#coldThrough;
  }

  /** Whether everything is known, and not only what a stored run, or one with commits that are still to be applied, says of itself. */
  get isLoaded(): boolean {
    return this.#stored === undefined && this.#pending === undefined;
  }

  /** Chains of its own that are in memory: a measure of what `evict` can bring. */
  get residentChains(): number {
    let chains = 0;
    for (const space of this.#loadedSpaces()) for (const table of space.ownTables()) chains += table.ownKeys;
    return chains;
  }

  /** The commits of this run; those of its ancestors are in theirs. */
  get timeline(): Timeline {
    this.load();
    return this.#ownTimeline();
  }

  /** Merges into this very run, oldest first. Kept by the commit pass. */
  get merges(): MergeRecord[] {
    this.#loadStored();
    return this.#merges;
  }

  /** The versions of this run that are in use. */
  get watermark(): Watermark {
    this.#watermark ??= new Watermark();
    return this.#watermark;
  }

  /**
   * Leaves commits to be applied later, behind all that the run has: none of them is a merge.
   *
   * @param lastVersion of the newest of them, with its time; both count from here on.
   */
  defer(commits: PendingCommits, lastVersion: Version, lastTimestamp: number): void {
    assert(this.#pending === undefined || this.#pending === commits, "commits are applied in order");
    this.#pending = commits;
    this.lastVersion = lastVersion;
    this.lastTimestamp = lastTimestamp;
  }

  /**
   * Reads from files what a stored run consists of, though none of its values, and applies the commits that are left to be. Again does
   * nothing. What fails to be applied fails whenever the run is asked for anything.
   */
  load(): void {
    if (this.#stored === undefined && this.#pending === undefined) return;
    this.#loadStored();
    if (this.#pending !== undefined) this.#applyPending(Number.POSITIVE_INFINITY);
  }

  /** `load` a slice at a time. Between slices the run may be asked for anything: then the rest is done at once. */
  *loadInSlices(commitsPerSlice: number = COMMITS_PER_SLICE): Generator<void, void, undefined> {
    this.#loadStored();
    while (this.#pending !== undefined) {
      this.#applyPending(commitsPerSlice);
      yield;
    }
  }

  #applyPending(limit: number): void {
    this.#loadAncestors();
    const pending = this.#pending;
    if (pending === undefined) return;
    const { lastVersion, lastTimestamp } = this;
    // What applies them asks for tables.
    this.#pending = undefined;
    try {
      if (pending.apply(this, limit)) this.#pending = pending;
    } catch (error) {
      // A part of a run must never be taken for the whole.
      this.#pending = {
        apply: () => {
          throw error;
        },
      };
      throw error;
    } finally {
      this.lastVersion = lastVersion;
      this.lastTimestamp = lastTimestamp;
    }
  }

  #loadStored(): void {
    const stored = this.#stored;
    if (stored === undefined) return;
    const cold = stored.load();
    if (cold.spaces.some(({ inherited }) => inherited)) this.#loadAncestors();
    this.#stored = undefined;
    try {
      this.#merges.push(...cold.merges);
      this.#attachTimeline(cold, this.#attachSpaces(cold));
      const timeline = this.#ownTimeline();
      const dropped = this.#loadedSpaces().filter(({ droppedAt }) => droppedAt !== Number.POSITIVE_INFINITY);
      for (const space of dropped.sort((a, b) => a.droppedAt - b.droppedAt)) {
        if (space.droppedAt > timeline.floor) timeline.spaceDropped(space, space.droppedAt);
      }
    } catch (error) {
      // Half of a run must never be taken for the whole.
      this.#merges.length = 0;
      this.#incarnations = undefined;
      this.#timeline = undefined;
      this.#stored = stored;
      throw error;
    }
  }

  /**
   * Takes over what lies in files: all that the run did up to `cold.through`, or further back the same that it has already. No answer
   * changes by it. A run that is not loaded stays so.
   */
  attachCold(cold: ColdRun): void {
    assert(cold.through >= this.#coldThrough, "files of a run only reach further");
    if (this.#stored !== undefined) {
      const { lastVersion, lastTimestamp } = this.#stored;
      this.#stored = { through: cold.through, lastVersion, lastTimestamp, load: () => cold };
      this.#coldThrough = cold.through;
      return;
    }
    this.#attachTimeline(cold, this.#attachSpaces(cold));
  }

  /**
   * `attachCold` a slice at a time, with which history behind the newest entries leaves memory for the files: `evict` of what nobody
   * needs. Between slices the run may be read and written, and is what it is.
   */
  *takeOver(cold: ColdRun, writesPerSlice: number = WRITES_PER_SLICE): Generator<void, void, undefined> {
    if (!this.isLoaded) return this.attachCold(cold);
    const tables = this.#loadedSpaces().flatMap((space) => space.ownTables());
    const lost = tables.map((table) => table.cold?.lost ?? []);
    const writes = this.#writesSince(Math.max(this.#coldThrough, this.forkVersion), tables);
    const spaces = this.#attachSpaces(cold);
    let left = writesPerSlice;
    for (const target of writes) {
      if (target instanceof VersionChain) target.table.releaseHistory(target);
      if (--left > 0) continue;
      left = writesPerSlice;
      yield;
    }
    for (const [i, table] of tables.entries()) yield* forgetVanished(table, lost[i]);
    this.#attachTimeline(cold, spaces);
  }

  /** What may have history in memory that files reaching up to `filed` have not. */
  *#writesSince(filed: Version, tables: readonly Table[]): Generator<WriteTarget, void, undefined> {
    const { timeline, lastVersion } = this;
    // History grows only by writes: those since the last time are in memory, unless retention forgot what their commits wrote.
    if (timeline.tailFloor > filed) for (const table of tables) yield* table.chains();
    for (const { version } of timeline.commits({ after: timeline.tailFloor })) {
      if (version > lastVersion) return;
      yield* timeline.writesOf(version);
    }
  }

  /** Lets go of every value that can be read back from files. */
  evict(): void {
    const spaces = this.#loadedSpaces();
    if (this.#timeline === undefined || this.#timeline.tailFloor > this.#coldThrough) {
      for (const space of spaces) for (const table of space.ownTables()) table.evict();
      return;
    }
    const written = new Map<Table, VersionChain[]>();
    this.#timeline.changedSince(this.#coldThrough, (target) => {
      if (!(target instanceof VersionChain)) return true;
      const known = written.get(target.table);
      if (known === undefined) written.set(target.table, [target]);
      else known.push(target);
      return true;
    });
    for (const space of spaces) for (const table of space.ownTables()) table.evict(written.get(table) ?? []);
  }

  /** The oldest first, so that however long the line is, none has to load another. */
  #loadAncestors(): void {
    const line: RunShard[] = [];
    for (let shard = this.parent; shard !== undefined; shard = shard.parent) if (!shard.isLoaded) line.push(shard);
    for (const shard of line.reverse()) shard.load();
  }

  /** @returns the incarnations, as `cold` numbers them. */
  #attachSpaces(cold: ColdRun): SpaceTables[] {
    assert(cold.through >= this.#coldThrough, "files of a run only reach further");
    this.#coldThrough = cold.through;
    const inFiles = new Map<SpaceTables, ColdSpace>();
    const spaces = cold.spaces.map((each) => {
      const space = this.#ownSpace(each, cold.through);
      inFiles.set(space, each);
      return space;
    });
    for (const space of this.#loadedSpaces()) space.attachCold(inFiles.get(space), cold.through);
    return spaces;
  }

  /** What is known of the timeline without loading anything. */
  #ownTimeline(): Timeline {
    this.#timeline ??= new Timeline(this.forkVersion);
    return this.#timeline;
  }

  #attachTimeline(cold: ColdRun, spaces: readonly SpaceTables[]): void {
    this.#ownTimeline().attachCold(cold.timeline, cold.through, ({ space, primitive, key }): WriteTarget => {
      const tables = spaces[space]!;
      return primitive === "event" ? tables.events() : tables.table(primitive).chainForReading(key);
    });
  }

  /** The table as it is now; `undefined` when the space is not registered. Good until `layout` changes. */
  table(space: string, primitive: TablePrimitive): Table | undefined {
    return this.#spaceAt(space, Number.POSITIVE_INFINITY)?.table(primitive);
  }

  /** The table of the incarnation that was there at `asOf`, to be read as of `asOf` or before. */
  tableAt(space: string, primitive: TablePrimitive, asOf: Version): Table | undefined {
    return this.#readerAt(asOf).#spaceAt(space, asOf)?.table(primitive);
  }

  /** As `table`, of events. */
  events(space: string): EventTable | undefined {
    return this.#spaceAt(space, Number.POSITIVE_INFINITY)?.events();
  }

  /** As `tableAt`, of events. */
  eventsAt(space: string, asOf: Version): EventTable | undefined {
    return this.#readerAt(asOf).#spaceAt(space, asOf)?.events();
  }

  /** Registers a space, unless it is. `version` is that of the commit which does it. */
  registerSpace(name: string, version: Version): SpaceTables {
    const existing = this.#spaceAt(name, Number.POSITIVE_INFINITY);
    if (existing !== undefined) return existing;
    const space = new SpaceTables(this, name, version);
    this.#incarnationsOf(name).push(space);
    this.layout++;
    return space;
  }

  /** Drops a space with all it has. Views below `version` and forks still read it. @returns whether it was there. */
  dropSpace(name: string, version: Version): boolean {
    assert(name !== DEFAULT_SPACE, "the default space stays");
    const space = this.#spaceAt(name, Number.POSITIVE_INFINITY);
    if (space === undefined) return false;
    space.droppedAt = version;
    this.timeline.spaceDropped(space, version);
    this.layout++;
    return true;
  }

  hasSpace(name: string, asOf: Version = Number.POSITIVE_INFINITY): boolean {
    return this.#ownerAt(asOf).#spaceAt(name, asOf) !== undefined;
  }

  /** Names by code point, `default` always among them. */
  spaces(asOf: Version = Number.POSITIVE_INFINITY): string[] {
    const isThere = new Map([[DEFAULT_SPACE, true]]);
    let clip = asOf;
    for (let shard: RunShard | undefined = this.#ownerAt(clip); shard !== undefined; ) {
      shard.load();
      for (const [name, incarnations] of shard.#incarnations ?? []) {
        if (!isThere.has(name)) isThere.set(name, aliveAt(incarnations, clip) !== undefined);
      }
      clip = Math.min(clip, shard.forkVersion);
      shard = shard.#parentAt(clip);
    }
    return [...isThere.keys()].filter((name) => isThere.get(name)).sort(compareCodePoints);
  }

  /**
   * Every incarnation of a space that was registered, dropped or looked at in this very run, ended ones included. One that was registered
   * here has a `createdAt` above `forkVersion`.
   */
  ownSpaces(): SpaceTables[] {
    this.load();
    return this.#loadedSpaces();
  }

  /** Microseconds of the commit `version`, which may be an ancestor's; 0 when it is not known. */
  timestampOf(version: Version): number {
    return this.#ownerAt(version).timeline.timestampOf(version);
  }

  /** Microseconds of the last commit at or below `version`, seen from here; 0 when there is none. */
  timestampAt(version: Version): number {
    // That of the newest is known, whatever retention left of it.
    if (version >= this.lastVersion) return this.lastTimestamp;
    // A run that was trimmed cannot say what came before it: only its ancestors can.
    const owner = this.#ownerAt(version);
    const last = owner.#lastCommit((timeline, clip) => timeline.lastAtOrBefore(Math.min(version, clip)));
    return last === undefined ? 0 : this.timestampOf(last);
  }

  /** The last commit at or before `time` in microseconds, seen from here. */
  versionAtTime(time: number): Version | undefined {
    if (time >= this.lastTimestamp && this.lastVersion > this.forkVersion) return this.lastVersion;
    return this.#lastCommit((timeline, clip) => {
      const version = timeline.versionAtTime(time);
      return version === undefined || version <= clip ? version : timeline.lastAtOrBefore(clip);
    });
  }

  /** The first answer on the way up, each timeline being asked about commits up to the version it is seen at. */
  #lastCommit(find: (timeline: Timeline, clip: Version) => Version | undefined): Version | undefined {
    let clip = Number.POSITIVE_INFINITY;
    for (let shard: RunShard | undefined = this; shard !== undefined; shard = shard.parent) {
      shard.load();
      if (shard.#timeline !== undefined) {
        const version = find(shard.#timeline, clip);
        if (version !== undefined) return version;
        // What was trimmed lies between this run's fork and its floor: an ancestor's answer would be too old.
        if (shard.#timeline.floor > shard.forkVersion) return undefined;
      }
      clip = Math.min(clip, shard.forkVersion);
    }
    return undefined;
  }

  /** The run of this line of descent that wrote, or did not yet write, at `asOf`. */
  #ownerAt(asOf: Version): RunShard {
    let shard: RunShard = this;
    while (shard.parent !== undefined && asOf <= shard.forkVersion) shard = shard.parent;
    return shard;
  }

  /**
   * Whose tables show this run as of `asOf`. At the fork version those are its own, through which the parent's are read:
   * a transaction that begins there must see what is written to this run afterwards, and not what is written to the parent.
   */
  #readerAt(asOf: Version): RunShard {
    return asOf === this.forkVersion ? this : this.#ownerAt(asOf);
  }

  /** The next run up that matters to who sees this one's ancestors as of `clip`. */
  #parentAt(clip: Version): RunShard | undefined {
    return this.parent === undefined ? undefined : this.parent.#ownerAt(clip);
  }

  /** @param asOf at least `forkVersion`. */
  #spaceAt(name: string, asOf: Version): SpaceTables | undefined {
    this.load();
    const incarnations = this.#incarnations?.get(name);
    if (incarnations !== undefined) return aliveAt(incarnations, asOf);
    const inherited = this.#inherit(name);
    if (inherited === undefined) return undefined;
    this.#incarnationsOf(name).push(inherited);
    return inherited.isAliveAt(asOf) ? inherited : undefined;
  }

  #loadedSpaces(): SpaceTables[] {
    return [...(this.#incarnations?.values() ?? [])].flat();
  }

  /** The incarnation that files tell of; made if it is not known yet. */
  #ownSpace(cold: ColdSpace, through: Version): SpaceTables {
    const { name, createdAt, inherited, droppedAt } = cold;
    const incarnations = this.#incarnationsOf(name);
    const known = incarnations.find((space) => space.createdAt === createdAt);
    if (known !== undefined) return known;
    const space = inherited ? this.#inherit(name) : new SpaceTables(this, name, createdAt);
    assert(space?.createdAt === createdAt, "a space that was inherited is still there as of the fork");
    incarnations.push(space);
    if (droppedAt <= through) space.droppedAt = droppedAt;
    return space;
  }

  /** To be added to. */
  #incarnationsOf(name: string): SpaceTables[] {
    this.#incarnations ??= new Map();
    let incarnations = this.#incarnations.get(name);
    if (incarnations === undefined) {
      incarnations = [];
      this.#incarnations.set(name, incarnations);
    }
    return incarnations;
  }

  /** The space as the ancestors had it at the fork. Runs on the way that never looked at it are passed over. */
  #inherit(name: string): SpaceTables | undefined {
    let clip = this.forkVersion;
    for (let shard = this.#parentAt(clip); shard !== undefined; shard = shard.#parentAt(clip)) {
      shard.load();
      const incarnations = shard.#incarnations?.get(name);
      if (incarnations !== undefined) {
        const space = aliveAt(incarnations, clip);
        return space === undefined ? undefined : new SpaceTables(this, name, space.createdAt, { space, version: clip });
      }
      clip = Math.min(clip, shard.forkVersion);
    }
    return name === DEFAULT_SPACE ? new SpaceTables(this, name, 0) : undefined;
  }
}

/** Almost always the parent is forked as it is, and the answer need not be looked for. */
function timestampAtFork(parent: RunShard | undefined, forkVersion: Version): number {
  if (parent === undefined) return 0;
  return parent.lastVersion <= forkVersion ? parent.lastTimestamp : parent.timestampAt(forkVersion);
}

function aliveAt(incarnations: readonly SpaceTables[], asOf: Version): SpaceTables | undefined {
  return incarnations.findLast((space) => space.isAliveAt(asOf));
}
