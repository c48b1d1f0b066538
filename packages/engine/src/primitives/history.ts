import type { HistoryOptions, Version } from "@strata/core";
import { isLive, type Stored } from "@strata/storage";
import type { KeyedPrimitive, ReadScope } from "../scope.js";
import { optionalInteger, optionsOf } from "./options.js";

const HISTORY_OPTIONS = ["limit", "before"] as const;

/** One committed version of a key. */
export interface HistoryStep {
  readonly version: Version;
  readonly timestamp: number;
  /** What it held; for a deletion `undefined`, or a Box without value. */
  readonly stored: Stored | undefined;
  readonly deleted: boolean;
}

/** Committed versions of `key`, newest first. What has expired since is still told: history is what was written. */
export function historyOf(
  scope: ReadScope,
  primitive: KeyedPrimitive,
  key: string,
  given: HistoryOptions | undefined,
  where: string,
): HistoryStep[] {
  const options = optionsOf(given, HISTORY_OPTIONS, where);
  const limit = optionalInteger(options.limit, "limit", 1, where) ?? Number.POSITIVE_INFINITY;
  const before = optionalInteger(options.before, "before", 0, where) ?? Number.MAX_SAFE_INTEGER;
  const steps: HistoryStep[] = [];
  scope.table(primitive).versions(key, before, (version, stored) => {
    const deleted = !isLive(stored);
    return steps.push({ version, timestamp: scope.timestampOf(version), stored, deleted }) < limit;
  });
  return steps;
}
