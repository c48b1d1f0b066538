/**
 * Bytes to values, by hand: every value, in both forms, and nothing else. The layout is in `cbor.ts`. One pass checks,
 * builds and freezes.
 *
 * No input makes it throw anything but `CORRUPT_VALUE`, recurse beyond `NESTING_MAX`, or allocate more than a small
 * multiple of the bytes that are there: every count is held against the bytes left before it is believed.
 *
 * One decoding runs at a time and calls no foreign code, so its state is held by the module.
 */

import {
  FALSE,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_NEGATIVE,
  MAJOR_TEXT,
  MAJOR_UNSIGNED,
  NULL,
  HALF,
  SINGLE,
  DOUBLE,
  TRUE,
  isInt,
} from "./cbor.js";
import type { ByteReader } from "./bytes.js";
import { halfOf } from "./cbor-writer.js";
import { CorruptionError } from "./errors.js";
import { ARRAY_LENGTH_MAX, INT_MAX, NESTING_MAX, OBJECT_MEMBERS_MAX } from "./limits.js";
import { readUtf8 } from "./utf8.js";
import type { Value } from "./value.js";
import { defineMember } from "./value-copy.js";

const HIGH = 2 ** 32;
const SAFE_HIGH_MAX = 0x1fffff;

const NOTHING: Uint8Array = new Uint8Array(0);
let source: Uint8Array = NOTHING;
let at = 0;
let end = 0;

const scratch = new Uint8Array(8);
const scratchView = new DataView(scratch.buffer);

/** The value at the reader, which then stands behind it. On failure the reader stays where it was. */
export function readValue(reader: ByteReader): Value {
  source = reader.source;
  at = reader.offset;
  end = reader.end;
  try {
    const value = readItem(0);
    reader.seek(at);
    return value;
  } finally {
    source = NOTHING; // Holds on to nobody's buffer.
  }
}

function readItem(depth: number): Value {
  if (at >= end) throw corrupt("the value ends early", at);
  const start = at;
  const initial = source[at++]!;
  switch (initial >> 5) {
    case MAJOR_UNSIGNED:
      return initial < 24 ? initial : readInt(initial & 31, start, false);
    case MAJOR_NEGATIVE:
      return readInt(initial & 31, start, true);
    case MAJOR_BYTES:
      return readBytes(readLength(initial & 31, start));
    case MAJOR_TEXT:
      return readText(readLength(initial & 31, start), start);
    case MAJOR_ARRAY:
      return readArray(readLength(initial & 31, start), start, depth + 1);
    case MAJOR_MAP:
      return readObject(readLength(initial & 31, start), start, depth + 1);
    default:
      return readSimple(initial, start);
  }
}

function readSimple(initial: number, start: number): Value {
  switch (initial) {
    case FALSE:
      return false;
    case TRUE:
      return true;
    case NULL:
      return null;
    case HALF:
      return checkedFloat(readHalf(), start);
    case SINGLE:
      return checkedFloat(readSingle(start), start);
    case DOUBLE:
      return checkedFloat(readDouble(start), start);
    default:
      throw corrupt(initial >> 5 === 6 ? "a tag" : `the unknown initial byte 0x${initial.toString(16)}`, start);
  }
}

/** The argument behind an initial byte whose additional information is 24 to 27. Below 2^53, or the bigint. */
function readArgument(info: number, start: number): number | bigint {
  switch (info) {
    case 24: {
      const argument = source[skip(1)]!;
      if (argument < 24) throw notShortest(start);
      return argument;
    }
    case 25: {
      const from = skip(2);
      const argument = (source[from]! << 8) | source[from + 1]!;
      if (argument < 0x100) throw notShortest(start);
      return argument;
    }
    case 26: {
      const argument = u32(skip(4));
      if (argument < 0x10000) throw notShortest(start);
      return argument;
    }
    case 27: {
      const from = skip(8);
      const high = u32(from);
      const low = u32(from + 4);
      if (high === 0) throw notShortest(start);
      return high <= SAFE_HIGH_MAX ? high * HIGH + low : (BigInt(high) << 32n) | BigInt(low);
    }
    default:
      throw corrupt(info === 31 ? "an indefinite length" : "a reserved length", start);
  }
}

