import { type Options, StateError, type Version } from "@strata/core";
import type { Timeline, TimelineCommit, WriteTarget } from "@strata/storage";
import { lineageOf, type Stretch } from "./algebra/lineage.js";
import type { Run } from "./run.js";

/** One commit as a run's history lists it. */
export interface CommitSummary {
  readonly version: Version;
  /** The commit before it in this history; 0 for the first one. */
  readonly previous: Version;
  /** µs since the epoch. */
  readonly timestamp: number;
  /** What its transaction gave as `message`. */
  readonly message?: string;
  /** Keys written and events appended. */
  readonly operations: number;
  /** What it took in the log; 0 in a database that keeps none. */
  readonly bytes: number;
}

/** `after`: the last version of the page before; go on behind it, in the direction of `reverse`. */
export type CommitScan = Options<{ after: Version; limit: number; reverse: boolean }>;

/** A commit, and where it and its writes are listed. */
export interface SeenCommit {
  readonly timeline: Timeline;
  readonly version: Version;
}

/** The whole history that a run sees: that of its ancestors up to where it was forked from each, then its own, oldest first. */
function stretchesOf(run: Run): Stretch[] {
  const stretches = lineageOf({ shard: run.shard, version: run.version });
  // What was trimmed lies between a fork and the floor above it: what is older cannot be joined to what is left.
  const oldest = stretches.findIndex(({ shard }) => isTrimmed(shard.timeline, shard.forkVersion));
  return (oldest < 0 ? stretches : stretches.slice(0, oldest + 1)).reverse();
}

/** What is left of commits up to here, in a run that was imported without its older history, is not all of them. */
function baseOf(run: Run): Version {
  return run.past?.base ?? 0;
}

function isTrimmed(timeline: Timeline, forkVersion: Version): boolean {
  return timeline.floor > forkVersion;
}

/**
 * The commits of a run, inherited ones included, oldest first or with `reverse` newest first. Which ones is settled when the first is asked
 * for; commits made later are not among them.
 *
 * @param assertUsable called before each commit is given.
 */
export function* commitsOf(
  run: Run,
  scan: CommitScan,
  assertUsable: () => void,
): Generator<CommitSummary, void, undefined> {
  assertUsable();
  const { limit = Number.POSITIVE_INFINITY, reverse = false } = scan;
  const floor = baseOf(run);
  const after = reverse ? scan.after : Math.max(scan.after ?? 0, floor);
  const stretches = stretchesOf(run);
  const order = stretches.map((_, index) => (reverse ? stretches.length - 1 - index : index));
  let left = limit;
  for (const index of order) {
    const { shard, through } = stretches[index] as Stretch;
    const { timeline } = shard;
    const start = reverse ? Math.min(after ?? Number.POSITIVE_INFINITY, through + 1) : after;
    for (const commit of timeline.commits({ after: start, reverse })) {
      if (left <= 0) return;
      if (commit.version > through) break;
      if (commit.version <= floor) return;
      left--;
      yield summaryOf(commit, Math.max(floor, previousOf(commit, stretches, index)));
      assertUsable();
    }
  }
}

/** When the oldest and the newest commit were made that a run's history lists; `undefined` when there is none. µs since the epoch. */
export function timeRangeOf(run: Run): { readonly oldest: number; readonly latest: number } | undefined {
  const [first] = commitsOf(run, { limit: 1 }, () => {});
  const [last] = commitsOf(run, { limit: 1, reverse: true }, () => {});
  return first === undefined || last === undefined
    ? undefined
    : Object.freeze({ oldest: first.timestamp, latest: last.timestamp });
}

/**
 * The first commit above `version` in a run's history that ended a space or made a write that is `wanted`. Passes over others at the cost of
 * looking at each of their writes.
 *
 * @throws StateError `HISTORY_TRIMMED`, facts.earliest, when what follows `version` is no longer kept
 */
export function commitAfter(
  run: Run,
  version: Version,
  wanted: (target: WriteTarget) => boolean,
): SeenCommit | undefined {
  const { shard } = run;
  if (version < baseOf(run)) throw trimmed(run, version, baseOf(run));
  // Who follows the head is never among the ancestors.
  if (version >= shard.timeline.floor) return firstAfter(shard.timeline, version, run.version, wanted);
  for (const stretch of lineageOf({ shard, version: run.version }).reverse()) {
    const { timeline, forkVersion } = stretch.shard;
    if (stretch.through <= version) continue;
    if (isTrimmed(timeline, forkVersion) && version < timeline.floor) throw trimmed(run, version, timeline.floor);
    const found = firstAfter(timeline, Math.max(version, timeline.floor), stretch.through, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstAfter(
  timeline: Timeline,
  version: Version,
  through: Version,
  wanted: (target: WriteTarget) => boolean,
): SeenCommit | undefined {
  const next = timeline.findAfter(version, wanted);
  return next === undefined || next > through ? undefined : { timeline, version: next };
}

function previousOf(commit: TimelineCommit, stretches: readonly Stretch[], index: number): Version {
  const { timeline, forkVersion } = (stretches[index] as Stretch).shard;
  if (commit.previous > timeline.floor || isTrimmed(timeline, forkVersion)) return commit.previous;
  for (let older = index - 1; older >= 0; older--) {
    const { shard, through } = stretches[older] as Stretch;
    const last = shard.timeline.lastAtOrBefore(through);
    if (last !== undefined) return last;
  }
  return 0;
}

function summaryOf(commit: TimelineCommit, previous: Version): CommitSummary {
  const { version, timestamp, message, operations, bytes } = commit;
  const summary = { version, previous, timestamp, operations, bytes };
  return Object.freeze(message === undefined ? summary : { ...summary, message });
}

function trimmed(run: Run, requested: Version, earliest: Version): StateError {
  return new StateError(
    "HISTORY_TRIMMED",
    `run "${run.name}" keeps its commits above version ${earliest}; those behind ${requested} begin earlier`,
    { run: run.name, requested: { version: requested }, earliest },
  );
}
