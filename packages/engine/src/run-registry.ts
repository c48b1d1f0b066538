import {
  copyValue,
  InvalidArgumentError,
  type Limits,
  NotFoundError,
  nearest,
  type Options,
  type RunId,
  type Runtime,
  StateError,
  type ValueObject,
  type Version,
  validateRunName,
  validateTagName,
} from "@strata/core";
import { formatRetention, type RunShard, type ShardedStore } from "@strata/storage";
import { lastTimeAt } from "./as-of.js";
import type { DerivedViews } from "./derived-index.js";
import type { Gate } from "./gate.js";
import { LiveRuns } from "./live-runs.js";
import type { OpenTransaction } from "./open-transaction.js";
import { type Retention, rulesOf } from "./retention-policy.js";
import {
  type ForkOrigin,
  infoOfNew,
  type Run,
  type RunInfo,
  type RunRow,
  type RunStatus,
  STATUS_MOVES,
} from "./run.js";
import { RETENTION } from "./run-retention.js";
import { DEFAULT_SPACE, type TransactionScope } from "./scope.js";
import { TAG_SPACE, type Tag, type TagRow, tagKey } from "./tag.js";
import { type SearchedPrimitive, searchedFrom, searchedIn, TEXT_SEARCH } from "./text-search-policy.js";
import type { Transactions } from "./transactions.js";
import { UuidSource } from "./uuid.js";

export const DEFAULT_RUN = "default";

/** Runs made without any share it. */
const NO_META: ValueObject = Object.freeze({});

/**
 * What can be done to the runs of a database. Creating, deleting and changing a run are commits of the reserved run `_system` like any
 * other, so a crash leaves each whole or absent; `LiveRuns` follows them. A run's number is a version drawn from the database's counter, so
 * it is never used again.
 */
export class RunRegistry {
  readonly #gate: Gate;
  readonly #runtime: Runtime;
  readonly #limits: Limits;
  readonly #drawNumber: () => RunId;
  readonly #uuids: UuidSource;
  readonly live: LiveRuns;
  #transactions: Transactions | undefined;
  /** Forks that follow each other mostly have the same. */
  #lastOrigin: ForkOrigin | undefined;

  constructor(parts: {
    readonly gate: Gate;
    readonly store: ShardedStore;
    readonly views: DerivedViews;
    readonly runtime: Runtime;
    readonly limits: Limits;
    readonly drawNumber: () => RunId;
  }) {
    this.#gate = parts.gate;
    this.#runtime = parts.runtime;
    this.#limits = parts.limits;
    this.#drawNumber = parts.drawNumber;
    this.#uuids = new UuidSource(parts.runtime.random);
    this.live = new LiveRuns(parts.store, parts.views);
  }

  /** The reserved run that holds the rows. */
  get system(): Run {
    return this.live.system;
  }

  /**
   * Gives it the means to commit, once the log is recovered.
   *
   * @param epoch that of this opening. One that only reads has none of its own, and follows every epoch that there was.
   */
  connect(transactions: Transactions, epoch: number): void {
    this.#transactions = transactions;
    this.live.epoch.current = this.#gate.isReadOnly ? epoch + 1 : epoch;
  }

  /** @throws NotFoundError `RUN_NOT_FOUND`, facts.nearest */
  must(name: string): Run {
    this.#gate.assertOpen();
    const run = this.live.find(name);
    if (run !== undefined) return run;
    validateRunName(name);
    const close = nearest(name, this.live.names());
    const hint = close === undefined ? "" : `; did you mean "${close}"?`;
    throw new NotFoundError("RUN_NOT_FOUND", `there is no run "${name}"${hint}`, { run: name, nearest: close });
  }

  exists(name: string): boolean {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.live.find(name) !== undefined;
  }

  get(name: string): RunInfo | undefined {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.live.find(name)?.info();
  }

