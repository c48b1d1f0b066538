import { Column } from "../image/column.js";
import type { ImageColumn, ImageColumns } from "../image/image-parts.js";
import { BytePool, byteClassOf, Int32Pool } from "./chunk-pool.js";

/** Postings of a full block. */
export const BLOCK_SHIFT = 7;
export const BLOCK_SIZE: number = 1 << BLOCK_SHIFT;
export const BLOCK_MASK: number = BLOCK_SIZE - 1;
/** A tf this large or larger stands in front of the positions. */
export const LARGE_TF = 255;
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
 * last block of a term lies in a stretch of a power of two that is exchanged for a longer one when it is full. A term with one block knows it
 * directly; one with more has a stretch of the directory that lists them.
 *
 * 1. Slots ascend strictly within a term.
 * 2. `maxTf` and `minLength` of a block and of a term bound those of their postings: scores are bounded by them whatever the statistics.
 * 3. Positions of a posting: `tf` itself if it is large, then differences, each as a varint.
 */
export class PostingStore {
  // By term.
  readonly counts: Column<Int32Array>;
  /** The block of a term that has one; where its stretch of the directory begins otherwise. */
  readonly heads: Column<Int32Array>;
  readonly maxTfs: Column<Uint8Array>;
  readonly minLengths: Column<Int32Array>;
  // By block.
  readonly blockOffsets: Column<Int32Array>;
  readonly blockMaxTfs: Column<Uint8Array>;
  readonly blockMinLengths: Column<Int32Array>;
  readonly blockPositions: Column<Int32Array>;
  readonly blockPositionBytes: Column<Int32Array>;
  /** Slots by offset; `tfs` lies parallel to it. */
  readonly #postings: Int32Pool;
  readonly #tfs: Column<Uint8Array>;
  readonly #directory: Int32Pool;
  readonly #positions: BytePool;

