import {
  type CommitChanges,
  checkOptions,
  DEFAULT_NAME,
  type Feed,
  type Handle,
  hasMethods,
  isBoolean,
  isFunction,
  isString,
  makeAsyncDisposable,
  makeDisposable,
  type ReadView,
  type Recorder,
  type RecorderOptions,
  RunHandle,
  type Runs,
  type Session,
  type Spaces,
  type Transaction,
  type Vectors,
  type WatchFilter,
} from "@strata/api";
import {
  type AsOf,
  type Options,
  StateError,
  type Value,
  type ValueObject,
  type Version,
  validateSpaceName,
} from "@strata/core";
import type {
  CheckpointInfo,
  CommitInfo,
  CompactionInfo,
  Database,
  EventLog,
  JsonStore,
  Kv,
  LongWork,
  RunInfo,
  StateCells,
  TransactionMetrics,
  TransactionOptions,
  VerifyReport,
} from "@strata/engine";

import { Embedding, type SearchOptions, type SearchResult } from "@strata/intelligence";
import type { DatabaseInfo } from "./database-info.js";

/** The checks of `LongWork`. */
export const LONG_WORK = { signal: hasMethods("addEventListener", "throwIfAborted"), onProgress: isFunction };

/** A share in an open database: it closes when every share was given back. */
export interface DatabaseShare {
  readonly database: Database;
  /** Whether somebody else had it open before. */
  readonly joined: boolean;
  /** Gives it back, at once. A second call does nothing. */
  release(): void;
  /** Gives it back after open transactions have ended. When they do not in time it throws and is not given back. */
  shutdown(options: Options<{ timeoutMs: number }> | undefined): Promise<void>;
}

/**
 * A handle whose cursor moves: what `Strata` is, whatever it was opened from. Invariants:
 *
 * 1. The cursor stands on a run that existed when it was set, and on a valid space name.
 * 2. Once closed, every call but `isOpen`, `close` and disposal throws `DATABASE_CLOSED`, also while others keep the database open.
 */
export abstract class StrataCursor implements Handle {
  declare readonly [Symbol.dispose]: () => void;
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  /** The engine below, for low-level use; shared by everything that has opened the same path. */
  readonly database: Database;
  readonly #share: DatabaseShare | undefined;
  #handle: RunHandle;
  #closed: boolean;

  /** @param share `undefined` for a handle that only borrows the database. */
  protected constructor(database: Database, share: DatabaseShare | undefined, handle: RunHandle) {
    this.database = database;
    this.#share = share;
    this.#handle = handle;
    this.#closed = false;
  }

  get kv(): Kv<Value, unknown, Version> {
    return this.#here().kv;
  }

  get events(): EventLog<{ readonly [type: string]: ValueObject }, { readonly [type: string]: object }, Version> {
    return this.#here().events;
  }

  get state(): StateCells {
    return this.#here().state;
  }

  get json(): JsonStore<Value, unknown, Version> {
    return this.#here().json;
  }

  get vectors(): Vectors<Version> {
    return this.#here().vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    return this.#here().search(query, options);
  }

  async searchAsync(query: string, options?: SearchOptions & Options<{ signal: AbortSignal }>): Promise<SearchResult> {
    return await this.#here().searchAsync(query, options);
  }

  get runs(): Runs {
    return this.#here().runs;
  }

  get spaces(): Spaces {
    return this.#here().spaces;
  }

  get version(): Version {
    return this.#here().version;
  }

  /** False once this handle or the database is closed. */
  get isOpen(): boolean {
    return !this.#closed && this.database.isOpen;
  }

  currentRun(): string {
    return this.#here().currentRun();
  }

  currentSpace(): string {
    return this.#here().currentSpace();
  }

  in(at: Options<{ run: string; space: string }>): Handle {
    return this.#here().in(at);
  }

  at(point?: AsOf): ReadView {
    return this.#here().at(point);
  }

  transaction<T>(fn: (txn: Transaction) => T, options?: TransactionOptions): T {
    return this.#here().transaction(fn, options);
  }

  session(): Session {
    return this.#here().session();
  }

  recorder(scope: string, options?: RecorderOptions): Recorder {
    return this.#here().recorder(scope, options);
  }

  watch(filter?: WatchFilter): Feed<CommitChanges> {
    return this.#here().watch(filter);
  }

  /** Moves to a run that exists, and there to the space `"default"`. @throws {NotFoundError} `RUN_NOT_FOUND` */
  setRun(name: string): void {
    this.#here();
    this.#handle = RunHandle.on(this.database, name);
  }

  /** Moves to a space of this run; the first write registers it. @throws {InvalidArgumentError} `INVALID_NAME` */
  setSpace(name: string): void {
    validateSpaceName(name);
    this.#handle = this.#here().in({ space: name });
  }

