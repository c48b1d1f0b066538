import { TERMS_BYTES } from "./distance-int8.js";
import { PLAIN_KERNEL, RELAXED_KERNEL } from "./kernel-bytes.js";
import { type GraphCallbacks, type WebAssemblyEngine, type WebAssemblyModule, webAssembly } from "./kernel-engine.js";
import { KernelMemory } from "./kernel-memory.js";
import type { Query } from "./row-store-query.js";

type GatherRows = (
  table: number,
  shift: number,
  stride: number,
  slots: number,
  count: number,
  query: number,
  out: number,
  limit: number,
) => void;
type ScanCodes = (
  codes: number,
  marks: number,
  stride: number,
  count: number,
  query: number,
  terms: number,
  out: number,
) => void;
type GatherCodes = (
  codes: number,
  marks: number,
  shift: number,
  stride: number,
  slots: number,
  count: number,
  query: number,
  terms: number,
  out: number,
) => void;
type ScanRows = (rows: number, stride: number, count: number, query: number, out: number, limit: number) => void;

type EncodeRow = (
  row: number,
  stride: number,
  codes: number,
  codeStride: number,
  marks: number,
  isEuclidean: number,
  margin: number,
) => number;

/** What the compiled kernel offers; its sources in `kernel/` say what is what. Addresses and strides are in bytes. */
export interface KernelCalls {
  readonly scanProducts: ScanRows;
  readonly scanDistances: ScanRows;
  readonly gatherProducts: GatherRows;
  readonly gatherDistances: GatherRows;
  readonly scanCodeProducts: ScanCodes;
  readonly scanCodeDistances: ScanCodes;
  readonly gatherCodeProducts: GatherCodes;
  readonly gatherCodeDistances: GatherCodes;
  readonly gatherRowCodeProducts: GatherCodes;
  readonly gatherRowCodeDistances: GatherCodes;
  readonly encodeRow: EncodeRow;
  readonly select: (proximities: number, count: number, threshold: number, base: number, positions: number) => number;
}

/** Rows that one call compares at most: what the kernel's lists have room for. */
export const CALL_ROWS = 16_384;
/** Kernels write whole groups of four, and read whole groups of sixteen. */
const LIST_BYTES = 4 * (CALL_ROWS + 16);

const NO_CALLBACKS: GraphCallbacks = { accept: () => false, touch: () => {} };

/** The compiled kernel over one memory, with places there for a query and for lists. They are used by one search at a time. */
export class Kernel {
  readonly calls: KernelCalls;
  readonly memory: KernelMemory;
  /** Whether it takes codes of queries as bytes with 64 added (see `kernel/int8.ts`). */
  readonly isRelaxed: boolean;
  /** Room for `CALL_ROWS` slots to be gathered, or positions selected. */
  readonly list: number;
  /** Room for the proximities of as many. */
  readonly out: number;
  /** Room for as many bounds, which stay until `boundsOf`, whose they are, or another computes new ones. */
  readonly bounds: number;
  boundsOf: object | undefined = undefined;
  /** Room for the terms of a row that is the query. */
  readonly rowTerms: number;
  /** What the walk of a graph calls back: set before each walk. */
  graph: GraphCallbacks = NO_CALLBACKS;
  readonly #vector: QueryPlace;
  readonly #codes: QueryPlace;

  /** @throws RangeError when there is no memory. */
  constructor(engine: WebAssemblyEngine, module: WebAssemblyModule, isRelaxed: boolean, memory: KernelMemory) {
    this.memory = memory;
    this.isRelaxed = isRelaxed;
    const imports = {
      env: { memory: memory.memory },
      hnsw: {
        accept: (slot: number) => this.graph.accept(slot),
        touch: (column: number, index: number) => this.graph.touch(column, index),
      },
    };
    this.calls = new engine.Instance(module, imports).exports as KernelCalls;
    this.list = memory.allocate(LIST_BYTES);
    this.out = memory.allocate(LIST_BYTES);
    this.bounds = memory.allocate(LIST_BYTES);
    this.rowTerms = memory.allocate(TERMS_BYTES);
    if (this.rowTerms === 0) throw new RangeError("no memory for the lists of a kernel");
    this.#vector = new QueryPlace();
    this.#codes = new QueryPlace();
  }

  /** Makes room for queries of so many components and codes. False when there is none: nothing has changed then. */
  reserve(components: number, codes: number): boolean {
    const codesBytes = codes > 0 ? 2 * TERMS_BYTES + 2 * codes : 0;
    return this.#vector.reserve(4 * components, this.memory) && this.#codes.reserve(codesBytes, this.memory);
  }

