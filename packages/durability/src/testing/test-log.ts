import type { Lsn, Version } from "@strata/core";
import type { RecoverySummary } from "../durability.js";
import { InlineSyncDriver } from "../inline-sync-driver.js";
import { LogDurability } from "../log-durability.js";
import type { LogOptions } from "../log-options.js";
import type { SyncDriver } from "../sync-driver.js";
import type { Vfs } from "../vfs.js";
import { readCheckpoint } from "./checkpoint-log.js";
import { ManualTime } from "./manual-time.js";
import { SeededRandom } from "./seeded-random.js";

/** A commit as recovery gave it back. */
export interface RecoveredCommit {
  readonly version: Version;
  readonly lsn: Lsn;
  readonly payload: Uint8Array;
}

export interface TestLog {
  readonly log: LogDurability;
  readonly driver: SyncDriver;
  readonly time: ManualTime;
  readonly summary: RecoverySummary;
  /** What the checkpoint holds, and what lies behind it. */
  readonly commits: readonly RecoveredCommit[];
}

/** Segments so small that a few commits fill one. */
export const TINY_SEGMENTS = { firstBytes: 4096 + 600, maxBytes: 4096 + 1200, consolidateBytes: 200 } as const;

/**
 * Opens a log whose time and chance are the test's own.
 *
 * @param checkpoints an error is thrown by whoever receives a checkpoint; or nobody receives it.
 */
export function openTestLog(
  vfs: Vfs,
  options: LogOptions = {},
  seed = 1,
  checkpoints: Error | "no checkpoints" | undefined = undefined,
): TestLog {
  const time = new ManualTime();
  const driver = new InlineSyncDriver(vfs, time);
  const log = new LogDurability(vfs, driver, { clock: time, timer: time, random: new SeededRandom(seed), ...options });
  const commits: RecoveredCommit[] = [];
  const summary = log.recover(
    (payload, lsn, version) => commits.push({ payload: payload.slice(), lsn, version }),
    checkpoints === "no checkpoints"
      ? undefined
      : (checkpoint) => {
          if (checkpoints !== undefined) throw checkpoints;
          commits.push(...readCheckpoint(log, checkpoint));
        },
  );
  return { log, driver, time, summary, commits };
}
