/**
 * The entries of one key, as they are written into a segment.
 */
import { ByteWriter, type Version } from "@strata/core";
import type { Stored } from "../stored.js";
import {
  encodeStored,
  encodeStoredDelta,
  isDeadBoxByte,
  isDeadByte,
  isDeltaByte,
  isTrimmedByte,
} from "../stored-codec.js";

/** Newest first. Used again from key to key: memory is kept. */
export class EncodedEntries {
  readonly #versions: number[] = [];
  /** Where the bytes of each begin. */
  readonly #starts: number[] = [];
  readonly #bytes = new ByteWriter(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    this.#bytes.reset();
  }

  /** @param version below that of the entry before. */
  add(version: Version, stored: Stored | undefined): void {
    this.#begin(version);
    encodeStored(this.#bytes, stored);
  }

  /** As `add`, of an entry that is whole bytes already. */
  addBytes(version: Version, stored: Uint8Array): void {
    this.#begin(version);
    this.#bytes.raw(stored);
  }

  /** As `add`, of one whose value is written as a delta against that of the entry before. */
  addDelta(version: Version, stored: Stored, delta: Uint8Array): void {
    this.#begin(version);
    encodeStoredDelta(this.#bytes, stored, delta);
  }

  versionOf(index: number): Version {
    return this.#versions[index]!;
  }

  sizeOf(index: number): number {
    const end = index + 1 < this.#length ? this.#starts[index + 1]! : this.#bytes.length;
    return end - this.#starts[index]!;
  }

  isDead(index: number): boolean {
    return isDeadByte(this.#firstByteOf(index));
  }

  isDeadBox(index: number): boolean {
    return isDeadBoxByte(this.#firstByteOf(index));
  }

  isTrimmed(index: number): boolean {
    return isTrimmedByte(this.#firstByteOf(index));
  }

  /** Whether it can be read only together with the entry before. */
  isDelta(index: number): boolean {
    return isDeltaByte(this.#firstByteOf(index));
  }

  /** A view of what lies in the list: good until something is added. */
  storedOf(index: number): Uint8Array {
    const start = this.#starts[index]!;
    return this.#bytes.reserve(0).subarray(start, start + this.sizeOf(index));
  }

  #begin(version: Version): void {
    this.#versions[this.#length] = version;
    this.#starts[this.#length] = this.#bytes.length;
    this.#length++;
  }

  #firstByteOf(index: number): number {
    return this.#bytes.reserve(0)[this.#starts[index]!]!;
  }
}
