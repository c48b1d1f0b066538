import { Box, type RunShard } from "@strata/storage";
import type { Slices } from "./long-work.js";
import type { OpenTransaction } from "./open-transaction.js";
import type { Run } from "./run.js";
import type { Transactions } from "./transactions.js";

/** Keys deleted in one commit: a few milliseconds. */
const KEYS_AT_ONCE = 1000;

/** The name of the commits that do it, for who looks through the commits of a run. */
const MESSAGE = "expired keys removed";

/**
 * Deletes the keys of a run whose time to live is over. They read as absent already; as deleted ones they go the way of all that retention
 * does not keep. What a run inherited is not its own to delete.
 *
 * @returns how many.
 */
export async function removeExpired(
  run: Run,
  now: () => number,
  transactions: Transactions,
  slices: Slices,
): Promise<number> {
  let removed = 0;
  for (const space of run.shard.spaces()) {
    for (let after = ""; ; ) {
      if (run.dropped || run.status !== "active") return removed;
      const { keys, last } = expiredIn(run.shard, space, after, now());
      if (keys.length > 0) {
        const remove = (open: OpenTransaction) => {
          const scope = open.scope(space);
          for (const key of keys) scope.put("kv", key, undefined);
        };
        transactions.closure(run, remove, { message: MESSAGE });
        removed += keys.length;
      }
      await slices.pause();
      if (last === undefined) break;
      after = last;
    }
  }
  return removed;
}

/** The expired keys among the next ones, and the last key looked at; `undefined` at the end. */
function expiredIn(
  shard: RunShard,
  space: string,
  after: string,
  now: number,
): { readonly keys: string[]; readonly last: string | undefined } {
  const table = shard.table(space, "kv");
  const keys: string[] = [];
  let looked = 0;
  let last: string | undefined;
  const range = { start: after === "" ? undefined : `${after}\0`, end: undefined, reverse: false };
  table?.scan(range, Number.POSITIVE_INFINITY, (key, stored, version) => {
    if (stored instanceof Box && stored.expiresAt <= now && version > shard.forkVersion) keys.push(key);
    last = key;
    return ++looked < KEYS_AT_ONCE;
  });
  return { keys, last: looked < KEYS_AT_ONCE ? undefined : last };
}
