import type { Lsn, StrataError, Version } from "@strata/core";

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
 * What every implementation promises:
 *
 *  1. **Prefix.** What `recover` visits is a prefix of what was appended, in that order, each payload whole.
 *  2. **Strict.** It contains every commit acknowledged as strict, and everything appended before it.
 *  3. **Bounded loss.** Of commits acknowledged as buffered, a power failure takes at most those of the last ten windows
 *     plus one fsync; the end of the process takes none.
 *  4. **No ghost.** A commit whose `append` failed with anything but `COMMIT_OUTCOME_UNKNOWN` is never recovered.
 *  5. **No reuse.** `nextVersion` is above every version ever passed to `append`, lost commits included.
 *  6. **No silence.** Damage is an error, or stands in the `RecoverySummary`; what exists and does not parse is left as it is.
 */
export interface Durability {
  /** `"in-memory"`, `"buffered"`, `"strict"`, `"none"`, or a backend's own word. */
  readonly modeName: string;

  /** Whether anything survives the process. */
  isPersistent(): boolean;

  /** Whether commits must be encoded and passed to `append`. */
  requiresWal(): boolean;

  /**
   * Takes possession, reads the whole log, makes it ready to append. On failure everything taken is given back and
   * nothing but the epoch has changed; calling again is allowed then.
   *
   * @param visit receives each commit in order. `payload` is valid during the call only. What it throws is thrown.
   * @throws {StateError} `DATABASE_LOCKED`, `DATABASE_FENCED`, `FORMAT_TOO_NEW`; `READ_ONLY` when there is nothing to read
   * @throws {CorruptionError} `WAL_CORRUPT`, `MANIFEST_CORRUPT`, `MANIFEST_MISSING`
   * @throws {InvalidArgumentError} `NOT_A_DATABASE`
   * @throws {IoError}
   */
  recover(visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void): RecoverySummary;

  /**
   * Visits every commit in the log once more, as `recover` did, with those appended since. Changes nothing, and may be called any number of
   * times while the log is open, whether for writing or for reading; what was appended but is not durable yet is among what it visits.
   *
   * @param visit receives each commit in order; it appends nothing. `payload` is valid during the call only. What it throws is thrown.
   * @throws {StateError} `DATABASE_CLOSED`, `DATABASE_FENCED`
   * @throws {CorruptionError} `WAL_CORRUPT` when the log was damaged meanwhile
   * @throws {IoError}
   * @throws {InvariantError} where nothing is kept: `requiresWal()` is false
   */
  read(visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void): void;

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
  /** Bytes of frames in the log. */
  readonly logBytes?: number | undefined;
}

/** What `recover` found. */
export interface RecoverySummary {
  readonly epoch: number;
  /** 32 lower case hex digits; drawn when the database was created. */
  readonly databaseId: string;
  /** No version below it was used by an earlier process or will be by this one. At least 1. */
  readonly nextVersion: Version;
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
