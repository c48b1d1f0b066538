/**
 * Keys as UTF-8, whose order is that of their code points.
 */
import { ByteReader, ByteWriter } from "@strata/core";
import { hashKey } from "./key-filter.js";

/** A key as bytes, in memory that is used again for the next. */
export class KeyBytes {
  bytes = new Uint8Array(256);
  length = 0;
  /** -1 until somebody asks. */
  #hash = -1;
  readonly #writer = new ByteWriter(256);

  /** Takes the UTF-8 of well-formed `key`. */
  set(key: string): void {
    const writer = this.#writer;
    writer.reset();
    writer.text(key);
    const whole = writer.reserve(0);
    let at = 0;
    while (whole[at]! >= 0x80) at++;
    at++;
    this.length = writer.length - at;
    this.#hash = -1;
    this.reserve(this.length);
    for (let i = 0; i < this.length; i++) this.bytes[i] = whole[at + i]!;
  }

  /** Takes a key that has `shared` bytes in common with the one that is here, and `size` bytes of `source` behind them. */
  extend(shared: number, source: Uint8Array, from: number, size: number): void {
    this.length = shared + size;
    this.#hash = -1;
    this.reserve(this.length);
    for (let i = 0; i < size; i++) this.bytes[shared + i] = source[from + i]!;
  }

  copyFrom(other: KeyBytes): void {
    this.length = 0;
    this.extend(0, other.bytes, 0, other.length);
  }

  /** @throws CorruptionError `CORRUPT_RECORD` when it is not UTF-8 */
  toString(): string {
    const writer = this.#writer;
    writer.reset();
    writer.bytes(this.bytes.subarray(0, this.length));
    return new ByteReader(writer.reserve(0), 0, writer.length).text();
  }

  /** As filters have it. */
  get hash(): number {
    if (this.#hash < 0) this.#hash = hashKey(this.bytes, this.length);
    return this.#hash;
  }

  /** Negative, 0 or positive. */
  compare(other: KeyBytes): number {
    return compareBytes(this.bytes, 0, this.length, other.bytes, 0, other.length);
  }

  reserve(length: number): void {
    if (this.bytes.length >= length) return;
    const grown = new Uint8Array(length * 2);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/** Negative, 0 or positive. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
