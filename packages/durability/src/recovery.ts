import { type Clock, CorruptionError, type Logger, type Random, StateError, StrataError } from "@strata/core";
import { type CommitVisitor, type LogPiece, type LogScan, scanLog } from "./log-scan.js";
import { ENDINGS_MAX, type EpochEnding, type LogSpan, type Manifest } from "./manifest.js";
import { type DirectorySurvey, OwnManifests, selectManifest, surveyDirectory } from "./manifest-directory.js";
import { createSegment } from "./segment-file.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { writeFully } from "./vfs-io.js";
import {
  databaseIdText,
  FrameType,
  PREPARED_NAME_PATTERN,
  preparedPath,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
  WAL_DIRECTORY,
} from "./wal-format.js";
import { FrameEncoder } from "./wal-frame.js";
import { type FrameVisitor, SegmentReader, walkFrames } from "./wal-reader.js";
import { type ActiveSegment, randomSalt, type SegmentSizes, versionReserve } from "./wal-writer.js";

export interface RecoveryContext {
  readonly vfs: Vfs;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly sizes: SegmentSizes;
  /** Segments at the log's end that hold no more than this are copied into the new one, so that short sessions leave one file. */
  readonly consolidateBytes: number;
  readonly salvage: boolean;
}

/** What recovery hands over. */
export interface RecoveredLog {
  readonly databaseId: string;
  readonly scan: LogScan;
  readonly endings: readonly EpochEnding[];
  readonly created: boolean;
  readonly clean: boolean;
}

/** The same, ready to append. */
export interface OwnedLog extends RecoveredLog {
  readonly manifests: OwnManifests;
  readonly active: ActiveSegment;
  /** Of the last frame, as it now stands in the log. */
  readonly checksum: number;
}

/** Written behind the name of a segment that salvage gave up. */
const LOST_SUFFIX = ".lost";
const COPY_CHUNK_BYTES = 1024 * 1024;

/**
 * Reads the log without changing a byte.
 *
 * @throws {StateError} `READ_ONLY` when there is no database.
 */
