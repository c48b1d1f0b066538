import type { WordTable } from "./word-table.js";

/** Words that came since are looked through one by one, up to these many or a part of the others. */
const UNSORTED_MIN = 1024;
const UNSORTED_PART = 8;
/** A key holds four bytes of a word above its number: together below 2^53. */
const NUMBERS = 2 ** 21;

/** The words of a table in the order of their bytes, which is that of their code points; brought up to date when it is asked. */
export class WordOrder {
  readonly #words: WordTable;
  /** The first words by number, in order. */
  #sorted: Int32Array = new Int32Array(0);

  constructor(words: WordTable) {
    this.#words = words;
  }

  get memoryBytes(): number {
    return this.#sorted.byteLength;
  }

  /** The numbers of all words that begin with `prefix`, in no order. */
  withPrefix(prefix: Uint8Array): number[] {
    const words = this.#words;
    if (words.length - this.#sorted.length > Math.max(UNSORTED_MIN, this.#sorted.length / UNSORTED_PART)) {
      this.#sorted = sortedWords(words);
    }
    const sorted = this.#sorted;
    const found: number[] = [];
    for (let at = this.#lowerBound(prefix); at < sorted.length && beginsWith(words, sorted[at]!, prefix); at++) {
      found.push(sorted[at]!);
    }
    for (let id = sorted.length; id < words.length; id++) if (beginsWith(words, id, prefix)) found.push(id);
    return found;
  }

  #lowerBound(word: Uint8Array): number {
    const { bytes } = this.#words;
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const id = this.#sorted[middle]!;
      const begin = this.#words.beginOf(id);
      if (compareBytes(bytes.array, begin, this.#words.endOf(id), word, 0, word.length) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The numbers of all words in order: by their first four bytes all at once, by what follows where these are the same. */
function sortedWords(words: WordTable): Int32Array {
  const { length } = words;
  const { array: bytes } = words.bytes;
  if (length >= NUMBERS)
    return sortedRange(
      words,
      Int32Array.from({ length }, (_, id) => id),
    );
  const keys = new Float64Array(length);
  for (let id = 0; id < length; id++) {
    const begin = words.beginOf(id);
    const size = words.endOf(id) - begin;
    let key = 0;
    for (let at = 0; at < 4; at++) key = key * 256 + (at < size ? bytes[begin + at]! : 0);
    keys[id] = key * NUMBERS + id;
  }
  keys.sort();
  const sorted = new Int32Array(length);
  let from = 0;
  for (let at = 0; at < length; at++) {
    sorted[at] = keys[at]! % NUMBERS;
    if (at + 1 < length && Math.floor(keys[at + 1]! / NUMBERS) === Math.floor(keys[at]! / NUMBERS)) continue;
    if (at > from) sortedRange(words, sorted.subarray(from, at + 1));
    from = at + 1;
  }
  return sorted;
}

function sortedRange(words: WordTable, ids: Int32Array): Int32Array {
  const { array: bytes } = words.bytes;
  return ids.sort((a, b) =>
    compareBytes(bytes, words.beginOf(a), words.endOf(a), bytes, words.beginOf(b), words.endOf(b)),
  );
}

function beginsWith(words: WordTable, id: number, prefix: Uint8Array): boolean {
  const begin = words.beginOf(id);
  if (words.endOf(id) - begin < prefix.length) return false;
  const { array: bytes } = words.bytes;
  for (let at = 0; at < prefix.length; at++) if (bytes[begin + at] !== prefix[at]) return false;
  return true;
}

function compareBytes(
  a: Uint8Array,
  aBegin: number,
  aEnd: number,
  b: Uint8Array,
  bBegin: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aBegin, bEnd - bBegin);
  for (let at = 0; at < length; at++) {
    const difference = a[aBegin + at]! - b[bBegin + at]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aBegin - (bEnd - bBegin);
}
