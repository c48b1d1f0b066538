import { type AsOf, type Options, type Value, type ValueObject, type Version, validateSpaceName } from "@strata/core";
import type { Database, EventLog, JsonStore, Kv, Run, StateCells, TransactionOptions } from "@strata/engine";
import type { SearchOptions, SearchResult } from "@strata/intelligence";
import { type CommitChanges, checkWatchFilter, type Feed, type WatchFilter } from "./feed.js";
import { LoadedRuns } from "./loaded-runs.js";
import { checkOptions, isString, isTime, isWholeNumber, mustFunction } from "./option-check.js";
import { type Primitives, ScopePrimitives, type Vectors } from "./primitives.js";
import { type ReadView, RunReadView } from "./read-view.js";
import { checkRecorderOptions, type Recorder, type RecorderOptions, RunRecorder } from "./recorder.js";
import { DatabaseRuns, type Runs } from "./runs.js";
import { checkSearchAsync } from "./search-check.js";
import { RunSession, type Session } from "./session.js";
import { RunSpaces, type Spaces } from "./spaces.js";
import { checkTransactionOptions, RunTransaction, type Transaction } from "./transaction.js";

/** The run and the space that are always there. */
export const DEFAULT_NAME = "default";

/** One run and one space, fixed. Cheap, safe to share between tasks, nothing to close. */
export interface Handle extends Primitives {
  readonly runs: Runs;
  readonly spaces: Spaces;
  currentRun(): string;
  currentSpace(): string;
  /** Newest commit of this run. */
  readonly version: Version;
  /**
   * Another handle. What is not named stays as here, except that naming another run starts in its space `"default"`.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   */
  in(at: Options<{ run: string; space: string }>): Handle;
  /**
   * Every read as of then, or of now. @throws {StateError} `HISTORY_TRIMMED`, `facts.earliest`
   */
  at(point?: AsOf): ReadView;
  /**
   * Commits when `fn` returns or its promise fulfils, rolls back when it throws; with a promise the fsync is shared and awaited.
   *
   * @throws {ConflictError} `TRANSACTION_CONFLICT`, `facts.keys`
   */
  transaction<T>(fn: (txn: Transaction) => T, options?: TransactionOptions): T;
  /** A transaction to begin and commit by hand. */
  session(): Session;
  /**
   * `search` with the query embedded first, by the embedder that the database was opened with. What is searched is what is there then.
   * Aborting rejects with `signal.reason`.
   */
  searchAsync(query: string, options?: SearchOptions & Options<{ signal: AbortSignal }>): Promise<SearchResult>;
  /**
   * Effects on the outside, kept under `scope` in this run and space: a finished one is not repeated, neither after a crash nor in a replay.
   *
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT`
   */
  recorder(scope: string, options?: RecorderOptions): Recorder;
  /**
   * Commits of this run, whole, in order, none left out: from this call on, or behind `since`, which may lie before a fork. A slow reader is
   * served from the history; in a strict database only durable commits are delivered. Ends, and does not throw, on abort, when the database
   * closes, when the run is deleted and when the consumer leaves its loop.
   *
   * @throws {StateError} `HISTORY_TRIMMED`, `facts.earliest`, also from a feed that was left behind
   */
  watch(filter?: WatchFilter): Feed<CommitChanges>;
}

/**
 * The handle on a run of a database. It is bound to the run's identity, not to its name: once the run is deleted every call throws
 * `RUN_NOT_FOUND`, also when a new run has the name.
 */
export class RunHandle implements Handle {
  readonly database: Database;
  readonly #run: Run;
  readonly #space: string;
  #primitives: ScopePrimitives<Version> | undefined;

  /** @param space a valid name; it need not be registered. */
  constructor(database: Database, run: Run, space: string) {
    this.database = database;
    this.#run = run;
    this.#space = space;
    this.#primitives = undefined;
  }

  /** @throws {NotFoundError} `RUN_NOT_FOUND` @throws {InvalidArgumentError} `INVALID_NAME` */
  static on(database: Database, run: string = DEFAULT_NAME, space: string = DEFAULT_NAME): RunHandle {
    validateSpaceName(space);
    return new RunHandle(database, database.runs.must(run), space);
  }

  get kv(): Kv<Value, unknown, Version> {
    return this.#data().kv;
  }

  get events(): EventLog<{ readonly [type: string]: ValueObject }, { readonly [type: string]: object }, Version> {
    return this.#data().events;
  }

  get state(): StateCells {
    return this.#data().state;
  }

  get json(): JsonStore<Value, unknown, Version> {
    return this.#data().json;
  }

  get vectors(): Vectors<Version> {
    return this.#data().vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    return this.#data().search(query, options);
  }

  async searchAsync(query: string, options?: SearchOptions & Options<{ signal: AbortSignal }>): Promise<SearchResult> {
    checkSearchAsync(query, options);
    const { signal, ...request } = options ?? {};
    return await this.#data().searchAsync(query, request, signal);
  }

  get runs(): Runs {
    return new DatabaseRuns(this.database, this.#run);
  }

  get spaces(): Spaces {
    return new RunSpaces(this.database, this.#loaded());
  }

  currentRun(): string {
    return this.#run.name;
  }

  currentSpace(): string {
    return this.#space;
  }

  get version(): Version {
    const run = this.#loaded();
    run.assertAlive();
    return run.version;
  }

  in(at: Options<{ run: string; space: string }>): RunHandle {
    checkOptions("in", at ?? null, { run: isString, space: isString });
    this.#gate();
    const run = at.run === undefined ? this.#run : this.database.runs.must(at.run);
    const space = at.space ?? (run === this.#run ? this.#space : DEFAULT_NAME);
    validateSpaceName(space);
    return new RunHandle(this.database, run, space);
  }

  at(point?: AsOf): ReadView {
    checkOptions("at", point, { version: isWholeNumber(0), time: isTime, tag: isString });
    return new RunReadView(this.database, this.database.at(this.#loaded(), this.#space, point));
  }

  transaction<T>(fn: (txn: Transaction) => T, options?: TransactionOptions): T {
    mustFunction("transaction", fn);
    checkTransactionOptions(options);
    const space = this.#space;
    return this.database.transaction(
      this.#loaded(),
      (open) => fn(new RunTransaction(this.database, open, space)),
      options,
    );
  }

  session(): RunSession {
    return new RunSession(this, this.#loaded());
  }

  recorder(scope: string, options?: RecorderOptions): Recorder {
    checkRecorderOptions(scope, options);
    return new RunRecorder(this.database, this.#loaded(), this.#space, scope, options);
  }

  watch(filter?: WatchFilter): Feed<CommitChanges> {
    checkWatchFilter(filter);
    return this.database.history.watch(this.#loaded(), this.#space, filter);
  }

  #data(): ScopePrimitives<Version> {
    this.#primitives ??= new ScopePrimitives(this.database, this.database.head(this.#loaded(), this.#space));
    return this.#primitives;
  }

  #loaded(): Run {
    this.#gate().check(this.#run);
    return this.#run;
  }

  /** @throws {StateError} `DATABASE_CLOSED` */
  #gate(): LoadedRuns {
    return LoadedRuns.of(this.database);
  }
}
