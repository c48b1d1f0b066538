/** Legal names of runs, spaces, collections and event types, and guesses at what a wrong one was meant to be. */

import { InvalidArgumentError } from "./errors.js";
import {
  COLLECTION_NAME_BYTES_MAX,
  EVENT_TYPE_BYTES_MAX,
  RUN_NAME_LENGTH_MAX,
  SPACE_NAME_LENGTH_MAX,
} from "./limits.js";
import { isWellFormed, utf8Length } from "./utf8.js";
import { describe } from "./value-kind.js";

const RUN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const SPACE_NAME = /^[a-z][a-z0-9_-]*$/;

/**
 * 1 to 256 of `A-Z a-z 0-9 _ . -`, the first a letter, digit or `_`, not beginning `_system`.
 *
 * @throws {InvalidArgumentError} `INVALID_NAME`
 */
export function validateRunName(name: unknown): asserts name is string {
  checkRunName("run", name);
}

/** As names of runs. @throws {InvalidArgumentError} `INVALID_NAME` */
export function validateTagName(name: unknown): asserts name is string {
  checkRunName("tag", name);
}

/**
 * 1 to 64 of `a-z 0-9 _ -`, the first a letter, not beginning `_system_`.
 *
 * @throws {InvalidArgumentError} `INVALID_NAME`
 */
export function validateSpaceName(name: unknown): asserts name is string {
  checkText("space", name);
  // Such a name breaks the rule of the first letter too, but this is the more useful thing to say.
  if (name.startsWith("_system_")) throw refused("space", name, "names beginning with _system_ are reserved");
  if (name.length > SPACE_NAME_LENGTH_MAX) {
    throw refused("space", name, `it may have ${SPACE_NAME_LENGTH_MAX} characters, not ${name.length}`);
  }
  if (!SPACE_NAME.test(name)) {
    throw refused("space", name, "it may have lower-case letters, digits, _ and -, and begins with a letter");
  }
}

/** Any text of 1 to 256 bytes. @throws {InvalidArgumentError} `INVALID_NAME` */
export function validateEventType(type: unknown): asserts type is string {
  checkText("event type", type);
  checkBytes("event type", type, EVENT_TYPE_BYTES_MAX);
}

/** 1 to 256 bytes without `/` and NUL, not beginning `_`. @throws {InvalidArgumentError} `INVALID_NAME` */
export function validateCollectionName(name: unknown): asserts name is string {
  checkText("collection", name);
  if (name.startsWith("_")) throw refused("collection", name, "names beginning with _ are reserved");
  if (name.includes("/") || name.includes("\0")) throw refused("collection", name, "it may not have / or NUL");
  checkBytes("collection", name, COLLECTION_NAME_BYTES_MAX);
}

/**
 * The candidate that `name` was probably meant to be: at most a third of its characters mistyped, left out, added or
 * swapped with a neighbour. `undefined` when none is that near.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(substituted, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

function checkRunName(what: "run" | "tag", name: unknown): asserts name is string {
  checkText(what, name);
  if (name.startsWith("_system")) throw refused(what, name, "names beginning with _system are reserved");
  if (name.length > RUN_NAME_LENGTH_MAX) {
    throw refused(what, name, `it may have ${RUN_NAME_LENGTH_MAX} characters, not ${name.length}`);
  }
  if (!RUN_NAME.test(name)) {
    throw refused(what, name, "it may have letters, digits, _, . and -, and begins with a letter, a digit or _");
  }
}

function checkText(what: string, name: unknown): asserts name is string {
  if (typeof name !== "string") {
    throw new InvalidArgumentError("INVALID_NAME", `the name of a ${what} must be a string, not ${describe(name)}`, {
      kind: what,
      name,
    });
  }
  if (name === "") throw refused(what, name, "it must not be empty");
  if (!isWellFormed(name)) throw refused(what, name, "it has half of a surrogate pair");
}

function checkBytes(what: string, name: string, maximum: number): void {
  const bytes = utf8Length(name);
  if (bytes > maximum) throw refused(what, name, `it may have ${maximum} bytes, not ${bytes}`);
}

function refused(what: string, name: string, reason: string): InvalidArgumentError {
  const shown = JSON.stringify(name.length <= 80 ? name : `${name.slice(0, 79)}…`);
  return new InvalidArgumentError("INVALID_NAME", `${shown} is no name for a ${what}: ${reason}`, {
    kind: what,
    name,
    reason,
  });
}
