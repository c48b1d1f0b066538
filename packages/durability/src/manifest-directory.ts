import { assert, CorruptionError, InvalidArgumentError, type Random, StateError, StrataError } from "@strata/core";
import {
  claimName,
  decodeManifest,
  EPOCH_CLAIM_PATTERN,
  encodeManifest,
  MANIFEST_BYTES_MAX,
  MANIFEST_NAME_PATTERN,
  MANIFEST_TEMPORARY_PATTERN,
  type Manifest,
  manifestName,
  OWNER_PATTERN,
  ownerName,
} from "./manifest.js";
import { rebuildManifest } from "./manifest-rebuild.js";
import type { Vfs } from "./vfs.js";
import { readWhole, writeFully } from "./vfs-io.js";
import { EPOCH_MAX, parseSegmentName, WAL_DIRECTORY } from "./wal-format.js";

/** What the names in the directory say, before any file is read. */
export interface DirectorySurvey {
  /** Names of manifests, the one that counts first. */
  readonly manifests: readonly ManifestFile[];
  /** Manifests in the making, claims to epochs, files of owners; those of older epochs are remains of sessions that did not end. */
  readonly remains: readonly { readonly name: string; readonly epoch: number }[];
  readonly segments: readonly SegmentFile[];
  /** No name carries a higher epoch. */
  readonly epochMax: number;
  /** Names in the directory that no database has. */
  readonly foreign: readonly string[];
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
  const segments: SegmentFile[] = [];
  const foreign: string[] = [];
  for (const name of vfs.list("")) {
    const manifest = parseManifestName(name, MANIFEST_NAME_PATTERN);
    const remnant = REMAINS_PATTERNS.map((pattern) => pattern.exec(name)).find((match) => match !== null) ?? null;
    if (manifest !== undefined) manifests.push(manifest);
    else if (remnant !== null) remains.push({ name, epoch: Number.parseInt(remnant[1]!, 16) });
    else if (!isOurs(name)) foreign.push(name);
  }
  for (const name of vfs.list(WAL_DIRECTORY)) {
    const place = parseSegmentName(name);
    if (place !== undefined) segments.push({ path: `${WAL_DIRECTORY}/${name}`, ...place });
  }
  manifests.sort((a, b) => b.epoch - a.epoch || b.number - a.number);
  segments.sort((a, b) => a.firstLsn - b.firstLsn || a.epoch - b.epoch);
  let epochMax = 0;
  for (const { epoch } of [...manifests, ...remains, ...segments]) if (epoch > epochMax) epochMax = epoch;
  return { manifests, remains, segments, epochMax, foreign };
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
 * about how the log was closed, and nothing else. Otherwise the answer is an error, because an older description of the log
 * would silently drop what came after it.
 *
 * @param salvage takes what the segments tell of themselves instead.
 * @throws {CorruptionError} `MANIFEST_CORRUPT`, `MANIFEST_MISSING`
 * @throws {InvalidArgumentError} `NOT_A_DATABASE`
 * @throws {StateError} `FORMAT_TOO_NEW`
 */
export function selectManifest(vfs: Vfs, survey: DirectorySurvey, salvage: boolean): SelectedManifest | undefined {
  const damaged: ManifestFile[] = [];
  let problem: CorruptionError | undefined;
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
    break;
  }
  if (problem === undefined && survey.segments.length > 0) problem = missing(vfs, survey);
  if (problem !== undefined) {
    const manifest = salvage ? rebuildManifest(vfs, survey.segments) : undefined;
    if (manifest === undefined) throw problem;
    return { manifest, damaged, rebuilt: true };
  }
  if (survey.foreign.length > 0) throw foreign(vfs, survey);
  return undefined;
}

function missing(vfs: Vfs, survey: DirectorySurvey): CorruptionError {
  const message = `${vfs.name} holds ${survey.segments.length} segments of a log, and no manifest`;
  const segments = survey.segments.map((segment) => segment.path);
  return new CorruptionError("MANIFEST_MISSING", message, { path: vfs.name, segments });
}

function foreign(vfs: Vfs, survey: DirectorySurvey): InvalidArgumentError {
  const message = `${vfs.name} is not empty and holds no database: ${survey.foreign[0]} is there`;
  return new InvalidArgumentError("NOT_A_DATABASE", message, { path: vfs.name, names: survey.foreign.slice(0, 10) });
}

