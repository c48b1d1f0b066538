import { assert, isWellFormed, utf8Length } from "@strata/core";
import { Column } from "./column.js";
import { AppendedBytes, type FixedBytes, type PagedBytes } from "./paged-bytes.js";

const TEXT_BYTES_MAX = 2 ** 32 - 1;
/** What a string takes in memory, about, besides its characters. Bytes. */
const STRING_BYTES = 24;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Strings, only appended to; in an image, UTF-8 and where each string ends.
 *
 * Strings that were given are kept as they are, so that those that others have too take no memory. Strings of an image are decoded when they
 * are first asked for.
 */
export class TextColumn implements PagedBytes {
  readonly #texts: (string | undefined)[];
  /** Where each string ends among the UTF-8 of all. */
  readonly #ends: Column<Uint32Array>;
  /** The UTF-8 of the first strings: those that came from an image. */
  readonly #saved: Uint8Array;
  #stringBytes = 0;

  /** @param ends and `saved` are what an image holds; they belong to the column from here on. */
  constructor(ends: Column<Uint32Array> = new Column(Uint32Array), saved: Uint8Array = new Uint8Array(0)) {
    this.#ends = ends;
    this.#saved = saved;
    this.#texts = new Array<string | undefined>(ends.length).fill(undefined);
  }

  /** How many there are. */
  get length(): number {
    return this.#ends.length;
  }

  /** Of the memory it takes, about: strings that others have too are counted here as well. */
  get memoryBytes(): number {
    return this.#ends.memoryBytes + this.#saved.length + this.#texts.length * 8 + this.#stringBytes;
  }

  /** @param text well-formed. @returns the index of the new string */
  push(text: string): number {
    assert(isWellFormed(text), "a column holds well-formed text");
    const end = this.byteLength + utf8Length(text);
    assert(end <= TEXT_BYTES_MAX, "a column of text holds less than 4 GiB");
    this.#texts.push(text);
    this.#stringBytes += STRING_BYTES + text.length;
    return this.#ends.push(end);
  }

  /** @param index below `length`. */
  get(index: number): string {
    return this.#texts[index] ?? this.#decode(index);
  }

  /** Of the UTF-8 of all. */
  get byteLength(): number {
    return this.#beginOf(this.length);
  }

  /** Stretches of the UTF-8 of all, put together as they are asked for. */
  read(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    const saved = this.#saved.subarray(from, to);
    bytes.set(saved);
    let at = from + saved.length;
    for (let index = this.#indexAt(at); at < to; index++) {
      const begin = this.#beginOf(index);
      const end = this.#ends.array[index]!;
      const text = this.#texts[index] as string;
      if (begin === at && end <= to) {
        encoder.encodeInto(text, bytes.subarray(at - from));
        at = end;
        continue;
      }
      const part = encoder.encode(text).subarray(at - begin, Math.min(to, end) - begin);
      bytes.set(part, at - from);
      at += part.length;
    }
    return bytes;
  }

  /** What it holds now, as bytes: where strings end, and their UTF-8. */
  fix(): readonly [ends: FixedBytes, bytes: FixedBytes] {
    return [this.#ends.fix(), new AppendedBytes(this)];
  }

  #beginOf(index: number): number {
    return index === 0 ? 0 : this.#ends.array[index - 1]!;
  }

  /** The string that the byte at `offset` belongs to. */
  #indexAt(offset: number): number {
    const ends = this.#ends.array;
    let low = 0;
    let high = this.length; // ends[i] <= offset for i < low, ends[i] > offset for i >= high
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #decode(index: number): string {
    assert(index >= 0 && index < this.length, "a string is asked for by an index that has one");
    const text = decoder.decode(this.#saved.subarray(this.#beginOf(index), this.#ends.array[index]));
    this.#texts[index] = text;
    this.#stringBytes += STRING_BYTES + text.length;
    return text;
  }
}
