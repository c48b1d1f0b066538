import { lsn as toLsn, type Version } from "@strata/core";
import type { Checkpoint, CommitIdentity, CommitStatus, RecoverySummary } from "./durability.js";
import { ENDINGS_MAX, type ManifestCheckpoint } from "./manifest.js";
import type { RecoveredLog } from "./recovery.js";

/** What recovery tells its caller. */
export function summaryOf(recovered: RecoveredLog, epoch: number): RecoverySummary {
  const { databaseId, scan, lost, created, clean } = recovered;
  const checkpoint = recovered.checkpoint && checkpointOf(recovered.checkpoint);
  let tornBytes = 0;
  for (const { bytes } of scan.cut) tornBytes += bytes;
  const { commits, nextVersion, cut } = scan;
  return { epoch, databaseId, nextVersion, checkpoint, commits, tornBytes, cut, lost, created, clean };
}

/** A checkpoint as its caller knows it; the root is a copy. */
export function checkpointOf({ version, lsn, root }: ManifestCheckpoint): Checkpoint {
  return { version, lsn: toLsn(lsn), root: root.slice() };
}

/**
 * What became of a commit that once got a version.
 *
 * @param own the session at hand, while it writes: its commits are certain once they are durable.
 */
export function commitStatusOf(
  commit: CommitIdentity,
  recovered: RecoveredLog | undefined,
  own: { readonly epoch: number; readonly durableThrough: Version } | undefined,
): CommitStatus {
  if (recovered === undefined) return "unknown";
  const { scan, endings } = recovered;
  if (own !== undefined && commit.epoch >= own.epoch) {
    return commit.epoch === own.epoch && commit.version >= scan.nextVersion && commit.version <= own.durableThrough
      ? "committed"
      : "unknown";
  }
  // Read-only, what lies above the last mark is there; whether it lasts is decided by the next one who writes.
  const lasts = own !== undefined || scan.durableLsn === scan.endLsn;
  const ending = endings.findLast(({ epoch }) => epoch <= commit.epoch);
  if (ending === undefined) return endings.length < ENDINGS_MAX ? "lost" : "unknown";
  if (commit.version > ending.lastVersion) return "lost";
  return lasts || ending !== endings.at(-1) ? "committed" : "unknown";
}
