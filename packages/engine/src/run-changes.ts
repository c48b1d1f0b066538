import type { RunId, Version } from "@strata/core";

/** A run that came or went. */
export interface RunChange {
  readonly kind: "made" | "deleted";
  readonly number: RunId;
  readonly version: Version;
}

/** Runs that came and went, in order: two numbers each, for there may be ten thousand of them. */
export class RunChanges implements Iterable<RunChange> {
  /** Of a run that was deleted, what `deletedMark` makes of its number. */
  #numbers: number[] = [];
  #versions: Version[] = [];

  made(number: RunId, version: Version): void {
    this.#numbers.push(number);
    this.#versions.push(version);
  }

  deleted(number: RunId, version: Version): void {
    this.#numbers.push(deletedMark(number));
    this.#versions.push(version);
  }

  *[Symbol.iterator](): Generator<RunChange, void, undefined> {
    for (const [index, number] of this.#numbers.entries()) {
      const version = this.#versions[index] as Version;
      if (number >= 0) yield { kind: "made", number: number as RunId, version };
      else yield { kind: "deleted", number: deletedMark(number) as RunId, version };
    }
  }

  /** Drops those at or below `version`. */
  forgetThrough(version: Version): void {
    const first = this.#versions.findIndex((each) => each > version);
    this.#numbers = first < 0 ? [] : this.#numbers.slice(first);
    this.#versions = first < 0 ? [] : this.#versions.slice(first);
  }
}

/** Negative, and its own inverse. */
function deletedMark(number: number): number {
  return -1 - number;
}
