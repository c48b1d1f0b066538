/**
 * Values that differ little from others, as documents do from one version to the next: what was not touched is the same object.
 */
import type { Value, ValueObject } from "@strata/core";
import { anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { isArray, isObject } from "../src/segment/same-value.js";

/** A change somewhere in a value. */
export interface Change {
  /** Which member or element to go into, at each level. */
  readonly path: readonly number[];
  readonly kind: "set" | "insert" | "delete" | "move";
  readonly name: string;
  readonly value: Value;
  readonly at: number;
}

export const anyChange: fc.Arbitrary<Change> = fc.record({
  path: fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
  kind: fc.constantFrom("set", "set", "insert", "delete", "move"),
  name: fc.constantFrom("a", "b", "c", "__proto__", "constructor", "7", "1", "", "é"),
  value: anyValue({ depth: 1 }),
  at: fc.nat({ max: 20 }),
});

export function changed(value: Value, change: Change, depth = 0): Value {
  const step = change.path[depth];
  if (isArray(value)) {
    const elements = value.slice();
    const at = value.length === 0 ? 0 : (step ?? change.at) % value.length;
    if (step !== undefined && value.length > 0) elements[at] = changed(elements[at]!, change, depth + 1);
    else if (change.kind === "insert" || value.length === 0) elements.splice(at, 0, change.value);
    else if (change.kind === "set") elements[at] = change.value;
    else {
      const [taken] = elements.splice(at, 1);
      if (change.kind === "move") elements.splice(change.name.length, 0, taken!);
    }
    return Object.freeze(elements);
  }
  if (!isObject(value)) return change.value;
  const members = Object.keys(value).map((name): [string, Value] => [name, value[name]!]);
  const at = members.length === 0 ? 0 : (step ?? change.at) % members.length;
  if (step !== undefined && members.length > 0) members[at]![1] = changed(members[at]![1], change, depth + 1);
  else if (change.kind === "insert" || members.length === 0) members.splice(at, 0, [change.name, change.value]);
  else if (change.kind === "set") members[at]![1] = change.value;
  else {
    const [taken] = members.splice(at, 1);
    if (change.kind === "move") members.splice(change.name.charCodeAt(0) % (members.length + 1), 0, taken!);
  }
  // Of two of one name the last one stays, in the place of the first.
  return Object.freeze(Object.fromEntries(members)) as ValueObject;
}
