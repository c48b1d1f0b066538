import type { Lsn, StrataError, Version } from "@strata/core";
import type { SnapshotFiles } from "./snapshot-files.js";

/**
 * When a commit counts as acknowledged.
 *
 * | mode | acknowledged when | a power failure may take | `kill -9` may take |
 * |---|---|---|---|
 * | `none` | written to the log file, never fsynced for its own sake | what the OS had not written yet, a suffix | nothing |
 * | `buffered` | written to the log file; fsynced in the background | the last window, a suffix | nothing |
 * | `strict` | after fsync | nothing | nothing |
 */
export type DurabilityMode = "none" | "buffered" | "strict";

/**
 * Where commits live: the port the engine calls. A commit is a payload (opaque bytes) and its version; the backend keeps
 * commits in the order of `append` and gives them back in that order.
 *
 * The life of a backend: `recover` once, first; then `append` and its acknowledgement any number of times; then
 * `shutdown`, or `abandon`. Only `modeName`, `isPersistent` and `requiresWal` may be asked before `recover`.
 *
 * A backend that can keep files besides (`snapshots`) lets its caller write *checkpoints*: the caller puts all that commits up to some
 * version amount to into files, and `publishCheckpoint` says so. From then on `recover` gives back the checkpoint and the commits
 * behind it, and the log below the checkpoint before that one is given up.
 *
 * What every implementation promises:
 *
 *  1. **Prefix.** What `recover` visits is a prefix of what was appended, in that order, each payload whole. Behind a checkpoint, it is
 *     what follows the checkpoint.
 *  2. **Strict.** It contains every commit acknowledged as strict, and everything appended before it.
 *  3. **Bounded loss.** Of commits acknowledged as buffered, a power failure takes at most those of the last ten windows
 *     plus one fsync; the end of the process takes none.
 *  4. **No ghost.** A commit whose `append` failed with anything but `COMMIT_OUTCOME_UNKNOWN` is never recovered.
 *  5. **No reuse.** `nextVersion` is above every version ever passed to `append`, lost commits included.
 *  6. **All or nothing.** A checkpoint counts from one moment on; before, and wherever publishing it ends early, the one before counts,
 *     with all the log that follows it.
 *  7. **No silence.** Damage is an error, or stands in the `RecoverySummary`; what exists and does not parse is left as it is.
 */
export interface Durability {
  /** `"in-memory"`, `"buffered"`, `"strict"`, `"none"`, or a backend's own word. */
  readonly modeName: string;

  /** Whether anything survives the process. */
  isPersistent(): boolean;

  /** Whether commits must be encoded and passed to `append`. */
  requiresWal(): boolean;

  /**
   * Takes possession, reads the log behind the newest checkpoint, makes it ready to append. On failure everything taken is given
   * back and nothing but the epoch has changed; calling again is allowed then.
   *
   * @param visit receives each commit in order. `payload` is valid during the call only. What it throws is thrown.
   * @param onCheckpoint receives the newest checkpoint, if there is one, before the first commit is visited; `snapshots` can be read
   *   during the call. What it throws is thrown.
   * @throws {StateError} `DATABASE_LOCKED`, `DATABASE_FENCED`, `FORMAT_TOO_NEW`; `READ_ONLY` when there is nothing to read
   * @throws {CorruptionError} `WAL_CORRUPT`, `MANIFEST_CORRUPT`, `MANIFEST_MISSING`
   * @throws {InvalidArgumentError} `NOT_A_DATABASE`
   * @throws {IoError}
   * @throws {InvariantError} when there is a checkpoint and no `onCheckpoint`: the commits behind it alone are no database
   */
  recover(
    visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
    onCheckpoint?: (checkpoint: Checkpoint) => void,
  ): RecoverySummary;

