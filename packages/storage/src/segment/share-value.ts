/**
 * Values that were read apart and have much in common, made to share it.
 */
import type { Value, ValueObject } from "@strata/core";
import { Box, type Stored } from "../stored.js";
import { isArray, isObject, sameScalar } from "./same-value.js";
import { setMember } from "./set-member.js";

/** `older` as it is, with what it has in common with `newer` being the same objects. */
export function shareStored(newer: Stored | undefined, older: Stored | undefined): Stored | undefined {
  const known = newer instanceof Box ? newer.value : newer;
  if (known === undefined || older === undefined) return older;
  if (!(older instanceof Box)) return shareValue(known, older);
  if (older.value === undefined) return older;
  const { expiresAt, counter, createdAt, holdsBytes } = older;
  return new Box(shareValue(known, older.value), expiresAt, counter, createdAt, holdsBytes);
}

/** `newer` itself when both are the same. */
export function shareValue(newer: Value, older: Value): Value {
  if (isArray(older)) return isArray(newer) ? shareElements(newer, older) : older;
  if (isObject(older)) return isObject(newer) ? shareMembers(newer, older) : older;
  return sameScalar(newer, older) ? newer : older;
}

function shareElements(newer: readonly Value[], older: readonly Value[]): Value {
  const shared = older.slice();
  let isSame = newer.length === older.length;
  for (let i = 0; i < Math.min(newer.length, shared.length); i++) {
    shared[i] = shareValue(newer[i]!, shared[i]!);
    if (!Object.is(shared[i], newer[i])) isSame = false;
  }
  return isSame ? newer : Object.freeze(shared);
}

function shareMembers(newer: ValueObject, older: ValueObject): Value {
  const names = Object.keys(older);
  const others = Object.keys(newer);
  const shared: Record<string, Value> = {};
  let isSame = names.length === others.length;
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const value = older[name]!;
    const own = Object.hasOwn(newer, name) ? shareValue(newer[name]!, value) : value;
    if (name !== others[i] || !Object.is(own, newer[name])) isSame = false;
    setMember(shared, name, own);
  }
  return isSame ? newer : Object.freeze(shared);
}
