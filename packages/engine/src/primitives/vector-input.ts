import { InvalidArgumentError } from "@strata/core";
import { kindOf } from "./options.js";

/** Getters of every typed array, of any realm and class: what a subclass says of itself is not asked. */
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
const tagOf = getterOf(Symbol.toStringTag) as (this: unknown) => string | undefined;
const lengthOf = getterOf("length") as (this: unknown) => number;

/**
 * A vector that a caller gives, copied: any typed array of numbers, array, or object with a length and numbers. `-0` stays `-0`; a double is
 * rounded to the nearest 32-bit float.
 *
 * @param where the call, for messages: `vectors.upsert`.
 * @throws InvalidArgumentError `DIMENSION_MISMATCH`, facts.expected and facts.actual; `INVALID_VALUE`, facts.index, for a component that is
 *   no finite 32-bit float
 */
export function vectorFrom(input: unknown, collection: string, dimension: number, where: string): Float32Array {
  const isTyped = ArrayBuffer.isView(input);
  const tag = tagOf.call(input);
  if (typeof input !== "object" || input === null || (isTyped && (tag === undefined || tag.startsWith("Big")))) {
    const what = isTyped ? `a ${tag ?? "DataView"}` : kindOf(input);
    throw refused(where, `takes a vector as an array of numbers, not ${what}`, { collection });
  }
  const source = input as ArrayLike<unknown>;
  const length: unknown = isTyped ? lengthOf.call(input) : readOrRefuse(() => source.length, where, collection);
  if (typeof length !== "number") {
    throw refused(where, `takes a vector as an array of numbers, not ${kindOf(input)} without a length`, {
      collection,
    });
  }
  if (length !== dimension) throw dimensionMismatch(collection, dimension, length);
  const vector = new Float32Array(dimension);
  // Copied first, checked then: whoever shares the memory cannot change what was checked.
  if (isTyped) vector.set(input as unknown as ArrayLike<number>);
  else {
    const wrong = readOrRefuse(() => copyNumbers(source, vector), where, collection);
    if (wrong >= 0) throw refused(where, `component ${wrong} is no number`, { collection, index: wrong });
  }
  const index = firstNotFinite(vector);
  if (index < 0) return vector;
  const value = vector[index] as number;
  const what = Number.isNaN(value) ? "NaN" : `${value} as a 32-bit float`;
  throw refused(where, `component ${index} is ${what}`, { collection, index, value });
}

export function dimensionMismatch(collection: string, expected: number, actual: number): InvalidArgumentError {
  return new InvalidArgumentError(
    "DIMENSION_MISMATCH",
    `vectors of collection "${collection}" have ${expected} components, this one has ${actual}`,
    { collection, expected, actual },
  );
}

/** Index of the first component that is NaN or infinite, -1 when there is none. */
export function firstNotFinite(vector: Float32Array): number {
  for (let i = 0; i < vector.length; i++) {
    const component = vector[i] as number;
    if (component - component !== 0) return i;
  }
  return -1;
}

/** @returns the index of the first element that is no number, a hole included; -1 when there is none. */
function copyNumbers(source: ArrayLike<unknown>, into: Float32Array): number {
  for (let i = 0; i < into.length; i++) {
    const component = source[i];
    if (typeof component !== "number") return i;
    into[i] = component;
  }
  return -1;
}

/** Reading an array of the caller's may run code of the caller's. */
function readOrRefuse<T>(read: () => T, where: string, collection: string): T {
  try {
    return read();
  } catch (cause) {
    throw new InvalidArgumentError(
      "INVALID_VALUE",
      `${where}: reading the vector threw an error`,
      { collection },
      { cause, hint: HINT },
    );
  }
}

function refused(where: string, message: string, facts: { readonly [name: string]: unknown }): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_VALUE", `${where}: ${message}`, facts, { hint: HINT });
}

const HINT = "A vector is a Float32Array, or an array of finite numbers.";

function getterOf(name: string | symbol): unknown {
  return Object.getOwnPropertyDescriptor(typedArray, name)?.get;
}
