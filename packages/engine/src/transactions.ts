import { isRetryableConflict, type RetryPolicy, retryDelayMs, retryPolicy } from "@strata/concurrency";
import {
  type Clock,
  COMMIT_MESSAGE_BYTES_MAX,
  InvalidArgumentError,
  type Limits,
  type Logger,
  type Options,
  StateError,
  type StrataError,
  type Timer,
  type Version,
} from "@strata/core";
import type { Durability, DurabilityMode } from "@strata/durability";
import type { RunShard, Stored } from "@strata/storage";
import type { CommitPass, Committed, Context } from "./commit.js";
import type { TransactionCoordinator } from "./coordinator.js";
import type { Gate } from "./gate.js";
import { type CommitInfo, OpenTransaction } from "./open-transaction.js";
import type { AppendOperation } from "./operation.js";
import type { Run } from "./run.js";
import type { KeyedPrimitive, TransactionScope } from "./scope.js";
import type { TransactionPool } from "./transaction-pool.js";

export type TransactionOptions = Options<{
  readOnly: boolean;
  /** Conflicts only; none by default. */
  retry: Options<RetryPolicy>;
  /** Asynchronous closures reject then, even inside a hanging await; synchronous ones at the next call. */
  timeoutMs: number;
  /** Asynchronous closures: rejects with `signal.reason`, nothing applied. */
  signal: AbortSignal;
  /** This commit only. */
  durability: DurabilityMode;
  /** Why, at most 1 KiB. */
  message: string;
}>;

const OPTION_NAMES: readonly string[] = ["readOnly", "retry", "timeoutMs", "signal", "durability", "message"];
const MODES: readonly string[] = ["none", "buffered", "strict"];

/**
 * Begins and ends transactions: the implicit one of a single call, the closure, the one in hand. Invariants:
 *
 * 1. Each transaction begun is committed or aborted exactly once, and then its context goes back to the pool.
 * 2. Inside a synchronous closure nobody else writes to its run: it could only make the closure's own commit conflict.
 */
export class Transactions {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly #commitPass: CommitPass;
  readonly #coordinator: TransactionCoordinator;
  readonly #durability: Durability;
  readonly #pool: TransactionPool;
  readonly timer: Timer;
  readonly #logger: Logger;
  readonly #open = new Set<OpenTransaction>();
  /** Runs whose synchronous closures are on the stack, the innermost last. */
  readonly #closureRuns: Run[] = [];

  constructor(parts: {
    readonly gate: Gate;
    readonly clock: Clock;
    readonly limits: Limits;
    readonly commitPass: CommitPass;
    readonly coordinator: TransactionCoordinator;
    readonly durability: Durability;
    readonly pool: TransactionPool;
    readonly timer: Timer;
    readonly logger: Logger;
  }) {
    this.gate = parts.gate;
    this.clock = parts.clock;
    this.limits = parts.limits;
    this.#commitPass = parts.commitPass;
    this.#coordinator = parts.coordinator;
    this.#durability = parts.durability;
    this.#pool = parts.pool;
    this.timer = parts.timer;
    this.#logger = parts.logger;
  }

  /** Hot path: a transaction of one blind write. @returns its version */
  putOne(
    run: Run,
    space: string,
    primitive: Exclude<KeyedPrimitive, "json">,
    key: string,
    stored: Stored | undefined,
  ): Version {
    this.#beginBlind(run);
    let committed: Committed;
    try {
      committed = this.#commitPass.runBlind(run, { kind: "put", space, primitive, key, stored });
    } catch (error) {
      this.#coordinator.recordAbort();
      throw error;
    }
    this.#endBlind(committed);
    return committed.record.version;
  }

  /** Hot path: a transaction of one event. @returns its sequence */
  appendOne(run: Run, space: string, type: string, payload: Uint8Array): number {
    this.#beginBlind(run);
    let committed: Committed;
    try {
      committed = this.#commitPass.runAppend(run, { space, type, payload });
    } catch (error) {
      this.#coordinator.recordAbort();
      throw error;
    }
    this.#endBlind(committed);
    return (committed.record.operations[0] as AppendOperation).sequence;
  }

