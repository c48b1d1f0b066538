import { CorruptionError, type Random } from "@strata/core";
import type { LogPiece, LogScan } from "./log-scan.js";
import type { Manifest } from "./manifest.js";
import { createSegment } from "./segment-file.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { writeFully } from "./vfs-io.js";
import {
  FRAME_HEADER_SIZE,
  FrameType,
  preparedPath,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
} from "./wal-format.js";
import { FrameEncoder } from "./wal-frame.js";
import { type FrameVisitor, type SegmentBytes, SegmentReader, walkFrames } from "./wal-reader.js";
import { type ActiveSegment, randomSalt, type SegmentSizes, versionReserve } from "./wal-writer.js";

export interface TailCopyContext {
  readonly vfs: Vfs;
  readonly random: Random;
  readonly sizes: SegmentSizes;
  /** Segments at the log's end that hold no more than this are copied into the new one, so that short sessions leave one file. */
  readonly consolidateBytes: number;
}

/** The log's tail as it now stands in segments of the new epoch. */
export interface CopiedTail {
  /** The last of them, in which the log goes on. */
  readonly active: ActiveSegment;
  /** Where the first of them begins in the log. */
  readonly fromLsn: number;
  /** Of the last frame. */
  readonly checksum: number;
}

const COPY_CHUNK_BYTES = 1024 * 1024;

/**
 * Begins the epoch of `manifest`: copies the log's tail into segments of its own and makes them durable. The old ones are not
 * touched. A tail of many segments stays many: the boundaries of the old ones are kept, so that none grows without bound.
 *
 * @throws {LogPoisoned} {IoError}
 * @throws {CorruptionError} `WAL_CORRUPT` when what was just read cannot be read again.
 */
export function copyTail(context: TailCopyContext, manifest: Manifest, scan: LogScan): CopiedTail {
  const reader = new SegmentReader(context.vfs);
  const fromLsn = copyStart(context, manifest, scan, reader);
  const parts = partsOf(scan, fromLsn, context.sizes.maxBytes);
  let { checksum } = scan;
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const header = headerFor(context, manifest, scan, part, isLast);
    const plan = { header, temporaryPath: preparedPath(header.epoch, 0), prepared: false };
    const file = createSegment(context.vfs, plan, (target) => {
      const copier = new FrameCopier(target, header.salt, checksum, isLast ? undefined : part.toLsn);
      for (const piece of part.pieces) copyPiece(reader, manifest.databaseId, piece, part.fromLsn, copier);
      checksum = copier.checksum;
      return copier.finish();
    });
    if (isLast)
      return { active: { header, path: segmentPath(header.epoch, header.firstLsn), file }, fromLsn, checksum };
    file.close();
  }
  throw new CorruptionError("WAL_CORRUPT", "a log has at least one segment");
}

/** What goes into one new segment. */
interface TailPart {
  readonly fromLsn: number;
  readonly toLsn: number;
  readonly pieces: readonly LogPiece[];
}

function partsOf(scan: LogScan, fromLsn: number, bytesMax: number): TailPart[] {
  const parts: TailPart[] = [];
  let pieces: LogPiece[] = [];
  let start = fromLsn;
  for (const piece of scan.pieces) {
    if (piece.endLsn <= fromLsn) continue;
    // Between segments of one epoch stands a roll frame, which the copy needs in the same place.
    const mayBeginHere = pieces.at(-1)?.epoch === piece.epoch;
    if (mayBeginHere && piece.endLsn - start > bytesMax) {
      parts.push({ fromLsn: start, toLsn: piece.firstLsn, pieces });
      start = piece.firstLsn;
      pieces = [];
    }
    pieces.push(piece);
  }
  parts.push({ fromLsn: start, toLsn: scan.endLsn, pieces });
  return parts;
}

