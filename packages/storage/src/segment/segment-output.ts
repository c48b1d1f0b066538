/**
 * The writing end of a segment: blocks with their checksums, in pieces large enough for a file.
 */
import { ByteWriter, crc32 } from "@strata/core";
import {
  CRC_SIZE,
  HEADER_SIZE,
  type Pointer,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_MAGIC,
  TRAILER_SIZE,
} from "./segment-format.js";

const PIECE_BYTES = 1 << 16;

export class SegmentOutput {
  readonly salt: number;
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #pending = new ByteWriter(PIECE_BYTES + (PIECE_BYTES >>> 2));
  /** Bytes that went to the sink. */
  #written = 0;

  /** @param sink is given bytes that are good during the call only. */
  constructor(salt: number, sink: (bytes: Uint8Array) => void) {
    this.salt = salt;
    this.#sink = sink;
    this.#pending.raw(SEGMENT_MAGIC);
    this.#pending.u16(SEGMENT_FORMAT_VERSION);
    this.#pending.u16(0);
    this.#pending.u32(salt);
  }

  /** Where the next block begins. */
  get position(): number {
    return this.#written + this.#pending.length;
  }

  block(payload: Uint8Array): Pointer {
    const position = this.position;
    this.#pending.raw(payload);
    this.#pending.u32(crc32(payload, 0, payload.length, blockSeed(this.salt, position)));
    if (this.#pending.length >= PIECE_BYTES) this.#flush();
    return { position, size: payload.length + CRC_SIZE };
  }

  /** Writes the footer and the trailer: the end. */
  finish(footer: Uint8Array): void {
    const end = new ByteWriter(footer.length + TRAILER_SIZE);
    end.raw(footer);
    end.u32(footer.length);
    end.u16(SEGMENT_FORMAT_VERSION);
    end.u16(0);
    end.u32(this.salt);
    end.u32(crc32(end.view()));
    this.#pending.raw(end.view());
    this.#flush();
  }

  #flush(): void {
    const piece = this.#pending.view();
    this.#written += piece.length;
    this.#sink(piece);
    this.#pending.reset();
  }
}

/** What the checksum of a block begins from: blocks belong to one segment and one place in it. */
export function blockSeed(salt: number, position: number): number {
  return (salt + (position % 2 ** 32)) >>> 0;
}

export function saltOf(run: number, from: number, through: number): number {
  const identity = new ByteWriter(HEADER_SIZE * 2);
  identity.varint(run);
  identity.varint(from);
  identity.varint(through);
  return crc32(identity.view());
}
