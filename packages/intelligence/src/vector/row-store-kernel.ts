import { assert } from "@strata/core";
import { proximityLimit } from "./distance.js";
import { isBounded, lengthMargin, MARK_WORDS, TERMS_BYTES, writeRowTerms } from "./distance-int8.js";
import { CALL_ROWS, type Kernel } from "./kernel.js";
import type { Query } from "./row-store-query.js";
import type { CodedRow, RowSegment, RowShape } from "./row-store-segment.js";
import type { Found } from "./scan-found.js";

const MARK_BYTES = 4 * MARK_WORDS;
const FIRST_ROWS = 4;
const FIRST_TABLE = 4;
/** The part of a full-grown block that blocks other than the first begin with. */
const FIRST_PART = 8;
/** Copied one by one up to here: making a view of an array costs more. */
const COPIED_SINGLY = 64;

/**
 * Rows in the memory of a kernel. They lie in blocks of 2^shift rows: all vectors of a block, then their codes, then the marks of those. A
 * block begins small and is moved to twice its room until it is full-grown; only the last one is not.
 *
 * The table lists addresses of blocks for the kernel: those of vectors, those of codes and those of marks, each in a third of its own.
 */
export class KernelRows implements RowSegment {
  readonly #kernel: Kernel;
  readonly #shape: RowShape;
  readonly #isEuclidean: boolean;
  readonly #limit: number;
  readonly #rowBytes: number;
  readonly #margin: number;
  /** Addresses. */
  readonly #blocks: number[] = [];
  /** Rows that each block has room for. */
  readonly #rooms: number[] = [];
  /** Rows that all of them have room for. */
  #capacity = 0;
  #table = 0;
  #tableRoom = 0;
  /** Whether bounds hold for all rows. */
  #isBounded: boolean;
  length = 0;
  /** Rows that are going to be here. */
  #expected = 0;

  /** `undefined` when the kernel's memory is used up. */
  static create(kernel: Kernel, shape: RowShape): KernelRows | undefined {
    return kernel.reserve(shape.stride, shape.codeStride) ? new KernelRows(kernel, shape) : undefined;
  }

  private constructor(kernel: Kernel, shape: RowShape) {
    this.#kernel = kernel;
    this.#shape = shape;
    this.#isEuclidean = shape.metric === "euclidean";
    this.#limit = proximityLimit(shape.metric);
    this.#rowBytes = 4 * shape.stride;
    this.#margin = lengthMargin(shape.dimension);
    this.#isBounded = shape.codeStride > 0;
  }

  get kernel(): Kernel {
    return this.#kernel;
  }

  get shape(): RowShape {
    return this.#shape;
  }

  /** Address of the list of addresses of blocks of vectors; another one after rows were appended, as with those below. */
  get vectorTable(): number {
    return this.#table;
  }

  get codeTable(): number {
    return this.#table + 4 * this.#tableRoom;
  }

  get markTable(): number {
    return this.#table + 8 * this.#tableRoom;
  }

  expect(rows: number): void {
    this.#expected = this.length + rows;
  }

