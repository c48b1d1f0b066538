import { assert, LimitError, type Random, StrataError, lsn as toLsn } from "@strata/core";
import { LogPoisoned } from "./log-poisoned.js";
import type { OwnManifests } from "./own-manifests.js";
import { createSegment, syncOrPoison } from "./segment-file.js";
import type { SyncDriver } from "./sync-driver.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { closeQuietly, readFully, writeFully } from "./vfs-io.js";
import {
  BYTES_PER_RESERVED_VERSION,
  FRAME_HEADER_SIZE,
  FrameType,
  PAYLOAD_BYTES_MAX,
  preparedPath,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
  WAL_DIRECTORY,
} from "./wal-format.js";
import { FrameEncoder, frameEnd } from "./wal-frame.js";

/** How large segments are. */
export interface SegmentSizes {
  /** Of the first segment of an epoch. */
  readonly firstBytes: number;
  /** Each segment is twice as large as the one before, up to this. */
  readonly maxBytes: number;
}

export const DEFAULT_SEGMENT_SIZES: SegmentSizes = { firstBytes: 1024 * 1024, maxBytes: 64 * 1024 * 1024 };

/** The segment that frames are written to. */
export interface ActiveSegment {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly file: VfsFile;
}

/** What the writer works with; all of one database and epoch. */
export interface WalWriterContext {
  readonly vfs: Vfs;
  readonly driver: SyncDriver;
  readonly manifests: OwnManifests;
  readonly random: Random;
  readonly sizes: SegmentSizes;
}

const NO_PAYLOAD = new Uint8Array(0);

/**
 * Writes frames at the log's end, each by one write, and makes them durable when asked.
 *
 * Invariants:
 *  1. Every byte of the log below `endLsn` has been accepted by `write`; at `endLsn` no frame begins.
 *  2. The active segment always has room for a roll frame.
 *  3. A segment is on stable storage under its name before the roll frame that leads to it is written.
 *  4. `#older` holds, in order, every earlier segment of this writer that may not be on stable storage.
 */
export class WalWriter {
  readonly #context: WalWriterContext;
  readonly #encoder = new FrameEncoder();
  readonly #older: OlderSegment[] = [];
  #active: ActiveSegment;
  #endLsn: number;
  #offset: number;
  #checksum: number;
  #lastVersion: number;
  #regularBytes: number;
  #next: { readonly path: string; readonly sizeBytes: number } | undefined;
  #prepareFrom: number;
  #serial = 1;
  #fsyncs = 0;
  #rolls = 0;

  /**
   * @param endLsn where the log goes on, in `active`.
   * @param checksum of the last frame in the log; 0 when there is none.
   * @param lastVersion of the last commit in the log; 0 when there is none.
   */
  constructor(context: WalWriterContext, active: ActiveSegment, endLsn: number, checksum: number, lastVersion: number) {
    this.#context = context;
    this.#active = active;
    this.#endLsn = endLsn;
    this.#offset = SEGMENT_HEADER_SIZE + endLsn - active.header.firstLsn;
    this.#checksum = checksum;
    this.#lastVersion = lastVersion;
    this.#regularBytes = Math.max(context.sizes.firstBytes, Math.min(active.header.sizeBytes, context.sizes.maxBytes));
    this.#prepareFrom = active.header.sizeBytes / 2;
  }

  /** The log's end. */
  get endLsn(): number {
    return this.#endLsn;
  }

  /** Checksum of the last frame. */
  get checksum(): number {
    return this.#checksum;
  }

  get segment(): string {
    return this.#active.path;
  }

  /** How many fsyncs of segments it has asked for. */
  get fsyncs(): number {
    return this.#fsyncs;
  }

  get rolls(): number {
    return this.#rolls;
  }

