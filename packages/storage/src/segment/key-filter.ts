/**
 * Which keys a table does not have, in ten bits a key: a Bloom filter in lines of 64 bytes, a key being in one of them. Lines lie in pages, each a
 * block of its own, so that a filter of any size costs a small part of the cache.
 *
 *   hash := FNV-1a of the bytes of the key, 32 bits, and the finaliser of MurmurHash3
 *   line := floor(hash * lines / 2^32)
 *   bits := (a + i * b) mod 512 for i from 0 to 5, bit n being bit n mod 8 of byte floor(n / 8) of the line
 *           mixed = finaliser of hash xor 0x9e3779b9, a = mixed mod 512, b = floor(mixed / 512) mod 512, made odd
 *
 * A line as small as one of memory's costs one miss there. Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007).
 */
import { ByteReader, ByteWriter } from "@strata/core";
import {
  BYTES_PER_FILTER_PAGE,
  CRC_SIZE,
  FILTER_KEYS_MIN,
  FILTER_LINE_BYTES,
  type FilterFooter,
} from "./segment-format.js";
import type { SegmentOutput } from "./segment-output.js";
import type { WorkBudget } from "./work-budget.js";

const BITS_PER_KEY = 10;
const LINE_BITS = 8 * FILTER_LINE_BYTES;
/** Bits that a key sets. */
const PROBES = 6;
export const LINES_PER_FILTER_PAGE: number = BYTES_PER_FILTER_PAGE / FILTER_LINE_BYTES;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const GOLDEN = 0x9e3779b9;

/** 32 bits. */
export function hashKey(bytes: Uint8Array, length: number): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return finalise(hash);
}

function finalise(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** One page, as it lies in the file. */
export class FilterPage {
  readonly cacheBytes: number;
  readonly #bytes: Uint8Array;

  constructor(payload: Uint8Array) {
    this.cacheBytes = payload.length;
    this.#bytes = payload;
  }

  /** @param line within the page. */
  mayHave(line: number, hash: number): boolean {
    const start = line * FILTER_LINE_BYTES;
    const mixed = finalise(hash ^ GOLDEN);
    const step = (mixed >>> 9) | 1;
    for (let i = 0, bit = mixed; i < PROBES; i++, bit += step) {
      const at = bit & (LINE_BITS - 1);
      if ((this.#bytes[start + (at >> 3)]! & (1 << (at & 7))) === 0) return false;
    }
    return true;
  }
}

/** Of all lines of a filter. */
export function filterLineOf(hash: number, lines: number): number {
  return Math.floor((hash * lines) / 2 ** 32);
}

/** Where the page lies that has a line, and which of its lines that is. */
export function filterPlaceOf(
  filter: FilterFooter,
  line: number,
): { readonly position: number; readonly size: number; readonly line: number } {
  const page = Math.floor(line / LINES_PER_FILTER_PAGE);
  const first = page * LINES_PER_FILTER_PAGE;
  return {
    position: filter.position + page * (BYTES_PER_FILTER_PAGE + CRC_SIZE),
    size: Math.min(LINES_PER_FILTER_PAGE, filter.lines - first) * FILTER_LINE_BYTES + CRC_SIZE,
    line: line - first,
  };
}

/** How many lines a table of so many keys has: none when they are few. */
export function filterLinesFor(keys: number): number {
  return keys < FILTER_KEYS_MIN ? 0 : Math.ceil((keys * BITS_PER_KEY) / LINE_BITS);
}

/** The lines of a filter that is being made. */
export class FilterLines {
  readonly bytes: Uint8Array;
  readonly #lines: number;

  constructor(lines: number) {
    this.bytes = new Uint8Array(lines * FILTER_LINE_BYTES);
    this.#lines = lines;
  }

  add(hash: number): void {
    const start = filterLineOf(hash, this.#lines) * FILTER_LINE_BYTES;
    const mixed = finalise(hash ^ GOLDEN);
    const step = (mixed >>> 9) | 1;
    for (let i = 0, bit = mixed; i < PROBES; i++, bit += step) {
      const at = bit & (LINE_BITS - 1);
      this.bytes[start + (at >> 3)]! |= 1 << (at & 7);
    }
  }
}

/** Gathers keys, and writes the filter once all are there. */
export class KeyFilterWriter {
  readonly #hashes = new ByteWriter(4096);

  add(key: Uint8Array, length: number): void {
    this.#hashes.u32(hashKey(key, length));
  }

  /** @returns `undefined` for a table of few keys, which has none. */
  *write(output: SegmentOutput, budget: WorkBudget): Generator<void, FilterFooter | undefined, undefined> {
    const keys = this.#hashes.length / 4;
    const lines = filterLinesFor(keys);
    if (lines === 0) return undefined;
    const filter = new FilterLines(lines);
    const hashes = new ByteReader(this.#hashes.view());
    while (hashes.remaining > 0) {
      filter.add(hashes.u32());
      budget.spend(0.05);
      if (budget.isSpent) yield;
    }
    const { position } = output;
    for (let start = 0; start < filter.bytes.length; start += BYTES_PER_FILTER_PAGE) {
      output.block(filter.bytes.subarray(start, start + BYTES_PER_FILTER_PAGE));
      budget.spendBytes(BYTES_PER_FILTER_PAGE);
      if (budget.isSpent) yield;
    }
    return { lines, position };
  }
}
