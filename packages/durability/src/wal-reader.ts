import type { Vfs, VfsFile } from "./vfs.js";
import { mustRead } from "./vfs-io.js";
import {
  decodeSegmentHeader,
  FRAME_CRC_OFFSET,
  FRAME_DURABLE_OFFSET,
  FRAME_HEADER_SIZE,
  FRAME_LSN_OFFSET,
  FRAME_SIZE_OFFSET,
  FRAME_TYPE_OFFSET,
  FRAME_VERSION_OFFSET,
  FrameType,
  headerDamage,
  readU64,
  SEGMENT_BYTES_MAX,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
} from "./wal-format.js";
import { frameEnd } from "./wal-frame.js";

/** What a segment must say of itself to be the one that its name promises. */
export interface ExpectedSegment {
  readonly path: string;
  readonly databaseId: string;
  readonly epoch: number;
  readonly firstLsn: number;
}

/** A segment, read into memory. Its frames are not checked yet. */
export interface SegmentBytes {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Receives whole frames, in order. The payload is `bytes[start, end)`, valid during the call. */
export interface FrameVisitor {
  frame(
    type: number,
    lsn: number,
    durableThrough: number,
    version: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
}

/** Reads segments, one at a time: each `read` invalidates the bytes of the one before. */
export class SegmentReader {
  readonly #vfs: Vfs;
  #buffer = new Uint8Array(0);

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
  }

