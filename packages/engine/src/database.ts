import {
  type AsOf,
  InvalidArgumentError,
  type Limits,
  type Logger,
  type Options,
  type RunId,
  type Runtime,
  StateError,
  StrataError,
  type Timer,
  type Value,
  type Version,
} from "@strata/core";
import { type CommitIdentity, type CommitStatus, type Durability, InMemoryDurability } from "@strata/durability";
import { ReadView, type ShardedStore } from "@strata/storage";
import type { RunAlgebra } from "./algebra/run-algebra.js";
import { lastTimeAt, timeOf, timestampOf, versionOf } from "./as-of.js";
import type { RunBundles } from "./bundle/run-bundles.js";
import type { Checkpointer, CheckpointInfo } from "./checkpoint/checkpointer.js";
import type { BackupInfo } from "./checkpoint/copy-writer.js";
import type { VerifyReport } from "./checkpoint/verification.js";
import type { CompactionInfo } from "./compaction.js";
import type { TransactionCoordinator, TransactionMetrics } from "./coordinator.js";
import { type Backend, DatabaseBuilder } from "./database-builder.js";
import { describeDatabase } from "./database-info.js";
import type { DatabaseInfo, DatabaseOptions, Health } from "./database-options.js";
import { assemble, type DatabaseParts } from "./database-parts.js";
import type { DerivedIndex, SavedImage } from "./derived-index.js";
import { Extensions, type ExtensionType, type PlainExtensionType } from "./extensions.js";
import { HeadScope } from "./head-scope.js";
import type { LongWork } from "./long-work.js";
import type { CommitInfo, OpenTransaction } from "./open-transaction.js";
import { VERSION } from "./package-version.js";
import { PastScope } from "./past-scope.js";
import { KvStore } from "./primitives/kv.js";
import { recoverAllParticipants } from "./recovery-participant.js";
import { ReplayedScope, replayLog, replayTimeline } from "./replay.js";
import type { Run, RunInfo } from "./run.js";
import type { RunHistory } from "./run-history.js";
import { DEFAULT_RUN, type RunRegistry } from "./run-registry.js";
import type { RunRetention } from "./run-retention.js";
import { type RunStats, statsOf } from "./run-stats.js";
import { DEFAULT_SPACE, type Scope } from "./scope.js";
import { SpaceRegistry } from "./space-registry.js";
import type { TransactionPool } from "./transaction-pool.js";
import type { TransactionOptions } from "./transactions.js";

/** How long `shutdown` waits for open transactions, milliseconds. */
export const SHUTDOWN_TIMEOUT_MS = 30_000;

/** Whether commits outlive the process at all; how soon they are safe is the durability mode's business. */
export type PersistenceMode = "ephemeral" | "disk";

/**
 * A database: the store, and everything that changes it. Made by `open`, which recovers it from its backend. Invariants:
 *
 * 1. The store is the fold of the commits in the log, in order; nothing else changes it.
 * 2. Commits happen in one place, `CommitPass.run`.
 * 3. After `close` every call fails with `DATABASE_CLOSED`; the backend is released exactly once.
 */
export class Database {
  readonly limits: Limits;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly timer: Timer;
  readonly runs: RunRegistry;
  /** Diff, merge, revert, cherry-pick and rebase. */
  readonly algebra: RunAlgebra;
  /** Runs as streams of bytes. */
  readonly bundles: RunBundles;
  /** Commits, tags and feeds. */
  readonly history: RunHistory;
  /** What is kept of the past. */
  readonly retention: RunRetention;
  readonly storage: ShardedStore;
  readonly coordinator: TransactionCoordinator;
  readonly pool: TransactionPool;
  /** How many bytes of what can be made again may stay in memory, about. */
  readonly memoryBudgetBytes: number;
  readonly #parts: DatabaseParts;
  readonly #extensions = new Extensions();
  readonly #openedAt: number;