  append(row: Float32Array): boolean {
    if (this.length === this.#capacity && !this.#grow()) return false;
    const { memory } = this.#kernel;
    const index = this.length;
    memory.f32.set(row, this.#rowAt(index) >>> 2);
    if (this.#shape.codeStride > 0) this.#encode(index);
    this.length++;
    return true;
  }

  copyRow(index: number, into: Float32Array): void {
    const start = this.#rowAt(index) >>> 2;
    into.set(this.#kernel.memory.f32.subarray(start, start + into.length));
  }

  scan(query: Query, from: number, to: number, out: Float32Array, at: number): void {
    for (let index = from; index < to; index += CALL_ROWS) {
      const end = Math.min(to, index + CALL_ROWS);
      this.#scan(query, index, end);
      this.#copyOut(end - index, out, at + index - from);
    }
  }

  scanCodes(query: Query, from: number, to: number, out: Float32Array, at: number): void {
    for (let index = from; index < to; index += CALL_ROWS) {
      const end = Math.min(to, index + CALL_ROWS);
      this.#scanCodes(query, 0, index, end, this.#kernel.out);
      this.#copyOut(end - index, out, at + index - from);
    }
  }

  gather(query: Query, indexes: Int32Array, count: number, out: Float32Array): void {
    for (let at = 0; at < count; at += CALL_ROWS) {
      this.#gather(this.#kernel.vectorAt(query), indexes, at, Math.min(CALL_ROWS, count - at), out);
    }
  }

  gatherCodes(query: Query, indexes: Int32Array, count: number, out: Float32Array): void {
    for (let at = 0; at < count; at += CALL_ROWS) {
      const terms = this.#kernel.termsAt(query);
      this.#gatherCodes(false, terms + 2 * TERMS_BYTES, terms, indexes, at, Math.min(CALL_ROWS, count - at), out);
    }
  }

  gatherOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void {
    for (let at = 0; at < count; at += CALL_ROWS) {
      this.#gather(this.#rowAt(index), indexes, at, Math.min(CALL_ROWS, count - at), out);
    }
  }

  gatherCodesOf(index: number, indexes: Int32Array, count: number, out: Float32Array): void {
    const { f32 } = this.#kernel.memory;
    this.#writeRowTerms(f32, this.#marksAt(index) >>> 2);
    this.#gatherRowCodes(this.#codesAt(index), indexes, count, out);
  }

  codedRow(index: number): CodedRow {
    const { i8, i32 } = this.#kernel.memory;
    const codes = this.#codesAt(index);
    const marks = this.#marksAt(index) >>> 2;
    return { codes: i8.slice(codes, codes + this.#shape.codeStride), marks: i32.slice(marks, marks + MARK_WORDS) };
  }

  gatherCodesOfRow({ codes, marks }: CodedRow, indexes: Int32Array, count: number, out: Float32Array): void {
    this.#writeRowTerms(new Float32Array(marks.buffer), 0);
    this.#gatherRowCodes(this.#kernel.rowCodesAt(codes), indexes, count, out);
  }

  findNear(query: Query, from: number, to: number, threshold: number, base: number, found: Found): void {
    this.#scan(query, from, to);
    this.#select(this.#kernel.out, to - from, threshold, base + from, found);
  }

  bounds(query: Query): boolean {
    return this.#isBounded && query.coded.isBounded;
  }

  computeBounds(query: Query, from: number, to: number): void {
    this.#scanCodes(query, TERMS_BYTES, from, to, this.#kernel.bounds);
    this.#kernel.boundsOf = this;
  }

  findBounds(from: number, to: number, threshold: number, base: number, found: Found): void {
    assert(this.#kernel.boundsOf === this, "bounds are computed before they are compared");
    this.#select(this.#kernel.bounds + 4 * from, to - from, threshold, base + from, found);
  }

  get memoryBytes(): number {
    return this.#blockBytes(this.#capacity) + 12 * this.#tableRoom;
  }

  dispose(): void {
    const { memory } = this.#kernel;
    for (const [number, block] of this.#blocks.entries()) memory.free(block, this.#blockBytes(this.#rooms[number]!));
    if (this.#tableRoom > 0) memory.free(this.#table, 12 * this.#tableRoom);
    this.#blocks.length = 0;
    this.#rooms.length = 0;
    this.#capacity = 0;
    this.#tableRoom = 0;
    this.length = 0;
  }

  #encode(index: number): void {
    const length = this.#kernel.calls.encodeRow(
      this.#rowAt(index),
      this.#rowBytes,
      this.#codesAt(index),
      this.#shape.codeStride,
      this.#marksAt(index),
      this.#isEuclidean ? 1 : 0,
      this.#margin,
    );
    if (!isBounded(length)) this.#isBounded = false;
  }

  #rowAt(index: number): number {
    const { shift } = this.#shape;
    return this.#blocks[index >>> shift]! + (index & ((1 << shift) - 1)) * this.#rowBytes;
  }

  #codesAt(index: number): number {
    const { shift, codeStride } = this.#shape;
    const block = this.#blocks[index >>> shift]! + this.#rooms[index >>> shift]! * this.#rowBytes;
    return block + (index & ((1 << shift) - 1)) * codeStride;
  }

  #marksAt(index: number): number {
    const { shift, codeStride } = this.#shape;
    const block = this.#blocks[index >>> shift]! + this.#rooms[index >>> shift]! * (this.#rowBytes + codeStride);
    return block + (index & ((1 << shift) - 1)) * MARK_BYTES;
  }

  #blockBytes(rows: number): number {
    const { codeStride } = this.#shape;
    return rows * (this.#rowBytes + (codeStride > 0 ? codeStride + MARK_BYTES : 0));
  }

  /** Proximities of rows [from, to) to the kernel's `out`, in a call for each block. */
  #scan(query: Query, from: number, to: number): void {
    const { calls, out } = this.#kernel;
    const vector = this.#kernel.vectorAt(query);
    for (let index = from; index < to; ) {
      const end = Math.min(to, this.#blockEnd(index));
      const at = out + 4 * (index - from);
      if (this.#isEuclidean) {
        calls.scanDistances(this.#rowAt(index), this.#rowBytes, end - index, vector, at, this.#limit);
      } else {
        calls.scanProducts(this.#rowAt(index), this.#rowBytes, end - index, vector, at, this.#limit);
      }
      index = end;
    }
  }

  #scanCodes(query: Query, termsStart: number, from: number, to: number, out: number): void {
    const { calls } = this.#kernel;
    const { codeStride } = this.#shape;
    const terms = this.#kernel.termsAt(query);
    const codes = terms + 2 * TERMS_BYTES;
    for (let index = from; index < to; ) {
      const end = Math.min(to, this.#blockEnd(index));
      const rows = this.#codesAt(index);
      const marks = this.#marksAt(index);
      const at = out + 4 * (index - from);
      if (this.#isEuclidean) {
        calls.scanCodeDistances(rows, marks, codeStride, end - index, codes, terms + termsStart, at);
      } else {
        calls.scanCodeProducts(rows, marks, codeStride, end - index, codes, terms + termsStart, at);
      }
      index = end;
    }
  }

  #blockEnd(index: number): number {
    const { shift } = this.#shape;
    return ((index >>> shift) + 1) << shift;
  }

  #gather(query: number, indexes: Int32Array, at: number, count: number, results: Float32Array): void {
    const { calls, list, out } = this.#kernel;
    this.#copyIn(indexes, at, count);
    if (this.#isEuclidean) {
      calls.gatherDistances(this.#table, this.#shape.shift, this.#rowBytes, list, count, query, out, this.#limit);
    } else {
      calls.gatherProducts(this.#table, this.#shape.shift, this.#rowBytes, list, count, query, out, this.#limit);
    }
    this.#copyOut(count, results, at);
  }

  #gatherCodes(
    isRow: boolean,
    query: number,
    terms: number,
    indexes: Int32Array,
    at: number,
    count: number,
    results: Float32Array,
  ): void {
    const { calls, list, out } = this.#kernel;
    const { shift, codeStride } = this.#shape;
    this.#copyIn(indexes, at, count);
    const codes = this.#table + 4 * this.#tableRoom;
    const marks = codes + 4 * this.#tableRoom;
    if (isRow) {
      if (this.#isEuclidean) {
        calls.gatherRowCodeDistances(codes, marks, shift, codeStride, list, count, query, terms, out);
      } else {
        calls.gatherRowCodeProducts(codes, marks, shift, codeStride, list, count, query, terms, out);
      }
    } else if (this.#isEuclidean) {
      calls.gatherCodeDistances(codes, marks, shift, codeStride, list, count, query, terms, out);
    } else {
      calls.gatherCodeProducts(codes, marks, shift, codeStride, list, count, query, terms, out);
    }
    this.#copyOut(count, results, at);
  }

  #writeRowTerms(marks: Float32Array, at: number): void {
    const { memory, rowTerms } = this.#kernel;
    writeRowTerms(marks, at, this.#isEuclidean, this.#limit, memory.f32, rowTerms >>> 2);
  }

  #gatherRowCodes(codes: number, indexes: Int32Array, count: number, out: Float32Array): void {
    const terms = this.#kernel.rowTerms;
    for (let at = 0; at < count; at += CALL_ROWS) {
      this.#gatherCodes(true, codes, terms, indexes, at, Math.min(CALL_ROWS, count - at), out);
    }
  }

  /** Indexes to the kernel's list, filled up to whole groups of four. */
  #copyIn(indexes: Int32Array, at: number, count: number): void {
    const { memory, list } = this.#kernel;
    const { i32 } = memory;
    const start = list >>> 2;
    if (count <= COPIED_SINGLY) for (let i = 0; i < count; i++) i32[start + i] = indexes[at + i]!;
    else i32.set(indexes.subarray(at, at + count), start);
    const last = indexes[at + count - 1]!;
    for (let i = count; (i & 3) !== 0; i++) i32[start + i] = last;
  }

  #copyOut(count: number, results: Float32Array, at: number): void {
    const { memory, out } = this.#kernel;
    const { f32 } = memory;
    const start = out >>> 2;
    if (count <= COPIED_SINGLY) for (let i = 0; i < count; i++) results[at + i] = f32[start + i]!;
    else results.set(f32.subarray(start, start + count), at);
  }

  /** Those of `count` proximities from `start` on that are at least `threshold`. */
  #select(start: number, count: number, threshold: number, base: number, found: Found): void {
    const { calls, list, memory } = this.#kernel;
    const selected = calls.select(start, count, threshold, 0, list);
    found.clear(selected);
    const { i32, f32 } = memory;
    for (let i = 0; i < selected; i++) {
      const position = i32[(list >>> 2) + i]!;
      found.slots[i] = base + position;
      found.proximities[i] = f32[(start >>> 2) + position]!;
    }
    found.count = selected;
  }

  #grow(): boolean {
    const full = 1 << this.#shape.shift;
    const room = this.#rooms.at(-1);
    if (this.#expected - this.length >= full && (room ?? full) === full) return this.#addBlock(full);
    if (room !== undefined && room < full) return this.#moveLast(room, Math.min(full, 2 * room));
    return this.#addBlock(Math.min(full, Math.max(FIRST_ROWS, room === undefined ? 0 : full / FIRST_PART)));
  }

  #addBlock(room: number): boolean {
    const { memory } = this.#kernel;
    if (this.#blocks.length === this.#tableRoom && !this.#growTable()) return false;
    const block = memory.allocate(this.#blockBytes(room));
    if (block === 0) return false;
    this.#blocks.push(block);
    this.#rooms.push(room);
    this.#capacity += room;
    this.#enter(this.#blocks.length - 1);
    return true;
  }

  /** The last block, which is full, to a place with more room. */
  #moveLast(before: number, room: number): boolean {
    const { memory } = this.#kernel;
    const last = this.#blocks.length - 1;
    const first = last << this.#shape.shift;
    const rows = this.#rowAt(first);
    const codes = this.#codesAt(first);
    const marks = this.#marksAt(first);
    const block = memory.allocate(this.#blockBytes(room));
    if (block === 0) return false;
    this.#blocks[last] = block;
    this.#rooms[last] = room;
    this.#capacity += room - before;
    memory.u8.copyWithin(block, rows, rows + before * this.#rowBytes);
    if (this.#shape.codeStride > 0) {
      memory.u8.copyWithin(this.#codesAt(first), codes, codes + before * this.#shape.codeStride);
      memory.u8.copyWithin(this.#marksAt(first), marks, marks + before * MARK_BYTES);
    }
    memory.free(rows, this.#blockBytes(before));
    this.#enter(last);
    return true;
  }

  #growTable(): boolean {
    const { memory } = this.#kernel;
    const room = Math.max(FIRST_TABLE, 2 * this.#tableRoom);
    const table = memory.allocate(12 * room);
    if (table === 0) return false;
    if (this.#tableRoom > 0) memory.free(this.#table, 12 * this.#tableRoom);
    this.#table = table;
    this.#tableRoom = room;
    for (let block = 0; block < this.#blocks.length; block++) this.#enter(block);
    return true;
  }

  /** Enters addresses of a block in the table. */
  #enter(block: number): void {
    const { i32 } = this.#kernel.memory;
    const entry = (this.#table >>> 2) + block;
    const first = block << this.#shape.shift;
    i32[entry] = this.#rowAt(first);
    i32[entry + this.#tableRoom] = this.#codesAt(first);
    i32[entry + 2 * this.#tableRoom] = this.#marksAt(first);
  }
}
