import { compareCodePoints, type Version } from "@strata/core";
import { Box, Found, isLive, type Stored, type Table, VersionChain } from "@strata/storage";
import type { ConflictKey } from "./observation.js";
import type { RangeObservation } from "./read-set.js";
import type { TransactionContext } from "./transaction-context.js";

/** Conflicts that an error names; how many there were is told besides. */
export const MAX_REPORTED_CONFLICTS = 100;

export interface Validation {
  readonly valid: boolean;
  /** At most `MAX_REPORTED_CONFLICTS`. */
  readonly conflicts: readonly ConflictKey[];
  readonly conflictCount: number;
}

const VALID: Validation = { valid: true, conflicts: [], conflictCount: 0 };

/**
 * Backward validation: everything the transaction observed must still be as it was, in the run's head, now. When it holds, the
 * transaction is equivalent to one that ran entirely at its commit point, so commit order is a serial order (strict serializability).
 *
 * It changes nothing and is O(1) unless another commit of the run happened since the view. Blind writes observe nothing and so never
 * conflict. Kung & Robinson, "On Optimistic Methods for Concurrency Control" (1981).
 */
export function validate(transaction: TransactionContext): Validation {
  const { reads, shard, startVersion } = transaction;
  if (shard.lastVersion <= startVersion || reads.size === 0) return VALID;
  const found = new ConflictList();
  for (let i = 0; i < reads.keys.length; i++) {
    const table = reads.tables[i] as Table;
    const key = reads.keys[i] as string;
    const expected = reads.versions[i] as Version;
    const actual = table.droppedAt === Number.POSITIVE_INFINITY ? table.headVersion(key) : table.droppedAt;
    if (actual !== expected) found.add(conflictOf(table, key, expected, actual));
  }
  if (reads.ranges.length > 0) validateRanges(reads.ranges, transaction, found);
  for (const observation of reads.others) {
    const conflict = observation.conflict();
    if (conflict !== undefined) found.add(conflict);
  }
  return found.count === 0 ? VALID : { valid: false, conflicts: found.reported, conflictCount: found.count };
}

/** Walks what other commits wrote since the view once, and holds each write against the ranges of its table. */
function validateRanges(
  ranges: readonly RangeObservation[],
  transaction: TransactionContext,
  conflicts: ConflictList,
): void {
  const { shard, startVersion, startTime } = transaction;
  const byTable = new Map<Table, RangeObservation[]>();
  for (const range of ranges) {
    if (range.table.droppedAt !== Number.POSITIVE_INFINITY) {
      conflicts.add(conflictOf(range.table, range.start ?? "", startVersion, range.table.droppedAt));
      continue;
    }
    const known = byTable.get(range.table);
    if (known === undefined) byTable.set(range.table, [range]);
    else known.push(range);
  }
  const before = new Found();
  shard.timeline.changedSince(startVersion, (target, version) => {
    if (!(target instanceof VersionChain)) return true;
    for (const range of byTable.get(target.table) ?? []) {
      if (!contains(range, target.key)) continue;
      const existed = target.table.find(target.key, startVersion, before);
      // A list of keys still holds when a key inside it got another value.
      if (
        range.what === "keys" &&
        isListed(before.stored, startTime) === isListed(target.table.head(target.key), startTime)
      )
        continue;
      conflicts.add(conflictOf(target.table, target.key, existed ? before.version : 0, version));
    }
    return true;
  });
}

/** Whether a scan by the transaction's clock lists a key that holds `stored`: one that had expired is as absent as a deleted one. */
function isListed(stored: Stored | undefined, startTime: number): boolean {
  return isLive(stored) && !(stored instanceof Box && stored.expiresAt <= startTime);
}

function contains(range: RangeObservation, key: string): boolean {
  if (range.start !== undefined && compareCodePoints(key, range.start) < 0) return false;
  return range.end === undefined || compareCodePoints(key, range.end) < 0;
}

function conflictOf(table: Table, key: string, expected: Version, actual: Version): ConflictKey {
  return { space: table.space.name, primitive: table.primitive, key, expected, actual };
}

/** Conflicts by key, each once, counted beyond what is reported. */
class ConflictList {
  readonly reported: ConflictKey[] = [];
  count = 0;
  readonly #seen = new Set<string>();

  add(conflict: ConflictKey): void {
    const identity = JSON.stringify([conflict.space, conflict.primitive, conflict.key, conflict.path]);
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    this.count++;
    if (this.reported.length < MAX_REPORTED_CONFLICTS) this.reported.push(conflict);
  }
}