export function recoverForReading(
  context: RecoveryContext,
  visit: CommitVisitor,
): RecoveredLog & { readonly epoch: number } {
  const { vfs, salvage } = context;
  const survey = surveyDirectory(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  if (selected === undefined) {
    throw new StateError("READ_ONLY", `${vfs.name} holds no database, and opening it read-only does not make one`, {
      path: vfs.name,
    });
  }
  const { manifest } = selected;
  const how = { salvage, mayBeTrimmed: selected.damaged.length > 0 };
  const scan = scanLog(vfs, manifest, survey.segments, how, visit);
  const clean = manifest.clean !== undefined && scan.lost.length === 0;
  return {
    databaseId: manifest.databaseId,
    epoch: manifest.epoch,
    scan,
    endings: endingsAfter(manifest, scan),
    created: false,
    clean,
  };
}

/**
 * Takes the log over and makes it ready to append. The caller holds the lock.
 *
 *  1. The manifest is read, and so is the format version of every segment: what is too new, or no database, is left as it is.
 *  2. The epoch is raised, durably. From here on a former owner that still runs can acknowledge nothing.
 *  3. The log is read and its commits are visited.
 *  4. A new segment of the new epoch is made. It begins with a copy of everything that may not be on stable storage: an
 *     fsync repeated on the old pages might report success and write nothing.
 *  5. A manifest says, durably, that the log goes on in that segment. Only then is anything older removed.
 *
 * Whatever interrupts it, at any step, leaves a directory from which it can be done again with the same result: until step
 * 5 is done the log is still the one that the old manifest describes, and segments of an epoch that no manifest mentions
 * are ignored.
 */
export function recoverForWriting(context: RecoveryContext, visit: CommitVisitor): OwnedLog {
  const { vfs, salvage, logger } = context;
  const survey = surveyDirectory(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  const base = selected?.manifest ?? newManifest(context);
  checkFormatVersions(vfs, base, survey);
  const manifests = OwnManifests.raiseEpoch(vfs, base, survey, selected?.damaged ?? []);
  makeLogDirectory(vfs);
  const segments = surveyDirectory(vfs).segments;
  const how = { salvage, mayBeTrimmed: (selected?.damaged.length ?? 0) > 0 };
  const scan = scanLog(vfs, manifests.current, segments, how, visit);
  const { active, fromLsn, checksum } = beginSegment(context, manifests.current, scan);
  const spans: LogSpan[] = manifests.current.spans.filter((span) => span.fromLsn < fromLsn);
  spans.push({ epoch: manifests.current.epoch, fromLsn, durableLsn: scan.endLsn });
  const endings = endingsAfter(manifests.current, scan);
  const clean = selected?.manifest.clean !== undefined && scan.lost.length === 0;
  try {
    manifests.replace({ spans, endings, nextVersion: scan.nextVersion, clean: undefined });
    sweep(vfs, manifests.current, scan, logger);
    manifests.checkFence();
  } catch (error) {
    active.file.close();
    throw error;
  }
  const created = selected === undefined;
  return { databaseId: base.databaseId, scan, endings, created, clean, manifests, active, checksum };
}

function newManifest(context: RecoveryContext): Omit<Manifest, "epoch" | "number"> {
  return {
    databaseId: databaseIdText(context.random.bytes(16)),
    createdAt: Math.floor(context.clock.now()),
    nextVersion: 1,
    spans: [],
    endings: [],
    clean: undefined,
  };
}

/** Nothing is written before it is known that everything can be read. Damage is judged later, with all the facts. */
function checkFormatVersions(vfs: Vfs, manifest: Omit<Manifest, "epoch" | "number">, survey: DirectorySurvey): void {
  const reader = new SegmentReader(vfs);
  for (const segment of survey.segments) {
    try {
      reader.readHeader({ ...segment, databaseId: manifest.databaseId });
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
  }
}

function makeLogDirectory(vfs: Vfs): void {
  if (vfs.exists(WAL_DIRECTORY)) return;
  vfs.makeDirectory(WAL_DIRECTORY);
  vfs.syncDirectory("");
}

/** The last version of each epoch, with the one that has just ended. */
function endingsAfter(manifest: Manifest, scan: LogScan): readonly EpochEnding[] {
  const epoch = manifest.spans.at(-1)?.epoch;
  const known = manifest.endings.at(-1);
  if (epoch === undefined || (known !== undefined && (scan.lastVersion <= known.lastVersion || known.epoch >= epoch))) {
    return manifest.endings;
  }
  return [...manifest.endings, { epoch, lastVersion: scan.lastVersion }].slice(-ENDINGS_MAX);
}

interface BegunSegment {
  readonly active: ActiveSegment;
  /** Where the segment begins in the log. */
  readonly fromLsn: number;
  readonly checksum: number;
}

/** Makes the first segment of this epoch, with a copy of the log's tail. */
function beginSegment(context: RecoveryContext, manifest: Manifest, scan: LogScan): BegunSegment {
  const { vfs, random, sizes } = context;
  const { databaseId, epoch } = manifest;
  const reader = new SegmentReader(vfs);
  const fromLsn = copyStart(context, manifest, scan, reader);
  const copiedBytes = scan.endLsn - fromLsn;
  let sizeBytes = sizes.firstBytes;
  while (sizeBytes < sizes.maxBytes && SEGMENT_HEADER_SIZE + copiedBytes * 2 > sizeBytes) sizeBytes *= 2;
  sizeBytes = Math.max(sizeBytes, copiedBytes + sizes.firstBytes);
  const header: SegmentHeader = {
    databaseId,
    epoch,
    firstLsn: fromLsn,
    versionLimit: scan.nextVersion + versionReserve(sizeBytes),
    sizeBytes,
    salt: randomSalt(random),
  };
  let checksum = scan.checksum;
  const temporaryPath = preparedPath(epoch, 0);
  const file = createSegment(vfs, { header, temporaryPath, prepared: false }, (target) => {
    const copier = new FrameCopier(target, header.salt, checksum);
    for (const piece of scan.pieces) copyPiece(reader, databaseId, piece, fromLsn, copier);
    checksum = copier.checksum;
    return copier.finish();
  });
  return { active: { header, path: segmentPath(epoch, fromLsn), file }, fromLsn, checksum };
}

/**
 * From where the log is copied: from the highest durable-through mark at the latest; from further back where that spares
 * small segments. Always the beginning of a frame.
 */
function copyStart(context: RecoveryContext, manifest: Manifest, scan: LogScan, reader: SegmentReader): number {
  let start = scan.durableLsn;
  for (const piece of scan.pieces) {
    if (scan.endLsn - piece.firstLsn <= context.consolidateBytes) return Math.min(start, piece.firstLsn);
    if (start <= piece.firstLsn || start >= piece.endLsn) continue;
    // A mark names the end of a frame. Should one not, the whole piece is copied.
    const segment = reader.read({ ...piece, databaseId: manifest.databaseId });
    if (walkFrames(segment, piece.firstLsn, start, NO_VISITOR).kind !== "limit") start = piece.firstLsn;
  }
  return start;
}

const NO_VISITOR: FrameVisitor = { frame() {} };

function copyPiece(
  reader: SegmentReader,
  databaseId: string,
  piece: LogPiece,
  fromLsn: number,
  copier: FrameCopier,
): void {
  if (piece.endLsn <= fromLsn) return;
  const segment = reader.read({ ...piece, databaseId });
  const start = Math.max(piece.firstLsn, fromLsn);
  const walk = walkFrames(segment, start, piece.endLsn, copier);
  if (walk.endLsn === piece.endLsn) return;
  const reason = "what was read a moment ago cannot be read again";
  throw new CorruptionError("WAL_CORRUPT", `${piece.path}: ${reason}`, { file: piece.path, reason, lsn: walk.endLsn });
}

/** Writes frames again, one behind the other, under another segment's salt. Positions, versions and marks stay. */
class FrameCopier implements FrameVisitor {
  readonly #file: VfsFile;
  readonly #salt: number;
  readonly #encoder = new FrameEncoder();
  #offset = SEGMENT_HEADER_SIZE;
  #checksum: number;

  constructor(file: VfsFile, salt: number, checksum: number) {
    this.#file = file;
    this.#salt = salt;
    this.#checksum = checksum;
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
    // Where a segment ended before, the log now goes on.
    const copied = type === FrameType.roll ? FrameType.mark : type;
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

/**
 * Removes what the manifest does not mention: segments that were superseded, those of interrupted recoveries, what was
 * prepared and not used. What salvage gave up is put aside instead. A failure is no harm: the next opening tries again.
 */
function sweep(vfs: Vfs, manifest: Manifest, scan: LogScan, logger: Logger): void {
  const lost = new Set(scan.lost.map((range) => range.file));
  try {
    for (const segment of surveyDirectory(vfs).segments) {
      if (segment.epoch > manifest.epoch || isMentioned(manifest.spans, segment.epoch, segment.firstLsn)) continue;
      if (lost.has(segment.path)) vfs.rename(segment.path, segment.path + LOST_SUFFIX);
      else vfs.unlink(segment.path);
    }
    for (const name of vfs.list(WAL_DIRECTORY)) {
      if (PREPARED_NAME_PATTERN.test(name)) vfs.unlink(`${WAL_DIRECTORY}/${name}`);
    }
    for (const { name, epoch } of surveyDirectory(vfs).remains) if (epoch < manifest.epoch) vfs.unlink(name);
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    logger.log("warn", "recovery", "remains of earlier sessions could not be removed", {
      code: error.code,
      ...error.facts,
    });
  }
}

function isMentioned(spans: readonly LogSpan[], epoch: number, firstLsn: number): boolean {
  const i = spans.findIndex((span) => span.epoch === epoch);
  if (i === -1) return false;
  const toLsn = spans[i + 1]?.fromLsn ?? Number.POSITIVE_INFINITY;
  return firstLsn >= spans[i]!.fromLsn && firstLsn < toLsn;
}
