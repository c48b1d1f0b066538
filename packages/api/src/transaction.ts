import { type Value, type ValueObject, type Version, validateSpaceName } from "@strata/core";
import type {
  CommitInfo,
  Database,
  EventLog,
  JsonStore,
  Kv,
  OpenTransaction,
  StateCells,
  TransactionOptions,
} from "@strata/engine";
import type { SearchOptions, SearchResult } from "@strata/intelligence";
import {
  checkOptions,
  hasMethods,
  isBoolean,
  isDuration,
  isGroup,
  isOneOf,
  isString,
  isWholeNumber,
  mustFunction,
} from "./option-check.js";
import { type Primitives, ScopePrimitives, type Vectors } from "./primitives.js";

const SESSION_CHECKS = {
  readOnly: isBoolean,
  timeoutMs: isDuration,
  durability: isOneOf(["none", "buffered", "strict"]),
  message: isString,
};

const CLOSURE_CHECKS = {
  ...SESSION_CHECKS,
  retry: isGroup({ maxRetries: isWholeNumber(0), baseDelayMs: isWholeNumber(0), maxDelayMs: isWholeNumber(0) }),
  signal: hasMethods("addEventListener", "throwIfAborted"),
};

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function checkTransactionOptions(options: TransactionOptions | undefined): void {
  checkOptions("transaction", options, CLOSURE_CHECKS);
}

/** For a transaction by hand. @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function checkSessionOptions(options: TransactionOptions | undefined): void {
  checkOptions("begin", options, SESSION_CHECKS);
}

/**
 * What a transaction closure is given. Its reads see one version and its own writes; they are observed, so that it commits only if what
 * it saw still holds. It ends with its closure (`TRANSACTION_NOT_ACTIVE` afterwards).
 *
 * Calls on other handles never join it; a write through one to the same run from inside a synchronous closure throws
 * `TRANSACTION_NESTED`, for it would commit on its own and make this one conflict.
 */
export interface Transaction extends Primitives<undefined> {
  readonly run: string;
  /** Newest version that its reads see. */
  readonly startVersion: Version;
  /** Aborts on timeout, shutdown or the caller's signal: hand it to `fetch`. */
  readonly signal: AbortSignal;
  /** Moves this object's cursor to another space of the run; the commit spans all of them. */
  setSpace(name: string): void;
  currentSpace(): string;
  /** Another space of the same transaction, with a cursor of its own. */
  in(at: { readonly space: string }): Transaction;
  /** Calls `fn` once, after the commit is acknowledged, only if it commits. */
  onCommit(fn: (info: CommitInfo) => void): void;
}

export class RunTransaction implements Transaction {
  readonly #database: Database;
  readonly #open: OpenTransaction;
  #space: string;
  #primitives: ScopePrimitives<undefined>;

  constructor(database: Database, open: OpenTransaction, space: string) {
    this.#database = database;
    this.#open = open;
    this.#space = space;
    this.#primitives = new ScopePrimitives(database, open.scope(space));
  }

  get kv(): Kv<Value, unknown, undefined> {
    return this.#primitives.kv;
  }

  get events(): EventLog<{ readonly [type: string]: ValueObject }, { readonly [type: string]: object }, undefined> {
    return this.#primitives.events;
  }

  get state(): StateCells {
    return this.#primitives.state;
  }

  get json(): JsonStore<Value, unknown, undefined> {
    return this.#primitives.json;
  }

  get vectors(): Vectors<undefined> {
    return this.#primitives.vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    return this.#primitives.search(query, options);
  }

  get run(): string {
    return this.#open.run.name;
  }

  get startVersion(): Version {
    return this.#open.startVersion;
  }

  get signal(): AbortSignal {
    return this.#open.signal;
  }

  setSpace(name: string): void {
    validateSpaceName(name);
    this.#primitives = new ScopePrimitives(this.#database, this.#open.scope(name));
    this.#space = name;
  }

  currentSpace(): string {
    return this.#space;
  }

  in(at: { readonly space: string }): Transaction {
    checkOptions("in", at, { space: isString }, ["space"]);
    validateSpaceName(at.space);
    return new RunTransaction(this.#database, this.#open, at.space);
  }

  onCommit(fn: (info: CommitInfo) => void): void {
    mustFunction("onCommit", fn);
    this.#open.onCommit(fn);
  }
}
