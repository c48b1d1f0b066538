import { Column } from "../image/column.js";

/** Chunks of a pool are 2^0 … 2^30 elements. */
const CLASSES = 31;
const NONE = -1;
/** The least chunk of bytes has room for where the next free one lies. */
const LEAST_BYTES_CLASS = 2;

/** The power of two that `elements` fit into. @param elements at least 1 */
function sizeClassOf(elements: number): number {
  return 32 - Math.clz32(elements - 1);
}

/** The class of the chunk that holds `bytes`. @param bytes at least 1 */
export function byteClassOf(bytes: number): number {
  return Math.max(LEAST_BYTES_CLASS, sizeClassOf(bytes));
}

/**
 * Chunks of a growing array whose sizes are powers of two; what is given back is given out again.
 *
 * 1. A chunk is free or lent, never both.
 * 2. A free chunk begins with where the next free one of its size lies.
 */
abstract class ChunkPool<A extends Int32Array | Uint8Array> {
  readonly column: Column<A>;
  /** Of each size class the first free chunk. */
  readonly #free: Int32Array;

  constructor(column: Column<A>, free: readonly number[]) {
    this.column = column;
    this.#free = new Int32Array(CLASSES).fill(NONE);
    this.#free.set(free);
  }

  /** What must be kept with the column. */
  get free(): number[] {
    return Array.from(this.#free);
  }

  /** @returns where the chunk begins. What it holds means nothing, and is changed as anything else: after a touch. */
  take(sizeClass: number): number {
    const { column } = this;
    const begin = this.#free[sizeClass]!;
    if (begin !== NONE) {
      this.#free[sizeClass] = this.nextFree(begin);
      return begin;
    }
    const end = column.length;
    const size = 1 << sizeClass;
    column.ensure(end + size);
    column.length = end + size;
    return end;
  }

  give(begin: number, sizeClass: number): void {
    this.setNextFree(begin, this.#free[sizeClass]!);
    this.#free[sizeClass] = begin;
  }

  protected abstract nextFree(begin: number): number;
  protected abstract setNextFree(begin: number, next: number): void;
}

export class Int32Pool extends ChunkPool<Int32Array> {
  constructor(column: Column<Int32Array> = new Column(Int32Array), free: readonly number[] = []) {
    super(column, free);
  }

  protected nextFree(begin: number): number {
    return this.column.array[begin]!;
  }

  protected setNextFree(begin: number, next: number): void {
    this.column.touch(begin);
    this.column.array[begin] = next;
  }
}

export class BytePool extends ChunkPool<Uint8Array> {
  constructor(column: Column<Uint8Array> = new Column(Uint8Array), free: readonly number[] = []) {
    super(column, free);
  }

  protected nextFree(begin: number): number {
    const { array } = this.column;
    return array[begin]! | (array[begin + 1]! << 8) | (array[begin + 2]! << 16) | (array[begin + 3]! << 24);
  }

  protected setNextFree(begin: number, next: number): void {
    this.column.touchRange(begin, begin + 4);
    const { array } = this.column;
    array[begin] = next;
    array[begin + 1] = next >>> 8;
    array[begin + 2] = next >>> 16;
    array[begin + 3] = next >>> 24;
  }
}
