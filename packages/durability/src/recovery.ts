import { type Clock, CorruptionError, type Logger, StateError, StrataError } from "@strata/core";
import type { LostRange } from "./durability.js";
import { type CommitVisitor, type LogScan, scanLog } from "./log-scan.js";
import { ENDINGS_MAX, type EpochEnding, type LogSpan, type Manifest } from "./manifest.js";
import {
  DAMAGED_SUFFIX,
  type DirectorySurvey,
  OwnManifests,
  type SelectedManifest,
  selectManifest,
  surveyDirectory,
} from "./manifest-directory.js";
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
  readonly survey: DirectorySurvey;
  readonly selected: SelectedManifest;
} {
  const survey = surveyDirectory(vfs);
  const selected = selectManifest(vfs, survey, salvage);
  if (selected !== undefined) return { survey, selected };
  throw new StateError("READ_ONLY", `${vfs.name} holds no database, and opening it read-only does not make one`, {
    path: vfs.name,
  });
}

/** Reads the log without changing a byte. Throws like `mustHoldDatabase` and `scanLog`. */
export function recoverForReading(
  context: RecoveryContext,
  visit: CommitVisitor,
): RecoveredLog & { readonly epoch: number } {
  const { vfs, salvage } = context;
  const { survey, selected } = mustHoldDatabase(context);
  const { manifest } = selected;
  const scan = scanLog(vfs, manifest, survey.segments, { salvage, mayBeTrimmed: selected.damaged.length > 0 }, visit);
  return { ...recovered(vfs, selected, manifest, scan), epoch: manifest.epoch };
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
  const manifests = OwnManifests.raiseEpoch(vfs, context.random, base, survey, selected?.damaged ?? []);
  makeLogDirectory(vfs);
  const segments = surveyDirectory(vfs).segments;
  const how = { salvage, mayBeTrimmed: (selected?.damaged.length ?? 0) > 0 };
  const scan = scanLog(vfs, manifests.current, segments, how, visit);
  const { active, fromLsn, checksum } = copyTail(context, manifests.current, scan);
  const spans: LogSpan[] = manifests.current.spans.filter((span) => span.fromLsn < fromLsn);
  spans.push({ epoch: manifests.current.epoch, fromLsn, durableLsn: scan.endLsn });
  const found = recovered(vfs, selected, manifests.current, scan);
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

function recovered(vfs: Vfs, selected: SelectedManifest | undefined, manifest: Manifest, scan: LogScan): RecoveredLog {
  const lost = [...(selected?.rebuilt === true ? lostManifests(vfs, selected) : []), ...scan.lost];
  return {
    databaseId: manifest.databaseId,
    scan,
    endings: endingsAfter(manifest, scan),
    lost,
    created: selected === undefined,
    clean: selected?.manifest.clean !== undefined && lost.length === 0,
  };
}

function lostManifests(vfs: Vfs, { damaged }: SelectedManifest): LostRange[] {
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
 * prepared and not used. Where salvage gave something up, nothing is removed that may hold it, but put aside. A failure is no
 * harm: the next opening tries again.
 */
function sweep(vfs: Vfs, manifest: Manifest, found: RecoveredLog, logger: Logger): void {
  const inLog = new Set(found.scan.pieces.map(({ path }) => path));
  const isLost = new Set(found.lost.map(({ file }) => file));
  try {
    for (const { path, epoch, firstLsn } of surveyDirectory(vfs).segments) {
      const isStray = isLost.has(path) && !inLog.has(path);
      if (epoch >= manifest.epoch || (isMentioned(manifest.spans, epoch, firstLsn) && !isStray)) continue;
      if (found.lost.length > 0) vfs.rename(path, path + LOST_SUFFIX);
      else vfs.unlink(path);
    }
    for (const name of vfs.list(WAL_DIRECTORY)) {
      if (PREPARED_NAME_PATTERN.test(name)) vfs.unlink(`${WAL_DIRECTORY}/${name}`);
    }
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
