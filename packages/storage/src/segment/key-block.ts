/**
 * One block of keys with their entries, as it lies in the file: what is asked for is decoded, and nothing else.
 */
import { ByteReader, CorruptionError, type Version } from "@strata/core";
import type { Stored } from "../stored.js";
import { decodeStored, isTrimmedByte } from "../stored-codec.js";
import { KeyBytes } from "./key-bytes.js";

/** For decoding the keys of a block one after the other. */
const scratch = new KeyBytes();

export class KeyBlock {
  readonly cacheBytes: number;
  /** Position in the segment. */
  readonly position: number;
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  /** Of the next entry to read, or the one read last. */
  #version = 0;
  #storedStart = 0;
  #storedSize = 0;
  #bodyEnd = 0;

  constructor(payload: Uint8Array, position: number) {
    this.cacheBytes = payload.length;
    this.position = position;
    this.#bytes = payload;
    this.#reader = new ByteReader(payload);
  }

  /** Version of the entry that `nextEntry` came to. */
  get version(): Version {
    return this.#version;
  }

  /** Whether the entry that `nextEntry` came to stands for what retention dropped. */
  get isTrimmed(): boolean {
    return isTrimmedByte(this.#bytes[this.#storedStart]!);
  }

  /** Its bytes. */
  get storedBytes(): Uint8Array {
    return this.#bytes.subarray(this.#storedStart, this.#storedStart + this.#storedSize);
  }

  /** Its value. */
  stored(): Stored | undefined {
    const reader = new ByteReader(this.#bytes, this.#storedStart, this.#storedStart + this.#storedSize);
    const stored = decodeStored(reader);
    reader.expectEnd();
    return stored;
  }

  /**
   * Looks for a key, so that `nextEntry` gives its entries. Keys in a block are compared with one another by what they share with the one
   * before: that is all there is to see of most.
   *
   * @param through what the ages of entries count from.
   */
  seek(key: KeyBytes, through: Version): boolean {
    const reader = this.#reader;
    const bytes = this.#bytes;
    const wanted = key.bytes;
    reader.seek(0);
    let matched = 0; // bytes that `key` shares with the key before, which is below it
    while (reader.remaining > 0) {
      const shared = reader.varint();
      const size = reader.varint();
      const start = reader.offset;
      if (size > reader.remaining) throw damaged("a key");
      reader.seek(start + size);
      const bodySize = reader.varint();
      const body = reader.offset;
      if (bodySize > reader.remaining) throw damaged("the entries of a key");
      if (shared < matched) return false;
      if (shared === matched) {
        let i = 0;
        while (i < size && matched < key.length && bytes[start + i] === wanted[matched]) {
          i++;
          matched++;
        }
        if (i === size) {
          if (matched === key.length) {
            this.enter(body, body + bodySize, through);
            return true;
          }
        } else if (matched === key.length || bytes[start + i]! > wanted[matched]!) {
          return false;
        }
      }
      reader.seek(body + bodySize);
    }
    return false;
  }

  /** The entries in [start, end) are next. */
  enter(start: number, end: number, through: Version): void {
    this.#reader.seek(start);
    this.#bodyEnd = end;
    this.#version = through;
  }

  /** Goes on to the next older entry. @returns false at the end. */
  nextEntry(): boolean {
    const reader = this.#reader;
    if (reader.offset >= this.#bodyEnd) return false;
    this.#version -= reader.varint();
    const size = reader.varint();
    const start = reader.offset;
    if (size === 0 || start + size > this.#bodyEnd || this.#version <= 0) throw damaged("an entry");
    this.#storedStart = start;
    this.#storedSize = size;
    reader.seek(start + size);
    return true;
  }

  /** Where the reading of entries stands, and where they end, for `enter`. */
  get entryOffset(): number {
    return this.#reader.offset;
  }

  get entriesEnd(): number {
    return this.#bodyEnd;
  }

  /**
   * The keys in it; the entries of key i lie in [bodies[2 * i], bodies[2 * i + 1]). Decoded for each who asks: kept, they would take more
   * memory than the block.
   */
  groups(): { readonly keys: readonly string[]; readonly bodies: readonly number[] } {
    const keys: string[] = [];
    const bodies: number[] = [];
    const reader = new ByteReader(this.#bytes);
    let length = 0;
    while (reader.remaining > 0) {
      const shared = reader.varint();
      const size = reader.varint();
      if (shared > length || size > reader.remaining) throw damaged("a key");
      scratch.extend(shared, this.#bytes, reader.offset, size);
      length = scratch.length;
      reader.seek(reader.offset + size);
      const bodySize = reader.varint();
      if (bodySize > reader.remaining) throw damaged("the entries of a key");
      keys.push(scratch.toString());
      bodies.push(reader.offset, reader.offset + bodySize);
      reader.seek(reader.offset + bodySize);
    }
    return { keys, bodies };
  }
}

function damaged(what: string): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", `${what} does not fit its block`);
}
