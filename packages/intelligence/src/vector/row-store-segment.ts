import type { Query } from "./row-store-query.js";

/** Rows of one kind of memory, `index` counted from the first of them. `VectorRows` is one or several of these. */
export interface RowSegment {
  readonly length: number;
  /** Adds a padded row, of length 1 for cosine. False when there is no room: nothing has changed then. */
  append(row: Float32Array): boolean;
  copyRow(index: number, into: Float32Array): void;
  /** Proximities of rows [from, to) into `out` from `at`. */
  scan(query: Query, from: number, to: number, out: Float32Array, at: number): void;
  gather(query: Query, indexes: Int32Array, count: number, out: Float32Array): void;
  gatherOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void;
  readonly memoryBytes: number;
  dispose(): void;
}
