import type { Clock, Options, Timer } from "@strata/core";

/** Work that takes long: it runs in slices, so that the event loop and the writers go on. Aborting leaves everything as it was. */
export type LongWork = Options<{
  signal: AbortSignal;
  /** Called now and then; `total` may grow. */
  onProgress: (done: number, total: number) => void;
}>;

/** How long one slice takes, in microseconds: short against what people notice, long against what a pause costs. */
const SLICE_US = 4_000;

/** Gives long work its pauses. */
export class Slices {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;
  #begunAt: number;

  constructor(clock: Clock, timer: Timer, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timer = timer;
    this.#signal = signal;
    this.#begunAt = clock.now();
  }

  /**
   * To be awaited between pieces of work: returns at once while the slice lasts.
   *
   * @throws the signal's reason, once it is aborted.
   */
  async pause(): Promise<void> {
    this.#signal?.throwIfAborted();
    const elapsed = this.#clock.now() - this.#begunAt;
    // A clock that was set back ends the slice too.
    if (elapsed >= 0 && elapsed < SLICE_US) return;
    await new Promise<void>((resolve) => this.#timer.after(0, resolve));
    this.#begunAt = this.#clock.now();
    this.#signal?.throwIfAborted();
  }

  /** Runs `work` to its end, with a pause where it yields. */
  async run<T>(work: Generator<unknown, T, undefined>): Promise<T> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      await this.pause();
    }
  }
}
