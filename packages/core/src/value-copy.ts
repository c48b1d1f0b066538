/**
 * The border of the store: what comes in is checked and copied, so that nothing the caller does later changes it.
 *
 * Objects are copied member by member, since each member is checked anyway: some 210 ns for five members, of which
 * looking for accessors takes 30 and the well-formedness of names and text another 30. `{ ...o }` takes 15, but runs
 * accessors, keeps symbols, and its result takes another 200 to freeze on Node 20. Arrays are spread: `slice` of a frozen
 * array is a hundred times slower.
 */

import { headSize, numberSize } from "./cbor.js";
import { ARRAY_LENGTH_MAX, INT_MAX, INT_MIN, type Limits, OBJECT_MEMBERS_MAX } from "./limits.js";
import { defineMember } from "./own-member.js";
import { isWellFormed, utf8Length } from "./utf8.js";
import type { Value } from "./value.js";
import { copyBytes } from "./value-bytes.js";
import { describe, hintFor, isPlainArray, isPlainObject, isUint8Array } from "./value-kind.js";
import { Refusal } from "./value-refusal.js";

/**
 * A deeply frozen copy of `input` that shares nothing mutable with it. Members that are `undefined`, not enumerable or
 * named by a symbol are left out; a bigint within ±(2^53 - 1) becomes a number. (An accessor among the elements of an
 * array is run once and its result copied; among the members of an object it is refused.)
 *
 * @param what names the input in messages: "the value", "the payload".
 * @throws {InvalidArgumentError} `INVALID_VALUE` for what no value can be, and when a proxy in the input throws.
 * @throws {LimitError} `LIMIT_VALUE` beyond `limits`, `OVERFLOW` for a bigint beyond 64 bits. All with facts.path: the
 *   names and indexes that lead there.
 */
export function copyValue(input: unknown, limits: Limits, what = "the value"): Value {
  if (typeof input === "number" || typeof input === "boolean" || input === null) return input;
  if (typeof input === "string" && isWellFormed(input)) {
    const bytesMax = input.length * 3;
    if (bytesMax <= limits.stringBytes && bytesMax + HEAD_MAX <= limits.valueBytes) return input;
  }
  // A proxy in the input may itself write to a database: the count of this copy must survive that.
  const outerSpent = spent;
  const outerExact = exact;
  try {
    return copyCounted(input, limits);
  } catch (error) {
    throw Refusal.from(error).toError(input, what);
  } finally {
    spent = outerSpent;
    exact = outerExact;
  }
}

// Upper bounds of what heads and numbers take.
const HEAD_MAX = 5;
const NUMBER_MAX = 9;

// Bytes of the copy so far, as encoded. Exact counts need the length of all text in UTF-8, so upper bounds are counted
// first; where their sum exceeds the limit, the copy is made again with exact counts.
let spent = 0;
let exact = false;
const TOO_LARGE: unique symbol = Symbol("larger than the limit by upper bounds");

function copyCounted(input: unknown, limits: Limits): Value {
  spent = 0;
  exact = false;
  try {
    const copy = copyAny(input, limits, 0);
    spend(0, limits);
    return copy;
  } catch (error) {
    if (error !== TOO_LARGE) throw error;
  }
  spent = 0;
  exact = true;
  const copy = copyAny(input, limits, 0);
  spend(0, limits);
  return copy;
}

// Called once a container, so that an object that is reached by ever more ways cannot be copied without end.
function spend(bytes: number, limits: Limits): void {
  spent += bytes;
  if (spent <= limits.valueBytes) return;
  if (!exact) throw TOO_LARGE;
  throw new Refusal("LIMIT_VALUE", `it takes more than ${limits.valueBytes} bytes`, {
    limit: "valueBytes",
    maximum: limits.valueBytes,
  });
}

