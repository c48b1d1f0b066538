import { CorruptionError } from "@strata/core";
import type { Durability } from "@strata/durability";
import type { DatabaseInfo, Health } from "./database-options.js";
import { VERSION } from "./package-version.js";
import type { RecoveryReport } from "./recovery.js";
import type { RunRegistry } from "./run-registry.js";

/** What `info()` shows. Counting keys takes time in proportion to the number of tables. */
export function describeDatabase(parts: {
  readonly durability: Durability;
  readonly runs: RunRegistry;
  readonly health: Health;
  readonly openTransactions: number;
  readonly uptimeMs: number;
  readonly clockBehindMs: number | undefined;
  readonly recovery: RecoveryReport;
}): DatabaseInfo {
  const { durability, runs, health, openTransactions, uptimeMs, clockBehindMs, recovery } = parts;
  const { path, lockMethod } = durability.describe();
  return Object.freeze({
    version: VERSION,
    ...(path === undefined ? {} : { path }),
    durability: durability.modeName,
    runs: runs.live.size,
    keys: countKeys(runs),
    uptimeMs,
    openTransactions,
    durableThrough: durability.durableThrough,
    health,
    ...(clockBehindMs === undefined ? {} : { clockBehindMs }),
    ...(lockMethod === undefined ? {} : { lock: lockMethod }),
    recovery,
  });
}

/** Live keys and events over all runs and spaces. A run that is damaged counts for nothing: this is asked for just then. */
function countKeys({ live }: RunRegistry): number {
  let count = 0;
  live.visitNames("", "", (name, row) => {
    try {
      count += live.countKeys(name, row);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
    return true;
  });
  return count;
}
