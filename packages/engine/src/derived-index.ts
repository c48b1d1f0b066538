import type { Logger } from "@strata/core";
import type { CommitRecord } from "./operation.js";
import type { Run } from "./run.js";

/**
 * Something that can be rebuilt from commits: a text index, a vector graph, a change feed. The database tells it of every commit once it is
 * visible; it must be quick, for it runs in the commit pass, and is free to note what changed and do the work later.
 */
export interface DerivedIndex {
  /** Unique in its database; in messages and file names. */
  readonly name: string;
  /** A commit of `run` is visible. What it throws fails no commit: it only marks the index stale. */
  onCommit(run: Run, commit: CommitRecord): void;
  /** `run` and everything in it is gone. */
  onRunDropped(run: Run): void;
}

/** The derived indexes of one database, and which of them missed something and must be rebuilt. */
export class DerivedViews {
  readonly #indexes: DerivedIndex[] = [];
  readonly #stale = new Set<DerivedIndex>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  register(index: DerivedIndex): void {
    this.#indexes.push(index);
  }

  isStale(index: DerivedIndex): boolean {
    return this.#stale.has(index);
  }

  /** The index was rebuilt up to the head. */
  markFresh(index: DerivedIndex): void {
    this.#stale.delete(index);
  }

  notify(run: Run, commit: CommitRecord): void {
    for (const index of this.#indexes) this.#guard(index, () => index.onCommit(run, commit));
  }

  runDropped(run: Run): void {
    for (const index of this.#indexes) this.#guard(index, () => index.onRunDropped(run));
  }

  #guard(index: DerivedIndex, work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#stale.add(index);
      this.#logger.log("error", "strata.index", `index "${index.name}" failed to follow a commit and is stale`, {
        cause,
      });
    }
  }
}
