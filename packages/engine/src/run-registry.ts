import { copyValue, InvalidArgumentError, type Limits, nearest, NotFoundError, type Options, type Runtime, type RunId, StateError, SYSTEM_RUN, validateRunName, type ValueObject } from "@strata/core";
import { Box, type ShardedStore } from "@strata/storage";
import type { DerivedViews } from "./derived-index.js";
import type { Gate } from "./gate.js";
import type { CommitRecord } from "./operation.js";
import { Run, type RunInfo, type RunRow, type RunStatus, STATUS_MOVES } from "./run.js";
import { DEFAULT_SPACE } from "./scope.js";
import type { Transactions } from "./transactions.js";

export const SYSTEM_RUN_NAME = "_system";
export const DEFAULT_RUN = "default";

/**
 * The runs of a database: a view of the commits of the reserved run `_system`, whose key-value table holds one row a run, under its name.
 * Creating, deleting and changing a run are commits like any other, so a crash leaves each whole or absent. Invariants:
 *
 * 1. Every row of `_system` has one `Run`, under the row's name; no other `Run` is alive.
 * 2. A run's number is a version drawn from the database's counter, so it is never used again.
 */
export class RunRegistry {
  readonly #gate: Gate;
  readonly #store: ShardedStore;
  readonly #views: DerivedViews;
  readonly #runtime: Runtime;
  readonly #limits: Limits;
  readonly #drawNumber: () => RunId;
  readonly #byName = new Map<string, Run>();
  readonly #byNumber = new Map<RunId, Run>();
  /** The reserved run that holds the rows. */
  readonly system: Run;
  #transactions: Transactions | undefined;

