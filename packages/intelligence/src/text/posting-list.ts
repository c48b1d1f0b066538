import type { PositionBuffer } from "./position-buffer.js";
import {
  BLOCK_MASK,
  BLOCK_SHIFT,
  BLOCK_SIZE,
  BLOCK_STRIDE,
  BlockField,
  LARGE_TF,
  NO_BOUNDS,
  type PostingStore,
  TERM_STRIDE,
  TermField,
  widened,
} from "./posting-store.js";
import { readSums, skipVarints, VarintReader } from "./varint.js";

/** Postings that are looked at one by one. */
const NEAR = 4;

const reader = new VarintReader();

/**
 * The postings of one term as a query reads them, or of several terms put together. It looks into the arrays of the index, so it holds until the
 * next document is added.
 *
 * Block `index` is number `directory[base + index]`; where that begins in `slots` and `tfs`, and its bounds, are in `blocks`.
 */
export class PostingList {
  readonly count: number;
  readonly blockCount: number;
  readonly directory: Int32Array;
  readonly base: number;
  readonly blocks: Int32Array;
  readonly slots: Int32Array;
  readonly tfs: Uint8Array;
  readonly bounds: number;
  readonly #source: LargeTfs;
  /** Where the last slot that was asked for would be: the next one is often near. */
  #block = 0;
  /** Where that block lies, -1 before it is known, and the last one asked for in it. */
  #begin = -1;
  #end = 0;
  #at = 0;
  /** Where the positions of the first postings of a block begin: those asked for one after the other lie in the same block. */
  #positions: Int32Array | undefined;
  #positionsBlock = -1;
  #positionsKnown = 0;

  private constructor(
    count: number,
    directory: Int32Array,
    base: number,
    { blocks, slots, tfs }: Pick<PostingList, "blocks" | "slots" | "tfs">,
    bounds: number,
    source: LargeTfs,
  ) {
    this.count = count;
    this.blockCount = (count + BLOCK_MASK) >>> BLOCK_SHIFT;
    this.directory = directory;
    this.base = base;
    this.blocks = blocks;
    this.slots = slots;
    this.tfs = tfs;
    this.bounds = bounds;
    this.#source = source;
  }

  /** Of a term of an index. */
  static of(store: PostingStore, term: number): PostingList {
    const at = term * TERM_STRIDE;
    const terms = store.terms.array;
    const count = terms[at + TermField.count]!;
    const hasOneBlock = count <= BLOCK_SIZE;
    return new PostingList(
      count,
      hasOneBlock ? terms : store.directory,
      hasOneBlock ? at + TermField.head : terms[at + TermField.head]!,
      { blocks: store.blocks.array, slots: store.slots, tfs: store.tfs },
      terms[at + TermField.bounds]!,
      store,
    );
  }

  /**
   * Postings that were put together.
   *
   * @param tfs `LARGE_TF` for those that `large` has, by slot. @param lengths of documents, by slot.
   */
  static made(
    slots: Int32Array,
    tfs: Uint8Array,
    large: ReadonlyMap<number, number>,
    lengths: Int32Array,
  ): PostingList {
    const count = (slots.length + BLOCK_MASK) >>> BLOCK_SHIFT;
    const directory = new Int32Array(count);
    const blocks = new Int32Array(count * BLOCK_STRIDE);
    let bounds = NO_BOUNDS;
    for (let block = 0; block < count; block++) {
      const begin = block << BLOCK_SHIFT;
      const end = Math.min(begin + BLOCK_SIZE, slots.length);
      let blockBounds = NO_BOUNDS;
      for (let at = begin; at < end; at++) blockBounds = widened(blockBounds, tfs[at]!, lengths[slots[at]!]!);
      bounds = widened(bounds, blockBounds & 0xff, blockBounds >>> 8);
      directory[block] = block;
      blocks[block * BLOCK_STRIDE + BlockField.offset] = begin;
      blocks[block * BLOCK_STRIDE + BlockField.bounds] = blockBounds;
    }
    return new PostingList(slots.length, directory, 0, { blocks, slots, tfs }, bounds, large);
  }

  offsetOf(block: number): number {
    return this.blocks[this.directory[this.base + block]! * BLOCK_STRIDE + BlockField.offset]!;
  }

  /** Postings in a block. */
  sizeOf(block: number): number {
    return block + 1 < this.blockCount ? BLOCK_SIZE : this.count - (block << BLOCK_SHIFT);
  }

  /** How often a document has it; 0 when it has not. */
  tfOf(slot: number): number {
    const at = this.find(slot);
    return at < 0 ? 0 : this.tfAt(at >>> BLOCK_SHIFT, at & BLOCK_MASK);
  }

  tfAt(block: number, at: number): number {
    const tf = this.tfs[this.offsetOf(block) + at]!;
    return tf < LARGE_TF ? tf : this.largeTf(block, at);
  }

