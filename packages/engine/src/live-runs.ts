import { assert, CorruptionError, type RunId, SYSTEM_RUN, type Version } from "@strata/core";
import { Box, type ColdRun, RunShard, type ShardedStore } from "@strata/storage";
import type { DerivedViews } from "./derived-index.js";
import { countKeys } from "./key-count.js";
import type { CommitRecord, PutOperation } from "./operation.js";
import { type ForkOrigin, originOf, Run, type RunGround, type RunRow, type RunStatus } from "./run.js";
import { type RunChange, RunChanges } from "./run-changes.js";
import { begunIn, type Epoch, statusIn } from "./run-life.js";
import { DEFAULT_SPACE } from "./scope.js";
import { foldTag, TAG_SPACE, tagsOf } from "./tag.js";

export const SYSTEM_RUN_NAME = "_system";

/** Runs that lie in files, to be found without reading them: what the last checkpoint left. */
export interface FiledRuns {
  /** Of a run that existed then, or that forks read through; `undefined` for others. */
  run(number: RunId): FiledRun | undefined;
  /** The runs that read through that one directly, deleted ones with forks of their own included. */
  forksOf(number: RunId): RunId[];
  /** The runs that something was merged into, deleted ones that others read through included. */
  mergeTargets(): RunId[];
  /** The same for a run that came with a snapshot file: what its row says of it. */
  imported(row: RunRow): FiledRun | undefined;
}

export interface FiledRun {
  /** `undefined` for a deleted run. */
  readonly name: string | undefined;
  /** Of the newest commit that it sees; 0 and 0 without one. */
  readonly lastVersion: Version;
  readonly lastTimestamp: number;
  readonly base: RunId | undefined;
  readonly forkVersion: Version;
  /** Live keys and events that it shows, where they were counted. */
  readonly keys: number | undefined;
  /** What the files have of it; `undefined` for a run that has written nothing of its own. */
  readonly load: (() => ColdRun) | undefined;
}

/**
 * The runs of a database as the reserved run `_system` lists them: one row a run, under its name. A run becomes an object when somebody
 * first asks for it, so that ten thousand finished runs cost an opening nothing, and ten thousand forks little. Invariants:
 *
 * 1. Every row has at most one `Run`, under the row's name; no other `Run` is alive.
 * 2. The number of every run is in `#names`, or in the files and not among `#gone`.
 * 3. The shard of a `Run` has the shard that it reads through as its parent, dropped or not.
 */
export class LiveRuns implements RunGround {
  readonly #store: ShardedStore;
  readonly #views: DerivedViews;
  readonly #byName = new Map<string, Run>();
  readonly #byNumber = new Map<RunId, Run>();
  /** The names of the runs made since the database was opened. */
  readonly #names = new Map<RunId, string>();
  /** Of these, the forks, by the number of the run they read through. */
  readonly #forks = new Map<RunId, Set<RunId>>();
  /** Shards of deleted runs that forks still read through. */
  readonly #departed = new Map<RunId, RunShard>();
  /** Runs of the files that were deleted since. */
  readonly #gone = new Set<RunId>();
  /** Of those, and of the deleted ones that the files still have: nobody reads through them. */
  readonly #released = new Set<RunId>();
  #filed: FiledRuns | undefined;
  /** Runs made and deleted since the last checkpoint, in order. */
  readonly #changes = new RunChanges();
  /** The reserved run that holds the rows. */
  readonly system: Run;
  readonly epoch: Epoch = { current: 0 };

  constructor(store: ShardedStore, views: DerivedViews) {
    this.#store = store;
    this.#views = views;
    const row: RunRow = { id: SYSTEM_RUN_NAME, number: SYSTEM_RUN, status: "active", createdAt: 0, meta: {} };
    this.system = new Run(SYSTEM_RUN_NAME, row, store.create(SYSTEM_RUN), this);
    this.#byNumber.set(SYSTEM_RUN, this.system);
  }

