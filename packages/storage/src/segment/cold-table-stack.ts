/**
 * One table, in as many segments as have something of it.
 */
import { compareCodePoints, StateError, type Version } from "@strata/core";
import type { ColdCursor, ColdTable, LostInterval } from "../cold.js";
import type { KeyRange } from "../key-cursor.js";
import { withInterval } from "../lost-intervals.js";
import type { Stored } from "../stored.js";
import type { Found } from "../version-chain.js";
import { KeyBytes } from "./key-bytes.js";
import { type PartCursor, Search, type TablePart } from "./table-part.js";

/** No read holds on to it while it calls what is not its own. */
const scratch = new KeyBytes();

/** The versions of one part are all above those of the part before it: the first that has an entry has the newest. */
export class ColdTableStack implements ColdTable {
  readonly firstVersion: Version;
  readonly lastVersion: Version;
  readonly lastDeath: Version;
  readonly hasDeadBoxes: boolean;
  readonly hasSurrogates: boolean;
  readonly live: number;
  readonly keys: number;
  readonly lost: readonly LostInterval[];
  /** Newest first. */
  readonly #parts: readonly TablePart[];

  /** @param parts at least one, oldest first. */
  constructor(parts: readonly TablePart[]) {
    this.#parts = parts.toReversed();
    const footers = parts.map((part) => part.footer);
    this.firstVersion = Math.min(...footers.map((footer) => footer.firstVersion));
    this.lastVersion = Math.max(...footers.map((footer) => footer.lastVersion));
    this.lastDeath = Math.max(...footers.map((footer) => footer.lastDeath));
    this.hasDeadBoxes = footers.some((footer) => footer.hasDeadBoxes);
    this.hasSurrogates = footers.some((footer) => footer.hasSurrogates);
    this.live = footers.at(-1)!.live;
    this.keys = footers.reduce((sum, footer) => sum + footer.keys, 0);
    let lost: readonly LostInterval[] = [];
    for (const footer of footers) for (const { from, to } of footer.lost) lost = withInterval(lost, from, to);
    this.lost = lost;
  }

  find(key: string, asOf: Version, out: Found): boolean {
    scratch.set(key);
    for (const part of this.#parts) {
      if (part.footer.firstVersion > asOf) continue;
      const search = part.find(scratch, asOf, out);
      if (search === Search.found) return true;
      if (search === Search.trimmed) throw trimmed(this.#parts, key, asOf);
    }
    return false;
  }

  visitBefore(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): boolean {
    const keyBytes = new KeyBytes();
    keyBytes.set(key);
    for (const part of this.#parts) {
      if (part.footer.firstVersion < before && !part.visitBefore(keyBytes, before, visit)) return false;
    }
    return true;
  }

  cursor(range: KeyRange): ColdCursor {
    return new StackCursor(this.#parts, range);
  }
}

/** Walks over all parts at once; a key that several have comes once. */
class StackCursor implements ColdCursor {
  readonly #parts: readonly TablePart[];
  /** Newest first, as the parts. */
  readonly #cursors: readonly PartCursor[];
  readonly #reverse: boolean;
  #key: string | undefined = undefined;

  constructor(parts: readonly TablePart[], range: KeyRange) {
    this.#parts = parts;
    this.#reverse = range.reverse;
    this.#cursors = parts.map((part) => part.cursor(range));
    for (const cursor of this.#cursors) cursor.next();
  }

  next(): string | undefined {
    const cursors = this.#cursors;
    let next: string | undefined;
    for (const cursor of cursors) {
      // Those that stand on the key given last have given it.
      if (this.#key !== undefined && cursor.key === this.#key) cursor.next();
      const { key } = cursor;
      if (key === undefined) continue;
      if (next === undefined) next = key;
      else if (next !== key) {
        const order = compareCodePoints(key, next);
        if (this.#reverse ? order > 0 : order < 0) next = key;
      }
    }
    this.#key = next;
    return next;
  }

  findAt(asOf: Version, out: Found): boolean {
    const key = this.#key;
    if (key === undefined) return false;
    for (let i = 0; i < this.#cursors.length; i++) {
      const cursor = this.#cursors[i]!;
      const part = this.#parts[i]!;
      if (cursor.key !== key || part.footer.firstVersion > asOf) continue;
      const search = cursor.find(asOf, out, () => {
        scratch.set(key);
        return scratch;
      });
      if (search === Search.found) return true;
      if (search === Search.trimmed) throw trimmed(this.#parts, key, asOf);
    }
    return false;
  }
}

function trimmed(parts: readonly TablePart[], key: string, requested: Version): StateError {
  const keyBytes = new KeyBytes();
  keyBytes.set(key);
  // What follows may be in memory alone: then it is above all that is here.
  let earliest = parts[0]!.through + 1;
  const isAbove = (version: Version): boolean => {
    if (version <= requested) return false;
    earliest = version;
    return true;
  };
  for (const part of parts) if (!part.visitBefore(keyBytes, Number.POSITIVE_INFINITY, isAbove)) break;
  return new StateError(
    "HISTORY_TRIMMED",
    `version ${requested} of the key lies before the history that is kept, which begins at version ${earliest}`,
    { requested, earliest },
  );
}
