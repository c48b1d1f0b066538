import { assert, CorruptionError, type Value } from "@strata/core";
import { Column } from "../image/column.js";
import { ImageColumns, type ImageParts } from "../image/image-parts.js";
import { PostingList } from "./posting-list.js";
import { LARGE_TF, PostingStore, type PostingStoreHead } from "./posting-store.js";
import { termOf } from "./query.js";
import { SimilarWords } from "./similar-words.js";
import { TermScanner } from "./term-scanner.js";
import { tokenizerVersion } from "./tokenizer-version.js";
import { UnseenPostings } from "./unseen-postings.js";
import { writeVarint } from "./varint.js";
import { WordOrder } from "./word-order.js";
import { WordTable } from "./word-table.js";

/** What an index asks of the slots it is told of: `Slots` of a partition, for one. */
export interface SlotTimes {
  /** How many slots were born at or below `version`: they are those below that number. */
  bornThrough(version: number): number;
  /** How many slots died at or below `version`. */
  diedThrough(version: number): number;
  /** The slots that died, in order of the version they died at. */
  deathAt(position: number): number;
}

export interface InvertedIndexOptions {
  /** Whether English words are found in all their forms. True unless told otherwise. */
  readonly stem?: boolean;
}

/** Tokens that lie between the last one of a field and the first one of the next: no phrase crosses it. */
export const FIELD_GAP = 100;
const VARINT_BYTES_MAX = 5;

/**
 * Which documents hold which words, how often and where. It keeps every document it was told of; which of them a reader sees, and how many of those
 * have a term, is said by the births and deaths of slots, so that it serves every version alike.
 *
 * 1. Slots are added from 0 on, without gaps, and removed at most once.
 * 2. What it keeps of a document never changes.
 * 3. Positions of a document ascend; between two of its fields lie more of them than between neighbours in any phrase.
 */
export class InvertedIndex {
  readonly slots: SlotTimes;
  readonly withStems: boolean;
  /** The terms: numbered as they came. */
  readonly words: WordTable;
  readonly postings: PostingStore;
  /** Tokens of each document. */
  readonly lengths: Column<Int32Array>;
  readonly unseen: UnseenPostings;
  /** Tokens of all documents up to and with each. */
  readonly #lengthSums = new Column(Float64Array);
  /** Tokens of the first documents that died, by their number. */
  readonly #deadLengthSums = new Column(Float64Array);
  readonly wordOrder: WordOrder;
  readonly similarWords: SimilarWords;
  readonly #hiddenLengths = new WeakMap<Int32Array, number>();
  readonly #scanner: TermScanner;
  /** Of each term where it stands first in the document that is added; of any term that is not in it, anything. */
  #firsts: Int32Array = new Int32Array(1024);
  /** By token of the document: the next one with the same term; of a term's first token also the last one so far and how many there are. */
  #nexts: Int32Array = new Int32Array(256);
  #lasts: Int32Array = new Int32Array(256);
  #tfs: Int32Array = new Int32Array(256);
  #encoded: Uint8Array = new Uint8Array(256);

  constructor(slots: SlotTimes, options: InvertedIndexOptions = {}, parts?: ImageParts) {
    this.slots = slots;
    this.withStems = options.stem ?? true;
    const saved = parts && new ImageColumns(parts.columns);
    this.words = new WordTable(saved?.numbers("words", Uint8Array), saved?.numbers("wordEnds", Int32Array));
    this.postings = new PostingStore(saved, parts && headOf(parts.head));
    this.lengths = saved?.numbers("lengths", Int32Array) ?? new Column(Int32Array);
    this.unseen = new UnseenPostings(this.postings);
    this.wordOrder = new WordOrder(this.words);
    this.similarWords = new SimilarWords(this.words);
    this.#scanner = new TermScanner(this.words, this.withStems);
    for (let slot = 0; slot < this.lengths.length; slot++) this.#sumLength(this.lengths.array[slot]!);
  }

  /**
   * What `save` gave, read back.
   *
   * @throws {CorruptionError} `SNAPSHOT_CORRUPT` when another tokenizer made it, or it does not fit the slots: the index is built anew then
   */
  static load(parts: ImageParts, slots: SlotTimes, options: InvertedIndexOptions = {}): InvertedIndex {
    const index = new InvertedIndex(slots, options, parts);
    const { tokenizer, stem } = parts.head as { readonly tokenizer?: Value; readonly stem?: Value };
    if (tokenizer !== tokenizerVersion() || stem !== index.withStems || !index.#fits()) {
      throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of a text index is of another tokenizer or damaged", {});
    }
    const died = slots.diedThrough(Number.POSITIVE_INFINITY);
    for (let position = 0; position < died; position++) index.#noteDeath(slots.deathAt(position));
    return index;
  }

  /** Slots it was told of, dead ones included. */
  get length(): number {
    return this.lengths.length;
  }

  /** Postings it holds: pairs of a document and a term. */
  get postingCount(): number {
    let count = 0;
    for (let term = 0; term < this.postings.termCount; term++) count += this.postings.countOf(term);
    return count;
  }

  get memoryBytes(): number {
    return (
      this.words.memoryBytes +
      this.postings.memoryBytes +
      this.unseen.memoryBytes +
      this.lengths.memoryBytes +
      this.#lengthSums.memoryBytes +
      this.#deadLengthSums.memoryBytes +
      this.wordOrder.memoryBytes +
      this.similarWords.memoryBytes +
      this.#scanner.memoryBytes +
      this.#firsts.byteLength
    );
  }

