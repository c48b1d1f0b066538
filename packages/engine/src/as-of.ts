import {
  type AsOf,
  InvalidArgumentError,
  NotFoundError,
  nearest,
  StateError,
  type Version,
  validateTagName,
} from "@strata/core";
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
    return Math.min(point.version, run.version);
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

function beforeBegin(run: Run, requested: { version?: Version; time?: number }): StateError {
  return new StateError("HISTORY_TRIMMED", `run "${run.name}" begins at version ${run.firstVersion}`, {
    requested,
    earliest: run.firstVersion,
    earliestTime: run.past?.firstTime ?? run.createdAt,
  });
}
