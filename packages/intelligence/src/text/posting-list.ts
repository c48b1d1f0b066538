import { BLOCK_SHIFT, BLOCK_SIZE, LARGE_TF, type PostingStore } from "./posting-store.js";
import { skipVarints, VarintReader } from "./varint.js";

const reader = new VarintReader();

/**
 * The postings of one term as a query reads them, or of several terms put together. It looks into the arrays of the index, so it holds until the
 * next document is added.
 *
 * Block `index` is number `directory[base + index]`, and by that number begins at `blockOffsets` in `slots` and `tfs`.
 */
export class PostingList {
  readonly count: number;
  readonly blockCount: number;
  readonly directory: Int32Array;
  readonly base: number;
  readonly blockOffsets: Int32Array;
  readonly blockMaxTfs: Uint8Array;
  readonly blockMinLengths: Int32Array;
  readonly slots: Int32Array;
  readonly tfs: Uint8Array;
  readonly maxTf: number;
  readonly minLength: number;
  readonly #source: LargeTfs;
  /** Where the last slot that was asked for would be: the next one is often near. */
  #block = 0;

  private constructor(
    count: number,
    directory: Int32Array,
    base: number,
    blocks: Pick<PostingList, "blockOffsets" | "blockMaxTfs" | "blockMinLengths" | "slots" | "tfs">,
    maxTf: number,
    minLength: number,
    source: LargeTfs,
  ) {
    this.count = count;
    this.blockCount = (count + BLOCK_SIZE - 1) >>> BLOCK_SHIFT;
    this.directory = directory;
    this.base = base;
    this.blockOffsets = blocks.blockOffsets;
    this.blockMaxTfs = blocks.blockMaxTfs;
    this.blockMinLengths = blocks.blockMinLengths;
    this.slots = blocks.slots;
    this.tfs = blocks.tfs;
    this.maxTf = maxTf;
    this.minLength = minLength;
    this.#source = source;
  }

  /** Of a term of an index. */
  static of(store: PostingStore, term: number): PostingList {
    const count = store.counts.array[term]!;
    const hasOneBlock = count <= BLOCK_SIZE;
    return new PostingList(
      count,
      hasOneBlock ? store.heads.array : store.directory,
      hasOneBlock ? term : store.heads.array[term]!,
      {
        blockOffsets: store.blockOffsets.array,
        blockMaxTfs: store.blockMaxTfs.array,
        blockMinLengths: store.blockMinLengths.array,
        slots: store.slots,
        tfs: store.tfs,
      },
      store.maxTfs.array[term]!,
      store.minLengths.array[term]!,
      store,
    );
  }

  /**
   * Postings that were put together.
   *
   * @param tfs at least `LARGE_TF` for those that `large` has, by slot. @param lengths of documents, by slot.
   */
  static made(
    slots: Int32Array,
    tfs: Uint8Array,
    large: ReadonlyMap<number, number>,
    lengths: Int32Array,
  ): PostingList {
    const blocks = (slots.length + BLOCK_SIZE - 1) >>> BLOCK_SHIFT;
    const directory = new Int32Array(blocks);
    const blockOffsets = new Int32Array(blocks);
    const blockMaxTfs = new Uint8Array(blocks);
    const blockMinLengths = new Int32Array(blocks).fill(0x7fffffff);
    for (let block = 0; block < blocks; block++) {
      directory[block] = block;
      blockOffsets[block] = block << BLOCK_SHIFT;
    }
    let maxTf = 0;
    let minLength = 0x7fffffff;
    for (let at = 0; at < slots.length; at++) {
      const block = at >>> BLOCK_SHIFT;
      const tf = tfs[at]!;
      const length = lengths[slots[at]!]!;
      if (tf > blockMaxTfs[block]!) blockMaxTfs[block] = tf;
      if (length < blockMinLengths[block]!) blockMinLengths[block] = length;
      if (tf > maxTf) maxTf = tf;
      if (length < minLength) minLength = length;
    }
    const arrays = { blockOffsets, blockMaxTfs, blockMinLengths, slots, tfs };
    return new PostingList(slots.length, directory, 0, arrays, maxTf, minLength, large);
  }

  offsetOf(block: number): number {
    return this.blockOffsets[this.directory[this.base + block]!]!;
  }

  /** Postings in a block. */
  sizeOf(block: number): number {
    return block + 1 < this.blockCount ? BLOCK_SIZE : this.count - (block << BLOCK_SHIFT);
  }

  /** How often a document has it; 0 when it has not. */
  tfOf(slot: number): number {
    const at = this.find(slot);
    return at < 0 ? 0 : this.tfAt(at >>> BLOCK_SHIFT, at & (BLOCK_SIZE - 1));
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
    const at = this.lowerBound(slot);
    if (at === this.count) return -1;
    return this.slots[this.offsetOf(at >>> BLOCK_SHIFT) + (at & (BLOCK_SIZE - 1))] === slot ? at : -1;
  }

  /** How many postings are of slots below `slot`. */
  lowerBound(slot: number): number {
    const block = this.#blockFor(slot);
    if (block === this.blockCount) return this.count;
    this.#block = block;
    const offset = this.offsetOf(block);
    const { slots } = this;
    let low = offset;
    let high = offset + this.sizeOf(block) - 1; // its slot is at least `slot`
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (slots[middle]! < slot) low = middle + 1;
      else high = middle;
    }
    return (block << BLOCK_SHIFT) + low - offset;
  }

  /** The positions of the posting with that number, ascending, put into `into`. @returns how many; what did not fit is left out */
  positionsAt(posting: number, into: number[]): void {
    const store = this.#source as PostingStore;
    const block = posting >>> BLOCK_SHIFT;
    const at = posting & (BLOCK_SIZE - 1);
    this.#seekPositions(store, block, at);
    let tf = this.tfs[this.offsetOf(block) + at]!;
    if (tf === LARGE_TF) tf = reader.next();
    let position = 0;
    for (let left = tf; left > 0; left--) {
      position += reader.next();
      into.push(position);
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
    const offset = this.offsetOf(block);
    let begin = store.blockPositions.array[this.directory[this.base + block]!]!;
    let pending = 0;
    for (let before = 0; before < at; before++) {
      const tf = this.tfs[offset + before]!;
      if (tf < LARGE_TF) {
        pending += tf;
        continue;
      }
      begin = skipVarints(bytes, begin, pending);
      pending = 0;
      reader.reset(bytes, begin);
      const large = reader.next();
      begin = skipVarints(bytes, reader.at, large);
    }
    reader.reset(bytes, skipVarints(bytes, begin, pending));
  }
}

/** Where a list finds what did not fit into a byte: with the positions, or by slot. */
type LargeTfs = PostingStore | ReadonlyMap<number, number>;
