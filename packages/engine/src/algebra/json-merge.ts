import type { Value } from "@strata/core";
import type { JsonOperation, ResolvedPath } from "../json/index.js";
import { isObject } from "../json/json-members.js";
import { member, namesOf } from "./json-difference.js";
import { isSame } from "./same-value.js";

/** Three states of one place of a document; `undefined` where there is nothing. */
export interface PlaceStates {
  readonly path: ResolvedPath;
  readonly base: Value | undefined;
  readonly ours: Value | undefined;
  readonly theirs: Value | undefined;
}

/**
 * What has to be done to `ours` so that it has the changes of `theirs` since `base` too. Objects merge member by member, at any depth; an
 * array is one value, for its elements have no names.
 *
 * @param decide is asked where both sides changed a place differently, and gives what shall stand there: `ours` to leave it.
 */
export function mergeDocuments(
  base: Value | undefined,
  ours: Value | undefined,
  theirs: Value | undefined,
  decide: (place: PlaceStates) => Value | undefined,
): JsonOperation[] {
  const operations: JsonOperation[] = [];
  mergeAt({ path: [], base, ours, theirs }, decide, operations);
  return operations;
}

function mergeAt(
  place: PlaceStates,
  decide: (place: PlaceStates) => Value | undefined,
  operations: JsonOperation[],
): void {
  const { path, base, ours, theirs } = place;
  if (isSame(base, theirs) || isSame(ours, theirs)) return;
  if (isSame(base, ours)) {
    operations.push(operationFor(path, theirs));
    return;
  }
  if (
    ours !== undefined &&
    theirs !== undefined &&
    isObject(ours) &&
    isObject(theirs) &&
    (base === undefined || isObject(base))
  ) {
    const members = base ?? {};
    for (const name of namesOf(members, theirs)) {
      const states = { base: member(members, name), ours: member(ours, name), theirs: member(theirs, name) };
      mergeAt({ path: [...path, name], ...states }, decide, operations);
    }
    return;
  }
  const decided = decide(place);
  if (decided !== ours) operations.push(operationFor(path, decided));
}

function operationFor(path: ResolvedPath, value: Value | undefined): JsonOperation {
  return value === undefined ? { kind: "delete", path } : { kind: "set", path, value };
}
