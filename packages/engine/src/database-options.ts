import {
  type Clock,
  InvalidArgumentError,
  type Limits,
  type Logger,
  type Options,
  type Random,
  type StrataError,
  type Timer,
  type Version,
} from "@strata/core";
import type { Durability } from "@strata/durability";
import type { PerfTrace } from "./perf-trace.js";
import type { RecoveryReport } from "./recovery.js";
import type { RecoveryParticipant } from "./recovery-participant.js";
import type { Retention } from "./retention-policy.js";

export interface Health {
  readonly state: "ok" | "degraded" | "poisoned";
  readonly cause?: StrataError;
}

export type CheckpointOptions = Options<{
  /** Once the log behind the last checkpoint is longer than this, one is written in the background. 64 MiB. */
  walSizeBytes: number;
  /** Whether `shutdown` writes one, so that opening reads no log. true */
  onClose: boolean;
}>;

/** What a database is opened with; `durability` is where its commits live. */
export type DatabaseOptions = Options<{
  limits: Partial<Limits>;
  clock: Clock;
  random: Random;
  timer: Timer;
  logger: Logger;
  /** Refuses every write; reads go on. The backend must have been made read-only too. */
  readOnly: boolean;
  /** For runs that have no policy of their own; they keep everything unless said. */
  retention: Retention;
  onHealth: (health: Health) => void;
  /** Called after recovery, behind the registered ones. */
  participants: readonly RecoveryParticipant[];
  /** When checkpoints are written; only when they are asked for with `"manual"`. See `CheckpointOptions`. */
  checkpoint: CheckpointOptions | "manual";
  /** How many bytes of what can be read back from files may stay in memory, about: 1 GiB unless said. */
  memoryBudgetBytes: number;
  /** Sums where commits spend their time. */
  perf: PerfTrace;
}> & { readonly durability: Durability };

export interface DatabaseInfo {
  /** Of this software. */
  readonly version: string;
  readonly path?: string;
  readonly durability: string;
  readonly runs: number;
  /** Live keys and events over all runs and spaces. */
  readonly keys: number;
  readonly uptimeMs: number;
  readonly openTransactions: number;
  /** Everything up to this version is on stable storage for certain. */
  readonly durableThrough: Version;
  readonly health: Health;
  /** By how much the newest recovered commit lay ahead of the clock when the database was opened, where that was worth a warning. */
  readonly clockBehindMs?: number;
  /** How the directory is locked: where there is one. */
  readonly lock?: string;
  readonly recovery?: RecoveryReport;
}

const WAL_SIZE_BYTES = 64 * 1024 * 1024;
const MEMORY_BUDGET_BYTES = 1024 * 1024 * 1024;

/** The same with its defaults. @throws InvalidArgumentError `INVALID_ARGUMENT` */
export function checkpointSettings(options: Pick<DatabaseOptions, "checkpoint" | "memoryBudgetBytes">): {
  readonly walSizeBytes: number;
  readonly onClose: boolean;
  readonly memoryBudgetBytes: number;
} {
  const { checkpoint = {}, memoryBudgetBytes = MEMORY_BUDGET_BYTES } = options;
  const { walSizeBytes, onClose } =
    checkpoint === "manual"
      ? { walSizeBytes: Number.POSITIVE_INFINITY, onClose: false }
      : { walSizeBytes: checkpoint.walSizeBytes ?? WAL_SIZE_BYTES, onClose: checkpoint.onClose ?? true };
  for (const [name, bytes] of Object.entries({ walSizeBytes, memoryBudgetBytes })) {
    if (typeof bytes === "number" && bytes > 0) continue;
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be a number of bytes above 0`, { [name]: bytes });
  }
  return { walSizeBytes, onClose, memoryBudgetBytes };
}
