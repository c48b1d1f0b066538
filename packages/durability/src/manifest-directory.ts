import { CorruptionError, InvalidArgumentError } from "@strata/core";
import {
  decodeManifest,
  EPOCH_CLAIM_PATTERN,
  MANIFEST_BYTES_MAX,
  MANIFEST_NAME_PATTERN,
  MANIFEST_TEMPORARY_PATTERN,
  type Manifest,
  manifestName,
  OWNER_PATTERN,
} from "./manifest.js";
import { rebuildManifest } from "./manifest-rebuild.js";
import { SNAPSHOT_DIRECTORY, snapshotEpoch } from "./snapshot-names.js";
import type { Vfs } from "./vfs.js";
import { readWhole } from "./vfs-io.js";
import { parseSegmentName, WAL_DIRECTORY } from "./wal-format.js";

/** What the names in the directory say, before any file is read. */
export interface DirectorySurvey {
  /** Names of manifests, the one that counts first. */
  readonly manifests: readonly ManifestFile[];
  /** Manifests in the making, claims to epochs, files of owners; those of older epochs are remains of sessions that did not end. */
  readonly remains: readonly { readonly name: string; readonly epoch: number }[];
  /** Names in the directory that no database has. */
  readonly foreign: readonly string[];
}

/** The same, with the directories below it. */
export interface DatabaseSurvey extends DirectorySurvey {
  readonly segments: readonly SegmentFile[];
  /** Names of snapshot files, of those in the making too. */
  readonly snapshots: readonly string[];
  /** No name carries a higher epoch. */
  readonly epochMax: number;
}

export interface ManifestFile {
  readonly name: string;
  readonly epoch: number;
  readonly number: number;
}

export interface SegmentFile {
  readonly path: string;
  readonly epoch: number;
  readonly firstLsn: number;
}

const REMAINS_PATTERNS = [MANIFEST_TEMPORARY_PATTERN, EPOCH_CLAIM_PATTERN, OWNER_PATTERN];

export const LOCK_NAME = "LOCK";
/** Behind the name of a manifest that does not parse and that another one made up for: kept, never read again. */
export const DAMAGED_SUFFIX = ".damaged";

export function surveyDirectory(vfs: Vfs): DirectorySurvey {
  const manifests: ManifestFile[] = [];
  const remains: { name: string; epoch: number }[] = [];
  const foreign: string[] = [];
  for (const name of vfs.list("")) {
    const manifest = parseManifestName(name, MANIFEST_NAME_PATTERN);
    const remnant = REMAINS_PATTERNS.map((pattern) => pattern.exec(name)).find((match) => match !== null) ?? null;
    if (manifest !== undefined) manifests.push(manifest);
    else if (remnant !== null) remains.push({ name, epoch: Number.parseInt(remnant[1]!, 16) });
    else if (!isOurs(name)) foreign.push(name);
  }
  manifests.sort((a, b) => b.epoch - a.epoch || b.number - a.number);
  return { manifests, remains, foreign };
}

export function surveyDatabase(vfs: Vfs): DatabaseSurvey {
  const survey = surveyDirectory(vfs);
  const segments = listSegments(vfs);
  const snapshots = vfs.list(SNAPSHOT_DIRECTORY).filter((name) => snapshotEpoch(name) !== undefined);
  let epochMax = 0;
  for (const { epoch } of [...survey.manifests, ...survey.remains, ...segments]) epochMax = Math.max(epochMax, epoch);
  for (const name of snapshots) epochMax = Math.max(epochMax, snapshotEpoch(name)!);
  return { ...survey, segments, snapshots, epochMax };
}

/** Ascending by first LSN, then by epoch. */
export function listSegments(vfs: Vfs): SegmentFile[] {
  const segments: SegmentFile[] = [];
  for (const name of vfs.list(WAL_DIRECTORY)) {
    const place = parseSegmentName(name);
    if (place !== undefined) segments.push({ path: `${WAL_DIRECTORY}/${name}`, ...place });
  }
  return segments.sort((a, b) => a.firstLsn - b.firstLsn || a.epoch - b.epoch);
}

/** The manifest that counts. */
export interface SelectedManifest {
  readonly manifest: Manifest;
  /** Manifests that would count more, and do not parse. */
  readonly damaged: readonly ManifestFile[];
  /** It was found out from the segments: no manifest is there that describes them all. */
  readonly rebuilt: boolean;
}

