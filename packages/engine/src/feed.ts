import type { Version } from "@strata/core";
import type { CommitSignal } from "./commit-signal.js";
import type { DeliveryLimit } from "./delivery-limit.js";
import type { Gate } from "./gate.js";
import type { Run } from "./run.js";

/** What is waited for with `for await`. Leaving the loop ends it. */
export type Feed<T> = AsyncIterableIterator<T> & AsyncDisposable;

/** Where the items of a feed come from. It keeps a position and nothing else: what lies behind it is read when it is asked for. */
export interface FeedSource<T> {
  /** The next item, which it then has behind it; `undefined` while there is none. Items of commits above `through` are not there yet. */
  take(through: Version): T | undefined;
}

/** What the feeds of a database share. */
export interface FeedGround {
  readonly gate: Gate;
  readonly signal: CommitSignal;
  readonly limit: DeliveryLimit;
}

const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * A feed of one run. It is pulled: nothing is gathered for it while nobody asks. Invariants:
 *
 * 1. Items come in the order of the source, none twice, none left out, however many `next()` are under way.
 * 2. It ends, and does not throw, when its signal aborts, the database closes, the run is deleted, or its consumer leaves; then it gives
 *    nothing more. It throws, once, what the source or the log throws, and has ended with that.
 * 3. While it waits it holds no timer, handle or file: a process that has nothing else to do ends.
 */
export class RunFeed<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #ground: FeedGround;
  readonly #run: Run;
  readonly #source: FeedSource<T>;
  readonly #signal: AbortSignal | undefined;
  #ended = false;
  /** Ends the wait that is under way. */
  #interrupt: (() => void) | undefined;
  /** Settles when the last `next()` asked for has settled. */
  #turn: Promise<unknown> | undefined;

  constructor(ground: FeedGround, run: Run, source: FeedSource<T>, signal: AbortSignal | undefined) {
    this.#ground = ground;
    this.#run = run;
    this.#source = source;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const pull = () => this.#pull();
    const turn = this.#turn === undefined ? pull() : this.#turn.then(pull, pull);
    this.#turn = turn;
    const passed = () => {
      if (this.#turn === turn) this.#turn = undefined;
    };
    turn.then(passed, passed);
    return turn;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return END;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  async #pull(): Promise<IteratorResult<T, undefined>> {
    try {
      while (!this.#isOver()) {
        const item = this.#source.take(this.#ground.limit.through);
        if (item !== undefined) return { done: false, value: item };
        const failed = await this.#more();
        if (failed === undefined || this.#isOver()) continue;
        // What was durable before the log failed is delivered first.
        const last = this.#source.take(this.#ground.limit.through);
        if (last !== undefined) return { done: false, value: last };
        throw failed.error;
      }
    } catch (error) {
      // What breaks while it ends is part of the end.
      if (!this.#isOver()) {
        this.#end();
        throw error;
      }
    }
    this.#end();
    return END;
  }

  #isOver(): boolean {
    return this.#ended || !this.#ground.gate.isOpen || this.#run.dropped || this.#signal?.aborted === true;
  }

  #end(): void {
    this.#ended = true;
    this.#interrupt?.();
  }

  /** Resolves when there may be more, or it is over; to what went wrong when there will be none. */
  #more(): Promise<{ readonly error: unknown } | undefined> {
    const { limit, signal: commits } = this.#ground;
    const signal = this.#signal;
    const run = this.#run;
    return new Promise((resolve) => {
      const stop = () => {
        // The fsync of an earlier wait may end during this one.
        if (this.#interrupt === wake) this.#interrupt = undefined;
        commits.cancel(run, wake);
        signal?.removeEventListener("abort", wake);
      };
      const wake = () => {
        stop();
        resolve(undefined);
      };
      const fail = (error: unknown) => {
        stop();
        resolve({ error });
      };
      this.#interrupt = wake;
      commits.wait(run, wake);
      signal?.addEventListener("abort", wake);
      if (run.version > limit.through) limit.raise().then(wake, fail);
    });
  }
}
