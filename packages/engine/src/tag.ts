import { CorruptionError, type RunId, type ValueObject, type Version } from "@strata/core";
import { Box, type RunShard, type Stored } from "@strata/storage";
import type { PutOperation } from "./operation.js";
import type { Run } from "./run.js";

/** A name for a version of a run. */
export interface Tag {
  readonly name: string;
  readonly version: Version;
  /** When that version was committed, µs since the epoch. */
  readonly timestamp: number;
}

/** What the reserved run `_system` stores of a tag, in the space `tags`, under `<number of the run>/<name>`. */
export interface TagRow extends ValueObject {
  readonly version: number;
  readonly timestamp: number;
}

export const TAG_SPACE = "tags";

/** Bound to the run's number, so that a run that takes the name of another never takes its tags. */
export function tagKey(run: RunId, name: string): string {
  return `${run}/${name}`;
}

/** The tags of a run, read from the rows. */
export function tagsOf(system: RunShard, run: RunId): Tag[] {
  const tags: Tag[] = [];
  const prefix = tagKey(run, "");
  // "/" is followed by "0" among characters.
  const range = { start: prefix, end: `${run}0`, reverse: false };
  system.table(TAG_SPACE, "kv")?.scan(range, Number.POSITIVE_INFINITY, (key, stored) => {
    const { version, timestamp } = rowOf(stored) as TagRow;
    return tags.push({ name: key.slice(prefix.length), version, timestamp }) > 0;
  });
  return tags;
}

/** Follows a write of `_system` in the space of tags. */
export function foldTag(runOf: (number: RunId) => Run | undefined, { key, stored }: PutOperation): void {
  const slash = key.indexOf("/");
  const number = Number(key.slice(0, slash));
  const name = key.slice(slash + 1);
  if (slash < 0 || !Number.isSafeInteger(number))
    throw new CorruptionError("CORRUPT_RECORD", `"${key}" names no tag`, { key });
  // Tags go in the commit that deletes their run: whichever of the two is folded first, there is nothing left to do.
  const run = runOf(number as RunId);
  if (run === undefined) return;
  const row = rowOf(stored);
  if (row === undefined) run.dropTag(name);
  else run.setTag({ name, version: row.version, timestamp: row.timestamp });
}

function rowOf(stored: Stored | undefined): TagRow | undefined {
  return (stored instanceof Box ? stored.value : stored) as TagRow | undefined;
}
