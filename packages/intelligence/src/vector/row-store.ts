import { assert } from "@strata/core";
import { turnInPlace } from "../image/byte-order.js";
import type { PagedBytes } from "../image/paged-bytes.js";
import { inverseLength, type Metric, scoreOfProximity } from "./distance.js";
import { type Kernel, type KernelSource, sharedKernels } from "./kernel.js";
import { KernelRows } from "./row-store-kernel.js";
import { PlainRows } from "./row-store-plain.js";
import { Query } from "./row-store-query.js";
import { type RowSegment, type RowShape, rowShape } from "./row-store-segment.js";

export type { Metric } from "./distance.js";
export type { Query } from "./row-store-query.js";

export interface VectorRowsOptions {
  /** Keep every row in bytes as well, to be compared in a quarter of the memory traffic: by estimates, or as the first step of an exact scan. */
  readonly int8?: boolean;
  /** For tests: those that all collections share, by default. */
  readonly kernels?: KernelSource;
}

/**
 * Vectors of one dimension, dense from slot 0, with the kernels that compare them.
 *
 * 1. A row never changes once appended, and no slot is given twice.
 * 2. Rows of a cosine collection are kept at length 1 (a zero vector stays zero): `read` and `vectorAt` give them so. The vector that a user gave
 *    is the store's to keep.
 * 3. A proximity depends on the two vectors alone: not on the kernel, the machine, or whether rows are scanned or gathered.
 * 4. A proximity is a finite number, the higher the nearer. Cosine: between −1 and 1. Dot: the product. Euclidean: the squared distance, negated.
 * 5. Slots lie in segments one behind the other, split at `#starts`: nearly always in one. Only a full memory begins another.
 */
export class VectorRows {
  readonly dimension: number;
  readonly metric: Metric;
  readonly int8: boolean;
  /** The rows as an image keeps them: little-endian 32-bit floats, each row padded to whole groups of four. To be given back to {@link restore}. */
  readonly pages: PagedBytes;
  readonly #shape: RowShape;
  readonly #kernels: KernelSource;
  readonly #row: Float32Array;
  readonly #rowBytes: Uint8Array;
  readonly #segments: RowSegment[];
  readonly #starts: number[] = [0];
  #last: RowSegment;
  /** Bytes of a row that `restore` has the beginning of. */
  #restored = 0;

