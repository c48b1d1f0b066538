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
import { CheckpointPublisher } from "./checkpoint-publisher.js";
import type { Checkpoint, DurabilityMode, PublishedCheckpoint } from "./durability.js";
import { GroupCommit } from "./group-commit.js";
import { HealthState } from "./health-state.js";
import { LogCounters } from "./log-counters.js";
import type { LogSettings } from "./log-options.js";
import { closed, LogPoisoned, toStrataError } from "./log-poisoned.js";
import type { OwnManifests } from "./own-manifests.js";
import type { OwnedLog } from "./recovery.js";
import type { SyncDriver } from "./sync-driver.js";
import { SyncWindow } from "./sync-window.js";
import { UnsyncedTrail } from "./unsynced-trail.js";
import type { Vfs } from "./vfs.js";
import { WalWriter } from "./wal-writer.js";

/** Windows of commits that may be unsynced before a buffered one waits. */
const PENDING_WINDOWS_MAX = 10;

/** After a pause of so many windows the log marks how far it is durable. */
const IDLE_WINDOWS = 2;

/**
 * A log that is open for writing: appends, and the promises made about what was appended.
 *
 * Invariants:
 *  1. `#durableLsn` is at most what fsyncs without error have covered. It never falls, and stands still once poisoned.
 *  2. `#confirmedLsn` is at most `#durableLsn`; the fence was looked at after the fsync that covered it. Nothing above it is
 *     acknowledged as strict.
 *  3. Once `health` is poisoned, or the log released, nothing is written or synced any more.
 */
export class OpenLog {
  readonly epoch: number;
  readonly health = new HealthState();
  readonly counters: LogCounters;
  readonly #driver: SyncDriver;
  readonly #settings: LogSettings;
  readonly #manifests: OwnManifests;
  readonly #writer: WalWriter;
  readonly #trail: UnsyncedTrail;
  readonly #window: SyncWindow;
  readonly #group: GroupCommit;
  readonly #publisher: CheckpointPublisher;
  #background = false;
  #released = false;
  #durableLsn: number;
  #confirmedLsn: number;
  #versionMax: number;
  #stalls = 0;
  #cancelIdle: (() => void) | undefined;
  #appendsWhenArmed = 0;
  #appendsWhenMarked = 0;

