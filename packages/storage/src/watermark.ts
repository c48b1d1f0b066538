/**
 * Which versions of a run are in use.
 */
import { assert } from "@strata/core";

/** Counts pins by version. Views are pinned at rising versions and released in about that order: both ends are cheap. */
export class Watermark {
  /** Ascending, each once. */
  readonly #versions: number[] = [];
  /** `#counts[i]` pins of `#versions[i]`, at least 1. */
  readonly #counts: number[] = [];
  #pins = 0;

  /** Number of pins. */
  get pins(): number {
    return this.#pins;
  }

  /** The lowest pinned version; `Infinity` without pins. History a reader at this version needs must stay. */
  get lowest(): number {
    return this.#versions[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether a version in [from, to) is pinned. */
  hasIn(from: number, to: number): boolean {
    if (this.#versions.length === 0) return false;
    const first = this.#versions[this.#positionOf(from)];
    return first !== undefined && first < to;
  }

  pin(version: number): void {
    this.#pins++;
    const position = this.#positionOf(version);
    if (this.#versions[position] === version) {
      this.#counts[position]!++;
      return;
    }
    this.#versions.splice(position, 0, version);
    this.#counts.splice(position, 0, 1);
  }

  /** Takes one pin of `version` away. */
  unpin(version: number): void {
    const position = this.#positionOf(version);
    assert(this.#versions[position] === version, "a version that is unpinned was pinned");
    this.#pins--;
    if (--this.#counts[position]! > 0) return;
    this.#versions.splice(position, 1);
    this.#counts.splice(position, 1);
  }

  /** Position of the first version that is at least `version`. */
  #positionOf(version: number): number {
    const versions = this.#versions;
    let low = 0;
    let high = versions.length;
    // The newest version is the one most often pinned.
    if (high > 0 && versions[high - 1]! < version) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (versions[middle]! < version) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
