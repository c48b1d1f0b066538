/**
 * Entries of one key in one block, from the newest on. Most of a document's are deltas, each against the entry before it.
 */
import { ByteReader, CorruptionError, type Version } from "@strata/core";
import type { Stored } from "../stored.js";
import { decodeStored, isDeltaByte, isTrimmedByte, valueIn } from "../stored-codec.js";
import { DELTAS_MAX } from "./segment-format.js";
import { shareStored } from "./share-value.js";
import { DeltaReader } from "./value-delta-reader.js";

const NONE = -1;

export class EntryWalk {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  #version = 0;
  #end = 0;
  /** The last entry that is whole, and the deltas since, up to the one it stands on: where each begins and ends. */
  readonly #bounds: number[] = [];
  /** Which of these it stands on. */
  #at = NONE;
  /** The one that was decoded last for somebody who goes on from there, and what came of it. */
  #knownAt = NONE;
  #known: Stored | undefined = undefined;

  /** @param bytes of the block. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes);
  }

  /** Version of the entry it stands on. */
  get version(): Version {
    return this.#version;
  }

  /** Whether that entry stands for what retention dropped. */
  get isTrimmed(): boolean {
    return isTrimmedByte(this.#firstByte);
  }

  /** Whether it has a delta in place of its value. */
  get isDelta(): boolean {
    return this.#at > 0;
  }

  /** Its bytes. */
  get storedBytes(): Uint8Array {
    return this.#bytes.subarray(this.#bounds[2 * this.#at]!, this.#bounds[2 * this.#at + 1]!);
  }

  get #firstByte(): number {
    return this.#bytes[this.#bounds[2 * this.#at]!]!;
  }

  /** The entries in [start, end) are next: all that the block has of a key. @param through what their ages count from. */
  enter(start: number, end: number, through: Version): void {
    this.#reader.seek(start);
    this.#end = end;
    this.#version = through;
    this.#at = NONE;
    this.#forget();
  }

  /** Enters what `other` has entered last and has read nothing of. */
  enterAs(other: EntryWalk): void {
    this.enter(other.#reader.offset, other.#end, other.#version);
  }

  /** Goes on to the next older entry. @returns false at the end. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.offset >= this.#end) return false;
    this.#version -= reader.varint();
    const size = reader.varint();
    const start = reader.offset;
    if (size === 0 || start + size > this.#end || this.#version <= 0) throw damaged("an entry does not fit its block");
    if (isDeltaByte(this.#bytes[start]!)) {
      if (this.#at === NONE || this.#at === DELTAS_MAX) throw damaged("a delta has nothing to begin from");
      this.#at++;
    } else {
      this.#at = 0;
      this.#forget();
    }
    this.#bounds[2 * this.#at] = start;
    this.#bounds[2 * this.#at + 1] = start + size;
    reader.seek(start + size);
    return true;
  }

  /** What the entry stores. */
  stored(): Stored | undefined {
    return decodeEntries(this.#bytes, this.#bounds, this.#knownAt + 1, this.#at, this.#known);
  }

  /**
   * As `stored`, for those who read entry after entry: the next one begins from there.
   *
   * @param newer what was read before it. If a whole entry has something in common with it, that is made the same object.
   */
  storedInTurn(newer?: Stored): Stored | undefined {
    const stored = this.stored();
    this.#known = this.#at === 0 && newer !== undefined ? shareStored(newer, stored) : stored;
    this.#knownAt = this.#at;
    return this.#known;
  }

  #forget(): void {
    this.#knownAt = NONE;
    this.#known = undefined;
  }
}

/** Nobody decodes while somebody does. */
const deltas = new DeltaReader();

/**
 * What the last of some entries stores, each of which but the first is a delta against the one before.
 *
 * @param bounds where they begin and end in `bytes`, by turns; entries `first` to `last` are read.
 * @param newer what the entry before stores, unless the first is whole.
 */
export function decodeEntries(
  bytes: Uint8Array,
  bounds: readonly number[],
  first: number,
  last: number,
  newer: Stored | undefined,
): Stored | undefined {
  let stored = newer;
  try {
    for (let i = first; i <= last; i++) stored = decodeEntry(bytes, bounds[2 * i]!, bounds[2 * i + 1]!, stored);
  } finally {
    deltas.finish();
  }
  return stored;
}

function decodeEntry(bytes: Uint8Array, start: number, end: number, newer: Stored | undefined): Stored | undefined {
  const reader = new ByteReader(bytes, start, end);
  const stored = isDeltaByte(bytes[start]!)
    ? decodeStored(reader, (delta) => {
        const value = valueIn(newer);
        if (value === undefined) throw damaged("a delta has nothing to begin from");
        return deltas.read(delta, value);
      })
    : decodeStored(reader);
  reader.expectEnd();
  return stored;
}

function damaged(what: string): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", what);
}