  /** @param slot the next one. @param fields texts of the document, in order; a phrase is never found across two of them. */
  add(slot: number, fields: readonly string[]): void {
    assert(slot === this.lengths.length, "slots are added in order");
    const scanner = this.#scanner;
    scanner.begin();
    for (const field of fields) {
      scanner.scan(field);
      scanner.skip(FIELD_GAP);
    }
    this.#makeRoom(scanner.count);
    const { terms, count } = scanner;
    const firsts = this.#firsts;
    const nexts = this.#nexts;
    const lasts = this.#lasts;
    const tfs = this.#tfs;
    for (let token = 0; token < count; token++) {
      const term = terms[token]!;
      const first = firsts[term]!;
      // A value from an earlier document would be below `token` and of the same term only if the term had stood there in this one.
      if (first < token && terms[first] === term) {
        nexts[lasts[first]!] = token;
        lasts[first] = token;
        tfs[first] = tfs[first]! + 1;
        tfs[token] = 0;
      } else {
        firsts[term] = token;
        lasts[token] = token;
        tfs[token] = 1;
      }
    }
    for (let token = 0; token < count; token++) if (tfs[token] !== 0) this.#addPosting(token, slot, count);
    this.lengths.push(count);
    this.#sumLength(count);
  }

  /** The document of a slot is replaced, deleted or expired. Once for a slot, in order of version. */
  remove(slot: number): void {
    this.#noteDeath(slot);
  }

  /** Tokens of the documents in the first `count` slots. */
  lengthOfFirst(count: number): number {
    return count === 0 ? 0 : this.#lengthSums.array[count - 1]!;
  }

  /** Tokens of the documents in `slots`. @param slots remembered for that very array */
  lengthOfSlots(slots: Int32Array): number {
    if (slots.length === 0) return 0;
    let length = this.#hiddenLengths.get(slots);
    if (length === undefined) {
      length = 0;
      for (let at = 0; at < slots.length; at++) length += this.lengths.array[slots[at]!]!;
      this.#hiddenLengths.set(slots, length);
    }
    return length;
  }

  /** The number of the term that documents have in place of a folded word; -1 when none has it. */
  termOf(word: string): number {
    return this.words.idOf(termOf(word, this.withStems));
  }

  /** How many documents in slots below `end` have a term. */
  countBelow(term: number, end: number): number {
    const count = this.postings.countOf(term);
    return end >= this.length || count === 0 ? count : PostingList.of(this.postings, term).lowerBound(end);
  }

  /** Tokens of the first `count` documents that died. */
  lengthOfDead(count: number): number {
    return count === 0 ? 0 : this.#deadLengthSums.array[count - 1]!;
  }

  save(): ImageParts {
    const head = { tokenizer: tokenizerVersion(), stem: this.withStems, postings: { ...this.postings.head() } };
    return {
      head: head as unknown as Value,
      columns: {
        words: this.words.bytes,
        wordEnds: this.words.ends,
        lengths: this.lengths,
        ...this.postings.columns(),
      },
    };
  }

  #makeRoom(tokens: number): void {
    this.postings.ensureTerms(this.words.length);
    if (this.words.length > this.#firsts.length) {
      const longer = new Int32Array(Math.ceil(this.words.length * 1.5));
      longer.set(this.#firsts);
      this.#firsts = longer;
    }
    if (tokens <= this.#nexts.length) return;
    const room = Math.ceil(tokens * 1.5);
    this.#nexts = new Int32Array(room);
    this.#lasts = new Int32Array(room);
    this.#tfs = new Int32Array(room);
    this.#encoded = new Uint8Array((room + 1) * VARINT_BYTES_MAX);
  }

  /** @param first the term's first token */
  #addPosting(first: number, slot: number, length: number): void {
    const { terms, positions } = this.#scanner;
    const tf = this.#tfs[first]!;
    const encoded = this.#encoded;
    let bytes = tf < LARGE_TF ? 0 : writeVarint(encoded, 0, tf);
    let token = first;
    let previous = 0;
    for (let left = tf; left > 0; left--) {
      const position = positions[token]!;
      bytes = writeVarint(encoded, bytes, position - previous);
      previous = position;
      token = this.#nexts[token]!;
    }
    this.postings.add(terms[first]!, slot, tf, length, encoded, bytes);
  }

  #sumLength(length: number): void {
    const { length: slots } = this.#lengthSums;
    this.#lengthSums.push(this.lengthOfFirst(slots) + length);
  }

  #noteDeath(slot: number): void {
    this.unseen.add(slot);
    this.#deadLengthSums.push(this.lengthOfDead(this.#deadLengthSums.length) + this.lengths.array[slot]!);
  }

  /** Whether what was loaded has the lengths that belong together. */
  #fits(): boolean {
    return (
      this.lengths.length === this.slots.bornThrough(Number.POSITIVE_INFINITY) &&
      this.postings.termCount === this.words.length &&
      this.postings.isSound(this.lengths.length)
    );
  }
}

function headOf(head: Value): PostingStoreHead {
  const { postings } = head as { readonly postings?: PostingStoreHead };
  if (postings === undefined) {
    throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of a text index has no head", {});
  }
  return postings;
}
