/**
 * The border of the store: what comes in is checked and copied, so that nothing the caller does later changes it; what
 * goes out is frozen, except bytes, which cannot be and are copied.
 *
 * Objects are copied member by member, because that is also where each member is checked: 165 ns for five members on
 * Node 22 with all checks. `{ ...o }` would take 15 ns for them, but run accessors, keep symbols, and take 200 ns to
 * freeze on Node 20. Arrays are spread: `slice` of a frozen array is a hundred times slower.
 */

import { headSize, numberSize } from "./cbor.js";
import { type ErrorFacts, InvalidArgumentError, LimitError, type StrataError } from "./errors.js";
import { ARRAY_LENGTH_MAX, INT_MAX, INT_MIN, type Limits, OBJECT_MEMBERS_MAX } from "./limits.js";
import { isWellFormed, utf8Length } from "./utf8.js";
import type { Value, ValueObject } from "./value.js";
import { describe, hintFor, isPlainArray, isPlainObject, isUint8Array } from "./value-kind.js";

/**
 * A deeply frozen copy of `input` that shares nothing mutable with it. Members that are `undefined` are left out, as
 * are symbols as names and members that are not enumerable; a bigint within ±(2^53 - 1) becomes a number.
 *
 * @param what names the input in messages: "the value", "the payload".
 * @throws {InvalidArgumentError} `INVALID_VALUE` for what no value can be, and when a getter or proxy of the input throws.
 * @throws {LimitError} `LIMIT_VALUE` beyond `limits`, `OVERFLOW` for a bigint beyond 64 bits. Both with facts.path: the
 *   names and indexes that lead there.
 */
export function copyValue(input: unknown, limits: Limits, what = "the value"): Value {
  if (typeof input === "number" || typeof input === "boolean" || input === null) return input;
  // Text this short breaks no limit in any encoding.
  if (typeof input === "string" && input.length * 3 <= limits.stringBytes && isWellFormed(input)) {
    if (input.length * 3 + TEXT_HEAD_MAX <= limits.valueBytes) return input;
  }
  // A getter or proxy inside the input may itself write to a database: the outer count must survive.
  const outerSpent = spent;
  const outerExact = exact;
  try {
    exact = false;
    const copy = copyWithin(input, limits);
    if (copy !== TOO_LARGE) return copy;
    exact = true;
    return copyWithin(input, limits) as Value;
  } catch (error) {
    throw refusalError(error, input, what);
  } finally {
    spent = outerSpent;
    exact = outerExact;
  }
}

/** Whether Bytes are anywhere in the value: then reads hand out copies. */
export function hasBytes(value: Value): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === "object" && hasBytes(element)) return true;
    return false;
  }
  for (const name in value) {
    const member = (value as ValueObject)[name]!;
    if (typeof member === "object" && hasBytes(member)) return true;
  }
  return false;
}

/** The value with fresh copies of its Bytes, and of what leads to them; all else is shared. Deeply frozen like the value. */
export function copyOut(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return copyBytes(value);
  if (!hasBytes(value)) return value;
  if (Array.isArray(value)) return Object.freeze((value as readonly Value[]).map(copyOut));
  const copy: Record<string, Value> = {};
  for (const name of Object.keys(value)) defineMember(copy, name, copyOut((value as ValueObject)[name]!));
  return Object.freeze(copy);
}

/** Adds a member as own data, whatever its name: assigning `__proto__` would set the prototype. */
export function defineMember(object: Record<string, Value>, name: string, value: Value): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[name] = value;
  }
}

const TEXT_HEAD_MAX = 5;

const TOO_LARGE: unique symbol = Symbol("too large by the estimate");

// Bytes of the copy so far, as encoded. Counting exactly needs the length of all text in UTF-8, so an upper bound is
// counted first, and the copy is made again with exact counts only when that bound exceeds the limit.
let spent = 0;
let exact = false;

/** Why a value is refused, and where: each container on the way out puts its own segment in front. */
class Refusal {
  readonly code: "INVALID_VALUE" | "LIMIT_VALUE" | "OVERFLOW";
  readonly reason: string;
  readonly facts: ErrorFacts;
  readonly hint: string | undefined;
  readonly cause: unknown;
  readonly path: (string | number)[] = [];

  constructor(code: Refusal["code"], reason: string, facts: ErrorFacts = {}, hint?: string, cause?: unknown) {
    this.code = code;
    this.reason = reason;
    this.facts = facts;
    this.hint = hint;
    this.cause = cause;
  }
}

/** `TOO_LARGE` when the upper bound is exceeded while counting that. */
function copyWithin(input: unknown, limits: Limits): Value | typeof TOO_LARGE {
  spent = 0;
  try {
    const copy = copyAny(input, limits, 0);
    spend(0, limits);
    return copy;
  } catch (error) {
    if (error === TOO_LARGE) return TOO_LARGE;
    throw error;
  }
}

