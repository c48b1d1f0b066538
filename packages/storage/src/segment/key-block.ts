/**
 * One block of keys with their entries, as it lies in the file: what is asked for is decoded, and nothing else.
 */
import { ByteReader, CorruptionError, type Version } from "@strata/core";
import { EntryWalk } from "./entry-walk.js";
import { KeyBytes } from "./key-bytes.js";

/** For decoding the keys of a block one after the other. */
const scratch = new KeyBytes();

export class KeyBlock {
  readonly cacheBytes: number;
  /** Position in the segment. */
  readonly position: number;
  /** Where the reading of entries stands. Of nobody alone: to be used before somebody else has a turn. */
  readonly entries: EntryWalk;
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;

  constructor(payload: Uint8Array, position: number) {
    this.cacheBytes = payload.length;
    this.position = position;
    this.entries = new EntryWalk(payload);
    this.#bytes = payload;
    this.#reader = new ByteReader(payload);
  }

  /** The entries in [start, end) are next. */
  enter(start: number, end: number, through: Version): void {
    this.entries.enter(start, end, through);
  }

  /** Goes on to the next older entry. @returns false at the end. */
  nextEntry(): boolean {
    return this.entries.next();
  }

  /** Version of the entry that `nextEntry` came to. */
  get version(): Version {
    return this.entries.version;
  }

  /** Its bytes. If these have a delta, it is one of the entry before. */
  get storedBytes(): Uint8Array {
    return this.entries.storedBytes;
  }

  /** A walk of the caller's own over what `entries` has entered. */
  walk(): EntryWalk {
    const walk = new EntryWalk(this.#bytes);
    walk.enterAs(this.entries);
    return walk;
  }

  /**
   * Looks for a key, so that `entries` gives what there is of it. Keys in a block are compared with one another by what they share with the one
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