function headerFor(
  context: TailCopyContext,
  manifest: Manifest,
  scan: LogScan,
  part: TailPart,
  isLast: boolean,
): SegmentHeader {
  const { sizes, random } = context;
  const copiedBytes = part.toLsn - part.fromLsn;
  let sizeBytes = SEGMENT_HEADER_SIZE + copiedBytes;
  if (isLast) {
    // Room for at least as much again.
    sizeBytes = sizes.firstBytes;
    while (sizeBytes < sizes.maxBytes && SEGMENT_HEADER_SIZE + copiedBytes * 2 > sizeBytes) sizeBytes *= 2;
    sizeBytes = Math.max(sizeBytes, copiedBytes + sizes.firstBytes);
  }
  return {
    databaseId: manifest.databaseId,
    epoch: manifest.epoch,
    firstLsn: part.fromLsn,
    versionLimit: scan.nextVersion + versionReserve(sizeBytes),
    sizeBytes,
    salt: randomSalt(random),
  };
}

/**
 * From where the log is copied: from the highest durable-through mark at the latest; from further back where that spares
 * small segments. Always the beginning of a frame.
 */
function copyStart(context: TailCopyContext, manifest: Manifest, scan: LogScan, reader: SegmentReader): number {
  let start = scan.durableLsn;
  for (const piece of scan.pieces) {
    if (scan.endLsn - piece.firstLsn <= context.consolidateBytes) return Math.min(start, piece.firstLsn);
    if (start <= piece.firstLsn || start >= piece.endLsn) continue;
    // A mark names the end of a frame. Should one not, the whole piece is copied.
    const segment = readPiece(reader, manifest.databaseId, piece);
    if (walkFrames(segment, piece.firstLsn, start, NO_VISITOR).kind !== "limit") start = piece.firstLsn;
  }
  return start;
}

function readPiece(reader: SegmentReader, databaseId: string, { path, epoch, segmentLsn }: LogPiece): SegmentBytes {
  return reader.read({ path, databaseId, epoch, firstLsn: segmentLsn });
}

const NO_VISITOR: FrameVisitor = { frame() {} };

function copyPiece(
  reader: SegmentReader,
  databaseId: string,
  piece: LogPiece,
  fromLsn: number,
  copier: FrameCopier,
): void {
  const segment = readPiece(reader, databaseId, piece);
  const walk = walkFrames(segment, Math.max(piece.firstLsn, fromLsn), piece.endLsn, copier);
  if (walk.endLsn === piece.endLsn) return;
  const reason = "what was read a moment ago cannot be read again";
  throw new CorruptionError("WAL_CORRUPT", `${piece.path}: ${reason}`, { file: piece.path, reason, lsn: walk.endLsn });
}

/** Writes frames again, one behind the other, under another segment's salt. Positions, versions and marks stay. */
class FrameCopier implements FrameVisitor {
  readonly #file: VfsFile;
  readonly #salt: number;
  readonly #rollLsn: number | undefined;
  readonly #encoder = new FrameEncoder();
  #offset = SEGMENT_HEADER_SIZE;
  #checksum: number;

  /** @param rollLsn behind the roll frame that stays one; where other segments ended the log now goes on. */
  constructor(file: VfsFile, salt: number, checksum: number, rollLsn: number | undefined) {
    this.#file = file;
    this.#salt = salt;
    this.#checksum = checksum;
    this.#rollLsn = rollLsn;
  }

  get checksum(): number {
    return this.#checksum;
  }

  frame(
    type: number,
    lsn: number,
    durableThrough: number,
    version: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const isPassed = type === FrameType.roll && lsn + FRAME_HEADER_SIZE !== this.#rollLsn;
    const copied = isPassed ? FrameType.mark : type;
    this.#checksum = this.#encoder.add(this.#salt, copied, lsn, durableThrough, version, bytes.subarray(start, end));
    if (this.#encoder.length >= COPY_CHUNK_BYTES) this.finish();
  }

  /** @returns the offset behind what was written. */
  finish(): number {
    const length = this.#encoder.length;
    if (length > 0) writeFully(this.#file, this.#encoder.bytes, 0, length, this.#offset);
    this.#offset += length;
    this.#encoder.reset();
    return this.#offset;
  }
}
