/**
 * What one segment has of the timeline of its run.
 */
import { ByteReader, CorruptionError, type Version } from "@strata/core";
import { CachedBlocks } from "./block-cache.js";
import { lastAtOrBefore } from "./event-part.js";
import { KeyBytes } from "./key-bytes.js";
import type { SegmentFile } from "./segment-file.js";
import { decodePointer, type TimelineFooter } from "./segment-footer.js";
import { EVENT_CODE, type Pointer, PRIMITIVE_RANGE, ROWS_PER_BLOCK } from "./segment-format.js";

/** Where the blocks of a timeline lie. */
class TimelineIndex {
  readonly cacheBytes: number;
  readonly firstVersions: number[] = [];
  readonly firstTimestamps: number[] = [];
  /** Number of the first write of each block of commits. */
  readonly writesBefore: number[] = [];
  readonly commits: Pointer[] = [];
  readonly firstWrites: number[] = [];
  readonly writes: Pointer[] = [];
  readonly firstLandmarks: number[] = [];
  readonly landmarks: Pointer[] = [];

  constructor(payload: Uint8Array) {
    const reader = new ByteReader(payload);
    let version = 0;
    let timestamp = 0;
    let writesBefore = 0;
    for (let left = reader.varint(); left > 0; left--) {
      version += reader.varint();
      this.firstVersions.push(version);
      timestamp += reader.varint();
      this.firstTimestamps.push(timestamp);
      writesBefore += reader.varint();
      this.writesBefore.push(writesBefore);
      this.commits.push(decodePointer(reader));
    }
    let write = 0;
    for (let left = reader.varint(); left > 0; left--) {
      write += reader.varint();
      this.firstWrites.push(write);
      this.writes.push(decodePointer(reader));
    }
    let landmark = 0;
    for (let left = reader.varint(); left > 0; left--) {
      landmark += reader.varint();
      this.firstLandmarks.push(landmark);
      this.landmarks.push(decodePointer(reader));
    }
    reader.expectEnd();
    const blocks = this.commits.length + this.writes.length + this.landmarks.length;
    this.cacheBytes = payload.length + 80 * blocks;
  }
}

class CommitBlock {
  readonly cacheBytes: number;
  readonly versions: number[] = [];
  readonly timestamps: number[] = [];
  readonly bytes: number[] = [];
  readonly operations: number[] = [];
  /** How many writes the commits before it in the block made. */
  readonly writesBefore: number[] = [];
  readonly #messages: Map<number, string> = new Map();

  constructor(payload: Uint8Array) {
    const reader = new ByteReader(payload);
    let version = 0;
    let timestamp = 0;
    let writes = 0;
    while (reader.remaining > 0) {
      version += reader.varint();
      timestamp += reader.varint();
      this.versions.push(version);
      this.timestamps.push(timestamp);
      this.bytes.push(reader.varint());
      const operations = reader.varint();
      this.operations.push(operations);
      this.writesBefore.push(writes);
      writes += operations;
      if (reader.u8() !== 0) this.#messages.set(this.versions.length - 1, reader.text());
    }
    this.cacheBytes = payload.length + 40 * this.versions.length + 64 * this.#messages.size;
  }

  message(slot: number): string | undefined {
    return this.#messages.get(slot);
  }
}

class LandmarkBlock {
  readonly cacheBytes: number;
  readonly versions: number[] = [];
  readonly timestamps: number[] = [];

  constructor(payload: Uint8Array) {
    const reader = new ByteReader(payload);
    let version = 0;
    let timestamp = 0;
    while (reader.remaining > 0) {
      version += reader.varint();
      this.versions.push(version);
      timestamp += reader.varint();
      this.timestamps.push(timestamp);
    }
    this.cacheBytes = payload.length + 16 * this.versions.length;
  }
}

class WriteBlock {
  readonly cacheBytes: number;
  readonly bytes: Uint8Array;

  constructor(payload: Uint8Array) {
    this.bytes = payload;
    this.cacheBytes = payload.length;
  }
}

/** Where reading writes stands. */
interface WriteWalk {
  readonly block: number;
  readonly position: number;
  readonly reader: ByteReader;
  /** Of the write read last. */
  readonly key: KeyBytes;
  /** Number of the next one. */
  write: number;
}

/** Rows and writes are counted within the segment, spaces are numbered as in its footer. */
export class TimelinePart {
  readonly footer: TimelineFooter;
  readonly #file: SegmentFile;
  readonly #indexes: CachedBlocks<TimelineIndex>;
  readonly #commits: CachedBlocks<CommitBlock>;
  readonly #writes: CachedBlocks<WriteBlock>;
  readonly #landmarks: CachedBlocks<LandmarkBlock>;
  /** Behind the writes that were visited last. */
  #walk: WriteWalk | undefined = undefined;

  constructor(file: SegmentFile) {
    this.#file = file;
    this.footer = file.footer.timeline;
    const cached = <B extends { readonly cacheBytes: number }>(parse: (payload: Uint8Array) => B): CachedBlocks<B> =>
      new CachedBlocks(file.cache, (position, size) => {
        const payload = file.payload(position, size);
        return file.decode(position, () => parse(payload));
      });
    this.#indexes = cached((payload) => new TimelineIndex(payload));
    this.#commits = cached((payload) => new CommitBlock(payload));
    this.#writes = cached((payload) => new WriteBlock(payload));
    this.#landmarks = cached((payload) => new LandmarkBlock(payload));
  }

