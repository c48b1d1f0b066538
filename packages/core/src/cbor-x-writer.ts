/**
 * Values to bytes through cbor-x, for those that it writes exactly as `cbor-writer.ts` does. The library is bundled as
 * JavaScript (`scripts/bundle-cbor.mjs`): its optional native companion has an install script and never reaches users.
 */

import type { ByteWriter } from "./bytes.js";
import type { Value, ValueObject } from "./value.js";
import { Encoder, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from "./vendor/cbor-x.js";

// No record extension, heads of maps in their shortest form, bytes without a tag.
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

// Results stay in cbor-x's own buffer, each in the place of the one before.
const MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE;

// Below this a loop is faster than `set` with the view it needs.
const SHORT = 128;

/** Appends a value of which `isExactInCborX` holds. */
export function writeThroughCborX(writer: ByteWriter, value: Value): void {
  const encoded = encoder.encode(value, MODE);
  const { start, end } = encoded;
  const length = end - start;
  const target = writer.reserve(length);
  const at = writer.length;
  if (length < SHORT) for (let i = 0; i < length; i++) target[at + i] = encoded[start + i]!;
  else target.set(encoded.subarray(start, end), at);
  writer.advance(length);
}

// cbor-x keeps a buffer as large as its largest result for good: what may be larger than this is written by hand.
const SIZE_MAX = 64 * 1024;
const HEAD_MAX = 9;
let room = 0;

/**
 * Whether cbor-x writes the same bytes as `writeValue`. It does not for -0, which it takes for 0; for integers of more
 * than 32 bits, which it writes as doubles; for NaN, whose payload it keeps. Bytes it recognizes only after a search
 * through a list of classes.
 */
export function isExactInCborX(value: Value): boolean {
  room = SIZE_MAX;
  return isExact(value);
}

function isExact(value: Value): boolean {
  room -= HEAD_MAX;
  switch (typeof value) {
    case "string":
      room -= value.length * 3;
      return room >= 0;
    case "number":
      return isExactNumber(value);
    case "boolean":
    case "bigint":
      return true;
    case "object":
      if (value === null) return true;
      if (Array.isArray(value)) return areExact(value);
      return !(value instanceof Uint8Array) && hasExactMembers(value as ValueObject);
    default:
      return false; // No value: cbor-x would write something, the writer by hand throws.
  }
}

function isExactNumber(value: number): boolean {
  if (Math.floor(value) !== value) return !Number.isNaN(value);
  const magnitude = Math.abs(value);
  return magnitude < 2 ** 32 ? value !== 0 || 1 / value > 0 : magnitude > Number.MAX_SAFE_INTEGER;
}

function areExact(array: readonly Value[]): boolean {
  if (array.length * HEAD_MAX > room) return false;
  const elements = [...array];
  for (let i = 0; i < elements.length; i++) if (!isExact(elements[i]!)) return false;
  return true;
}

function hasExactMembers(object: ValueObject): boolean {
  for (const name in object) {
    room -= HEAD_MAX + name.length * 3;
    if (room < 0 || !isExact(object[name]!)) return false;
  }
  return true;
}
