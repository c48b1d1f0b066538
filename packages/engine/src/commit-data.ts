import type { Version } from "@strata/core";
import type { Context } from "./commit.js";

/** What one transaction wrote, in numbers. */
export class CommitData {
  readonly txnId: number;
  readonly runId: number;
  readonly commitVersion: Version;
  readonly putCount: number;
  readonly deleteCount: number;
  readonly casCount: number;

  constructor(txnId: number, runId: number, commitVersion: Version, putCount: number, deleteCount: number, casCount: number) {
    this.txnId = txnId;
    this.runId = runId;
    this.commitVersion = commitVersion;
    this.putCount = putCount;
    this.deleteCount = deleteCount;
    this.casCount = casCount;
  }

  /** Counts the writes of `context`, events among the puts; a write on an expected version counts as CAS only. */
  static fromTransaction(context: Context, commitVersion: Version): CommitData {
    let deletes = 0;
    let puts = context.writes.events.length;
    for (const partition of context.writes.partitions()) {
      for (const stored of partition.stored) {
        if (stored === undefined) deletes++;
        else puts++;
      }
    }
    const cas = context.writes.casCount;
    return new CommitData(context.id, context.shard.id, commitVersion, puts - cas, deletes, cas);
  }

  totalOperations(): number {
    return this.putCount + this.deleteCount + this.casCount;
  }

  isReadOnly(): boolean {
    return this.totalOperations() === 0;
  }
}
