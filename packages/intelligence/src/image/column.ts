import { assert } from "@strata/core";
import { IMAGE_PAGE_BYTES } from "@strata/engine";
import { littleEndian } from "./byte-order.js";
import { type FixedBytes, pagesOf } from "./paged-bytes.js";

/** What columns are made of. */
export type ColumnArray = Int32Array | Uint32Array | Float32Array | Float64Array | Uint8Array | Uint16Array;

/** Columns that were never filled take next to nothing. */
const FIRST_CAPACITY = 16;
const GROWTH = 1.5;
const NO_MARKS = new Uint8Array(0);

/**
 * A growing typed array that can be written by its changed pages.
 *
 * Hot loops read and write `array` directly: it is another object after `ensure` or `push` has grown it, so it is read anew after these.
 * Whoever appends in a hot loop calls `ensure`, writes to `array` and then moves `length`; `push` is for where it is not worth it, for it
 * serves all kinds of arrays at once.
 *
 * Invariants:
 * 1. `array.length >= length`; what lies behind `length` means nothing.
 * 2. `length` never becomes less.
 * 3. An element below `length` is changed only after `touch` or `touchRange` was called for it: before, not after, for an image in the
 *    making may still need what was there. An image given in between calls needs a call of its own.
 */
export class Column<A extends ColumnArray = ColumnArray> {
  array: A;
  /** Elements in use. */
  length = 0;
  readonly #make: new (
    length: number,
  ) => A;
  /** Elements of a page, as a power of two. */
  readonly #pageShift: number;
  /** For each page that an image was fixed with, or loaded with: whether it was touched since. */
  #marks: Uint8Array = NO_MARKS;
  #hasTouched = false;
  #fixed: FixedColumn | undefined;

  /** @param make the class of the array: `Int32Array` */
  constructor(make: new (length: number) => A, capacity: number = FIRST_CAPACITY) {
    this.#make = make;
    this.array = new make(capacity);
    this.#pageShift = Math.log2(IMAGE_PAGE_BYTES / this.array.BYTES_PER_ELEMENT);
  }

  /** A column that an image holds. @param array all of it is in use; it belongs to the column from here on. */
  static restored<A extends ColumnArray>(make: new (length: number) => A, array: A): Column<A> {
    const column = new Column(make, 0);
    column.array = array;
    column.length = array.length;
    column.#marks = new Uint8Array(pagesOf(array.byteLength));
    return column;
  }

  /** Of the memory it takes. */
  get memoryBytes(): number {
    return this.array.byteLength;
  }

  /** Makes room for `length` elements; what is in use stays. */
  ensure(length: number): void {
    if (length > this.array.length) this.#grow(length);
  }

  /** @returns the index of the new element */
  push(value: number): number {
    const index = this.length;
    if (index === this.array.length) this.#grow(index + 1);
    (this.array as ColumnArray)[index] = value;
    this.length = index + 1;
    return index;
  }

  /** An element below `length` is about to be changed in place. */
  touch(index: number): void {
    const page = index >>> this.#pageShift;
    if (page < this.#marks.length && this.#marks[page] === 0) this.#touchPage(page);
  }

  /** The same of the elements [from, to). */
  touchRange(from: number, to: number): void {
    if (from >= to) return;
    const last = Math.min((to - 1) >>> this.#pageShift, this.#marks.length - 1);
    for (let page = from >>> this.#pageShift; page <= last; page++) {
      if (this.#marks[page] === 0) this.#touchPage(page);
    }
  }

  /**
   * What is in use now, as bytes that stay what they are while the column goes on changing. Whatever was fixed before is dropped. Costs next
   * to nothing, for at the moment of a checkpoint all columns there are are fixed at once.
   */
  fix(): FixedBytes {
    this.#fixed?.dropped();
    const byteLength = this.length * this.array.BYTES_PER_ELEMENT;
    const pages = pagesOf(byteLength);
    const touched = this.#hasTouched ? this.#marks : NO_MARKS;
    if (this.#hasTouched || pages !== this.#marks.length) this.#marks = pages === 0 ? NO_MARKS : new Uint8Array(pages);
    this.#hasTouched = false;
    this.#fixed = new FixedColumn(this, byteLength, touched);
    return this.#fixed;
  }

  /** Called by what was fixed, at its end. @param touched pages whose changes are still to be written */
  settle(fixed: FixedBytes, touched: Uint8Array): void {
    if (this.#fixed !== fixed) return;
    this.#fixed = undefined;
    for (let page = 0; page < touched.length; page++) {
      if (touched[page] === 0) continue;
      this.#marks[page] = 1;
      this.#hasTouched = true;
    }
  }

  #touchPage(page: number): void {
    this.#marks[page] = 1;
    this.#hasTouched = true;
    this.#fixed?.keep(page);
  }

  #grow(length: number): void {
    const array = this.array;
    const grown = new this.#make(Math.max(length, FIRST_CAPACITY, Math.ceil(array.length * GROWTH)));
    (grown as ColumnArray).set((array as ColumnArray).subarray(0, this.length));
    this.array = grown;
  }
}

/** The array of a column, and copies of those of its pages that were changed since. */
class FixedColumn implements FixedBytes {
  readonly byteLength: number;
  readonly #column: Column;
  readonly #touched: Uint8Array;
  #copies: Map<number, Uint8Array> | undefined;
  /** Pages that nobody is going to ask for again. */
  #read: Uint8Array = NO_MARKS;
  #isEnded = false;

  constructor(column: Column, byteLength: number, touched: Uint8Array) {
    this.byteLength = byteLength;
    this.#column = column;
    this.#touched = touched;
  }

  get hasTouched(): boolean {
    return this.#touched.length > 0;
  }

  isTouched(page: number): boolean {
    return page < this.#touched.length && this.#touched[page] !== 0;
  }

  page(page: number): Uint8Array {
    assert(!this.#isEnded, "an image is read before it is written or dropped");
    if (this.#read.length === 0) this.#read = new Uint8Array(pagesOf(this.byteLength));
    const copy = this.#copies?.get(page);
    this.#copies?.delete(page);
    assert(copy !== undefined || this.#read[page] === 0, "a page of an image is read once");
    this.#read[page] = 1;
    return copy ?? this.#view(page);
  }

  /** The page is about to be changed. */
  keep(page: number): void {
    if (page * IMAGE_PAGE_BYTES >= this.byteLength || (this.#read.length > 0 && this.#read[page] !== 0)) return;
    this.#copies ??= new Map();
    this.#copies.set(page, this.#view(page).slice());
  }

  written(): void {
    this.#end(NO_MARKS);
  }

  dropped(): void {
    this.#end(this.#touched);
  }

  #end(touched: Uint8Array): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#copies = undefined;
    this.#column.settle(this, touched);
  }

  #view(page: number): Uint8Array {
    const { array } = this.#column;
    const from = page * IMAGE_PAGE_BYTES;
    const length = Math.min(this.byteLength - from, IMAGE_PAGE_BYTES);
    return littleEndian(new Uint8Array(array.buffer, array.byteOffset + from, length), array.BYTES_PER_ELEMENT);
  }
}
