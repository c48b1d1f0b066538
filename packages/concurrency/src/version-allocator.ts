import { LimitError, type Version } from "@strata/core";

/**
 * Hands out commit versions. Invariants:
 *
 * 1. Every version is greater than all before it, in this process and in every earlier one (`first` comes from recovery).
 * 2. Versions may be skipped (a commit that fails after its version was taken), never repeated.
 */
export class VersionAllocator {
  #next: Version;

  /** @param first the lowest version that was never used: `RecoverySummary.nextVersion`, or 1. */
  constructor(first: Version) {
    this.#next = first;
  }

  /** The version that `next` would return. */
  get upcoming(): Version {
    return this.#next;
  }

  /** Hands out nothing at or below `version` from here on: somebody else has used it. */
  skipThrough(version: Version): void {
    this.#next = Math.max(this.#next, version + 1);
  }

  /** @throws LimitError `OVERFLOW` beyond 2^53 − 1. */
  next(): Version {
    if (this.#next >= Number.MAX_SAFE_INTEGER) {
      throw new LimitError("OVERFLOW", "the version counter is exhausted", { version: this.#next });
    }
    return this.#next++;
  }
}
