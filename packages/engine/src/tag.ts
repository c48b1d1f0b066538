import { CorruptionError, type RunId, type Value, type ValueObject, type Version } from "@strata/core";
import type { Run } from "./run.js";

/** A name for a version of a run. */
export interface Tag {
  readonly name: string;
  readonly version: Version;
  /** When that version was committed, µs since the epoch. */
  readonly timestamp: number;
}

/** What the reserved run `_system` stores of a tag, under `tag/<number of the run>/<name>`: names of runs have no "/". */
export interface TagRow extends ValueObject {
  readonly version: number;
  readonly timestamp: number;
}

const PREFIX = "tag/";

/** Bound to the run's number, so that a run that takes the name of another never takes its tags. */
export function tagKey(run: RunId, name: string): string {
  return `${PREFIX}${run}/${name}`;
}

export function isTagKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** Follows a write of `_system` under `key`, which is one of a tag; `row` is `undefined` when the tag was taken away. */
export function foldTag(runOf: (number: RunId) => Run | undefined, key: string, row: Value | undefined): void {
  const slash = key.indexOf("/", PREFIX.length);
  const number = Number(key.slice(PREFIX.length, slash));
  const name = key.slice(slash + 1);
  if (slash < 0 || !Number.isSafeInteger(number))
    throw new CorruptionError("CORRUPT_RECORD", `"${key}" names no tag`, { key });
  // Tags go in the commit that deletes their run: whichever of the two is folded first, there is nothing left to do.
  const run = runOf(number as RunId);
  if (run === undefined) return;
  if (row === undefined) run.dropTag(name);
  else run.setTag({ name, version: (row as TagRow).version, timestamp: (row as TagRow).timestamp });
}
