/** The worker that fsyncs, and the channel to it. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import {
  SYNC_MEMORY,
  type SyncOrder,
  type SyncReport,
  SyncState,
  type SyncWorkerData,
  syncWorkerSource,
} from "./sync-worker.js";

const WORD = SYNC_MEMORY.words;

/** What its starter decides. */
export type SyncThreadSettings = Pick<
  SyncWorkerData,
  "lsns" | "words" | "segments" | "flushIntervalMs" | "directorySync"
>;

/** Started by the constructor; it reads the shared memory and its orders as soon as it runs, whatever this thread does. */
export class SyncThread {
  readonly #words: Int32Array;
  readonly #port: MessagePort;
  readonly #onReport: (report: SyncReport) => void;

  /**
   * @param onReport called by the event loop, or from inside `receive`.
   * @param onEnd called by the event loop when the thread has ended, for whatever reason; perhaps twice.
   */
  constructor(settings: SyncThreadSettings, onReport: (report: SyncReport) => void, onEnd: (cause: unknown) => void) {
    const { port1, port2 } = new MessageChannel();
    const data: SyncWorkerData = {
      ...settings,
      memory: SYNC_MEMORY,
      states: SyncState,
      port: port2,
      startedAtMs: Number(process.hrtime.bigint()) / 1e6,
    };
    const worker = new Worker(syncWorkerSource(), {
      eval: true,
      name: "strata-sync",
      workerData: data,
      transferList: [port2],
      // Nothing of how the program was started concerns this thread: no loaders, no preloaded modules.
      execArgv: [],
      env: {},
    });
    worker.on("error", onEnd);
    worker.on("exit", () => onEnd(undefined));
    worker.unref();
    this.#words = settings.words;
    this.#port = port1;
    this.#onReport = onReport;
    port1.on("message", onReport);
    port1.unref(); // adding a listener has made it keep the process alive
  }

  /** Gives an order, behind those before it. */
  order(order: SyncOrder): void {
    this.#port.postMessage(order);
    this.#signal();
  }

  /** Ends the worker's sleep. */
  wake(): void {
    const state = Atomics.load(this.#words, WORD.state);
    if (state === SyncState.idle || state === SyncState.dozing) this.#signal();
  }

  /** Whether what it reports keeps the process alive. */
  keepAlive(alive: boolean): void {
    if (alive) this.#port.ref();
    else this.#port.unref();
  }

  /** Hands over now what it has reported, without waiting for the event loop. */
  receive(): void {
    for (
      let message = receiveMessageOnPort(this.#port);
      message !== undefined;
      message = receiveMessageOnPort(this.#port)
    ) {
      this.#onReport(message.message);
    }
  }

  /** Ends the thread before it has begun to work. False when it has begun. */
  callOff(): boolean {
    return Atomics.compareExchange(this.#words, WORD.state, SyncState.booting, SyncState.ended) === SyncState.booting;
  }

  /** Hands over the last reports and closes the channel. */
  close(): void {
    this.receive();
    this.#port.close();
  }

  #signal(): void {
    // So that the next commit does not wake it once more.
    const state = Atomics.load(this.#words, WORD.state);
    if (state === SyncState.idle || state === SyncState.dozing) {
      Atomics.compareExchange(this.#words, WORD.state, state, SyncState.working);
    }
    Atomics.add(this.#words, WORD.signal, 1);
    Atomics.notify(this.#words, WORD.signal);
  }
}
