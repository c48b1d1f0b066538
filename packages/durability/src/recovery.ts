import { type Clock, CorruptionError, type Logger, StateError, StrataError } from "@strata/core";
import { type CommitVisitor, type LogScan, scanLog } from "./log-scan.js";
import { ENDINGS_MAX, type EpochEnding, type LogSpan, type Manifest } from "./manifest.js";
import { type DirectorySurvey, OwnManifests, selectManifest, surveyDirectory } from "./manifest-directory.js";
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

/** What recovery hands over. */
export interface RecoveredLog {
  readonly databaseId: string;
  readonly scan: LogScan;
  readonly endings: readonly EpochEnding[];
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

/**
 * Reads the log without changing a byte.
 *
 * @throws {StateError} `READ_ONLY` when there is no database.
 */
export function recoverForReading(
  context: RecoveryContext,
  visit: CommitVisitor,
): RecoveredLog & { readonly epoch: number } {
  const { vfs, salvage } = context;
  const survey = surveyDirectory(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  if (selected === undefined) {
    throw new StateError("READ_ONLY", `${vfs.name} holds no database, and opening it read-only does not make one`, {
      path: vfs.name,
    });
  }
  const { manifest } = selected;
  const how = { salvage, mayBeTrimmed: selected.damaged.length > 0 };
  const scan = scanLog(vfs, manifest, survey.segments, how, visit);
  const clean = manifest.clean !== undefined && scan.lost.length === 0;
  return {
    databaseId: manifest.databaseId,
    epoch: manifest.epoch,
    scan,
    endings: endingsAfter(manifest, scan),
    created: false,
    clean,
  };
}

/**
 * Takes the log over and makes it ready to append. The caller holds the lock.
 *
 *  1. The manifest is read, and so is the format version of every segment: what is too new, or no database, is left as it is.
 *  2. The epoch is raised, durably. From here on a former owner that still runs can acknowledge nothing.
 *  3. The log is read and its commits are visited.
 *  4. A new segment of the new epoch is made. It begins with a copy of everything that may not be on stable storage: an
 *     fsync repeated on the old pages might report success and write nothing.
 *  5. A manifest says, durably, that the log goes on in that segment. Only then is anything older removed.
 *
 * Whatever interrupts it, at any step, leaves a directory from which it can be done again with the same result: until step
 * 5 is done the log is still the one that the old manifest describes, and segments of an epoch that no manifest mentions
 * are ignored.
 */
export function recoverForWriting(context: RecoveryContext, visit: CommitVisitor): OwnedLog {
  const { vfs, salvage, logger } = context;
  const survey = surveyDirectory(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  const base = selected?.manifest ?? newManifest(context);
  checkFormatVersions(vfs, base, survey);
  const manifests = OwnManifests.raiseEpoch(vfs, base, survey, selected?.damaged ?? []);
  makeLogDirectory(vfs);
  const segments = surveyDirectory(vfs).segments;
  const how = { salvage, mayBeTrimmed: (selected?.damaged.length ?? 0) > 0 };
  const scan = scanLog(vfs, manifests.current, segments, how, visit);
  const { active, fromLsn, checksum } = copyTail(context, manifests.current, scan);
  const spans: LogSpan[] = manifests.current.spans.filter((span) => span.fromLsn < fromLsn);
  spans.push({ epoch: manifests.current.epoch, fromLsn, durableLsn: scan.endLsn });
  const endings = endingsAfter(manifests.current, scan);
  const clean = selected?.manifest.clean !== undefined && scan.lost.length === 0;
  try {
    manifests.replace({ spans, endings, nextVersion: scan.nextVersion, clean: undefined });
    sweep(vfs, manifests.current, scan, logger);
    manifests.checkFence();
  } catch (error) {
    active.file.close();
    throw error;
  }
  const created = selected === undefined;
  return { databaseId: base.databaseId, scan, endings, created, clean, manifests, active, checksum };
}

function newManifest(context: RecoveryContext): Omit<Manifest, "epoch" | "number"> {
  return {
    databaseId: databaseIdText(context.random.bytes(16)),
    createdAt: Math.floor(context.clock.now()),
    nextVersion: 1,
    spans: [],
    endings: [],
    clean: undefined,
  };
}

/** Nothing is written before it is known that everything can be read. Damage is judged later, with all the facts. */
function checkFormatVersions(vfs: Vfs, manifest: Omit<Manifest, "epoch" | "number">, survey: DirectorySurvey): void {
  const reader = new SegmentReader(vfs);
  for (const segment of survey.segments) {
    try {
      reader.readHeader({ ...segment, databaseId: manifest.databaseId });
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
  }
}

function makeLogDirectory(vfs: Vfs): void {
  if (vfs.exists(WAL_DIRECTORY)) return;
  vfs.makeDirectory(WAL_DIRECTORY);
  vfs.syncDirectory("");
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
 * prepared and not used. What salvage gave up is put aside instead. A failure is no harm: the next opening tries again.
 */
function sweep(vfs: Vfs, manifest: Manifest, scan: LogScan, logger: Logger): void {
  const lost = new Set(scan.lost.map((range) => range.file));
  try {
    for (const segment of surveyDirectory(vfs).segments) {
      if (segment.epoch > manifest.epoch || isMentioned(manifest.spans, segment.epoch, segment.firstLsn)) continue;
      if (lost.has(segment.path)) vfs.rename(segment.path, segment.path + LOST_SUFFIX);
      else vfs.unlink(segment.path);
    }
    for (const name of vfs.list(WAL_DIRECTORY)) {
      if (PREPARED_NAME_PATTERN.test(name)) vfs.unlink(`${WAL_DIRECTORY}/${name}`);
    }
    for (const { name, epoch } of surveyDirectory(vfs).remains) if (epoch < manifest.epoch) vfs.unlink(name);
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
