import { Column } from "../image/column.js";

/** Chunks of a pool are 2^1 … 2^30 elements. */
const CLASSES = 31;
const NONE = -1;

/** The power of two that `elements` fit into. @param elements at least 1 */
function sizeClassOf(elements: number): number {
  return 32 - Math.clz32(elements - 1);
}

/**
 * Chunks of a growing array whose sizes are powers of two; what is given back is given out again. A free chunk's first element says where the next
 * free one of its size lies.
 */
export class Int32Pool {
  readonly column: Column<Int32Array>;
  /** Of each size class the first free chunk. */
  readonly #free: Int32Array;

  constructor(column: Column<Int32Array> = new Column(Int32Array), free: readonly number[] = []) {
    this.column = column;
    this.#free = new Int32Array(CLASSES).fill(NONE);
    this.#free.set(free);
  }

  /** What must be kept with the column. */
  get free(): number[] {
    return Array.from(this.#free);
  }

  /** @returns where the chunk begins; what it holds means nothing, and may be changed without another touch */
  take(sizeClass: number): number {
    const { column } = this;
    const begin = this.#free[sizeClass]!;
    const size = 1 << sizeClass;
    if (begin !== NONE) {
      this.#free[sizeClass] = column.array[begin]!;
      return begin;
    }
    const end = column.length;
    column.ensure(end + size);
    column.length = end + size;
    return end;
  }

  give(begin: number, sizeClass: number): void {
    this.column.touch(begin);
    this.column.array[begin] = this.#free[sizeClass]!;
    this.#free[sizeClass] = begin;
  }
}

/** The least chunk of bytes has room for where the next free one lies. */
const LEAST_BYTES_CLASS = 2;

/** The same of bytes. */
export class BytePool {
  readonly column: Column<Uint8Array>;
  readonly #free: Int32Array;

  constructor(column: Column<Uint8Array> = new Column(Uint8Array), free: readonly number[] = []) {
    this.column = column;
    this.#free = new Int32Array(CLASSES).fill(NONE);
    this.#free.set(free);
  }

  get free(): number[] {
    return Array.from(this.#free);
  }

  take(sizeClass: number): number {
    const { column } = this;
    const begin = this.#free[sizeClass]!;
    if (begin !== NONE) {
      const { array } = column;
      this.#free[sizeClass] =
        array[begin]! | (array[begin + 1]! << 8) | (array[begin + 2]! << 16) | (array[begin + 3]! << 24);
      return begin;
    }
    const end = column.length;
    const size = 1 << sizeClass;
    column.ensure(end + size);
    column.length = end + size;
    return end;
  }

  give(begin: number, sizeClass: number): void {
    const { column } = this;
    const next = this.#free[sizeClass]!;
    column.touchRange(begin, begin + 4);
    const { array } = column;
    array[begin] = next;
    array[begin + 1] = next >>> 8;
    array[begin + 2] = next >>> 16;
    array[begin + 3] = next >>> 24;
    this.#free[sizeClass] = begin;
  }
}

/** The class of the chunk that holds `bytes`. @param bytes at least 1 */
export function byteClassOf(bytes: number): number {
  return Math.max(LEAST_BYTES_CLASS, sizeClassOf(bytes));
}