  /** The runs that lie in files are there too. Before the first commit is folded. */
  attach(filed: FiledRuns): void {
    assert(this.#byName.size === 0, "files are read before the log");
    this.#filed = filed;
    const system = filed.run(SYSTEM_RUN);
    if (system?.load === undefined) return;
    const { shard } = this.system;
    shard.attachCold(system.load());
    shard.lastVersion = system.lastVersion;
    shard.lastTimestamp = system.lastTimestamp;
  }

  /** Follows a commit: does nothing unless it is one of `_system`. */
  fold(commit: CommitRecord): void {
    if (commit.run !== SYSTEM_RUN) return;
    for (const operation of commit.operations) {
      if (operation.kind !== "put" || operation.primitive !== "kv") continue;
      if (operation.space === TAG_SPACE) foldTag((number) => this.#byNumber.get(number), operation);
      else if (operation.space === DEFAULT_SPACE) this.#foldRow(operation, commit.version);
    }
  }

  /** The run of that name. */
  find(name: string): Run | undefined {
    return this.#byName.get(name) ?? this.#materialise(name);
  }

  /** The run that commits of this number belong to, `undefined` when there is none. */
  byNumber(number: RunId): Run | undefined {
    const known = this.#byNumber.get(number);
    if (known !== undefined || this.#gone.has(number)) return known;
    const name = this.#names.get(number) ?? this.#filed?.run(number)?.name;
    const run = name === undefined ? undefined : this.find(name);
    return run?.number === number ? run : undefined;
  }

  /** The data of a run, by its number; `undefined` for one that was deleted. */
  shardOf(number: RunId): RunShard | undefined {
    return this.byNumber(number)?.shard;
  }

  /** The status that a run with this row has. */
  statusOf(row: RunRow): RunStatus {
    return statusIn(this.epoch.current, row.status, begunIn(row));
  }

  get size(): number {
    return this.#table?.liveCount() ?? 0;
  }

  /** Names by code point, from behind `after` on, until `visit` returns false. */
  visitNames(prefix: string, after: string, visit: (name: string, row: RunRow) => boolean): void {
    // Names are ASCII: "~" is the last character they can have.
    const start = after >= prefix ? `${after}\0` : prefix;
    const range = { start, end: prefix === "" ? undefined : `${prefix}\x7f`, reverse: false };
    this.#table?.scan(range, Number.POSITIVE_INFINITY, (name, stored) => visit(name, rowOf(stored) as RunRow));
  }

  /** Live keys and events that a run shows. Runs are not loaded for it where the files say it. */
  countKeys(name: string, row: RunRow): number {
    const number = row.number as RunId;
    const shard = this.#byNumber.get(number)?.shard;
    const filed = this.#filed?.run(number);
    const isAsFiled = shard === undefined || (!shard.isLoaded && shard.lastVersion === filed?.lastVersion);
    if (isAsFiled && filed?.keys !== undefined) return filed.keys;
    const run = this.find(name);
    return run === undefined ? 0 : countKeys(run.shard);
  }

  names(): string[] {
    const names: string[] = [];
    this.visitNames("", "", (name) => names.push(name) > 0);
    return names;
  }

  /** Those that are objects already. */
  loaded(): IterableIterator<Run> {
    return this.#byName.values();
  }

  /** The numbers of the runs that read through that one directly: living ones, and deleted ones that others read through. */
  forksOf(number: RunId): Iterable<RunId> {
    const made = this.#forks.get(number);
    const filed = this.#filed?.forksOf(number).filter((fork) => !this.#released.has(fork)) ?? [];
    if (made === undefined) return filed;
    return filed.length === 0 ? made : new Set([...filed, ...made]);
  }

  /** Version up to which that run sees what it was forked from; 0 for one that began empty. */
  forkVersionOf(number: RunId): Version {
    const known = this.#knownShard(number) ?? this.#filed?.run(number) ?? this.byNumber(number)?.shard;
    return known?.forkVersion ?? 0;
  }

  /** Shards of deleted runs that forks still read through, as far as somebody asked for them. */
  departed(): IterableIterator<RunShard> {
    return this.#departed.values();
  }

  /** Data of the runs that something was merged into, and perhaps of others: deleted ones that forks still read through included. */
  *mergeTargets(): Iterable<RunShard> {
    for (const number of this.#filed?.mergeTargets() ?? [])
      if (!this.#released.has(number)) this.#shard(number)?.load();
    for (const shard of this.#store.loaded()) if (shard.isLoaded) yield shard;
    for (const shard of this.#departed.values()) if (shard.isLoaded) yield shard;
  }

  /** Runs made and deleted since `checkpointed`, in order. */
  get changes(): Iterable<RunChange> {
    return this.#changes;
  }

  /** Name and row of a run made since the database was opened that is no object yet; `undefined` for all others. */
  unasked(number: RunId): { readonly name: string; readonly row: RunRow } | undefined {
    const name = this.#byNumber.has(number) ? undefined : this.#names.get(number);
    if (name === undefined) return undefined;
    return { name, row: rowOf(this.#table?.head(name)) as RunRow };
  }

  /** Deleted runs of the files that nobody reads through. */
  unneeded(): Iterable<RunId> {
    return this.#released;
  }

  /** What was made and deleted up to `version` is in the files. */
  checkpointed(version: Version, filed: FiledRuns): void {
    this.#filed = filed;
    for (const { number, version: at } of this.#changes) if (at <= version) this.#gone.delete(number);
    for (const number of this.#released) if (filed.run(number) === undefined) this.#released.delete(number);
    this.#changes.forgetThrough(version);
  }

  get #table() {
    return this.system.shard.table(DEFAULT_SPACE, "kv");
  }

  #foldRow(operation: PutOperation, version: Version): void {
    const name = operation.key;
    const row = rowOf(operation.stored);
    const known = this.#byName.get(name);
    if (row === undefined) {
      const run = known ?? this.#previous(name, version);
      if (run !== undefined) this.#drop(run, version);
    } else if (known === undefined || known.number !== row.number) {
      // Of one that is known by number alone, nobody has asked for anything yet: who does reads the newest row.
      const number = row.number as RunId;
      if (!this.#names.has(number) && this.#filed?.run(number) === undefined) this.#add(name, row, version);
    } else {
      known.update(row);
    }
  }

  /** The run that had the name before `version`, which deleted it. */
  #previous(name: string, version: Version): Run | undefined {
    let run: Run | undefined;
    this.#table?.versions(name, version, (_version, stored) => {
      const row = rowOf(stored);
      if (row !== undefined) run = this.#make(name, row);
      return false;
    });
    return run;
  }

  #materialise(name: string): Run | undefined {
    const row = rowOf(this.#table?.head(name));
    return row === undefined ? undefined : this.#make(name, row);
  }

  #add(name: string, row: RunRow, version: Version): void {
    const number = row.number as RunId;
    this.#names.set(number, name);
    if (this.#filed !== undefined) this.#changes.made(number, version);
    const base = originOf(row)?.base as RunId | undefined;
    if (base === undefined) return;
    const forks = this.#forks.get(base);
    if (forks === undefined) this.#forks.set(base, new Set([number]));
    else forks.add(number);
  }

  #make(name: string, row: RunRow): Run {
    const number = row.number as RunId;
    const shard = this.#shard(number) ?? this.#newShard(row, originOf(row));
    const run = new Run(name, row, shard, this);
    for (const tag of tagsOf(this.system.shard, number)) run.setTag(tag);
    this.#byName.set(name, run);
    this.#byNumber.set(number, run);
    return run;
  }

  #newShard(row: RunRow, origin: ForkOrigin | undefined): RunShard {
    const number = row.number as RunId;
    const imported = this.#filed?.imported(row);
    if (imported !== undefined) return this.#store.adopt(this.#filedShard(number, imported, undefined));
    if (origin === undefined) return this.#store.create(number);
    // The base is alive when a fork of it is logged, so also when that is read back.
    const base = this.#shard(origin.base as RunId) ?? this.shardOf(origin.base as RunId);
    if (base === undefined)
      throw new CorruptionError("CORRUPT_RECORD", `a fork of run ${origin.base}, which does not exist`, { origin });
    return this.#store.create(number, base, origin.baseVersion);
  }

  /** The shard of a run that is loaded, or lies in files; also of a deleted one that others read through. */
  #shard(number: RunId): RunShard | undefined {
    // Not by recursion: a line of descent may be longer than the stack.
    const missing: { readonly number: RunId; readonly filed: FiledRun }[] = [];
    let next: RunId | undefined = number;
    while (next !== undefined && this.#knownShard(next) === undefined) {
      const filed: FiledRun | undefined = this.#filed?.run(next);
      if (filed === undefined) break;
      missing.push({ number: next, filed });
      next = filed.base;
    }
    for (const { number: each, filed } of missing.reverse()) {
      const parent = filed.base === undefined ? undefined : this.#knownShard(filed.base);
      const shard = this.#filedShard(each, filed, parent);
      if (filed.name !== undefined && !this.#gone.has(each)) this.#store.adopt(shard);
      else {
        shard.dropped = true;
        this.#departed.set(each, shard);
      }
    }
    return this.#knownShard(number);
  }

  #knownShard(number: RunId): RunShard | undefined {
    return this.#store.get(number) ?? this.#departed.get(number);
  }

  #filedShard(number: RunId, filed: FiledRun, parent: RunShard | undefined): RunShard {
    const { lastVersion, lastTimestamp, forkVersion, load } = filed;
    const stored = load === undefined ? undefined : { through: lastVersion, lastVersion, lastTimestamp, load };
    return new RunShard(number, parent, forkVersion, stored);
  }

  #drop(run: Run, version: Version): void {
    const { number, name } = run;
    this.#byName.delete(name);
    this.#byNumber.delete(number);
    this.#names.delete(number);
    if (this.#filed !== undefined) this.#changes.deleted(number, version);
    if (this.#filed?.run(number) !== undefined) this.#gone.add(number);
    if (hasAny(this.forksOf(number))) this.#departed.set(number, run.shard);
    else this.#release(run.shard);
    this.#store.drop(number);
    this.#views.runDropped(run);
  }

  /** A run is gone and nobody reads through it: what it read through may be gone for good too. */
  #release(shard: RunShard): void {
    let released = shard;
    this.#released.add(released.id);
    for (let base = released.parent; base !== undefined; base = released.parent) {
      const siblings = this.#forks.get(base.id);
      siblings?.delete(released.id);
      if (siblings?.size === 0) this.#forks.delete(base.id);
      if (!this.#departed.has(base.id) || hasAny(this.forksOf(base.id))) return;
      this.#departed.delete(base.id);
      this.#released.add(base.id);
      released = base;
    }
  }
}

function rowOf(stored: unknown): RunRow | undefined {
  return (stored instanceof Box ? stored.value : stored) as RunRow | undefined;
}

function hasAny(numbers: Iterable<RunId>): boolean {
  return !(numbers[Symbol.iterator]().next().done ?? false);
}
