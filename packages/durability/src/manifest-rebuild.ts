import { CorruptionError } from "@strata/core";
import type { LogSpan, Manifest, ManifestCheckpoint } from "./manifest.js";
import type { SegmentFile } from "./manifest-directory.js";
import type { Vfs } from "./vfs.js";
import { mustRead } from "./vfs-io.js";
import { decodeSegmentHeader, SEGMENT_HEADER_SIZE, type SegmentHeader } from "./wal-format.js";

/**
 * A manifest as the segments tell it, for salvage: every header names its database, its epoch and its place. An epoch counts
 * from its first segment on, unless a later one begins before that.
 *
 * What it cannot know: where the log ended for certain, and whether the last epoch is that of a recovery which was interrupted (then
 * it holds a copy of what the one before has). Nor does it know of a checkpoint: where the log no longer begins at its beginning,
 * it takes the one of an older manifest, if the log still follows it.
 *
 * @param older a manifest that does not describe all segments.
 * @returns `undefined` when no header can be read; when the segments do not hold all of the log, and nothing is known of what they lack.
 */
export function rebuildManifest(
  vfs: Vfs,
  segments: readonly SegmentFile[],
  older: Manifest | undefined,
): Manifest | undefined {
  const manifest = manifestOfSegments(vfs, segments);
  if (manifest === undefined) return undefined;
  const { databaseId, nextVersion, spans } = manifest;
  const fromLsn = spans[0]?.fromLsn ?? 0;
  const checkpoint = fromLsn === 0 ? undefined : followedBy(older, databaseId, fromLsn);
  if (fromLsn > 0 && checkpoint === undefined) return undefined;
  return { ...manifest, nextVersion: Math.max(nextVersion, (checkpoint?.version ?? 0) + 1), checkpoint };
}

/** The same without a checkpoint, wherever the log begins; `undefined` when no header can be read. */
export function manifestOfSegments(vfs: Vfs, segments: readonly SegmentFile[]): Manifest | undefined {
  const headers = segments.map((segment) => readHeader(vfs, segment)).filter((header) => header !== undefined);
  const last = headers.reduce<SegmentHeader | undefined>(
    (a, b) => (a === undefined || b.epoch > a.epoch ? b : a),
    undefined,
  );
  if (last === undefined) return undefined;
  const firstLsns = new Map<number, number>();
  let nextVersion = 1;
  for (const { databaseId, epoch, firstLsn, versionLimit } of headers) {
    if (databaseId !== last.databaseId) continue;
    firstLsns.set(epoch, Math.min(firstLsn, firstLsns.get(epoch) ?? firstLsn));
    nextVersion = Math.max(nextVersion, versionLimit);
  }
  const spans: LogSpan[] = [];
  for (const [epoch, fromLsn] of [...firstLsns].sort(([a], [b]) => b - a)) {
    if (spans.length === 0 || fromLsn < spans[0]!.fromLsn) spans.unshift({ epoch, fromLsn, durableLsn: fromLsn });
  }
  return {
    databaseId: last.databaseId,
    createdAt: 0,
    epoch: last.epoch,
    number: 0,
    nextVersion,
    spans,
    endings: [],
    clean: undefined,
    checkpoint: undefined,
  };
}

/** The checkpoint of a manifest, if the log is there from its position on. */
function followedBy(
  manifest: Manifest | undefined,
  databaseId: string,
  fromLsn: number,
): ManifestCheckpoint | undefined {
  const checkpoint = manifest?.databaseId === databaseId ? manifest.checkpoint : undefined;
  if (checkpoint === undefined || checkpoint.lsn < fromLsn) return undefined;
  return { ...checkpoint, previousLsn: Math.max(checkpoint.previousLsn, fromLsn) };
}

/** `undefined` when it is damaged, or not the one that the name promises. */
function readHeader(vfs: Vfs, { path, epoch, firstLsn }: SegmentFile): SegmentHeader | undefined {
  const file = vfs.open(path, "read");
  try {
    const page = new Uint8Array(Math.min(file.size(), SEGMENT_HEADER_SIZE));
    mustRead(file, page, 0);
    const header = decodeSegmentHeader(page, path);
    return header.epoch === epoch && header.firstLsn === firstLsn ? header : undefined;
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  } finally {
    file.close();
  }
}