/**
 * The manifest that counts; `undefined` when the directory is empty and a database may be made there.
 *
 * A damaged manifest is passed over for the one before it only when that one describes every segment there is: it says less
 * about how the log was closed, or names the checkpoint before, behind which the log is still kept. Otherwise the answer is an error, because an older description of the log
 * would silently drop what came after it.
 *
 * @param salvage takes what the segments tell of themselves instead.
 * @throws {CorruptionError} `MANIFEST_CORRUPT`, `MANIFEST_MISSING`
 * @throws {InvalidArgumentError} `NOT_A_DATABASE`
 * @throws {StateError} `FORMAT_TOO_NEW`
 */
export function selectManifest(vfs: Vfs, survey: DatabaseSurvey, salvage: boolean): SelectedManifest | undefined {
  const damaged: ManifestFile[] = [];
  let problem: CorruptionError | undefined;
  let older: Manifest | undefined;
  for (const file of survey.manifests) {
    let manifest: Manifest;
    try {
      manifest = readManifest(vfs, file);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      problem ??= error;
      damaged.push(file);
      continue;
    }
    if (problem === undefined || coversAll(manifest, survey)) return { manifest, damaged, rebuilt: false };
    older = manifest;
    break;
  }
  const holdsData = survey.segments.length > 0 || survey.snapshots.length > 0;
  if (problem === undefined && holdsData) problem = missing(vfs, survey);
  if (problem !== undefined) {
    const manifest = salvage ? rebuildManifest(vfs, survey.segments, older) : undefined;
    if (manifest === undefined) throw problem;
    return { manifest, damaged, rebuilt: true };
  }
  if (survey.foreign.length > 0) throw foreign(vfs, survey);
  return undefined;
}

function missing(vfs: Vfs, survey: DatabaseSurvey): CorruptionError {
  const segments = survey.segments.map((segment) => segment.path);
  const snapshots = survey.snapshots.length;
  const message = `${vfs.name} holds ${segments.length} segments of a log, ${snapshots} snapshot files, and no manifest`;
  return new CorruptionError("MANIFEST_MISSING", message, { path: vfs.name, segments, snapshots });
}

function foreign(vfs: Vfs, survey: DirectorySurvey): InvalidArgumentError {
  const message = `${vfs.name} is not empty and holds no database: ${survey.foreign[0]} is there`;
  return new InvalidArgumentError("NOT_A_DATABASE", message, { path: vfs.name, names: survey.foreign.slice(0, 10) });
}

/** @throws {CorruptionError} `MANIFEST_CORRUPT`; StateError `FORMAT_TOO_NEW` */
export function readManifest(vfs: Vfs, file: ManifestFile): Manifest {
  const size = vfs.size(file.name) ?? 0;
  if (size > MANIFEST_BYTES_MAX) {
    throw new CorruptionError("MANIFEST_CORRUPT", `${file.name}: no manifest has ${size} bytes`, {
      file: file.name,
      bytes: size,
    });
  }
  const manifest = decodeManifest(readWhole(vfs, file.name), file.name);
  if (manifest.epoch !== file.epoch || manifest.number !== file.number) {
    throw new CorruptionError(
      "MANIFEST_CORRUPT",
      `${file.name} holds the manifest ${manifestName(manifest.epoch, manifest.number)}`,
      {
        file: file.name,
        epoch: manifest.epoch,
        number: manifest.number,
      },
    );
  }
  return manifest;
}

function coversAll(manifest: Manifest, survey: DatabaseSurvey): boolean {
  const last = manifest.spans.at(-1);
  return survey.segments.every((segment) => last !== undefined && segment.epoch <= last.epoch);
}

function parseManifestName(name: string, pattern: RegExp): ManifestFile | undefined {
  const match = pattern.exec(name);
  if (match === null) return undefined;
  return { name, epoch: Number.parseInt(match[1]!, 16), number: Number.parseInt(match[2]!, 16) };
}

/** Locks (with whatever their method adds), the directories, what was put aside, and what desktops leave everywhere. */
function isOurs(name: string): boolean {
  const isDirectory = name === WAL_DIRECTORY || name === SNAPSHOT_DIRECTORY;
  return name.startsWith(LOCK_NAME) || isDirectory || name.endsWith(DAMAGED_SUFFIX) || name.startsWith(".");
}
