import { proximityLimit } from "./distance.js";
import type { KernelColumn } from "./hnsw-kernel-column.js";
import type { Kernel } from "./kernel.js";
import type { KernelRows } from "./row-store-kernel.js";

/** The columns of a graph, where they lie in the memory of a kernel. */
export interface LinkPlaces {
  readonly m: number;
  readonly ground: KernelColumn;
  readonly places: KernelColumn;
  readonly upper: KernelColumn;
  readonly twins: KernelColumn;
}

const FRAME_BYTES = 128;
/** Where answers are in the frame, in words. The word before them is the stamp, which is kept from call to call. */
const STAMP = 24;
const VISITED = 25;
const IS_CUT = 26;

const STAMP_MAX = 255;
/** Terms of a row that is the query, eight floats (see `kernel/int8.ts`); the rest is for a value that only has to be loaded. */
const TERMS_BYTES = 64;
/** Lists are compared in whole groups of four. */
const GROUP_BYTES = 16;

/**
 * What compiled walks need in the memory of a kernel beside rows and links: one for each kernel, for one walk at a time. `kernel/hnsw.ts` says
 * what it is all used for.
 */
export class WalkScratch {
  readonly kernel: Kernel;
  readonly frame: number;
  readonly #terms: number;
  readonly #lists: Extent;
  readonly #stamps: Extent;
  readonly #beam: Extent;
  #listBytes = 0;
  #foundBytes = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.frame = kernel.memory.allocate(FRAME_BYTES + TERMS_BYTES);
    this.#terms = this.frame + FRAME_BYTES;
    this.#lists = new Extent(kernel);
    this.#stamps = new Extent(kernel);
    this.#beam = new Extent(kernel);
    if (this.frame === 0) return;
    kernel.memory.i32[this.frame / 4 + STAMP] = STAMP_MAX;
    kernel.memory.f32.fill(0, this.#terms / 4, (this.#terms + TERMS_BYTES) / 4);
  }

  /** Makes room for a graph of `length` rows, lists of `neighbors` and a beam of `capacity`. False when there is none. */
  reserve(length: number, neighbors: number, capacity: number): boolean {
    if (this.frame === 0) return false;
    this.#listBytes = Math.max(this.#listBytes, (neighbors + 1) * 4 + GROUP_BYTES);
    this.#foundBytes = Math.max(this.#foundBytes, (capacity + 1) * 4 + GROUP_BYTES);
    const stampBytes = this.#stamps.bytes;
    if (!this.#lists.reserve(4 * this.#listBytes) || !this.#beam.reserve(4 * this.#foundBytes)) return false;
    if (!this.#stamps.reserve(length)) return false;
    // Bytes that nobody has stamped yet may look stamped: the next search begins with the stamps cleared.
    if (this.#stamps.bytes !== stampBytes) this.kernel.memory.i32[this.frame / 4 + STAMP] = STAMP_MAX;
    return true;
  }

  /** Lays out the frame of a call. */
  writeFrame(rows: KernelRows, byCodes: boolean, links: LinkPlaces): void {
    const { shape } = rows;
    const { i32, f32 } = this.kernel.memory;
    const limit = proximityLimit(shape.metric);
    const at = this.frame / 4;
    i32[at] = rows.vectorTable;
    i32[at + 1] = shape.shift;
    i32[at + 2] = 4 * shape.stride;
    f32[at + 3] = limit;
    i32[at + 4] = shape.metric === "euclidean" ? 1 : 0;
    i32[at + 5] = byCodes ? 1 : 0;
    i32[at + 6] = rows.codeTable;
    i32[at + 7] = rows.markTable;
    i32[at + 8] = shape.codeStride;
    i32[at + 9] = links.m;
    i32[at + 10] = links.ground.start;
    i32[at + 11] = links.places.start;
    i32[at + 12] = links.upper.start;
    i32[at + 13] = links.twins.start;
    i32[at + 14] = this.#stamps.start;
    i32[at + 15] = this.#stamps.bytes;
    i32[at + 16] = this.#lists.start;
    i32[at + 17] = this.#lists.start + this.#listBytes;
    i32[at + 18] = this.#lists.start + 2 * this.#listBytes;
    i32[at + 19] = this.#lists.start + 3 * this.#listBytes;
    i32[at + 20] = this.#terms;
    i32[at + 21] = this.#beam.start;
    i32[at + 22] = this.#beam.start + 2 * this.#foundBytes;
    i32[at + 23] = this.#beam.start + 3 * this.#foundBytes;
    f32[this.#terms / 4 + 3] = limit;
    f32[this.#terms / 4 + 5] = 1;
  }

  get visited(): number {
    return this.kernel.memory.i32[this.frame / 4 + VISITED]!;
  }

  get isCut(): boolean {
    return this.kernel.memory.i32[this.frame / 4 + IS_CUT] !== 0;
  }

  slotAt(position: number): number {
    return this.kernel.memory.i32[(this.#beam.start + 2 * this.#foundBytes) / 4 + position]!;
  }

  proximityAt(position: number): number {
    return this.kernel.memory.f32[(this.#beam.start + 3 * this.#foundBytes) / 4 + position]!;
  }
}

class Extent {
  start = 0;
  bytes = 0;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Makes room for at least `bytes`; what was there is lost when there was not. */
  reserve(bytes: number): boolean {
    if (bytes <= this.bytes) return true;
    const { memory } = this.#kernel;
    const wanted = Math.ceil((1.5 * bytes) / 64) * 64;
    if (this.bytes > 0) memory.free(this.start, this.bytes);
    this.start = memory.allocate(wanted);
    this.bytes = this.start === 0 ? 0 : wanted;
    return this.start !== 0;
  }
}

const scratches = new WeakMap<Kernel, WalkScratch>();

export function scratchOf(kernel: Kernel): WalkScratch {
  const known = scratches.get(kernel);
  if (known !== undefined) return known;
  const scratch = new WalkScratch(kernel);
  scratches.set(kernel, scratch);
  return scratch;
}