function copyAny(input: unknown, limits: Limits, depth: number): Value {
  switch (typeof input) {
    case "string":
      spent += checkedTextSize(input, limits);
      return input;
    case "number":
      spent += exact ? numberSize(input) : NUMBER_SIZE_MAX;
      return input;
    case "boolean":
      spent += 1;
      return input;
    case "bigint":
      return copyBigint(input);
    case "object":
      if (input !== null) return copyObjectLike(input, limits, depth + 1);
      spent += 1;
      return null;
    default:
      throw new Refusal("INVALID_VALUE", `${describe(input)} is not a value`, {}, hintFor(input));
  }
}

const NUMBER_SIZE_MAX = 9;

function copyBigint(input: bigint): number | bigint {
  spent += NUMBER_SIZE_MAX;
  if (input >= Number.MIN_SAFE_INTEGER && input <= Number.MAX_SAFE_INTEGER) {
    const value = Number(input);
    if (exact) spent += numberSize(value) - NUMBER_SIZE_MAX;
    return value;
  }
  if (input < INT_MIN || input > INT_MAX) {
    throw new Refusal("OVERFLOW", "the bigint is outside the range of 64 bits, -2^63 to 2^63-1");
  }
  return input;
}

function copyObjectLike(input: object, limits: Limits, depth: number): Value {
  if (Array.isArray(input)) {
    if (isPlainArray(input)) return copyArray(input, limits, depth);
  } else if (isPlainObject(input)) {
    return copyObject(input, limits, depth);
  } else if (isUint8Array(input)) {
    return copyCheckedBytes(input, limits);
  }
  throw new Refusal("INVALID_VALUE", `${describe(input)} is not a value`, {}, hintFor(input));
}

function copyCheckedBytes(input: Uint8Array, limits: Limits): Uint8Array {
  const copy = copyBytes(input);
  if (copy.length > limits.stringBytes) throw tooManyBytes("bytes", copy.length, limits);
  spend(headSize(copy.length) + copy.length, limits);
  return copy;
}

// `slice` of a Buffer would be another Buffer, on shared memory.
function copyBytes(input: Uint8Array): Uint8Array {
  const copy = new Uint8Array(input.length);
  copy.set(input);
  return copy;
}

function copyArray(input: readonly unknown[], limits: Limits, depth: number): Value {
  checkDepth(depth, limits);
  if (input.length > ARRAY_LENGTH_MAX) throw tooMany("array", "elements", input.length, ARRAY_LENGTH_MAX);
  const copy = [...input] as Value[];
  let index = 0;
  try {
    for (; index < copy.length; index++) {
      const element: unknown = copy[index];
      if (typeof element === "boolean") spent += 1;
      else if (typeof element === "number") spent += exact ? numberSize(element) : NUMBER_SIZE_MAX;
      else if (typeof element === "string") spent += checkedTextSize(element, limits);
      else if (element === undefined) throw undefinedElement(input, index);
      else copy[index] = copyAny(element, limits, depth);
    }
  } catch (error) {
    throw within(error, index);
  }
  spend(headSize(copy.length), limits);
  return Object.freeze(copy);
}

function undefinedElement(input: readonly unknown[], index: number): Refusal {
  const what = index in input ? "undefined" : "a hole";
  return new Refusal("INVALID_VALUE", `${what} in an array is not a value`, {}, "Store null in its place, or leave the element out.");
}

function copyObject(input: object, limits: Limits, depth: number): Value {
  checkDepth(depth, limits);
  const names = Object.keys(input);
  if (names.length > OBJECT_MEMBERS_MAX) throw tooMany("object", "members", names.length, OBJECT_MEMBERS_MAX);
  const copy: Record<string, Value> = {};
  let members = 0;
  let name = "";
  try {
    for (name of names) {
      const descriptor = Object.getOwnPropertyDescriptor(input, name);
      if (descriptor === undefined) continue; // A proxy may list what it does not have.
      const member: unknown = descriptor.value;
      if (member === undefined) {
        if (descriptor.get !== undefined || descriptor.set !== undefined) throw accessor();
        continue;
      }
      members++;
      spent += checkedTextSize(name, limits);
      let value: Value;
      if (typeof member === "string") {
        spent += checkedTextSize(member, limits);
        value = member;
      } else if (typeof member === "number") {
        spent += exact ? numberSize(member) : NUMBER_SIZE_MAX;
        value = member;
      } else if (typeof member === "boolean") {
        spent += 1;
        value = member;
      } else {
        value = copyAny(member, limits, depth);
      }
      if (name === "__proto__") defineMember(copy, name, value);
      else copy[name] = value;
    }
  } catch (error) {
    throw within(error, name);
  }
  spend(headSize(members), limits);
  return Object.freeze(copy);
}

