import { IoError, type Lsn, StateError, StrataError, type Timer } from "@strata/core";
import type { SyncDriver, SyncSettings } from "./sync-driver.js";
import { backgroundTimer } from "./timer.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { fillWithZeros } from "./vfs-io.js";

/**
 * The driver without a thread: it syncs on the log's own thread, from timers and microtasks. For files in memory, for
 * tests that own time, and for platforms without workers; there a blocked event loop stretches the buffered window.
 *
 * Invariants:
 *  1. `#segments` ascends by `firstLsn`; all but the last hold bytes above `syncedThrough`.
 *  2. `#target` is the highest position anybody asked to be synced; work is due while it is above `syncedThrough`.
 */
export class InlineSyncDriver implements SyncDriver {
  readonly #vfs: Vfs;
  readonly #timer: Timer;
  readonly #segments: DriverSegment[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #preparing = new Map<string, number>();
  readonly #prepared = new Set<string>();
  #settings: SyncSettings | undefined;
  #onFailed: ((error: StrataError) => void) | undefined;
  #target = 0 as Lsn;
  #syncedThrough = 0 as Lsn;
  #waitingCommits = 0;
  #failure: StrataError | undefined;
  #fsyncs = 0;
  #cancelFlush: (() => void) | undefined;
  #cancelPrepare: (() => void) | undefined;
  #flushIsUrgent = false;
  #microtaskDue = false;
  #stopped = false;

  constructor(vfs: Vfs, timer: Timer = backgroundTimer) {
    this.#vfs = vfs;
    this.#timer = timer;
  }

  get syncedThrough(): Lsn {
    return this.#syncedThrough;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  get failure(): StrataError | undefined {
    return this.#failure;
  }

  get fsyncs(): number {
    return this.#fsyncs;
  }

  start(settings: SyncSettings, onFailed: (error: StrataError) => void): void {
    if (this.#settings !== undefined) return;
    this.#settings = settings;
    this.#onFailed = onFailed;
    this.#scheduleFlush();
  }

  segmentOpened(path: string, firstLsn: Lsn): void {
    this.#segments.push({ path, firstLsn, file: undefined });
    if (this.#segments.length === 1) {
      // Whoever made the first segment synced what was there before.
      if (firstLsn > this.#syncedThrough) this.#syncedThrough = firstLsn;
      return;
    }
    this.#raiseTarget(firstLsn);
    if (firstLsn <= this.#syncedThrough) return;
    this.#flushIsUrgent = true;
    this.#scheduleFlush();
  }

  requested(lsn: Lsn): void {
    this.#raiseTarget(lsn);
    this.#waitingCommits += 1;
    if (this.#cancelFlush !== undefined && this.#flushIsUrgent) return;
    const settings = this.#settings;
    if (settings !== undefined && this.#waitingCommits >= settings.maxPendingWrites) this.#flushIsUrgent = true;
    if (this.#cancelFlush === undefined || this.#flushIsUrgent) this.#scheduleFlush();
  }

  synced(lsn: Lsn): void {
    if (lsn > this.#syncedThrough) this.#advance(lsn);
  }

  wait(lsn: Lsn): void {
    this.#raiseTarget(lsn);
    this.#syncToTarget();
  }

  quiesce(): void {
    // An fsync of this driver never runs while its caller does.
  }

  settled(lsn: Lsn): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (lsn <= this.#syncedThrough) return Promise.resolve();
    this.#raiseTarget(lsn);
    if (!this.#microtaskDue) {
      this.#microtaskDue = true;
      queueMicrotask(() => {
        this.#microtaskDue = false;
        this.#syncToTarget();
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ lsn, resolve, reject });
    });
  }

  prepare(path: string, sizeBytes: number): void {
    if (this.#settings === undefined || this.#stopped) return;
    this.#preparing.set(path, sizeBytes);
    this.#cancelPrepare ??= this.#timer.after(0, () => {
      this.#cancelPrepare = undefined;
      for (const due of [...this.#preparing.keys()]) this.prepared(due);
    });
  }

  prepared(path: string): boolean {
    const sizeBytes = this.#preparing.get(path);
    if (sizeBytes !== undefined) {
      this.#preparing.delete(path);
      if (this.#layOut(path, sizeBytes)) this.#prepared.add(path);
    }
    return this.#prepared.has(path);
  }

  stop(drain: boolean): void {
    if (this.#stopped) return;
    if (drain) this.#syncToTarget();
    this.#stopped = true;
    this.#cancelFlush?.();
    this.#cancelPrepare?.();
    this.#cancelFlush = undefined;
    this.#cancelPrepare = undefined;
    for (const segment of this.#segments) closeQuietly(segment.file);
    this.#segments.length = 0;
    const closed = this.#failure ?? new StateError("DATABASE_CLOSED", "the log was closed before this was synced");
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closed);
  }

  #raiseTarget(lsn: Lsn): void {
    if (lsn > this.#target) this.#target = lsn;
  }

  #scheduleFlush(): void {
    const settings = this.#settings;
    if (settings === undefined || this.#stopped || this.#target <= this.#syncedThrough) return;
    if (this.#cancelFlush !== undefined) {
      if (!this.#flushIsUrgent) return;
      this.#cancelFlush();
    }
    this.#cancelFlush = this.#timer.after(this.#flushIsUrgent ? 0 : settings.flushIntervalMs, () => {
      this.#cancelFlush = undefined;
      this.#syncToTarget();
    });
  }

  #syncToTarget(): void {
    const target = this.#target;
    if (this.#failure !== undefined || this.#stopped || target <= this.#syncedThrough) return;
    try {
      for (const segment of this.#segments) {
        if (segment.firstLsn >= target) break;
        segment.file ??= this.#vfs.open(segment.path, "readWrite");
        this.#fsyncs += 1;
        segment.file.syncData();
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#advance(target);
  }

  #advance(lsn: Lsn): void {
    this.#syncedThrough = lsn;
    while (this.#segments.length > 1 && this.#segments[1]!.firstLsn <= lsn) closeQuietly(this.#segments.shift()!.file);
    if (lsn >= this.#target) {
      this.#waitingCommits = 0;
      this.#flushIsUrgent = false;
      this.#cancelFlush?.();
      this.#cancelFlush = undefined;
    }
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters.splice(0);
    for (const waiter of waiters) {
      if (waiter.lsn <= lsn) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  #fail(error: unknown): void {
    const failure =
      error instanceof StrataError
        ? error
        : new IoError("IO_ERROR", "an fsync of the log failed", {}, { cause: error });
    this.#failure = failure;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure);
    const onFailed = this.#onFailed;
    if (onFailed !== undefined) queueMicrotask(() => onFailed(failure));
  }

  #layOut(path: string, sizeBytes: number): boolean {
    let file: VfsFile | undefined;
    try {
      this.#vfs.unlink(path);
      file = this.#vfs.open(path, "create");
      fillWithZeros(file, 0, sizeBytes);
      file.sync();
      file.close();
      return true;
    } catch {
      closeQuietly(file);
      try {
        this.#vfs.unlink(path);
      } catch {
        // The log makes the segment itself and meets the same error where it can be told.
      }
      return false;
    }
  }
}

interface DriverSegment {
  readonly path: string;
  readonly firstLsn: Lsn;
  file: VfsFile | undefined;
}

interface Waiter {
  readonly lsn: Lsn;
  readonly resolve: () => void;
  readonly reject: (error: StrataError) => void;
}

function closeQuietly(file: VfsFile | undefined): void {
  try {
    file?.close();
  } catch {
    // Everything that had to be durable was synced; a descriptor that does not close is lost to the process only.
  }
}
