import type { RunRow, RunStatus } from "./run.js";

/** How often the database was opened for writing: what a run's beginning is judged by. Shared by all runs of a database. */
export interface Epoch {
  /** 0 while the database is being recovered: until it is known, nothing is orphaned. */
  current: number;
}

/** For a run outside a living database, of which nobody can say whether its process still works on it. */
export const NO_EPOCH: Epoch = Object.freeze({ current: 0 });

/**
 * In which epoch a process said that it works on the run: `begunIn` of its row, set by `begin` and by what makes a begun run active again.
 * 0 for a run that was only created or forked: however long it lives, it belongs to no process.
 */
export function begunIn(row: RunRow): number {
  const epoch = row["begunIn"];
  return typeof epoch === "number" ? epoch : 0;
}

/**
 * The status of a run seen in an epoch. Orphaned is one that was begun in an older epoch and has not ended: the process that worked on it is
 * gone. Nothing writes that down, so opening a database writes nothing because of it.
 */
export function statusIn(epoch: number, status: RunStatus, begun: number): RunStatus {
  return begun !== 0 && begun < epoch && status === "active" ? "orphaned" : status;
}
