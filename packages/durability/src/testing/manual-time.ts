import type { Clock, Timer } from "@strata/core";

interface Task {
  readonly dueUs: number;
  readonly run: () => void;
}

/** A clock and a timer that move only when a test moves them. */
export class ManualTime implements Clock, Timer {
  #nowUs: number;
  readonly #tasks = new Set<Task>();

  /** @param nowUs microseconds since 1970 */
  constructor(nowUs = 1_700_000_000_000_000) {
    this.#nowUs = nowUs;
  }

  now(): number {
    return this.#nowUs;
  }

  after(ms: number, run: () => void): () => void {
    const task = { dueUs: this.#nowUs + ms * 1000, run };
    this.#tasks.add(task);
    return () => {
      this.#tasks.delete(task);
    };
  }

  /** Tasks that wait. */
  get pending(): number {
    return this.#tasks.size;
  }

  /** Lets time pass and runs what becomes due, in order. */
  advance(ms: number): void {
    const endUs = this.#nowUs + ms * 1000;
    for (;;) {
      let next: Task | undefined;
      for (const task of this.#tasks) {
        if (task.dueUs <= endUs && (next === undefined || task.dueUs < next.dueUs)) next = task;
      }
      if (next === undefined) break;
      this.#tasks.delete(next);
      if (next.dueUs > this.#nowUs) this.#nowUs = next.dueUs;
      next.run();
    }
    this.#nowUs = endUs;
  }

  /** Time passes and nothing runs: the event loop is blocked. */
  block(ms: number): void {
    this.#nowUs += ms * 1000;
  }
}