  /**
   * Writes one commit.
   *
   * @param durableThrough the LSN up to which the log is known to be on stable storage.
   * @returns the log's end behind it.
   * @throws {IoError} nothing of it is in the log, nor will be.
   * @throws {LimitError} `LIMIT_TRANSACTION`
   * @throws {LogPoisoned}
   */
  append(version: number, payload: Uint8Array, durableThrough: number): number {
    const frameBytes = FRAME_HEADER_SIZE + payload.length;
    const active = this.#active;
    if (
      this.#offset + frameBytes + FRAME_HEADER_SIZE > active.header.sizeBytes ||
      version >= active.header.versionLimit
    ) {
      if (payload.length > PAYLOAD_BYTES_MAX) throw tooLarge(payload.length);
      this.#roll(version, frameBytes, durableThrough);
    }
    this.#write(FrameType.commit, version, payload, durableThrough);
    this.#lastVersion = version;
    if (this.#offset >= this.#prepareFrom) this.#prepareNext();
    return this.#endLsn;
  }

  /** Writes a mark, where there is room for one. Throws like `append`. */
  mark(durableThrough: number): void {
    if (this.#offset + 2 * FRAME_HEADER_SIZE > this.#active.header.sizeBytes) return;
    this.#write(FrameType.mark, this.#lastVersion, NO_PAYLOAD, durableThrough);
  }

  /**
   * Goes on in a new segment, unless the active one is empty. Throws like `append`.
   *
   * @param version that of the next commit, or below it.
   */
  roll(version: number, durableThrough: number): void {
    if (this.#offset > SEGMENT_HEADER_SIZE) this.#roll(version, 0, durableThrough);
  }

  /**
   * Makes everything through `endLsn` durable, in every segment, on this thread.
   *
   * @throws {LogPoisoned}
   */
  sync(): void {
    this.syncOlder();
    this.#syncFile(this.#active.file);
  }

  /** The same for the segments before the active one. @returns through where the log is durable then. */
  syncOlder(): number {
    for (const older of this.#older) this.#syncFile(older.file);
    const { firstLsn } = this.#active.header;
    this.release(firstLsn);
    return firstLsn;
  }

  /** Closes what `durableThrough` shows to be durable. */
  release(durableThrough: number): void {
    while (this.#older.length > 0 && this.#older[0]!.endLsn <= durableThrough) closeQuietly(this.#older.shift()!.file);
  }

  /** Whether segments before the active one wait to be durable. */
  get hasOlder(): boolean {
    return this.#older.length > 0;
  }

  /** Gives back the room behind the log's end. What is there is durable already. */
  trim(): void {
    this.#active.file.truncate(this.#offset);
  }

  /** Removes what was laid out for a next segment; the driver no longer works on it. */
  discardPrepared(): void {
    if (this.#next !== undefined) this.#context.vfs.unlink(this.#next.path);
    this.#next = undefined;
  }

  /** Closes all files. */
  close(): void {
    for (const older of this.#older.splice(0)) closeQuietly(older.file);
    closeQuietly(this.#active.file);
  }

  #write(type: number, version: number, payload: Uint8Array, durableThrough: number): void {
    const encoder = this.#encoder;
    const active = this.#active;
    encoder.reset();
    const checksum = encoder.add(active.header.salt, type, this.#endLsn, durableThrough, version, payload);
    const length = encoder.length;
    try {
      writeFully(active.file, encoder.bytes, 0, length, this.#offset);
    } catch (error) {
      this.#undo(error);
      throw error;
    }
    this.#offset += length;
    this.#endLsn += length;
    this.#checksum = checksum;
  }

  /**
   * Makes sure that a failed write leaves no frame. A short write is not enough for that: where only zeros were missing the
   * frame is whole, and what an earlier attempt left behind can complete it. A medium that takes no write at all cannot be
   * told to forget; but what it did not take cannot turn up later either.
   *
   * @throws {LogPoisoned} when the frame may be there.
   */
  #undo(cause: unknown): void {
    const { file } = this.#active;
    const isWhole = this.#hasFrameAtEnd();
    try {
      writeFully(file, new Uint8Array(FRAME_HEADER_SIZE), 0, FRAME_HEADER_SIZE, this.#offset);
    } catch {
      if (isWhole) throw new LogPoisoned(cause, true);
      return;
    }
    this.#fsyncs += 1;
    syncOrPoison(() => file.syncData(), true);
  }

  /** Whether the frame that could not be written is there all the same; true when that cannot be told. */
  #hasFrameAtEnd(): boolean {
    const { file, header } = this.#active;
    try {
      const bytes = new Uint8Array(this.#encoder.length);
      const read = readFully(file, bytes, this.#offset);
      return frameEnd(bytes, new DataView(bytes.buffer), 0, read, this.#endLsn, header.salt) !== -1;
    } catch {
      return true;
    }
  }

  #syncFile(file: VfsFile): void {
    this.#fsyncs += 1;
    syncOrPoison(() => file.syncData(), true);
  }

  /** Lets the driver lay out the next segment while this one is still being filled. */
  #prepareNext(): void {
    this.#prepareFrom = Number.POSITIVE_INFINITY;
    const { driver, manifests, sizes } = this.#context;
    const path = preparedPath(manifests.current.epoch, this.#serial++);
    const sizeBytes = Math.min(sizes.maxBytes, this.#regularBytes * 2);
    this.#next = { path, sizeBytes };
    driver.prepare(path, sizeBytes);
  }

  /** Goes on in a new segment that has room for a frame of `frameBytes`. Throws like `append`; the log is unchanged then. */
  #roll(version: number, frameBytes: number, durableThrough: number): void {
    const { vfs, driver, manifests, random, sizes } = this.#context;
    const { databaseId, epoch } = manifests.current;
    const neededBytes = SEGMENT_HEADER_SIZE + frameBytes + FRAME_HEADER_SIZE;
    const regularBytes = Math.min(sizes.maxBytes, this.#regularBytes * 2);
    const next = this.#next;
    const suits = next !== undefined && next.sizeBytes >= neededBytes;
    const prepared = suits && driver.prepared(next.path);
    const sizeBytes = prepared ? next.sizeBytes : Math.max(neededBytes, regularBytes);
    const firstLsn = this.#endLsn + FRAME_HEADER_SIZE;
    const header: SegmentHeader = {
      databaseId,
      epoch,
      firstLsn,
      versionLimit: version + versionReserve(sizeBytes),
      sizeBytes,
      salt: randomSalt(random),
    };
    const path = segmentPath(epoch, firstLsn);
    const temporaryPath = prepared ? next.path : preparedPath(epoch, this.#serial++);
    // Whatever becomes of it, what was prepared is asked for once.
    if (suits) this.#next = undefined;
    const file = createSegment(vfs, { header, temporaryPath, prepared });
    try {
      manifests.checkFence();
      this.#write(FrameType.roll, this.#lastVersion, NO_PAYLOAD, durableThrough);
    } catch (error) {
      closeQuietly(file);
      if (StrataError.is(error, "DATABASE_FENCED")) throw new LogPoisoned(error, false);
      // A roll frame that may be there needs the segment it leads to; and a poisoned log goes on nowhere else.
      if (!(error instanceof LogPoisoned)) withdraw(vfs, path, error);
      throw error;
    }
    assert(this.#endLsn === firstLsn, "a segment begins where the roll frame ends");
    this.#older.push({ file: this.#active.file, endLsn: firstLsn });
    this.#active = { header, path, file };
    this.#offset = SEGMENT_HEADER_SIZE;
    if (sizeBytes <= sizes.maxBytes) this.#regularBytes = Math.max(this.#regularBytes, sizeBytes);
    // A segment for one large frame is full at once; what was prepared is for the one behind it.
    // Who has filled one segment fills more: then the next is laid out early, so that a fast writer does not wait for it.
    this.#prepareFrom = this.#next === undefined ? sizeBytes / 8 : Number.POSITIVE_INFINITY;
    this.#rolls += 1;
    driver.segmentOpened(path, toLsn(firstLsn));
  }
}

/** How many versions are reserved by a segment of this size. */
export function versionReserve(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BYTES_PER_RESERVED_VERSION);
}

/** Never 0, so that it always matters. */
export function randomSalt(random: Random): number {
  const bytes = random.bytes(4);
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0 || 1;
}

interface OlderSegment {
  readonly file: VfsFile;
  readonly endLsn: number;
}

/**
 * Takes a segment back that the log does not go on in. Its name must be gone for good: it would stand for a position that
 * the log passes elsewhere.
 */
function withdraw(vfs: Vfs, path: string, cause: unknown): void {
  try {
    vfs.unlink(path);
    vfs.syncDirectory(WAL_DIRECTORY);
  } catch {
    throw new LogPoisoned(cause, false);
  }
}

function tooLarge(bytes: number): LimitError {
  return new LimitError("LIMIT_TRANSACTION", `a commit of ${bytes} bytes; the log takes up to ${PAYLOAD_BYTES_MAX}`, {
    bytes,
    limit: PAYLOAD_BYTES_MAX,
  });
}
