import { codePointsOf, editDistance, FUZZY_LENGTH_MAX } from "./edit-distance.js";
import type { WordTable } from "./word-table.js";

const TOO_LONG = 255;

/** A word of a table, and how many letters differ. */
export interface SimilarWord {
  readonly id: number;
  readonly distance: number;
}

/**
 * Finds the words of a table that are written nearly like a given one. It looks at a signature of each, the set of its letters folded to 32 bits,
 * and computes the distance of those only whose sets differ little.
 */
export class SimilarWords {
  readonly #words: WordTable;
  #signatures: Int32Array = new Int32Array(0);
  /** In code points. */
  #lengths: Uint8Array = new Uint8Array(0);
  #signed = 0;
  readonly #letters = new Uint32Array(FUZZY_LENGTH_MAX);

  constructor(words: WordTable) {
    this.#words = words;
  }

  get memoryBytes(): number {
    return this.#signatures.byteLength + this.#lengths.byteLength;
  }

  /** @param patterns the word, in one form or several: the nearest counts. */
  within(patterns: readonly string[], max: number): SimilarWord[] {
    this.#sign();
    const nearest = new Map<number, number>();
    for (const pattern of new Set(patterns)) this.#match(pattern, max, nearest);
    return Array.from(nearest, ([id, distance]) => ({ id, distance }));
  }

  #match(pattern: string, max: number, nearest: Map<number, number>): void {
    const wanted = new Uint32Array(FUZZY_LENGTH_MAX);
    const length = codePointsOf(pattern, wanted);
    if (length > FUZZY_LENGTH_MAX) return;
    const signature = signatureOf(wanted, length);
    const signatures = this.#signatures;
    const lengths = this.#lengths;
    for (let id = 0; id < this.#signed; id++) {
      const difference = lengths[id]! - length;
      if (difference > max || difference < -max) continue;
      if (bitsOf(signatures[id]! ^ signature) > max * 2) continue;
      const size = this.#lettersOf(id);
      const distance = editDistance(wanted, length, this.#letters, size, Math.min(max, nearest.get(id) ?? max));
      if (distance <= max && distance < (nearest.get(id) ?? max + 1)) nearest.set(id, distance);
    }
  }

  #sign(): void {
    const { length } = this.#words;
    if (length > this.#signatures.length) {
      const room = Math.ceil(length * 1.25);
      const signatures = new Int32Array(room);
      const lengths = new Uint8Array(room);
      signatures.set(this.#signatures);
      lengths.set(this.#lengths);
      this.#signatures = signatures;
      this.#lengths = lengths;
    }
    for (; this.#signed < length; this.#signed++) {
      const size = this.#lettersOf(this.#signed);
      this.#lengths[this.#signed] = size > FUZZY_LENGTH_MAX ? TOO_LONG : size;
      this.#signatures[this.#signed] = signatureOf(this.#letters, Math.min(size, FUZZY_LENGTH_MAX));
    }
  }

  /** Puts the code points of a word into `#letters`. @returns how many */
  #lettersOf(id: number): number {
    const { array: bytes } = this.#words.bytes;
    const begin = this.#words.beginOf(id);
    const size = this.#words.endOf(id) - begin;
    for (let at = 0; at < size; at++) {
      const byte = bytes[begin + at]!;
      if (byte >= 0x80 || at === FUZZY_LENGTH_MAX) return codePointsOf(this.#words.wordOf(id), this.#letters);
      this.#letters[at] = byte;
    }
    return size;
  }
}

function signatureOf(letters: Uint32Array, length: number): number {
  let signature = 0;
  for (let at = 0; at < length; at++) signature |= 1 << (letters[at]! & 31);
  return signature;
}

function bitsOf(value: number): number {
  let bits = value - ((value >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
