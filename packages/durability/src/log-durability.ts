import { assert, type Lsn, StateError, type StrataError, lsn as toLsn, type Version } from "@strata/core";
import type {
  Checkpoint,
  CommitIdentity,
  CommitStatus,
  Durability,
  DurabilityCounters,
  DurabilityDescription,
  DurabilityHealth,
  DurabilityMode,
  PublishedCheckpoint,
  RecoverySummary,
} from "./durability.js";
import { type LogOptions, type LogSettings, resolveLogOptions } from "./log-options.js";
import { closed, LogPoisoned } from "./log-poisoned.js";
import { LOCK_NAME, surveyDatabase } from "./manifest-directory.js";
import { OpenLog } from "./open-log.js";
import type { OwnManifests } from "./own-manifests.js";
import {
  mustHoldDatabase,
  type RecoveredLog,
  type RecoveryContext,
  type RecoveryVisitor,
  recoverForReading,
  recoverForWriting,
} from "./recovery.js";
import { checkpointOf, commitStatusOf, summaryOf } from "./recovery-summary.js";
import { SnapshotDirectory } from "./snapshot-directory.js";
import type { SnapshotFiles } from "./snapshot-files.js";
import type { SyncDriver } from "./sync-driver.js";
import type { Vfs, VfsLock } from "./vfs.js";

const NOTHING_COUNTED: DurabilityCounters = { appends: 0, bytes: 0, fsyncs: 0, rolls: 0 };

/**
 * A log in files: the whole machine behind every mode. `append` writes on the caller's thread; the `SyncDriver` syncs behind
 * its back. Recovering is the business of `recovery.ts`, writing and acknowledging that of `OpenLog`; here is who owns what, when.
 *
 * Invariants:
 *  1. `#lock` is held exactly while the log is open, for reading or writing.
 *  2. `#open` is set from the moment the log can be written; it stays set after the end, for what was counted.
 */
export class LogDurability implements Durability {
  readonly modeName: string;
  readonly #vfs: Vfs;
  readonly #driver: SyncDriver;
  readonly #settings: LogSettings;
  readonly #snapshots: SnapshotDirectory;
  #state: "new" | "open" | "closed" = "new";
  #lock: VfsLock | undefined;
  #recovered: RecoveredLog | undefined;
  #epoch = 0;
  /** Those of a log that is open for writing. */
  #manifests: OwnManifests | undefined;
  #open: OpenLog | undefined;
  #startsDriver = false;

