/**
 * Rows of numbers that only grow at the end and are only dropped at the front.
 */

/** Rows in a full block. */
const BLOCK_ROWS = 1024;
/** Numbers in the first block: a typed array of up to 64 bytes lives in the ordinary heap. */
const FIRST_NUMBERS = 8;
const GROWTH = 4;

/**
 * Blocks of 1024 rows; the first grows from a few, so that ten thousand short lists cost little and a long one is
 * never copied. Rows count from the first one ever pushed, also after `dropBefore`.
 */
export class NumberRows {
  readonly width: number;
  readonly #blocks: Float64Array[] = [];
  #length = 0;
  #droppedBlocks = 0;

  /** @param width numbers in a row, at most 8. */
  constructor(width: number) {
    this.width = width;
  }

  get length(): number {
    return this.#length;
  }

  /** The first row that is still there. */
  get start(): number {
    return this.#droppedBlocks * BLOCK_ROWS;
  }

  /** Number `field` of `row`, which is in [start, length). */
  at(row: number, field: number): number {
    return this.#blocks[(row >>> 10) - this.#droppedBlocks]![(row & (BLOCK_ROWS - 1)) * this.width + field]!;
  }

  push1(a: number): void {
    const block = this.#blockForPush();
    block[(this.#length++ & (BLOCK_ROWS - 1)) * this.width] = a;
  }

  push4(a: number, b: number, c: number, d: number): void {
    const block = this.#blockForPush();
    const at = (this.#length++ & (BLOCK_ROWS - 1)) * this.width;
    block[at] = a;
    block[at + 1] = b;
    block[at + 2] = c;
    block[at + 3] = d;
  }

  /** When field 0 ascends: the last row whose field 0 is at most `value`, `start - 1` when there is none. */
  lastAtOrBefore(value: number, field = 0): number {
    const length = this.#length;
    // Most readers want the newest: spare them the search.
    if (length > this.start && this.at(length - 1, field) <= value) return length - 1;
    let low = this.start;
    let high = length; // at(i) <= value for i < low; at(i) > value for i >= high
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle, field) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Lets go of the whole blocks in front of `row`. */
  dropBefore(row: number): void {
    const blocks = Math.min(row, this.#length) >>> 10;
    if (blocks <= this.#droppedBlocks) return;
    this.#blocks.splice(0, blocks - this.#droppedBlocks);
    this.#droppedBlocks = blocks;
  }

  #blockForPush(): Float64Array {
    const index = (this.#length >>> 10) - this.#droppedBlocks;
    const block = this.#blocks[index];
    if (block === undefined) {
      const numbers = this.#length === 0 ? FIRST_NUMBERS : BLOCK_ROWS * this.width;
      const first = new Float64Array(numbers);
      this.#blocks.push(first);
      return first;
    }
    const end = ((this.#length & (BLOCK_ROWS - 1)) + 1) * this.width;
    if (end <= block.length) return block;
    const wider = new Float64Array(Math.min(block.length * GROWTH, BLOCK_ROWS * this.width));
    wider.set(block);
    this.#blocks[index] = wider;
    return wider;
  }
}
