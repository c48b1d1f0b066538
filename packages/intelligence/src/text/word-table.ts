import { CorruptionError } from "@strata/core";
import { Column } from "../image/column.js";

/** Entries that the table of a new one has room for; a power of two. */
const FIRST_SLOTS = 1024;
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** UTF-8 of the word that is looked up. */
const scratch = new Uint8Array(1024);

/** The hash of no bytes (FNV-1a). */
export const EMPTY_HASH: number = HASH_START;

/** Takes one more byte into a hash. */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, HASH_FACTOR);
}

export function hashBytes(bytes: Uint8Array, begin: number, end: number): number {
  let hash = HASH_START;
  for (let at = begin; at < end; at++) hash = hashByte(hash, bytes[at]!);
  return hash;
}

/**
 * Words, each once, numbered in the order in which they came. They lie in one array of bytes, found by open addressing, so that a word of a text
 * is looked up without making a string of it.
 */
export class WordTable {
  /** UTF-8, one behind the other. */
  readonly bytes: Column<Uint8Array>;
  /** Where each ends. */
  readonly ends: Column<Int32Array>;
  /** Pairs of a hash and a word's number + 1; 0: free. */
  #slots: Int32Array;
  #mask: number;

  /** @throws {CorruptionError} `SNAPSHOT_CORRUPT` when the columns do not fit each other */
  constructor(bytes: Column<Uint8Array> = new Column(Uint8Array), ends: Column<Int32Array> = new Column(Int32Array)) {
    this.bytes = bytes;
    this.ends = ends;
    let end = 0;
    for (let id = 0; id < ends.length; id++) {
      const begin = end;
      end = ends.array[id]!;
      if (end < begin || end > bytes.length) {
        throw new CorruptionError("SNAPSHOT_CORRUPT", "the words of a text index do not end where they should", { id });
      }
    }
    let size = FIRST_SLOTS;
    while (ends.length * 2 > size) size *= 2;
    this.#slots = new Int32Array(size * 2);
    this.#mask = size - 1;
    for (let id = 0; id < ends.length; id++) this.#place(hashBytes(bytes.array, this.beginOf(id), this.endOf(id)), id);
  }

  get length(): number {
    return this.ends.length;
  }

  get memoryBytes(): number {
    return this.bytes.memoryBytes + this.ends.memoryBytes + this.#slots.byteLength;
  }

  beginOf(id: number): number {
    return id === 0 ? 0 : this.ends.array[id - 1]!;
  }

  endOf(id: number): number {
    return this.ends.array[id]!;
  }

  wordOf(id: number): string {
    return decoder.decode(this.bytes.array.subarray(this.beginOf(id), this.endOf(id)));
  }

  /** The number of the word that is the first `length` of `source`; -1 for one that is not there. */
  find(source: Uint8Array, length: number, hash: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const ends = this.ends.array;
    let at = mixed(hash) & mask;
    for (;;) {
      const id = slots[at * 2 + 1]! - 1;
      if (id < 0) return -1;
      if (slots[at * 2] === hash) {
        const begin = id === 0 ? 0 : ends[id - 1]!;
        if (ends[id]! - begin === length && isSame(this.bytes.array, begin, source, length)) return id;
      }
      at = (at + 1) & mask;
    }
  }

  /** A word that is not there yet. @returns its number */
  add(source: Uint8Array, length: number, hash: number): number {
    const id = this.ends.length;
    const { bytes } = this;
    const begin = bytes.length;
    bytes.ensure(begin + length);
    for (let at = 0; at < length; at++) bytes.array[begin + at] = source[at]!;
    bytes.length = begin + length;
    this.ends.push(begin + length);
    if ((id + 1) * 2 > this.#mask + 1) this.#grow();
    this.#place(hash, id);
    return id;
  }

  /** The same by a string. @param word well-formed, shorter than 256 units */
  idOf(word: string): number {
    const size = encode(word);
    return this.find(scratch, size, hashBytes(scratch, 0, size));
  }

  idOrAdd(word: string): number {
    const size = encode(word);
    const hash = hashBytes(scratch, 0, size);
    const known = this.find(scratch, size, hash);
    return known >= 0 ? known : this.add(scratch, size, hash);
  }

  /** The number here of a word of another table; -1 for one that is not here. */
  idOfSame(other: WordTable, id: number): number {
    const begin = other.beginOf(id);
    const size = other.endOf(id) - begin;
    const { array } = other.bytes;
    for (let at = 0; at < size; at++) scratch[at] = array[begin + at]!;
    return this.find(scratch, size, hashBytes(scratch, 0, size));
  }

  #place(hash: number, id: number): void {
    const slots = this.#slots;
    let at = mixed(hash) & this.#mask;
    while (slots[at * 2 + 1] !== 0) at = (at + 1) & this.#mask;
    slots[at * 2] = hash;
    slots[at * 2 + 1] = id + 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = old.length - 1;
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#place(old[at]!, old[at + 1]! - 1);
  }
}

/** Puts the UTF-8 of a word into `scratch`. @returns how many bytes */
function encode(word: string): number {
  const { length } = word;
  for (let at = 0; at < length; at++) {
    const code = word.charCodeAt(at);
    // The encoder is fast, but a call of it is not.
    if (code >= 0x80) return encoder.encodeInto(word, scratch).written;
    scratch[at] = code;
  }
  return length;
}

/** The low bits of a product know nothing of the high ones of its factors. */
function mixed(hash: number): number {
  return hash ^ (hash >>> 15);
}

function isSame(bytes: Uint8Array, begin: number, source: Uint8Array, length: number): boolean {
  for (let at = 0; at < length; at++) if (bytes[begin + at] !== source[at]) return false;
  return true;
}