  /**
   * @param driver is started, used and stopped by this log alone.
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT`
   */
  constructor(vfs: Vfs, driver: SyncDriver, options: LogOptions = {}) {
    this.#vfs = vfs;
    this.#driver = driver;
    this.#settings = resolveLogOptions(options);
    this.#snapshots = new SnapshotDirectory(vfs);
    this.modeName = this.#settings.mode;
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
    if (this.#open !== undefined) return this.#open.durableThrough;
    const scan = this.#recovered?.scan;
    // What is only read may end in a tail that nobody has synced.
    return scan !== undefined && scan.durableLsn === scan.endLsn ? scan.lastVersion : 0;
  }

  get health(): DurabilityHealth {
    return this.cause === undefined ? "ok" : "poisoned";
  }

  get cause(): StrataError | undefined {
    return this.#open?.health.cause;
  }

  get stalls(): number {
    return this.#open?.stalls ?? 0;
  }

  get counters(): DurabilityCounters {
    return this.#open?.counters ?? NOTHING_COUNTED;
  }

  onHealth(listener: (health: DurabilityHealth, cause: StrataError | undefined) => void): () => void {
    // What is only read cannot be poisoned.
    return this.#open?.health.listen(listener) ?? (() => {});
  }

  get end(): Lsn {
    return this.#open?.lastLsn ?? toLsn(this.#recovered?.scan.endLsn ?? 0);
  }

  get snapshots(): SnapshotFiles {
    return this.#snapshots;
  }

  recover(
    visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
    onCheckpoint?: (checkpoint: Checkpoint) => void,
  ): RecoverySummary {
    if (this.#state === "closed") throw closed();
    assert(this.#state === "new", "a log is recovered once");
    const visitor = visitorOf(visit, onCheckpoint);
    const { readOnly } = this.#settings;
    // Taking the lock makes a file: not where there is nothing to read.
    if (readOnly && surveyDatabase(this.#vfs).epochMax === 0) mustHoldDatabase(this.#context());
    const lock = this.#vfs.lock(LOCK_NAME, readOnly ? "shared" : "exclusive");
    this.#snapshots.openForReading();
    try {
      if (readOnly) this.#recoverForReading(visitor);
      else this.#recoverForWriting(visitor);
    } catch (error) {
      this.#snapshots.close();
      lock.release();
      throw error instanceof LogPoisoned ? error.cause : error;
    }
    this.#lock = lock;
    this.#state = "open";
    return summaryOf(this.#recovered!, this.#epoch);
  }

  read(
    visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
    onCheckpoint?: (checkpoint: Checkpoint) => void,
  ): void {
    if (this.#state === "closed") throw closed();
    assert(this.#state === "open", "a log is recovered before it is read again");
    this.#manifests?.checkFence();
    // What salvage gave up at opening is behind a manifest that no longer mentions it; what is damaged since is told.
    const context = { ...this.#context(), salvage: this.#manifests === undefined && this.#settings.salvage };
    recoverForReading(context, visitorOf(visit, onCheckpoint));
  }

  roll(): void {
    if (this.#open === undefined) throw this.#refusal();
    this.#open.roll();
  }

  publishCheckpoint(checkpoint: Checkpoint): Promise<PublishedCheckpoint> {
    return this.#open?.publishCheckpoint(checkpoint) ?? Promise.reject(this.#refusal());
  }

  append(version: Version, payload: Uint8Array): Lsn {
    const open = this.#open;
    if (open === undefined) throw this.#refusal();
    return open.append(version, payload);
  }

  settle(lsn: Lsn, mode: DurabilityMode = this.#settings.mode): void {
    const open = this.#open;
    if (open === undefined) throw this.#refusal();
    open.settle(lsn, mode);
  }

  settled(lsn: Lsn, mode: DurabilityMode = this.#settings.mode): Promise<void> {
    const open = this.#open;
    return open === undefined ? Promise.reject(this.#refusal()) : open.settled(lsn, mode);
  }

  persist(version: Version, payload: Uint8Array, mode?: DurabilityMode): void {
    this.settle(this.append(version, payload), mode);
  }

  flush(): void {
    if (this.#state === "closed") throw closed();
    this.#open?.settle(this.#open.lastLsn, "strict");
  }

  async durable(): Promise<void> {
    if (this.#state === "closed") throw closed();
    await this.#open?.settled(this.#open.lastLsn, "strict");
  }

  /** Starts the background fsync where `flushThread: false` keeps `recover` from doing so. A second call does nothing. */
  startFlushThread(): void {
    this.#startsDriver = true;
    this.#open?.startDriver();
  }

  commitStatus(commit: CommitIdentity): CommitStatus {
    const open = this.#open;
    const fenced = open?.health.cause?.code === "DATABASE_FENCED";
    const own =
      open === undefined ? undefined : { epoch: this.#epoch, durableThrough: fenced ? 0 : open.durableThrough };
    return commitStatusOf(commit, this.#recovered, own);
  }

  describe(): DurabilityDescription {
    const scan = this.#recovered?.scan;
    return {
      mode: this.modeName,
      path: this.#vfs.name,
      databaseId: this.#recovered?.databaseId,
      lockMethod: this.#lock?.method,
      segment: this.#open?.segment,
      directorySync: this.#vfs.traits.directorySync,
      logBytes: (this.#open?.endLsn ?? scan?.endLsn ?? 0) - (this.#open?.beginLsn ?? this.#recovered?.beginLsn ?? 0),
    };
  }

  shutdown(): void {
    try {
      // As long as the names are its own.
      this.#snapshots.close();
      if (this.#state === "open" && this.health === "ok") this.#open?.closeCleanly();
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    this.#state = "closed";
    this.#snapshots.close();
    this.#open?.release();
    try {
      this.#lock?.release();
    } catch (error) {
      this.#settings.logger.log("warn", "wal", "the lock could not be released", { error });
    }
    this.#lock = undefined;
  }

  #context(): RecoveryContext {
    const { clock, random, logger, sizes, consolidateBytes, salvage } = this.#settings;
    return { vfs: this.#vfs, clock, random, logger, sizes, consolidateBytes, salvage };
  }

  #recoverForReading(visitor: RecoveryVisitor): void {
    const recovered = recoverForReading(this.#context(), visitor);
    this.#recovered = recovered;
    this.#epoch = recovered.epoch;
  }

  #recoverForWriting(visitor: RecoveryVisitor): void {
    const owned = recoverForWriting(this.#context(), visitor);
    this.#recovered = owned;
    this.#epoch = owned.manifests.current.epoch;
    this.#manifests = owned.manifests;
    try {
      this.#open = new OpenLog(this.#vfs, this.#driver, this.#settings, owned);
    } catch (error) {
      owned.active.file.close();
      throw error;
    }
    this.#snapshots.openForWriting(this.#open);
    if (this.#startsDriver) this.#open.startDriver();
  }

  /** Why nothing can be written where nothing was opened for writing. */
  #refusal(): StrataError {
    if (this.#state === "closed") return closed();
    assert(this.#state === "open", "a log is recovered before it is written");
    return new StateError("READ_ONLY", "the database was opened read-only");
  }
}

function visitorOf(
  visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
  onCheckpoint: ((checkpoint: Checkpoint) => void) | undefined,
): RecoveryVisitor {
  return {
    checkpoint: onCheckpoint && ((checkpoint) => onCheckpoint(checkpointOf(checkpoint))),
    commit: (payload, endLsn, version) => visit(payload, toLsn(endLsn), version),
  };
}