  constructor(vfs: Vfs, driver: SyncDriver, settings: LogSettings, owned: OwnedLog) {
    const { manifests, active, checksum, scan } = owned;
    const { random, sizes } = settings;
    this.epoch = manifests.current.epoch;
    this.#driver = driver;
    this.#settings = settings;
    this.#manifests = manifests;
    this.#writer = new WalWriter(
      { vfs, driver, manifests, random, sizes },
      active,
      scan.endLsn,
      checksum,
      scan.lastVersion,
    );
    this.#trail = new UnsyncedTrail(scan.endLsn, scan.lastVersion);
    this.#window = new SyncWindow(settings.flushIntervalMs);
    this.#durableLsn = scan.endLsn;
    this.#confirmedLsn = scan.endLsn;
    this.#versionMax = scan.nextVersion - 1;
    this.#group = new GroupCommit(
      (lsn) => this.#syncInBackground(lsn),
      (lsn) => this.#confirm(lsn),
    );
    this.#publisher = this.#makePublisher(vfs, owned.beginLsn);
    this.counters = new LogCounters(this.#writer, driver);
    if (settings.flushThread) this.startDriver();
    driver.segmentOpened(active.path, toLsn(active.header.firstLsn));
    driver.synced(toLsn(scan.endLsn));
  }

  get stalls(): number {
    return this.#stalls;
  }

  get segment(): string {
    return this.#writer.segment;
  }

  get endLsn(): number {
    return this.#writer.endLsn;
  }

  /** Where the log begins, as far as it is kept. */
  get beginLsn(): number {
    return this.#publisher.beginLsn;
  }

  /** LSN behind the last commit. */
  get lastLsn(): Lsn {
    return toLsn(this.#trail.lastLsn);
  }

  /** Every commit up to this version is on stable storage. */
  get durableThrough(): Version {
    this.#advance();
    return this.#trail.syncedVersion;
  }

  startDriver(): void {
    if (this.#released) return;
    this.#background = true;
    const { flushIntervalMs, maxPendingWrites } = this.#settings;
    this.#driver.start({ flushIntervalMs, maxPendingWrites }, () => void this.#driverFailed());
  }

  /** See `Durability.append`. */
  append(version: Version, payload: Uint8Array): Lsn {
    if (this.#released || this.health.cause !== undefined || this.#driver.failed) throw this.#refusal();
    assert(Number.isSafeInteger(version) && version > this.#trail.lastVersion, "versions rise strictly");
    if (version > this.#versionMax) this.#versionMax = version;
    const before = this.#writer.endLsn;
    let endLsn: number;
    try {
      endLsn = this.#writer.append(version, payload, this.#advance());
    } catch (error) {
      throw this.#appendFailed(error, version);
    }
    this.#trail.push(endLsn, version);
    this.counters.appends += 1;
    this.counters.bytes += endLsn - before;
    if (this.#cancelIdle === undefined) this.#armIdle();
    if (!this.#background && this.#writer.hasOlder) this.#syncOlder(endLsn);
    return toLsn(endLsn);
  }

  /** See `Durability.settle`. */
  settle(lsn: Lsn, mode: DurabilityMode): void {
    if (mode === "strict") {
      this.#settleStrict(lsn);
      return;
    }
    if (this.#released || this.health.cause !== undefined) this.#refuseUnlessConfirmed(lsn);
    if (mode === "none" || lsn <= this.#confirmedLsn) return;
    const stalledThrough = this.#requestSync(lsn);
    if (stalledThrough === 0) return;
    if (this.#background) {
      this.#driver.wait(toLsn(stalledThrough));
      if (this.#driver.failed) throw this.#unknown(lsn, this.#driverFailed());
    } else {
      this.#sync(lsn);
    }
  }

  /** See `Durability.settled`. */
  async settled(lsn: Lsn, mode: DurabilityMode): Promise<void> {
    if (this.#released || this.health.cause !== undefined) this.#refuseUnlessConfirmed(lsn);
    if (mode === "none" || lsn <= this.#confirmedLsn) return;
    const target = mode === "strict" ? lsn : this.#requestSync(lsn);
    if (target === 0) return;
    const version = this.#trail.versionAt(lsn);
    try {
      await this.#group.settled(target);
    } catch (error) {
      throw this.#outcomeUnknown(version, toStrataError(error));
    }
  }

  /** See `Durability.roll`. */
  roll(): void {
    if (this.#released || this.health.cause !== undefined || this.#driver.failed) throw this.#refusal();
    const version = this.#versionMax + 1;
    try {
      this.#writer.roll(version, this.#advance());
    } catch (error) {
      throw this.#appendFailed(error, version);
    }
    const { endLsn } = this.#writer;
    if (endLsn > this.#trail.lastLsn) this.#trail.push(endLsn, this.#trail.lastVersion);
    if (!this.#background && this.#writer.hasOlder) this.#syncOlder(endLsn);
  }

  /** See `Durability.publishCheckpoint`. */
  publishCheckpoint(checkpoint: Checkpoint): Promise<PublishedCheckpoint> {
    return this.#publisher.publish(checkpoint);
  }

  /** For whoever changes files beside the log: throws unless this is still the owner's log, and whole. */
  checkMine(): void {
    if (this.health.cause !== undefined || this.#driver.failed) throw this.#refusal();
    this.#manifests.checkFence();
  }

  /** Makes everything durable, and says so in the log and in the manifest. Throws when it is not durable. */
  closeCleanly(): void {
    this.#settleStrict(this.lastLsn);
    this.#mark();
    const { cause } = this.health;
    if (cause !== undefined) return;
    this.#driver.stop(false);
    try {
      this.#writer.sync();
    } catch (error) {
      // Every commit was durable before. Only the mark is not, and so the log is not called clean.
      if (!(error instanceof LogPoisoned)) throw error;
      this.#poison(error.cause);
      return;
    }
    this.#publishCleanEnd();
  }

  /** Gives everything back, whatever state it is in. Never throws. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    const steps = [() => this.#manifests.cancel(), () => this.#driver.stop(false), () => this.#writer.close()];
    for (const release of steps) {
      try {
        release();
      } catch (error) {
        this.#settings.logger.log("warn", "wal", "something could not be released", { error });
      }
    }
  }

  #mustBeWritable(): void {
    if (this.#released || this.health.cause !== undefined || this.#driver.failed) throw this.#refusal();
  }

  #publishCleanEnd(): void {
    const { endLsn, checksum } = this.#writer;
    // A checkpoint may be of a version above that of every commit.
    const nextVersion = Math.max(this.#versionMax + 1, this.#manifests.current.nextVersion);
    try {
      this.#manifests.replace({ nextVersion, clean: { endLsn, checksum, nextVersion } });
    } catch (error) {
      if (!StrataError.is(error) || error.code === "DATABASE_FENCED") throw error;
      // Every commit is safe. The next opening checks the log as after a crash.
      const facts = { code: error.code, ...error.facts };
      this.#settings.logger.log("warn", "wal", "the log could not be marked as cleanly closed", facts);
      return;
    }
    try {
      // Only now: without the manifest's word a segment that is shorter than it was is a damaged one.
      this.#writer.trim();
      this.#writer.discardPrepared();
      this.#manifests.retire();
    } catch (error) {
      // The room that was laid out stays; nothing depends on it.
      if (!StrataError.is(error)) throw error;
    }
  }

  /** Takes over what the driver has synced meanwhile. @returns up to where the log is on stable storage. */
  #advance(): number {
    const synced = this.#driver.syncedThrough;
    if (synced > this.#durableLsn && this.health.cause === undefined) this.#setDurable(synced);
    return this.#durableLsn;
  }

  #setDurable(lsn: number): void {
    this.#durableLsn = lsn;
    this.#trail.advance(lsn);
    if (this.#writer.hasOlder) this.#writer.release(lsn);
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

  #settleStrict(lsn: Lsn): void {
    if (lsn <= this.#confirmedLsn) return;
    if (this.health.cause !== undefined) throw this.#unknown(lsn, this.health.cause);
    // What the driver has begun counts, and its failure too.
    this.#driver.quiesce();
    if (this.#advance() < lsn) this.#sync(lsn);
    try {
      this.#confirm(lsn);
    } catch (error) {
      throw this.#unknown(lsn, toStrataError(error));
    }
  }

  /** Makes everything durable, on this thread. */
  #sync(lsn: Lsn): void {
    if (this.#released) throw this.#unknown(lsn, closed());
    try {
      this.#writer.sync();
    } catch (error) {
      const cause = error instanceof LogPoisoned ? error.cause : toStrataError(error);
      this.#poison(cause);
      throw this.#unknown(lsn, cause);
    }
    // An error of the medium is told once to each descriptor: the driver may have had it.
    if (this.#driver.failed) throw this.#unknown(lsn, this.#driverFailed());
    this.#setDurable(this.#writer.endLsn);
    this.#driver.synced(toLsn(this.#durableLsn));
  }

  /** A segment that is left behind is synced soon, in every mode; here where nobody does so in the background. */
  #syncOlder(lsn: number): void {
    try {
      const durable = this.#writer.syncOlder();
      this.#setDurable(durable);
      this.#driver.synced(toLsn(durable));
    } catch (error) {
      const cause = error instanceof LogPoisoned ? error.cause : toStrataError(error);
      this.#poison(cause);
      throw this.#unknown(lsn, cause);
    }
  }

  async #syncInBackground(lsn: number): Promise<void> {
    if (this.#background && !this.#released) await this.#driver.settled(toLsn(lsn));
    else if (this.#advance() < lsn) this.#sync(toLsn(lsn));
  }

  /** Throws unless everything through `lsn` may be acknowledged as strict. */
  #confirm(lsn: number): void {
    if (lsn <= this.#confirmedLsn) return;
    if (this.#driver.failed) this.#driverFailed();
    if (this.health.cause !== undefined) throw this.health.cause;
    const durable = this.#advance();
    if (durable < lsn || this.#released) throw closed();
    try {
      this.#manifests.checkFence();
    } catch (error) {
      this.#poison(toStrataError(error));
      throw error;
    }
    this.#confirmedLsn = durable;
  }

  #refuseUnlessConfirmed(lsn: Lsn): void {
    if (lsn > this.#confirmedLsn) throw this.#unknown(lsn, this.health.cause ?? closed());
  }

  #driverFailed(): StrataError {
    let cause = this.#driver.failure ?? new IoError("IO_ERROR", "a background fsync of the log failed");
    try {
      // Who takes a log over may remove the files: then that is the reason.
      this.#manifests.checkFence();
    } catch (error) {
      cause = toStrataError(error);
    }
    this.#poison(cause);
    return cause;
  }

  #poison(cause: StrataError): void {
    if (!this.health.poison(cause)) return;
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
    if (this.#released) return closed();
    const cause = this.health.cause ?? this.#driverFailed();
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
    const facts = { epoch: this.epoch, version };
    const message = `commit ${version} was written, but could not be made durable: ${cause?.message ?? "the log is poisoned"}`;
    return new IoError("COMMIT_OUTCOME_UNKNOWN", message, facts, { cause });
  }

  /** A pause may be the end: a mark tells whoever opens the log after a crash how far it was durable. */
  #armIdle(): void {
    this.#appendsWhenArmed = this.counters.appends;
    this.#cancelIdle = this.#settings.timer.after(this.#settings.flushIntervalMs * IDLE_WINDOWS, () => this.#onIdle());
  }

  #onIdle(): void {
    this.#cancelIdle = undefined;
    if (this.#released || this.health.cause !== undefined) return;
    const durable = this.#advance();
    if (this.counters.appends !== this.#appendsWhenArmed) this.#armIdle();
    else if (durable >= this.#trail.lastLsn) this.#mark();
    else if (this.#driver.syncedThrough < this.#trail.lastLsn && this.#settings.mode !== "none" && this.#background)
      this.#armIdle();
  }

  #mark(): void {
    if (this.#appendsWhenMarked === this.counters.appends) return;
    this.#appendsWhenMarked = this.counters.appends;
    try {
      this.#writer.mark(this.#durableLsn);
    } catch (error) {
      // A mark is no commit: without it the log is as good, and the next append meets the same disk.
      if (error instanceof LogPoisoned) this.#poison(error.cause);
      else if (!StrataError.is(error)) throw error;
    }
  }

  #makePublisher(vfs: Vfs, beginLsn: number): CheckpointPublisher {
    const log = {
      mustBeWritable: () => this.#mustBeWritable(),
      lastCommit: () => ({ lsn: this.#trail.lastLsn, version: this.#trail.lastVersion }),
      settled: (lsn: number) => (lsn > this.#confirmedLsn ? this.#group.settled(lsn) : Promise.resolve()),
      mark: () => this.#mark(),
      isReleased: () => this.#released,
      poison: (cause: StrataError) => this.#poison(cause),
    };
    return new CheckpointPublisher(vfs, this.#manifests, this.#settings.logger, log, beginLsn);
  }
}
