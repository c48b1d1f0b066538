import type { DerivedIndex } from "./derived-index.js";
import type { Run } from "./run.js";

/**
 * Wakes those who wait for the next commit of a run. A commit costs as much as there are waiters of its run, one look-up without any. What
 * is woken are resolvers of promises: nothing of their consumers runs before the call that commits has returned.
 */
export class CommitSignal implements DerivedIndex {
  readonly name = "feeds";
  readonly #waiting = new Map<Run, Set<() => void>>();

  /** How many wait. */
  get waiters(): number {
    let count = 0;
    for (const wakes of this.#waiting.values()) count += wakes.size;
    return count;
  }

  /** Calls `wake` once: at the next commit of `run`, when it is deleted, when the database closes. It only resolves a promise. */
  wait(run: Run, wake: () => void): void {
    const wakes = this.#waiting.get(run);
    if (wakes === undefined) this.#waiting.set(run, new Set([wake]));
    else wakes.add(wake);
  }

  /** Takes `wake` back. Does nothing when it was called. */
  cancel(run: Run, wake: () => void): void {
    const wakes = this.#waiting.get(run);
    if (wakes?.delete(wake) && wakes.size === 0) this.#waiting.delete(run);
  }

  onCommit(run: Run): void {
    this.#wake(run);
  }

  onRunDropped(run: Run): void {
    this.#wake(run);
  }

  /** Wakes everybody. */
  close(): void {
    for (const run of [...this.#waiting.keys()]) this.#wake(run);
  }

  #wake(run: Run): void {
    const wakes = this.#waiting.get(run);
    if (wakes === undefined) return;
    this.#waiting.delete(run);
    for (const wake of wakes) wake();
  }
}