  constructor(parts: { readonly gate: Gate; readonly store: ShardedStore; readonly views: DerivedViews; readonly runtime: Runtime; readonly limits: Limits; readonly drawNumber: () => RunId }) {
    this.#gate = parts.gate;
    this.#store = parts.store;
    this.#views = parts.views;
    this.#runtime = parts.runtime;
    this.#limits = parts.limits;
    this.#drawNumber = parts.drawNumber;
    const row: RunRow = { id: SYSTEM_RUN_NAME, number: SYSTEM_RUN, status: "active", createdAt: 0, meta: {} };
    this.system = new Run(SYSTEM_RUN_NAME, row, this.#store.create(SYSTEM_RUN));
    this.#byNumber.set(SYSTEM_RUN, this.system);
  }

  /** Gives it the means to commit, once the log is recovered. */
  connect(transactions: Transactions): void {
    this.#transactions = transactions;
  }

  /** Follows a commit: does nothing unless it is one of `_system`. */
  fold(commit: CommitRecord): void {
    if (commit.run !== SYSTEM_RUN) return;
    for (const operation of commit.operations) {
      if (operation.kind !== "put" || operation.primitive !== "kv") continue;
      const row = operation.stored instanceof Box ? operation.stored.value : operation.stored;
      if (row === undefined) this.#drop(operation.key);
      else this.#register(operation.key, row as RunRow);
    }
  }

  /** The run that commits of this number belong to, `undefined` when there is none. */
  byNumber(number: RunId): Run | undefined {
    return this.#byNumber.get(number);
  }

  /** @throws NotFoundError `RUN_NOT_FOUND`, facts.nearest */
  must(name: string): Run {
    this.#gate.assertOpen();
    const run = this.#byName.get(name);
    if (run !== undefined) return run;
    validateRunName(name);
    const close = nearest(name, this.#byName.keys());
    const hint = close === undefined ? "" : `; did you mean "${close}"?`;
    throw new NotFoundError("RUN_NOT_FOUND", `there is no run "${name}"${hint}`, { run: name, nearest: close });
  }

  exists(name: string): boolean {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.#byName.has(name);
  }

  get(name: string): RunInfo | undefined {
    this.#gate.assertOpen();
    validateRunName(name);
    return this.#byName.get(name)?.info();
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Every run but the reserved one. */
  runs(): IterableIterator<Run> {
    return this.#byName.values();
  }

  /** Names by code point. */
  list(options: Options<{ status: RunStatus; prefix: string; after: string; limit: number }> = {}): string[] {
    this.#gate.assertOpen();
    const { status, prefix = "", after = "", limit = Number.POSITIVE_INFINITY } = options;
    if (status !== undefined && (typeof status !== "string" || !Object.hasOwn(STATUS_MOVES, status))) throw illegalStatus(status);
    if (typeof prefix !== "string" || typeof after !== "string") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "prefix and after must be strings", { prefix, after });
    }
    if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "limit must be a whole number of at least 0", { limit });
    }
    const names: string[] = [];
    for (const run of this.#byName.values()) {
      if (status !== undefined && run.status !== status) continue;
      if (run.name.startsWith(prefix) && (after === "" || run.name > after)) names.push(run.name);
    }
    // Names are ASCII, where the order of UTF-16 units is that of code points.
    return names.sort().slice(0, limit);
  }

  /**
   * An empty run.
   *
   * @param meta an object of values; kept with the run.
   * @throws StateError `RUN_EXISTS`
   */
  create(name: string, meta: object = {}): RunInfo {
    validateRunName(name);
    const copied = copyValue(meta, this.#limits);
    if (typeof copied !== "object" || copied === null || Array.isArray(copied) || copied instanceof Uint8Array) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "meta must be an object", { run: name });
    }
    this.#write((rows) => {
      if (rows.get(name) !== undefined) throw new StateError("RUN_EXISTS", `there is a run "${name}" already`, { run: name });
      const createdAt = Math.floor(this.#runtime.clock.now());
      rows.put(name, { id: uuid(this.#runtime), number: this.#drawNumber(), status: "active", createdAt, meta: copied as ValueObject });
    });
    return this.must(name).info();
  }

  /**
   * Drops the run and everything in it; the name is free again.
   *
   * @returns who still holds some of its data. Nobody, before runs can be forked.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for the default run
   */
  delete(name: string, _options: Options<{ cascade: boolean }> = {}): { readonly heldBy: readonly string[] } {
    if (name === DEFAULT_RUN) {
      throw new InvalidArgumentError("CONSTRAINT_VIOLATION", `run "${DEFAULT_RUN}" always exists and cannot be deleted`, { run: name });
    }
    this.must(name);
    this.#write((rows) => rows.put(name, undefined));
    return { heldBy: [] };
  }

  /**
   * Moves a run through its life. A run that is not active refuses writes.
   *
   * @param reason kept as `meta.reason`.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for a move that `STATUS_MOVES` does not have
   */
  setStatus(name: string, status: RunStatus, reason?: string): RunInfo {
    if (typeof status !== "string" || !Object.hasOwn(STATUS_MOVES, status)) throw illegalStatus(status);
    if (reason !== undefined && typeof reason !== "string") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "reason must be a string", { reason });
    }
    const run = this.must(name);
    if (run.status === status) return run.info();
    if (name === DEFAULT_RUN || !STATUS_MOVES[run.status].includes(status)) {
      const allowed = name === DEFAULT_RUN ? [] : STATUS_MOVES[run.status];
      throw new InvalidArgumentError("CONSTRAINT_VIOLATION", `run "${name}" is ${run.status} and cannot become ${status}`, {
        run: name,
        from: run.status,
        to: status,
        allowed,
      });
    }
    const meta = reason === undefined ? run.meta : copyValue({ ...run.meta, reason }, this.#limits);
    const row = { id: run.id, number: run.number, status, createdAt: run.createdAt, meta: meta as ValueObject };
    const ended = status === "active" || status === "paused" ? {} : { endedAt: run.endedAt ?? Math.floor(this.#runtime.clock.now()) };
    this.#write((rows) => rows.put(name, { ...row, ...ended }));
    return run.info();
  }

  #write(work: (rows: { get(name: string): unknown; put(name: string, row: RunRow | undefined): void }) => void): void {
    const transactions = this.#transactions;
    if (transactions === undefined) throw new StateError("DATABASE_CLOSED", "the database is still being opened", {});
    transactions.implicit(this.system, DEFAULT_SPACE, (scope) => {
      const table = scope.table("kv");
      work({
        get: (name) => table.get(name),
        put: (name, row) => scope.put("kv", name, row === undefined ? undefined : copyValue(row, this.#limits)),
      });
    });
  }

  #register(name: string, row: RunRow): void {
    const known = this.#byName.get(name);
    if (known !== undefined && known.number === row.number) {
      known.update(row);
      return;
    }
    const number = row.number as RunId;
    const run = new Run(name, row, this.#store.create(number));
    this.#byName.set(name, run);
    this.#byNumber.set(number, run);
  }

  #drop(name: string): void {
    const run = this.#byName.get(name);
    if (run === undefined) return;
    this.#byName.delete(name);
    this.#byNumber.delete(run.number);
    this.#store.drop(run.number);
    this.#views.runDropped(run);
  }
}

function illegalStatus(status: unknown): InvalidArgumentError {
  const allowed = Object.keys(STATUS_MOVES);
  return new InvalidArgumentError("INVALID_ARGUMENT", `status must be one of ${allowed.join(", ")}`, { status, allowed });
}

/** A random UUID of version 4: RFC 9562. */
function uuid(runtime: Runtime): string {
  const bytes = runtime.random.bytes(16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
