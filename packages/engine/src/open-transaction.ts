import { StateError, type Value, type Version } from "@strata/core";
import type { DurabilityMode } from "@strata/durability";
import type { Committed, Context } from "./commit.js";
import { CommitData } from "./commit-data.js";
import { KvStore } from "./primitives/kv.js";
import type { Run } from "./run.js";
import { DEFAULT_SPACE, type TransactionScope } from "./scope.js";
import { OpenTransactionScope } from "./transaction-scope.js";
import type { Transactions } from "./transactions.js";

/** What a commit did, for those who must refer to it. */
export interface CommitInfo {
  readonly run: string;
  readonly version: Version;
  /** With `version` it names the commit across reopening. */
  readonly epoch: number;
  /** µs since the epoch. */
  readonly timestamp: number;
  /** Events appended, in order. */
  readonly events: readonly {
    readonly space: string;
    readonly type: string;
    readonly sequence: number;
    readonly hash: string;
  }[];
}

/**
 * A transaction that somebody holds in hand. It stands on a pooled context and lets go of it when it ends, so that a handle that escaped
 * its closure, or was kept after a forgotten `await`, fails with `TRANSACTION_NOT_ACTIVE` and can never write into another's transaction.
 */
export class OpenTransaction {
  readonly run: Run;
  /** Newest version its reads see. */
  readonly startVersion: Version;
  readonly isReadOnly: boolean;
  /** Mode of this commit only; `undefined` for the database's. */
  readonly durability: DurabilityMode | undefined;
  readonly #transactions: Transactions;
  /** µs since the epoch; Infinity without a timeout. */
  readonly #deadline: number;
  readonly #timeoutMs: number | undefined;
  #context: Context | undefined;
  /** How it ended, for the error that later calls get. */
  #ended = "";
  #data: (() => CommitData) | undefined;
  #scopes: OpenTransactionScope[] = [];
  #controller: AbortController | undefined;
  #interrupt: ((reason: unknown) => void) | undefined;
  #callbacks: ((info: CommitInfo) => void)[] | undefined;

  constructor(
    transactions: Transactions,
    run: Run,
    context: Context,
    options: {
      readonly readOnly: boolean;
      readonly durability: DurabilityMode | undefined;
      readonly timeoutMs: number | undefined;
    },
  ) {
    this.#transactions = transactions;
    this.run = run;
    this.#context = context;
    this.startVersion = context.startVersion;
    this.isReadOnly = options.readOnly;
    this.durability = options.durability;
    this.#timeoutMs = options.timeoutMs;
    this.#deadline =
      options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : context.startTime + options.timeoutMs * 1000;
  }

  get isActive(): boolean {
    return this.#context !== undefined;
  }

  /** Aborts when the transaction is ended by a timeout, a shutdown or its caller's signal. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** Unique over the database's life. */
  get id(): number {
    return this.context().id;
  }

  /** What it wrote, in numbers, once it committed something. */
  get data(): CommitData | undefined {
    return this.#data?.();
  }

  /** A key of the key-value primitive in space "default", as this transaction sees it. */
  get(key: string): Value | undefined {
    return this.#kv().get(key);
  }

  /** The same, written. */
  put(key: string, value: Value): void {
    this.#kv().put(key, value);
  }

  /** @returns whether there was a value. */
  delete(key: string): boolean {
    return this.#kv().delete(key);
  }

