import {
  ConflictError,
  checkKey,
  copyOut,
  type HistoryOptions,
  type Limits,
  type Options,
  type ScanOptions,
  type Storable,
  type Timer,
  type Value,
  type Versioned,
  type VersionedEntry,
} from "@strata/core";
import { Found, type Stored } from "@strata/storage";
import type { ReadScope, Scope, TableReader } from "../scope.js";
import { counterOf, deleteCell, observeCell, writeCell } from "./cell.js";
import { historyOf } from "./history.js";
import { keyScan, listKeys } from "./key-scan.js";
import { awaitLease, type Lease, Leases, leaseIdentity, leaseTtl, leaseWait, mustOwner } from "./lease.js";
import { invalid, kindOf, optionalInteger } from "./options.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { valueFrom, valueIn, versionedOf } from "./stored-value.js";
import { checkSchema } from "./typed.js";

/** `counter`: writes of this cell so far, from 1, never reset; what `cas` compares. It is no commit version. */
export interface VersionedCell<V> extends Versioned<V> {
  readonly counter: number;
}

export interface StateReads<V = Value> {
  read(cell: string): V | undefined;
  readVersioned(cell: string): VersionedCell<V> | undefined;
  /** A string is a prefix. */
  list(scan?: ScanOptions | string): string[];
  history(cell: string, options?: HistoryOptions): (VersionedEntry<V> & { readonly counter: number })[];
}

/** Inside a transaction a counter that was returned is observed: another write of the cell makes the commit conflict. */
export interface StateCells<V = Value, In = unknown> extends StateReads<V> {
  /** The new counter. */
  set<T extends In>(cell: string, value: T & Storable<T>): number;
  /** Writes only if the cell is absent; the counter in force. */
  init<T extends In>(cell: string, value: T & Storable<T>): number;
  /** The new counter, or null: not at `expected`. null, undefined and 0 expect an absent cell. */
  cas<T extends In>(cell: string, expected: number | null | undefined, value: T & Storable<T>): number | null;
  /** The new value; `fn` may run again when somebody else wrote the cell meanwhile. */
  update<T extends In>(cell: string, fn: (value: V | undefined) => T & Storable<T>): V;
  /** Whether there was a value. The counter stays and goes on from there. */
  delete(cell: string): boolean;
  /**
   * A lock that expires; null while another owner holds it. The same owner gets a new lease and loses the old one. While it is held the cell
   * reads as `{ owner, token }`.
   *
   * @throws InvalidArgumentError `WRONG_TYPE` when the cell holds a value that is no lease.
   */
  acquire(cell: string, owner: string, options: { readonly ttlMs: number }): Lease | null;
  /** Lets the transaction commit only if the lease is still held then (elsewhere: now). @throws ConflictError `LEASE_LOST`, not retryable */
  require(lease: Lease): void;
  /** Waits for it. @throws StateError `LEASE_TIMEOUT` after `waitMs`, without limit by default */
  acquireAsync(
    cell: string,
    owner: string,
    options: { readonly ttlMs: number } & Options<{ waitMs: number; signal: AbortSignal }>,
  ): Promise<Lease>;
  /** The same cells, typed. A schema is applied to every write (`SCHEMA_MISMATCH`), leases excepted; its output is stored. */
  typed<T>(): StateCells<T, T>;
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): StateCells<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>>;
}

/** Times that `update` runs its function before it gives up: in one thread only the function itself can be in its way. */
const UPDATE_ATTEMPTS = 100;

const NEVER = Number.POSITIVE_INFINITY;

/** State cells of one run and space, read only. */
export class StateCellReader<V = Value> implements StateReads<V> {
  readonly #scope: ReadScope;
  readonly #table: TableReader;
  readonly #limits: Limits;
  readonly #found = new Found();

  constructor(scope: ReadScope) {
    this.#scope = scope;
    this.#table = scope.table("state");
    this.#limits = scope.limits;
  }