  lastAtOrBefore(version: Version): number {
    return this.#lastRow(
      version,
      (index) => index.firstVersions,
      (block) => block.versions,
    );
  }

  lastAtTime(time: number): number {
    return this.#lastRow(
      time,
      (index) => index.firstTimestamps,
      (block) => block.timestamps,
    );
  }

  versionOf(row: number): Version {
    return this.#number(row, (block) => block.versions);
  }

  timestampOf(row: number): number {
    return this.#number(row, (block) => block.timestamps);
  }

  bytesOf(row: number): number {
    return this.#number(row, (block) => block.bytes);
  }

  operationsOf(row: number): number {
    return this.#number(row, (block) => block.operations);
  }

  messageOf(row: number): string | undefined {
    return this.#commitBlock(row).message(row % ROWS_PER_BLOCK);
  }

  /** Microseconds of the landmark with exactly this version; 0 without one. */
  landmarkAt(version: Version): number {
    if (this.footer.landmarks === 0) return 0;
    const index = this.#index;
    const at = lastAtOrBefore(index.firstLandmarks, version);
    if (at < 0) return 0;
    const { versions, timestamps } = this.#landmarks.get(index.landmarks[at]!.position, index.landmarks[at]!.size);
    const slot = lastAtOrBefore(versions, version);
    return slot >= 0 && versions[slot] === version ? timestamps[slot]! : 0;
  }

  /** All of them, ascending. */
  *landmarks(): Generator<readonly [version: Version, timestamp: number], void, undefined> {
    if (this.footer.landmarks === 0) return;
    for (const { position, size } of this.#index.landmarks) {
      const { versions, timestamps } = this.#landmarks.get(position, size);
      for (let slot = 0; slot < versions.length; slot++) yield [versions[slot]!, timestamps[slot]!];
    }
  }

  /**
   * The writes of a commit in order, until `visit` returns false. Of the key, the bytes that are good during the call; `undefined` for an event.
   *
   * @returns false when `visit` stopped it.
   */
  visitWrites(row: number, visit: (space: number, primitive: number, key: KeyBytes | undefined) => boolean): boolean {
    const count = this.operationsOf(row);
    if (count === 0) return true;
    const index = this.#index;
    const first =
      index.writesBefore[Math.floor(row / ROWS_PER_BLOCK)]! + this.#number(row, (block) => block.writesBefore);
    const end = first + count;
    // Most who ask about one commit ask about the next one then. Whoever is called here may ask, too, and gets a walk of its own.
    let walk = this.#walk;
    this.#walk = undefined;
    const at = lastAtOrBefore(index.firstWrites, first);
    if (walk === undefined || walk.write > first || walk.block < at) walk = this.#walkFrom(index, at);
    while (walk.write < end) {
      if (walk.reader.remaining === 0) {
        walk = this.#walkFrom(index, walk.block + 1, walk.key);
        continue;
      }
      const code = this.#readWrite(walk);
      if (walk.write <= first) continue;
      const primitive = code % PRIMITIVE_RANGE;
      const key = primitive === EVENT_CODE ? undefined : walk.key;
      if (!visit((code - primitive) / PRIMITIVE_RANGE, primitive, key)) return false;
    }
    this.#walk = walk;
    return true;
  }

  #walkFrom(index: TimelineIndex, block: number, key: KeyBytes = new KeyBytes()): WriteWalk {
    const pointer = index.writes[block];
    if (pointer === undefined) {
      throw this.#file.corrupt(this.footer.index!.position, "a commit has writes that are nowhere");
    }
    key.length = 0;
    const { bytes } = this.#writes.get(pointer.position, pointer.size);
    return { block, position: pointer.position, reader: new ByteReader(bytes), key, write: index.firstWrites[block]! };
  }

  #readWrite(walk: WriteWalk): number {
    try {
      const code = readWrite(walk.reader, walk.key);
      walk.write++;
      return code;
    } catch (error) {
      throw this.#file.damage(walk.position, error);
    }
  }

  get #index(): TimelineIndex {
    const pointer = this.footer.index;
    if (pointer === undefined) throw this.#file.corrupt(this.#file.footerStart, "a timeline without an index was read");
    return this.#indexes.get(pointer.position, pointer.size);
  }

  #lastRow(
    value: number,
    firsts: (index: TimelineIndex) => readonly number[],
    values: (block: CommitBlock) => readonly number[],
  ): number {
    if (this.footer.rows === 0) return -1;
    const block = lastAtOrBefore(firsts(this.#index), value);
    if (block < 0) return -1;
    return block * ROWS_PER_BLOCK + lastAtOrBefore(values(this.#commitBlock(block * ROWS_PER_BLOCK)), value);
  }

  #number(row: number, numbers: (block: CommitBlock) => readonly number[]): number {
    const found = numbers(this.#commitBlock(row))[row % ROWS_PER_BLOCK];
    if (found === undefined)
      throw this.#file.corrupt(this.footer.index!.position, "a commit is not where its index says");
    return found;
  }

  #commitBlock(row: number): CommitBlock {
    const pointer = this.#index.commits[Math.floor(row / ROWS_PER_BLOCK)];
    if (pointer === undefined)
      throw this.#file.corrupt(this.footer.index!.position, "a commit is not where its index says");
    return this.#commits.get(pointer.position, pointer.size);
  }
}

/** Reads one write; its key goes into `key`. @returns space and primitive in one. */
function readWrite(reader: ByteReader, key: KeyBytes): number {
  const code = reader.varint();
  if (code % PRIMITIVE_RANGE === EVENT_CODE) return code;
  const shared = reader.varint();
  const size = reader.varint();
  if (shared > key.length || size > reader.remaining) {
    throw new CorruptionError("CORRUPT_RECORD", "the key of a write does not fit its block");
  }
  key.extend(shared, reader.source, reader.offset, size);
  reader.seek(reader.offset + size);
  return code;
}
