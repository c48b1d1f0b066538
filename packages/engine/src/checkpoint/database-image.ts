import {
  ByteReader,
  CorruptionError,
  IoError,
  type RunId,
  type StrataError,
  SYSTEM_RUN,
  type Version,
} from "@strata/core";
import type { Checkpoint, Durability } from "@strata/durability";
import { ReadView, type RunShard, ShardedStore } from "@strata/storage";
import { applyCommit } from "../apply.js";
import { DerivedViews } from "../derived-index.js";
import { type FiledRuns, LiveRuns, SYSTEM_RUN_NAME } from "../live-runs.js";
import type { Slices } from "../long-work.js";
import { type CommitRecord, decodeCommit } from "../operation.js";
import { originOf, type RunRow } from "../run.js";
import type { Catalogue } from "./catalogue.js";
import type { CheckpointMoment } from "./checkpoint-work.js";
import { importedSnapshotOf } from "./filed-catalogue.js";
import type { SegmentPlace } from "./segment-place.js";

/** A run of an image. */
export interface ImageRun {
  readonly number: RunId;
  /** `undefined` for a deleted run that others read through. */
  readonly name: string | undefined;
  readonly lastVersion: Version;
  readonly lastTimestamp: number;
  readonly base: RunId | undefined;
  readonly forkVersion: Version;
  /** What lies in files of it. */
  readonly places: readonly SegmentPlace[];
  /** What does not; `undefined` when files have all of it. */
  readonly shard: RunShard | undefined;
}

/** A database as it is at one moment, and stays, whatever becomes of the living one. */
export interface DatabaseImage extends CheckpointMoment {
  readonly runs: readonly ImageRun[];
  /** Of the database: runs that were begun in it or before were begun before everything that comes next. */
  readonly epoch: number;
}

/** What log and checkpoint were when they were read: one moment, taken at once, to be made sense of in slices. */
export interface LogReading {
  readonly checkpoint: Checkpoint | undefined;
  /** Those behind it, in order. */
  readonly commits: readonly Uint8Array[];
  /** Where reading ended early: why. */
  readonly damage: StrataError | undefined;
}

/** @throws what the backend's `read` throws, unless it says that the log is damaged. */
export function readLog(durability: Pick<Durability, "read">): LogReading {
  let checkpoint: Checkpoint | undefined;
  let damage: StrataError | undefined;
  const commits: Uint8Array[] = [];
  try {
    durability.read(
      (payload) => commits.push(payload.slice()),
      (newest) => {
        checkpoint = newest;
      },
    );
  } catch (error) {
    if (!(error instanceof CorruptionError || error instanceof IoError)) throw error;
    damage = error;
  }
  return { checkpoint, commits, damage };
}

/** Runs of files, without an opinion on how they were found. */
export function runsOver(
  filed: FiledRuns | undefined,
  logger: ConstructorParameters<typeof DerivedViews>[0],
): LiveRuns {
  const runs = new LiveRuns(new ShardedStore(), new DerivedViews(logger));
  if (filed !== undefined) runs.attach(filed);
  return runs;
}

/** Folds a commit into runs of its own, as recovery does. @throws CorruptionError `CORRUPT_RECORD` */
export function foldPayload(runs: LiveRuns, payload: Uint8Array): CommitRecord {
  const commit = decodeCommit(new ByteReader(payload));
  const { run: number, version } = commit;
  const shard = runs.shardOf(number);
  if (shard === undefined) {
    const message = `commit ${version} is for run ${number}, which does not exist`;
    throw new CorruptionError("CORRUPT_RECORD", message, { version, run: number });
  }
  if (version <= shard.lastVersion) {
    const message = `commit ${version} of run ${number} follows commit ${shard.lastVersion}`;
    throw new CorruptionError("CORRUPT_RECORD", message, { version, run: number });
  }
  applyCommit(shard, commit, payload.length);
  runs.fold(commit);
  return commit;
}

