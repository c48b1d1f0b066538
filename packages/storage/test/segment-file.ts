/**
 * Segments in memory, for tests.
 */

import type { ColdRun } from "../src/cold.js";
import { BlockCache } from "../src/segment/block-cache.js";
import { MemoryByteSource } from "../src/segment/byte-source.js";
import { openSegments } from "../src/segment/segment-reader.js";
import { type SegmentInput, type SegmentSummary, writeSegment } from "../src/segment/segment-writer.js";

export interface WrittenSegment {
  readonly bytes: Uint8Array;
  readonly source: MemoryByteSource;
  readonly summary: SegmentSummary;
  readonly slices: number;
}

/** @param between called between two slices. */
export function writeToMemory(input: SegmentInput, between: () => void = () => {}): WrittenSegment {
  const pieces: Uint8Array[] = [];
  const writing = writeSegment(input, (piece) => pieces.push(piece.slice()));
  let slices = 1;
  let step = writing.next();
  for (; step.done !== true; step = writing.next()) {
    slices++;
    between();
  }
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, source: new MemoryByteSource("a.snap", bytes), summary: step.value, slices };
}

export function openWritten(...segments: readonly WrittenSegment[]): ColdRun {
  return openSegments(
    segments.map(({ source }) => source),
    { cache: new BlockCache(1 << 20) },
  );
}
