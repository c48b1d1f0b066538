/**
 * Where the bytes of a segment come from: a file, a part of one, or memory.
 */
import { assert } from "@strata/core";

/** Bytes that never change. */
export interface ByteSource {
  /** For messages: the name of the file. */
  readonly name: string;
  readonly size: number;
  /** Where in the file it begins; 0 when missing. For messages. */
  readonly start?: number | undefined;
  /**
   * The bytes [offset, offset + length), which lie inside the source. Never mutate them.
   *
   * @throws CorruptionError, IoError as whoever has the file sees fit; fewer bytes than asked for are taken for damage.
   */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes in memory. */
export class MemoryByteSource implements ByteSource {
  readonly name: string;
  readonly #bytes: Uint8Array;

  /** @param bytes not copied. */
  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** The part [offset, offset + length) of `source`: where several segments share a file, one of them. */
export function slice(source: ByteSource, offset: number, length: number): ByteSource {
  assert(offset >= 0 && length >= 0, "a slice has a place and a length");
  return new SourceSlice(source, offset, length);
}

class SourceSlice implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly start: number;
  readonly #source: ByteSource;
  readonly #offset: number;

  constructor(source: ByteSource, offset: number, length: number) {
    this.name = source.name;
    // A file that was cut shows as a segment that was.
    this.size = Math.max(0, Math.min(length, source.size - offset));
    this.start = (source.start ?? 0) + offset;
    this.#source = source;
    this.#offset = offset;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#source.read(this.#offset + offset, length);
  }
}
