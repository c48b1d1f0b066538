import { type Metric, paddedDimension } from "./distance.js";
import { codeBytes } from "./distance-int8.js";
import { CALL_ROWS } from "./kernel.js";
import type { Query } from "./row-store-query.js";
import type { Found } from "./scan-found.js";

/** What rows are, and how many lie together in a block of memory. */
export interface RowShape {
  readonly metric: Metric;
  readonly dimension: number;
  /** 32-bit floats of a row. */
  readonly stride: number;
  /** Bytes of a row in codes; 0 when none are kept. */
  readonly codeStride: number;
  /** Binary logarithm of the rows of a block. */
  readonly shift: number;
}

/** Long enough for a processor to fetch ahead in each quarter of it. */
const BLOCK_BYTES = 1 << 22;

export function rowShape(dimension: number, metric: Metric, int8: boolean): RowShape {
  const stride = paddedDimension(dimension);
  const rows = Math.min(CALL_ROWS, Math.max(4, BLOCK_BYTES / (4 * stride)));
  return { metric, dimension, stride, codeStride: int8 ? codeBytes(dimension) : 0, shift: Math.floor(Math.log2(rows)) };
}

export interface CodedRow {
  readonly codes: Int8Array;
  /** Words, the second an integer. */
  readonly marks: Int32Array;
}

/** Rows in one kind of memory; `index` counts from the first of them. A `VectorRows` is one or several of these. */
export interface RowSegment {
  readonly length: number;
  /** So many rows are going to be added: room for them is made at once, as far as there is. */
  expect(rows: number): void;
  /** Adds a padded row, of length 1 for cosine. False when there is no room: nothing has changed then. */
  append(row: Float32Array): boolean;
  copyRow(index: number, into: Float32Array): void;
  /** Proximities of rows [from, to), into `out` from `at`; those by codes are estimates. */
  scan(query: Query, from: number, to: number, out: Float32Array, at: number): void;
  scanCodes(query: Query, from: number, to: number, out: Float32Array, at: number): void;
  /** Proximities of listed rows, the first `count`. */
  gather(query: Query, indexes: Int32Array, count: number, out: Float32Array): void;
  gatherCodes(query: Query, indexes: Int32Array, count: number, out: Float32Array): void;
  /** The same, with the row of `index` for a query. */
  gatherOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void;
  gatherCodesOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void;
  /** A copy of what is kept of a row in codes, and the same as {@link gatherCodesOf} with a row of another segment. */
  codedRow(index: number): CodedRow;
  gatherCodesOfRow(row: CodedRow, indexes: Int32Array, count: number, out: Float32Array): void;
  /** Those of the rows [from, to), at most `CALL_ROWS` of them, whose proximity is at least `threshold`: `base` is added to their indexes. */
  findNear(query: Query, from: number, to: number, threshold: number, base: number, found: Found): void;
  /** Whether it is worth its while to ask for bounds first. */
  bounds(query: Query): boolean;
  /** Computes for rows [from, to), at most `CALL_ROWS` of them, what their proximities do not exceed. */
  computeBounds(query: Query, from: number, to: number): void;
  /** Those of the computed bounds, from position `from` to position `to`, that are at least `threshold`; not after bounds of others were computed. */
  findBounds(from: number, to: number, threshold: number, base: number, found: Found): void;
  readonly memoryBytes: number;
  dispose(): void;
}
