import type { Clock, Limits, Logger, Options, Random, StrataError, Timer, Version } from "@strata/core";
import type { Durability } from "@strata/durability";
import type { PerfTrace } from "./perf-trace.js";
import type { RecoveryReport } from "./recovery.js";
import type { RecoveryParticipant } from "./recovery-participant.js";
import type { Retention } from "./retention-policy.js";

export interface Health {
  readonly state: "ok" | "degraded" | "poisoned";
  readonly cause?: StrataError;
}

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
