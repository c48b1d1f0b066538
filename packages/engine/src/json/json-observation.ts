import { Value } from "@strata/core";
import { type ContainerKind, elementOf, isObject, kindOf, memberOf } from "./json-members.js";
import type { JsonPatchStep } from "./json-patch.js";
import type { JsonSegment } from "./json-path.js";
import { getAt } from "./json-tree.js";

/**
 * Something a transaction relied on in one document, as data. It is taken from the document as the transaction's view
 * has it, without the transaction's own writes, and asked again of the committed document when the transaction commits:
 * while every observation holds, the transaction's reads and writes mean the same on the committed document as on the
 * view.
 *
 * - `value`: what a read gave. Holds while the same subtree or an equal one stands there.
 * - `way`: the containers that a write went through, from the document down: what kind each is, whatever it contains,
 *   so
 *   that writes to different members do not disturb each other. It ends at the first that is no object; an array counts
 *   with all it holds (`array`), because an index means nothing once another transaction has moved elements.
 * - `presence`: whether anything stands there.
 *
 * Paths are as written: a negative index counts from the end of the array as it then is.
 */
export type JsonObservation =
  | { readonly what: "value"; readonly path: readonly JsonSegment[]; readonly seen: Value | undefined }
  | {
      readonly what: "way";
      readonly path: readonly JsonSegment[];
      readonly seen: readonly ContainerKind[];
      readonly array: Value | undefined;
    }
  | { readonly what: "presence"; readonly path: readonly JsonSegment[]; readonly seen: boolean };

/** Whether what was observed is still so in the document as it is now. */
export function holds(observation: JsonObservation, root: Value | undefined): boolean {
  switch (observation.what) {
    case "value":
      return isSame(getAt(root, observation.path), observation.seen);
    case "presence":
      return (getAt(root, observation.path) !== undefined) === observation.seen;
    case "way": {
      let container = root;
      for (let depth = 0; depth < observation.seen.length; depth++) {
        if (depth > 0) container = childOf(container, observation.path[depth - 1] as JsonSegment);
        if (kindOf(container) !== observation.seen[depth]) return false;
      }
      return observation.array === undefined || isSame(container, observation.array);
    }
  }
}

/** Of a read: what stood at the path, nothing included. @throws InvalidArgumentError `INVALID_PATH` for `[-]`. */
export function observePathRead(root: Value | undefined, segments: readonly JsonSegment[]): JsonObservation {
  return { what: "value", path: segments, seen: getAt(root, segments) };
}

/** Of `exists`, and of a delete's answer. @throws InvalidArgumentError `INVALID_PATH` for `[-]`. */
export function observePathPresence(root: Value | undefined, segments: readonly JsonSegment[]): JsonObservation {
  return { what: "presence", path: segments, seen: getAt(root, segments) !== undefined };
}

/**
 * Of a blind write: the way to its path. What stands at the path itself is overwritten and not observed; but creating a
 * document observes that there is none.
 *
 * Operations on what stands *at* the path (push, insert, increment) depend on that too: add `observePathRead`.
 */
export function observePathWrite(root: Value | undefined, segments: readonly JsonSegment[]): JsonObservation[] {
  const containers = root === undefined ? Math.max(segments.length, 1) : segments.length;
  return containers === 0 ? [] : [wayTo(root, segments, containers)];
}

/** Of a merge: as of a write, and the kind of everything that the patch merges with instead of replacing it. */
export function observeMerge(
  root: Value | undefined,
  segments: readonly JsonSegment[],
  patch: Value,
): JsonObservation[] {
  const observed: JsonObservation[] = [];
  observeMerged(root, segments, patch, observed);
  return observed;
}

/** Of the steps of an RFC 6902 patch: what each tested, took, replaced or wrote through. */
export function observePatch(root: Value | undefined, steps: readonly JsonPatchStep[]): JsonObservation[] {
  const observed: JsonObservation[] = [];
  for (const { op, path, from } of steps) {
    if (op === "test") {
      observed.push(observePathRead(root, path));
      continue;
    }
    if (from !== undefined) observed.push(observePathRead(root, from));
    if (from !== undefined && op === "move") observed.push(...observePathWrite(root, from));
    observed.push(...observePathWrite(root, path));
    if (op === "remove" || op === "replace") observed.push(observePathPresence(root, path));
  }
  return observed;
}

function observeMerged(
  root: Value | undefined,
  path: readonly JsonSegment[],
  patch: Value,
  observed: JsonObservation[],
): void {
  if (!isObject(patch)) {
    observed.push(...observePathWrite(root, path));
    return;
  }
  const target = path.reduce<Value | undefined>(childOf, root);
  const deeper = Object.keys(patch).filter((name) => isObject(patch[name] as Value));
  // A way holds the kinds of all containers above it, so where the merge goes deeper the shorter one adds nothing.
  if (target === undefined || !isObject(target) || deeper.length === 0) {
    observed.push(wayTo(root, path, path.length + 1));
    return;
  }
  for (const name of deeper) observeMerged(root, [...path, name], patch[name] as Value, observed);
}

/** The way through the first `containers` places on the path: the document, what its first segment names, and so on. */
function wayTo(root: Value | undefined, path: readonly JsonSegment[], containers: number): JsonObservation {
  const seen: ContainerKind[] = [];
  let container = root;
  for (let depth = 0; depth < containers; depth++) {
    if (depth > 0) container = childOf(container, path[depth - 1] as JsonSegment);
    const kind = kindOf(container);
    seen.push(kind);
    if (kind === "array" && depth < path.length) return { what: "way", path, seen, array: container };
    if (kind !== "object") break;
  }
  return { what: "way", path, seen, array: undefined };
}

function childOf(container: Value | undefined, segment: JsonSegment): Value | undefined {
  if (container === undefined) return undefined;
  if (typeof segment === "string") return memberOf(container, segment);
  return typeof segment === "number" ? elementOf(container, segment) : undefined;
}

function isSame(now: Value | undefined, seen: Value | undefined): boolean {
  return now === seen || (now !== undefined && seen !== undefined && Value.equal(now, seen));
}
