import { CorruptionError } from "@strata/core";
import type { CutTail, LostRange } from "./durability.js";
import type { LogSpan, Manifest } from "./manifest.js";
import type { SegmentFile } from "./manifest-directory.js";
import type { Vfs } from "./vfs.js";
import { mustRead } from "./vfs-io.js";
import { FRAME_HEADER_SIZE, FrameType, SEGMENT_HEADER_SIZE, segmentPath } from "./wal-format.js";
import {
  checksumAt,
  endsBefore,
  type FrameVisitor,
  type FrameWalk,
  highestMarkIn,
  offsetOf,
  remainsEnd,
  type SegmentBytes,
  SegmentReader,
  walkFrames,
} from "./wal-reader.js";

/** Receives the commits, in order. The payload is valid during the call. */
export type CommitVisitor = (payload: Uint8Array, endLsn: number, version: number) => void;

/** What the log was found to be. */
export interface LogScan {
  /** Behind the last whole frame. */
  readonly endLsn: number;
  /** Through here the log was on stable storage when it was written; at most `endLsn`. */
  readonly durableLsn: number;
  readonly commits: number;
  /** Of the last commit; 0 without one. */
  readonly lastVersion: number;
  /** Of the last frame; 0 without one. */
  readonly checksum: number;
  /** No version from here on was ever used. */
  readonly nextVersion: number;
  /** The segments that make up the log, in order. */
  readonly pieces: readonly LogPiece[];
  readonly cut: readonly CutTail[];
  readonly lost: readonly LostRange[];
}

export interface LogPiece {
  readonly path: string;
  readonly epoch: number;
  /** Where the segment begins: before `firstLsn` when a checkpoint lies between. */
  readonly segmentLsn: number;
  readonly firstLsn: number;
  readonly endLsn: number;
}

/** Added to `nextVersion` for each segment whose own reserve cannot be read. */
const UNREADABLE_RESERVE: number = 2 ** 32;

/**
 * Reads the log that `manifest` describes, from its checkpoint on, checks it, and visits its commits. Changes nothing on disk. What lies
 * below the checkpoint is neither read nor judged.
 *
 * A bad frame is the remains of an interrupted write only where nothing says that the log was durable beyond it: not the
 * manifest, not the mark in any frame before or behind. Those remains are cut, and reported. Everything else that is not as
 * it was written is damage.
 *
 * @param how `salvage` ends the log at the first damage, and reports what was lost, instead of throwing. `mayBeTrimmed`: the
 *   manifest that would tell of an orderly end is damaged; the last segment may be shorter than it was laid out.
 * @throws {CorruptionError} `WAL_CORRUPT` with the facts `file`, `offset`, `reason`, and `firstVersion`: the lowest version that is lost
 * @throws {StateError} `FORMAT_TOO_NEW`
 */
export function scanLog(
  vfs: Vfs,
  manifest: Manifest,
  segments: readonly SegmentFile[],
  how: { readonly salvage: boolean; readonly mayBeTrimmed: boolean },
  visit: CommitVisitor,
): LogScan {
  const scanner = new LogScanner(vfs, manifest, segments, how.mayBeTrimmed, visit);
  try {
    scanner.scan();
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    if (!how.salvage) throw error.toCorruption(scanner.lastVersion + 1);
    scanner.giveUpFrom(error);
  }
  return scanner.result();
}

/** Where the log stops being what was written. Thrown inside this module only. */
class LogDamage extends Error {
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
  readonly facts: object;

  constructor(file: string, offset: number, reason: string, facts: object = {}) {
    super(reason);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
    this.facts = facts;
  }

  toCorruption(firstVersion: number): CorruptionError {
    const { file, offset, reason } = this;
    return new CorruptionError("WAL_CORRUPT", `${file}, byte ${offset}: ${reason}`, {
      ...this.facts,
      file,
      offset,
      reason,
      firstVersion,
    });
  }
}

