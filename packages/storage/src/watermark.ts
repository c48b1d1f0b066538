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
  /** Made when somebody first holds on to everything: hardly anybody does. */
  #starts: number[] | undefined = undefined;

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

  /** The lowest version from which on somebody reads every one; `Infinity` when nobody does. All history from there on must stay. */
  get heldFrom(): number {
    return this.#starts === undefined ? Number.POSITIVE_INFINITY : Math.min(...this.#starts);
  }

  /** Holds on to every version from this one on. @returns what lets go of them, once */
  holdFrom(version: number): () => void {
    this.#starts ??= [];
    this.#starts.push(version);
    let isHeld = true;
    return () => {
      if (!isHeld || this.#starts === undefined) return;
      isHeld = false;
      this.#starts.splice(this.#starts.indexOf(version), 1);
      if (this.#starts.length === 0) this.#starts = undefined;
    };
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
