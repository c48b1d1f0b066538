/**
 * What one segment has of one log of events.
 */
import { ByteReader, CorruptionError, type Version } from "@strata/core";
import { CachedBlocks } from "./block-cache.js";
import type { SegmentFile } from "./segment-file.js";
import { decodePointer, type EventsFooter } from "./segment-footer.js";
import type { Pointer } from "./segment-format.js";

/** What the index of a log says. */
class EventIndex {
  readonly cacheBytes: number;
  readonly types: string[] = [];
  readonly counts: number[] = [];
  readonly postings: Pointer[] = [];
  /** Of each block: its first row and the version of that; the row behind the last block comes last. */
  readonly firstRows: number[] = [];
  readonly firstVersions: number[] = [];
  readonly blocks: Pointer[] = [];

  constructor(payload: Uint8Array) {
    const reader = new ByteReader(payload);
    for (let left = reader.varint(); left > 0; left--) {
      this.types.push(reader.text());
      this.counts.push(reader.varint());
      this.postings.push(decodePointer(reader));
    }
    let row = 0;
    let version = 0;
    for (let left = reader.varint(); left > 0; left--) {
      version += reader.varint();
      this.firstVersions.push(version);
      this.firstRows.push(row);
      row += reader.varint();
      this.blocks.push(decodePointer(reader));
    }
    this.firstRows.push(row);
    reader.expectEnd();
    this.cacheBytes = payload.length + 80 * this.types.length + 80 * this.blocks.length;
  }
}

/** Events of one block; records stay as they lie. */
class EventBlock {
  readonly cacheBytes: number;
  readonly versions: number[] = [];
  readonly types: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #bytes: Uint8Array;

  constructor(payload: Uint8Array) {
    this.#bytes = payload;
    const reader = new ByteReader(payload);
    let version = 0;
    while (reader.remaining > 0) {
      version += reader.varint();
      this.versions.push(version);
      this.types.push(reader.varint());
      const size = reader.varint();
      if (size > reader.remaining) throw new CorruptionError("CORRUPT_RECORD", "an event is longer than its block");
      this.#starts.push(reader.offset);
      this.#ends.push(reader.offset + size);
      reader.seek(reader.offset + size);
    }
    this.cacheBytes = payload.length + 32 * this.versions.length;
  }

  record(slot: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[slot]!, this.#ends[slot]!);
  }
}

/** Rows of events of one type. */
class Postings {
  readonly cacheBytes: number;
  readonly rows: Uint32Array;

  constructor(payload: Uint8Array, count: number, length: number) {
    if (count > payload.length) throw new CorruptionError("CORRUPT_RECORD", "a list of events is shorter than it says");
    this.rows = new Uint32Array(count);
    this.cacheBytes = 4 * count;
    const reader = new ByteReader(payload);
    let row = -1;
    for (let i = 0; i < count; i++) {
      const step = reader.varint();
      row += step;
      if (step === 0 || row >= length) throw new CorruptionError("CORRUPT_RECORD", "a list of events names none");
      this.rows[i] = row;
    }
    reader.expectEnd();
  }
}

const NO_ROWS = new Uint32Array(0);

/** Rows are counted within the segment. */
export class EventPart {
  readonly footer: EventsFooter;
  readonly #file: SegmentFile;
  readonly #indexes: CachedBlocks<EventIndex>;
  readonly #blocks: CachedBlocks<EventBlock>;

  constructor(file: SegmentFile, footer: EventsFooter) {
    this.#file = file;
    this.footer = footer;
    this.#indexes = new CachedBlocks(file.cache, (position, size) => {
      const payload = file.payload(position, size);
      const index = file.decode(position, () => new EventIndex(payload));
      if (index.firstRows.at(-1) !== footer.length)
        throw file.corrupt(position, "the index of a log has another length");
      return index;
    });
    this.#blocks = new CachedBlocks(file.cache, (position, size) => {
      const payload = file.payload(position, size);
      return file.decode(position, () => new EventBlock(payload));
    });
  }

  versionOf(row: number): Version {
    const index = this.#index;
    const block = lastAtOrBefore(index.firstRows, row);
    return this.#slot(this.#block(index, block).versions, row - index.firstRows[block]!, index.blocks[block]!);
  }

  typeOf(row: number): string {
    const index = this.#index;
    const block = lastAtOrBefore(index.firstRows, row);
    const type = this.#slot(this.#block(index, block).types, row - index.firstRows[block]!, index.blocks[block]!);
    return this.#slot(index.types, type, index.blocks[block]!);
  }

  record(row: number): Uint8Array {
    const index = this.#index;
    const block = lastAtOrBefore(index.firstRows, row);
    return this.#block(index, block).record(row - index.firstRows[block]!);
  }

  /** The last row with a version at or below `asOf`; -1 without one. */
  lastAtOrBefore(asOf: Version): number {
    if (asOf >= this.footer.lastVersion) return this.footer.length - 1;
    if (asOf < this.footer.firstVersion) return -1;
    const index = this.#index;
    const block = lastAtOrBefore(index.firstVersions, asOf);
    if (block < 0) return -1;
    return index.firstRows[block]! + lastAtOrBefore(this.#block(index, block).versions, asOf);
  }

  types(): readonly string[] {
    return this.#index.types;
  }

  rowsOf(type: string): Uint32Array {
    const index = this.#index;
    const id = index.types.indexOf(type);
    if (id < 0) return NO_ROWS;
    const { position, size } = index.postings[id]!;
    const payload = this.#file.payload(position, size);
    return this.#file.decode(position, () => new Postings(payload, index.counts[id]!, this.footer.length)).rows;
  }

  get #index(): EventIndex {
    return this.#indexes.get(this.footer.index.position, this.footer.index.size);
  }

  #block(index: EventIndex, block: number): EventBlock {
    const { position, size } = index.blocks[block]!;
    const found = this.#blocks.get(position, size);
    if (found.versions.length !== index.firstRows[block + 1]! - index.firstRows[block]!) {
      throw this.#file.corrupt(position, "a block of events has another number of them than its index says");
    }
    return found;
  }

  #slot<T>(list: readonly T[], slot: number, block: Pointer): T {
    const found = list[slot];
    if (found === undefined) throw this.#file.corrupt(block.position, "an event is not where its index says");
    return found;
  }
}

/** The last of ascending `values` that is at most `value`; -1 without one. */
export function lastAtOrBefore(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length; // values[i] <= value for i < low; > value for i >= high
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