/**
 * Invariants:
 *  1. `#endLsn` is behind the last frame visited, and `#pieces` holds exactly `[#fromLsn, #endLsn)`.
 *  2. `#highestMark` is at least every durable-through mark seen so far.
 */
class LogScanner implements FrameVisitor {
  readonly #manifest: Manifest;
  readonly #segments: readonly SegmentFile[];
  readonly #mayBeTrimmed: boolean;
  readonly #visit: CommitVisitor;
  readonly #vfs: Vfs;
  readonly #reader: SegmentReader;
  readonly #pieces: LogPiece[] = [];
  readonly #cut: CutTail[] = [];
  readonly #lost: LostRange[] = [];
  readonly #fromLsn: number;
  #path = "";
  #endLsn: number;
  #highestMark: number;
  #commits = 0;
  #lastVersion: number;
  #lastFrameLsn = -1;
  #checksum = 0;
  #unreadable = 0;

  constructor(
    vfs: Vfs,
    manifest: Manifest,
    segments: readonly SegmentFile[],
    mayBeTrimmed: boolean,
    visit: CommitVisitor,
  ) {
    this.#vfs = vfs;
    this.#manifest = manifest;
    this.#segments = segments;
    this.#mayBeTrimmed = mayBeTrimmed;
    this.#visit = visit;
    this.#reader = new SegmentReader(vfs);
    const { spans, checkpoint } = manifest;
    this.#fromLsn = checkpoint?.lsn ?? spans[0]?.fromLsn ?? 0;
    this.#endLsn = this.#fromLsn;
    // A checkpoint is published when the log is durable up to it.
    this.#highestMark = checkpoint?.lsn ?? 0;
    this.#lastVersion = checkpoint?.version ?? 0;
  }

  get lastVersion(): number {
    return this.#lastVersion;
  }

  scan(): void {
    const { spans, clean } = this.#manifest;
    for (let i = 0; i < spans.length; i++) {
      const span = spans[i]!;
      const next = spans[i + 1];
      this.#highestMark = Math.max(this.#highestMark, span.durableLsn);
      if (next === undefined || next.fromLsn > this.#fromLsn) this.#scanSpan(span, next?.fromLsn ?? clean?.endLsn);
    }
    this.#refuseStrays();
    // Where the log ends with the checkpoint, its last frame is not needed.
    if (clean !== undefined && clean.endLsn > this.#fromLsn && this.#checksum !== clean.checksum) {
      const last = this.#pieces.at(-1);
      const reason = "the last frame is not the one that the log was closed with";
      throw new LogDamage(
        last?.path ?? "",
        last === undefined ? 0 : SEGMENT_HEADER_SIZE + this.#lastFrameLsn - last.firstLsn,
        reason,
      );
    }
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
    const endLsn = lsn + (end - start) + FRAME_HEADER_SIZE;
    if (type === FrameType.commit) {
      if (version <= this.#lastVersion || version > Number.MAX_SAFE_INTEGER) {
        throw new LogDamage(
          this.#path,
          start - FRAME_HEADER_SIZE,
          `version ${version} follows version ${this.#lastVersion}`,
        );
      }
      this.#visit(bytes.subarray(start, end), endLsn, version);
      this.#lastVersion = version;
      this.#commits += 1;
    }
    if (durableThrough > this.#highestMark) this.#highestMark = durableThrough;
    this.#lastFrameLsn = lsn;
    this.#endLsn = endLsn;
  }

  /** @param limitLsn where the span ends for certain; `undefined` when it goes on as far as its frames do. */
  #scanSpan(span: LogSpan, limitLsn: number | undefined): void {
    let lsn = Math.max(span.fromLsn, this.#fromLsn);
    while (lsn !== limitLsn) {
      const segment = lsn === this.#fromLsn ? this.#readFirst(span, lsn) : this.#readSegment(span.epoch, lsn);
      const { kind } = this.#walk(segment, lsn, limitLsn);
      lsn = this.#endLsn;
      const offset = offsetOf(segment, lsn);
      if (kind === "unknown") throw new LogDamage(segment.path, offset, "a frame has a type that nobody has defined");
      if (kind === "overrun") {
        throw new LogDamage(
          segment.path,
          offset,
          `a frame reaches beyond LSN ${limitLsn}, where the log goes on elsewhere`,
        );
      }
      if (kind !== "invalid") continue;
      if (limitLsn !== undefined) {
        throw new LogDamage(
          segment.path,
          offset,
          `no whole frame begins here, and the log was durable through LSN ${limitLsn}`,
          { lsn },
        );
      }
      const { sizeBytes } = segment.header;
      if (segment.bytes.length < sizeBytes && !this.#mayBeTrimmed) {
        throw new LogDamage(
          segment.path,
          segment.bytes.length,
          `the file was laid out with ${sizeBytes} bytes and ends here`,
        );
      }
      this.#classifyTail(span, segment, lsn);
      return;
    }
  }

  /** Visits what is whole; adds the piece, also when a frame contradicts the one before it. */
  #walk(segment: SegmentBytes, lsn: number, limitLsn: number | undefined): FrameWalk {
    this.#path = segment.path;
    this.#endLsn = lsn;
    try {
      return walkFrames(segment, lsn, limitLsn, this);
    } finally {
      if (this.#endLsn > lsn) this.#checksum = checksumAt(segment, this.#lastFrameLsn);
      const { epoch, firstLsn } = segment.header;
      this.#pieces.push({ path: segment.path, epoch, segmentLsn: firstLsn, firstLsn: lsn, endLsn: this.#endLsn });
    }
  }

  /** The segment that holds the checkpoint's position. */
  #readFirst(span: LogSpan, lsn: number): SegmentBytes {
    const holder = this.#segments.findLast(
      ({ epoch, firstLsn }) => epoch === span.epoch && firstLsn >= span.fromLsn && firstLsn <= lsn,
    );
    const segment = this.#readSegment(span.epoch, holder?.firstLsn ?? lsn);
    if (!endsBefore(segment, lsn)) return segment;
    throw new LogDamage(segmentPath(span.epoch, lsn), 0, `the segment that holds LSN ${lsn} is missing`, { lsn });
  }

