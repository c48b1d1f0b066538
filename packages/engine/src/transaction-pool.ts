import { TransactionContext } from "@strata/concurrency";
import type { Context } from "./commit.js";

/** Contexts kept for use again; beyond that they are left to the collector. */
export const MAX_POOL_SIZE = 8;

/**
 * Used transaction contexts, so that a warm database begins a transaction without allocating. Invariants:
 *
 * 1. A pooled context is empty: nothing of its former life can be seen.
 * 2. A context is pooled at most once at a time.
 */
export class TransactionPool {
  readonly #free: Context[] = [];

  acquire(): Context {
    return this.#free.pop() ?? new TransactionContext();
  }

  /** Empties `context` and keeps it, unless the pool is full or has it already. */
  release(context: Context): void {
    context.clear();
    if (this.#free.length < MAX_POOL_SIZE && !this.#free.includes(context)) this.#free.push(context);
  }

  /** Makes up to `count` contexts in advance. */
  warmup(count: number): void {
    while (this.#free.length < Math.min(count, MAX_POOL_SIZE)) this.#free.push(new TransactionContext());
  }

  get poolSize(): number {
    return this.#free.length;
  }

  /** Transactions that can begin without allocating. */
  get totalCapacity(): number {
    return MAX_POOL_SIZE;
  }

  clear(): void {
    this.#free.length = 0;
  }
}