  /** Of a posting with a `tf` that does not fit into a byte. */
  largeTf(block: number, at: number): number {
    const source = this.#source;
    if (source instanceof Map) return source.get(this.slots[this.offsetOf(block) + at]!)!;
    this.#seekPositions(source as PostingStore, block, at);
    return reader.next();
  }

  /** The number of a document's posting; -1 without one. */
  find(slot: number): number {
    const { slots } = this;
    let block = this.#block;
    let begin = this.#begin;
    let from = begin;
    const to = this.#end - 1;
    if (begin >= 0 && slots[to]! >= slot && slots[begin]! <= slot) {
      // Most are asked for in order: a few steps from the last one, or a search of what is left.
      const at = begin + this.#at;
      if (slots[at]! <= slot) {
        for (let step = at, last = Math.min(at + NEAR, to); step <= last; step++) {
          if (slots[step]! < slot) continue;
          this.#at = step - begin;
          return slots[step] === slot ? (block << BLOCK_SHIFT) + step - begin : -1;
        }
        from = at + NEAR + 1;
      }
    } else {
      block = this.#blockFor(slot);
      if (block === this.blockCount) return -1;
      begin = this.offsetOf(block);
      from = begin;
      this.#block = block;
      this.#begin = begin;
      this.#end = begin + this.sizeOf(block);
    }
    const at = lowerBoundIn(slots, from, this.#end - 1, slot);
    this.#at = at - begin;
    return slots[at] === slot ? (block << BLOCK_SHIFT) + at - begin : -1;
  }

  /** How many postings are of slots below `slot`. */
  lowerBound(slot: number): number {
    const block = this.#blockFor(slot);
    if (block === this.blockCount) return this.count;
    const begin = this.offsetOf(block);
    return (block << BLOCK_SHIFT) + lowerBoundIn(this.slots, begin, begin + this.sizeOf(block) - 1, slot) - begin;
  }

  /** Adds the positions of the posting with that number, ascending. Of a term only: lists that were made have none. */
  positionsAt(posting: number, into: PositionBuffer): void {
    const store = this.#source as PostingStore;
    const block = posting >>> BLOCK_SHIFT;
    const at = posting & BLOCK_MASK;
    this.#seekPositions(store, block, at);
    let tf = this.tfs[this.offsetOf(block) + at]!;
    if (tf === LARGE_TF) tf = reader.next();
    into.ensure(tf);
    const end = readSums(store.positions, reader.at, tf, into.array, into.length);
    into.length += tf;
    if (this.#positionsKnown === at && at < BLOCK_MASK) {
      this.#positions![at + 1] = end;
      this.#positionsKnown = at + 1;
    }
  }

  /** The first block whose last slot is at least `slot`; `blockCount` without one. */
  #blockFor(slot: number): number {
    let block = this.#block;
    const { blockCount } = this;
    if (block < blockCount && this.#lastOf(block) < slot) {
      // Behind: by steps that double.
      let step = 1;
      let low = block + 1;
      while (block + step < blockCount && this.#lastOf(block + step) < slot) {
        low = block + step + 1;
        step *= 2;
      }
      return this.#searchBlock(slot, low, Math.min(block + step, blockCount));
    }
    if (block === 0) return 0;
    block = Math.min(block, blockCount - 1);
    return this.#lastOf(block - 1) < slot ? block : this.#searchBlock(slot, 0, block - 1);
  }

  /** @param high a block that will do, or the number of blocks. */
  #searchBlock(slot: number, from: number, to: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lastOf(middle) < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #lastOf(block: number): number {
    return this.slots[this.offsetOf(block) + this.sizeOf(block) - 1]!;
  }

  /** Puts the reader in front of what is kept of a posting besides its slot. */
  #seekPositions(store: PostingStore, block: number, at: number): void {
    const bytes = store.positions;
    this.#positions ??= new Int32Array(BLOCK_SIZE);
    const begins = this.#positions;
    if (this.#positionsBlock !== block) {
      begins[0] = this.blocks[this.directory[this.base + block]! * BLOCK_STRIDE + BlockField.positions]!;
      this.#positionsBlock = block;
      this.#positionsKnown = 0;
    }
    const offset = this.offsetOf(block);
    for (let before = this.#positionsKnown; before < at; before++) {
      let begin = begins[before]!;
      let tf = this.tfs[offset + before]!;
      if (tf === LARGE_TF) {
        reader.reset(bytes, begin);
        tf = reader.next();
        begin = reader.at;
      }
      begins[before + 1] = skipVarints(bytes, begin, tf);
    }
    this.#positionsKnown = Math.max(this.#positionsKnown, at);
    reader.reset(bytes, begins[at]!);
  }
}

/** Where a list finds what did not fit into a byte: with the positions, or by slot. */
type LargeTfs = PostingStore | ReadonlyMap<number, number>;

/** The first place in [from, to] whose slot is at least `slot`; `to` without one. */
function lowerBoundIn(slots: Int32Array, from: number, to: number, slot: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (slots[middle]! < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}
