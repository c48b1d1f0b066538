import { dotProduct, limited, proximityLimit, squaredDistance } from "./distance.js";
import { codedProximity, codeProduct, MARK_WORDS, RowCoder, TERM_COUNT, writeRowTerms } from "./distance-int8.js";
import type { Query } from "./row-store-query.js";
import type { CodedRow, RowSegment, RowShape } from "./row-store-segment.js";
import type { Found } from "./scan-found.js";

interface Block {
  readonly rows: Float32Array;
  readonly codes: Int8Array;
  readonly marks: Int32Array;
  /** The marks, too. */
  readonly markFloats: Float32Array;
}

const FIRST_ROWS = 4;

/** Rows in JavaScript's own arrays, compared by JavaScript: where there is no SIMD, or no room left in its memory. Says the same as the kernel. */
export class PlainRows implements RowSegment {
  readonly #shape: RowShape;
  readonly #isEuclidean: boolean;
  readonly #limit: number;
  readonly #coder: RowCoder | undefined;
  readonly #blocks: Block[] = [];
  readonly #rowTerms: Float32Array = new Float32Array(TERM_COUNT);
  #blockRows = 0;
  length = 0;

  constructor(shape: RowShape) {
    this.#shape = shape;
    this.#isEuclidean = shape.metric === "euclidean";
    this.#limit = proximityLimit(shape.metric);
    this.#coder = shape.codeStride > 0 ? new RowCoder(shape.dimension, shape.metric) : undefined;
  }

  /** Blocks have their full size from the beginning. */
  expect(): void {}

  append(row: Float32Array): boolean {
    if (this.length === this.#blocks.length * this.#blockRows) this.#grow();
    const index = this.length++;
    const { rows, codes, marks } = this.#blockOf(index);
    const place = this.#placeOf(index);
    rows.set(row, place * this.#shape.stride);
    if (this.#coder !== undefined) {
      this.#coder.encode(row);
      codes.set(this.#coder.codes, place * this.#shape.codeStride);
      marks.set(this.#coder.marks, place * MARK_WORDS);
    }
    return true;
  }

  copyRow(index: number, into: Float32Array): void {
    const start = this.#placeOf(index) * this.#shape.stride;
    into.set(this.#blockOf(index).rows.subarray(start, start + into.length));
  }

  scan(query: Query, from: number, to: number, out: Float32Array, at: number): void {
    for (let index = from; index < to; index++) out[at + index - from] = this.#proximity(query.vector, 0, index);
  }

  scanCodes(query: Query, from: number, to: number, out: Float32Array, at: number): void {
    const { codes, terms } = query.coded;
    for (let index = from; index < to; index++) out[at + index - from] = this.#estimate(codes, terms, index);
  }

  gather(query: Query, indexes: Int32Array, count: number, out: Float32Array): void {
    for (let i = 0; i < count; i++) out[i] = this.#proximity(query.vector, 0, indexes[i]!);
  }

  gatherCodes(query: Query, indexes: Int32Array, count: number, out: Float32Array): void {
    const { codes, terms } = query.coded;
    for (let i = 0; i < count; i++) out[i] = this.#estimate(codes, terms, indexes[i]!);
  }

  gatherOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void {
    const { rows } = this.#blockOf(index);
    const start = this.#placeOf(index) * this.#shape.stride;
    for (let i = 0; i < count; i++) out[i] = this.#proximity(rows, start, indexes[i]!);
  }

  gatherCodesOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void {
    this.gatherCodesOfRow(this.codedRow(index), indexes, count, out);
  }

  codedRow(index: number): CodedRow {
    const { codes, marks } = this.#blockOf(index);
    const place = this.#placeOf(index);
    const { codeStride } = this.#shape;
    return {
      codes: codes.slice(place * codeStride, (place + 1) * codeStride),
      marks: marks.slice(place * MARK_WORDS, (place + 1) * MARK_WORDS),
    };
  }

  gatherCodesOfRow({ codes, marks }: CodedRow, indexes: Int32Array, count: number, out: Float32Array): void {
    writeRowTerms(new Float32Array(marks.buffer), 0, this.#isEuclidean, this.#limit, this.#rowTerms, 0);
    for (let i = 0; i < count; i++) out[i] = this.#estimate(codes, this.#rowTerms, indexes[i]!);
  }

  findNear(query: Query, from: number, to: number, threshold: number, base: number, found: Found): void {
    found.clear(to - from);
    const { slots, proximities } = found;
    let count = 0;
    for (let index = from; index < to; index++) {
      const proximity = this.#proximity(query.vector, 0, index);
      if (proximity < threshold) continue;
      slots[count] = base + index;
      proximities[count++] = proximity;
    }
    found.count = count;
  }

  /** In JavaScript, bytes are no faster to compare than floats. */
  bounds(): boolean {
    return false;
  }

  computeBounds(): void {}

  findBounds(_from: number, _to: number, _threshold: number, _base: number, found: Found): void {
    found.clear(0);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const { rows, codes, marks } of this.#blocks) bytes += rows.byteLength + codes.byteLength + marks.byteLength;
    return bytes;
  }

  dispose(): void {
    this.#blocks.length = 0;
    this.length = 0;
  }

  #blockOf(index: number): Block {
    return this.#blocks[index >>> this.#shape.shift]!;
  }

  #placeOf(index: number): number {
    return index & ((1 << this.#shape.shift) - 1);
  }

  #proximity(vector: Float32Array, start: number, index: number): number {
    const { stride } = this.#shape;
    const { rows } = this.#blockOf(index);
    const row = this.#placeOf(index) * stride;
    const value = this.#isEuclidean
      ? -squaredDistance(vector, start, rows, row, stride)
      : dotProduct(vector, start, rows, row, stride);
    return limited(value, this.#limit);
  }

  #estimate(query: Int8Array, terms: Float32Array, index: number): number {
    const { codeStride } = this.#shape;
    const { codes, markFloats } = this.#blockOf(index);
    const place = this.#placeOf(index);
    const product = codeProduct(query, codes, place * codeStride, codeStride);
    return codedProximity(product, markFloats, place * MARK_WORDS, terms, 0, this.#isEuclidean);
  }

  /** The first block is moved to twice its room until it is full-grown; the others are made at full size. */
  #grow(): void {
    const full = 1 << this.#shape.shift;
    const isFullGrown = this.#blockRows === full;
    const rows = isFullGrown ? full : Math.min(full, Math.max(FIRST_ROWS, 2 * this.#blockRows));
    const { stride, codeStride } = this.#shape;
    const marks = new Int32Array(codeStride > 0 ? rows * MARK_WORDS : 0);
    const block = {
      rows: new Float32Array(rows * stride),
      codes: new Int8Array(rows * codeStride),
      marks,
      markFloats: new Float32Array(marks.buffer),
    };
    const small = isFullGrown ? undefined : this.#blocks.pop();
    if (small !== undefined) {
      block.rows.set(small.rows);
      block.codes.set(small.codes);
      block.marks.set(small.marks);
    }
    this.#blocks.push(block);
    this.#blockRows = rows;
  }
}
