import { dotProduct, limited, type Metric, proximityLimit, squaredDistance } from "./distance.js";
import type { Query } from "./row-store-query.js";
import type { RowSegment } from "./row-store-segment.js";

/** Rows in JavaScript's own arrays, compared by JavaScript: where there is no SIMD, or no room left in its memory. */
export class PlainRows implements RowSegment {
  readonly #stride: number;
  readonly #isEuclidean: boolean;
  readonly #limit: number;
  readonly #rowsPerBlock: number;
  readonly #blocks: Float32Array[] = [];
  length = 0;

  constructor(stride: number, metric: Metric, rowsPerBlock: number) {
    this.#stride = stride;
    this.#isEuclidean = metric === "euclidean";
    this.#limit = proximityLimit(metric);
    this.#rowsPerBlock = rowsPerBlock;
  }

  append(row: Float32Array): boolean {
    const place = this.length % this.#rowsPerBlock;
    const number = (this.length - place) / this.#rowsPerBlock;
    let block = this.#blocks[number];
    if (block === undefined || block.length < (place + 1) * this.#stride) {
      const capacity = number === 0 ? Math.min(this.#rowsPerBlock, Math.max(4, 2 * place)) : this.#rowsPerBlock;
      const larger = new Float32Array(capacity * this.#stride);
      if (block !== undefined) larger.set(block);
      this.#blocks[number] = block = larger;
    }
    block.set(row, place * this.#stride);
    this.length++;
    return true;
  }

  copyRow(index: number, into: Float32Array): void {
    const block = this.#blockOf(index);
    const start = (index % this.#rowsPerBlock) * this.#stride;
    for (let i = 0; i < into.length; i++) into[i] = block[start + i]!;
  }

  scan(query: Query, from: number, to: number, out: Float32Array, at: number): void {
    for (let index = from; index < to; index++) out[at + index - from] = this.#proximity(query.vector, 0, index);
  }

  gather(query: Query, indexes: Int32Array, count: number, out: Float32Array): void {
    for (let i = 0; i < count; i++) out[i] = this.#proximity(query.vector, 0, indexes[i]!);
  }

  gatherOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void {
    const block = this.#blockOf(index);
    const start = (index % this.#rowsPerBlock) * this.#stride;
    for (let i = 0; i < count; i++) out[i] = this.#proximity(block, start, indexes[i]!);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block.byteLength;
    return bytes;
  }

  dispose(): void {
    this.#blocks.length = 0;
    this.length = 0;
  }

  #blockOf(index: number): Float32Array {
    return this.#blocks[Math.floor(index / this.#rowsPerBlock)]!;
  }

  #proximity(vector: Float32Array, start: number, index: number): number {
    const block = this.#blockOf(index);
    const row = (index % this.#rowsPerBlock) * this.#stride;
    const value = this.#isEuclidean
      ? -squaredDistance(vector, start, block, row, this.#stride)
      : dotProduct(vector, start, block, row, this.#stride);
    return limited(value, this.#limit);
  }
}