function readManifest(vfs: Vfs, file: ManifestFile): Manifest {
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

function coversAll(manifest: Manifest, survey: DirectorySurvey): boolean {
  const last = manifest.spans.at(-1);
  return survey.segments.every((segment) => last !== undefined && segment.epoch <= last.epoch);
}

/**
 * The manifests of one epoch, as their owner publishes them. The owner is whoever published the manifest with the highest
 * epoch. It has a file of its own there, of a name that nobody else ever uses; whoever raises the epoch removes those of all
 * lower ones before anything else, and whoever removes the directory removes it too. So one look at a name tells an owner
 * that it was robbed.
 *
 * Invariant: `#current` was published by this object and is on stable storage.
 */
export class OwnManifests {
  readonly #vfs: Vfs;
  readonly #owner: string;
  #current: Manifest;

  private constructor(vfs: Vfs, owner: string, current: Manifest) {
    this.#vfs = vfs;
    this.#owner = owner;
    this.#current = current;
  }

  get current(): Manifest {
    return this.#current;
  }

  get currentName(): string {
    return manifestName(this.#current.epoch, this.#current.number);
  }

  /**
   * Raises the epoch above every name there is, and says so durably; nothing else of `base` changes. From here on every
   * other owner is fenced.
   *
   * @param damaged are put aside, not removed.
   * @throws {StateError} `DATABASE_FENCED` when somebody else raised it at the same time.
   */
  static raiseEpoch(
    vfs: Vfs,
    random: Random,
    base: Omit<Manifest, "epoch" | "number">,
    survey: DirectorySurvey,
    damaged: readonly ManifestFile[],
  ): OwnManifests {
    let epoch = survey.epochMax + 1;
    while (!claimEpoch(vfs, epoch)) epoch += 1;
    const own = new OwnManifests(vfs, ownerName(epoch, random.bytes(8)), { ...base, epoch, number: 1 });
    // Before the manifest: whoever sees that one finds this one too.
    vfs.open(own.#owner, "create").close();
    publish(vfs, own.#current);
    // Whoever looked around before somebody else came and went may have claimed an epoch of the past.
    const { manifests, remains } = own.#mustCount();
    for (const { name } of damaged) if (vfs.exists(name)) vfs.rename(name, `${name}${DAMAGED_SUFFIX}`);
    for (const file of [...remains, ...manifests]) if (file.epoch < epoch) vfs.unlink(file.name);
    own.checkFence();
    return own;
  }

  /** Makes `changes` to the current manifest durable, under the next number. */
  replace(changes: Partial<Omit<Manifest, "epoch" | "number" | "databaseId">>): void {
    this.checkFence();
    const previous = this.#current;
    const next: Manifest = { ...previous, ...changes, number: previous.number + 1 };
    publish(this.#vfs, next);
    this.#current = next;
    // Who took over since the look at the fence has removed the manifests there were, and cannot know of this one.
    this.#mustCount();
    // The one before stays, for the case that this one is damaged some day. Not the first: it describes the log without the
    // segments of this epoch, and with it alone they would pass for those of an interrupted recovery.
    const obsolete = previous.number === 1 ? 1 : previous.number - 1;
    this.#vfs.unlink(manifestName(previous.epoch, obsolete));
  }

  /** Takes the current manifest back when it is not the one that counts. @returns what is there. */
  #mustCount(): DirectorySurvey {
    const survey = surveyDirectory(this.#vfs);
    if (survey.manifests[0]?.name === this.currentName) return survey;
    this.#vfs.unlink(this.currentName);
    throw fenced(this.#vfs, this.#current.epoch);
  }

  /** @throws {StateError} `DATABASE_FENCED` when somebody else has raised the epoch, or put another database in this place. */
  checkFence(): void {
    if (!this.#vfs.exists(this.#owner)) throw fenced(this.#vfs, this.#current.epoch);
  }

  /** Gives the ownership back, after the last manifest. */
  retire(): void {
    this.#vfs.unlink(this.#owner);
  }
}

/**
 * Makes the epoch this process's own, among all that live: who creates its file has it. The file stays until a later epoch
 * is raised. @returns false when somebody else has it.
 */
function claimEpoch(vfs: Vfs, epoch: number): boolean {
  assert(epoch <= EPOCH_MAX, "the epochs are used up");
  const name = claimName(epoch);
  try {
    vfs.open(name, "create").close();
    return true;
  } catch (error) {
    if (vfs.exists(name)) return false;
    throw error;
  }
}

/** Write, fsync, rename, fsync of the directory. */
function publish(vfs: Vfs, manifest: Manifest): void {
  const name = manifestName(manifest.epoch, manifest.number);
  const temporary = `${name}.tmp`;
  const bytes = encodeManifest(manifest);
  vfs.unlink(temporary);
  try {
    const file = vfs.open(temporary, "create");
    try {
      writeFully(file, bytes, 0, bytes.length, 0);
      file.sync();
    } finally {
      file.close();
    }
    vfs.rename(temporary, name);
  } catch (error) {
    removeQuietly(vfs, temporary);
    throw error;
  }
  vfs.syncDirectory("");
}

function fenced(vfs: Vfs, epoch: number): StateError {
  return new StateError("DATABASE_FENCED", `${vfs.name} was taken over from this process (epoch ${epoch})`, {
    path: vfs.name,
    epoch,
  });
}

function removeQuietly(vfs: Vfs, path: string): void {
  try {
    vfs.unlink(path);
  } catch (error) {
    // The failure that led here is the one to report; a temporary file is swept at the next opening.
    if (!StrataError.is(error)) throw error;
  }
}

function parseManifestName(name: string, pattern: RegExp): ManifestFile | undefined {
  const match = pattern.exec(name);
  if (match === null) return undefined;
  return { name, epoch: Number.parseInt(match[1]!, 16), number: Number.parseInt(match[2]!, 16) };
}

/** Locks (with whatever their method adds), the log's directory, what was put aside, and what desktops leave everywhere. */
function isOurs(name: string): boolean {
  return name.startsWith(LOCK_NAME) || name === WAL_DIRECTORY || name.endsWith(DAMAGED_SUFFIX) || name.startsWith(".");
}
