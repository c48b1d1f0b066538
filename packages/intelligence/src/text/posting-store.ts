import { Column } from "../image/column.js";
import type { ImageColumn, ImageColumns } from "../image/image-parts.js";
import { BytePool, byteClassOf, Int32Pool } from "./chunk-pool.js";

/** Postings of a full block. */
export const BLOCK_SHIFT = 7;
export const BLOCK_SIZE: number = 1 << BLOCK_SHIFT;
export const BLOCK_MASK: number = BLOCK_SIZE - 1;
/** A tf this large or larger stands in front of the positions. */
export const LARGE_TF = 255;
/** Lengths above this are no longer told apart by bounds. */
const BOUND_LENGTH_MAX = 0x7fffff;
export const NO_BOUNDS: number = BOUND_LENGTH_MAX << 8;

/** What is kept of a term, side by side: it is all needed at once. */
export const TermField = {
  /** Postings. */
  count: 0,
  /** The block of a term that has one; where its stretch of the directory begins otherwise. */
  head: 1,
  bounds: 2,
  lastBlock: 3,
} as const;
export const TERM_STRIDE = 4;

/** What is kept of a block. */
export const BlockField = {
  /** Where it begins in the slots and tfs. */
  offset: 0,
  bounds: 1,
  /** Where its positions begin. */
  positions: 2,
  /** And how many bytes they take. */
  positionBytes: 3,
} as const;
export const BLOCK_STRIDE = 4;

/** Bounds as one number: the least length above the greatest `tf`. */
export function maxTfOf(bounds: number): number {
  return bounds & 0xff;
}

export function minLengthOf(bounds: number): number {
  return bounds >>> 8;
}

/** Bounds of one posting more. @param tf at most `LARGE_TF` */
export function widened(bounds: number, tf: number, length: number): number {
  return (Math.min(bounds >>> 8, length) << 8) | Math.max(bounds & 0xff, tf);
}

/** The least chunk of postings: 2. */
const LEAST_CLASS = 1;

/** What heads of images know of it besides the columns. */
export interface PostingStoreHead {
  readonly freePostings: readonly number[];
  readonly freeDirectory: readonly number[];
  readonly freePositions: readonly number[];
}

/**
 * The postings of all terms: for each document that has a term its slot, how often it has it (`tf`), and at which positions.
 *
 * Postings of a term lie in blocks of 128, in order of slot. A block is a stretch of two parallel arrays, and of a third one for the positions; the
 * first block of a term lies in a stretch of a power of two that is exchanged for a longer one when it is full. A term with one block knows it
 * directly; one with more has a stretch of the directory that lists them.
 *
 * 1. Slots ascend strictly within a term.
 * 2. The bounds of a block and of a term, their greatest `tf` and the least length of their documents, bound those of their postings: scores are
 *    bounded by them whatever the statistics.
 * 3. Positions of a posting: `tf` itself if it is large, then differences, each as a varint.
 */
export class PostingStore {
  readonly terms: Column<Int32Array>;
  readonly blocks: Column<Int32Array>;
  /** Slots by offset; `tfs` lies parallel to it. */
  readonly #postings: Int32Pool;
  readonly #tfs: Column<Uint8Array>;
  readonly #directory: Int32Pool;
  readonly #positions: BytePool;

  constructor(saved?: ImageColumns, head?: PostingStoreHead) {
    const ints = (name: string) => saved?.numbers(name, Int32Array) ?? new Column(Int32Array);
    const bytes = (name: string) => saved?.numbers(name, Uint8Array) ?? new Column(Uint8Array);
    this.terms = ints("terms");
    this.blocks = ints("blocks");
    this.#postings = new Int32Pool(ints("slots"), head?.freePostings);
    this.#tfs = bytes("tfs");
    this.#directory = new Int32Pool(ints("directory"), head?.freeDirectory);
    this.#positions = new BytePool(bytes("positions"), head?.freePositions);
  }

  get termCount(): number {
    return this.terms.length / TERM_STRIDE;
  }

  get slots(): Int32Array {
    return this.#postings.column.array;
  }

