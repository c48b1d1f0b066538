/**
 * Keys that files no longer have.
 */
import type { LostInterval } from "./cold.js";
import { isLive } from "./stored.js";
import type { Table } from "./table.js";
import { Found } from "./version-chain.js";

/** Chains looked at between two pauses: a millisecond or two. */
const CHAINS_PER_SLICE = 4096;

/**
 * Lets go of dead keys that are in memory and not in the table's newest files: retention left them out, and what they were is not known any
 * more. Costs nothing where it left out none since the files before.
 *
 * @param before what the files before had lost.
 */
export function* forgetVanished(table: Table, before: readonly LostInterval[] = []): Generator<void, void, undefined> {
  const { cold, coldThrough } = table;
  if (isSame(cold?.lost ?? [], before)) return;
  const found = new Found();
  let left = CHAINS_PER_SLICE;
  for (const chain of table.chains()) {
    if (chain.version <= coldThrough && !isLive(chain.stored)) {
      if (cold === undefined || !cold.find(chain.key, coldThrough, found)) table.forget(chain);
    }
    if (--left > 0) continue;
    left = CHAINS_PER_SLICE;
    yield;
  }
}

function isSame(a: readonly LostInterval[], b: readonly LostInterval[]): boolean {
  return a.length === b.length && a.every(({ from, to }, i) => from === b[i]!.from && to === b[i]!.to);
}