/**
 * Every run that a database needs: `_system`, those that have a row in it, and deleted ones that these read through.
 *
 * @param catalogue of the files that `runs` reads, if there are any. Nothing of either may change until the end, unless it is in memory and held by a view.
 */
export function* describeRuns(
  runs: LiveRuns,
  catalogue: Pick<Catalogue, "run"> | undefined,
): Generator<void, ImageRun[], undefined> {
  const shards = new Map<RunId, RunShard>();
  const rows: { readonly name: string; readonly row: RunRow | undefined; readonly number: RunId }[] = [];
  shards.set(SYSTEM_RUN, runs.system.shard);
  for (const { number, shard } of runs.loaded()) shards.set(number, shard);
  for (const shard of runs.departed()) shards.set(shard.id, shard);
  rows.push({ name: SYSTEM_RUN_NAME, row: undefined, number: SYSTEM_RUN });
  runs.visitNames("", "", (name, row) => rows.push({ name, row, number: row.number as RunId }) > 0);
  const described = new Map<RunId, ImageRun>();
  const describe = (number: RunId, name: string | undefined, row: RunRow | undefined): ImageRun => {
    const filed = catalogue?.run(number);
    const imported = row === undefined ? undefined : importedSnapshotOf(row);
    const places = filed?.places ?? imported?.places ?? [];
    const shard = shards.get(number);
    if (shard !== undefined) {
      const { lastVersion, lastTimestamp, parent } = shard;
      const isWritten = lastVersion > Math.max(shard.coldThrough, shard.forkVersion);
      const [base, forkVersion] = parent === undefined ? [undefined, 0] : [parent.id, shard.forkVersion];
      return {
        number,
        name,
        lastVersion,
        lastTimestamp,
        base,
        forkVersion,
        places,
        shard: isWritten ? shard : undefined,
      };
    }
    if (filed !== undefined) return { ...filed, number, name, shard: undefined };
    const origin = row === undefined ? undefined : originOf(row);
    return {
      number,
      name,
      lastVersion: imported?.lastVersion ?? 0,
      lastTimestamp: imported?.lastTimestamp ?? 0,
      base: origin?.base as RunId | undefined,
      forkVersion: origin?.baseVersion ?? 0,
      places,
      shard: undefined,
    };
  };
  for (const { number, name, row } of rows) {
    described.set(number, describe(number, name, row));
    yield;
  }
  for (const { number } of rows) {
    for (
      let base = described.get(number)?.base;
      base !== undefined && !described.has(base);
      base = described.get(base)?.base
    ) {
      described.set(base, describe(base, undefined, undefined));
    }
    yield;
  }
  return [...described.values()];
}

/** An image of a living database that has no files: views hold what it is until `release` is called. */
export function imageOfMemory(runs: LiveRuns, moment: CheckpointMoment): DatabaseImage & { release(): void } {
  const describing = describeRuns(runs, undefined);
  let step = describing.next();
  while (step.done !== true) step = describing.next();
  const views = step.value.flatMap(({ shard }) => (shard === undefined ? [] : [new ReadView(shard, moment.version)]));
  const release = () => {
    for (const view of views) view.dispose();
  };
  return { ...moment, runs: step.value, epoch: runs.epoch.current, release };
}

/** An image of what was read from a log, and of the files that `catalogue` names: they must stay. */
export async function imageOfLog(
  reading: LogReading,
  parts: {
    readonly runs: LiveRuns;
    readonly catalogue: Catalogue | undefined;
    readonly epoch: number;
    readonly slices: Slices;
  },
): Promise<DatabaseImage> {
  const { runs, catalogue, epoch, slices } = parts;
  if (reading.damage !== undefined) throw reading.damage;
  let version = reading.checkpoint?.version ?? 0;
  let timestamp = catalogue?.timestamp ?? 0;
  for (const payload of reading.commits) {
    const commit = foldPayload(runs, payload);
    version = Math.max(version, commit.version);
    timestamp = Math.max(timestamp, commit.timestamp);
    await slices.pause();
  }
  return { version, timestamp, runs: await slices.run(describeRuns(runs, catalogue)), epoch };
}
