/**
 * The thread that fsyncs. Its program is one function without a reference to anything outside itself: its text is the
 * worker's source, so that it runs from TypeScript under a test runner, from `dist`, and from inside a user's bundle,
 * where no file of ours exists any more (see `syncWorkerSource`).
 *
 * Both threads share two small arrays; paths travel as messages. `SyncMemory` says who writes what. The rules of waking
 * are those of Dekker: the main thread writes what it wants and then reads whether the worker sleeps; the worker writes
 * that it is going to sleep and then reads what is wanted. One of them sees the other.
 */
import type { MessagePort } from "node:worker_threads";

/** Positions in the shared memory. */
export interface SyncMemory {
  /** 64-bit LSNs. */
  readonly lsns: {
    /** Main: bytes below are written. */
    readonly requested: 0;
    /** Main: somebody waits for everything below, now. */
    readonly urgent: 1;
    /** Main: it has synced everything below itself. */
    readonly syncedByLog: 2;
    /** Worker: everything below is on stable storage, by its own fsyncs. */
    readonly syncedByWorker: 3;
  };
  /** 32-bit words. */
  readonly words: {
    /** Main raises it to wake the worker, which remembers the last value it has handled. */
    readonly signal: 0;
    /** What the worker is doing, a `SyncState`. Main sets it to `working` when it wakes it, so that it does so once. */
    readonly state: 1;
    /** Worker raises it whenever something that main may wait for has happened. */
    readonly progress: 2;
    /** 1 while an fsync of a segment is running. */
    readonly syncing: 3;
    /** Not 0: an fsync has failed, or the worker itself. */
    readonly failed: 4;
    /** fsyncs of segments begun. */
    readonly fsyncs: 5;
    /** Main counts commits requested here … */
    readonly requests: 6;
    /** … and worker says how many of them are synced. */
    readonly requestsSynced: 7;
    /** Main: promises are waiting, so progress is to be told by a message too. */
    readonly listeners: 8;
    /** Worker: number of its thread in the kernel, 0 where unknown. */
    readonly thread: 9;
  };
}

export const SYNC_MEMORY: SyncMemory = {
  lsns: { requested: 0, urgent: 1, syncedByLog: 2, syncedByWorker: 3 },
  words: {
    signal: 0,
    state: 1,
    progress: 2,
    syncing: 3,
    failed: 4,
    fsyncs: 5,
    requests: 6,
    requestsSynced: 7,
    listeners: 8,
    thread: 9,
  },
};
export const LSN_COUNT = 4;
export const WORD_COUNT = 10;

/**
 * `idle`: sleeps until woken; `dozing`: until a deadline. A worker that finds `ended` in place of `booting` has been
 * called off before it did anything.
 */
export const SyncState = { booting: 0, working: 1, idle: 2, dozing: 3, ended: 4 } as const;

/** A segment by its absolute path. */
export interface SyncSegment {
  readonly path: string;
  readonly firstLsn: number;
}

/** From the main thread. Paths are absolute. */
export type SyncOrder =
  | ({ readonly kind: "segment" } & SyncSegment)
  | {
      readonly kind: "prepare";
      readonly name: string;
      readonly path: string;
      readonly directory: string;
      readonly sizeBytes: number;
    }
  | { readonly kind: "stop"; readonly drain: boolean };

/** To the main thread. */
export type SyncReport =
  | { readonly kind: "progress" }
  | { readonly kind: "prepared"; readonly name: string; readonly complete: boolean }
  | { readonly kind: "failed"; readonly operation: string; readonly path: string; readonly errno: string };

export interface SyncWorkerData {
  readonly memory: SyncMemory;
  readonly states: typeof SyncState;
  readonly lsns: BigInt64Array;
  readonly words: Int32Array;
  readonly port: MessagePort;
  /** The log's segments at the start, oldest first. */
  readonly segments: readonly SyncSegment[];
  readonly flushIntervalMs: number;
  /** When the first request was made, by the clock that all threads share (`process.hrtime`). */
  readonly startedAtMs: number;
  readonly directorySync: boolean;
}

/**
 * The program of the worker, as a script. The build writes the text itself in place of the call that asks for it: what
 * bundlers make of a function may refer to helpers of theirs, which a script of its own would not find.
 */
export function syncWorkerSource(): string {
  // The one such helper that running from source meets: some loaders wrap functions to keep their names.
  return `"use strict"; const __name = (target) => target; (${syncWorker.toString()})();`;
}

