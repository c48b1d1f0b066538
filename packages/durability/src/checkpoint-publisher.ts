import { assert, InvariantError, type Logger, StrataError } from "@strata/core";
import { CHECKPOINT_ROOT_BYTES_MAX, type Checkpoint, type PublishedCheckpoint } from "./durability.js";
import { closed, LogPoisoned, toStrataError } from "./log-poisoned.js";
import { retireSegments, spansFrom } from "./log-retirement.js";
import type { OwnManifests } from "./own-manifests.js";
import { SNAPSHOT_DIRECTORY } from "./snapshot-names.js";
import type { Vfs } from "./vfs.js";
import { syncDirectoryOf } from "./vfs-io.js";
import { WAL_DIRECTORY } from "./wal-format.js";

/** The log that checkpoints are made of, as their publisher sees it. */
export interface PublishingLog {
  /** Throws why nothing may be written. */
  mustBeWritable(): void;
  /** Where the last commit ends, and which it is. */
  lastCommit(): { readonly lsn: number; readonly version: number };
  /** Resolves once everything through `lsn` is on stable storage, and the log still its owner's. */
  settled(lsn: number): Promise<void>;
  /** Says in the log how far it is durable. */
  mark(): void;
  isReleased(): boolean;
  poison(cause: StrataError): void;
}

/**
 * Publishes checkpoints of an open log. Every step is done before the next begins; whatever interrupts it leaves a directory that is
 * the checkpoint before or this one, each with all the log behind it:
 *
 *  1. the log through `lsn` is on stable storage, and a mark says so;
 *  2. so are the names of the snapshot files, whose contents were when each was finished;
 *  3. a manifest with the checkpoint appears under its name, durably; the fence is looked at before and after;
 *  4. segments that lie below the checkpoint before as a whole are removed, durably where the disk lets it.
 *
 * Between its steps the log goes on, and may end: then nothing more is done.
 */
export class CheckpointPublisher {
  readonly #vfs: Vfs;
  readonly #manifests: OwnManifests;
  readonly #logger: Logger;
  readonly #log: PublishingLog;
  #beginLsn: number;
  #isPublishing = false;

  constructor(vfs: Vfs, manifests: OwnManifests, logger: Logger, log: PublishingLog, beginLsn: number) {
    this.#vfs = vfs;
    this.#manifests = manifests;
    this.#logger = logger;
    this.#log = log;
    this.#beginLsn = beginLsn;
  }

  /** Where the log begins, as far as it is kept. */
  get beginLsn(): number {
    return this.#beginLsn;
  }

  /** See `Durability.publishCheckpoint`. */
  async publish(checkpoint: Checkpoint): Promise<PublishedCheckpoint> {
    this.#log.mustBeWritable();
    this.#check(checkpoint);
    const root = checkpoint.root.slice();
    this.#isPublishing = true;
    try {
      return { logBytesRetired: await this.#publish({ ...checkpoint, root }) };
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#isPublishing = false;
    }
  }

  #check({ version, lsn, root }: Checkpoint): void {
    const before = this.#manifests.current.checkpoint;
    const last = this.#log.lastCommit();
    assert(!this.#isPublishing, "one checkpoint is published at a time");
    assert(root.length <= CHECKPOINT_ROOT_BYTES_MAX, "a larger root is for a snapshot file");
    assert(Number.isSafeInteger(version) && version >= (before?.version ?? 0), "checkpoints rise in version");
    assert(Number.isSafeInteger(lsn) && lsn >= (before?.lsn ?? 0), "checkpoints rise in position");
    assert(lsn <= last.lsn, "a checkpoint ends with a commit");
    assert(lsn < last.lsn || version >= last.version, "a checkpoint holds every commit below it");
  }

  async #publish({ version, lsn, root }: Checkpoint): Promise<number> {
    const log = this.#log;
    await log.settled(lsn);
    log.mark();
    log.mustBeWritable();
    await syncDirectoryOf(this.#vfs, SNAPSHOT_DIRECTORY);
    log.mustBeWritable();
    const { spans, nextVersion, checkpoint: before } = this.#manifests.current;
    const previousLsn = before?.lsn ?? spans[0]?.fromLsn ?? 0;
    const isDone = await this.#manifests.replaceInBackground({
      checkpoint: { version, lsn, previousLsn, root },
      spans: spansFrom(spans, previousLsn),
      nextVersion: Math.max(nextVersion, version + 1),
    });
    if (!isDone) throw closed();
    const retired = retireSegments(this.#vfs, spans, previousLsn, this.#logger);
    this.#beginLsn += retired;
    if (retired > 0) await this.#syncRemovals();
    return retired;
  }

  /** A power failure must not bring back what somebody wanted erased. The checkpoint counts, whether this can be done or not. */
  async #syncRemovals(): Promise<void> {
    try {
      await syncDirectoryOf(this.#vfs, WAL_DIRECTORY);
    } catch (error) {
      if (!StrataError.is(error)) throw error;
      const facts = { code: error.code, ...error.facts };
      this.#logger.log("warn", "wal", "a part of the log that was removed may come back with a power failure", facts);
    }
  }

  /** @returns what is to be thrown. */
  #failed(error: unknown): Error {
    if (error instanceof InvariantError) return error;
    if (this.#log.isReleased()) return closed();
    let cause = error instanceof LogPoisoned ? error.cause : toStrataError(error);
    try {
      // Who takes a log over removes what was in the making: then that is the reason.
      this.#manifests.checkFence();
    } catch (fenced) {
      cause = toStrataError(fenced);
    }
    if (error instanceof LogPoisoned || cause.code === "DATABASE_FENCED") this.#log.poison(cause);
    return cause;
  }
}
