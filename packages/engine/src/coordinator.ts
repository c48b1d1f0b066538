import { assert, type Timer, type Version } from "@strata/core";

/** Counts of transactions since the database was opened. */
export interface TransactionMetrics {
  readonly activeCount: number;
  readonly totalStarted: number;
  readonly totalCommitted: number;
  readonly totalAborted: number;
  /** Committed per started; 0 before the first. */
  readonly commitRate: number;
  /** Commits that waited because too much was not yet on stable storage. */
  readonly stalls: number;
}

/** Transactions that ended, one way or the other. */
export function totalCompleted(metrics: TransactionMetrics): number {
  return metrics.totalCommitted + metrics.totalAborted;
}

/** Aborted per started; 0 before the first. */
export function abortRate(metrics: TransactionMetrics): number {
  return metrics.totalStarted === 0 ? 0 : metrics.totalAborted / metrics.totalStarted;
}

/** A transaction id is its epoch and its number within it: `epoch · 2^32 + number`, never used twice. */
const NUMBERS_PER_EPOCH = 2 ** 32;

/**
 * Keeps account of transactions: ids, counts, who is still active. Invariants:
 *
 * 1. Each started transaction ends once: `started = committed + aborted + active`, and no count is ever negative.
 * 2. Ids are unique over all incarnations of the database.
 */
export class TransactionCoordinator {
  readonly #epoch: number;
  readonly #currentVersion: () => Version;
  #started = 0;
  #committed = 0;
  #aborted = 0;
  #idle: (() => void)[] = [];

  constructor(epoch: number, currentVersion: () => Version) {
    this.#epoch = epoch;
    this.#currentVersion = currentVersion;
  }

  /** @returns the new transaction's id. */
  recordStart(): number {
    this.#started++;
    return this.#epoch * NUMBERS_PER_EPOCH + this.#started;
  }

  recordCommit(): void {
    this.#committed++;
    this.#ended();
  }

  recordAbort(): void {
    this.#aborted++;
    this.#ended();
  }

  get activeCount(): number {
    return this.#started - this.#committed - this.#aborted;
  }

  /** Newest commit version of the database. */
  currentVersion(): Version {
    return this.#currentVersion();
  }

  metrics(stalls = 0): TransactionMetrics {
    return Object.freeze({
      activeCount: this.activeCount,
      totalStarted: this.#started,
      totalCommitted: this.#committed,
      totalAborted: this.#aborted,
      commitRate: this.#started === 0 ? 0 : this.#committed / this.#started,
      stalls,
    });
  }

  /** Resolves once no transaction is active. */
  waitForIdle(): Promise<void> {
    if (this.activeCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** @returns whether no transaction was active at some moment of the next `ms` milliseconds. */
  async idleWithin(ms: number, timer: Timer): Promise<boolean> {
    let cancel: () => void = () => {};
    const late = new Promise<false>((resolve) => {
      cancel = timer.after(ms, () => resolve(false));
    });
    const isIdle = await Promise.race([this.waitForIdle().then(() => true), late]);
    cancel();
    return isIdle;
  }

  #ended(): void {
    assert(this.activeCount >= 0, "a transaction ended twice (coordinator invariant 1)");
    if (this.activeCount > 0 || this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