  /** Its view and effects within one space; the same object for the same space. */
  scope(space: string): TransactionScope {
    this.context();
    for (const known of this.#scopes) if (known.space === space) return known;
    const scope = new OpenTransactionScope(this, space, this.#transactions);
    this.#scopes.push(scope);
    return scope;
  }

  /**
   * What it read and wrote so far, after making sure that it may go on.
   *
   * @throws StateError `TRANSACTION_NOT_ACTIVE`, `TRANSACTION_TIMEOUT`, `DATABASE_CLOSED`
   * @throws NotFoundError `RUN_NOT_FOUND`
   */
  context(): Context {
    const context = this.#context;
    if (context === undefined) throw this.#notActive();
    if (this.#deadline !== Number.POSITIVE_INFINITY && this.#transactions.clock.now() > this.#deadline)
      throw this.timeOut();
    this.#transactions.gate.assertOpen();
    this.run.assertAlive();
    return context;
  }

  /** @throws StateError `READ_ONLY` */
  assertWritable(): void {
    if (!this.isReadOnly) return;
    this.#transactions.gate.assertWritable();
    const facts = { scope: "transaction", run: this.run.name };
    throw new StateError("READ_ONLY", "this transaction was begun read-only", facts);
  }

  /** Calls `listener` once after acknowledgement, if it commits. What the listener throws is logged. */
  onCommit(listener: (info: CommitInfo) => void): void {
    this.context();
    this.#callbacks ??= [];
    this.#callbacks.push(listener);
  }

  /** Commits and waits until acknowledged; blocks for the fsync where the mode asks for one. */
  commit(): CommitInfo {
    return this.#infoOf(this.#commitNow());
  }

  /** As `commit`, for those who only want the version; `undefined` when nothing was written. */
  conclude(): Version | undefined {
    return this.#commitNow()?.record.version;
  }

  /** Commits without blocking: transactions that wait together share one fsync. */
  async commitAsync(): Promise<CommitInfo> {
    const committed = this.#pass();
    await this.#transactions.settled(committed, this.durability);
    this.#tellListeners(committed);
    return this.#infoOf(committed);
  }

  /** Ends it; nothing it wrote stays. Does nothing when it has ended. */
  rollback(reason = "rolled back"): void {
    const context = this.#context;
    if (context === undefined) return;
    this.#release(reason);
    this.#transactions.abort(this, context, reason);
  }

  /** Ends it from outside and tells its holder through `signal`. */
  abort(reason: unknown, why: string): void {
    this.rollback(why);
    this.#controller?.abort(reason);
    this.#interrupt?.(reason);
  }

  /** Calls `interrupt` should the transaction be ended from outside: for the one who awaits its closure, cheaper than `signal`. */
  whenAborted(interrupt: (reason: unknown) => void): void {
    this.#interrupt = interrupt;
  }

  /** Ends it for having run too long. @returns the error to throw. */
  timeOut(): StateError {
    const error = new StateError(
      "TRANSACTION_TIMEOUT",
      `the transaction on run "${this.run.name}" ran longer than ${this.#timeoutMs} ms`,
      {
        run: this.run.name,
        timeoutMs: this.#timeoutMs,
      },
    );
    this.abort(error, "timed out");
    return error;
  }

  #pass(): Committed | undefined {
    const context = this.context();
    try {
      const committed = this.#transactions.commit(this.run, context);
      this.#release("committed");
      if (committed !== undefined) {
        const { id } = context;
        const { casCount } = context.writes;
        this.#data = () => CommitData.fromCommit(id, committed.record, casCount);
      }
      this.#transactions.finish(this, context);
      return committed;
    } catch (error) {
      this.rollback("its commit failed");
      throw error;
    }
  }

  #commitNow(): Committed | undefined {
    const committed = this.#pass();
    this.#transactions.settle(committed, this.durability);
    this.#tellListeners(committed);
    return committed;
  }

  #tellListeners(committed: Committed | undefined): void {
    if (this.#callbacks === undefined) return;
    const info = this.#infoOf(committed);
    for (const listener of this.#callbacks) this.#transactions.guard(() => listener(info));
  }

  #infoOf(committed: Committed | undefined): CommitInfo {
    return this.#transactions.infoOf(this.run, committed, this.startVersion);
  }

  #kv(): KvStore {
    return new KvStore(this.scope(DEFAULT_SPACE));
  }

  #release(how: string): void {
    this.#context = undefined;
    this.#ended = how;
  }

  #notActive(): StateError {
    return new StateError(
      "TRANSACTION_NOT_ACTIVE",
      `the transaction on run "${this.run.name}" has ended: it was ${this.#ended}`,
      {
        run: this.run.name,
        reason: this.#ended,
      },
    );
  }
}
