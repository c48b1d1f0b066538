/**
 * Bytes to values, by hand: every value, in both forms, and nothing else. The layout is in `cbor.ts`. One pass checks,
 * builds and freezes.
 *
 * No input makes it throw anything but `CORRUPT_VALUE`, recurse beyond `NESTING_MAX`, or allocate more than a small
 * multiple of the bytes that are there: every count is held against the bytes left before it is believed.
 *
 * One decoding runs at a time and calls no foreign code, so its state is held by the module.
 */

import type { ByteReader } from "./bytes.js";
import {
  DOUBLE,
  FALSE,
  HALF,
  halfOf,
  isInt,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_NEGATIVE,
  MAJOR_TEXT,
  MAJOR_UNSIGNED,
  NULL,
  SINGLE,
  TRUE,
} from "./cbor.js";
import { CorruptionError } from "./errors.js";
import { ARRAY_LENGTH_MAX, INT_MAX, NESTING_MAX, OBJECT_MEMBERS_MAX } from "./limits.js";
import { defineMember } from "./own-member.js";
import { readUtf8 } from "./utf8.js";
import type { Value } from "./value.js";

const HIGH = 2 ** 32;
const SAFE_HIGH_MAX = 0x1fffff;

const NOTHING: Uint8Array = new Uint8Array(0);
let source: Uint8Array = NOTHING;
let at = 0;
let end = 0;
// Items that can still be: each takes a byte at least. Heads that together promise more are refused before memory is
// set aside for what they promise, so that nested heads cannot each claim the same bytes.
let budget = 0;

const scratch = new Uint8Array(8);
const scratchView = new DataView(scratch.buffer);

/** The value at the reader, which then stands behind it. On failure the reader stays where it was. */
export function readValue(reader: ByteReader): Value {
  source = reader.source;
  at = reader.offset;
  end = reader.end;
  budget = end - at;
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
  checkContainer(length, length, ARRAY_LENGTH_MAX, start, depth);
  const array: Value[] = new Array(length);
  for (let i = 0; i < length; i++) array[i] = readItem(depth);
  return Object.freeze(array);
}

function readObject(length: number, start: number, depth: number): Value {
  checkContainer(length, length * 2, OBJECT_MEMBERS_MAX, start, depth);
  const object: Record<string, Value> = {};
  for (let i = 0; i < length; i++) {
    const name = readName();
    defineMember(object, name, readItem(depth));
  }
  if (Object.keys(object).length !== length) throw corrupt("an object with two members of one name", start);
  return Object.freeze(object);
}

// Member names met last, found by a hash of some of their bytes and confirmed by all of them: names repeat, and a string
// that already is a name of a property needs no look-up to become one.
const NAME_SLOTS = 1024;
const knownNames: string[] = new Array(NAME_SLOTS).fill("");

function readName(): string {
  if (at >= end) throw corrupt("the value ends early", at);
  const start = at;
  const initial = source[at++]!;
  if (initial >> 5 !== MAJOR_TEXT) throw corrupt("a member name that is no text", start);
  const length = readLength(initial & 31, start);
  if (length === 0 || initial >= SHORT_NAME_END) return readText(length, start);
  const last = at + length - 1;
  const slot = (source[at]! * 37 + source[(at + last) >> 1]! * 11 + source[last]! * 5 + length) & (NAME_SLOTS - 1);
  const known = knownNames[slot]!;
  if (known.length === length && isAt(known)) {
    at += length;
    return known;
  }
  const name = readText(length, start);
  if (name.length === length) knownNames[slot] = asPropertyName(name); // ASCII: `isAt` compares bytes.
  return name;
}

// Text heads with the length in the initial byte.
const SHORT_NAME_END = (MAJOR_TEXT << 5) | 24;

function isAt(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== source[at + i]) return false;
  return true;
}

/** The same text, as the one string of it that the engine keeps for properties. */
function asPropertyName(name: string): string {
  return Object.keys({ [name]: 0 })[0]!;
}

function checkContainer(length: number, items: number, maximum: number, start: number, depth: number): void {
  if (depth > NESTING_MAX) throw corrupt(`nesting of more than ${NESTING_MAX}`, start);
  if (length > maximum) throw corrupt(`${length} items, where at most ${maximum} are allowed`, start);
  budget -= items;
  if (budget < 0) throw corrupt("more items than bytes", start);
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
  scratch[0] = source[from]!;
  scratch[1] = source[from + 1]!;
  scratch[2] = source[from + 2]!;
  scratch[3] = source[from + 3]!;
  scratch[4] = source[from + 4]!;
  scratch[5] = source[from + 5]!;
  scratch[6] = source[from + 6]!;
  scratch[7] = source[from + 7]!;
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