  get tfs(): Uint8Array {
    return this.#tfs.array;
  }

  get directory(): Int32Array {
    return this.#directory.column.array;
  }

  get positions(): Uint8Array {
    return this.#positions.column.array;
  }

  get memoryBytes(): number {
    let total = 0;
    for (const column of Object.values(this.columns())) total += (column as Column).memoryBytes;
    return total;
  }

  head(): PostingStoreHead {
    return {
      freePostings: this.#postings.free,
      freeDirectory: this.#directory.free,
      freePositions: this.#positions.free,
    };
  }

  columns(): Record<string, ImageColumn> {
    return {
      terms: this.terms,
      blocks: this.blocks,
      slots: this.#postings.column,
      tfs: this.#tfs,
      directory: this.#directory.column,
      positions: this.#positions.column,
    };
  }

  /** Whether everything that is referred to is there, as far as a look at terms and blocks tells: for what was loaded. */
  isSound(slots: number): boolean {
    const { array: terms, length } = this.terms;
    if (length % TERM_STRIDE !== 0 || this.blocks.length % BLOCK_STRIDE !== 0) return false;
    if (this.#tfs.length !== this.#postings.column.length) return false;
    for (let at = 0; at < length; at += TERM_STRIDE) {
      const count = terms[at + TermField.count]!;
      if (count < 0 || count > slots) return false;
      const blocks = (count + BLOCK_MASK) >>> BLOCK_SHIFT;
      const head = terms[at + TermField.head]!;
      if (blocks > 1 && (head < 0 || head + blocks > this.#directory.column.length)) return false;
      let last = -1;
      for (let index = 0; index < blocks; index++) {
        last = blocks === 1 ? head : this.directory[head + index]!;
        const size = Math.min(count - (index << BLOCK_SHIFT), BLOCK_SIZE);
        if (!this.#isBlockSound(last, size)) return false;
      }
      if (blocks > 0 && last !== terms[at + TermField.lastBlock]) return false;
    }
    return true;
  }

  #isBlockSound(block: number, size: number): boolean {
    const at = block * BLOCK_STRIDE;
    if (block < 0 || at >= this.blocks.length) return false;
    const { array: blocks } = this.blocks;
    const offset = blocks[at + BlockField.offset]!;
    const positions = blocks[at + BlockField.positions]!;
    const bytes = blocks[at + BlockField.positionBytes]!;
    if (offset < 0 || offset + size > this.#postings.column.length) return false;
    return positions >= 0 && bytes >= 0 && positions + bytes <= this.#positions.column.length;
  }

  /** Postings of a term. */
  countOf(term: number): number {
    return this.terms.array[term * TERM_STRIDE + TermField.count]!;
  }

  /** Makes room for terms below `count`. */
  ensureTerms(count: number): void {
    const { terms } = this;
    const from = terms.length;
    const to = count * TERM_STRIDE;
    if (to <= from) return;
    terms.ensure(to);
    terms.array.fill(0, from, to);
    for (let at = from; at < to; at += TERM_STRIDE) terms.array[at + TermField.bounds] = NO_BOUNDS;
    terms.length = to;
  }

  /**
   * A document has a term.
   *
   * @param slot above those before.
   * @param length of the document.
   * @param positions of its positions, encoded as invariant 3 says: the first `bytes` of it.
   */
  add(term: number, slot: number, tf: number, length: number, positions: Uint8Array, bytes: number): void {
    const at = term * TERM_STRIDE;
    this.terms.touch(at);
    const terms = this.terms.array;
    const count = terms[at + TermField.count]!;
    const within = count & BLOCK_MASK;
    if (within === 0) this.#addBlock(at, count);
    const block = terms[at + TermField.lastBlock]! * BLOCK_STRIDE;
    this.blocks.touch(block);
    if (within === count && within > 1 && (within & (within - 1)) === 0) this.#lengthen(block, within);
    const blocks = this.blocks.array;
    const offset = blocks[block + BlockField.offset]! + within;
    const clamped = Math.min(tf, LARGE_TF);
    this.#postings.column.touch(offset);
    this.#tfs.touch(offset);
    this.#postings.column.array[offset] = slot;
    this.#tfs.array[offset] = clamped;
    terms[at + TermField.count] = count + 1;
    terms[at + TermField.bounds] = widened(terms[at + TermField.bounds]!, clamped, length);
    blocks[block + BlockField.bounds] = widened(blocks[block + BlockField.bounds]!, clamped, length);
    this.#addPositions(blocks, block, positions, bytes);
  }

  /** @param at the term */
  #addBlock(at: number, count: number): void {
    const { blocks } = this;
    const begin = blocks.length;
    const block = begin / BLOCK_STRIDE;
    const offset = this.#takePostings(count === 0 ? LEAST_CLASS : BLOCK_SHIFT);
    blocks.ensure(begin + BLOCK_STRIDE);
    blocks.length = begin + BLOCK_STRIDE;
    blocks.array[begin + BlockField.offset] = offset;
    blocks.array[begin + BlockField.bounds] = NO_BOUNDS;
    blocks.array[begin + BlockField.positions] = 0;
    blocks.array[begin + BlockField.positionBytes] = 0;
    if (count === 0) this.terms.array[at + TermField.head] = block;
    else this.#addToDirectory(at, count >>> BLOCK_SHIFT, block);
    this.terms.array[at + TermField.lastBlock] = block;
  }

  /** @param at the term. @param count its blocks so far */
  #addToDirectory(at: number, count: number, block: number): void {
    const pool = this.#directory;
    const terms = this.terms.array;
    if ((count & (count - 1)) === 0) {
      const sizeClass = 32 - Math.clz32(count);
      const begin = pool.take(sizeClass);
      const head = terms[at + TermField.head]!;
      pool.column.touchRange(begin, begin + count);
      if (count === 1) {
        pool.column.array[begin] = head;
      } else {
        pool.column.array.copyWithin(begin, head, head + count);
        pool.give(head, sizeClass - 1);
      }
      terms[at + TermField.head] = begin;
    }
    const entry = terms[at + TermField.head]! + count;
    pool.column.touch(entry);
    pool.column.array[entry] = block;
  }

  /** A block that is full gets a stretch of twice the size. */
  #lengthen(block: number, size: number): void {
    const sizeClass = 31 - Math.clz32(size);
    const from = this.blocks.array[block + BlockField.offset]!;
    const to = this.#takePostings(sizeClass + 1);
    this.#postings.column.touchRange(to, to + size);
    this.#tfs.touchRange(to, to + size);
    const slots = this.#postings.column.array;
    const tfs = this.#tfs.array;
    for (let at = 0; at < size; at++) {
      slots[to + at] = slots[from + at]!;
      tfs[to + at] = tfs[from + at]!;
    }
    this.#postings.give(from, sizeClass);
    this.blocks.array[block + BlockField.offset] = to;
  }

  #takePostings(sizeClass: number): number {
    const begin = this.#postings.take(sizeClass);
    const { length } = this.#postings.column;
    this.#tfs.ensure(length);
    this.#tfs.length = length;
    return begin;
  }

  #addPositions(blocks: Int32Array, block: number, positions: Uint8Array, bytes: number): void {
    const pool = this.#positions;
    const used = blocks[block + BlockField.positionBytes]!;
    const sizeClass = byteClassOf(used + bytes);
    let begin = blocks[block + BlockField.positions]!;
    if (used === 0 || byteClassOf(used) !== sizeClass) {
      const longer = pool.take(sizeClass);
      if (used > 0) {
        pool.column.touchRange(longer, longer + used);
        pool.column.array.copyWithin(longer, begin, begin + used);
        pool.give(begin, byteClassOf(used));
      }
      begin = longer;
      blocks[block + BlockField.positions] = begin;
    }
    const at = begin + used;
    pool.column.touchRange(at, at + bytes);
    const { array } = pool.column;
    for (let index = 0; index < bytes; index++) array[at + index] = positions[index]!;
    blocks[block + BlockField.positionBytes] = used + bytes;
  }
}