  #beginBlind(run: Run): void {
    this.gate.assertAccepting();
    this.gate.assertWritable();
    this.#assertNoForeignClosure(run);
    this.#coordinator.recordStart();
  }

  #endBlind(committed: Committed): void {
    this.#coordinator.recordCommit();
    if (this.#durability.requiresWal()) this.#durability.settle(committed.lsn);
  }

  /** A transaction around one call. `version` is `undefined` when the call wrote nothing. */
  implicit<T>(
    run: Run,
    space: string,
    work: (transaction: TransactionScope) => T,
  ): { readonly result: T; readonly version: Version | undefined } {
    const open = this.#openOn(run, {});
    let result: T;
    try {
      result = work(open.scope(space));
      if (!open.context().isReadOnly) this.#assertNoForeignClosure(run);
    } catch (error) {
      open.rollback("its call failed");
      throw error;
    }
    return { result, version: open.conclude() };
  }

  /** @throws InvalidArgumentError `INVALID_ARGUMENT` for ill-typed options */
  begin(run: Run, options: TransactionOptions): OpenTransaction {
    checkOptions(options);
    return this.#openOn(run, options);
  }

  /**
   * Runs `fn` and commits when it returns, or when the promise it returns fulfils; rolls back when it throws. A lost conflict runs it
   * again as often as `retry` allows.
   */
  closure<T>(run: Run, fn: (transaction: OpenTransaction) => T, options: TransactionOptions): T {
    checkOptions(options);
    if (isGeneratorFunction(fn)) throw illegal("the closure", fn, "a function, and no generator: nothing would run it");
    const policy = retryPolicy(options.retry);
    options.signal?.throwIfAborted();
    for (let attempt = 0; ; attempt++) {
      const open = this.#openOn(run, options);
      try {
        const result = this.#callSynchronously(run, fn, open);
        if (isThenable(result)) return this.#finishAsync(run, fn, options, policy, attempt, open, result) as T;
        open.conclude();
        return result;
      } catch (error) {
        open.rollback("its closure threw");
        if (attempt >= policy.maxRetries || !isRetryableConflict(error)) throw error;
      }
    }
  }

  /** Logs and applies; `undefined` when there was nothing to write. A read-only transaction needs no validation: its view is a serial point. */
  commit(run: Run, context: Context): Committed | undefined {
    this.gate.assertOpen();
    if (context.isReadOnly) {
      for (const requirement of context.reads.requirements) requirement.check(this.clock.now());
      return undefined;
    }
    this.#assertNoForeignClosure(run);
    context.markValidating();
    return this.#commitPass.run(run, context);
  }

  /** The commit is through: account for it and take its context back. */
  finish(open: OpenTransaction, context: Context): void {
    if (context.status === "validating") context.markCommitted();
    this.#open.delete(open);
    this.#coordinator.recordCommit();
    this.#pool.release(context);
  }

  abort(open: OpenTransaction, context: Context, reason: string): void {
    context.markAborted(reason);
    this.#open.delete(open);
    this.#coordinator.recordAbort();
    this.#pool.release(context);
  }

  settle(committed: Committed | undefined, mode: DurabilityMode | undefined): void {
    if (!this.#durability.requiresWal()) return;
    if (committed !== undefined) this.#durability.settle(committed.lsn, mode);
    else if (mode === "strict") this.#durability.flush();
  }

  async settled(committed: Committed | undefined, mode: DurabilityMode | undefined): Promise<void> {
    if (!this.#durability.requiresWal()) return;
    if (committed !== undefined) await this.#durability.settled(committed.lsn, mode);
    else if (mode === "strict") await this.#durability.durable();
  }

  infoOf(run: Run, committed: Committed | undefined, startVersion: Version): CommitInfo {
    const epoch = this.#durability.epoch;
    if (committed === undefined)
      return Object.freeze({ run: run.name, version: startVersion, epoch, timestamp: 0, events: Object.freeze([]) });
    const { version, timestamp, operations } = committed.record;
    const events = [];
    for (const operation of operations) {
      if (operation.kind !== "append") continue;
      const { space, type, sequence, hash } = operation;
      events.push(Object.freeze({ space, type, sequence, hash }));
    }
    return Object.freeze({ run: run.name, version, epoch, timestamp, events: Object.freeze(events) });
  }

  /** Runs a caller's listener; what it throws belongs to nobody and is logged. */
  guard(listener: () => unknown): void {
    const log = (cause: unknown) => this.#logger.log("error", "strata.txn", "a listener of a commit threw", { cause });
    try {
      const result = listener();
      if (isThenable(result)) Promise.resolve(result).catch(log);
    } catch (cause) {
      log(cause);
    }
  }

  /** As of which version the oldest open transaction of a run reads; `Infinity` without one. They begin at rising versions. */
  lowestStart(shard: RunShard): Version {
    for (const { run, startVersion } of this.#open) if (run.shard === shard) return startVersion;
    return Number.POSITIVE_INFINITY;
  }

  /** Transactions that somebody still holds. */
  get open(): readonly OpenTransaction[] {
    return [...this.#open];
  }

  #openOn(run: Run, options: TransactionOptions): OpenTransaction {
    this.gate.assertAccepting();
    const readOnly = options.readOnly === true;
    if (!readOnly && options.readOnly !== undefined) this.gate.assertWritable();
    run.assertAlive();
    const context = this.#pool.acquire();
    context.begin(this.#coordinator.recordStart(), run.shard, run.shard.lastVersion, this.clock.now());
    context.message = options.message;
    const open = new OpenTransaction(this, run, context, {
      readOnly: readOnly || this.gate.isReadOnly,
      durability: options.durability,
      timeoutMs: options.timeoutMs,
    });
    this.#open.add(open);
    return open;
  }

  /** While `fn` is on the stack its run takes no other writes; an `async` function gives the stack back at its first await. */
  #callSynchronously<T>(run: Run, fn: (transaction: OpenTransaction) => T, open: OpenTransaction): T {
    if (isAsyncFunction(fn)) return fn(open);
    this.#closureRuns.push(run);
    try {
      return fn(open);
    } finally {
      this.#closureRuns.pop();
    }
  }

  async #finishAsync<T>(
    run: Run,
    fn: (transaction: OpenTransaction) => T,
    options: TransactionOptions,
    policy: RetryPolicy,
    firstAttempt: number,
    firstOpen: OpenTransaction,
    firstResult: PromiseLike<unknown>,
  ): Promise<unknown> {
    let open = firstOpen;
    let pending: PromiseLike<unknown> = firstResult;
    for (let attempt = firstAttempt; ; attempt++) {
      try {
        const result = await this.#raced(open, pending, options);
        await open.commitAsync();
        return result;
      } catch (error) {
        open.rollback("its closure threw");
        if (attempt >= policy.maxRetries || !isRetryableConflict(error)) throw error;
      }
      await this.#pause(retryDelayMs(policy, attempt + 1), options.signal);
      open = this.#openOn(run, options);
      try {
        pending = Promise.resolve(this.#callSynchronously(run, fn, open));
      } catch (error) {
        open.rollback("its closure threw");
        throw error;
      }
    }
  }

  /** The closure's promise, unless the timeout or the caller's signal comes first: then the transaction has ended and this rejects. */
  async #raced(open: OpenTransaction, pending: PromiseLike<unknown>, options: TransactionOptions): Promise<unknown> {
    const { timeoutMs, signal } = options;
    if (timeoutMs === undefined && signal === undefined) {
      return await this.#untilEnded(open, pending);
    }
    let cancel: (() => void) | undefined;
    let onAbort: (() => void) | undefined;
    const interrupted = new Promise<never>((_, reject) => {
      if (timeoutMs !== undefined) cancel = this.timer.after(timeoutMs, () => reject(open.timeOut()));
      onAbort = () => {
        open.abort(signal?.reason, "aborted by its signal");
        reject(signal?.reason);
      };
      // What the closure did before its first await went unheard.
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
    try {
      const result = await Promise.race([this.#untilEnded(open, pending), interrupted]);
      signal?.throwIfAborted();
      return result;
    } finally {
      cancel?.();
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    }
  }

  /** The closure's promise; rejects at once when the transaction is ended from outside (close, shutdown). */
  #untilEnded(open: OpenTransaction, pending: PromiseLike<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      open.whenAborted(reject);
      // Not `pending.then` itself, which of a thenable that is no promise may return nothing.
      Promise.resolve(pending).then(resolve, reject);
    });
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.timer.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #assertNoForeignClosure(run: Run): void {
    if (this.#closureRuns.length > 0 && this.#closureRuns.includes(run)) {
      throw new StateError(
        "TRANSACTION_NESTED",
        `a synchronous transaction on run "${run.name}" is running; this write is not part of it`,
        {
          run: run.name,
        },
      );
    }
  }
}

function checkOptions(options: TransactionOptions): void {
  if (typeof options !== "object" || options === null) throw illegal("options", options, "an object");
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name))
      throw illegal(name, options[name as keyof TransactionOptions], `one of ${OPTION_NAMES.join(", ")}`);
  }
  const { timeoutMs, durability, message, readOnly, retry, signal } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw illegal("timeoutMs", timeoutMs, "a number of milliseconds above 0");
  if (durability !== undefined && !MODES.includes(durability))
    throw illegal("durability", durability, 'one of "none", "buffered", "strict"');
  if (readOnly !== undefined && typeof readOnly !== "boolean") throw illegal("readOnly", readOnly, "a boolean");
  if (retry !== undefined && (typeof retry !== "object" || retry === null)) throw illegal("retry", retry, "an object");
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw illegal("signal", signal, "an AbortSignal");
  if (message === undefined) return;
  if (typeof message !== "string" || new TextEncoder().encode(message).length > COMMIT_MESSAGE_BYTES_MAX) {
    throw illegal("message", message, `a string of at most ${COMMIT_MESSAGE_BYTES_MAX} bytes`);
  }
}

function illegal(name: string, value: unknown, expected: string): StrataError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be ${expected}`, { name, value });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return "then" in value && typeof value.then === "function";
}

function isGeneratorFunction(fn: (...args: never) => unknown): boolean {
  return /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(fn));
}

function isAsyncFunction(fn: (...args: never) => unknown): boolean {
  return Object.prototype.toString.call(fn) === "[object AsyncFunction]";
}
