import { compareCodePoints, type Value } from "@strata/core";
import { formatJsonPath, type ResolvedPath } from "../json/index.js";
import { isArray, isObject } from "../json/json-members.js";
import { isSame } from "./same-value.js";

/** One place of a document that differs; `undefined` where there is nothing. */
export interface PathDifference {
  readonly path: string;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
}

/**
 * Where two documents differ, each place as deep as it goes: members by name in code point order, elements by index. What is there on one
 * side only, or is of another kind, is one place.
 */
export function jsonDifference(before: Value, after: Value): PathDifference[] {
  const found: PathDifference[] = [];
  compare(before, after, [], found);
  return found;
}

function compare(
  before: Value | undefined,
  after: Value | undefined,
  path: ResolvedPath,
  found: PathDifference[],
): void {
  // Documents share the subtrees that nobody wrote to.
  if (before === after) return;
  if (before !== undefined && after !== undefined) {
    if (isObject(before) && isObject(after)) {
      for (const name of namesOf(before, after))
        compare(member(before, name), member(after, name), [...path, name], found);
      return;
    }
    if (isArray(before) && isArray(after)) {
      const length = Math.max(before.length, after.length);
      for (let i = 0; i < length; i++) compare(before[i], after[i], [...path, i], found);
      return;
    }
  }
  if (!isSame(before, after)) found.push({ path: formatJsonPath(path), before, after });
}

/** Names of either, by code point. */
export function namesOf(a: { readonly [name: string]: Value }, b: { readonly [name: string]: Value }): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(compareCodePoints);
}

/** The own member; inherited properties are no data. */
export function member(object: { readonly [name: string]: Value }, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