function readInt(info: number, start: number, negative: boolean): number | bigint {
  if (info < 24) return negative ? -1 - info : info;
  const argument = readArgument(info, start);
  if (typeof argument === "number") {
    if (!negative) return argument;
    // -1 - (2^53 - 1) is beyond the safe range.
    return argument === Number.MAX_SAFE_INTEGER ? -1n - BigInt(argument) : -1 - argument;
  }
  if (argument > INT_MAX) throw corrupt("an integer beyond 64 bits", start);
  return negative ? -1n - argument : argument;
}

/** A number of bytes or items: every one of them takes a byte at least. */
function readLength(info: number, start: number): number {
  const length = info < 24 ? info : readArgument(info, start);
  if (length > end - at) throw corrupt(`a length of ${length}, where ${end - at} bytes are left`, start);
  return length as number;
}

function readBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(source.subarray(at, at + length));
  at += length;
  return bytes;
}

function readText(length: number, start: number): string {
  const text = readUtf8(source, at, at + length);
  if (text === undefined) throw corrupt("text that is not UTF-8", start);
  at += length;
  return text;
}

function readArray(length: number, start: number, depth: number): Value {
  checkContainer(length, ARRAY_LENGTH_MAX, start, depth);
  const array: Value[] = [];
  for (let i = 0; i < length; i++) array.push(readItem(depth));
  return Object.freeze(array);
}

function readObject(length: number, start: number, depth: number): Value {
  checkContainer(length, OBJECT_MEMBERS_MAX, start, depth);
  const object: Record<string, Value> = {};
  for (let i = 0; i < length; i++) {
    const name = readName();
    if (name === "__proto__") defineMember(object, name, readItem(depth));
    else object[name] = readItem(depth);
  }
  if (Object.keys(object).length !== length) throw corrupt("an object with two members of one name", start);
  return Object.freeze(object);
}

function readName(): string {
  if (at >= end) throw corrupt("the value ends early", at);
  const start = at;
  const initial = source[at++]!;
  if (initial >> 5 !== MAJOR_TEXT) throw corrupt("a member name that is no text", start);
  return readText(readLength(initial & 31, start), start);
}

function checkContainer(length: number, maximum: number, start: number, depth: number): void {
  if (depth > NESTING_MAX) throw corrupt(`nesting of more than ${NESTING_MAX}`, start);
  if (length > maximum) throw corrupt(`${length} items, where at most ${maximum} are allowed`, start);
}

function checkedFloat(value: number, start: number): number {
  if (isInt(value)) throw corrupt("an integer written as a float", start);
  return value;
}

function readHalf(): number {
  const from = skip(2);
  const bits = (source[from]! << 8) | source[from + 1]!;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) {
    if (fraction === 0) return sign * Number.POSITIVE_INFINITY;
    if (bits !== 0x7e00) throw corrupt("a NaN that is not the one NaN", from - 1);
    return Number.NaN;
  }
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function readSingle(start: number): number {
  const bits = u32(skip(4));
  if (halfOf(bits) >= 0) throw notShortest(start);
  scratchView.setUint32(0, bits);
  return scratchView.getFloat32(0);
}

function readDouble(start: number): number {
  const from = skip(8);
  for (let i = 0; i < 8; i++) scratch[i] = source[from + i]!;
  const value = scratchView.getFloat64(0);
  if (Number.isNaN(value) && (u32(from) !== 0x7ff80000 || u32(from + 4) !== 0)) {
    throw corrupt("a NaN that is not the one NaN", start);
  }
  return value;
}

function u32(from: number): number {
  return ((source[from]! << 24) | (source[from + 1]! << 16) | (source[from + 2]! << 8) | source[from + 3]!) >>> 0;
}

function skip(count: number): number {
  if (count > end - at) throw corrupt("the value ends early", at);
  const from = at;
  at += count;
  return from;
}

function notShortest(offset: number): CorruptionError {
  return corrupt("a number that is not in its shortest form", offset);
}

function corrupt(what: string, offset: number): CorruptionError {
  return new CorruptionError("CORRUPT_VALUE", `at byte ${offset}: ${what}`, { offset });
}
