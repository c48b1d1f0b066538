/**
 * What a segment says of itself, without reading more of it than its end.
 */
import type { RunId, Version } from "@strata/core";
import { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { SegmentFile } from "./segment-file.js";

export interface SegmentIdentity {
  /** Whose commits they are. */
  readonly run: RunId;
  /** It has those in (from, through]. */
  readonly from: Version;
  readonly through: Version;
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT`; StateError `FORMAT_TOO_NEW` */
export function identifySegment(source: ByteSource): SegmentIdentity {
  const { run, from, through } = new SegmentFile(source, new BlockCache(0)).footer;
  return { run: run as RunId, from, through };
}