  /** Names by code point. */
  list(options: Options<{ status: RunStatus; prefix: string; after: string; limit: number }> = {}): string[] {
    this.#gate.assertOpen();
    const { status, prefix = "", after = "", limit = Number.POSITIVE_INFINITY } = options;
    if (status !== undefined && (typeof status !== "string" || !Object.hasOwn(STATUS_MOVES, status)))
      throw illegalStatus(status);
    if (typeof prefix !== "string" || typeof after !== "string") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "prefix and after must be strings", { prefix, after });
    }
    if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "limit must be a whole number of at least 0", { limit });
    }
    const names: string[] = [];
    this.live.visitNames(prefix, after, (name, row) => {
      if (names.length >= limit) return false;
      if (status === undefined || this.live.statusOf(row) === status) names.push(name);
      return true;
    });
    return names;
  }

  /**
   * An empty run.
   *
   * @param meta an object of values; kept with the run.
   * @throws StateError `RUN_EXISTS`
   */
  create(name: string, meta: object = NO_META): RunInfo {
    validateRunName(name);
    return this.#make([name], this.#copyMeta(meta), {})[0] as RunInfo;
  }

  /**
   * An empty run that this process works on. It ends with `setStatus`; when the process is gone before that, it is found orphaned.
   *
   * @throws StateError `RUN_EXISTS`
   */
  begin(name: string, meta: object = NO_META): RunInfo {
    validateRunName(name);
    return this.#make([name], this.#copyMeta(meta), { begunIn: this.live.epoch.current })[0] as RunInfo;
  }

  /**
   * A run that begins with everything `source` holds at `version`, or now. Takes the same time and room whatever that is: nothing is
   * copied, the fork reads through to its source.
   *
   * @throws StateError `RUN_EXISTS`
   */
  fork(source: Run, version: Version, names: readonly string[], meta: object = NO_META): RunInfo[] {
    source.assertAlive();
    for (const name of names) validateRunName(name);
    const origin = this.#originAt(source, version);
    const { past, [RETENTION]: retention, [TEXT_SEARCH]: searched } = source.row;
    const inherited = {
      ...(past === undefined ? {} : { past }),
      ...(retention === undefined ? {} : { [RETENTION]: retention }),
      ...(searched === undefined ? {} : { [TEXT_SEARCH]: searched }),
    };
    return this.#make(names, this.#copyMeta(meta), { ...inherited, parent: origin });
  }

  /**
   * A run that was made elsewhere: its data are in the store already, or in the files that its row names.
   *
   * @throws StateError `RUN_EXISTS`
   */
  adopt(name: string, row: RunRow, tags: readonly Tag[]): RunInfo {
    this.#write((rows, tagRows) => {
      if (rows.get(name) !== undefined) throw runExists(name);
      rows.put(name, row);
      for (const { name: tag, version, timestamp } of tags)
        tagRows.put(tagKey(row.number as RunId, tag), { version, timestamp });
    });
    return this.must(name).info();
  }

  /**
   * Drops the run and everything in it; the name is free again. Forks keep what they inherited.
   *
   * @param options.cascade its forks too, and theirs.
   * @returns the runs that still hold some of its data, by name.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for the default run
   */
  delete(name: string, options: Options<{ cascade: boolean }> = {}): { readonly heldBy: readonly string[] } {
    const run = this.must(name);
    const doomed = options.cascade === true ? [run, ...this.#descendants(run)] : [run];
    if (doomed.some((one) => one.name === DEFAULT_RUN)) {
      throw new InvalidArgumentError(
        "CONSTRAINT_VIOLATION",
        `run "${DEFAULT_RUN}" always exists and cannot be deleted`,
        { run: name },
      );
    }
    this.#write((rows, tags) => {
      for (const one of doomed) {
        rows.put(one.name, undefined);
        for (const tag of one.tags.keys()) tags.put(tagKey(one.number, tag), undefined);
      }
    });
    return {
      heldBy: this.#descendants(run)
        .map((fork) => fork.name)
        .sort(),
    };
  }

  /**
   * Moves a run through its life. A run that is not active refuses writes. Making a begun run active again begins it in this process: so
   * an orphan is taken over.
   *
   * @param reason kept as `meta.reason`.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for a move that `STATUS_MOVES` does not have
   */
  setStatus(name: string, status: RunStatus, reason?: string): RunInfo {
    if (typeof status !== "string" || !Object.hasOwn(STATUS_MOVES, status)) throw illegalStatus(status);
    if (reason !== undefined && typeof reason !== "string") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "reason must be a string", { reason });
    }
    const run = this.must(name);
    if (run.status === status) return run.info();
    if (name === DEFAULT_RUN || !STATUS_MOVES[run.status].includes(status)) {
      const allowed = name === DEFAULT_RUN ? [] : STATUS_MOVES[run.status];
      throw new InvalidArgumentError(
        "CONSTRAINT_VIOLATION",
        `run "${name}" is ${run.status} and cannot become ${status}`,
        {
          run: name,
          from: run.status,
          to: status,
          allowed,
        },
      );
    }
    const meta = reason === undefined ? run.meta : copyValue({ ...run.meta, reason }, this.#limits);
    const { begunIn: _, endedAt: __, ...kept } = run.row;
    const row = { ...kept, status, meta: meta as ValueObject } as RunRow;
    const begun =
      run.isBegun && (status === "active" || status === "paused") ? { begunIn: this.live.epoch.current } : {};
    const ended =
      status === "active" || status === "paused"
        ? {}
        : { endedAt: run.endedAt ?? Math.floor(this.#runtime.clock.now()) };
    this.#write((rows) => rows.put(name, { ...row, ...begun, ...ended }));
    return run.info();
  }

  /**
   * How much of its history a run keeps, from the next write to each key on. Forks made later begin with the same policy.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   */
  setRetention(name: string, policy: Retention): void {
    const retention = formatRetention(rulesOf(policy));
    const { row } = this.must(name);
    if (row[RETENTION] !== retention) this.#write((rows) => rows.put(name, { ...row, [RETENTION]: retention }));
  }

  /**
   * Which primitives of a run are searched by their words: of the others no index is kept. Forks made later begin with the same.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   */
  setTextSearch(name: string, primitives: readonly SearchedPrimitive[]): void {
    const searched = searchedFrom(primitives);
    const { row } = this.must(name);
    if (searched.join() === searchedIn(row)?.join()) return;
    this.#write((rows) => rows.put(name, { ...row, [TEXT_SEARCH]: searched }));
  }

  /**
   * Gives a version of a run a name, for `at({ tag })`. Forks do not inherit it: their names are free.
   *
   * @param version one of the run's history.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` when the run has a tag of that name: take it away first
   */
  tag(run: Run, version: Version, name: string): void {
    run.assertAlive();
    validateTagName(name);
    const timestamp = lastTimeAt(run, run.shard, version);
    this.#write((_rows, tags) => {
      const key = tagKey(run.number, name);
      if (tags.get(key) !== undefined) throw taggedAlready(run, name);
      tags.put(key, { version, timestamp });
    });
  }

  /** @returns false when the run has no such tag. */
  untag(run: Run, name: string): boolean {
    run.assertAlive();
    validateTagName(name);
    if (!run.tags.has(name)) return false;
    this.#write((_rows, tags) => tags.put(tagKey(run.number, name), undefined));
    return true;
  }

  /** `originAt`, one object for forks of the same point. */
  #originAt(source: Run, version: Version): ForkOrigin {
    const origin = originAt(source, version);
    const last = this.#lastOrigin;
    const isSame =
      last?.run === origin.run &&
      last.id === origin.id &&
      last.version === origin.version &&
      last.base === origin.base &&
      last.baseVersion === origin.baseVersion;
    if (isSame) return last;
    this.#lastOrigin = origin;
    return origin;
  }

  #copyMeta(meta: object): ValueObject {
    if (meta === NO_META) return NO_META;
    const copied = copyValue(meta, this.#limits);
    if (typeof copied === "object" && copied !== null && !Array.isArray(copied) && !(copied instanceof Uint8Array))
      return copied as ValueObject;
    throw new InvalidArgumentError("INVALID_ARGUMENT", "meta must be an object", {});
  }

  /**
   * New runs, in one commit. Their rows share what they have in common, and none of them becomes an object: ten thousand forks are to cost
   * little.
   *
   * @param meta, more frozen.
   */
  #make(names: readonly string[], meta: ValueObject, more: Partial<RunRow>): RunInfo[] {
    const createdAt = Math.floor(this.#runtime.clock.now());
    return this.#writeRows((scope) => {
      const table = scope.table("kv");
      return names.map((name) => {
        if (table.get(name) !== undefined) throw runExists(name);
        const id = this.#uuids.next();
        const row: RunRow = { id, number: this.#drawNumber(), status: "active", createdAt, meta, ...more };
        scope.put("kv", name, Object.freeze(row));
        return infoOfNew(name, row);
      });
    });
  }

  /** Every run that reads through `run`, directly or not. */
  #descendants(run: Run): Run[] {
    const found: Run[] = [];
    const pending = [run.number];
    for (let number = pending.pop(); number !== undefined; number = pending.pop()) {
      for (const fork of this.live.forksOf(number)) {
        const descendant = this.live.byNumber(fork);
        if (descendant !== undefined) found.push(descendant);
        pending.push(fork);
      }
    }
    return found;
  }

  /** A commit of rows of runs alone. */
  #writeRows<T>(work: (scope: TransactionScope) => T): T {
    return this.#mustTransact().implicit(this.system, DEFAULT_SPACE, work).result;
  }

  /** A commit of rows of runs, tags or both. */
  #write(work: (rows: Rows<RunRow>, tags: Rows<TagRow>) => void): void {
    const write = (open: OpenTransaction) =>
      work(this.#rowsOf(open.scope(DEFAULT_SPACE)), this.#rowsOf(open.scope(TAG_SPACE)));
    this.#mustTransact().closure(this.system, write, {});
  }

  #mustTransact(): Transactions {
    if (this.#transactions !== undefined) return this.#transactions;
    throw new StateError("DATABASE_CLOSED", "the database is still being opened", {});
  }

  #rowsOf<R extends ValueObject>(scope: TransactionScope): Rows<R> {
    const table = scope.table("kv");
    return {
      get: (key) => table.get(key),
      put: (key, row) => scope.put("kv", key, row === undefined ? undefined : copyValue(row, this.#limits)),
    };
  }
}

