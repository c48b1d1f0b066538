import { VersionAllocator } from "@strata/concurrency";
import {
  type AsOf,
  defaultRuntime,
  InvalidArgumentError,
  type Limits,
  type Logger,
  type Options,
  type Runtime,
  resolveLimits,
  StateError,
  StrataError,
  silentLogger,
  systemTimer,
  type Timer,
  type Value,
  type Version,
} from "@strata/core";
import { type CommitIdentity, type CommitStatus, type Durability, InMemoryDurability } from "@strata/durability";
import { ReadView, ShardedStore } from "@strata/storage";
import { RunAlgebra } from "./algebra/run-algebra.js";
import { timeOf, timestampOf, versionOf } from "./as-of.js";
import { RunBundles } from "./bundle/run-bundles.js";
import { Checkpointer, type CheckpointInfo } from "./checkpoint/checkpointer.js";
import type { BackupInfo } from "./checkpoint/copy-writer.js";
import { Upkeep } from "./checkpoint/upkeep.js";
import type { VerifyReport } from "./checkpoint/verification.js";
import { CommitPass } from "./commit.js";
import { Compaction, type CompactionInfo } from "./compaction.js";
import { TransactionCoordinator, type TransactionMetrics } from "./coordinator.js";
import { type Backend, DatabaseBuilder } from "./database-builder.js";
import { describeDatabase } from "./database-info.js";
import { checkpointSettings, type DatabaseInfo, type DatabaseOptions, type Health } from "./database-options.js";
import { type DerivedIndex, DerivedViews } from "./derived-index.js";
import { Extensions, type ExtensionType } from "./extensions.js";
import { Gate } from "./gate.js";
import { HeadScope } from "./head-scope.js";
import type { LongWork } from "./long-work.js";
import type { CommitInfo, OpenTransaction } from "./open-transaction.js";
import { VERSION } from "./package-version.js";
import { PastScope } from "./past-scope.js";
import { KvStore } from "./primitives/kv.js";
import { type Recovered, recover } from "./recovery.js";
import { recoverAllParticipants } from "./recovery-participant.js";
import { ReplayedScope, replayLog, replayTimeline } from "./replay.js";
import { RetentionPins } from "./retention-pins.js";
import { keepAll, rulesOf } from "./retention-policy.js";
import { RetentionWriting } from "./retention-writing.js";
import type { Run, RunInfo } from "./run.js";
import { RunAdoption } from "./run-adoption.js";
import { RunHistory } from "./run-history.js";
import { DEFAULT_RUN, RunRegistry } from "./run-registry.js";
import { RunRetention } from "./run-retention.js";
import { type RunStats, statsOf } from "./run-stats.js";
import { DEFAULT_SPACE, type Scope } from "./scope.js";
import { SpaceRegistry } from "./space-registry.js";
import { TransactionPool } from "./transaction-pool.js";
import { type TransactionOptions, Transactions } from "./transactions.js";

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
  readonly #durability: Durability;
  readonly #gate: Gate;
  readonly #commitPass: CommitPass;
  readonly #transactions: Transactions;
  readonly #views: DerivedViews;
  readonly #extensions = new Extensions();
  readonly #recovered: Recovered;
  /** `undefined` where the log is all that is kept. */
  readonly #checkpointer: Checkpointer | undefined;
  readonly #compaction: Compaction;
  readonly #upkeep: Upkeep;
  readonly #checkpointsOnShutdown: boolean;
  readonly #openedAt: number;

  /** Opens and recovers; see `Database.open`. */
  private constructor(options: DatabaseOptions) {
    const base = defaultRuntime();
    this.runtime = { ...base, clock: options.clock ?? base.clock, random: options.random ?? base.random };
    this.limits = resolveLimits(options.limits);
    this.logger = options.logger ?? silentLogger;
    this.timer = options.timer ?? systemTimer;
    this.#durability = options.durability;
    this.#gate = new Gate();
    this.#gate.isReadOnly = options.readOnly === true;
    this.#views = new DerivedViews(this.logger);
    this.storage = new ShardedStore();
    this.pool = new TransactionPool();

    let allocator = new VersionAllocator(1);
    this.runs = new RunRegistry({
      gate: this.#gate,
      store: this.storage,
      views: this.#views,
      runtime: this.runtime,
      limits: this.limits,
      drawNumber: () => allocator.next() as Run["number"],
    });
    const pins = new RetentionPins({
      runs: this.runs.live,
      clock: this.runtime.clock,
      lowestStart: (shard) => this.#transactions.lowestStart(shard),
    });
    this.retention = new RunRetention(rulesOf(options.retention ?? keepAll()), pins);
    const { walSizeBytes, onClose, memoryBudgetBytes } = checkpointSettings(options);
    this.#checkpointsOnShutdown = onClose && !this.#gate.isReadOnly;
    const { snapshots } = this.#durability;
    this.#checkpointer =
      snapshots === undefined
        ? undefined
        : new Checkpointer({
            durability: this.#durability,
            files: snapshots,
            store: this.storage,
            runs: this.runs.live,
            clock: this.runtime.clock,
            timer: this.timer,
            logger: this.logger,
            settings: {
              walSizeBytes: this.#gate.isReadOnly ? Number.POSITIVE_INFINITY : walSizeBytes,
              memoryBudgetBytes,
            },
            policy: new RetentionWriting(this.runs.live, this.retention),
            drawMoment: () => ({ version: allocator.next(), timestamp: this.#commitPass.lastTimestamp }),
          });
    this.#recovered = recover(
      this.#durability,
      this.runs.live,
      (checkpoint) => this.#checkpointer?.recovered(checkpoint) ?? 0,
    );
    allocator = new VersionAllocator(this.#recovered.nextVersion);
    if (this.#checkpointer !== undefined) this.#views.register(this.#checkpointer);

    this.coordinator = new TransactionCoordinator(this.#durability.epoch, () => this.#commitPass.lastVersion);
    this.#commitPass = new CommitPass({
      durability: this.#durability,
      allocator,
      runs: this.runs.live,
      retention: this.retention,
      views: this.#views,
      runtime: this.runtime,
      limits: this.limits,
      logger: this.logger,
      perf: options.perf,
      lastTimestamp: this.#recovered.lastTimestamp,
    });
    this.#transactions = new Transactions({
      gate: this.#gate,
      clock: this.runtime.clock,
      limits: this.limits,
      commitPass: this.#commitPass,
      coordinator: this.coordinator,
      durability: this.#durability,
      pool: this.pool,
      timer: this.timer,
      logger: this.logger,
    });
    const epochsBefore = this.#checkpointer?.catalogue.epochsBefore ?? 0;
    this.runs.connect(this.#transactions, this.#durability.epoch + epochsBefore);
    const pointOf = (run: Run, at: AsOf | undefined) => versionOf(run, at, this.#commitPass.lastVersion);
    this.algebra = new RunAlgebra({
      registry: this.runs,
      transactions: this.#transactions,
      versionOf: pointOf,
    });
    this.bundles = new RunBundles({
      gate: this.#gate,
      runtime: this.runtime,
      timer: this.timer,
      limits: this.limits,
      host: new RunAdoption({
        runs: this.runs,
        store: this.storage,
        commitPass: this.#commitPass,
        checkpointer: this.#checkpointer,
        drawNumber: () => allocator.next() as Run["number"],
      }),
    });
    this.history = new RunHistory({
      gate: this.#gate,
      registry: this.runs,
      views: this.#views,
      durability: this.#durability,
      newestVersion: () => this.#commitPass.lastVersion,
      versionOf: (run, at) => this.#wholeVersionOf(run, at),
    });
    this.#compaction = new Compaction({
      durability: this.#durability,
      runs: this.runs.live,
      retention: this.retention,
      checkpointer: this.#checkpointer,
      policy: new RetentionWriting(this.runs.live, this.retention),
      clock: this.runtime.clock,
      timer: this.timer,
    });
    this.#upkeep = new Upkeep({
      gate: this.#gate,
      durability: this.#durability,
      runs: this.runs.live,
      checkpointer: this.#checkpointer,
      shards: () => this.storage.loaded(),
      runtime: this.runtime,
      clock: this.runtime.clock,
      timer: this.timer,
      logger: this.logger,
      newest: () => ({ version: this.#commitPass.lastVersion, timestamp: this.#commitPass.lastTimestamp }),
    });
    this.#openedAt = this.runtime.clock.now();
    const { onHealth } = options;
    if (onHealth !== undefined)
      this.#durability.onHealth(() => this.#transactions.guard(() => onHealth(this.#health())));
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
      if (database !== undefined) database.#gate.isOpen = false;
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
    return new HeadScope(this.#transactions, this.history, run, space);
  }

  /**
   * A run as it was at a point, or as it is now: retention keeps that version until the view is disposed of.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, for a point before the run began
   * @throws InvalidArgumentError `INVALID_ARGUMENT` for a version that is still to come
   */
  at(run: Run, space: string = DEFAULT_SPACE, point?: AsOf): PastScope {
    this.#gate.assertOpen();
    run.assertAlive();
    const version = versionOf(run, point, this.#commitPass.lastVersion);
    const timestamp = point === undefined ? this.runtime.clock.now() : timestampOf(run, point, version);
    return new PastScope(this.#gate, run, space, new ReadView(run.shard, version), timestamp, this.limits);
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
    const version = versionOf(live, point, this.#commitPass.lastVersion);
    const replayed = this.#durability.requiresWal()
      ? replayLog(this.#durability, live, version, this.runs.system.version)
      : replayTimeline(live, version);
    const ofPoint = point === undefined ? undefined : timeOf(point);
    const timestamp = ofPoint ?? (replayed.shard.timestampAt(version) || live.createdAt);
    const release = this.#checkpointer?.holdFiles() ?? (() => {});
    return new ReplayedScope(this.#gate, replayed, { space, version, timestamp }, this.limits, release);
  }

  /**
   * New runs that begin with everything the source holds at a point, or now. Takes the same time whatever that is.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   * @throws StateError `RUN_EXISTS`, `HISTORY_TRIMMED`
   */
  fork(source: Run, names: readonly string[], point?: AsOf, meta?: object): RunInfo[] {
    this.#gate.assertOpen();
    return this.runs.fork(source, this.#wholeVersionOf(source, point), names, meta);
  }

  spaces(run: Run): SpaceRegistry {
    return new SpaceRegistry(this.#transactions, run);
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
    return this.#transactions.closure(this.#run(run), fn, options);
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
    return this.#transactions.begin(this.#run(run), options);
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
    return this.#gate.isOpen && this.#gate.isAccepting;
  }

  get isReadOnly(): boolean {
    return this.#gate.isReadOnly;
  }

  get isEphemeral(): boolean {
    return !this.#durability.isPersistent();
  }

  get persistenceMode(): PersistenceMode {
    return this.isEphemeral ? "ephemeral" : "disk";
  }

  get durabilityMode(): string {
    return this.#durability.modeName;
  }

  /** Where its files are, `undefined` when there are none. */
  get dataDir(): string | undefined {
    return this.#durability.describe().path;
  }

  /** The backend's own account of its log, `undefined` when there is none. For looking, not for writing. */
  get wal(): Pick<Durability, "epoch" | "durableThrough" | "counters" | "describe"> | undefined {
    return this.#durability.requiresWal() ? this.#durability : undefined;
  }

  /** Returns once everything acknowledged is on stable storage. */
  flush(): void {
    this.#gate.assertOpen();
    if (this.#durability.requiresWal() && !this.#gate.isReadOnly) this.#durability.flush();
  }

  /** The same without blocking. */
  async durable(): Promise<void> {
    this.#gate.assertOpen();
    if (this.#durability.requiresWal() && !this.#gate.isReadOnly) await this.#durability.durable();
  }

  /**
   * Writes what was committed since the last checkpoint into snapshot files, in slices, while reads and writes go on: the log behind it is
   * not read any more when the database is opened, and what it holds of history leaves memory.
   *
   * @throws StateError `READ_ONLY`, `DATABASE_CLOSED`; InvalidArgumentError `INVALID_ARGUMENT` where there are no files
   */
  async checkpoint(work: LongWork = {}): Promise<CheckpointInfo> {
    this.#gate.assertOpen();
    this.#gate.assertWritable();
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
    this.#gate.assertOpen();
    this.#gate.assertWritable();
    return Object.freeze(await this.#compaction.run(options.erase === true, options));
  }

  /**
   * Reads everything that log and files have, in slices, and holds it against each other: checksums, the catalogue against the segments, every
   * commit behind the checkpoint, chains of events, the registry of runs. What is damaged is reported, not thrown.
   */
  async verify(work: LongWork = {}): Promise<VerifyReport> {
    this.#gate.assertOpen();
    return await this.#upkeep.verify(work);
  }

  /**
   * Writes all that is committed into an empty backend, in slices, while reads and writes go on: one version of the whole database, with its
   * history. The target is recovered, written and closed here; what it held early on is an empty database, so give the copy its place when
   * this has returned.
   *
   * @throws InvalidArgumentError `INVALID_ARGUMENT` when the target is not empty or keeps no files; CorruptionError of what cannot be read
   */
  async backup(target: Durability, work: LongWork = {}): Promise<BackupInfo> {
    this.#gate.assertOpen();
    return await this.#upkeep.backup(target, work);
  }

  commitStatus(commit: CommitIdentity): CommitStatus {
    this.#gate.assertOpen();
    const legal =
      typeof commit === "object" &&
      commit !== null &&
      Number.isSafeInteger(commit.epoch) &&
      Number.isSafeInteger(commit.version);
    if (!legal)
      throw new InvalidArgumentError("INVALID_ARGUMENT", "a commit is named by its epoch and version", { commit });
    return this.#durability.commitStatus(commit);
  }

  /**
   * Takes no new transactions, waits for open ones, makes everything durable and closes.
   *
   * @param options.timeoutMs how long to wait, 30 000 by default.
   * @throws StateError `SHUTDOWN_TIMEOUT`; the database then still refuses new work, and both `shutdown` and `close` may be called
   */
  async shutdown(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    if (!this.#gate.isOpen) return;
    const timeoutMs = options.timeoutMs ?? SHUTDOWN_TIMEOUT_MS;
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "timeoutMs must be a number of milliseconds", { timeoutMs });
    }
    this.#gate.isAccepting = false;
    if (!(await this.coordinator.idleWithin(timeoutMs, this.timer))) {
      const open = this.#transactions.open.map(({ run, startVersion }) => ({ run: run.name, startVersion }));
      const message = `transactions were still open after ${timeoutMs} ms: ${open.length}`;
      throw new StateError("SHUTDOWN_TIMEOUT", message, { timeoutMs, open });
    }
    if (this.#checkpointsOnShutdown && this.#durability.health === "ok") await this.#lastCheckpoint();
    this.close();
  }

  /** At once: open transactions roll back, what was acknowledged is made durable, everything is released. A second call does nothing. */
  close(): void {
    if (!this.#gate.isOpen) return;
    const reason = new StateError("DATABASE_CLOSED", "the database was closed while the transaction was open", {});
    for (const transaction of this.#transactions.open)
      transaction.abort(reason, "rolled back when the database closed");
    this.#gate.isAccepting = false;
    this.#gate.isOpen = false;
    this.history.close();
    this.#checkpointer?.close();
    this.#durability.shutdown();
  }

  // ── Looking ──

  metrics(): TransactionMetrics {
    this.#gate.assertOpen();
    return this.coordinator.metrics(this.#durability.stalls);
  }

  /** The version of this software. */
  ping(): string {
    this.#gate.assertOpen();
    return VERSION;
  }

  info(): DatabaseInfo {
    this.#gate.assertOpen();
    return describeDatabase({
      durability: this.#durability,
      runs: this.runs,
      health: this.#health(),
      openTransactions: this.#transactions.open.length,
      uptimeMs: (this.runtime.clock.now() - this.#openedAt) / 1000,
      clockBehindMs: this.#clockBehindMs(),
      recovery: this.#recovered.report,
    });
  }

  /** What a run takes, and how many keys it has. Encodes everything of it that is in memory only: not for every second. */
  runStats(run: Run | string): RunStats {
    const { shard, number } = this.#run(run);
    return statsOf(shard, this.#checkpointer?.bytesOf(number));
  }

  // ── Extending ──

  /** State of another module that belongs to this database: one instance a type, made on first use. */
  extension<T>(type: ExtensionType<T>, make?: () => T): T {
    this.#gate.assertOpen();
    return this.#extensions.get(type, make);
  }

  /** Lets `index` follow every commit from now on. */
  registerIndex(index: DerivedIndex): void {
    this.#gate.assertOpen();
    this.#views.register(index);
  }

  #begin(options: DatabaseOptions): void {
    if (!this.runs.exists(DEFAULT_RUN) && !this.#gate.isReadOnly) this.runs.create(DEFAULT_RUN);
    const clockBehindMs = this.#clockBehindMs();
    if (clockBehindMs !== undefined) {
      const message = "the newest commit lies ahead of the clock; timestamps go on from there";
      this.logger.log("warn", "strata.recovery", message, { clockBehindMs });
    }
    recoverAllParticipants(this, options.participants);
  }

  #run(run: Run | string): Run {
    this.#gate.assertOpen();
    return typeof run === "string" ? this.runs.must(run) : run;
  }

  /** The version that a point of a run means, for who is going to hold on to it. */
  #wholeVersionOf(run: Run, point: AsOf | undefined): Version {
    const version = versionOf(run, point, this.#commitPass.lastVersion);
    this.retention.assertWhole(run, version);
    return version;
  }

  /** One that fails loses nothing: the log holds what it would have written. */
  async #lastCheckpoint(): Promise<void> {
    try {
      await this.#checkpointer?.run();
    } catch (cause) {
      this.logger.log("warn", "strata.checkpoint", "the last checkpoint failed; the next opening reads the log", {
        cause,
      });
    }
  }

  #mustCheckpoint(): Checkpointer {
    if (this.#checkpointer !== undefined) return this.#checkpointer;
    throw new InvalidArgumentError("INVALID_ARGUMENT", "a database in memory has no files to write a checkpoint to", {
      durability: this.durabilityMode,
    });
  }

  #kv(run: Run | string): KvStore {
    return new KvStore(this.head(this.#run(run)));
  }

  #health(): Health {
    const cause = this.#durability.cause ?? this.#commitPass.defect;
    if (this.#durability.health === "poisoned" || this.#commitPass.defect !== undefined)
      return Object.freeze(StrataError.is(cause) ? { state: "poisoned", cause } : { state: "poisoned" });
    const failure = this.#checkpointer?.failure;
    if (failure === undefined) return Object.freeze({ state: "ok" });
    return Object.freeze({ state: "degraded", ...(failure.cause === undefined ? {} : { cause: failure.cause }) });
  }

  #clockBehindMs(): number | undefined {
    const behind = this.#recovered.lastTimestamp - this.#openedAt;
    return behind > CLOCK_TOLERANCE_US ? behind / 1000 : undefined;
  }
}

/** Clocks of machines differ by less; more is worth a warning. Microseconds. */
const CLOCK_TOLERANCE_US = 60_000_000;
