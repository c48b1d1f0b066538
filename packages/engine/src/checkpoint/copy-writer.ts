import { InvalidArgumentError } from "@strata/core";
import type { Durability, SnapshotFiles } from "@strata/durability";
import { RunShard } from "@strata/storage";
import type { LongWork, Slices } from "../long-work.js";
import { Catalogue } from "./catalogue.js";
import { CheckpointWork, type CopiedRun } from "./checkpoint-work.js";
import type { DatabaseImage, ImageRun } from "./database-image.js";
import { SnapshotLibrary } from "./snapshot-library.js";

/** What a copy holds. */
export interface BackupInfo {
  /** Runs, deleted ones that others read through included. */
  readonly runs: number;
  /** Of their segments. */
  readonly bytes: number;
  /** Everything committed up to this version is in it. */
  readonly version: number;
}

/** What the copy reads of itself while it is written. Bytes. */
const CACHE_BYTES = 1024 * 1024;

/**
 * Writes an image into an empty backend, as a checkpoint that everything begins with: each run one segment, a catalogue from scratch. It
 * counts from the moment the checkpoint is published: until then the target is an empty database. The target is closed in the end.
 *
 * @param source where the segments of the image lie; `undefined` when there are none.
 * @throws InvalidArgumentError `INVALID_ARGUMENT` when the target is not empty, or keeps no files; what was there is as it was
 */
export async function writeCopy(
  image: DatabaseImage,
  source: SnapshotLibrary | undefined,
  target: Durability,
  slices: Slices,
  onProgress: LongWork["onProgress"],
): Promise<BackupInfo> {
  try {
    beginTarget(target);
  } catch (error) {
    target.abandon();
    throw error;
  }
  return await writeBegunCopy(image, source, target, slices, onProgress);
}

/** The same into a target that was begun. */
export async function writeBegunCopy(
  image: DatabaseImage,
  source: SnapshotLibrary | undefined,
  target: Durability,
  slices: Slices,
  onProgress: LongWork["onProgress"],
  beforePublishing: () => void = () => {},
): Promise<BackupInfo> {
  let work: CheckpointWork | undefined;
  try {
    const library = new SnapshotLibrary(target.snapshots as SnapshotFiles, CACHE_BYTES);
    const catalogue = Catalogue.empty(library, image.epoch);
    // A catalogue is written at a version; 0 is that of nothing.
    const version = Math.max(1, image.version);
    work = new CheckpointWork(library, catalogue, { version, timestamp: image.timestamp }, slices);
    let done = 0;
    for (const run of image.runs) {
      await work.copyRun(copiedRun(run, source, version));
      onProgress?.(++done, image.runs.length);
      await slices.pause();
    }
    const places = await work.writeCatalogue(0);
    beforePublishing();
    const root = Catalogue.rootOf(places, image.timestamp, image.epoch);
    await target.publishCheckpoint({ version, lsn: target.end, root });
    target.shutdown();
    return { runs: image.runs.length, bytes: work.bytes, version };
  } catch (error) {
    work?.discard();
    target.abandon();
    throw error;
  }
}

/** Takes possession of an empty backend. @throws InvalidArgumentError `INVALID_ARGUMENT` */
export function beginTarget(target: Durability): SnapshotFiles {
  const isEmpty = target.recover(
    () => {},
    () => {},
  ).created;
  if (!isEmpty) {
    const { path } = target.describe();
    throw new InvalidArgumentError("INVALID_ARGUMENT", "a backup is written to where there is no database yet", {
      path,
    });
  }
  if (target.snapshots === undefined) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "a backup needs a backend that keeps files", {
      durability: target.modeName,
    });
  }
  return target.snapshots;
}

function copiedRun(run: ImageRun, source: SnapshotLibrary | undefined, version: number): CopiedRun {
  const { number, shard, places, ...known } = run;
  const row = { ...known, keys: undefined };
  const merge = source?.sources(places) ?? [];
  if (shard !== undefined) {
    shard.load();
    return { shard, from: Math.max(shard.coldThrough, shard.forkVersion), through: version, merge, row };
  }
  // Nothing is asked of a run that lies in files but the files.
  const through = places.length === 0 ? 0 : (source as SnapshotLibrary).open(places).through;
  return { shard: new RunShard(number), from: through, through, merge, row };
}