function accessor(): Refusal {
  return new Refusal(
    "INVALID_VALUE",
    "a member with a getter or setter is not a value",
    {},
    "Store a plain copy such as { ...object }, which holds what the getter returns.",
  );
}

function checkDepth(depth: number, limits: Limits): void {
  if (depth > limits.nesting) {
    throw new Refusal("LIMIT_VALUE", `it is nested more than ${limits.nesting} deep`, {
      limit: "nesting",
      maximum: limits.nesting,
    });
  }
}

function checkedTextSize(text: string, limits: Limits): number {
  if (!isWellFormed(text)) {
    throw new Refusal(
      "INVALID_VALUE",
      "text with half of a surrogate pair cannot be stored",
      {},
      "Repair it with text.toWellFormed(), or store it as a Uint8Array.",
    );
  }
  const bytesMax = text.length * 3;
  if (!exact && bytesMax <= limits.stringBytes) return bytesMax + TEXT_HEAD_MAX;
  const bytes = utf8Length(text);
  if (bytes > limits.stringBytes) throw tooManyBytes("text", bytes, limits);
  return exact ? headSize(bytes) + bytes : bytesMax + TEXT_HEAD_MAX;
}

// Called once a container, so that one object reached by many ways cannot be copied without end.
function spend(bytes: number, limits: Limits): void {
  spent += bytes;
  if (spent <= limits.valueBytes) return;
  if (!exact) throw TOO_LARGE;
  throw new Refusal("LIMIT_VALUE", `it takes more than ${limits.valueBytes} bytes`, {
    limit: "valueBytes",
    maximum: limits.valueBytes,
  });
}

function tooMany(what: string, parts: string, actual: number, maximum: number): Refusal {
  return new Refusal("LIMIT_VALUE", `an ${what} may have ${maximum} ${parts}, not ${actual}`, {
    limit: `${what} ${parts}`,
    maximum,
    actual,
  });
}

function tooManyBytes(what: string, actual: number, limits: Limits): Refusal {
  return new Refusal("LIMIT_VALUE", `${what} may have ${limits.stringBytes} bytes, not ${actual}`, {
    limit: "stringBytes",
    maximum: limits.stringBytes,
    actual,
  });
}

function within(error: unknown, segment: string | number): unknown {
  if (error === TOO_LARGE) return error;
  const refusal = error instanceof Refusal ? error : thrownByInput(error);
  refusal.path.unshift(segment);
  return refusal;
}

function thrownByInput(error: unknown): Refusal {
  return new Refusal(
    "INVALID_VALUE",
    "reading it threw an error",
    {},
    "Store a plain copy in place of a proxy; the cause says what went wrong.",
    error,
  );
}

function refusalError(error: unknown, input: unknown, what: string): StrataError {
  const refusal = error instanceof Refusal ? error : thrownByInput(error);
  const { path } = refusal;
  const where = path.length === 0 ? what : `${what} at ${formatPath(path)}`;
  if (refusal.facts["limit"] === "nesting" && isCyclic(input, path)) {
    return new InvalidArgumentError("INVALID_VALUE", `${where} contains itself`, { path }, {
      hint: "Store a reference, such as a key, in place of the cycle.",
    });
  }
  const message = `${where}: ${refusal.reason}`;
  const facts = { ...refusal.facts, path };
  const options = { hint: refusal.hint, ...(refusal.cause === undefined ? {} : { cause: refusal.cause }) };
  if (refusal.code === "INVALID_VALUE") return new InvalidArgumentError("INVALID_VALUE", message, facts, options);
  return new LimitError(refusal.code, message, facts, options);
}

/** Whether one object is met twice on the way along `path`. */
function isCyclic(input: unknown, path: readonly (string | number)[]): boolean {
  const met = new Set<unknown>();
  let current = input;
  try {
    for (const segment of path) {
      if (met.has(current)) return true;
      met.add(current);
      current = (current as { readonly [name: string | number]: unknown })[segment];
    }
  } catch {
    return false;
  }
  return met.has(current);
}

function formatPath(path: readonly (string | number)[]): string {
  const shown = path.length <= 12 ? path : path.slice(0, 12);
  const text = shown.map((segment) => (typeof segment === "number" ? `[${segment}]` : formatName(segment))).join("");
  return shown.length === path.length ? `$${text}` : `$${text}…`;
}

function formatName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(name)) return `.${name}`;
  return `[${JSON.stringify(name.length <= 40 ? name : `${name.slice(0, 39)}…`)}]`;
}