  /**
   * What a file has beyond the length that its header names is none of the segment.
   *
   * @throws {CorruptionError} `WAL_CORRUPT` when the header is damaged, or is another segment's
   * @throws {StateError} `FORMAT_TOO_NEW`
   */
  read(expected: ExpectedSegment): SegmentBytes {
    const file = this.#vfs.open(expected.path, "read");
    try {
      const header = readHeaderOf(file, expected);
      const size = Math.min(file.size(), header.sizeBytes);
      if (size > SEGMENT_BYTES_MAX) throw headerDamage(expected.path, `no segment has ${size} bytes`);
      if (size > this.#buffer.length) this.#buffer = new Uint8Array(size);
      const bytes = this.#buffer.subarray(0, size);
      mustRead(file, bytes, 0);
      return { path: expected.path, header, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
    } finally {
      file.close();
    }
  }

  /** The header alone. Throws like `read`. */
  readHeader(expected: ExpectedSegment): SegmentHeader {
    const file = this.#vfs.open(expected.path, "read");
    try {
      return readHeaderOf(file, expected);
    } finally {
      file.close();
    }
  }
}

function readHeaderOf(file: VfsFile, expected: ExpectedSegment): SegmentHeader {
  const page = new Uint8Array(Math.min(file.size(), SEGMENT_HEADER_SIZE));
  mustRead(file, page, 0);
  const header = decodeSegmentHeader(page, expected.path);
  checkIdentity(header, expected);
  return header;
}

function checkIdentity(header: SegmentHeader, expected: ExpectedSegment): void {
  let reason: string;
  if (header.databaseId !== expected.databaseId) reason = `it belongs to another database, ${header.databaseId}`;
  else if (header.epoch !== expected.epoch) reason = `it is a segment of epoch ${header.epoch}`;
  else if (header.firstLsn !== expected.firstLsn) reason = `it begins at LSN ${header.firstLsn}`;
  else return;
  throw headerDamage(expected.path, reason);
}

/** Offset in the file of an LSN that the segment holds. */
export function offsetOf(segment: { readonly header: SegmentHeader }, lsn: number): number {
  return SEGMENT_HEADER_SIZE + lsn - segment.header.firstLsn;
}

/** How a walk along the frames of a segment ended. */
export interface FrameWalk {
  /** LSN behind the last whole frame. */
  readonly endLsn: number;
  /**
   * `limit`: at the position that was asked for. `roll`: behind a roll frame. `invalid`: no frame begins at `endLsn`.
   * `overrun`: a whole frame begins there and reaches beyond the limit. `unknown`: one of a type that nobody has defined.
   */
  readonly kind: "limit" | "roll" | "invalid" | "overrun" | "unknown";
}

/** Visits the frames of a segment from `fromLsn` on, up to `limitLsn` (`undefined`: as far as they go). */
export function walkFrames(
  segment: SegmentBytes,
  fromLsn: number,
  limitLsn: number | undefined,
  visitor: FrameVisitor,
): FrameWalk {
  const { bytes, view } = segment;
  const salt = segment.header.salt;
  const fileEnd = bytes.length;
  let offset = offsetOf(segment, fromLsn);
  let lsn = fromLsn;
  while (lsn !== limitLsn) {
    const end = frameEnd(bytes, view, offset, fileEnd, lsn, salt);
    if (end === -1) return { endLsn: lsn, kind: "invalid" };
    const endLsn = lsn + (end - offset);
    if (limitLsn !== undefined && endLsn > limitLsn) return { endLsn: lsn, kind: "overrun" };
    const type = bytes[offset + FRAME_TYPE_OFFSET]!;
    if (type > FrameType.roll) return { endLsn: lsn, kind: "unknown" };
    const durable = readU64(view, offset + FRAME_DURABLE_OFFSET);
    const version = readU64(view, offset + FRAME_VERSION_OFFSET);
    visitor.frame(type, lsn, durable, version, bytes, offset + FRAME_HEADER_SIZE, end);
    lsn = endLsn;
    offset = end;
    if (type === FrameType.roll) return { endLsn: lsn, kind: "roll" };
  }
  return { endLsn: lsn, kind: "limit" };
}

/**
 * Whether a roll frame ends the segment before `lsn`, as its frames tell their lengths. Nothing is checked: what does not look like frames
 * is no reason to say so.
 */
export function endsBefore(segment: SegmentBytes, lsn: number): boolean {
  const { bytes, view } = segment;
  const target = offsetOf(segment, lsn);
  if (target > bytes.length) return true;
  let offset = SEGMENT_HEADER_SIZE;
  while (offset < target) {
    const type = bytes[offset + FRAME_TYPE_OFFSET]!;
    if (type === 0 || type > FrameType.roll) return false;
    offset += FRAME_HEADER_SIZE + view.getUint32(offset + FRAME_SIZE_OFFSET, true);
    if (type === FrameType.roll) return offset <= target;
  }
  return false;
}

/**
 * The highest durable-through mark in any frame that begins in `bytes[offset, end)`, wherever; 0 without one. It answers one
 * question: was the damage before it below what had been durable? Nothing found here is ever given to anybody as a commit.
 * (A frame is recognised by its own position and a checksum begun from the segment's salt: what a payload imitates has neither.)
 */
export function highestMarkIn(segment: SegmentBytes, from: number, to: number): number {
  const { bytes, view } = segment;
  const { firstLsn, salt } = segment.header;
  const last = Math.min(to, bytes.length) - FRAME_HEADER_SIZE;
  let highest = 0;
  for (let offset = from; offset <= last; offset++) {
    const lsn = firstLsn + offset - SEGMENT_HEADER_SIZE;
    // Almost every position fails here: the low byte of the position it would have to name.
    if (bytes[offset + FRAME_LSN_OFFSET] !== (lsn & 0xff)) continue;
    const end = frameEnd(bytes, view, offset, bytes.length, lsn, salt);
    if (end === -1) continue;
    const mark = readU64(view, offset + FRAME_DURABLE_OFFSET);
    if (mark > highest) highest = mark;
    offset = end - 1;
  }
  return highest;
}

/** Offset behind the last byte of `bytes[offset, …)` that is not zero; `offset` when all are. */
export function remainsEnd(bytes: Uint8Array, offset: number): number {
  let end = bytes.length;
  // Whole words first: what follows the log's end is usually a mebibyte of zeros or many.
  if (bytes.byteOffset % 4 === 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, end >> 2);
    let word = words.length;
    if (isZero(bytes, word * 4, end)) {
      while (word > 0 && words[word - 1] === 0) word--;
      end = word * 4;
    }
  }
  while (end > offset && bytes[end - 1] === 0) end--;
  return Math.max(offset, end);
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Checksum that stands in a frame. */
export function checksumAt(segment: SegmentBytes, lsn: number): number {
  return segment.view.getUint32(offsetOf(segment, lsn) + FRAME_CRC_OFFSET, true);
}
