import {
  CorruptionError,
  copyValue,
  InvalidArgumentError,
  type Limits,
  NotFoundError,
  nearest,
  type Options,
  type RunId,
  type Runtime,
  StateError,
  SYSTEM_RUN,
  type ValueObject,
  type Version,
  validateRunName,
  validateTagName,
} from "@strata/core";
import { Box, type RunShard, type ShardedStore } from "@strata/storage";
import type { DerivedViews } from "./derived-index.js";
import type { Gate } from "./gate.js";
import type { CommitRecord } from "./operation.js";
import { type ForkOrigin, originOf, Run, type RunInfo, type RunRow, type RunStatus, STATUS_MOVES } from "./run.js";
import type { Epoch } from "./run-life.js";
import { DEFAULT_SPACE } from "./scope.js";
import { foldTag, isTagKey, type TagRow, tagKey } from "./tag.js";
import type { Transactions } from "./transactions.js";
import { randomUuid } from "./uuid.js";

export const SYSTEM_RUN_NAME = "_system";
export const DEFAULT_RUN = "default";

/**
 * The runs of a database: a view of the commits of the reserved run `_system`, whose key-value table holds one row a run, under its name,
 * and one a tag.
 * Creating, deleting and changing a run are commits like any other, so a crash leaves each whole or absent. Invariants:
 *
 * 1. Every row of a run has one `Run`, under the row's name; no other `Run` is alive.
 * 2. A run's number is a version drawn from the database's counter, so it is never used again.
 */
export class RunRegistry {
  readonly #gate: Gate;
  readonly #store: ShardedStore;
  readonly #views: DerivedViews;
  readonly #runtime: Runtime;
  readonly #limits: Limits;
  readonly #drawNumber: () => RunId;
  readonly #byName = new Map<string, Run>();
  readonly #byNumber = new Map<RunId, Run>();
  /** Runs that read through a shard, by its number. */
  readonly #forks = new Map<RunId, Set<Run>>();
  /** Deleted runs that forks still read through, by number. */
  readonly #departed = new Map<RunId, Run>();
  /** The reserved run that holds the rows. */
  readonly system: Run;
  readonly #epoch: Epoch = { current: 0 };
  #transactions: Transactions | undefined;