  constructor(saved?: ImageColumns, head?: PostingStoreHead) {
    const ints = (name: string) => saved?.numbers(name, Int32Array) ?? new Column(Int32Array);
    const bytes = (name: string) => saved?.numbers(name, Uint8Array) ?? new Column(Uint8Array);
    this.counts = ints("counts");
    this.heads = ints("heads");
    this.maxTfs = bytes("maxTfs");
    this.minLengths = ints("minLengths");
    this.blockOffsets = ints("blockOffsets");
    this.blockMaxTfs = bytes("blockMaxTfs");
    this.blockMinLengths = ints("blockMinLengths");
    this.blockPositions = ints("blockPositions");
    this.blockPositionBytes = ints("blockPositionBytes");
    this.#postings = new Int32Pool(ints("slots"), head?.freePostings);
    this.#tfs = bytes("tfs");
    this.#directory = new Int32Pool(ints("directory"), head?.freeDirectory);
    this.#positions = new BytePool(bytes("positions"), head?.freePositions);
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
      counts: this.counts,
      heads: this.heads,
      maxTfs: this.maxTfs,
      minLengths: this.minLengths,
      blockOffsets: this.blockOffsets,
      blockMaxTfs: this.blockMaxTfs,
      blockMinLengths: this.blockMinLengths,
      blockPositions: this.blockPositions,
      blockPositionBytes: this.blockPositionBytes,
      slots: this.#postings.column,
      tfs: this.#tfs,
      directory: this.#directory.column,
      positions: this.#positions.column,
    };
  }

  /** Makes room for terms below `count`. */
  ensureTerms(count: number): void {
    const from = this.counts.length;
    if (count <= from) return;
    this.counts.ensure(count);
    this.heads.ensure(count);
    this.maxTfs.ensure(count);
    this.minLengths.ensure(count);
    this.counts.array.fill(0, from, count);
    this.maxTfs.array.fill(0, from, count);
    this.minLengths.array.fill(0x7fffffff, from, count);
    this.counts.length = count;
    this.heads.length = count;
    this.maxTfs.length = count;
    this.minLengths.length = count;
  }

  /**
   * A document has a term.
   *
   * @param slot above those before.
   * @param length of the document.
   * @param positions of its positions, encoded as invariant 3 says: the first `bytes` of it.
   */
  add(term: number, slot: number, tf: number, length: number, positions: Uint8Array, bytes: number): void {
    const count = this.counts.array[term]!;
    const at = count & BLOCK_MASK;
    const block = at === 0 ? this.#addBlock(term, count) : this.#lastBlock(term, count);
    if (at === count && at > 1 && (at & (at - 1)) === 0) this.#lengthen(block, at);
    const clamped = Math.min(tf, LARGE_TF);
    const offset = this.blockOffsets.array[block]! + at;
    this.#postings.column.touch(offset);
    this.#tfs.touch(offset);
    this.#postings.column.array[offset] = slot;
    this.#tfs.array[offset] = clamped;
    this.counts.touch(term);
    this.counts.array[term] = count + 1;
    this.#bound(term, block, clamped, length);
    this.#addPositions(block, positions, bytes);
  }

  /** The block that holds the `index`-th 128 postings of a term. */
  blockOf(term: number, index: number): number {
    const head = this.heads.array[term]!;
    return this.counts.array[term]! <= BLOCK_SIZE ? head : this.#directory.column.array[head + index]!;
  }

  #lastBlock(term: number, count: number): number {
    const head = this.heads.array[term]!;
    return count <= BLOCK_SIZE ? head : this.#directory.column.array[head + ((count - 1) >>> BLOCK_SHIFT)]!;
  }

  #addBlock(term: number, count: number): number {
    const block = this.blockOffsets.push(this.#takePostings(count === 0 ? LEAST_CLASS : BLOCK_SHIFT));
    this.blockMaxTfs.push(0);
    this.blockMinLengths.push(0x7fffffff);
    this.blockPositions.push(0);
    this.blockPositionBytes.push(0);
    if (count === 0) {
      this.heads.touch(term);
      this.heads.array[term] = block;
    } else {
      this.#addToDirectory(term, count >>> BLOCK_SHIFT, block);
    }
    return block;
  }

  /** @param blocks of the term so far. */
  #addToDirectory(term: number, blocks: number, block: number): void {
    const pool = this.#directory;
    if ((blocks & (blocks - 1)) === 0) {
      const sizeClass = 32 - Math.clz32(blocks);
      const begin = pool.take(sizeClass);
      const head = this.heads.array[term]!;
      pool.column.touchRange(begin, begin + blocks * 2);
      if (blocks === 1) {
        pool.column.array[begin] = head;
      } else {
        pool.column.array.copyWithin(begin, head, head + blocks);
        pool.give(head, sizeClass - 1);
      }
      this.heads.touch(term);
      this.heads.array[term] = begin;
    }
    const at = this.heads.array[term]! + blocks;
    pool.column.touch(at);
    pool.column.array[at] = block;
  }

  /** A block that is full gets a stretch of twice the size. */
  #lengthen(block: number, size: number): void {
    const sizeClass = 31 - Math.clz32(size);
    const from = this.blockOffsets.array[block]!;
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
    this.blockOffsets.touch(block);
    this.blockOffsets.array[block] = to;
  }

  #takePostings(sizeClass: number): number {
    const begin = this.#postings.take(sizeClass);
    const { length } = this.#postings.column;
    this.#tfs.ensure(length);
    this.#tfs.length = length;
    return begin;
  }

  #bound(term: number, block: number, tf: number, length: number): void {
    if (tf > this.blockMaxTfs.array[block]!) {
      this.blockMaxTfs.touch(block);
      this.blockMaxTfs.array[block] = tf;
      if (tf > this.maxTfs.array[term]!) {
        this.maxTfs.touch(term);
        this.maxTfs.array[term] = tf;
      }
    }
    if (length < this.blockMinLengths.array[block]!) {
      this.blockMinLengths.touch(block);
      this.blockMinLengths.array[block] = length;
      if (length < this.minLengths.array[term]!) {
        this.minLengths.touch(term);
        this.minLengths.array[term] = length;
      }
    }
  }

  #addPositions(block: number, positions: Uint8Array, bytes: number): void {
    const pool = this.#positions;
    const used = this.blockPositionBytes.array[block]!;
    const sizeClass = byteClassOf(used + bytes);
    let begin = this.blockPositions.array[block]!;
    if (used === 0 || byteClassOf(used) !== sizeClass) {
      const longer = pool.take(sizeClass);
      pool.column.touchRange(longer, longer + used);
      if (used > 0) {
        pool.column.array.copyWithin(longer, begin, begin + used);
        pool.give(begin, byteClassOf(used));
      }
      begin = longer;
      this.blockPositions.touch(block);
      this.blockPositions.array[block] = begin;
    }
    const at = begin + used;
    pool.column.touchRange(at, at + bytes);
    const { array } = pool.column;
    for (let index = 0; index < bytes; index++) array[at + index] = positions[index]!;
    this.blockPositionBytes.touch(block);
    this.blockPositionBytes.array[block] = used + bytes;
  }
}
