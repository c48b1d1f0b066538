/**
 * Lets those who wait for one fsync share it: while one runs, later ones gather, and the next serves them all.
 *
 * Invariant: at most one `sync` runs; whoever asks meanwhile is in `#gathering`.
 */
export class GroupCommit {
  readonly #sync: (lsn: number) => Promise<void>;
  readonly #confirm: (lsn: number) => void;
  #gathering: Batch | undefined;
  #running = false;

  /**
   * @param sync makes everything through an LSN durable; how it ends does not matter,
   * @param confirm decides: throws unless everything through the LSN may be acknowledged.
   */
  constructor(sync: (lsn: number) => Promise<void>, confirm: (lsn: number) => void) {
    this.#sync = sync;
    this.#confirm = confirm;
  }

  /** Resolves once everything through `lsn` may be acknowledged. Rejects with what `confirm` threw. Shared: attach a handler. */
  settled(lsn: number): Promise<void> {
    let batch = this.#gathering;
    if (batch === undefined) {
      batch = new Batch(lsn);
      this.#gathering = batch;
      // Whatever else is committed in this turn joins the group.
      if (!this.#running) queueMicrotask(() => this.#run());
    } else if (lsn > batch.lsn) {
      batch.lsn = lsn;
    }
    return batch.promise;
  }

  #run(): void {
    const batch = this.#gathering;
    if (this.#running || batch === undefined) return;
    this.#gathering = undefined;
    this.#running = true;
    const finish = () => {
      this.#running = false;
      this.#run();
      try {
        this.#confirm(batch.lsn);
      } catch (error) {
        batch.reject(error);
        return;
      }
      batch.resolve();
    };
    this.#sync(batch.lsn).then(finish, finish);
  }
}

class Batch {
  lsn: number;
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;

  constructor(lsn: number) {
    this.lsn = lsn;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