  /** Opens and recovers; see `Database.open`. */
  private constructor(options: DatabaseOptions) {
    const parts = assemble(options);
    this.limits = parts.limits;
    this.runtime = parts.runtime;
    this.logger = parts.logger;
    this.timer = parts.timer;
    this.runs = parts.runs;
    this.algebra = parts.algebra;
    this.bundles = parts.bundles;
    this.history = parts.history;
    this.retention = parts.retention;
    this.storage = parts.store;
    this.coordinator = parts.coordinator;
    this.pool = parts.pool;
    this.memoryBudgetBytes = parts.memoryBudgetBytes;
    this.#parts = parts;
    this.#openedAt = this.runtime.clock.now();
    const { onHealth } = options;
    if (onHealth !== undefined)
      parts.durability.onHealth(() => parts.transactions.guard(() => onHealth(this.#health())));
  }

  /**
   * Recovers the database that `options.durability` holds, or begins an empty one there.
   *
   * @throws StrataError what the backend's `recover` throws; then nothing stays open
   */
  static open(options: DatabaseOptions): Database {
    let database: Database | undefined;
    try {
      database = new Database(options);
      database.#begin(options);
      return database;
    } catch (error) {
      if (database !== undefined) database.#parts.gate.isOpen = false;
      options.durability.abandon();
      throw error;
    }
  }

  /** A database in memory only: no files, no log. Two never share anything. */
  static ephemeral(options: Omit<DatabaseOptions, "durability"> = {}): Database {
    return Database.open({ ...options, durability: new InMemoryDurability() });
  }

  /** Step by step. The engine knows no files: `stratadb` binds a backend for paths, and so may you. */
  static builder(backend?: Backend): DatabaseBuilder {
    return new DatabaseBuilder(backend);
  }

  // ── Scopes ──

  /** The newest version of a run, in one space. Cheap; keep it. */
  head(run: Run, space: string = DEFAULT_SPACE): Scope {
    return new HeadScope(this.#parts.transactions, this.history, run, space);
  }

  /**
   * A run as it was at a point, or as it is now: retention keeps that version until the view is disposed of.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, for a point before the run began
   * @throws InvalidArgumentError `INVALID_ARGUMENT` for a version that is still to come
   */
  at(run: Run, space: string = DEFAULT_SPACE, point?: AsOf): PastScope {
    this.#parts.gate.assertOpen();
    run.assertAlive();
    const version = versionOf(run, point, this.#parts.commitPass.lastVersion);
    const timestamp = point === undefined ? this.runtime.clock.now() : timestampOf(run, point, version);
    return new PastScope(this.#parts.gate, run, space, new ReadView(run.shard, version), timestamp, this.limits);
  }

  /**
   * The same by folding the run's commits anew, from the log, or without one from the timeline: costs the length of the log, and tells
   * whether the store is what the log says. Without a point, what is live is judged at the time of the last commit.
   *
   * @param run a run or its name.
   * @throws NotFoundError `RUN_NOT_FOUND`
   * @throws StateError `HISTORY_TRIMMED`
   */
  replayRun(run: Run | string, point?: AsOf, space: string = DEFAULT_SPACE): ReplayedScope {
    const live = this.#run(run);
    live.assertAlive();
    const version = versionOf(live, point, this.#parts.commitPass.lastVersion);
    const replayed = this.#parts.durability.requiresWal()
      ? replayLog(this.#parts.durability, live, version, this.runs.system.version)
      : replayTimeline(live, version);
    const ofPoint = point === undefined ? undefined : timeOf(point);
    const timestamp = ofPoint ?? lastTimeAt(live, replayed.shard, version);
    const release = this.#parts.checkpointer?.holdFiles() ?? (() => {});
    return new ReplayedScope(this.#parts.gate, replayed, { space, version, timestamp }, this.limits, release);
  }

  /**
   * New runs that begin with everything the source holds at a point, or now. Takes the same time whatever that is.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   * @throws StateError `RUN_EXISTS`, `HISTORY_TRIMMED`
   */
  fork(source: Run, names: readonly string[], point?: AsOf, meta?: object): RunInfo[] {
    this.#parts.gate.assertOpen();
    return this.runs.fork(source, this.#parts.wholeVersionOf(source, point), names, meta);
  }

  spaces(run: Run): SpaceRegistry {
    return new SpaceRegistry(this.#parts.transactions, run);
  }

  // ── Transactions ──

  /**
   * Runs `fn` in a transaction that commits when it returns, or when the promise it returns fulfils, and rolls back when it throws.
   *
   * @param run a run or its name.
   * @returns what `fn` returns.
   * @throws ConflictError `TRANSACTION_CONFLICT` when something it read was changed by another commit, after all retries
   */
  transaction<T>(run: Run | string, fn: (transaction: OpenTransaction) => T, options: TransactionOptions = {}): T {
    return this.#parts.transactions.closure(this.#run(run), fn, options);
  }

  /** The same, with the commit's version beside the result; without a write, the version its reads saw. */
  transactionWithVersion<T>(
    run: Run | string,
    fn: (transaction: OpenTransaction) => T,
    options: TransactionOptions = {},
  ): [T, Version] {
    let version = 0;
    const result = this.transaction(
      run,
      (transaction) => {
        version = transaction.startVersion;
        transaction.onCommit((info) => {
          version = info.version;
        });
        return fn(transaction);
      },
      options,
    );
    return [result, version];
  }

  transactionWithRetry<T>(
    run: Run | string,
    retry: NonNullable<TransactionOptions["retry"]>,
    fn: (transaction: OpenTransaction) => T,
  ): T {
    return this.transaction(run, fn, { retry });
  }

  transactionWithTimeout<T>(run: Run | string, timeoutMs: number, fn: (transaction: OpenTransaction) => T): T {
    return this.transaction(run, fn, { timeoutMs });
  }

  transactionWithDurability<T>(
    run: Run | string,
    durability: NonNullable<TransactionOptions["durability"]>,
    fn: (transaction: OpenTransaction) => T,
  ): T {
    return this.transaction(run, fn, { durability });
  }

  /** By hand: end it with `commitTransaction` or `endTransaction`. It may stay open across awaits. */
  beginTransaction(run: Run | string, options: TransactionOptions = {}): OpenTransaction {
    return this.#parts.transactions.begin(this.#run(run), options);
  }

  commitTransaction(transaction: OpenTransaction): CommitInfo {
    return transaction.commit();
  }

  /** Rolls back what was not committed. */
  endTransaction(transaction: OpenTransaction): void {
    transaction.rollback("ended");
  }

  // ── Single keys of the key-value primitive, space "default" ──

  put(run: Run | string, key: string, value: Value): Version {
    return this.#kv(run).put(key, value) as Version;
  }

  get(run: Run | string, key: string): Value | undefined {
    return this.#kv(run).get(key);
  }

  delete(run: Run | string, key: string): boolean {
    return this.#kv(run).delete(key);
  }

  /** Over `expected` only, 0 for an absent key. @throws ConflictError `VERSION_CONFLICT` */
  cas(run: Run | string, key: string, expected: Version, value: Value): Version {
    return this.#kv(run).put(key, value, { ifVersion: expected }) as Version;
  }

  // ── Life ──

  /** True while new transactions are taken. */
  get isOpen(): boolean {
    return this.#parts.gate.isOpen && this.#parts.gate.isAccepting;
  }

  get isReadOnly(): boolean {
    return this.#parts.gate.isReadOnly;
  }

  get isEphemeral(): boolean {
    return !this.#parts.durability.isPersistent();
  }

  get persistenceMode(): PersistenceMode {
    return this.isEphemeral ? "ephemeral" : "disk";
  }

  get durabilityMode(): string {
    return this.#parts.durability.modeName;
  }

  /** Where its files are, `undefined` when there are none. */
  get dataDir(): string | undefined {
    return this.#parts.durability.describe().path;
  }

  /** The backend's own account of its log, `undefined` when there is none. For looking, not for writing. */
  get wal(): Pick<Durability, "epoch" | "durableThrough" | "counters" | "describe"> | undefined {
    return this.#parts.durability.requiresWal() ? this.#parts.durability : undefined;
  }

  /** Returns once everything acknowledged is on stable storage. */
  flush(): void {
    this.#parts.gate.assertOpen();
    if (this.#parts.durability.requiresWal() && !this.#parts.gate.isReadOnly) this.#parts.durability.flush();
  }

  /** The same without blocking. */
  async durable(): Promise<void> {
    this.#parts.gate.assertOpen();
    if (this.#parts.durability.requiresWal() && !this.#parts.gate.isReadOnly) await this.#parts.durability.durable();
  }

  /**
   * Writes what was committed since the last checkpoint into snapshot files, in slices, while reads and writes go on: the log behind it is
   * not read any more when the database is opened, and what it holds of history leaves memory.
   *
   * @throws StateError `READ_ONLY`, `DATABASE_CLOSED`; InvalidArgumentError `INVALID_ARGUMENT` where there are no files
   */
  async checkpoint(work: LongWork = {}): Promise<CheckpointInfo> {
    this.#parts.gate.assertOpen();
    this.#parts.gate.assertWritable();
    const { runs, bytes, logBytesRetired } = await this.#mustCheckpoint().run(work);
    return Object.freeze({ runs, bytes, logBytesRetired });
  }

  /**
   * Drops the history that retention does not keep, forgets keys that are gone, and makes files smaller of which little is in use. In slices,
   * while reads and writes go on.
   *
   * @param options.erase everything is written anew and the log is cut: nothing that was deleted or trimmed stays on the disk.
   * @throws StateError `READ_ONLY`, `DATABASE_CLOSED`; what the disk says, and then nothing is lost
   */
  async compact(options: LongWork & Options<{ erase: boolean }> = {}): Promise<CompactionInfo> {
    this.#parts.gate.assertOpen();
    this.#parts.gate.assertWritable();
    return Object.freeze(await this.#parts.compaction.run(options.erase === true, options));
  }

  /**
   * Reads everything that log and files have, in slices, and holds it against each other: checksums, the catalogue against the segments, every
   * commit behind the checkpoint, chains of events, the registry of runs. What is damaged is reported, not thrown.
   */
  async verify(work: LongWork = {}): Promise<VerifyReport> {
    this.#parts.gate.assertOpen();
    return await this.#parts.upkeep.verify(work);
  }

  /**
   * Writes all that is committed into an empty backend, in slices, while reads and writes go on: one version of the whole database, with its
   * history. The target is recovered, written and closed here; what it held early on is an empty database, so give the copy its place when
   * this has returned.
   *
   * @throws InvalidArgumentError `INVALID_ARGUMENT` when the target is not empty or keeps no files; CorruptionError of what cannot be read
   */
  async backup(target: Durability, work: LongWork = {}): Promise<BackupInfo> {
    this.#parts.gate.assertOpen();
    return await this.#parts.upkeep.backup(target, work);
  }

  commitStatus(commit: CommitIdentity): CommitStatus {
    this.#parts.gate.assertOpen();
    const legal =
      typeof commit === "object" &&
      commit !== null &&
      Number.isSafeInteger(commit.epoch) &&
      Number.isSafeInteger(commit.version);
    if (!legal)
      throw new InvalidArgumentError("INVALID_ARGUMENT", "a commit is named by its epoch and version", { commit });
    return this.#parts.durability.commitStatus(commit);
  }

  /**
   * Takes no new transactions, waits for open ones, makes everything durable and closes.
   *
   * @param options.timeoutMs how long to wait, 30 000 by default.
   * @throws StateError `SHUTDOWN_TIMEOUT`; the database then still refuses new work, and both `shutdown` and `close` may be called
   */
  async shutdown(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    if (!this.#parts.gate.isOpen) return;
    const timeoutMs = options.timeoutMs ?? SHUTDOWN_TIMEOUT_MS;
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "timeoutMs must be a number of milliseconds", { timeoutMs });
    }
    this.#parts.gate.isAccepting = false;
    if (!(await this.coordinator.idleWithin(timeoutMs, this.timer))) {
      const open = this.#parts.transactions.open.map(({ run, startVersion }) => ({ run: run.name, startVersion }));
      const message = `transactions were still open after ${timeoutMs} ms: ${open.length}`;
      throw new StateError("SHUTDOWN_TIMEOUT", message, { timeoutMs, open });
    }
    if (this.#parts.checkpointsOnShutdown && this.#parts.durability.health === "ok") await this.#lastCheckpoint();
    this.close();
  }

  /** At once: open transactions roll back, what was acknowledged is made durable, everything is released. A second call does nothing. */
  close(): void {
    if (!this.#parts.gate.isOpen) return;
    const reason = new StateError("DATABASE_CLOSED", "the database was closed while the transaction was open", {});
    for (const transaction of this.#parts.transactions.open)
      transaction.abort(reason, "rolled back when the database closed");
    this.#parts.gate.isAccepting = false;
    this.#parts.gate.isOpen = false;
    this.history.close();
    this.#parts.checkpointer?.close();
    this.#parts.views.closed();
    this.#parts.durability.shutdown();
  }

  // ── Looking ──

  metrics(): TransactionMetrics {
    this.#parts.gate.assertOpen();
    return this.coordinator.metrics(this.#parts.durability.stalls);
  }

  /** The version of this software. */
  ping(): string {
    this.#parts.gate.assertOpen();
    return VERSION;
  }

  info(): DatabaseInfo {
    this.#parts.gate.assertOpen();
    return describeDatabase({
      durability: this.#parts.durability,
      runs: this.runs,
      health: this.#health(),
      openTransactions: this.#parts.transactions.open.length,
      uptimeMs: (this.runtime.clock.now() - this.#openedAt) / 1000,
      clockBehindMs: this.#clockBehindMs(),
      recovery: this.#parts.recovered.report,
    });
  }

  /** What a run takes, and how many keys it has. Encodes everything of it that is in memory only: not for every second. */
  runStats(run: Run | string): RunStats {
    const { shard, number } = this.#run(run);
    return statsOf(shard, this.#parts.checkpointer?.bytesOf(number));
  }

  // ── Extending ──

  /** State of another module that belongs to this database: one instance a type, made on first use. */
  extension<T>(type: PlainExtensionType<T>): T;
  extension<T>(type: ExtensionType<T>, make: () => T): T;
  extension<T>(type: PlainExtensionType<T>, make: () => T = () => new type()): T {
    this.#parts.gate.assertOpen();
    return this.#extensions.get(type, make);
  }

  /** Lets `index` follow every commit from now on. */
  registerIndex(index: DerivedIndex): void {
    this.#parts.gate.assertOpen();
    this.#parts.views.register(index);
  }

  /**
   * An image that the index of that name gave for the last checkpoint, of a run and by its name; `undefined` where there is none. To be read at
   * once: its files may go with the next checkpoint.
   *
   * @throws CorruptionError `SNAPSHOT_CORRUPT` when it is damaged, here and by its pages; StateError `FORMAT_TOO_NEW`. It is of no use then, and
   *   the index is built anew.
   */
  savedImage(index: string, run: RunId, name: string): SavedImage | undefined {
    this.#parts.gate.assertOpen();
    return this.#parts.checkpointer?.savedImage(index, run, name);
  }

  #begin(options: DatabaseOptions): void {
    if (!this.runs.exists(DEFAULT_RUN) && !this.#parts.gate.isReadOnly) this.runs.create(DEFAULT_RUN);
    const clockBehindMs = this.#clockBehindMs();
    if (clockBehindMs !== undefined) {
      const message = "the newest commit lies ahead of the clock; timestamps go on from there";
      this.logger.log("warn", "strata.recovery", message, { clockBehindMs });
    }
    recoverAllParticipants(this, options.participants);
  }

  #run(run: Run | string): Run {
    this.#parts.gate.assertOpen();
    return typeof run === "string" ? this.runs.must(run) : run;
  }

  /** One that fails loses nothing: the log holds what it would have written. */
  async #lastCheckpoint(): Promise<void> {
    try {
      await this.#parts.checkpointer?.run();
    } catch (cause) {
      this.logger.log("warn", "strata.checkpoint", "the last checkpoint failed; the next opening reads the log", {
        cause,
      });
    }
  }

  #mustCheckpoint(): Checkpointer {
    if (this.#parts.checkpointer !== undefined) return this.#parts.checkpointer;
    throw new InvalidArgumentError("INVALID_ARGUMENT", "a database in memory has no files to write a checkpoint to", {
      durability: this.durabilityMode,
    });
  }

  #kv(run: Run | string): KvStore {
    return new KvStore(this.head(this.#run(run)));
  }

  #health(): Health {
    const cause = this.#parts.durability.cause ?? this.#parts.commitPass.defect;
    if (this.#parts.durability.health === "poisoned" || this.#parts.commitPass.defect !== undefined)
      return Object.freeze(StrataError.is(cause) ? { state: "poisoned", cause } : { state: "poisoned" });
    const failure = this.#parts.checkpointer?.failure;
    if (failure === undefined) return Object.freeze({ state: "ok" });
    return Object.freeze({ state: "degraded", ...(failure.cause === undefined ? {} : { cause: failure.cause }) });
  }

  #clockBehindMs(): number | undefined {
    const behind = this.#parts.recovered.lastTimestamp - this.#openedAt;
    return behind > CLOCK_TOLERANCE_US ? behind / 1000 : undefined;
  }
}

/** Clocks of machines differ by less; more is worth a warning. Microseconds. */
const CLOCK_TOLERANCE_US = 60_000_000;
