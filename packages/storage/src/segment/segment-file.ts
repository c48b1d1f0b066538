/**
 * The reading end of a segment: its footer, and blocks that pass their checksums.
 */
import { ByteReader, CorruptionError, crc32, StateError } from "@strata/core";
import type { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { decodeFooter, type SegmentFooter } from "./segment-footer.js";
import { CRC_SIZE, HEADER_SIZE, SEGMENT_FORMAT_VERSION, TRAILER_SIZE } from "./segment-format.js";
import { blockSeed, saltOf } from "./segment-output.js";

/** The end of a segment is read in one piece when it is no longer than this. */
const TAIL_BYTES = 2048;

/** One segment. Opening reads its end, and nothing else. */
export class SegmentFile {
  readonly source: ByteSource;
  readonly cache: BlockCache;
  readonly footer: SegmentFooter;
  readonly salt: number;
  /** Where the footer begins: blocks lie before it. */
  readonly footerStart: number;

  /** @throws CorruptionError `SNAPSHOT_CORRUPT`; StateError `FORMAT_TOO_NEW` */
  constructor(source: ByteSource, cache: BlockCache) {
    this.source = source;
    this.cache = cache;
    const { size } = source;
    if (size < HEADER_SIZE + TRAILER_SIZE) throw this.corrupt(0, `a segment of ${size} bytes is too short to be one`);
    const tailSize = Math.min(size, TAIL_BYTES);
    let tail = this.#read(size - tailSize, tailSize);
    const trailer = new ByteReader(tail, tailSize - TRAILER_SIZE);
    const footerSize = trailer.u32();
    const formatVersion = trailer.u16();
    trailer.u16();
    this.salt = trailer.u32();
    const crc = trailer.u32();
    const whole = footerSize + TRAILER_SIZE;
    if (HEADER_SIZE + whole > size)
      throw this.corrupt(size - TRAILER_SIZE, "the end of a segment names a footer larger than it");
    if (whole > tailSize) tail = this.#read(size - whole, whole);
    const start = tail.length - whole;
    if (crc32(tail, start, tail.length - CRC_SIZE) !== crc) {
      throw this.corrupt(size - whole, "the end of a segment fails its checksum");
    }
    if (formatVersion > SEGMENT_FORMAT_VERSION) {
      throw new StateError("FORMAT_TOO_NEW", `${source.name} has format version ${formatVersion}`, {
        file: source.name,
        found: formatVersion,
        supported: SEGMENT_FORMAT_VERSION,
      });
    }
    this.footerStart = size - whole;
    this.footer = this.decode(this.footerStart, () =>
      decodeFooter(new ByteReader(tail, start, tail.length - TRAILER_SIZE)),
    );
    const { run, from, through } = this.footer;
    if (saltOf(run, from, through) !== this.salt) throw this.corrupt(this.footerStart, "a segment has two identities");
  }

  /** The payload of a block. Never mutate it. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  payload(position: number, size: number): Uint8Array {
    if (position < HEADER_SIZE || size < CRC_SIZE || position + size > this.footerStart) {
      throw this.corrupt(position, "a block lies outside its segment");
    }
    const bytes = this.#read(position, size);
    const end = size - CRC_SIZE;
    const crc = (bytes[end]! | (bytes[end + 1]! << 8) | (bytes[end + 2]! << 16) | (bytes[end + 3]! << 24)) >>> 0;
    if (crc32(bytes, 0, end, blockSeed(this.salt, position)) !== crc) {
      throw this.corrupt(position, "a block fails its checksum");
    }
    return bytes.subarray(0, end);
  }

  /** What `read` makes of the block at `position`: what it finds wrong with it is damage of this file. */
  decode<T>(position: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.damage(position, error);
    }
  }

  /** `error`, or what it means for this file when it says that bytes make no sense. */
  damage(position: number, error: unknown): unknown {
    if (!(error instanceof CorruptionError) || error.code === "SNAPSHOT_CORRUPT") return error;
    return this.corrupt(position, `a block passes its checksum and makes no sense: ${error.message}`, error);
  }

  corrupt(position: number, what: string, cause?: unknown): CorruptionError {
    const offset = (this.source.start ?? 0) + position;
    const facts = { file: this.source.name, offset };
    const message = `${this.source.name}, byte ${offset}: ${what}`;
    return new CorruptionError("SNAPSHOT_CORRUPT", message, facts, cause === undefined ? undefined : { cause });
  }

  #read(offset: number, length: number): Uint8Array {
    const bytes = this.source.read(offset, length);
    if (bytes.length !== length) throw this.corrupt(offset, `${length} bytes were expected, ${bytes.length} are there`);
    return bytes;
  }
}