  read(cell: string): V | undefined {
    checkKey(cell, this.#limits);
    const stored = this.#table.get(cell);
    return stored === undefined ? undefined : (valueIn(stored) as V);
  }

  readVersioned(cell: string): VersionedCell<V> | undefined {
    checkKey(cell, this.#limits);
    const found = this.#found;
    if (!this.#table.find(cell, found)) return undefined;
    const stored = found.stored as Stored;
    return { ...versionedOf(found, valueIn(stored) as V, this.#scope), counter: counterOf(stored) };
  }

  list(scan?: ScanOptions | string): string[] {
    return listKeys(this.#table, keyScan(scan, "state.list"));
  }

  history(cell: string, options?: HistoryOptions): (VersionedEntry<V> & { readonly counter: number })[] {
    checkKey(cell, this.#limits);
    return historyOf(this.#scope, "state", cell, options, "state.history").map(
      ({ version, timestamp, stored, deleted }) => {
        const counter = counterOf(stored);
        if (deleted) return { version, timestamp, deleted: true, counter };
        return { version, timestamp, deleted: false, value: valueIn(stored as Stored) as V, counter };
      },
    );
  }
}

/**
 * State cells of one run and space: values whose writes are counted. Invariants:
 *
 * 1. Each write takes the counter one up. A deletion keeps it, in a Box without value, so that no counter stands for two values.
 * 2. A counter that was returned inside a transaction is observed.
 */
export class StateCellStore<V = Value, In = unknown> extends StateCellReader<V> implements StateCells<V, In> {
  readonly #scope: Scope;
  readonly #limits: Limits;
  readonly #timer: Timer;
  readonly #leases: Leases;
  readonly #schema: StandardSchemaV1 | undefined;

  /** @param timer what `acquireAsync` waits by. */
  constructor(scope: Scope, timer: Timer = scope.timer, schema?: StandardSchemaV1) {
    super(scope);
    this.#scope = scope;
    this.#limits = scope.limits;
    this.#timer = timer;
    this.#leases = new Leases(scope);
    this.#schema = schema;
  }

  set<T extends In>(cell: string, value: T & Storable<T>): number {
    const next = this.#prepare(cell, value);
    return this.#scope.transact((transaction) =>
      writeCell(transaction, cell, observeCell(transaction, cell), next, NEVER),
    );
  }

  init<T extends In>(cell: string, value: T & Storable<T>): number {
    const next = this.#prepare(cell, value);
    return this.#scope.transact((transaction) => {
      const now = observeCell(transaction, cell);
      return now.isLive ? now.counter : writeCell(transaction, cell, now, next, NEVER);
    });
  }

  cas<T extends In>(cell: string, expected: number | null | undefined, value: T & Storable<T>): number | null {
    const counter = optionalInteger(expected ?? undefined, "expected", 0, "state.cas") ?? 0;
    return this.#cas(cell, counter, this.#prepare(cell, value));
  }

  update<T extends In>(cell: string, fn: (value: V | undefined) => T & Storable<T>): V {
    if (typeof fn !== "function")
      throw invalid("state.update", `takes a function of the cell's value, not ${kindOf(fn)}`, { cell });
    let expected = 0;
    for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt++) {
      const before = this.readVersioned(cell);
      expected = before?.counter ?? 0;
      const next = this.#prepare(cell, fn(before?.value));
      if (this.#cas(cell, expected, next) !== null) return copyOut(next) as V;
    }
    throw new ConflictError(
      "VERSION_CONFLICT",
      `the function given to state.update writes "${cell}" itself, each time`,
      {
        primitive: "state",
        key: cell,
        expected,
      },
    );
  }

  delete(cell: string): boolean {
    checkKey(cell, this.#limits);
    return this.#scope.transact((transaction) => deleteCell(transaction, cell, observeCell(transaction, cell)));
  }

  acquire(cell: string, owner: string, options: { readonly ttlMs: number }): Lease | null {
    checkKey(cell, this.#limits);
    return this.#leases.acquire(
      cell,
      mustOwner(owner, "state.acquire"),
      leaseTtl(options, "state.acquire"),
      "state.acquire",
    );
  }

  require(lease: Lease): void {
    this.#leases.require(leaseIdentity(lease, this.#scope));
  }

  async acquireAsync(
    cell: string,
    owner: string,
    options: { readonly ttlMs: number } & Options<{ waitMs: number; signal: AbortSignal }>,
  ): Promise<Lease> {
    checkKey(cell, this.#limits);
    const wait = leaseWait(options);
    return awaitLease(this.#leases, this.#scope, this.#timer, cell, mustOwner(owner, "state.acquireAsync"), wait);
  }

  typed<T>(): StateCells<T, T>;
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): StateCells<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>>;
  typed(schema?: StandardSchemaV1): unknown {
    if (schema === undefined) return this;
    checkSchema(schema, "state.typed");
    return new StateCellStore(this.#scope, this.#timer, schema);
  }

  #prepare(cell: string, value: unknown): Value {
    checkKey(cell, this.#limits);
    return valueFrom(value, this.#schema, this.#limits, "a cell's value");
  }

  #cas(cell: string, expected: number, next: Value): number | null {
    return this.#scope.transact((transaction) => {
      const now = observeCell(transaction, cell);
      if ((now.isLive ? now.counter : 0) !== expected) return null;
      transaction.countCas();
      return writeCell(transaction, cell, now, next, NEVER);
    });
  }
}
