import { ARRAY_LENGTH_MAX, LimitError, OBJECT_MEMBERS_MAX, type Value, type ValueObject } from "@strata/core";

/** What stands at a place of a document. Bytes are scalars. */
export type ContainerKind = "absent" | "object" | "array" | "scalar";

export function kindOf(value: Value | undefined): ContainerKind {
  if (value === undefined) return "absent";
  if (isArray(value)) return "array";
  return isObject(value) ? "object" : "scalar";
}

export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/**
 * The member `name` of an object, `undefined` when it has none of its own (or is no object): inherited properties are
 * no data.
 */
export function memberOf(container: Value, name: string): Value | undefined {
  return isObject(container) && Object.hasOwn(container, name) ? container[name] : undefined;
}

/**
 * The element at `index` of an array, counted from the end when negative; `undefined` outside (or for what is no
 * array).
 */
export function elementOf(container: Value, index: number): Value | undefined {
  if (!isArray(container)) return undefined;
  const at = index < 0 ? container.length + index : index;
  return at >= 0 && at < container.length ? container[at] : undefined;
}

/**
 * An object with `value` as member `name`: in the old place when it was there, behind the others when not. Frozen.
 *
 * @throws LimitError `LIMIT_VALUE` when it would have too many members.
 */
export function withMember(source: ValueObject, name: string, value: Value): ValueObject {
  const copy = copyMembers(source, Object.hasOwn(source, name) ? 0 : 1);
  define(copy, name, value);
  return Object.freeze(copy);
}

/** An object without the member `name`, which it has. Frozen. */
export function withoutMember(source: ValueObject, name: string): ValueObject {
  const { [name]: _removed, ...rest } = source;
  return Object.freeze(rest);
}

/**
 * An object with every change made: `undefined` removes a member, anything else sets it. Frozen.
 *
 * @throws LimitError `LIMIT_VALUE` when it would have too many members.
 */
export function withChanges(source: ValueObject, changes: ReadonlyMap<string, Value | undefined>): ValueObject {
  let growth = 0;
  let removes = false;
  for (const [name, value] of changes) {
    if (value === undefined) removes = true;
    growth += (value === undefined ? 0 : 1) - (Object.hasOwn(source, name) ? 1 : 0);
  }
  const copy = copyMembers(source, growth);
  for (const [name, value] of changes) if (value !== undefined) define(copy, name, value);
  if (!removes) return Object.freeze(copy);
  const kept: Members = {};
  for (const name of Object.keys(copy)) {
    if (!changes.has(name) || changes.get(name) !== undefined) define(kept, name, copy[name] as Value);
  }
  return Object.freeze(kept);
}

/** An object with one member. Frozen. */
export function objectOf(name: string, value: Value): ValueObject {
  const made: Members = {};
  define(made, name, value);
  return Object.freeze(made);
}

/**
 * An array with `value` at `index`, which is an element's or the place behind the last. Frozen.
 *
 * @throws LimitError `LIMIT_VALUE` when it would have too many elements.
 */
export function withElement(source: readonly Value[], index: number, value: Value): readonly Value[] {
  // Spread, never slice(): copying a frozen array of 75 by slice() takes 1900 ns instead of 30.
  checkCount(index + 1, ARRAY_LENGTH_MAX, "elements");
  const copy = [...source];
  copy[index] = value;
  return Object.freeze(copy);
}

/**
 * An array in which `values` take the place of `removed` elements from `index` on. Frozen.
 *
 * @throws LimitError `LIMIT_VALUE` when it would have too many elements.
 */
export function spliced(
  source: readonly Value[],
  index: number,
  removed: number,
  values: readonly Value[],
): readonly Value[] {
  checkCount(source.length - removed + values.length, ARRAY_LENGTH_MAX, "elements");
  const copy = [...source];
  const tail = copy.splice(index);
  // Element by element: as arguments of one call, a long list would overflow the stack.
  for (const value of values) copy.push(value);
  for (let i = removed; i < tail.length; i++) copy.push(tail[i] as Value);
  return Object.freeze(copy);
}

type Members = { [name: string]: Value };

/**
 * Spread is the fastest copy of an object with few members (6: 80 ns with freezing, a loop 115). With many it makes V8
 * build a long chain of hidden classes (1000: 85-190 µs), where a dictionary filled by a loop takes 50.
 */
const MANY_MEMBERS = 256;

/** A mutable copy, whose count of members will grow by `growth`. */
function copyMembers(source: ValueObject, growth: number): Members {
  if (!hasManyMembers(source)) return { ...source };
  const names = Object.keys(source);
  checkCount(names.length + growth, OBJECT_MEMBERS_MAX, "members");
  // Without prototype while it is filled: V8 makes it a dictionary, and `__proto__` is a name like any other.
  const copy: Members = Object.create(null);
  for (const name of names) copy[name] = source[name] as Value;
  return Object.setPrototypeOf(copy, Object.prototype);
}

function hasManyMembers(source: ValueObject): boolean {
  let count = 0;
  // Counting stops early; inherited names, should someone have put any on Object.prototype, only count.
  for (const _name in source) if (++count > MANY_MEMBERS) return true;
  return false;
}

/**
 * Sets an own data property whatever its name: assigning `__proto__` would change the prototype, and assigning a name
 * that a frozen Object.prototype has would throw.
 */
function define(target: Members, name: string, value: Value): void {
  if (name in Object.prototype) {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[name] = value;
  }
}

function checkCount(count: number, max: number, what: "elements" | "members"): void {
  if (count <= max) return;
  throw new LimitError("LIMIT_VALUE", `a value has at most ${max} ${what} in one place, not ${count}`, {
    limit: what,
    max,
    count,
  });
}
