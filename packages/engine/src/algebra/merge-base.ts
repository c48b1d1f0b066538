import { InvalidArgumentError, type RunId, type Version } from "@strata/core";
import type { ContainedRun, RunShard } from "@strata/storage";
import { areRelated, commonAncestor, lineageOf, type Stretch } from "./lineage.js";
import type { Point } from "./point.js";

/**
 * What a point contains, as a version vector: for each run, by number, the newest version that came in by descent or by a merge. A merge
 * brings everything its source contained, so the vectors of all that went into a point are below its own.
 */
export class Containment {
  readonly point: Point;
  readonly lineage: readonly Stretch[];
  readonly #versions = new Map<RunId, Version>();

  constructor(point: Point) {
    this.point = point;
    this.lineage = lineageOf(point);
    for (const { shard, through } of this.lineage) {
      this.#raise(shard.id, through);
      for (const merge of shard.merges) {
        if (merge.version > through) break;
        for (const { run, version } of merge.contained) this.#raise(run, version);
      }
    }
  }

  /** Newest version of the run that is contained; 0 for none. */
  of(run: RunId): Version {
    return this.#versions.get(run) ?? 0;
  }

  runs(): Iterable<RunId> {
    return this.#versions.keys();
  }

  /** Whether every commit that the other point sees is contained. */
  includes(other: Containment): boolean {
    const newest = newestCommit(other.lineage);
    return newest === undefined || this.of(newest.shard.id) >= newest.version;
  }

  /** Whether a commit that the other point sees is contained. */
  includesCommit(other: Containment, version: Version): boolean {
    const owner = other.lineage.find(
      ({ shard, through }) => version <= through && (version > shard.forkVersion || shard.parent === undefined),
    );
    return owner !== undefined && this.of(owner.shard.id) >= version;
  }

  /** What a merge of `source` adds: the source first. */
  gainedFrom(source: Containment): ContainedRun[] {
    const gained: ContainedRun[] = [];
    for (const [run, version] of source.#versions) if (version > this.of(run)) gained.push({ run, version });
    return gained;
  }

  /**
   * The version of this line of descent from which on it contained `base`: what was written later was written on top of it.
   *
   * @param base a point that is contained, its version that of a commit of its shard.
   */
  containedSince(base: Point): Version {
    const own = this.lineage.find(({ shard }) => shard === base.shard);
    if (own !== undefined && own.through >= base.version) return base.version;
    let since = Number.POSITIVE_INFINITY;
    for (const { shard, through } of this.lineage) {
      for (const { version, contained } of shard.merges) {
        if (version <= through && contained.some((one) => one.run === base.shard.id && one.version >= base.version))
          since = Math.min(since, version);
      }
    }
    return since;
  }

  #raise(run: RunId, version: Version): void {
    if (version > this.of(run)) this.#versions.set(run, version);
  }
}

/**
 * Where a merge starts from: the newest commit that both contain, be it through a fork or through earlier merges in either direction.
 * Versions rise over the whole database, so nothing that both contain comes after it.
 *
 * @param shardOf the data of a run by its number; `undefined` for a run that was deleted.
 * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for runs that do not descend from one
 */
export function mergeBase(
  ours: Containment,
  theirs: Containment,
  shardOf: (run: RunId) => RunShard | undefined,
): Point {
  if (!areRelated(ours.point.shard, theirs.point.shard)) {
    throw new InvalidArgumentError(
      "CONSTRAINT_VIOLATION",
      "the runs have no common ancestor: neither descends from the other, nor both from a third",
      {
        rule: "related",
      },
    );
  }
  const known = new Map([...ours.lineage, ...theirs.lineage].map(({ shard }) => [shard.id, shard]));
  const ancestor = commonAncestor(ours.lineage, theirs.lineage) as Point;
  let base = newestCommit(lineageOf(ancestor)) ?? ancestor;
  for (const run of ours.runs()) {
    const shard = known.get(run) ?? shardOf(run);
    const version = Math.min(ours.of(run), theirs.of(run));
    // Numbers of an imported run may have meant another run where it came from.
    if (shard === undefined || version === 0 || !areRelated(shard, ours.point.shard)) continue;
    const commit = newestCommit(lineageOf({ shard, version }));
    if (commit !== undefined && commit.version > base.version) base = commit;
  }
  return base;
}

/** The newest commit that a line of descent sees, with the run it is of; `undefined` when there is none. */
function newestCommit(lineage: readonly Stretch[]): Point | undefined {
  for (const { shard, through } of lineage) {
    const { timeline } = shard;
    const version = timeline.lastAtOrBefore(through);
    if (version !== undefined) return { shard, version };
    // The commit at the floor was trimmed away; everything up to there is in the data.
    if (timeline.floor > shard.forkVersion) return { shard, version: Math.min(timeline.floor, through) };
  }
  return undefined;
}
