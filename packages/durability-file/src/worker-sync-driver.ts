/** The `SyncDriver` of files: a thread that fsyncs while this one goes on, or is blocked. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { IoError, type Lsn, StateError, type StrataError } from "@strata/core";
import type { SyncDriver, SyncSettings } from "@strata/durability";
import type { NodeVfs } from "./node-vfs.js";
import { drainAtExit } from "./process-exit.js";
import { SyncThread } from "./sync-thread.js";
import { LSN_COUNT, SYNC_MEMORY, type SyncReport, type SyncSegment, SyncState, WORD_COUNT } from "./sync-worker.js";

const { lsns: LSN, words: WORD } = SYNC_MEMORY;

/** How often a blocked thread looks whether the worker still lives. */
const LIFE_CHECK_MS = 250;

/** How often it looks before it gives up a worker that has not even begun: 30 seconds, on a machine that needs 0.02. */
const BOOT_CHECKS_MAX = 120;

interface Waiter {
  readonly lsn: Lsn;
  readonly resolve: () => void;
  readonly reject: (error: StrataError) => void;
}

/**
 * 1. The worker is started by the first call that needs it (20 ms until it runs): a log that is opened to be read, or
 *    that syncs each commit itself, has none.
 * 2. It never keeps the process alive, except while a promise of `settled` is pending. When the process ends by itself,
 *    what was requested is synced first.
 * 3. It is never terminated, but told to stop and waited for: a thread that is torn down may leave half of what it does.
 * 4. A worker that dies counts as a failed fsync.
 */
