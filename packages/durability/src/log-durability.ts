import {
  assert,
  InvariantError,
  IoError,
  type Lsn,
  StateError,
  StrataError,
  lsn as toLsn,
  type Version,
} from "@strata/core";
import type {
  CommitIdentity,
  CommitStatus,
  Durability,
  DurabilityCounters,
  DurabilityDescription,
  DurabilityHealth,
  DurabilityMode,
  RecoverySummary,
} from "./durability.js";
import { GroupCommit } from "./group-commit.js";
import { HealthState } from "./health-state.js";
import { type LogOptions, type LogSettings, resolveLogOptions } from "./log-options.js";
import { LogPoisoned, toStrataError } from "./log-poisoned.js";
import { LOCK_NAME, type OwnManifests, surveyDirectory } from "./manifest-directory.js";
import { type OwnedLog, type RecoveredLog, recoverForReading, recoverForWriting } from "./recovery.js";
import { commitStatusOf, summaryOf } from "./recovery-summary.js";
import type { SyncDriver } from "./sync-driver.js";
import { SyncWindow } from "./sync-window.js";
import { UnsyncedTrail } from "./unsynced-trail.js";
import type { Vfs, VfsLock } from "./vfs.js";
import { WalWriter } from "./wal-writer.js";

/** Commits that may be unsynced, in windows, before a buffered one waits. */
const PENDING_WINDOWS_MAX = 10;

/** A pause of so many windows makes the log mark how far it is durable. */
const IDLE_WINDOWS = 2;

/**
 * A log in files: the whole machine behind every mode. `append` writes on the caller's thread; the `SyncDriver` syncs
 * behind its back.
 *
 * Invariants:
 *  1. `#durableLsn` is at most what fsyncs without error have covered; it never falls.
 *  2. Nothing is acknowledged as strict above `#durableLsn`, after a failure, or without a look at the fence since its fsync.
 *  3. Once `#health` is poisoned, nothing is written or synced any more.
 *  4. `#writer`, `#manifests` and `#trail` are set exactly while the log is open for writing.
 */
export class LogDurability implements Durability {
  readonly modeName: string;
  readonly counters: DurabilityCounters;
  readonly #vfs: Vfs;
  readonly #driver: SyncDriver;
  readonly #settings: LogSettings;
  readonly #health = new HealthState();
  readonly #window: SyncWindow;
  readonly #group: GroupCommit;
  readonly #counts = { appends: 0, bytes: 0, fsyncsBefore: 0, rollsBefore: 0 };
  #state: "new" | "writing" | "reading" | "closed" = "new";
  #lock: VfsLock | undefined;
  #writer: WalWriter | undefined;
  #manifests: OwnManifests | undefined;
  #recovered: RecoveredLog | undefined;
  #trail = new UnsyncedTrail(0, 0);
  #epoch = 0;
  #durableLsn = 0;
  #versionMax = 0;
  #stalls = 0;
  #background = false;
  #cancelIdle: (() => void) | undefined;
  #appendsWhenArmed = 0;
  #appendsWhenMarked = 0;

