/**
 * A growing buffer to write records into, and a cursor to read them. Little-endian; `varint` is unsigned LEB128 in its
 * shortest form, up to 2^53 - 1. No read goes past the end or allocates by a length that was not checked.
 */

import { assert } from "./assert.js";
import { CorruptionError } from "./errors.js";
import { readUtf8, writeUtf8 } from "./utf8.js";

const HIGH = 2 ** 32;

// Text of fewer characters has its length in one byte, whatever they are.
const SHORT_TEXT = 43;

const scratch = new Uint8Array(8);
const scratchView = new DataView(scratch.buffer);

/**
 * Invariants:
 * 1. `length` bytes from the start of the buffer are what was written.
 * 2. Growing keeps them; only `reset` takes them back.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written since the start or the last reset. */
  get length(): number {
    return this.#length;
  }

  /** Empties the writer and keeps its memory. */
  reset(): void {
    this.#length = 0;
  }

  /**
   * The writer's own buffer, with room for `count` more bytes behind `length`: for encoders that write by themselves
   * and then `advance`. Valid until the next write.
   */
  reserve(count: number): Uint8Array {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) this.#grow(needed);
    return this.#bytes;
  }

  /** Takes `count` bytes that were written into what `reserve` returned. */
  advance(count: number): void {
    assert(count >= 0 && this.#length + count <= this.#bytes.length, "a writer advances only over reserved bytes");
    this.#length += count;
  }

  u8(value: number): void {
    const bytes = this.reserve(1);
    bytes[this.#length++] = value;
  }

  u16(value: number): void {
    const bytes = this.reserve(2);
    bytes[this.#length++] = value;
    bytes[this.#length++] = value >>> 8;
  }

  u32(value: number): void {
    const bytes = this.reserve(4);
    putU32(bytes, this.#length, value);
    this.#length += 4;
  }

  /** `value` is an integer in [0, 2^53). */
  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 is an integer in [0, 2^53)");
    const bytes = this.reserve(8);
    putU32(bytes, this.#length, value);
    putU32(bytes, this.#length + 4, Math.floor(value / HIGH));
    this.#length += 8;
  }

  f64(value: number): void {
    const bytes = this.reserve(8);
    scratchView.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) bytes[this.#length + i] = scratch[i]!;
    this.#length += 8;
  }

  /** `value` is an integer in [0, 2^53). */
  varint(value: number): void {
    if (value >= 0 && value < 0x80 && Number.isInteger(value)) {
      this.u8(value);
      return;
    }
    assert(Number.isSafeInteger(value) && value >= 0, "a varint is an integer in [0, 2^53)");
    const bytes = this.reserve(8);
    this.#length = putVarint(bytes, this.#length, value);
  }

  /** Byte length as a varint, then the UTF-8 of well-formed `text`. */
  text(text: string): void {
    const room = 8 + text.length * 3;
    const bytes = this.reserve(room);
    const at = this.#length;
    if (text.length < SHORT_TEXT) {
      const count = writeUtf8(bytes, at + 1, text);
      bytes[at] = count;
      this.#length = at + 1 + count;
      return;
    }
    // Most text is ASCII: guess that its bytes number as many as its characters, and move them where that is wrong.
    const guessed = varintSize(text.length);
    const count = writeUtf8(bytes, at + guessed, text);
    const actual = varintSize(count);
    if (actual !== guessed) bytes.copyWithin(at + actual, at + guessed, at + guessed + count);
    putVarint(bytes, at, count);
    this.#length = at + actual + count;
  }

  /** Length as a varint, then the bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** The bytes alone. */
  raw(value: Uint8Array): void {
    const bytes = this.reserve(value.length);
    bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Overwrites four bytes that are already written. */
  patchU32(at: number, value: number): void {
    assert(at >= 0 && at + 4 <= this.#length, "a patch lies inside what was written");
    putU32(this.#bytes, at, value);
  }

  /** What was written, without a copy: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written, of exactly its size. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/**
 * Invariant: `offset` never leaves [start, end]. Every read past the end, and every number that its kind cannot have,
 * is a `CorruptionError` `CORRUPT_RECORD` with facts.offset.
 */
export class ByteReader {
  /** What is read: never changed here. */
  readonly source: Uint8Array;
  /** Position in `source` behind the last byte to read. */
  readonly end: number;
  #offset: number;

  constructor(source: Uint8Array, start = 0, end: number = source.length) {
    assert(start >= 0 && start <= end && end <= source.length, "a reader's range lies inside its bytes");
    this.source = source;
    this.end = end;
    this.#offset = start;
  }

  /** Position in `source` of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.end - this.#offset;
  }

  /** For decoders that read `source` by themselves: the position behind what they have read. */
  seek(offset: number): void {
    assert(offset >= 0 && offset <= this.end, "a reader stays inside its bytes");
    this.#offset = offset;
  }

  u8(): number {
    return this.source[this.#skip(1)]!;
  }

  u16(): number {
    const at = this.#skip(2);
    return this.source[at]! | (this.source[at + 1]! << 8);
  }

  u32(): number {
    return getU32(this.source, this.#skip(4));
  }

  /** @throws {CorruptionError} `CORRUPT_RECORD` also for 2^53 and above. */
  u64(): number {
    const at = this.#skip(8);
    const value = getU32(this.source, at + 4) * HIGH + getU32(this.source, at);
    if (value > Number.MAX_SAFE_INTEGER) throw corruptRecord("an integer of 2^53 or more", at);
    return value;
  }

  f64(): number {
    const at = this.#skip(8);
    for (let i = 0; i < 8; i++) scratch[i] = this.source[at + i]!;
    return scratchView.getFloat64(0, true);
  }

  /** @throws {CorruptionError} `CORRUPT_RECORD` also for 2^53 and above, and for a form that is not the shortest. */
  varint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    const at = this.#offset - 1;
    let value = first & 0x7f;
    let unit = 0x80;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) throw corruptRecord("an integer of 2^53 or more", at);
      if (byte < 0x80) {
        if (byte === 0) throw corruptRecord("an integer that is not in its shortest form", at);
        return value;
      }
      // Seven more bits would lie above 2^53 whatever they were, unless they were zeros, which no shortest form has.
      if (unit >= 2 ** 49) throw corruptRecord("an integer of 2^53 or more", at);
      unit *= 0x80;
    }
  }

  /** Text behind its byte length. @throws {CorruptionError} `CORRUPT_RECORD` also where that is not UTF-8. */
  text(): string {
    const length = this.varint();
    const at = this.#skip(length);
    const text = readUtf8(this.source, at, at + length);
    if (text === undefined) throw corruptRecord("text that is not UTF-8", at);
    return text;
  }

  /** Bytes behind their length: a view of `source`. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** `count` bytes: a view of `source`. */
  raw(count: number): Uint8Array {
    const at = this.#skip(count);
    return this.source.subarray(at, at + count);
  }

  /** @throws {CorruptionError} `CORRUPT_RECORD` when bytes are left. */
  expectEnd(): void {
    if (this.#offset !== this.end) {
      throw corruptRecord(`${this.end - this.#offset} bytes more than the record has`, this.#offset);
    }
  }

  #skip(count: number): number {
    const at = this.#offset;
    if (count > this.end - at) {
      throw corruptRecord(`${count} bytes were expected, ${this.end - at} are left`, at);
    }
    this.#offset = at + count;
    return at;
  }
}

function corruptRecord(what: string, offset: number): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", `at byte ${offset}: ${what}`, { offset });
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[end++] = rest;
  return end;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