/* v8 ignore start: runs in another thread, as text */
function syncWorker(): void {
  const fs = process.getBuiltinModule("node:fs");
  const { receiveMessageOnPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { memory, states, lsns, words, port, flushIntervalMs, startedAtMs, directorySync }: SyncWorkerData = workerData;
  const at = memory.words;

  /** Zeros to fill a segment with. Larger writes make every later write into the file slower. */
  const FILL_CHUNK_BYTES = 16 * 1024;
  const zeros = new Uint8Array(FILL_CHUNK_BYTES);
  /** How much is filled before looking whether somebody waits. */
  const FILL_SLICE_BYTES = 1024 * 1024;

  interface OpenSegment extends SyncSegment {
    descriptor: number;
  }
  interface Preparation {
    readonly name: string;
    readonly path: string;
    readonly directory: string;
    readonly sizeBytes: number;
    descriptor: number;
    filled: number;
  }
  const segments: OpenSegment[] = workerData.segments.map((segment: SyncSegment) => ({ ...segment, descriptor: -1 }));
  const preparations: Preparation[] = [];
  let stopping = false;
  let draining = false;
  let failed = false;
  let synced = 0;
  let deadlineMs = startedAtMs + flushIntervalMs;

  const now = (): number => Number(process.hrtime.bigint()) / 1e6;
  const read = (index: number): number => Number(Atomics.load(lsns, index));

  const tell = (report: SyncReport): void => {
    port.postMessage(report);
  };
  const announce = (): void => {
    Atomics.add(words, at.progress, 1);
    Atomics.notify(words, at.progress);
  };

  const fail = (operation: string, path: string, error: unknown): void => {
    failed = true;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    tell({ kind: "failed", operation, path, errno: code === "" ? String(error) : code });
    Atomics.store(words, at.failed, 1);
  };

  const fdatasync = (segment: OpenSegment): boolean => {
    Atomics.add(words, at.fsyncs, 1);
    try {
      fs.fdatasyncSync(segment.descriptor);
      return true;
    } catch (error) {
      fail("syncData", segment.path, error);
      return false;
    }
  };

  /** Makes everything below `target` durable: segment by segment, oldest first, each before the next one begins. */
  const syncThrough = (target: number): void => {
    Atomics.store(words, at.syncing, 1);
    while (!failed && segments.length > 0) {
      const segment = segments[0] as OpenSegment;
      const next = segments[1];
      // What the log has synced itself needs no second fsync.
      const end = next === undefined ? target : next.firstLsn;
      if (segment.descriptor < 0 && synced < end) {
        try {
          segment.descriptor = fs.openSync(segment.path, "r+");
        } catch (error) {
          fail("open", segment.path, error);
          break;
        }
      }
      if (synced < end && !fdatasync(segment)) break;
      if (end > synced) synced = end;
      if (next === undefined) break;
      segments.shift();
      try {
        if (segment.descriptor >= 0) fs.closeSync(segment.descriptor);
      } catch (error) {
        fail("close", segment.path, error);
      }
    }
    if (!failed) Atomics.store(lsns, memory.lsns.syncedByWorker, BigInt(synced));
    Atomics.store(words, at.syncing, 0);
    Atomics.notify(words, at.syncing);
  };

  const report = (): void => {
    announce();
    if (Atomics.load(words, at.listeners) !== 0) tell({ kind: "progress" });
  };

  const receive = (): void => {
    for (;;) {
      const message = receiveMessageOnPort(port) as { readonly message: SyncOrder } | undefined;
      if (message === undefined) return;
      const order = message.message;
      if (order.kind === "segment") {
        segments.push({ path: order.path, firstLsn: order.firstLsn, descriptor: -1 });
      } else if (order.kind === "prepare") {
        preparations.push({ ...order, descriptor: -1, filled: 0 });
      } else {
        stopping = true;
        draining = order.drain;
      }
    }
  };

  /** Opens what has become the current segment; an error of the medium then reaches this descriptor as well. */
  const openCurrent = (): void => {
    const current = segments[segments.length - 1];
    if (current === undefined || current.descriptor >= 0) return;
    try {
      current.descriptor = fs.openSync(current.path, "r+");
    } catch (error) {
      fail("open", current.path, error);
      announce();
    }
  };

  const endPreparation = (preparation: Preparation, complete: boolean): void => {
    preparations.shift();
    if (!complete) {
      try {
        if (preparation.descriptor >= 0) fs.closeSync(preparation.descriptor);
      } catch {}
      try {
        fs.unlinkSync(preparation.path);
      } catch {}
    }
    tell({ kind: "prepared", name: preparation.name, complete });
    announce();
  };

  /** One slice of the oldest preparation. Each slice is synced: a long fsync at the end would make commits wait. */
  const prepareSlice = (preparation: Preparation): void => {
    try {
      if (preparation.descriptor < 0) {
        fs.rmSync(preparation.path, { force: true });
        preparation.descriptor = fs.openSync(preparation.path, "wx");
      }
      const sliceEnd = Math.min(preparation.sizeBytes, preparation.filled + FILL_SLICE_BYTES);
      while (preparation.filled < sliceEnd) {
        const length = Math.min(FILL_CHUNK_BYTES, sliceEnd - preparation.filled);
        preparation.filled += fs.writeSync(preparation.descriptor, zeros, 0, length, preparation.filled);
      }
      if (preparation.filled < preparation.sizeBytes) {
        fs.fdatasyncSync(preparation.descriptor);
        return;
      }
      fs.fsyncSync(preparation.descriptor);
      fs.closeSync(preparation.descriptor);
      preparation.descriptor = -1;
      if (directorySync) {
        const directory = fs.openSync(preparation.directory, "r");
        try {
          fs.fsyncSync(directory);
        } finally {
          fs.closeSync(directory);
        }
      }
    } catch {
      endPreparation(preparation, false);
      return;
    }
    endPreparation(preparation, true);
  };

  const run = (): void => {
    for (;;) {
      const seen = Atomics.load(words, at.signal);
      // Counted before the position is read: what is counted has its position stored. And the position before the
      // messages: a segment is announced before any position in it is requested, so every segment below is known then.
      const requests = Atomics.load(words, at.requests);
      const readAtMs = now();
      const requested = read(memory.lsns.requested);
      receive();
      if (!failed) openCurrent();
      const byLog = read(memory.lsns.syncedByLog);
      if (byLog > synced) synced = byLog;

      const current = failed ? undefined : segments[segments.length - 1];
      const unsynced = current !== undefined && requested > synced;
      if (unsynced && ((stopping && draining) || read(memory.lsns.urgent) > synced || readAtMs >= deadlineMs)) {
        syncThrough(requested);
        if (!failed) Atomics.store(words, at.requestsSynced, requests);
        // A commit that came during the fsync is younger than the moment at which `requested` was read.
        deadlineMs = readAtMs + flushIntervalMs;
        report();
        continue;
      }
      if (current !== undefined && segments.length > 1) {
        // The log has gone on to another segment: the ones before it are not written to any more.
        syncThrough(current.firstLsn);
        report();
        continue;
      }
      if (stopping) break;
      const preparation = preparations[0];
      if (preparation !== undefined) {
        prepareSlice(preparation);
        continue;
      }

      Atomics.store(words, at.state, unsynced ? states.dozing : states.idle);
      const wanted = read(unsynced ? memory.lsns.urgent : memory.lsns.requested) > synced;
      if (!wanted || current === undefined) {
        Atomics.wait(words, at.signal, seen, unsynced ? Math.max(0, deadlineMs - now()) : Number.POSITIVE_INFINITY);
      }
      Atomics.store(words, at.state, states.working);
      // From idle, whoever woke the worker did so for the first commit that waits.
      if (!unsynced) deadlineMs = now() + flushIntervalMs;
    }
  };

  if (Atomics.compareExchange(words, at.state, states.booting, states.working) !== states.booting) {
    port.close();
    return;
  }
  try {
    try {
      Atomics.store(words, at.thread, Number(fs.readlinkSync("/proc/thread-self").split("/").pop()));
    } catch {
      // Only Linux tells.
    }
    run();
  } catch (error) {
    fail("sync thread", "", error);
  }
  while (preparations.length > 0) endPreparation(preparations[0] as Preparation, false);
  for (const segment of segments) {
    try {
      if (segment.descriptor >= 0) fs.closeSync(segment.descriptor);
    } catch (error) {
      fail("close", segment.path, error);
    }
  }
  Atomics.store(words, at.state, states.ended);
  announce();
  port.close();
}
/* v8 ignore stop */
