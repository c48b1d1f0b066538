import { crc32 } from "@strata/core";
import {
  FRAME_CRC_OFFSET,
  FRAME_DURABLE_OFFSET,
  FRAME_HEADER_SIZE,
  FRAME_LSN_OFFSET,
  FRAME_SIZE_OFFSET,
  FRAME_TYPE_OFFSET,
  FRAME_VERSION_OFFSET,
  readU64,
  writeU64,
} from "./wal-format.js";

const BUFFER_BYTES_MIN = 4 * 1024;
/** A buffer that one huge frame needed is given back afterwards. */
const BUFFER_BYTES_KEPT = 1024 * 1024;

/**
 * Encodes frames, one behind the other, into one buffer that is reused. Appending 200 bytes costs a copy and a checksum,
 * and allocates nothing.
 */
export class FrameEncoder {
  #bytes = new Uint8Array(BUFFER_BYTES_MIN);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What was encoded is `bytes[0, length)`; valid until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > BUFFER_BYTES_KEPT) this.#resize(BUFFER_BYTES_MIN);
  }

  /** Adds a frame. @returns its checksum. */
  add(salt: number, type: number, lsn: number, durableThrough: number, version: number, payload: Uint8Array): number {
    const size = payload.length;
    const start = this.#length;
    const end = start + FRAME_HEADER_SIZE + size;
    if (end > this.#bytes.length) this.#resize(Math.max(end, this.#bytes.length * 2));
    const bytes = this.#bytes;
    const view = this.#view;
    view.setUint32(start + FRAME_SIZE_OFFSET, size, true);
    writeU64(view, start + FRAME_LSN_OFFSET, lsn);
    writeU64(view, start + FRAME_DURABLE_OFFSET, durableThrough);
    writeU64(view, start + FRAME_VERSION_OFFSET, version);
    bytes[start + FRAME_TYPE_OFFSET] = type;
    bytes.set(payload, start + FRAME_HEADER_SIZE);
    const crc = crc32(bytes, start + FRAME_SIZE_OFFSET, end, salt);
    view.setUint32(start + FRAME_CRC_OFFSET, crc, true);
    this.#length = end;
    return crc;
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/**
 * Whether a whole frame stands at `offset`: its length fits below `limit`, it names its own position, its mark is not ahead
 * of it, its checksum holds. Nothing of it may be believed otherwise.
 *
 * @param lsn the position that `offset` has in the log.
 * @returns the offset behind the frame, or -1.
 */
export function frameEnd(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  limit: number,
  lsn: number,
  salt: number,
): number {
  if (offset + FRAME_HEADER_SIZE > limit) return -1;
  if (readU64(view, offset + FRAME_LSN_OFFSET) !== lsn) return -1;
  const end = offset + FRAME_HEADER_SIZE + view.getUint32(offset + FRAME_SIZE_OFFSET, true);
  if (end > limit) return -1;
  if (bytes[offset + FRAME_TYPE_OFFSET] === 0) return -1;
  if (readU64(view, offset + FRAME_DURABLE_OFFSET) > lsn) return -1;
  if (view.getUint32(offset + FRAME_CRC_OFFSET, true) !== crc32(bytes, offset + FRAME_SIZE_OFFSET, end, salt))
    return -1;
  return end;
}
