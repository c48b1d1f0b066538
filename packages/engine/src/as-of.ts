import {
  type AsOf,
  InvalidArgumentError,
  NotFoundError,
  nearest,
  StateError,
  type Version,
  validateTagName,
} from "@strata/core";
import type { RunShard } from "@strata/storage";
import type { Run } from "./run.js";

/**
 * `point` as a version of `run`: its last commit at or before it.
 *
 * @param newest the newest version that the database has given out.
 * @throws StateError `HISTORY_TRIMMED`, facts.earliest
 * @throws NotFoundError `TAG_NOT_FOUND`, facts.nearest
 * @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_NAME`
 */
export function versionOf(run: Run, point: AsOf | undefined, newest: Version): Version {
  if (point === undefined) return run.version;
  if (typeof point !== "object" || point === null) throw illegalPoint(point);
  if ("time" in point) {
    const time = timeOf(point) as number;
    const { past } = run;
    const version = run.shard.versionAtTime(time);
    if (version !== undefined && version >= run.firstVersion) return version;
    if (version === undefined) assertUntrimmed(run, Number.POSITIVE_INFINITY, { time });
    // What is left of commits below an imported run's first version is no version to be asked for.
    if (time >= (past?.firstTime ?? run.createdAt)) return past?.first ?? run.number;
    throw beforeBegin(run, { time });
  }
  if ("tag" in point) return versionOfTag(run, point.tag);
  if ("version" in point && Number.isSafeInteger(point.version) && point.version >= 0) {
    if (point.version > newest) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", `version ${point.version} is still to come`, {
        version: point.version,
        newest,
      });
    }
    if (point.version < run.firstVersion) throw beforeBegin(run, { version: point.version });
    const version = Math.min(point.version, run.version);
    // Without the time of the last commit up to there, nobody can say what had expired.
    if (run.shard.timestampAt(version) === 0) assertUntrimmed(run, version, { version: point.version });
    return version;
  }
  throw illegalPoint(point);
}

/** The time that `point` names, µs since the epoch; `undefined` when it names a version or a tag. */
export function timeOf(point: AsOf): number | undefined {
  if (!("time" in point)) return undefined;
  const time = point.time instanceof Date ? point.time.getTime() * 1000 : point.time;
  if (typeof time === "number" && Number.isFinite(time)) return time;
  throw new InvalidArgumentError("INVALID_ARGUMENT", "time must be a Date or µs since the epoch", { time: point.time });
}

/** By which time a view of `point` judges what has expired, µs since the epoch. @param version what `versionOf` said. */
export function timestampOf(run: Run, point: AsOf, version: Version): number {
  const tagged = "tag" in point ? run.tags.get(point.tag)?.timestamp : undefined;
  return tagged ?? timeOf(point) ?? lastTimeAt(run, run.shard, version);
}

/**
 * When the last commit of `run` at or below `version` was made, µs since the epoch.
 *
 * @param shard the run's own, or one that was folded anew.
 */
export function lastTimeAt({ past, createdAt }: Run, shard: RunShard, version: Version): number {
  const known = shard.timestampAt(version) || createdAt;
  // Nothing need be left of the commit that an imported run begins with.
  return past !== undefined && version >= past.first ? Math.max(known, past.firstTime) : known;
}

function versionOfTag(run: Run, name: string): Version {
  const tag = run.tags.get(name);
  if (tag !== undefined) return tag.version;
  validateTagName(name);
  const close = nearest(name, run.tags.keys());
  const hint = close === undefined ? "" : `; did you mean "${close}"?`;
  throw new NotFoundError("TAG_NOT_FOUND", `run "${run.name}" has no tag "${name}"${hint}`, {
    run: run.name,
    tag: name,
    nearest: close,
  });
}

function illegalPoint(point: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    "INVALID_ARGUMENT",
    "a point is { version }, { time } or { tag }: a whole number; a Date, or µs since the epoch; a name",
    { point },
  );
}

/** To be called when there is no commit at or below `version` to be found: throws when there may have been one. */
function assertUntrimmed(run: Run, version: Version, requested: { version?: Version; time?: number }): void {
  let clip = version;
  // The last commit as of which a fork was made stays known: where none is, there was none.
  let isForked = false;
  for (let shard: RunShard | undefined = run.shard; shard !== undefined; shard = shard.parent) {
    const { timeline, forkVersion } = shard;
    const begin = Math.max(forkVersion, run.past?.base ?? 0);
    const isCut = clip > begin && timeline.floor > begin;
    if (isCut && !(isForked && timeline.lastAtOrBefore(clip) === undefined)) {
      const message = `run "${run.name}" keeps its commits above version ${timeline.floor}`;
      const earliest = timeline.nextAfter(Math.min(version, timeline.floor)) ?? shard.lastVersion;
      throw new StateError("HISTORY_TRIMMED", message, { run: run.name, requested, earliest });
    }
    isForked = forkVersion <= clip;
    clip = Math.min(clip, forkVersion);
  }
}

function beforeBegin(run: Run, requested: { version?: Version; time?: number }): StateError {
  return new StateError("HISTORY_TRIMMED", `run "${run.name}" begins at version ${run.firstVersion}`, {
    requested,
    earliest: run.firstVersion,
    earliestTime: run.past?.firstTime ?? run.createdAt,
  });
}