function copyAny(input: unknown, limits: Limits, depth: number): Value {
  switch (typeof input) {
    case "string":
      spent += textSize(input, limits);
      return input;
    case "number":
      spent += exact ? numberSize(input) : NUMBER_MAX;
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

function copyBigint(input: bigint): number | bigint {
  if (input >= Number.MIN_SAFE_INTEGER && input <= Number.MAX_SAFE_INTEGER) {
    const value = Number(input);
    spent += exact ? numberSize(value) : NUMBER_MAX;
    return value;
  }
  if (input < INT_MIN || input > INT_MAX) {
    throw new Refusal("OVERFLOW", "a bigint beyond 64 bits, -2^63 to 2^63-1");
  }
  spent += NUMBER_MAX;
  return input;
}

function copyObjectLike(input: object, limits: Limits, depth: number): Value {
  if (Array.isArray(input)) {
    if (isPlainArray(input)) return copyArray(input, limits, depth);
  } else if (isPlainObject(input)) {
    return copyObject(input, limits, depth);
  } else if (isUint8Array(input)) {
    if (input.length > limits.stringBytes) throw tooManyBytes("bytes", input.length, limits);
    spend(headSize(input.length) + input.length, limits);
    return copyBytes(input);
  }
  throw new Refusal("INVALID_VALUE", `${describe(input)} is not a value`, {}, hintFor(input));
}

function copyArray(input: readonly unknown[], limits: Limits, depth: number): Value {
  checkDepth(depth, limits);
  checkCount("array", "elements", input.length, ARRAY_LENGTH_MAX);
  const copy = [...input] as Value[];
  checkCount("array", "elements", copy.length, ARRAY_LENGTH_MAX); // A proxy may yield more than it said.
  let size = headSize(copy.length);
  let index = 0;
  try {
    for (; index < copy.length; index++) {
      const element: unknown = copy[index];
      if (typeof element === "number") size += exact ? numberSize(element) : NUMBER_MAX;
      else if (typeof element === "string") size += textSize(element, limits);
      else if (typeof element === "boolean") size += 1;
      else if (element === undefined) throw undefinedElement(input, index);
      else copy[index] = copyAny(element, limits, depth);
    }
  } catch (error) {
    throw within(error, index);
  }
  spend(size, limits);
  return Object.freeze(copy);
}

function copyObject(input: object, limits: Limits, depth: number): Value {
  checkDepth(depth, limits);
  const names = Object.keys(input);
  checkCount("object", "members", names.length, OBJECT_MEMBERS_MAX);
  const copy: Record<string, Value> = {};
  let members = 0;
  let size = 0;
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
      size += textSize(name, limits);
      let value: Value;
      if (typeof member === "string") {
        size += textSize(member, limits);
        value = member;
      } else if (typeof member === "number") {
        size += exact ? numberSize(member) : NUMBER_MAX;
        value = member;
      } else if (typeof member === "boolean") {
        size += 1;
        value = member;
      } else {
        value = copyAny(member, limits, depth);
      }
      defineMember(copy, name, value);
    }
  } catch (error) {
    throw within(error, name);
  }
  spend(size + headSize(members), limits);
  return Object.freeze(copy);
}

/** Bytes of text as encoded, or an upper bound of them. */
function textSize(text: string, limits: Limits): number {
  if (!isWellFormed(text)) {
    const hint = "Repair it with text.toWellFormed(), or store it as a Uint8Array.";
    throw new Refusal("INVALID_VALUE", "text with half of a surrogate pair", {}, hint);
  }
  const bytesMax = text.length * 3;
  if (!exact && bytesMax <= limits.stringBytes) return bytesMax + HEAD_MAX;
  const bytes = utf8Length(text);
  if (bytes > limits.stringBytes) throw tooManyBytes("text", bytes, limits);
  return headSize(bytes) + bytes;
}

function checkDepth(depth: number, limits: Limits): void {
  if (depth <= limits.nesting) return;
  throw new Refusal("LIMIT_VALUE", `it is nested more than ${limits.nesting} deep`, {
    limit: "nesting",
    maximum: limits.nesting,
  });
}

function checkCount(what: string, parts: string, actual: number, maximum: number): void {
  if (actual <= maximum) return;
  const facts = { limit: `${what}.${parts}`, maximum, actual };
  throw new Refusal("LIMIT_VALUE", `an ${what} may have ${maximum} ${parts}, not ${actual}`, facts);
}

function tooManyBytes(what: string, actual: number, limits: Limits): Refusal {
  const maximum = limits.stringBytes;
  const facts = { limit: "stringBytes", maximum, actual };
  return new Refusal("LIMIT_VALUE", `${what} may have ${maximum} bytes, not ${actual}`, facts);
}

function undefinedElement(input: readonly unknown[], index: number): Refusal {
  const what = index in input ? "undefined in an array" : "a hole in an array";
  const hint = "Store null in its place, or leave the element out.";
  return new Refusal("INVALID_VALUE", `${what} is not a value`, {}, hint);
}

function accessor(): Refusal {
  const hint = "Store a plain copy such as { ...object }, which holds what the getter returns.";
  return new Refusal("INVALID_VALUE", "a member with a getter or setter is not a value", {}, hint);
}

function within(error: unknown, segment: string | number): unknown {
  if (error === TOO_LARGE) return error;
  const refusal = Refusal.from(error);
  refusal.path.unshift(segment);
  return refusal;
}
