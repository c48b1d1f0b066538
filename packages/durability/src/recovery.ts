import { type Clock, CorruptionError, InvariantError, type Logger, StateError, StrataError } from "@strata/core";
import type { LostRange } from "./durability.js";
import { retireSegments, segmentsOf } from "./log-retirement.js";
import { type CommitVisitor, type LogScan, scanLog } from "./log-scan.js";
import { ENDINGS_MAX, type EpochEnding, type LogSpan, type Manifest, type ManifestCheckpoint } from "./manifest.js";
import {
  DAMAGED_SUFFIX,
  type DatabaseSurvey,
  listSegments,
  type SegmentFile,
  type SelectedManifest,
  selectManifest,
  surveyDatabase,
} from "./manifest-directory.js";
import { OwnManifests } from "./own-manifests.js";
import { SNAPSHOT_DIRECTORY, SNAPSHOT_TEMPORARY_PATTERN } from "./snapshot-names.js";
import { copyTail, type TailCopyContext } from "./tail-copy.js";
import type { Vfs } from "./vfs.js";
import { databaseIdText, PREPARED_NAME_PATTERN, WAL_DIRECTORY } from "./wal-format.js";
import { SegmentReader } from "./wal-reader.js";
import type { ActiveSegment } from "./wal-writer.js";

export interface RecoveryContext extends TailCopyContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly salvage: boolean;
}

/** Who receives what is recovered: the checkpoint first, if there is one, then the commits behind it. */
export interface RecoveryVisitor {
  /** Without it a log that has a checkpoint cannot be recovered. */
  readonly checkpoint: ((checkpoint: ManifestCheckpoint) => void) | undefined;
  readonly commit: CommitVisitor;
}

