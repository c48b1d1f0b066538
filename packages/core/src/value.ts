/**
 * What the database stores: eight types, immutable once stored. Values carry no tags; the JavaScript value says its
 * type: an integral number within ±(2^53 - 1) that is not -0 is an Int, as is a bigint beyond that range; any other
 * number is a Float; a Uint8Array is Bytes.
 */

import { valueFromJson, valueToJson } from "./value-json.js";
import { compareValues, equalValues } from "./value-order.js";

/** What a read returns: deeply frozen, ordinary prototypes. Integers beyond ±2^53 are bigint; bytes are a fresh copy. */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | ValueObject;
export interface ValueObject {
  readonly [member: string]: Value;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };

/**
 * What a write accepts: `T`, unless the compiler can see that it holds something no `Value` can be; what it cannot see
 * (`unknown`) is checked at run time. Members that are `undefined` are left out, as JSON leaves them out; `undefined`
 * alone or in an array is refused, like class instances, cycles and lone surrogates (`INVALID_VALUE`).
 */
export type Storable<T> = unknown extends T
  ? T
  : T extends Value
    ? T
    : T extends PromiseLike<unknown>
      ? NotStorable<"a promise: await it">
      : T extends Date
        ? NotStorable<"a Date: store an ISO string or a number">
        : T extends undefined
          ? NotStorable<"undefined: delete, or store null">
          : T extends ArrayBufferView | ArrayBuffer
            ? NotStorable<"bytes are a Uint8Array">
            : T extends symbol | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ((...args: never) => unknown)
              ? NotStorable<"not a value">
              : T extends readonly unknown[]
                ? { readonly [K in keyof T]: Storable<T[K]> }
                : { readonly [K in keyof T]: Storable<Exclude<T[K], undefined>> | Extract<T[K], undefined> };
export interface NotStorable<Hint extends string> {
  readonly "~notStorable": Hint;
}

/** Equality, order and JSON of values, where JavaScript's own differ from the store's. */
export const Value: {
  /**
   * As CAS, diff and JSON Patch's `test` compare. Member order is irrelevant; different types are never equal, so the
   * Int 2n ** 60n is not the Float 2 ** 60; NaN equals nothing, and -0 equals 0.
   */
  equal(a: Value, b: Value): boolean;
  /**
   * A total order over all eight types: null < false < true < numbers by value < strings by code point < bytes <
   * arrays < objects. 0 wherever `equal` holds, and for NaN with NaN, which sorts above Infinity. Of an Int and a Float of the
   * same value the Int comes first. Objects compare as the list of their members sorted by name.
   */
  compare(a: Value, b: Value): number;
  /**
   * JSON that `fromJson` turns back into the same value: bytes, bigint, NaN, ±Infinity and -0 as tagged objects
   * (`{"$bytes": "AQI="}`, `{"$int": "9007199254740993"}`, `{"$float": "NaN"}`), and an object that looks like a tag
   * inside `{"$object": …}`.
   */
  toJson(value: Value): Json;
  /** @throws InvalidArgumentError `INVALID_VALUE` for a malformed tag and whatever else no value can be. */
  fromJson(json: Json): Value;
} = Object.freeze({
  equal: equalValues,
  compare: compareValues,
  toJson: valueToJson,
  fromJson: valueFromJson,
});
