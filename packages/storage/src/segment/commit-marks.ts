/**
 * Which commits still have an entry somewhere, when history is trimmed while segments are written.
 */
import type { Version } from "@strata/core";
import { lastAtOrBefore } from "./event-part.js";

/** Commits are added in order; then entries are noted; then it is asked what is left. */
export class CommitMarks {
  readonly #versions: number[] = [];
  readonly #timestamps: number[] = [];
  /** Commits that wrote something. */
  readonly #hadWrites: boolean[] = [];
  readonly #isLeft: boolean[] = [];
  /** Versions of entries whose commits are not known. */
  readonly #strangers: Set<Version> = new Set();

  /** @param version above those before. */
  add(version: Version, timestamp: number, operations: number): void {
    this.#versions.push(version);
    this.#timestamps.push(timestamp);
    this.#hadWrites.push(operations > 0);
    this.#isLeft.push(false);
  }

  /** An entry with this version is kept. */
  note(version: Version): void {
    const at = lastAtOrBefore(this.#versions, version);
    if (at >= 0 && this.#versions[at] === version) this.#isLeft[at] = true;
    else this.#strangers.add(version);
  }

  /** Something is left of every commit that was added. */
  noteAll(): void {
    this.#isLeft.fill(true);
  }

  /** Takes a commit for left when a version from it up to the next is wanted. @param end behind which nothing is asked. */
  noteWhere(isWanted: (from: Version, to: Version) => boolean, end: Version): void {
    const versions = this.#versions;
    for (let at = 0; at < versions.length; at++) {
      if (!this.#isLeft[at]) this.#isLeft[at] = isWanted(versions[at]!, versions[at + 1] ?? end + 1);
    }
  }

  /**
   * Up to where commits may be forgotten, save for those of which something is left: the last of those that wrote something of which nothing
   * is left, such that they are at least half of what lies between `floor` and it. So no more of the rows above it are of no use than are of use.
   */
  floorAbove(floor: Version): Version {
    let above = floor;
    let passed = 0;
    let useless = 0;
    for (let at = lastAtOrBefore(this.#versions, floor) + 1; at < this.#versions.length; at++) {
      passed++;
      if (!this.#hadWrites[at] || this.#isLeft[at]) continue;
      useless++;
      if (2 * useless >= passed) above = this.#versions[at]!;
    }
    return above;
  }

  /**
   * Commits at or below `floor` of which something is left, ascending.
   *
   * @param timestampOf of commits that were not added; 0 for one that it does not know either.
   */
  landmarks(
    floor: Version,
    timestampOf: (version: Version) => number,
  ): readonly (readonly [version: Version, timestamp: number])[] {
    const landmarks: [Version, number][] = [];
    for (let at = 0; at < this.#versions.length && this.#versions[at]! <= floor; at++) {
      if (this.#isLeft[at]) landmarks.push([this.#versions[at]!, this.#timestamps[at]!]);
    }
    for (const version of this.#strangers) {
      const timestamp = version <= floor ? timestampOf(version) : 0;
      if (timestamp > 0) landmarks.push([version, timestamp]);
    }
    return landmarks.sort(([a], [b]) => a - b);
  }
}
