/**
 * Blocks of commits, of what they wrote, and of landmarks: how they are written. Layout: `segment-format.ts`.
 */
import { ByteWriter, type Version } from "@strata/core";
import type { KeyBytes } from "./key-bytes.js";
import { encodePointer, type TimelineFooter } from "./segment-footer.js";
import { BLOCK_BYTES, EVENT_CODE, PRIMITIVE_RANGE, ROWS_PER_BLOCK } from "./segment-format.js";
import type { SegmentOutput } from "./segment-output.js";

export class TimelineBlocksWriter {
  readonly #output: SegmentOutput;
  readonly #commits = new ByteWriter(2 * BLOCK_BYTES);
  readonly #writes = new ByteWriter(2 * BLOCK_BYTES);
  readonly #landmarks = new ByteWriter(BLOCK_BYTES);
  readonly #commitIndex = new ByteWriter(256);
  readonly #writeIndex = new ByteWriter(256);
  readonly #landmarkIndex = new ByteWriter(64);
  #rows = 0;
  #blockRows = 0;
  #commitBlocks = 0;
  #writeCount = 0;
  #writeBlocks = 0;
  #landmarkCount = 0;
  #blockLandmarks = 0;
  #landmarkBlocks = 0;
  // Of the row before, of the first row in the block, and of the first row in the block before.
  #version = 0;
  #timestamp = 0;
  #blockVersion = 0;
  #blockTimestamp = 0;
  #indexedVersion = 0;
  #indexedTimestamp = 0;
  /** Number of the first write of the commits in the block, and in the block before. */
  #blockFirstWrite = 0;
  #indexedFirstWrite = 0;
  /** Numbers of the first write in the block of writes, and in the one before. */
  #blockWrite = 0;
  #indexedWrite = 0;
  #lastKey = new Uint8Array(256);
  #lastKeyLength = 0;
  #landmarkVersion = 0;
  #landmarkTimestamp = 0;
  #blockLandmark = 0;
  #indexedLandmark = 0;

  constructor(output: SegmentOutput) {
    this.#output = output;
  }

  /** A commit; its writes follow. Versions rise. */
  commit(version: Version, timestamp: number, bytes: number, operations: number, message: string | undefined): void {
    const block = this.#commits;
    if (this.#blockRows === 0) {
      this.#blockFirstWrite = this.#writeCount;
      this.#blockVersion = version;
      this.#blockTimestamp = timestamp;
      this.#version = 0;
      this.#timestamp = 0;
    }
    block.varint(version - this.#version);
    block.varint(timestamp - this.#timestamp);
    block.varint(bytes);
    block.varint(operations);
    block.u8(message === undefined ? 0 : 1);
    if (message !== undefined) block.text(message);
    this.#version = version;
    this.#timestamp = timestamp;
    this.#rows++;
    if (++this.#blockRows === ROWS_PER_BLOCK) this.#endCommits();
  }

  /** A write of the commit given last. @param key `undefined` for an event. */
  write(space: number, primitive: number, key: KeyBytes | undefined): void {
    const block = this.#writes;
    if (block.length === 0) {
      this.#blockWrite = this.#writeCount;
      this.#lastKeyLength = 0;
    }
    block.varint(space * PRIMITIVE_RANGE + primitive);
    if (primitive !== EVENT_CODE && key !== undefined) {
      const last = this.#lastKey;
      const limit = Math.min(key.length, this.#lastKeyLength);
      let shared = 0;
      while (shared < limit && last[shared] === key.bytes[shared]) shared++;
      block.varint(shared);
      block.bytes(key.bytes.subarray(shared, key.length));
      if (last.length < key.length) this.#lastKey = new Uint8Array(key.length * 2);
      this.#lastKey.set(key.bytes.subarray(0, key.length));
      this.#lastKeyLength = key.length;
    }
    this.#writeCount++;
    if (block.length >= BLOCK_BYTES) this.#endWrites();
  }

  /** A commit at or below the floor. Versions rise. */
  landmark(version: Version, timestamp: number): void {
    const block = this.#landmarks;
    if (this.#blockLandmarks === 0) {
      this.#blockLandmark = version;
      this.#landmarkVersion = 0;
      this.#landmarkTimestamp = 0;
    }
    block.varint(version - this.#landmarkVersion);
    block.varint(timestamp - this.#landmarkTimestamp);
    this.#landmarkVersion = version;
    this.#landmarkTimestamp = timestamp;
    this.#landmarkCount++;
    if (++this.#blockLandmarks === ROWS_PER_BLOCK) this.#endLandmarks();
  }

  finish(floor: Version): TimelineFooter {
    this.#endCommits();
    this.#endWrites();
    this.#endLandmarks();
    const counts = { floor, rows: this.#rows, writes: this.#writeCount, landmarks: this.#landmarkCount };
    if (this.#rows + this.#landmarkCount === 0) return { ...counts, index: undefined };
    const index = new ByteWriter(256);
    index.varint(this.#commitBlocks);
    index.raw(this.#commitIndex.view());
    index.varint(this.#writeBlocks);
    index.raw(this.#writeIndex.view());
    index.varint(this.#landmarkBlocks);
    index.raw(this.#landmarkIndex.view());
    return { ...counts, index: this.#output.block(index.view()) };
  }

  #endCommits(): void {
    if (this.#blockRows === 0) return;
    this.#commitIndex.varint(this.#blockVersion - this.#indexedVersion);
    this.#commitIndex.varint(this.#blockTimestamp - this.#indexedTimestamp);
    this.#commitIndex.varint(this.#blockFirstWrite - this.#indexedFirstWrite);
    encodePointer(this.#commitIndex, this.#output.block(this.#commits.view()));
    this.#indexedVersion = this.#blockVersion;
    this.#indexedTimestamp = this.#blockTimestamp;
    this.#indexedFirstWrite = this.#blockFirstWrite;
    this.#commitBlocks++;
    this.#blockRows = 0;
    this.#commits.reset();
  }

  #endWrites(): void {
    if (this.#writes.length === 0) return;
    this.#writeIndex.varint(this.#blockWrite - this.#indexedWrite);
    encodePointer(this.#writeIndex, this.#output.block(this.#writes.view()));
    this.#indexedWrite = this.#blockWrite;
    this.#writeBlocks++;
    this.#writes.reset();
  }

  #endLandmarks(): void {
    if (this.#blockLandmarks === 0) return;
    this.#landmarkIndex.varint(this.#blockLandmark - this.#indexedLandmark);
    encodePointer(this.#landmarkIndex, this.#output.block(this.#landmarks.view()));
    this.#indexedLandmark = this.#blockLandmark;
    this.#landmarkBlocks++;
    this.#blockLandmarks = 0;
    this.#landmarks.reset();
  }
}
