import type { WebAssemblyEngine, WebAssemblyMemory } from "./kernel-engine.js";

/** Bytes that addresses are multiples of: a line of the processor's caches. */
const ALIGNMENT = 64;
const PAGE_BYTES = 65_536;
/** One page short of 4 GiB, so that every address and every length fits in 32 bits. */
export const MEMORY_PAGES_MAX = 65_535;
const GROWTH_PAGES_MIN = 16;

/**
 * A WebAssembly memory, lent out in extents.
 *
 * 1. Free extents are listed by address; no two of them touch.
 * 2. Address 0 is never lent: it can stand for "none".
 * 3. Memory only grows. The views below are other objects after an extent was allocated: take them anew.
 */
export class KernelMemory {
  readonly memory: WebAssemblyMemory;
  readonly #pagesMax: number;
  f32: Float32Array;
  i32: Int32Array;
  i8: Int8Array;
  u8: Uint8Array;
  /** Addresses and lengths of what is free (invariant 1). */
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];

  /** @throws RangeError when the system has no address space left. */
  constructor(engine: WebAssemblyEngine, pagesMax: number = MEMORY_PAGES_MAX) {
    this.memory = new engine.Memory({ initial: 1 });
    this.#pagesMax = pagesMax;
    const { buffer } = this.memory;
    this.f32 = new Float32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.#starts.push(ALIGNMENT);
    this.#sizes.push(buffer.byteLength - ALIGNMENT);
  }

  /** An extent of at least `bytes`, what it holds being anybody's guess; 0 when there is no room. Where it fits first it is taken. */
  allocate(bytes: number): number {
    const size = wholeLines(bytes);
    let place = this.#sizes.findIndex((free) => free >= size);
    if (place < 0) {
      if (!this.#grow(size)) return 0;
      place = this.#sizes.length - 1;
    }
    const start = this.#starts[place]!;
    const rest = this.#sizes[place]! - size;
    if (rest === 0) {
      this.#starts.splice(place, 1);
      this.#sizes.splice(place, 1);
    } else {
      this.#starts[place] = start + size;
      this.#sizes[place] = rest;
    }
    return start;
  }

  /** Takes back the extent at `start`, which was allocated with the same `bytes`. */
  free(start: number, bytes: number): void {
    const size = wholeLines(bytes);
    const starts = this.#starts;
    const sizes = this.#sizes;
    let place = firstFrom(starts, start);
    if (place > 0 && starts[place - 1]! + sizes[place - 1]! === start) {
      place--;
      sizes[place]! += size;
    } else {
      starts.splice(place, 0, start);
      sizes.splice(place, 0, size);
    }
    if (place + 1 < starts.length && starts[place]! + sizes[place]! === starts[place + 1]!) {
      sizes[place]! += sizes[place + 1]!;
      starts.splice(place + 1, 1);
      sizes.splice(place + 1, 1);
    }
  }

  /** Bytes that are lent. */
  get usedBytes(): number {
    return this.u8.length - ALIGNMENT - this.#sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Makes the last free extent one of at least `size` bytes. */
  #grow(size: number): boolean {
    const end = this.u8.length;
    const last = this.#starts.length - 1;
    const atEnd = last >= 0 && this.#starts[last]! + this.#sizes[last]! === end ? this.#sizes[last]! : 0;
    const needed = Math.ceil((size - atEnd) / PAGE_BYTES);
    const pages = end / PAGE_BYTES;
    const wanted = Math.min(this.#pagesMax - pages, Math.max(needed, GROWTH_PAGES_MIN, pages >>> 3));
    if (needed > wanted || !(this.#growBy(wanted) || this.#growBy(needed))) return false;
    const added = this.u8.length - end;
    if (atEnd > 0) {
      this.#sizes[last]! += added;
    } else {
      this.#starts.push(end);
      this.#sizes.push(added);
    }
    return true;
  }

  #growBy(pages: number): boolean {
    try {
      this.memory.grow(pages);
    } catch (error) {
      // What an engine throws when the system has no more memory, or the engine no more address space.
      if (error instanceof RangeError) return false;
      throw error;
    }
    const { buffer } = this.memory;
    this.f32 = new Float32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    return true;
  }
}

/** What an extent of `bytes` takes. */
export function wholeLines(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Position of the first of ascending `starts` that is not below `start`. */
function firstFrom(starts: readonly number[], start: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
