import type { RunId, Version } from "@strata/core";
import type { RunShard } from "@strata/storage";
import type { Point } from "./point.js";

/** Commits of one run that a point sees: those above the run's fork version, up to `through`. */
export interface Stretch {
  readonly shard: RunShard;
  readonly through: Version;
}

/**
 * The runs whose commits a point sees, from its own back to the one that began empty. A run of which it sees nothing, because the point
 * or a fork lies before its first version, is left out.
 */
export function lineageOf(point: Point): Stretch[] {
  const stretches: Stretch[] = [];
  let through = point.version;
  for (let shard: RunShard | undefined = point.shard; shard !== undefined; shard = shard.parent) {
    if (shard.parent !== undefined && through <= shard.forkVersion) continue;
    stretches.push({ shard, through });
    through = Math.min(through, shard.forkVersion);
  }
  return stretches;
}

/** How far a point sees into the run with that number; 0 when it is none of its line of descent. */
export function seenThrough(lineage: readonly Stretch[], run: RunId): Version {
  return lineage.find(({ shard }) => shard.id === run)?.through ?? 0;
}

/** The newest point that both see by descent; `undefined` for runs that share nothing. */
export function commonAncestor(a: readonly Stretch[], b: readonly Stretch[]): Point | undefined {
  for (const { shard, through } of a) {
    const other = b.find((stretch) => stretch.shard === shard);
    if (other !== undefined) return { shard, version: Math.min(through, other.through) };
  }
  return undefined;
}

/** Whether the two runs descend from the same one that began empty. */
export function areRelated(a: RunShard, b: RunShard): boolean {
  return rootOf(a) === rootOf(b);
}

function rootOf(shard: RunShard): RunShard {
  let root = shard;
  while (root.parent !== undefined) root = root.parent;
  return root;
}