/** What recovery hands over. */
export interface RecoveredLog {
  readonly databaseId: string;
  readonly checkpoint: ManifestCheckpoint | undefined;
  /** Where the log begins, as far as it is kept. */
  readonly beginLsn: number;
  readonly scan: LogScan;
  readonly endings: readonly EpochEnding[];
  /** What salvage gave up. */
  readonly lost: readonly LostRange[];
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

/** @throws {StateError} `READ_ONLY` when there is no database; and whatever else stands against reading the manifest. */
export function mustHoldDatabase({ vfs, salvage }: RecoveryContext): {
  readonly survey: DatabaseSurvey;
  readonly selected: SelectedManifest;
} {
  const survey = surveyDatabase(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  if (selected !== undefined) return { survey, selected };
  throw new StateError("READ_ONLY", `${vfs.name} holds no database, and opening it read-only does not make one`, {
    path: vfs.name,
  });
}

/**
 * Reads the log without changing a byte. Throws like `mustHoldDatabase` and `scanLog`.
 *
 * @throws {InvariantError} when there is a checkpoint and nobody who takes it
 */
export function recoverForReading(
  context: RecoveryContext,
  visitor: RecoveryVisitor,
): RecoveredLog & { readonly epoch: number } {
  const { vfs, salvage } = context;
  const { survey, selected } = mustHoldDatabase(context);
  const { manifest } = selected;
  const how = { salvage, mayBeTrimmed: selected.damaged.length > 0 };
  mustTakeCheckpoint(manifest, visitor);
  if (manifest.checkpoint !== undefined) visitor.checkpoint?.(manifest.checkpoint);
  const scan = scanLog(vfs, manifest, survey.segments, how, visitor.commit);
  return { ...recovered(vfs, selected, manifest, survey.segments, scan), epoch: manifest.epoch };
}

/**
 * Takes the log over and makes it ready to append. The caller holds the lock.
 *
 *  1. The manifest is read, and so is the format version of every segment: what is too new, or no database, is left as it is.
 *  2. The epoch is raised, durably. From here on a former owner that still runs can acknowledge nothing.
 *  3. The checkpoint is handed over; the log behind it is read and its commits are visited.
 *  4. A new segment of the new epoch is made. It begins with a copy of everything that may not be on stable storage: an
 *     fsync repeated on the old pages might report success and write nothing.
 *  5. A manifest says, durably, that the log goes on in that segment. Only then is anything older removed.
 *
 * Whatever interrupts it, at any step, leaves a directory from which it can be done again with the same result: until step
 * 5 is done the log is still the one that the old manifest describes, and segments of an epoch that no manifest mentions
 * are ignored.
 */
export function recoverForWriting(context: RecoveryContext, visitor: RecoveryVisitor): OwnedLog {
  const { vfs, salvage, logger } = context;
  const survey = surveyDatabase(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  const base = selected?.manifest ?? newManifest(context);
  mustTakeCheckpoint(base, visitor);
  checkFormatVersions(vfs, base, survey);
  const manifests = OwnManifests.raiseEpoch(vfs, context.random, base, survey, selected?.damaged ?? []);
  makeDirectories(vfs);
  const segments = listSegments(vfs);
  const how = { salvage, mayBeTrimmed: (selected?.damaged.length ?? 0) > 0 };
  const { checkpoint } = manifests.current;
  if (checkpoint !== undefined) visitor.checkpoint?.(checkpoint);
  const scan = scanLog(vfs, manifests.current, segments, how, visitor.commit);
  const { active, fromLsn, checksum } = copyTail(context, manifests.current, scan);
  const spans: LogSpan[] = manifests.current.spans.filter((span) => span.fromLsn < fromLsn);
  spans.push({ epoch: manifests.current.epoch, fromLsn, durableLsn: scan.endLsn });
  const found = recovered(vfs, selected, manifests.current, segments, scan);
  const { endings } = found;
  try {
    manifests.replace({ spans, endings, nextVersion: scan.nextVersion, clean: undefined });
    sweep(vfs, manifests.current, found, logger);
    manifests.checkFence();
  } catch (error) {
    active.file.close();
    throw error;
  }
  return { ...found, manifests, active, checksum };
}

function mustTakeCheckpoint({ checkpoint }: Pick<Manifest, "checkpoint">, visitor: RecoveryVisitor): void {
  if (checkpoint === undefined || visitor.checkpoint !== undefined) return;
  throw new InvariantError("the log has a checkpoint: the commits behind it alone are no database");
}

function recovered(
  vfs: Vfs,
  selected: SelectedManifest | undefined,
  manifest: Manifest,
  segments: readonly SegmentFile[],
  scan: LogScan,
): RecoveredLog {
  const lost = [...(selected?.rebuilt === true ? lostManifests(vfs, selected) : []), ...scan.lost];
  const { checkpoint } = manifest;
  const kept = segmentsOf(manifest.spans, segments).find(({ toLsn }) => toLsn > (checkpoint?.previousLsn ?? 0));
  return {
    databaseId: manifest.databaseId,
    checkpoint,
    beginLsn: Math.min(kept?.fromLsn ?? scan.endLsn, scan.endLsn),
    scan,
    endings: endingsAfter(manifest, scan),
    lost,
    created: selected === undefined,
    clean: selected?.manifest.clean !== undefined && lost.length === 0,
  };
}

/** The manifests that would have told what was found out otherwise. */
export function lostManifests(vfs: Vfs, { damaged }: Pick<SelectedManifest, "damaged">): LostRange[] {
  const reason = "what the log consists of was found out from its segments";
  if (damaged.length === 0) return [{ file: "MANIFEST", offset: 0, bytes: 0, reason: `it is missing; ${reason}` }];
  return damaged.map(({ name }) => ({
    file: name,
    offset: 0,
    bytes: vfs.size(name) ?? vfs.size(name + DAMAGED_SUFFIX) ?? 0,
    reason: `it does not parse; ${reason}`,
  }));
}

function newManifest(context: RecoveryContext): Omit<Manifest, "epoch" | "number"> {
  return {
    databaseId: databaseIdText(context.random.bytes(16)),
    createdAt: Math.floor(context.clock.now()),
    nextVersion: 1,
    spans: [],
    endings: [],
    clean: undefined,
    checkpoint: undefined,
  };
}

/** Nothing is written before it is known that everything can be read. Damage is judged later, with all the facts. */
function checkFormatVersions(vfs: Vfs, manifest: Omit<Manifest, "epoch" | "number">, survey: DatabaseSurvey): void {
  const reader = new SegmentReader(vfs);
  for (const segment of survey.segments) {
    try {
      reader.readHeader({ ...segment, databaseId: manifest.databaseId });
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
  }
}

function makeDirectories(vfs: Vfs): void {
  const missing = [WAL_DIRECTORY, SNAPSHOT_DIRECTORY].filter((directory) => !vfs.exists(directory));
  for (const directory of missing) vfs.makeDirectory(directory);
  if (missing.length > 0) vfs.syncDirectory("");
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

/**
 * Removes what the manifest does not mention: segments that were superseded, those of interrupted recoveries, what was
 * prepared and not used, snapshot files that were not finished; and the log below the checkpoint before the last. Where salvage gave something up, nothing is removed that may hold it, but put aside. A failure is no
 * harm: the next opening tries again.
 */
function sweep(vfs: Vfs, manifest: Manifest, found: RecoveredLog, logger: Logger): void {
  const inLog = new Set(found.scan.pieces.map(({ path }) => path));
  const isLost = new Set(found.lost.map(({ file }) => file));
  try {
    for (const { path, epoch, firstLsn } of listSegments(vfs)) {
      const isStray = isLost.has(path) && !inLog.has(path);
      if (epoch >= manifest.epoch || (isMentioned(manifest.spans, epoch, firstLsn) && !isStray)) continue;
      if (found.lost.length > 0) vfs.rename(path, path + LOST_SUFFIX);
      else vfs.unlink(path);
    }
    for (const name of vfs.list(WAL_DIRECTORY)) {
      if (PREPARED_NAME_PATTERN.test(name)) vfs.unlink(`${WAL_DIRECTORY}/${name}`);
    }
    for (const name of vfs.list(SNAPSHOT_DIRECTORY)) {
      const match = SNAPSHOT_TEMPORARY_PATTERN.exec(name);
      if (match !== null && Number.parseInt(match[1]!, 16) < manifest.epoch)
        vfs.unlink(`${SNAPSHOT_DIRECTORY}/${name}`);
    }
    const { checkpoint, spans } = manifest;
    if (checkpoint === undefined || found.lost.length > 0) return;
    retireSegments(vfs, spans, checkpoint.previousLsn, logger);
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