  constructor(dimension: number, metric: Metric, options: VectorRowsOptions = {}) {
    const { int8 = false, kernels = sharedKernels } = options;
    this.dimension = dimension;
    this.metric = metric;
    this.int8 = int8;
    this.#shape = rowShape(dimension, metric, int8);
    this.#kernels = kernels;
    this.#row = new Float32Array(this.#shape.stride);
    this.#rowBytes = new Uint8Array(this.#row.buffer);
    this.#last = firstSegment(kernels, this.#shape);
    this.#segments = [this.#last];
    this.pages = new RowPages(this, this.#shape.stride);
    forgotten.register(this, this.#segments, this);
  }

  get length(): number {
    return this.#starts.at(-1)! + this.#last.length;
  }

  /** All the rows, where they lie in the memory of one kernel. */
  get kernelRows(): KernelRows | undefined {
    return this.#segments.length === 1 && this.#last instanceof KernelRows ? this.#last : undefined;
  }

  /** Copies `vector`, little-endian 32-bit floats when it is bytes, behind the last row. @returns its slot */
  append(vector: Uint8Array | Float32Array): number {
    const row = this.#row;
    const { dimension } = this;
    if (vector instanceof Uint8Array) {
      assert(vector.length === 4 * dimension, "a row has the dimension of its collection");
      this.#rowBytes.set(vector);
      // Behind the last component there are zeros.
      turnInPlace(this.#rowBytes, Float32Array.BYTES_PER_ELEMENT);
    } else {
      assert(vector.length === dimension, "a row has the dimension of its collection");
      row.set(vector);
    }
    if (this.metric === "cosine") {
      const factor = inverseLength(row);
      for (let i = 0; i < dimension; i++) row[i]! *= factor;
    }
    return this.#append();
  }

  /** The row of `slot` as kernels see it (invariant 2): its first components, as many as `into` has elements. */
  read(slot: number, into: Float32Array): void {
    const segment = this.#segmentOf(slot);
    this.#segments[segment]!.copyRow(slot - this.#starts[segment]!, into);
  }

  /** A copy of the row of `slot` (invariant 2). */
  vectorAt(slot: number): Float32Array {
    const copy = new Float32Array(this.dimension);
    this.read(slot, copy);
    return copy;
  }

  prepare(vector: ArrayLike<number>): Query {
    return Query.of(vector, this.dimension, this.metric);
  }

  /** The row of `slot` as a query. */
  prepareRow(slot: number): Query {
    const row = new Float32Array(this.#shape.stride);
    this.read(slot, row);
    return Query.ofRow(row, this.dimension, this.metric);
  }

  /** Proximities of the rows [from, to), into `out` from 0. */
  scan(query: Query, from: number, to: number, out: Float32Array): void {
    this.forSegments(from, to, (segment, start, first, end) =>
      segment.scan(query, first, end, out, start + first - from),
    );
  }

  /** Proximities of the first `count` rows that `slots` lists, into `out` from 0: one call of the kernel. */
  gather(query: Query, slots: Int32Array, count: number, out: Float32Array): void {
    if (this.#segments.length === 1) this.#last.gather(query, slots, count, out);
    else this.#gatherApart(slots, count, out, (segment, own, found) => segment.gather(query, own, own.length, found));
  }

  /** {@link gather} with the row of `slot` as the query. */
  gatherOf(slot: number, slots: Int32Array, count: number, out: Float32Array): void {
    if (this.#segments.length === 1) this.#last.gatherOf(slot, slots, count, out);
    else this.gather(this.prepareRow(slot), slots, count, out);
  }

  /** {@link scan} by the rows' codes: near the truth, not equal to it. Needs `int8`. */
  scanApproximate(query: Query, from: number, to: number, out: Float32Array): void {
    this.forSegments(from, to, (segment, start, first, end) =>
      segment.scanCodes(query, first, end, out, start + first - from),
    );
  }

  /** {@link gather} by the rows' codes. Needs `int8`. */
  gatherApproximate(query: Query, slots: Int32Array, count: number, out: Float32Array): void {
    if (this.#segments.length === 1) this.#last.gatherCodes(query, slots, count, out);
    else
      this.#gatherApart(slots, count, out, (segment, own, found) => segment.gatherCodes(query, own, own.length, found));
  }

  /** {@link gatherOf} by the rows' codes. Needs `int8`. */
  gatherApproximateOf(slot: number, slots: Int32Array, count: number, out: Float32Array): void {
    if (this.#segments.length === 1) {
      this.#last.gatherCodesOf(slot, slots, count, out);
      return;
    }
    const own = this.#segmentOf(slot);
    const row = this.#segments[own]!.codedRow(slot - this.#starts[own]!);
    this.#gatherApart(slots, count, out, (segment, wanted, found) =>
      segment.gatherCodesOfRow(row, wanted, wanted.length, found),
    );
  }

  /** What users see of a proximity: cosine and dot product themselves, 1 / (1 + distance) for euclidean. */
  scoreOf(proximity: number): number {
    return scoreOfProximity(this.metric, proximity);
  }

  /** So many rows are going to be appended: they come into place without being moved. */
  expect(rows: number): void {
    this.#last.expect(rows);
  }

  /**
   * Appends what is next in {@link pages} of an earlier `VectorRows` of the same dimension and metric. Stretches may be cut anywhere; what is left of a row is
   * awaited.
   */
  restore(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + this.#rowBytes.length - this.#restored);
      this.#rowBytes.set(part, this.#restored);
      at += part.length;
      this.#restored += part.length;
      if (this.#restored < this.#rowBytes.length) return;
      this.#restored = 0;
      turnInPlace(this.#rowBytes, Float32Array.BYTES_PER_ELEMENT);
      this.#append();
    }
  }

  get memoryBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
  }

  /** Gives the memory back; nothing may be called afterwards. Rows that are merely forgotten give theirs back when they are collected. */
  dispose(): void {
    forgotten.unregister(this);
    for (const segment of this.#segments) segment.dispose();
  }

  /** Visits the segments that hold slots [from, to): `start` is the slot of a segment's first row, [first, end) are indexes in it. */
  forSegments(
    from: number,
    to: number,
    visit: (segment: RowSegment, start: number, first: number, end: number) => void,
  ): void {
    for (const [number, segment] of this.#segments.entries()) {
      const start = this.#starts[number]!;
      const first = Math.max(0, from - start);
      const end = Math.min(segment.length, to - start);
      if (first < end) visit(segment, start, first, end);
    }
  }

  #append(): number {
    const slot = this.length;
    if (!this.#last.append(this.#row)) this.#appendElsewhere();
    return slot;
  }

  #appendElsewhere(): void {
    const start = this.length;
    let segment = this.#last instanceof KernelRows ? this.#segmentBeside(this.#last.kernel) : undefined;
    if (segment === undefined) {
      segment = new PlainRows(this.#shape);
      segment.append(this.#row);
    }
    this.#segments.push(segment);
    this.#starts.push(start);
    this.#last = segment;
  }

  /** With the row to be appended in it. The kernel that is there may be full as well; in a new one there is room, or nowhere. */
  #segmentBeside(full: Kernel): RowSegment | undefined {
    let kernel: Kernel | undefined = full;
    for (let tries = 0; tries < 2; tries++) {
      kernel = kernel && this.#kernels.next(kernel);
      const segment = kernel && KernelRows.create(kernel, this.#shape);
      if (segment?.append(this.#row)) return segment;
      segment?.dispose();
    }
    return undefined;
  }

  #segmentOf(slot: number): number {
    let segment = this.#segments.length - 1;
    while (slot < this.#starts[segment]!) segment--;
    return segment;
  }

  /** Gathers from each segment what is its own. */
  #gatherApart(
    slots: Int32Array,
    count: number,
    out: Float32Array,
    gather: (segment: RowSegment, own: Int32Array, found: Float32Array) => void,
  ): void {
    const wanted = slots.subarray(0, count);
    for (const [number, segment] of this.#segments.entries()) {
      const places = Array.from(wanted.keys()).filter((place) => this.#segmentOf(wanted[place]!) === number);
      const own = Int32Array.from(places, (place) => wanted[place]! - this.#starts[number]!);
      const found = new Float32Array(own.length);
      gather(segment, own, found);
      for (const [i, place] of places.entries()) out[place] = found[i]!;
    }
  }
}

function firstSegment(kernels: KernelSource, shape: RowShape): RowSegment {
  const kernel = kernels.current();
  if (kernel === undefined) return new PlainRows(shape);
  const segment = KernelRows.create(kernel, shape);
  if (segment !== undefined) return segment;
  const other = kernels.next(kernel);
  return (other && KernelRows.create(other, shape)) ?? new PlainRows(shape);
}

/** Gives back the memory of rows that nobody holds any more. */
const forgotten = new FinalizationRegistry<readonly RowSegment[]>((segments) => {
  for (const segment of segments) segment.dispose();
});

class RowPages implements PagedBytes {
  readonly #rows: VectorRows;
  readonly #row: Float32Array;
  readonly #bytes: Uint8Array;

  constructor(rows: VectorRows, stride: number) {
    this.#rows = rows;
    this.#row = new Float32Array(stride);
    this.#bytes = new Uint8Array(this.#row.buffer);
  }

  get byteLength(): number {
    return this.#rows.length * this.#bytes.length;
  }

  read(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    const rowBytes = this.#bytes.length;
    for (let at = from; at < to; ) {
      const slot = Math.floor(at / rowBytes);
      this.#rows.read(slot, this.#row);
      turnInPlace(this.#bytes, Float32Array.BYTES_PER_ELEMENT);
      const end = Math.min(to, (slot + 1) * rowBytes);
      bytes.set(this.#bytes.subarray(at - slot * rowBytes, end - slot * rowBytes), at - from);
      at = end;
    }
    return bytes;
  }
}
