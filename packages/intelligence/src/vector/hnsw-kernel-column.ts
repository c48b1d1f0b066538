import { Column } from "../image/index.js";
import { continueLineage } from "../image/lineage.js";
import type { Kernel } from "./kernel.js";
import type { KernelMemory } from "./kernel-memory.js";

const FIRST_CAPACITY = 16;
const GROWTH = 1.25;
const ELEMENT_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** Where a column lies. `start` is 0 when it has no memory there. */
interface Extent {
  readonly memory: KernelMemory;
  start: number;
  bytes: number;
}

/**
 * A column whose array lies in the memory of a kernel, so that what is compiled follows links where they are. When there is no room left it
 * goes on in an array of its own, and `start` is 0.
 *
 * `array` is another object after the memory has grown, whoever made it grow: it is read anew after every call of anything that may allocate.
 */
export class KernelColumn extends Column<Int32Array> {
  readonly #extent: Extent;
  /** The extent as it was seen last, or the array of its own. */
  #array: Int32Array = new Int32Array(0);

  constructor({ memory }: Kernel) {
    super(Int32Array, 0);
    this.#extent = { memory, start: 0, bytes: 0 };
    // In the base it is a field: as an accessor there it would make pushing, and reading elements one by one, a tenth slower for every column. A
    // view of memory that grows has to be looked up, so instances of this one get an accessor in its place.
    Object.defineProperty(this, "array", { get: () => this.#current() });
    forgotten.register(this, this.#extent, this.#extent);
  }

  /** A column of what `saved` holds, which takes its place in images. */
  static from(kernel: Kernel, saved: Column<Int32Array>): KernelColumn {
    const column = new KernelColumn(kernel);
    column.ensure(saved.length);
    column.array.set(saved.array.subarray(0, saved.length));
    column.length = saved.length;
    column.fix().written();
    continueLineage(saved, column);
    return column;
  }

  /** Address of the first element; 0 when it does not lie in the memory of the kernel. */
  get start(): number {
    return this.#extent.start;
  }

  override ensure(length: number): void {
    if (length > this.array.length) this.#enlarge(Math.max(length, FIRST_CAPACITY, Math.ceil(this.length * GROWTH)));
  }

  override push(value: number): number {
    const index = this.length;
    this.ensure(index + 1);
    this.array[index] = value;
    this.length = index + 1;
    return index;
  }

  /** Gives the memory back; the column is empty then. */
  dispose(): void {
    this.length = 0;
    this.#array = new Int32Array(0);
    release(this.#extent);
    forgotten.unregister(this.#extent);
  }

  #enlarge(capacity: number): void {
    const extent = this.#extent;
    const { memory } = extent;
    const bytes = capacity * ELEMENT_BYTES;
    const isOutside = extent.start === 0 && this.length > 0;
    const start = isOutside ? 0 : memory.allocate(bytes);
    const before = this.array;
    const grown = start === 0 ? new Int32Array(capacity) : new Int32Array(memory.memory.buffer, start, capacity);
    grown.set(before.subarray(0, this.length));
    release(extent);
    extent.start = start;
    extent.bytes = bytes;
    this.#array = grown;
  }

  /** Growing detaches every view of the memory: an array that lies there is looked up again. */
  #current(): Int32Array {
    const { memory, start, bytes } = this.#extent;
    if (start !== 0 && this.#array.buffer !== memory.memory.buffer) {
      this.#array = new Int32Array(memory.memory.buffer, start, bytes / ELEMENT_BYTES);
    }
    return this.#array;
  }
}

function release(extent: Extent): void {
  if (extent.start !== 0) extent.memory.free(extent.start, extent.bytes);
  extent.start = 0;
  extent.bytes = 0;
}

const forgotten = new FinalizationRegistry<Extent>(release);