  /**
   * Visits every commit behind the newest checkpoint once more, as `recover` did, with those appended since. Changes nothing, and may be
   * called any number of times while the log is open, whether for writing or for reading; what was appended but is not durable yet is
   * among what it visits.
   *
   * @param visit receives each commit in order; it appends nothing. `payload` is valid during the call only. What it throws is thrown.
   * @param onCheckpoint receives the newest checkpoint, if there is one, first; it may have been published since `recover`.
   * @throws {StateError} `DATABASE_CLOSED`, `DATABASE_FENCED`
   * @throws {CorruptionError} `WAL_CORRUPT` when the log was damaged meanwhile
   * @throws {IoError}
   * @throws {InvariantError} where nothing is kept: `requiresWal()` is false; when there is a checkpoint and no `onCheckpoint`
   */
  read(
    visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
    onCheckpoint?: (checkpoint: Checkpoint) => void,
  ): void;

  /**
   * Writes one commit behind all earlier ones. When it returns the commit survives the end of the process; it is not yet
   * acknowledged: `settle` or `settled` does that.
   *
   * @param version above every version appended before; gaps are welcome.
   * @param payload is copied.
   * @returns the log's end behind this commit; pass it to `settle`.
   * @throws {IoError} `IO_ERROR`, `DISK_FULL`: the commit is not there and never will be; writing may go on.
   * @throws {StateError} `STATE_POISONED`, `DATABASE_CLOSED`, `DATABASE_FENCED`, `READ_ONLY`: not there either.
   * @throws {IoError} `COMMIT_OUTCOME_UNKNOWN`: only reopening can tell; the log is poisoned.
   */
  append(version: Version, payload: Uint8Array): Lsn;

  /**
   * Returns once the commit that ends at `lsn` is acknowledged as `mode` asks (default: the backend's own). As strict it
   * makes everything before it durable too. As buffered it may block when ten windows are unsynced, counted in `stalls`.
   *
   * @throws {IoError} `COMMIT_OUTCOME_UNKNOWN` with the facts `epoch` and `version`, when an fsync failed or another
   *   process has taken the database over: the commit is written, and only reopening can tell whether it lasts.
   */
  settle(lsn: Lsn, mode?: DurabilityMode): void;

  /** The same without blocking: commits that wait together share one fsync. */
  settled(lsn: Lsn, mode?: DurabilityMode): Promise<void>;

  /** The log's end behind the last commit: what `append` returned last, or where `recover` found it. */
  readonly end: Lsn;

  /** Files for checkpoints; can be read from `recover`'s `onCheckpoint` on. `undefined` where the log is all that can be kept. */
  readonly snapshots: SnapshotFiles | undefined;

  /**
   * Makes a checkpoint the one that `recover` begins with. Waits until the log is durable through `checkpoint.lsn`; makes the names of
   * all files finished so far durable; then lets the checkpoint count; then removes the log below the one before it, for good, as far
   * as that can be done. One at a time. Commits may be appended meanwhile.
   *
   * When it rejects, the checkpoint before counts, unless the log was closed or is poisoned: then the next `recover` tells.
   *
   * @throws {StateError} `DATABASE_CLOSED` when the log is closed or given up meanwhile; `STATE_POISONED`, `DATABASE_FENCED`, `READ_ONLY`
   * @throws {IoError} `IO_ERROR`, `DISK_FULL`
   * @throws {InvariantError} a version or position below the last checkpoint's or behind the end; a larger `root`; no `snapshots`
   */
  publishCheckpoint(checkpoint: Checkpoint): Promise<PublishedCheckpoint>;

  /**
   * Goes on, behind `end`, in a part of the log of its own: once `end` lies below the checkpoint before the last, everything that was
   * appended until now is removed. `end` may be higher than before.
   *
   * @throws what `append` throws
   */
  roll(): void;

  /** `append` and `settle`. */
  persist(version: Version, payload: Uint8Array, mode?: DurabilityMode): void;

  /** Returns once everything appended is on stable storage, whatever the mode. */
  flush(): void;

  /** The same without blocking. */
  durable(): Promise<void>;

  /** Rises with each opening for writing. A commit is named by epoch and version. */
  readonly epoch: number;

  /** Everything up to this version is on stable storage. A lower bound; 0 when nothing is. */
  readonly durableThrough: Version;

  /** `poisoned` after a failed fsync, a write that could not be undone, or a takeover: nothing can be appended any more. */
  readonly health: DurabilityHealth;

  /** Why it is poisoned. */
  readonly cause?: StrataError | undefined;

  /** How many commits had to wait because too much was unsynced. */
  readonly stalls: number;