  /**
   * @param driver is started, used and stopped by this log alone.
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT`
   */
  constructor(vfs: Vfs, driver: SyncDriver, options: LogOptions = {}) {
    this.#vfs = vfs;
    this.#driver = driver;
    this.#settings = resolveLogOptions(options);
    this.modeName = this.#settings.mode;
    this.#window = new SyncWindow(this.#settings.flushIntervalMs);
    this.#background = this.#settings.flushThread;
    this.#group = new GroupCommit(
      (lsn) => this.#syncInBackground(lsn),
      (lsn) => this.#confirm(lsn),
    );
    this.counters = this.#makeCounters();
  }

  isPersistent(): boolean {
    return true;
  }

  requiresWal(): boolean {
    return true;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get durableThrough(): Version {
    this.#advance();
    return this.#trail.syncedVersion;
  }

  get health(): DurabilityHealth {
    return this.#health.cause === undefined ? "ok" : "poisoned";
  }

  get cause(): StrataError | undefined {
    return this.#health.cause;
  }

  get stalls(): number {
    return this.#stalls;
  }

  onHealth(listener: (health: DurabilityHealth, cause: StrataError | undefined) => void): () => void {
    return this.#health.listen(listener);
  }

  recover(visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void): RecoverySummary {
    if (this.#state === "closed") throw closed();
    assert(this.#state === "new", "a log is recovered once");
    const visitCommit = (payload: Uint8Array, endLsn: number, version: number) =>
      visit(payload, toLsn(endLsn), version);
    const { readOnly } = this.#settings;
    // A lock makes a file: not where there is nothing to read.
    if (readOnly && surveyDirectory(this.#vfs).manifests.length === 0)
      recoverForReading(this.#recoveryContext(), visitCommit);
    const lock = this.#vfs.lock(LOCK_NAME, readOnly ? "shared" : "exclusive");
    try {
      if (readOnly) this.#openForReading(recoverForReading(this.#recoveryContext(), visitCommit));
      else this.#openForWriting(recoverForWriting(this.#recoveryContext(), visitCommit));
    } catch (error) {
      lock.release();
      throw error instanceof LogPoisoned ? error.cause : error;
    }
    this.#lock = lock;
    return summaryOf(this.#recovered!, this.#epoch);
  }

  append(version: Version, payload: Uint8Array): Lsn {
    const writer = this.#writer;
    if (writer === undefined || this.#health.cause !== undefined || this.#driver.failed) throw this.#refusal();
    assert(Number.isSafeInteger(version) && version > this.#trail.lastVersion, "versions rise strictly");
    if (version > this.#versionMax) this.#versionMax = version;
    const before = writer.endLsn;
    let endLsn: number;
    try {
      endLsn = writer.append(version, payload, this.#advance());
    } catch (error) {
      throw this.#appendFailed(error, version);
    }
    this.#trail.push(endLsn, version);
    this.#counts.appends += 1;
    this.#counts.bytes += endLsn - before;
    if (this.#cancelIdle === undefined) this.#armIdle();
    return toLsn(endLsn);
  }

  settle(lsn: Lsn, mode: DurabilityMode = this.#settings.mode): void {
    if (mode === "strict") {
      this.#settleStrict(lsn);
      return;
    }
    if (this.#health.cause !== undefined) this.#refuseUnlessDurable(lsn);
    if (mode === "none") return;
    const stalledThrough = this.#requestSync(lsn);
    if (stalledThrough === 0) return;
    this.#driver.wait(toLsn(stalledThrough));
    this.#advance();
    if (this.#driver.failed) throw this.#unknown(lsn, this.#driverFailed());
  }

  settled(lsn: Lsn, mode: DurabilityMode = this.#settings.mode): Promise<void> {
    try {
      if (this.#health.cause !== undefined) this.#refuseUnlessDurable(lsn);
      if (mode === "none") return Promise.resolve();
      const target = mode === "strict" ? lsn : this.#requestSync(lsn);
      if (target === 0) return Promise.resolve();
      const version = this.#trail.versionAt(lsn);
      return this.#group.settled(target).catch((error: unknown) => {
        throw this.#outcomeUnknown(version, toStrataError(error));
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  persist(version: Version, payload: Uint8Array, mode?: DurabilityMode): void {
    this.settle(this.append(version, payload), mode);
  }

  flush(): void {
    if (this.#state === "closed") throw closed();
    if (this.#writer !== undefined) this.#settleStrict(this.#trail.lastLsn);
  }

  durable(): Promise<void> {
    if (this.#state === "closed") return Promise.reject(closed());
    if (this.#writer === undefined) return Promise.resolve();
    return this.settled(toLsn(this.#trail.lastLsn), "strict");
  }

  /** Starts the background fsync where `flushThread: false` kept `recover` from doing so. A second call does nothing. */
  startFlushThread(): void {
    this.#background = true;
    if (this.#writer !== undefined) this.#startDriver();
  }

  commitStatus(commit: CommitIdentity): CommitStatus {
    this.#advance();
    const own =
      this.#state === "reading" ? undefined : { epoch: this.#epoch, durableThrough: this.#trail.syncedVersion };
    return commitStatusOf(commit, this.#recovered, own);
  }

  describe(): DurabilityDescription {
    return {
      mode: this.modeName,
      path: this.#vfs.name,
      databaseId: this.#recovered?.databaseId,
      lockMethod: this.#lock?.method,
      segment: this.#writer?.segment,
      directorySync: this.#vfs.traits.directorySync,
      logBytes:
        (this.#writer?.endLsn ?? this.#recovered?.scan.endLsn ?? 0) - (this.#recovered?.scan.pieces[0]?.firstLsn ?? 0),
    };
  }

  shutdown(): void {
    const writer = this.#writer;
    if (writer === undefined || this.#health.cause !== undefined) {
      this.abandon();
      return;
    }
    try {
      this.#settleStrict(this.#trail.lastLsn);
      this.#closeCleanly(writer);
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    const writer = this.#writer;
    this.#state = "closed";
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    if (writer !== undefined) {
      this.#counts.fsyncsBefore = writer.fsyncs;
      this.#counts.rollsBefore = writer.rolls;
    }
    this.#writer = undefined;
    for (const release of [() => this.#driver.stop(false), () => writer?.close(), () => this.#lock?.release()]) {
      try {
        release();
      } catch (error) {
        this.#settings.logger.log("warn", "wal", "something could not be released", { error });
      }
    }
    this.#lock = undefined;
  }

  #recoveryContext() {
    const { clock, random, logger, sizes, consolidateBytes, salvage } = this.#settings;
    return { vfs: this.#vfs, clock, random, logger, sizes, consolidateBytes, salvage };
  }

  #openForReading(recovered: RecoveredLog & { readonly epoch: number }): void {
    this.#recovered = recovered;
    this.#epoch = recovered.epoch;
    this.#durableLsn = recovered.scan.durableLsn;
    this.#state = "reading";
  }

  #openForWriting(owned: OwnedLog): void {
    const { manifests, active, checksum, scan } = owned;
    const { random, sizes } = this.#settings;
    const context = { vfs: this.#vfs, driver: this.#driver, manifests, random, sizes };
    this.#recovered = owned;
    this.#manifests = manifests;
    this.#epoch = manifests.current.epoch;
    this.#durableLsn = scan.endLsn;
    this.#versionMax = scan.nextVersion - 1;
    this.#trail = new UnsyncedTrail(scan.endLsn, scan.lastVersion);
    this.#writer = new WalWriter(context, active, scan.endLsn, checksum, scan.lastVersion);
    this.#state = "writing";
    if (this.#background) this.#startDriver();
    this.#driver.segmentOpened(active.path, toLsn(active.header.firstLsn));
    this.#driver.synced(toLsn(scan.endLsn));
  }

  #startDriver(): void {
    const { flushIntervalMs, maxPendingWrites } = this.#settings;
    this.#driver.start({ flushIntervalMs, maxPendingWrites }, (error) => this.#poison(error));
  }

  /** Takes over what the driver has synced meanwhile. @returns up to where the log is on stable storage. */
  #advance(): number {
    const synced = this.#driver.syncedThrough;
    if (synced > this.#durableLsn && this.#health.cause === undefined) this.#setDurable(synced);
    return this.#durableLsn;
  }

  #setDurable(lsn: number): void {
    this.#durableLsn = lsn;
    this.#trail.advance(lsn);
    if (this.#writer?.hasOlder) this.#writer.release(lsn);
  }

  /** @returns through which LSN the log must be synced before the buffered commit may be acknowledged; 0 when it need not wait. */
  #requestSync(lsn: Lsn): number {
    const { maxPendingWrites, clock } = this.#settings;
    const synced = this.#advance();
    if (!this.#background) return this.#trail.unsynced >= maxPendingWrites ? lsn : 0;
    this.#driver.requested(lsn);
    let stalledThrough = this.#window.note(lsn, clock.now(), synced);
    if (this.#trail.unsynced > maxPendingWrites * PENDING_WINDOWS_MAX) {
      stalledThrough = this.#trail.lsnToLeave(maxPendingWrites * (PENDING_WINDOWS_MAX - 1));
    }
    if (stalledThrough > 0) this.#stalls += 1;
    return stalledThrough;
  }

  #settleStrict(lsn: number): void {
    if (this.#health.cause !== undefined) {
      this.#refuseUnlessDurable(lsn);
      return;
    }
    // What the driver has begun counts, and its failure too.
    this.#driver.quiesce();
    if (this.#advance() < lsn) this.#sync(lsn);
    else if (this.#driver.failed) throw this.#unknown(lsn, this.#driverFailed());
    try {
      this.#confirm(lsn);
    } catch (error) {
      throw this.#unknown(lsn, toStrataError(error));
    }
  }

  /** Makes everything durable, on this thread. */
  #sync(lsn: number): void {
    const writer = this.#writer;
    if (writer === undefined) throw this.#unknown(lsn, closed());
    try {
      writer.sync();
    } catch (error) {
      const cause = error instanceof LogPoisoned ? error.cause : toStrataError(error);
      this.#poison(cause);
      throw this.#unknown(lsn, cause);
    }
    // An error of the medium is told once to each descriptor: the driver may have had it.
    if (this.#driver.failed) throw this.#unknown(lsn, this.#driverFailed());
    this.#setDurable(writer.endLsn);
    this.#driver.synced(toLsn(writer.endLsn));
  }

  async #syncInBackground(lsn: number): Promise<void> {
    if (this.#background && this.#state === "writing") await this.#driver.settled(toLsn(lsn));
    else if (this.#advance() < lsn) this.#sync(lsn);
  }

  /** Throws unless everything through `lsn` may be acknowledged as strict. */
  #confirm(lsn: number): void {
    const durable = this.#advance();
    if (this.#driver.failed) this.#driverFailed();
    if (durable < lsn) throw this.#health.cause ?? closed();
    if (this.#writer === undefined) return;
    if (this.#health.cause !== undefined) throw this.#health.cause;
    try {
      this.#manifests?.checkFence();
    } catch (error) {
      this.#poison(toStrataError(error));
      throw error;
    }
  }

  #refuseUnlessDurable(lsn: number): void {
    if (lsn > this.#durableLsn) throw this.#unknown(lsn, this.#health.cause);
  }

  #driverFailed(): StrataError {
    const cause = this.#driver.failure ?? new IoError("IO_ERROR", "a background fsync of the log failed");
    this.#poison(cause);
    return cause;
  }

  #poison(cause: StrataError): void {
    if (!this.#health.poison(cause)) return;
    this.#settings.logger.log("error", "wal", "the log takes no more writes", { code: cause.code, ...cause.facts });
  }

  #appendFailed(error: unknown, version: Version): unknown {
    if (error instanceof LogPoisoned) {
      this.#poison(error.cause);
      return error.uncertain ? this.#outcomeUnknown(version, error.cause) : this.#refusal();
    }
    if (error instanceof InvariantError) {
      this.#poison(toStrataError(error));
      return error;
    }
    return toStrataError(error);
  }

  /** Why nothing can be appended. */
  #refusal(): StrataError {
    if (this.#state === "reading") return new StateError("READ_ONLY", "the database was opened read-only");
    if (this.#state === "closed") return closed();
    assert(this.#state === "writing", "a log is recovered before it is written");
    const cause = this.#health.cause ?? this.#driverFailed();
    if (cause.code === "DATABASE_FENCED") return cause;
    return new StateError(
      "STATE_POISONED",
      `nothing can be written after: ${cause.message}`,
      { code: cause.code },
      { cause },
    );
  }

  #unknown(lsn: number, cause: StrataError | undefined): StrataError {
    return this.#outcomeUnknown(this.#trail.versionAt(lsn), cause);
  }

  #outcomeUnknown(version: Version, cause: StrataError | undefined): StrataError {
    const facts = { epoch: this.#epoch, version };
    const message = `commit ${version} was written, but could not be made durable: ${cause?.message ?? "the log is poisoned"}`;
    return new IoError("COMMIT_OUTCOME_UNKNOWN", message, facts, { cause });
  }

  /** A pause may be the end: a mark tells whoever opens the log after a crash how far it was durable. */
  #armIdle(): void {
    this.#appendsWhenArmed = this.#counts.appends;
    this.#cancelIdle = this.#settings.timer.after(this.#settings.flushIntervalMs * IDLE_WINDOWS, () => this.#onIdle());
  }

  #onIdle(): void {
    const writer = this.#writer;
    this.#cancelIdle = undefined;
    if (writer === undefined || this.#health.cause !== undefined) return;
    const durable = this.#advance();
    if (this.#counts.appends !== this.#appendsWhenArmed) {
      this.#armIdle();
    } else if (durable >= this.#trail.lastLsn) {
      this.#mark(writer);
    } else if (this.#settings.mode !== "none" && this.#background) {
      this.#armIdle();
    }
  }

  #mark(writer: WalWriter): void {
    if (this.#appendsWhenMarked === this.#counts.appends) return;
    this.#appendsWhenMarked = this.#counts.appends;
    try {
      writer.mark(this.#durableLsn);
    } catch (error) {
      // A mark is no commit: without it the log is as good, and the next append meets the same disk.
      if (error instanceof LogPoisoned) this.#poison(error.cause);
      else if (!StrataError.is(error)) throw error;
    }
  }

  /** Everything is durable; says so, in the log and in the manifest. */
  #closeCleanly(writer: WalWriter): void {
    this.#mark(writer);
    if (this.#health.cause !== undefined) throw this.#health.cause;
    try {
      writer.trim();
    } catch (error) {
      // The room that was laid out stays; nothing depends on it.
      if (!StrataError.is(error)) throw error;
    }
    this.#driver.stop(false);
    try {
      writer.sync();
    } catch (error) {
      // Every commit was durable before. Only the mark is not, and so the log is not called clean.
      if (!(error instanceof LogPoisoned)) throw error;
      this.#poison(error.cause);
      return;
    }
    const { endLsn, checksum } = writer;
    const nextVersion = this.#versionMax + 1;
    try {
      this.#manifests?.replace({ nextVersion, clean: { endLsn, checksum, nextVersion } });
    } catch (error) {
      if (!StrataError.is(error) || error.code === "DATABASE_FENCED") throw error;
      // Every commit is safe. The next opening checks the log as after a crash.
      this.#settings.logger.log("warn", "wal", "the log could not be marked as cleanly closed", {
        code: error.code,
        ...error.facts,
      });
    }
  }

  #makeCounters(): DurabilityCounters {
    const counts = this.#counts;
    const writer = () => this.#writer;
    const driver = this.#driver;
    return {
      get appends() {
        return counts.appends;
      },
      get bytes() {
        return counts.bytes;
      },
      get fsyncs() {
        return (writer()?.fsyncs ?? counts.fsyncsBefore) + driver.fsyncs;
      },
      get rolls() {
        return writer()?.rolls ?? counts.rollsBefore;
      },
    };
  }
}

function closed(): StateError {
  return new StateError("DATABASE_CLOSED", "the log was closed");
}
