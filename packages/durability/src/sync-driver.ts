import type { Lsn, StrataError } from "@strata/core";

/**
 * Who fsyncs the log behind the caller's back, and lays out its next segment ahead of need.
 *
 * `LogDurability` writes; the driver syncs. It has descriptors of its own: it opens each segment by its path, so that an
 * error of the medium reaches both sides. Positions are LSNs: byte positions in the endless log, of which a segment holds
 * `[firstLsn, firstLsn of the next)`. "Through `lsn`" means every byte below it.
 *
 * One log uses one driver, from one thread. Calls come in this order: `start` once, then `segmentOpened` for the first
 * segment, then anything, then `stop`. Before `start`, `requested`, `synced` and `segmentOpened` are remembered and
 * `prepare` is ignored.
 *
 * Rules that every driver keeps:
 *
 *  1. `syncedThrough` never falls, and rises only after an fsync of every segment that holds bytes below it has returned
 *     without error, each such fsync having begun after those bytes were requested.
 *  2. After a failed fsync the driver is `failed` for good: `syncedThrough` stands still, no fsync is tried again, everyone
 *     who waits is told.
 *  3. Each position that was requested is synced within `flushIntervalMs` of its request (plus one fsync), or as soon as
 *     `maxPendingWrites` requests are waiting; the interval counts from the oldest request not yet synced. A signal that
 *     arrives during an fsync is never forgotten.
 *  4. When a segment was opened behind another, the older one is synced soon, whatever was requested, and its descriptor is
 *     closed only then.
 *  5. Nothing of it keeps a process alive that has otherwise ended.
 */
export interface SyncDriver {
  /**
   * Begins to work. A second call does nothing.
   *
   * @param onFailed called at most once, on the log's thread and from no call into the driver, after `failed` became true.
   */
  start(settings: SyncSettings, onFailed: (error: StrataError) => void): void;

  /** The log goes on in the segment at `path`: bytes from `firstLsn` on are there, bytes below it in the segments before. */
  segmentOpened(path: string, firstLsn: Lsn): void;

  /** One more commit is written and must be synced in due time: there are unsynced bytes up to `lsn`. Called for each commit: cheap. */
  requested(lsn: Lsn): void;

  /** The log itself has synced everything through `lsn`; the driver need not. Counts for `syncedThrough`. */
  synced(lsn: Lsn): void;

  /** Everything below is on stable storage. */
  readonly syncedThrough: Lsn;

  /** An fsync has failed. */
  readonly failed: boolean;

  /** Why, where known. */
  readonly failure: StrataError | undefined;

  /** How many fsyncs of segments this driver has begun, for `counters`. */
  readonly fsyncs: number;

  /** Blocks until everything through `lsn` is synced, beginning at once; or returns when the driver has failed. */
  wait(lsn: Lsn): void;

  /** Blocks while an fsync is running. Begins none. */
  quiesce(): void;

  /**
   * Resolves once everything through `lsn` is synced, beginning at once unless an fsync is running: then one begins right
   * after it and serves all who asked meanwhile. Rejects with `failure` when the driver has failed.
   */
  settled(lsn: Lsn): Promise<void>;

  /**
   * Makes the file `path` of `sizeBytes` zeros, ready to become a segment: created anew, filled by writes of 4 to 16 KiB,
   * fsynced. In the background; a failure leaves no file and is no failure of the driver.
   */
  prepare(path: string, sizeBytes: number): void;

  /**
   * Whether `path`, asked for by `prepare`, is complete. Blocks while it is being made. False when it failed, or was not
   * asked for, or asked for before `start`; nothing has that name then.
   */
  prepared(path: string): boolean;

  /**
   * Ends the work, waits for what is running, closes all descriptors. A second call does nothing.
   *
   * @param drain whether to sync what was requested first; not tried when the driver has failed.
   */
  stop(drain: boolean): void;
}

/** When the background fsync is due. */
export interface SyncSettings {
  /** From the oldest commit that waits. */
  readonly flushIntervalMs: number;
  /** Commits that may wait. */
  readonly maxPendingWrites: number;
}
