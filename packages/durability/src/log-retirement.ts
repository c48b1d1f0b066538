import { type Logger, StrataError } from "@strata/core";
import type { LogSpan } from "./manifest.js";
import { listSegments, type SegmentFile } from "./manifest-directory.js";
import type { Vfs } from "./vfs.js";

/** A segment, and the part of the log that it counts for. */
export interface CountedSegment {
  readonly path: string;
  readonly fromLsn: number;
  /** Where the log goes on elsewhere; infinite in the last one. */
  readonly toLsn: number;
}

/** The segments that these spans mention, in the order of the log. */
export function segmentsOf(spans: readonly LogSpan[], segments: readonly SegmentFile[]): CountedSegment[] {
  const counted: CountedSegment[] = [];
  for (const [i, { epoch, fromLsn }] of spans.entries()) {
    const toLsn = spans[i + 1]?.fromLsn ?? Number.POSITIVE_INFINITY;
    const own = segments.filter((file) => file.epoch === epoch && file.firstLsn >= fromLsn && file.firstLsn < toLsn);
    for (const [j, file] of own.entries()) {
      counted.push({ path: file.path, fromLsn: file.firstLsn, toLsn: own[j + 1]?.firstLsn ?? toLsn });
    }
  }
  return counted;
}

/** The spans of a log that begins at `lsn` or before it. */
export function spansFrom(spans: readonly LogSpan[], lsn: number): LogSpan[] {
  return spans.filter((_, i) => i === spans.length - 1 || spans[i + 1]!.fromLsn > lsn);
}

/**
 * Removes segments that lie below `lsn` as a whole, oldest first. A failure is no harm: whoever opens the log next tries again.
 *
 * @param spans all that the log consists of.
 * @returns the bytes of the log that are gone.
 */
export function retireSegments(vfs: Vfs, spans: readonly LogSpan[], lsn: number, logger: Logger): number {
  let bytes = 0;
  try {
    for (const { path, fromLsn, toLsn } of segmentsOf(spans, listSegments(vfs))) {
      if (toLsn > lsn) break;
      vfs.unlink(path);
      bytes += toLsn - fromLsn;
    }
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    const facts = { code: error.code, ...error.facts };
    logger.log("warn", "wal", "a part of the log that is not needed could not be removed", facts);
  }
  return bytes;
}