  #readSegment(epoch: number, firstLsn: number): SegmentBytes {
    const path = segmentPath(epoch, firstLsn);
    if (!this.#vfs.exists(path)) throw new LogDamage(path, 0, "the segment is missing");
    try {
      return this.#reader.read({ path, databaseId: this.#manifest.databaseId, epoch, firstLsn });
    } catch (error) {
      throw asDamage(error, path);
    }
  }

  /** The log ends at `lsn`, in `segment`: was there more that had been durable? */
  #classifyTail(span: LogSpan, segment: SegmentBytes, lsn: number): void {
    const offset = offsetOf(segment, lsn);
    const end = remainsEnd(segment.bytes, offset);
    const firstVersion = this.#lastVersion + 1;
    const cut: CutTail[] = [];
    if (end > offset) cut.push({ file: segment.path, offset, bytes: end - offset, firstVersion });
    let mark = Math.max(this.#highestMark, highestMarkIn(segment, offset + 1, end));
    for (const later of this.#segments) {
      if (later.epoch !== span.epoch || later.firstLsn <= lsn) continue;
      const behind = this.#readSegment(later.epoch, later.firstLsn);
      const behindEnd = remainsEnd(behind.bytes, SEGMENT_HEADER_SIZE);
      mark = Math.max(mark, highestMarkIn(behind, SEGMENT_HEADER_SIZE, behindEnd));
      if (behindEnd > SEGMENT_HEADER_SIZE) {
        cut.push({
          file: later.path,
          offset: SEGMENT_HEADER_SIZE,
          bytes: behindEnd - SEGMENT_HEADER_SIZE,
          firstVersion,
        });
      }
    }
    if (lsn < mark) {
      throw new LogDamage(
        segment.path,
        offset,
        `no whole frame begins here, and the log was durable through LSN ${mark}`,
        { lsn, durableThrough: mark },
      );
    }
    this.#cut.push(...cut);
  }

