import { type Logger, type Primitive, StrataError, type Timer } from "@strata/core";
import {
  type CommitRecord,
  type Database,
  type DerivedIndex,
  EMBEDDINGS_SPACE,
  isReservedSpace,
  type OpenTransaction,
  type Operation,
  type ReadScope,
  type Run,
  Slices,
  VectorStore,
} from "@strata/engine";
import { Found, isLive } from "@strata/storage";
import type { CheckedEmbedder } from "./checked-embedder.js";
import { progressIn } from "./embedding-rows.js";
import { type WaitingEntry, type WaitingPlace, waitingIn } from "./waiting-entries.js";

/** What `info().embedding` shows. */
export interface EmbeddingStatus {
  /** Entries that are waiting, as far as anybody has looked. */
  readonly pending: number;
  /** Texts that were put aside because they failed by themselves, again and again. They are tried again when the database is opened anew. */
  readonly failed: number;
  readonly lastError?: string;
}

/** Texts in one call of the embedder. */
const BATCH_TEXTS = 32;
/** Commits often come together: the first call waits that long. Milliseconds. */
const DELAY_MS = 20;
/** After a failure; doubled with each one that follows. Milliseconds. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 300_000;
/** A call of the embedder that takes longer counts as failed. Milliseconds. */
const CALL_MS_MAX = 120_000;
/** A text that has failed alone so often is put aside. */
const TRIES_MOST = 5;

/**
 * Embeds in the background what the targets name. Nothing waits for it: what is written is committed and searched by its words at once, and
 * found by nearness once its vector is there. Vectors are written by commits of their own, which conflict with nobody.
 *
 * 1. No write waits for it, or fails by it; and whoever waits for the event loop gets his turn between two batches.
 * 2. A vector is written only while its entry is what it was when it was sent.
 * 3. What is waiting is kept nowhere: it is what a run holds and no vector is of.
 *
 * It is looked for in a run that is written to or searched, after an opening in the run "default" too.
 */
export class EmbeddingQueue implements DerivedIndex {
  readonly name = "embedding";
  readonly #database: Database;
  readonly #embedder: CheckedEmbedder;
  readonly #timer: Timer;
  readonly #logger: Logger;
  /** Runs to look at, with how many of their entries were written since somebody did. */
  readonly #runs = new Map<Run, number>();
  readonly #seen = new WeakSet<Run>();
  readonly #aside = new Set<string>();
  readonly #tries = new Map<string, number>();
  readonly #closing = new AbortController();
  #batch = BATCH_TEXTS;
  #failures = 0;
  #planned = 0;
  #lastError: string | undefined;
  #cancel: (() => void) | undefined;
  #isWorking = false;

  constructor(database: Database, embedder: CheckedEmbedder) {
    this.#database = database;
    this.#embedder = embedder;
    this.#timer = database.timer;
    this.#logger = database.logger;
  }

