import { StateError, type Version } from "@strata/core";
import type { RunShard } from "@strata/storage";
import { ReadSet } from "./read-set.js";
import { WriteSet } from "./write-set.js";

export type TransactionStatus = "active" | "validating" | "committed" | "aborted";

/** Legal moves; anything else is a mistake of the caller and throws. */
const MOVES: { readonly [S in TransactionStatus]: readonly TransactionStatus[] } = {
  active: ["validating", "aborted"],
  validating: ["committed", "aborted"],
  committed: [],
  aborted: [],
};

/**
 * One transaction: a read view, what it observed, what it will write. Contexts are pooled: `begin` makes one ready, `clear` empties it
 * but keeps its arrays. Invariants:
 *
 * 1. `startVersion` and `startTime` do not change while it is active: every read sees one version and one time.
 * 2. A cleared context holds no key, value or run of its former life.
 */
export class TransactionContext<Primitive extends string = string, Patch = unknown> {
  readonly reads: ReadSet = new ReadSet();
  readonly writes: WriteSet<Primitive, Patch> = new WriteSet<Primitive, Patch>();
  id = 0;
  /** Newest version that its reads see. */
  startVersion: Version = 0;
  /** µs since the epoch: the time by which expiry is judged. */
  startTime = 0;
  /** Why it was aborted, for messages. */
  abortReason = "";
  message: string | undefined;
  #status: TransactionStatus = "aborted";
  #shard: RunShard | undefined;

  begin(id: number, shard: RunShard, startVersion: Version, startTime: number): void {
    this.id = id;
    this.#shard = shard;
    this.startVersion = startVersion;
    this.startTime = startTime;
    this.abortReason = "";
    this.#status = "active";
  }

  get status(): TransactionStatus {
    return this.#status;
  }

  get isActive(): boolean {
    return this.#status === "active";
  }

  /** True when committing it would change nothing. */
  get isReadOnly(): boolean {
    return this.writes.isEmpty;
  }

  get shard(): RunShard {
    if (this.#shard === undefined) throw this.#notActive("used");
    return this.#shard;
  }

  markValidating(): void {
    this.#move("validating");
  }

  markCommitted(): void {
    this.#move("committed");
  }

  markAborted(reason: string): void {
    this.#move("aborted");
    this.abortReason = reason;
  }

  /** Entries that its arrays can hold without growing: what pooling saves. */
  get capacity(): number {
    return this.reads.keys.length + this.writes.keyCount;
  }

  clear(): void {
    this.reads.clear();
    this.writes.clear();
    this.#shard = undefined;
    this.message = undefined;
  }

  #move(to: TransactionStatus): void {
    if (!MOVES[this.#status].includes(to)) throw this.#notActive(to);
    this.#status = to;
  }

  #notActive(what: string): StateError {
    return new StateError("TRANSACTION_NOT_ACTIVE", `the transaction is ${this.#status} and cannot be ${what}`, {
      transaction: this.id,
      status: this.#status,
      reason: this.abortReason,
    });
  }
}
