import type { RunShard } from "@strata/storage";

const KEYED = ["kv", "state", "json", "vector"] as const;

/** Live keys and events over all spaces of a run. In a fork that nobody has asked, counting them takes a scan. */
export function countKeys(shard: RunShard): number {
  return sum(shard, true) as number;
}

/** The same where it takes no counting; `undefined` otherwise. */
export function knownKeys(shard: RunShard): number | undefined {
  return sum(shard, false);
}

function sum(shard: RunShard, counts: boolean): number | undefined {
  let keys = 0;
  for (const space of shard.spaces()) {
    keys += shard.events(space)?.length() ?? 0;
    for (const primitive of KEYED) {
      const table = shard.table(space, primitive);
      if (table === undefined) continue;
      const live = counts ? table.liveCount() : table.knownLiveCount;
      if (live < 0) return undefined;
      keys += live;
    }
  }
  return keys;
}