interface Rows<R> {
  get(key: string): unknown;
  put(key: string, row: R | undefined): void;
}

/**
 * What a fork of `source` at `version` records. Where the source itself has written nothing up to there, the fork reads through to what the
 * source reads through to, so that chains of untouched forks stay short.
 */
function originAt(source: Run, version: Version): ForkOrigin {
  let base = source.shard;
  let baseVersion = version;
  while (base.parent !== undefined && !hasCommitsUpTo(base, baseVersion) && !base.parent.dropped) {
    baseVersion = Math.min(baseVersion, base.forkVersion);
    base = base.parent;
  }
  return Object.freeze({
    run: source.name,
    id: source.id,
    version,
    base: base.id,
    baseVersion: lastCommitAt(base, baseVersion),
  });
}

/** The commit that `version` shows: of that one retention keeps what forks need. A version without commits stands for itself. */
function lastCommitAt(shard: RunShard, version: Version): Version {
  const last = version >= shard.lastVersion ? shard.lastVersion : shard.timeline.lastAtOrBefore(version);
  return last !== undefined && last > shard.forkVersion ? last : version;
}

function hasCommitsUpTo(shard: RunShard, version: Version): boolean {
  if (version <= shard.forkVersion) return false;
  const { timeline, forkVersion } = shard;
  // Of a trimmed timeline it is not known.
  return (timeline.lastAtOrBefore(version) ?? timeline.floor) > forkVersion;
}

function runExists(name: string): StateError {
  return new StateError("RUN_EXISTS", `there is a run "${name}" already`, { run: name });
}

function taggedAlready(run: Run, name: string): InvalidArgumentError {
  const version = run.tags.get(name)?.version;
  return new InvalidArgumentError(
    "CONSTRAINT_VIOLATION",
    `run "${run.name}" has a tag "${name}" already, at version ${version}; untag it first`,
    { run: run.name, tag: name, version },
  );
}

function illegalStatus(status: unknown): InvalidArgumentError {
  const allowed = Object.keys(STATUS_MOVES);
  return new InvalidArgumentError("INVALID_ARGUMENT", `status must be one of ${allowed.join(", ")}`, {
    status,
    allowed,
  });
}
