import type { Clock, Timer } from "@strata/core";

/** How long a slice takes, in microseconds: short against what people notice. */
const SLICE_US = 4_000;
/** Between two slices, so that whoever waits gets his turn. Milliseconds. */
const PAUSE_MS = 1;
/** Before the first one: commits often come together. Milliseconds. */
const DELAY_MS = 20;

/** Writes taken in by one small step. */
export const IDLE_WRITES = 64;

/** Keys made ready by one small step. */
export const IDLE_KEYS = 512;

/** Does in idle moments, in slices, what nobody waits for. */
export class IdleWork {
  readonly #clock: Clock;
  readonly #timer: Timer;
  /** A small step; false when there is nothing to be done. */
  readonly #step: () => boolean;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock, timer: Timer, step: () => boolean) {
    this.#clock = clock;
    this.#timer = timer;
    this.#step = step;
  }

  /** There is something to be done. */
  wake(): void {
    this.#schedule(DELAY_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #schedule(ms: number): void {
    if (this.#cancel !== undefined || this.#isClosed) return;
    const run = () => {
      this.#cancel = undefined;
      if (this.#slice()) this.#schedule(PAUSE_MS);
    };
    this.#cancel = this.#timer.after(ms, run, true);
  }

  /** @returns whether something is left. */
  #slice(): boolean {
    const begunAt = this.#clock.now();
    for (;;) {
      if (this.#isClosed || !this.#step()) return false;
      const elapsed = this.#clock.now() - begunAt;
      // A clock that was set back ends the slice too.
      if (elapsed < 0 || elapsed >= SLICE_US) return true;
    }
  }
}