  /** A segment that begins inside what others hold: a copy under another name, or a name that came back. */
  #refuseStrays(): void {
    const { spans } = this.#manifest;
    for (let i = 0; i < spans.length; i++) {
      const { epoch, fromLsn } = spans[i]!;
      const toLsn = spans[i + 1]?.fromLsn ?? this.#endLsn;
      const first = Math.max(fromLsn, this.#fromLsn);
      for (const segment of this.#segments) {
        if (segment.epoch !== epoch || segment.firstLsn <= first || segment.firstLsn >= toLsn) continue;
        if (this.#pieces.some((piece) => piece.path === segment.path)) continue;
        throw new LogDamage(segment.path, 0, `it begins at LSN ${segment.firstLsn}, which another segment holds`);
      }
    }
  }

  /** Salvage: the log ends before the damage; what lies there and behind it is lost. */
  giveUpFrom(damage: LogDamage): void {
    const firstVersion = this.#lastVersion + 1;
    const { file, offset, reason } = damage;
    this.#lost.push({ file, offset, bytes: this.#remains(file, offset), reason, firstVersion });
    for (const span of this.#manifest.spans) {
      for (const segment of this.#segments) {
        if (segment.epoch !== span.epoch || segment.firstLsn < Math.max(span.fromLsn, this.#fromLsn)) continue;
        if (segment.path === file || this.#pieces.some((piece) => piece.path === segment.path)) continue;
        const bytes = this.#remains(segment.path, SEGMENT_HEADER_SIZE);
        if (bytes > 0)
          this.#lost.push({
            file: segment.path,
            offset: SEGMENT_HEADER_SIZE,
            bytes,
            reason: "it lies behind the damage",
            firstVersion,
          });
      }
    }
  }

  result(): LogScan {
    return {
      endLsn: this.#endLsn,
      durableLsn: Math.min(this.#highestMark, this.#endLsn),
      commits: this.#commits,
      lastVersion: this.#lastVersion,
      checksum: this.#checksum,
      nextVersion: this.#nextVersion(),
      pieces: this.#pieces,
      cut: this.#cut,
      lost: this.#lost,
    };
  }

  /** A clean end knows it exactly; else every version up to the limit of any segment of the last epoch may have been used. */
  #nextVersion(): number {
    const { clean, spans, databaseId } = this.#manifest;
    if (clean !== undefined && this.#lost.length === 0) return clean.nextVersion;
    let next = Math.max(this.#manifest.nextVersion, this.#lastVersion + 1, clean?.nextVersion ?? 0);
    const last = spans.at(-1);
    for (const segment of this.#segments) {
      // Later ones are those of recoveries that were interrupted, or of epochs whose manifest was lost.
      if (last === undefined || segment.epoch < last.epoch) continue;
      try {
        next = Math.max(next, this.#reader.readHeader({ ...segment, databaseId }).versionLimit);
      } catch (error) {
        asDamage(error, segment.path);
        this.#unreadable += 1;
      }
    }
    return next + this.#unreadable * UNREADABLE_RESERVE;
  }

  /** Bytes of a lost file from `offset` on, trailing zeros left out. */
  #remains(path: string, offset: number): number {
    const size = this.#vfs.size(path);
    if (size === undefined || size <= offset) return 0;
    const file = this.#vfs.open(path, "read");
    try {
      const bytes = new Uint8Array(size - offset);
      mustRead(file, bytes, offset);
      return remainsEnd(bytes, 0);
    } finally {
      file.close();
    }
  }
}

/** Damage of a segment as the reader tells it; anything else is thrown on. */
function asDamage(error: unknown, path: string): LogDamage {
  if (!(error instanceof CorruptionError)) throw error;
  const { offset, reason } = error.facts;
  return new LogDamage(
    path,
    typeof offset === "number" ? offset : 0,
    typeof reason === "string" ? reason : error.message,
  );
}