  readonly counters: DurabilityCounters;

  /** Calls `listener` when `health` changes. @returns a function that ends it. */
  onHealth(listener: (health: DurabilityHealth, cause: StrataError | undefined) => void): () => void;

  /**
   * What became of a commit: `committed` when it is in the log for certain, `lost` when it is not and never will be,
   * `unknown` when that cannot be told yet (reopen) or any more (its epoch is older than the log remembers).
   */
  commitStatus(commit: CommitIdentity): CommitStatus;

  /** What `info()` shows of it: lock method, segment, path … */
  describe(): DurabilityDescription;

  /**
   * Makes everything durable, marks the log as cleanly closed, releases all. When it cannot, it releases all the same and
   * throws. Poisoned, it is `abandon`. A second call does nothing.
   */
  shutdown(): void;

  /** Releases all without flushing, as a crash would: what was appended stays appended, nothing more is promised. Never throws. */
  abandon(): void;
}

/** What all commits up to a version amount to has been written down. */
export interface Checkpoint {
  /** Everything committed at or below this version is in the checkpoint, and nothing above. */
  readonly version: Version;
  /** The log's end behind the last of those commits: `end` as it was then. */
  readonly lsn: Lsn;
  /** How the caller finds what it wrote: opaque, at most `CHECKPOINT_ROOT_BYTES_MAX` bytes. */
  readonly root: Uint8Array;
}

/** More is for a file. */
export const CHECKPOINT_ROOT_BYTES_MAX: number = 64 * 1024;

export interface PublishedCheckpoint {
  /** Bytes of frames in the part of the log that was removed. */
  readonly logBytesRetired: number;
}

export type DurabilityHealth = "ok" | "poisoned";

export type CommitStatus = "committed" | "lost" | "unknown";

/** How a commit is named across reopening. */
export interface CommitIdentity {
  readonly epoch: number;
  readonly version: Version;
}

/** Counted since `recover`. */
export interface DurabilityCounters {
  /** Commits appended. */
  readonly appends: number;
  /** Bytes of the log they took, frame headers included. */
  readonly bytes: number;
  /** fsyncs of log segments, background ones included. */
  readonly fsyncs: number;
  /** Segments begun because the one before was full. */
  readonly rolls: number;
}

/** Facts for `info()`; a backend leaves out what it does not have. */
export interface DurabilityDescription {
  readonly mode: string;
  readonly path?: string | undefined;
  readonly databaseId?: string | undefined;
  readonly lockMethod?: string | undefined;
  readonly segment?: string | undefined;
  readonly directorySync?: boolean | undefined;
  /** Bytes of frames in the log, as far as it is kept. */
  readonly logBytes?: number | undefined;
}

/** What `recover` found. */
export interface RecoverySummary {
  readonly epoch: number;
  /** 32 lower case hex digits; drawn when the database was created. */
  readonly databaseId: string;
  /** No version below it was used by an earlier process or will be by this one. At least 1. */
  readonly nextVersion: Version;
  /** What was passed to `onCheckpoint`. */
  readonly checkpoint?: Checkpoint | undefined;
  /** How many commits were visited. */
  readonly commits: number;
  /** Bytes in `cut`. */
  readonly tornBytes: number;
  /** What lay behind the last whole commit and was never acknowledged as strict: remains of an interrupted write. */
  readonly cut: readonly CutTail[];
  /** What was damaged and given up because `recovery: "salvage"` was asked for. Empty otherwise. */
  readonly lost: readonly LostRange[];
  /** A new database was made. */
  readonly created: boolean;
  /** The process before closed it properly. */
  readonly clean: boolean;
}

/** A torn tail. */
export interface CutTail {
  readonly file: string;
  /** Where in the file it begins, in bytes. */
  readonly offset: number;
  /** Up to the last byte that is not zero. */
  readonly bytes: number;
  /** The lowest version that can have been cut: all commits below it were visited. */
  readonly firstVersion?: Version | undefined;
}

/** Damage that salvage stepped over, or where it stopped. */
export interface LostRange {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** What was wrong there, in a few words. */
  readonly reason: string;
  /** The lowest version that can have been lost. */
  readonly firstVersion?: Version | undefined;
}
