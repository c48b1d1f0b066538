import { type Json, Value } from "@strata/core";
import type { DiffEntry, RunDiff } from "./diff.js";

/**
 * A diff as JSON, for what is not written in JavaScript: as it is, with each value as `Value.toJson` has it. `before` and `after` are left
 * out where there is nothing.
 */
export function diffToJson(diff: RunDiff): Json {
  const { added, removed, modified, truncated } = diff;
  return {
    added: added.map(entryToJson),
    removed: removed.map(entryToJson),
    modified: modified.map(entryToJson),
    truncated,
  };
}

function entryToJson({ ref, before, after, paths }: DiffEntry): Json {
  // References are text and numbers; a value's own member may look like a tag and is escaped.
  const entry = { ref: { ...ref } as Json, ...sidesToJson(before, after) };
  if (paths === undefined) return entry;
  return { ...entry, paths: paths.map((place) => ({ path: place.path, ...sidesToJson(place.before, place.after) })) };
}

function sidesToJson(before: Value | undefined, after: Value | undefined): { readonly [side: string]: Json } {
  return {
    ...(before === undefined ? {} : { before: Value.toJson(before) }),
    ...(after === undefined ? {} : { after: Value.toJson(after) }),
  };
}
