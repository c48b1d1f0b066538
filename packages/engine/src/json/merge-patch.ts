import type { Value } from "@strata/core";
import { isObject, memberOf, withChanges } from "./json-members.js";

/**
 * Applies a JSON merge patch (RFC 7396): an object merges member by member, `null` removes a member, anything else
 * replaces what was there, arrays as a whole. The result never holds a `null` that came from a member of the patch, in
 * newly made objects neither. What the patch does not change stays the same object, up to `target` itself.
 *
 * It recurses as deep as the patch is nested, which the limit on values bounds.
 */
export function mergePatch(target: Value | undefined, patch: Value): Value {
  if (!isObject(patch)) return patch;
  if (target === undefined || !isObject(target)) return withoutNulls(patch);
  const changes = new Map<string, Value | undefined>();
  for (const name of Object.keys(patch)) {
    const change = patch[name] as Value;
    const before = memberOf(target, name);
    const after = change === null ? undefined : mergePatch(before, change);
    if (after !== before) changes.set(name, after);
  }
  return changes.size === 0 ? target : withChanges(target, changes);
}

/** What a patch makes where there is nothing to merge with: the patch, without its null members. */
function withoutNulls(patch: Value): Value {
  if (!isObject(patch)) return patch;
  const changes = new Map<string, Value | undefined>();
  for (const name of Object.keys(patch)) {
    const change = patch[name] as Value;
    const after = change === null ? undefined : withoutNulls(change);
    if (after !== change) changes.set(name, after);
  }
  return changes.size === 0 ? patch : withChanges(patch, changes);
}