  get status(): EmbeddingStatus {
    let pending = this.#planned;
    for (const entries of this.#runs.values()) pending += entries;
    const status = { pending, failed: this.#aside.size };
    return Object.freeze(this.#lastError === undefined ? status : { ...status, lastError: this.#lastError });
  }

  onCommit(run: Run, commit: CommitRecord): void {
    if (run === this.#database.runs.system) return;
    let entries = 0;
    for (const operation of commit.operations) if (this.#isTarget(operation)) entries++;
    if (entries > 0) this.#add(run, entries);
  }

  onRunDropped(run: Run): void {
    this.#runs.delete(run);
  }

  closed(): void {
    this.#cancel?.();
    this.#closing.abort();
  }

  /** Something may be waiting in a run that this process has not looked at yet. */
  touched(run: Run): void {
    if (this.#seen.has(run)) return;
    this.#seen.add(run);
    this.#add(run, 0);
  }

  #isTarget(operation: Operation): boolean {
    const { space } = operation;
    if (isReservedSpace(space)) return false;
    if ("type" in operation) return this.#hasTarget("event", space, operation.type);
    if (!("key" in operation)) return false;
    return this.#hasTarget("primitive" in operation ? operation.primitive : "json", space, operation.key);
  }

  #hasTarget(primitive: Primitive, space: string, name: string): boolean {
    return this.#embedder.targets.some(
      (target) =>
        target.primitive === primitive && (target.spaces?.includes(space) ?? true) && name.startsWith(target.prefix),
    );
  }

  #add(run: Run, entries: number): void {
    this.#runs.set(run, (this.#runs.get(run) ?? 0) + entries);
    if (!this.#isWorking) this.#schedule(DELAY_MS, false);
  }

  #schedule(ms: number, isIdle: boolean): void {
    if (this.#cancel !== undefined || this.#closing.signal.aborted) return;
    const work = () => {
      this.#cancel = undefined;
      void this.#work();
    };
    this.#cancel = this.#timer.after(ms, work, isIdle);
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    try {
      for (let [run] = this.#runs.keys(); run !== undefined; [run] = this.#runs.keys()) {
        this.#runs.delete(run);
        if (!(await this.#workOn(run))) return;
      }
    } finally {
      this.#isWorking = false;
      this.#planned = 0;
    }
  }

  /** @returns false when it has failed, and is tried again later. */
  async #workOn(run: Run): Promise<boolean> {
    try {
      await this.#embedRun(run);
      return true;
    } catch (error) {
      if (this.#closing.signal.aborted) return false;
      if (isOver(error)) return true;
      this.#failures++;
      this.#lastError = error instanceof Error ? error.message : String(error);
      const retryMs = Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MS_MAX);
      const facts = { run: run.name, failures: this.#failures, retryMs, cause: error };
      this.#logger.log("warn", "strata.embedding", "texts could not be embedded; they are tried again", facts);
      this.#runs.set(run, (this.#runs.get(run) ?? 0) + this.#planned);
      this.#schedule(retryMs, true);
      return false;
    }
  }

  async #embedRun(run: Run): Promise<void> {
    const slices = new Slices(this.#database.runtime.clock, this.#timer, this.#closing.signal);
    const places = [...waitingIn(this.#database, run, this.#embedder)];
    this.#planned = places.reduce((sum, { entries }) => sum + entries.length, 0);
    for (const place of places) {
      if (place.isForeign) this.#write(run, (transaction) => forget(transaction, place));
      const removed = place.entries.filter(({ text }) => text === undefined);
      const waiting = place.entries.filter((entry) => entry.text !== undefined && !this.#aside.has(idOf(run, entry)));
      this.#planned -= place.entries.length - waiting.length;
      for (let from = 0; from < waiting.length; ) {
        const batch = waiting.slice(from, from + this.#batch);
        const vectors = await this.#embedBatch(run, batch);
        this.#write(run, (transaction) => keep(transaction, place, this.#embedder, batch, vectors));
        from += batch.length;
        this.#planned -= batch.length;
        await slices.pause();
      }
      this.#write(run, (transaction) => finish(transaction, place, this.#embedder, removed));
    }
  }

  /** Halves what is sent together when it fails, so that a text that always fails does not keep the others waiting. */
  async #embedBatch(run: Run, batch: readonly WaitingEntry[]): Promise<readonly Float32Array[]> {
    try {
      const vectors = await this.#call(batch.map(({ text }) => text as string));
      this.#failures = 0;
      this.#lastError = this.#aside.size === 0 ? undefined : this.#lastError;
      this.#batch = Math.min(BATCH_TEXTS, this.#batch * 2);
      return vectors;
    } catch (error) {
      this.#batch = Math.max(1, batch.length >>> 1);
      if (batch.length === 1) this.#noteFailure(idOf(run, batch[0] as WaitingEntry));
      throw error;
    }
  }

  #noteFailure(id: string): void {
    const tries = (this.#tries.get(id) ?? 0) + 1;
    this.#tries.set(id, tries);
    if (tries < TRIES_MOST) return;
    this.#tries.delete(id);
    this.#aside.add(id);
  }

  async #call(texts: readonly string[]): Promise<readonly Float32Array[]> {
    const calling = new AbortController();
    const close = () => calling.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", close, { once: true });
    const cancel = this.#timer.after(CALL_MS_MAX, () => {
      calling.abort(new Error(`the embedder did not answer within ${CALL_MS_MAX} ms`));
    });
    try {
      return await this.#embedder.documents(texts, calling.signal);
    } finally {
      cancel();
      this.#closing.signal.removeEventListener("abort", close);
    }
  }

  #write(run: Run, work: (transaction: OpenTransaction) => void): void {
    this.#closing.signal.throwIfAborted();
    this.#database.transaction(run, work, { message: "embeddings" });
  }
}

/** Vectors of the entries that are still what they were when they were sent. */
function keep(
  transaction: OpenTransaction,
  { collection }: WaitingPlace,
  { model, dimension }: CheckedEmbedder,
  batch: readonly WaitingEntry[],
  vectors: readonly Float32Array[],
): void {
  const scope = transaction.scope(EMBEDDINGS_SPACE);
  if (progressIn(scope, collection) === undefined) scope.put("kv", collection, Object.freeze({ model, version: 0 }));
  const store = new VectorStore<undefined>(scope);
  store.createCollection(collection, { dimension, metric: "cosine", ifExists: "keep" });
  const current = batch.flatMap((entry, index) =>
    isCurrent(scope, entry)
      ? [{ key: entry.key, vector: vectors[index] as Float32Array, metadata: { version: entry.version } }]
      : [],
  );
  store.upsertMany(collection, current);
}

/** Everything that was waiting at `through` is done: what has no text any more loses its vector. */
function finish(
  transaction: OpenTransaction,
  { collection, through }: WaitingPlace,
  { model, dimension }: CheckedEmbedder,
  removed: readonly WaitingEntry[],
): void {
  const scope = transaction.scope(EMBEDDINGS_SPACE);
  const store = new VectorStore<undefined>(scope);
  store.createCollection(collection, { dimension, metric: "cosine", ifExists: "keep" });
  for (const { key } of removed) store.delete(collection, key);
  scope.put("kv", collection, Object.freeze({ model, version: through }));
}

function forget(transaction: OpenTransaction, { collection }: WaitingPlace): void {
  const scope = transaction.scope(EMBEDDINGS_SPACE);
  new VectorStore<undefined>(scope).deleteCollection(collection);
  scope.put("kv", collection, undefined);
}

const found = new Found();

/** Events never change. */
function isCurrent(scope: ReadScope, { primitive, space, key, version }: WaitingEntry): boolean {
  if (primitive === "event") return true;
  return scope.tableIn(space, primitive).peek(key, found) && isLive(found.stored) && found.version === version;
}

function idOf(run: Run, { primitive, space, key, version }: WaitingEntry): string {
  return `${run.number}:${primitive}:${space}:${version}:${key}`;
}

/** The run takes no writes any more: there is nothing to be done for it. */
function isOver(error: unknown): boolean {
  return StrataError.is(error, "RUN_NOT_FOUND") || StrataError.is(error, "RUN_CLOSED");
}
