/**
 * Values to bytes, by hand: every value, in both forms. The layout is in `cbor.ts`.
 *
 * One encoding runs at a time and calls no foreign code, so its state is held by the module: a free function per type
 * over two variables is faster than methods of an object.
 */

import { unreachable } from "./assert.js";
import type { ByteWriter } from "./bytes.js";
import {
  DOUBLE,
  FALSE,
  HALF,
  halfOf,
  headSize,
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
import { sortedNames } from "./sorted-names.js";
import { writeUtf8 } from "./utf8.js";
import type { Value, ValueObject } from "./value.js";

// What one item needs at most without text or bytes: a head of nine bytes.
const ITEM_ROOM = 16;
const HIGH = 2 ** 32;

let output: ByteWriter | undefined;
let target: Uint8Array = new Uint8Array(0);
let at = 0;
let started = 0;
let isCanonical = false;

// A view of `viewed`, made when a double is written into another buffer than the last one was.
let viewed = target;
let view = new DataView(viewed.buffer);

const scratchView = new DataView(new ArrayBuffer(4));

/** Members in their own order, Floats as doubles. */
export function writeValue(writer: ByteWriter, value: Value): void {
  write(writer, value, false);
}

/** Members by code point of their names, Floats in the shortest form that is exact. */
export function writeCanonical(writer: ByteWriter, value: Value): void {
  write(writer, value, true);
}

function write(writer: ByteWriter, value: Value, canonical: boolean): void {
  isCanonical = canonical;
  output = writer;
  target = writer.reserve(ITEM_ROOM);
  at = started = writer.length;
  writeItem(value);
  writer.advance(at - started);
  output = undefined;
}

/** Room for `count` more bytes. */
function ensure(count: number): void {
  if (at + count <= target.length) return;
  output!.advance(at - started);
  started = at;
  target = output!.reserve(count);
}

function writeItem(value: Value): void {
  ensure(ITEM_ROOM);
  switch (typeof value) {
    case "string":
      writeText(value);
      break;
    case "number":
      if ((value | 0) === value && value !== 0) writeSmallInt(value);
      else if (isInt(value)) writeInt(value);
      else if (isCanonical) writeShortestFloat(value);
      else writeDouble(value);
      break;
    case "boolean":
      target[at++] = value ? TRUE : FALSE;
      break;
    case "bigint":
      writeBigint(value);
      break;
    case "object":
      if (value === null) target[at++] = NULL;
      else if (Array.isArray(value)) writeElements(value);
      else if (value instanceof Uint8Array) writeBytes(value);
      else writeMembers(value as ValueObject);
      break;
    default:
      unreachable(value); // Bytes that no decoder takes must not reach the log.
  }
}

function writeElements(value: readonly Value[]): void {
  writeHead(MAJOR_ARRAY, value.length);
  // Reading a frozen array by index is four times slower than copying it first: 84 against 390 ns for 100 elements.
  const elements = [...value];
  for (let i = 0; i < elements.length; i++) writeItem(elements[i]!);
}

function writeMembers(value: ValueObject): void {
  const names = isCanonical ? sortedNames(value) : Object.keys(value);
  writeHead(MAJOR_MAP, names.length);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    writeText(name);
    writeItem(value[name]!);
  }
}

/** Needs `ITEM_ROOM`; `argument` is an integer in [0, 2^53). */
function writeHead(major: number, argument: number): void {
  const initial = major << 5;
  if (argument < 24) {
    target[at++] = initial | argument;
  } else if (argument < 0x100) {
    target[at++] = initial | 24;
    target[at++] = argument;
  } else if (argument < 0x10000) {
    target[at++] = initial | 25;
    target[at++] = argument >>> 8;
    target[at++] = argument;
  } else if (argument < HIGH) {
    target[at++] = initial | 26;
    writeU32(argument);
  } else {
    target[at++] = initial | 27;
    writeU32(Math.floor(argument / HIGH));
    writeU32(argument);
  }
}

function writeU32(value: number): void {
  target[at++] = value >>> 24;
  target[at++] = value >>> 16;
  target[at++] = value >>> 8;
  target[at++] = value;
}

function writeInt(value: number): void {
  if (value >= 0) writeHead(MAJOR_UNSIGNED, value);
  else writeHead(MAJOR_NEGATIVE, -1 - value);
}

/** Of 32 bits: what most integers are. Not 0, which -0 would pass for. */
function writeSmallInt(value: number): void {
  const initial = value < 0 ? MAJOR_NEGATIVE << 5 : MAJOR_UNSIGNED << 5;
  const argument = value < 0 ? ~value : value;
  if (argument < 24) target[at++] = initial | argument;
  else writeHead(initial >> 5, argument);
}

/** Beyond ±(2^53 - 1), within 64 bits. */
function writeBigint(value: bigint): void {
  const negative = value < 0n;
  const argument = negative ? -1n - value : value;
  target[at++] = ((negative ? MAJOR_NEGATIVE : MAJOR_UNSIGNED) << 5) | 27;
  writeU32(Number(argument >> 32n));
  writeU32(Number(argument & 0xffff_ffffn));
}

function writeDouble(value: number): void {
  if (viewed !== target) {
    viewed = target;
    view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  }
  target[at] = DOUBLE;
  // A NaN from elsewhere may carry other bits: the one named here has one pattern.
  view.setFloat64(at + 1, Number.isNaN(value) ? Number.NaN : value);
  at += 9;
}

function writeShortestFloat(value: number): void {
  // NaN is no equal of itself, but fits any width.
  if (!Object.is(Math.fround(value), value)) {
    writeDouble(value);
    return;
  }
  scratchView.setFloat32(0, value);
  const bits = scratchView.getUint32(0);
  const half = halfOf(bits);
  if (half >= 0) {
    target[at++] = HALF;
    target[at++] = half >>> 8;
    target[at++] = half;
  } else {
    target[at++] = SINGLE;
    writeU32(bits);
  }
}

// Text this short has its length in the initial byte, if it is ASCII.
const SHORT_TEXT = 24;

function writeText(text: string): void {
  const length = text.length;
  ensure(ITEM_ROOM + length * 3);
  if (length < SHORT_TEXT) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      target[at + 1 + i] = unit;
    }
    if (i === length) {
      target[at] = (MAJOR_TEXT << 5) | length;
      at += 1 + length;
      return;
    }
  }
  // Most text is ASCII: guess that its bytes number as many as its characters, and move them where that is wrong.
  const guessed = headSize(text.length);
  const start = at;
  const count = writeUtf8(target, start + guessed, text);
  const actual = headSize(count);
  if (actual !== guessed) target.copyWithin(start + actual, start + guessed, start + guessed + count);
  writeHead(MAJOR_TEXT, count);
  at += count;
}

function writeBytes(bytes: Uint8Array): void {
  ensure(ITEM_ROOM + bytes.length);
  writeHead(MAJOR_BYTES, bytes.length);
  target.set(bytes, at);
  at += bytes.length;
}