  /** Where the vector of `query` is: it is copied when it is not the one of the call before. */
  vectorAt(query: Query): number {
    const place = this.#vector;
    if (place.query !== query) {
      this.memory.f32.set(query.vector, place.start >>> 2);
      place.query = query;
    }
    return place.start;
  }

  /** Where the terms of `query` are, those of estimates, then those of bounds; its codes lie behind them. */
  termsAt(query: Query): number {
    const place = this.#codes;
    if (place.query !== query) {
      const { codes, terms } = query.coded;
      this.memory.f32.set(terms, place.start >>> 2);
      this.#writeCodes(codes, place.start + 2 * TERMS_BYTES);
      place.query = query;
    }
    return place.start;
  }

  /** Where the codes of a row are that is the query: in the place of those of another. */
  rowCodesAt(codes: Int8Array): number {
    this.#codes.query = undefined;
    this.memory.i8.set(codes, this.#codes.start);
    return this.#codes.start;
  }

  #writeCodes(codes: Int8Array, start: number): void {
    if (this.isRelaxed) {
      const { u8 } = this.memory;
      for (let i = 0; i < codes.length; i++) u8[start + i] = codes[i]! + 64;
    } else {
      new Int16Array(this.memory.memory.buffer, start, codes.length).set(codes);
    }
  }
}

/** An extent that holds what belongs to one query, until another comes. */
class QueryPlace {
  query: Query | undefined = undefined;
  start = 0;
  #bytes = 0;

  /** Makes room for at least `bytes`. */
  reserve(bytes: number, memory: KernelMemory): boolean {
    if (bytes <= this.#bytes) return true;
    const start = memory.allocate(bytes);
    if (start === 0) return false;
    if (this.#bytes > 0) memory.free(this.start, this.#bytes);
    this.start = start;
    this.#bytes = bytes;
    this.query = undefined;
    return true;
  }
}

/** Where rows get their kernel from. */
export interface KernelSource {
  /** The one to begin with; `undefined` where there is none: rows are kept and compared by JavaScript then. */
  current(): Kernel | undefined;
  /** Another one than `full`, whose memory is used up. */
  next(full: Kernel): Kernel | undefined;
}

export const NO_KERNELS: KernelSource = { current: () => undefined, next: () => undefined };

/** Makes kernels when they are needed, one after the other: a memory holds 4 GiB. */
export class Kernels implements KernelSource {
  readonly #isRelaxed: boolean | undefined;
  readonly #pagesMax: number | undefined;
  #module: WebAssemblyModule | undefined = undefined;
  #kernels: Kernel[] = [];
  #isOut = false;

  /** @param options.relaxed whether to use relaxed SIMD: where the engine has it, if not said; tests say. */
  constructor(options: { readonly relaxed?: boolean; readonly pagesMax?: number } = {}) {
    this.#isRelaxed = options.relaxed;
    this.#pagesMax = options.pagesMax;
  }

  current(): Kernel | undefined {
    return this.#kernels.at(-1) ?? this.#add();
  }

  next(full: Kernel): Kernel | undefined {
    const last = this.#kernels.at(-1);
    return last === full ? this.#add() : last;
  }

  #add(): Kernel | undefined {
    if (this.#isOut || !IS_LITTLE_ENDIAN || webAssembly === undefined) return undefined;
    try {
      const isRelaxed = this.#isRelaxed ?? hasRelaxedSimd();
      this.#module ??= new webAssembly.Module(decode(isRelaxed ? RELAXED_KERNEL : PLAIN_KERNEL));
      const kernel = new Kernel(webAssembly, this.#module, isRelaxed, new KernelMemory(webAssembly, this.#pagesMax));
      this.#kernels.push(kernel);
      return kernel;
    } catch (error) {
      // No SIMD, no leave to compile, or no memory: JavaScript does it.
      if (!(error instanceof webAssembly.CompileError || error instanceof RangeError)) throw error;
      this.#isOut = true;
      return undefined;
    }
  }
}

/** The kernels that all collections of this process share. */
export const sharedKernels: KernelSource = new Kernels();

export function hasRelaxedSimd(): boolean {
  return webAssembly?.validate(decode(RELAXED_KERNEL)) ?? false;
}

/** Rows lie in memory as they lie in files, and WebAssembly is little-endian everywhere. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