export class WorkerSyncDriver implements SyncDriver {
  readonly #vfs: NodeVfs;
  readonly #lsns = new BigInt64Array(new SharedArrayBuffer(LSN_COUNT * BigInt64Array.BYTES_PER_ELEMENT));
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT));
  #settings: SyncSettings | undefined;
  /** No number of commits is too many until `start` says so. */
  #maxPending = Number.POSITIVE_INFINITY;
  #onFailed: ((error: StrataError) => void) | undefined;
  #thread: SyncThread | undefined;
  #forgetExit: (() => void) | undefined;
  #stopped = false;
  #failure: StrataError | undefined;

  /** Segments that are not wholly synced, until the worker exists and keeps them itself. */
  #segments: SyncSegment[] = [];
  #requested: Lsn = 0 as Lsn;
  #syncedByLog: Lsn = 0 as Lsn;
  /** The worker's `syncedThrough` as of `#progressSeen`. */
  #syncedByWorker: Lsn = 0 as Lsn;
  #progressSeen = 0;
  /** Commits counted so far, modulo 2^32, and how many of them need no further count: synced, or urgent already. */
  #requests = 0;
  #requestsServed = 0;

  #waiters: Waiter[] = [];
  #urgencyScheduled = false;
  readonly #preparations = new Map<string, "running" | "complete" | "failed">();

  constructor(vfs: NodeVfs) {
    this.#vfs = vfs;
  }

  start(settings: SyncSettings, onFailed: (error: StrataError) => void): void {
    if (this.#settings !== undefined || this.#stopped) return;
    this.#settings = settings;
    this.#maxPending = settings.maxPendingWrites;
    this.#onFailed = onFailed;
    if (this.#requested > this.#syncedByLog || this.#segments.length > 1) this.#needThread();
    if (((this.#requests - this.#requestsServed) | 0) >= this.#maxPending) this.#manyWait(this.#requested);
  }

  segmentOpened(path: string, firstLsn: Lsn): void {
    const segment: SyncSegment = { path: join(this.#vfs.name, path), firstLsn };
    if (this.#thread !== undefined) {
      this.#thread.order({ kind: "segment", ...segment });
      return;
    }
    // Whoever made the first segment synced what was there before it.
    if (this.#segments.length === 0) this.synced(firstLsn);
    this.#segments.push(segment);
    this.#forgetSynced();
    if (this.#segments.length > 1) this.#needThread();
  }

  requested(lsn: Lsn): void {
    const requests = (this.#requests + 1) | 0;
    this.#requested = lsn;
    this.#requests = requests;
    Atomics.store(this.#lsns, LSN.requested, BigInt(lsn));
    Atomics.store(this.#words, WORD.requests, requests);
    if (this.#thread === undefined) this.#needThread();
    if (((requests - this.#requestsServed) | 0) >= this.#maxPending) this.#manyWait(lsn);
    else if (Atomics.load(this.#words, WORD.state) === SyncState.idle) this.#thread?.wake();
  }

  synced(lsn: Lsn): void {
    if (lsn <= this.#syncedByLog) return;
    this.#syncedByLog = lsn;
    Atomics.store(this.#lsns, LSN.syncedByLog, BigInt(lsn));
    if (lsn >= this.#requested) this.#requestsServed = this.#requests;
    if (this.#thread === undefined) this.#forgetSynced();
    if (this.#waiters.length > 0) this.#settleWaiters();
  }

  get syncedThrough(): Lsn {
    const progress = Atomics.load(this.#words, WORD.progress);
    if (progress !== this.#progressSeen) {
      this.#progressSeen = progress;
      this.#syncedByWorker = Number(Atomics.load(this.#lsns, LSN.syncedByWorker)) as Lsn;
    }
    return Math.max(this.#syncedByWorker, this.#syncedByLog) as Lsn;
  }

  get failed(): boolean {
    return Atomics.load(this.#words, WORD.failed) !== 0;
  }

  get failure(): StrataError | undefined {
    if (this.failed && this.#failure === undefined) this.#thread?.receive();
    return this.#failure;
  }

  get fsyncs(): number {
    return Atomics.load(this.#words, WORD.fsyncs);
  }

  wait(lsn: Lsn): void {
    if (this.syncedThrough >= lsn || this.failed) return;
    this.#needThread();
    this.#urge(lsn);
    this.#blockUntil(() => this.syncedThrough >= lsn || this.failed || this.#stopped);
  }

  quiesce(): void {
    while (Atomics.load(this.#words, WORD.syncing) === 1) {
      if (Atomics.wait(this.#words, WORD.syncing, 1, LIFE_CHECK_MS) === "timed-out" && this.#died()) return;
    }
  }

  settled(lsn: Lsn): Promise<void> {
    if (this.syncedThrough >= lsn) return Promise.resolve();
    this.#needThread();
    const thread = this.#thread;
    if (thread === undefined || this.failed || this.#stopped) return Promise.reject(this.failure ?? closedError());
    return new Promise((resolve, reject) => {
      if (this.#waiters.length === 0) {
        Atomics.store(this.#words, WORD.listeners, 1);
        thread.keepAlive(true);
      }
      this.#waiters.push({ lsn, resolve, reject });
      if (this.#urgencyScheduled) return;
      this.#urgencyScheduled = true;
      // After the current turn: commits made in the same turn then share one fsync instead of missing it.
      process.nextTick(() => {
        this.#urgencyScheduled = false;
        // The worker may have synced this, and have seen nobody listen, just before the first waiter came.
        this.#settleWaiters();
        const highest = this.#waiters.reduce((highest, waiter) => Math.max(highest, waiter.lsn), 0);
        if (highest > 0) this.#urge(highest as Lsn);
      });
    });
  }

  prepare(path: string, sizeBytes: number): void {
    if (this.#settings === undefined) return;
    this.#needThread();
    if (this.#thread === undefined) return;
    this.#preparations.set(path, "running");
    const absolute = join(this.#vfs.name, path);
    this.#thread.order({ kind: "prepare", name: path, path: absolute, directory: dirname(absolute), sizeBytes });
  }

  prepared(path: string): boolean {
    this.#blockUntil(() => {
      this.#thread?.receive();
      return this.#preparations.get(path) !== "running";
    });
    return this.#preparations.get(path) === "complete";
  }

  stop(drain: boolean): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forgetExit?.();
    const thread = this.#thread;
    if (thread === undefined) return;
    // A session that ends within the 20 ms that a thread takes to start need not wait for it.
    if ((drain && this.#requested > this.syncedThrough) || !thread.callOff()) {
      thread.order({ kind: "stop", drain });
      this.#blockUntil(() => Atomics.load(this.#words, WORD.state) === SyncState.ended);
    }
    thread.close();
    this.#settleWaiters();
    this.#rejectWaiters(this.failure ?? closedError());
  }

  #needThread(): void {
    if (this.#thread !== undefined || this.#settings === undefined || this.#stopped || this.failed) return;
    try {
      this.#thread = new SyncThread(
        {
          lsns: this.#lsns,
          words: this.#words,
          segments: this.#segments,
          flushIntervalMs: this.#settings.flushIntervalMs,
          directorySync: this.#vfs.traits.directorySync,
        },
        (report) => this.#reported(report),
        (cause) => this.#threadEnded(cause),
      );
    } catch (cause) {
      this.#fail(
        new IoError("IO_ERROR", "the thread that fsyncs cannot be started", { operation: "start" }, { cause }),
      );
      return;
    }
    this.#segments = [];
    this.#forgetExit = drainAtExit(() => {
      if (this.#requested > this.syncedThrough) this.wait(this.#requested);
    });
  }

  /** Drops segments that the log has synced and left. */
  #forgetSynced(): void {
    while (this.#segments.length > 1 && this.#segments[1]!.firstLsn <= this.#syncedByLog) this.#segments.shift();
  }

  /** As many commits wait as may. */
  #manyWait(lsn: Lsn): void {
    const synced = Atomics.load(this.#words, WORD.requestsSynced);
    if (((synced - this.#requestsServed) | 0) > 0) this.#requestsServed = synced;
    if (((this.#requests - this.#requestsServed) | 0) >= this.#maxPending) {
      this.#requestsServed = this.#requests;
      this.#urge(lsn);
    } else {
      this.#thread?.wake();
    }
  }

  /** Has everything below `lsn` synced now, or right after the fsync that is running. */
  #urge(lsn: Lsn): void {
    if (lsn > this.#requested) {
      this.#requested = lsn;
      Atomics.store(this.#lsns, LSN.requested, BigInt(lsn));
    }
    if (Number(Atomics.load(this.#lsns, LSN.urgent)) < lsn) Atomics.store(this.#lsns, LSN.urgent, BigInt(lsn));
    this.#thread?.wake();
  }

  /** Blocks this thread until the worker has brought about `done`, or is no more. */
  #blockUntil(done: () => boolean): void {
    for (let checks = 0; ; ) {
      const progress = Atomics.load(this.#words, WORD.progress);
      if (this.#thread === undefined || done()) return;
      if (Atomics.wait(this.#words, WORD.progress, progress, LIFE_CHECK_MS) !== "timed-out") continue;
      if (this.#died() || (++checks > BOOT_CHECKS_MAX && this.#calledOff())) return;
    }
  }

  /** Whether the worker is gone; notes it if so. While this thread is blocked, only the kernel knows. */
  #died(): boolean {
    const thread = Atomics.load(this.#words, WORD.thread);
    if (thread === 0 || existsSync(`/proc/self/task/${thread}`)) return false;
    if (Atomics.load(this.#words, WORD.state) === SyncState.ended) return false;
    this.#threadEnded(undefined);
    return true;
  }

  /** Gives a worker up that has not begun; one that has goes on. */
  #calledOff(): boolean {
    if (this.#thread?.callOff() !== true) return false;
    this.#ended("the thread that fsyncs did not start", undefined);
    return true;
  }

  #threadEnded(cause: unknown): void {
    if (Atomics.load(this.#words, WORD.state) === SyncState.ended) return;
    Atomics.store(this.#words, WORD.state, SyncState.ended);
    this.#ended("the thread that fsyncs has ended", cause);
  }

  #ended(message: string, cause: unknown): void {
    for (const [path, state] of this.#preparations) if (state === "running") this.#preparations.set(path, "failed");
    this.#fail(new IoError("IO_ERROR", message, { operation: "sync thread" }, { cause }));
  }

  /** Takes in what the worker tells. */
  #reported(report: SyncReport): void {
    if (report.kind === "progress") {
      this.#settleWaiters();
    } else if (report.kind === "prepared") {
      this.#preparations.set(report.name, report.complete ? "complete" : "failed");
    } else {
      const { operation, path, errno } = report;
      this.#fail(new IoError("IO_ERROR", `${operation} of "${path}" failed: ${errno}`, { operation, path, errno }));
    }
  }

  #fail(failure: StrataError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    Atomics.store(this.#words, WORD.failed, 1);
    this.#rejectWaiters(failure);
    const onFailed = this.#onFailed;
    if (onFailed !== undefined && !this.#stopped) queueMicrotask(() => onFailed(failure));
  }

  #settleWaiters(): void {
    const synced = this.syncedThrough;
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = waiters.filter((waiter) => waiter.lsn > synced);
    if (this.#waiters.length === 0) this.#nobodyWaits();
    for (const waiter of waiters) if (waiter.lsn <= synced) waiter.resolve();
  }

  #rejectWaiters(error: StrataError): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    this.#nobodyWaits();
    for (const waiter of waiters) waiter.reject(error);
  }

  #nobodyWaits(): void {
    Atomics.store(this.#words, WORD.listeners, 0);
    this.#thread?.keepAlive(false);
  }
}

function closedError(): StateError {
  return new StateError("DATABASE_CLOSED", "the log was closed before this commit was on stable storage");
}
