/**
 * The index of the blocks of one table: searched as it lies in the file.
 */
import { ByteReader, CorruptionError, compareCodePoints, type Version } from "@strata/core";
import { compareBytes, type KeyBytes } from "./key-bytes.js";
import { RowFlag } from "./segment-format.js";

export class KeyIndex {
  readonly cacheBytes: number;
  /** Number of blocks. */
  readonly rows: number;
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  readonly #through: Version;
  readonly #offsets: number;
  // Of the row read last.
  position = 0;
  size = 0;
  /** Whether the first key of the block has newer entries in the block before. */
  continues = false;
  #row = -1;
  #version = 0;
  /** Where the length of the key lies, before the key. */
  #textStart = 0;
  #keyStart = 0;
  #keyLength = 0;

  /** @throws CorruptionError `CORRUPT_RECORD` */
  constructor(payload: Uint8Array, through: Version) {
    this.cacheBytes = payload.length;
    this.#bytes = payload;
    this.#through = through;
    if (payload.length < 4) throw damaged();
    this.rows = new ByteReader(payload, payload.length - 4).u32();
    this.#offsets = payload.length - 4 - 4 * this.rows;
    if (this.#offsets < 0) throw damaged();
    this.#reader = new ByteReader(payload, 0, this.#offsets);
  }

  /** Reads a row: `position`, `size` and `continues` are those of its block then. @throws CorruptionError `CORRUPT_RECORD` */
  read(row: number): void {
    if (row === this.#row) return;
    this.#row = -1;
    const at = this.#offsets + 4 * row;
    const bytes = this.#bytes;
    const offset = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
    if (offset >= this.#offsets) throw damaged();
    const reader = this.#reader;
    reader.seek(offset);
    this.position = reader.varint();
    this.size = reader.varint();
    this.#version = this.#through - reader.varint();
    this.continues = (reader.u8() & RowFlag.continues) !== 0;
    this.#textStart = reader.offset;
    this.#keyLength = reader.varint();
    this.#keyStart = reader.offset;
    if (this.#keyLength > reader.remaining) throw damaged();
    this.#row = row;
  }

  /** The key that the block of the row read last begins with. */
  key(): string {
    this.#reader.seek(this.#textStart);
    return this.#reader.text();
  }

  /** The last block whose first entry is not behind (key, asOf); -1 when all are. */
  find(key: KeyBytes, asOf: Version): number {
    let low = 0;
    let high = this.rows; // not behind for rows < low; behind for rows >= high
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.read(middle);
      const order = this.#compare(key);
      if (order < 0 || (order === 0 && this.#version >= asOf)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Whether the first key of the block at `row` is `key`. */
  beginsWith(row: number, key: KeyBytes): boolean {
    if (row >= this.rows) return false;
    this.read(row);
    return this.#compare(key) === 0;
  }

  /** The first block whose first key is at or behind `key`; `rows` when there is none. Any string will do. */
  lowerBound(key: string): number {
    let low = 0;
    let high = this.rows; // before for rows < low; not before for rows >= high
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.read(middle);
      if (compareCodePoints(this.key(), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(key: KeyBytes): number {
    return compareBytes(this.#bytes, this.#keyStart, this.#keyLength, key.bytes, 0, key.length);
  }
}

function damaged(): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", "the index of a table does not fit its size");
}