  constructor(parts: {
    readonly gate: Gate;
    readonly store: ShardedStore;
    readonly views: DerivedViews;
    readonly runtime: Runtime;
    readonly limits: Limits;
    readonly drawNumber: () => RunId;
  }) {
    this.#gate = parts.gate;
    this.#store = parts.store;
    this.#views = parts.views;
    this.#runtime = parts.runtime;
    this.#limits = parts.limits;
    this.#drawNumber = parts.drawNumber;
    const row: RunRow = { id: SYSTEM_RUN_NAME, number: SYSTEM_RUN, status: "active", createdAt: 0, meta: {} };
    this.system = new Run(SYSTEM_RUN_NAME, row, this.#store.create(SYSTEM_RUN));
    this.#byNumber.set(SYSTEM_RUN, this.system);
  }

  /**
   * Gives it the means to commit, once the log is recovered.
   *
   * @param epoch that of this opening. One that only reads has none of its own, and follows every epoch that there was.
   */
  connect(transactions: Transactions, epoch: number): void {
    this.#transactions = transactions;
    this.#epoch.current = this.#gate.isReadOnly ? epoch + 1 : epoch;
  }

  /** Follows a commit: does nothing unless it is one of `_system`. */
  fold(commit: CommitRecord): void {
    if (commit.run !== SYSTEM_RUN) return;
    for (const operation of commit.operations) {
      if (operation.kind !== "put" || operation.primitive !== "kv") continue;
      const row = operation.stored instanceof Box ? operation.stored.value : operation.stored;
      if (isTagKey(operation.key)) foldTag((number) => this.#byNumber.get(number), operation.key, row);
      else if (row === undefined) this.#drop(operation.key);
      else this.#register(operation.key, row as RunRow);
    }
  }

  /** The run that commits of this number belong to, `undefined` when there is none. */
  byNumber(number: RunId): Run | undefined {
    return this.#byNumber.get(number);
  }

  /** @throws NotFoundError `RUN_NOT_FOUND`, facts.nearest */
  must(name: string): Run {
    this.#gate.assertOpen();
    const run = this.#byName.get(name);
    if (run !== undefined) return run;
    validateRunName(name);
    const close = nearest(name, this.#byName.keys());
    const hint = close === undefined ? "" : `; did you mean "${close}"?`;
    throw new NotFoundError("RUN_NOT_FOUND", `there is no run "${name}"${hint}`, { run: name, nearest: close });
  }

  exists(name: string): boolean {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.#byName.has(name);
  }

  get(name: string): RunInfo | undefined {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.#byName.get(name)?.info();
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Every run but the reserved one. */
  runs(): IterableIterator<Run> {
    return this.#byName.values();
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
    for (const run of this.#byName.values()) {
      if (status !== undefined && run.status !== status) continue;
      if (run.name.startsWith(prefix) && (after === "" || run.name > after)) names.push(run.name);
    }
    // Names are ASCII, where the order of UTF-16 units is that of code points.
    return names.sort().slice(0, limit);
  }

  /**
   * An empty run.
   *
   * @param meta an object of values; kept with the run.
   * @throws StateError `RUN_EXISTS`
   */
  create(name: string, meta: object = {}): RunInfo {
    validateRunName(name);
    const copied = this.#copyMeta(meta);
    this.#write((rows) => rows.put(name, this.#newRow(rows, name, copied)));
    return this.must(name).info();
  }

  /**
   * An empty run that this process works on. It ends with `setStatus`; when the process is gone before that, it is found orphaned.
   *
   * @throws StateError `RUN_EXISTS`
   */
  begin(name: string, meta: object = {}): RunInfo {
    validateRunName(name);
    const copied = this.#copyMeta(meta);
    this.#write((rows) => rows.put(name, { ...this.#newRow(rows, name, copied), begunIn: this.#epoch.current }));
    return this.must(name).info();
  }

  /**
   * A run that begins with everything `source` holds at `version`, or now. Takes the same time and room whatever that is: nothing is
   * copied, the fork reads through to its source.
   *
   * @throws StateError `RUN_EXISTS`
   */
  fork(source: Run, version: Version, names: readonly string[], meta: object = {}): RunInfo[] {
    source.assertAlive();
    for (const name of names) validateRunName(name);
    const copied = this.#copyMeta(meta);
    const origin = originAt(source, version);
    this.#write((rows) => {
      for (const name of names) rows.put(name, { ...this.#newRow(rows, name, copied), parent: origin });
    });
    return names.map((name) => this.must(name).info());
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
    this.#write((rows) => {
      for (const one of doomed) {
        rows.put(one.name, undefined);
        for (const tag of one.tags.keys()) rows.put(tagKey(one.number, tag), undefined);
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
    const row = { id: run.id, number: run.number, status, createdAt: run.createdAt, meta: meta as ValueObject };
    const forked = run.origin === undefined ? {} : { parent: run.origin };
    const begun = run.isBegun && (status === "active" || status === "paused") ? { begunIn: this.#epoch.current } : {};
    const ended =
      status === "active" || status === "paused"
        ? {}
        : { endedAt: run.endedAt ?? Math.floor(this.#runtime.clock.now()) };
    this.#write((rows) => rows.put(name, { ...row, ...forked, ...begun, ...ended }));
    return run.info();
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
    const timestamp = run.shard.timestampAt(version) || run.createdAt;
    this.#write((rows) => {
      const key = tagKey(run.number, name);
      if (rows.get(key) !== undefined) throw taggedAlready(run, name);
      rows.put(key, { version, timestamp });
    });
  }

  /** @returns false when the run has no such tag. */
  untag(run: Run, name: string): boolean {
    run.assertAlive();
    validateTagName(name);
    if (!run.tags.has(name)) return false;
    this.#write((rows) => rows.put(tagKey(run.number, name), undefined));
    return true;
  }

  #copyMeta(meta: object): ValueObject {
    const copied = copyValue(meta, this.#limits);
    if (typeof copied === "object" && copied !== null && !Array.isArray(copied) && !(copied instanceof Uint8Array))
      return copied as ValueObject;
    throw new InvalidArgumentError("INVALID_ARGUMENT", "meta must be an object", {});
  }

  #newRow(rows: Rows, name: string, meta: ValueObject): RunRow {
    if (rows.get(name) !== undefined)
      throw new StateError("RUN_EXISTS", `there is a run "${name}" already`, { run: name });
    const createdAt = Math.floor(this.#runtime.clock.now());
    return { id: randomUuid(this.#runtime.random), number: this.#drawNumber(), status: "active", createdAt, meta };
  }

  /** Every run that reads through `run`, directly or not. */
  #descendants(run: Run): Run[] {
    const found: Run[] = [];
    for (const fork of this.#forks.get(run.number) ?? []) {
      if (!fork.dropped) found.push(fork);
      found.push(...this.#descendants(fork));
    }
    return found;
  }

  #write(work: (rows: Rows) => void): void {
    const transactions = this.#transactions;
    if (transactions === undefined) throw new StateError("DATABASE_CLOSED", "the database is still being opened", {});
    transactions.implicit(this.system, DEFAULT_SPACE, (scope) => {
      const table = scope.table("kv");
      work({
        get: (name) => table.get(name),
        put: (name, row) => scope.put("kv", name, row === undefined ? undefined : copyValue(row, this.#limits)),
      });
    });
  }

  #register(name: string, row: RunRow): void {
    const known = this.#byName.get(name);
    if (known !== undefined && known.number === row.number) {
      known.update(row);
      return;
    }
    const number = row.number as RunId;
    const origin = originOf(row);
    const base = origin === undefined ? undefined : this.#shardOf(origin);
    const parent = origin === undefined ? undefined : this.#byName.get(origin.run);
    const run = new Run(name, row, this.#store.create(number, base, origin?.baseVersion), parent, this.#epoch);
    this.#byName.set(name, run);
    this.#byNumber.set(number, run);
    if (origin === undefined) return;
    const forks = this.#forks.get(origin.base as RunId);
    if (forks === undefined) this.#forks.set(origin.base as RunId, new Set([run]));
    else forks.add(run);
  }

  /** The data that a fork reads through. The base is alive when a fork of it is logged, so also when that is read back. */
  #shardOf(origin: ForkOrigin): RunShard {
    const base = this.#store.get(origin.base as RunId);
    if (base === undefined)
      throw new CorruptionError("CORRUPT_RECORD", `a fork of run ${origin.base}, which does not exist`, { origin });
    return base;
  }

  /** `run` is gone and nobody reads through it: what it read through may be gone for good too. */
  #release(run: Run): void {
    if (run.origin === undefined) return;
    const base = run.origin.base as RunId;
    const siblings = this.#forks.get(base);
    siblings?.delete(run);
    if (siblings?.size !== 0) return;
    this.#forks.delete(base);
    const departed = this.#departed.get(base);
    if (departed === undefined) return;
    this.#departed.delete(base);
    this.#release(departed);
  }

  #drop(name: string): void {
    const run = this.#byName.get(name);
    if (run === undefined) return;
    this.#byName.delete(name);
    this.#byNumber.delete(run.number);
    if (this.#forks.has(run.number)) this.#departed.set(run.number, run);
    else this.#release(run);
    this.#store.drop(run.number);
    this.#views.runDropped(run);
  }
}

interface Rows {
  get(name: string): unknown;
  put(name: string, row: RunRow | TagRow | undefined): void;
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
  return { run: source.name, id: source.id, version, base: base.id, baseVersion };
}

function hasCommitsUpTo(shard: RunShard, version: Version): boolean {
  return version > shard.forkVersion && (shard.timeline.lastAtOrBefore(version) ?? 0) > shard.forkVersion;
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