  /** `runs.create`; the cursor stays. */
  createRun(name: string, meta?: object): RunInfo {
    return this.runs.create(name, meta);
  }

  /** `runs.list`. */
  listRuns(): string[] {
    return this.runs.list();
  }

  /** `runs.delete`: not the run this handle is on, and not `"default"`. */
  deleteRun(name: string): void {
    this.runs.delete(name);
  }

  /** `spaces.list`. */
  listSpaces(): string[] {
    return this.spaces.list();
  }

  /** `spaces.delete`: only when it is empty. */
  deleteSpace(name: string): boolean {
    return this.spaces.delete(name);
  }

  /** `spaces.delete` with all its data. The cursor stays when it is the current one: a later write registers it anew, empty. */
  deleteSpaceForce(name: string): boolean {
    return this.spaces.delete(name, { force: true });
  }

  /** Returns once everything acknowledged is on stable storage. */
  flush(): void {
    this.#here();
    this.database.flush();
  }

  /** The same without blocking. */
  async durable(): Promise<void> {
    this.#here();
    await this.database.durable();
  }

  /** What became of a commit, also of one whose outcome was unknown before the database was opened again. */
  commitStatus(commit: Pick<CommitInfo, "epoch" | "version">): "committed" | "lost" | "unknown" {
    this.#here();
    return this.database.commitStatus(commit);
  }

  /**
   * Writes what was committed since the last checkpoint into snapshot files: the next opening reads no log before it, and history leaves
   * memory. In slices, while reads and writes go on; wherever it ends early, the checkpoint before counts.
   *
   * @throws {StateError} `READ_ONLY`
   * @throws {IoError} `DISK_FULL`, `IO_ERROR`: nothing is lost
   */
  async checkpoint(options?: LongWork): Promise<CheckpointInfo> {
    this.#here();
    checkOptions("checkpoint", options, LONG_WORK);
    return await this.database.checkpoint(options);
  }

  /**
   * Drops the history that retention does not keep, from memory and from files, forgets keys that are gone, and packs files anew of which
   * little is in use. In slices, while reads and writes go on. What views, transactions, tags, forks and merges need stays.
   *
   * @param options.erase everything is written anew and the log is cut, so that nothing which was deleted or trimmed is left on the disk.
   * @throws {StateError} `READ_ONLY`
   * @throws {IoError} `DISK_FULL`, `IO_ERROR`: nothing is lost
   */
  async compact(options?: LongWork & Options<{ erase: boolean }>): Promise<CompactionInfo> {
    this.#here();
    checkOptions("compact", options, { ...LONG_WORK, erase: isBoolean });
    return await this.database.compact(options);
  }

  /**
   * Reads everything that the database has on disk, in slices, and holds it against each other: checksums, commits, chains of events, what
   * is listed against what is there. Damage is reported, not thrown.
   */
  async verify(options?: LongWork): Promise<VerifyReport> {
    this.#here();
    checkOptions("verify", options, LONG_WORK);
    return await this.database.verify(options);
  }

  info(): DatabaseInfo {
    this.#here();
    const embedding = Embedding.statusOf(this.database);
    const info = this.database.info();
    return embedding === undefined ? info : Object.freeze({ ...info, embedding });
  }

  metrics(): TransactionMetrics {
    this.#here();
    return this.database.metrics();
  }

  /** The version of the software. */
  ping(): string {
    this.#here();
    return this.database.ping();
  }

  /**
   * Refuses new work, waits for open transactions (30 000 ms unless said), makes everything durable, closes. While others have the
   * database open it ends only this handle, once what was acknowledged is durable.
   *
   * @throws {StateError} `SHUTDOWN_TIMEOUT`: transactions are still open; it can be called again
   */
  async shutdown(options?: Options<{ timeoutMs: number }>): Promise<void> {
    if (this.#closed) return;
    if (this.#share === undefined) await this.database.durable();
    else await this.#share.shutdown(options);
    this.#closed = true;
  }

  /** At once: open transactions roll back, what was acknowledged is made durable. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#share?.release();
  }

  /** For `newHandle`: from the defaults, whatever the cursor. */
  protected handleAt(at: Options<{ run: string; space: string }> | undefined): RunHandle {
    this.#here();
    checkOptions("newHandle", at, { run: isString, space: isString });
    return RunHandle.on(this.database, at?.run ?? DEFAULT_NAME, at?.space ?? DEFAULT_NAME);
  }

  #here(): RunHandle {
    if (this.#closed) throw new StateError("DATABASE_CLOSED", "this handle was closed", {});
    return this.#handle;
  }

  static {
    makeDisposable(StrataCursor, function () {
      this.close();
    });
    makeAsyncDisposable(StrataCursor, function () {
      return this.shutdown();
    });
  }
}
