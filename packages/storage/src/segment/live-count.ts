/**
 * How many keys of each table were alive as of a version, while the run goes on.
 */
import type { Version } from "@strata/core";
import type { RunShard } from "../shard.js";
import { isLive } from "../stored.js";
import type { Table } from "../table.js";
import { Found, VersionChain } from "../version-chain.js";
import { LiveCommits } from "./live-delta.js";
import type { WorkBudget } from "./work-budget.js";

/**
 * The counts of now, less what the commits since `through` did to them.
 *
 * @returns by table; those that nobody has counted are missing.
 */
export function* countLive(
  shard: RunShard,
  through: Version,
  budget: WorkBudget,
): Generator<void, ReadonlyMap<Table, number>, undefined> {
  /** Of what was written since `through`: whether it was alive then. */
  const written = new Map<VersionChain, boolean>();
  const found = new Found();
  const note = (target: unknown): void => {
    if (!(target instanceof VersionChain) || written.has(target)) return;
    written.set(target, target.table.find(target.key, through, found) && isLive(found.stored));
  };
  const commits = new LiveCommits(shard.timeline, through, Number.POSITIVE_INFINITY);
  const { lastVersion } = shard;
  for (let page = commits.next(); page.length > 0; page = commits.next()) {
    for (const { targets, version } of page) {
      for (const target of targets) {
        note(target);
        budget.spend(1);
        // Those who write may be faster: what they do after the first slice is caught up with in the last.
        if (budget.isSpent && version <= lastVersion) yield;
      }
    }
  }
  const counts = new Map<Table, number>();
  // What was forgotten may have changed any of them.
  if (commits.floor > through) return counts;
  for (const space of shard.ownSpaces()) {
    for (const table of space.ownTables()) if (table.knownLiveCount >= 0) counts.set(table, table.knownLiveCount);
  }
  for (const [chain, wasLive] of written) {
    const count = counts.get(chain.table);
    if (count !== undefined) counts.set(chain.table, count + (wasLive ? 1 : 0) - (isLive(chain.stored) ? 1 : 0));
  }
  return counts;
}
