import { inverseLength, type Metric, paddedDimension, scoreOfProximity } from "./distance.js";
import { PlainRows } from "./row-store-plain.js";
import { Query } from "./row-store-query.js";
import type { RowSegment } from "./row-store-segment.js";

export type { Metric } from "./distance.js";
export type { Query } from "./row-store-query.js";

/** Bytes to be had by range: what `VectorRows` is saved as, and restored from. */
export interface RowBytes {
  readonly byteLength: number;
  /** Bytes [from, to), valid until the next call. */
  read(from: number, to: number): Uint8Array;
}

export interface VectorRowsOptions {
  /** Keep a copy of every row in bytes as well: approximate proximities in a quarter of the memory traffic. */
  readonly int8: boolean;
}

const BLOCK_BYTES = 1 << 19;

/**
 * Vectors of one dimension, dense from slot 0, with the kernels that compare them.
 *
 * 1. A row never changes once appended, and no slot is ever given twice.
 * 2. Rows of a cosine collection are kept at length 1 (a zero vector stays zero): `read` and `vectorAt` give them so. The vector a user gave is
 *    the store's to keep.
 * 3. Every kernel gives the same bits for the same rows, on every machine.
 * 4. A proximity is always a finite number; higher is nearer. Cosine: between −1 and 1. Dot: the product. Euclidean: the squared distance, negated.
 */
export class VectorRows {
  readonly dimension: number;
  readonly metric: Metric;
  readonly int8: boolean;
  readonly #stride: number;
  readonly #row: Float32Array;
  readonly #segment: RowSegment;

  constructor(dimension: number, metric: Metric, options: VectorRowsOptions = { int8: false }) {
    this.dimension = dimension;
    this.metric = metric;
    this.int8 = options.int8;
    this.#stride = paddedDimension(dimension);
    this.#row = new Float32Array(this.#stride);
    this.#segment = new PlainRows(this.#stride, metric, Math.max(16, Math.floor(BLOCK_BYTES / (4 * this.#stride))));
  }

  get length(): number {
    return this.#segment.length;
  }

  /** Copies `vector`, little-endian 32-bit floats when it is bytes, behind the last row. @returns its slot */
  append(vector: Uint8Array | Float32Array): number {
    const row = this.#row;
    if (vector instanceof Uint8Array) {
      const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
      for (let i = 0; i < this.dimension; i++) row[i] = view.getFloat32(4 * i, true);
    } else {
      for (let i = 0; i < this.dimension; i++) row[i] = vector[i]!;
    }
    if (this.metric === "cosine") {
      const factor = inverseLength(row, this.dimension);
      for (let i = 0; i < this.dimension; i++) row[i]! *= factor;
    }
    const slot = this.length;
    this.#segment.append(row);
    return slot;
  }

  /** The row of `slot` as the kernels see it (invariant 2), into the first `dimension` elements of `into`. */
  read(slot: number, into: Float32Array): void {
    this.#segment.copyRow(slot, into.length === this.dimension ? into : into.subarray(0, this.dimension));
  }

  /** A copy of the row of `slot` (invariant 2). */
  vectorAt(slot: number): Float32Array {
    const copy = new Float32Array(this.dimension);
    this.read(slot, copy);
    return copy;
  }

  prepare(vector: ArrayLike<number>): Query {
    return new Query(vector, this.dimension, this.metric);
  }

  /** Proximities of the rows [from, to), into `out` from 0. */
  scan(query: Query, from: number, to: number, out: Float32Array): void {
    this.#segment.scan(query, from, to, out, 0);
  }

  /** Proximities of the first `count` rows that `slots` lists, into `out` from 0: one call of the kernel. */
  gather(query: Query, slots: Int32Array, count: number, out: Float32Array): void {
    this.#segment.gather(query, slots, count, out);
  }

  /** {@link gather} with the row of `slot` as the query. */
  gatherOf(slot: number, slots: Int32Array, count: number, out: Float32Array): void {
    this.#segment.gatherOf(slot, slots, count, out);
  }

  /** {@link scan} by the rows' bytes: near the truth, not equal to it. Needs `int8`. */
  scanApproximate(query: Query, from: number, to: number, out: Float32Array): void {
    this.#segment.scan(query, from, to, out, 0);
  }

  /** {@link gather} by the rows' bytes. Needs `int8`. */
  gatherApproximate(query: Query, slots: Int32Array, count: number, out: Float32Array): void {
    this.#segment.gather(query, slots, count, out);
  }

  /** What users see of a proximity: cosine and dot product themselves, 1 / (1 + distance) for euclidean. */
  scoreOf(proximity: number): number {
    return scoreOfProximity(this.metric, proximity);
  }

  get memoryBytes(): number {
    return this.#segment.memoryBytes;
  }

  /** Gives the memory back; nothing may be called afterwards. Rows that are merely forgotten are given back when they are collected. */
  dispose(): void {
    this.#segment.dispose();
  }
}
