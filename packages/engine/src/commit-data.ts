import type { RunId, Version } from "@strata/core";
import { isLive } from "@strata/storage";
import type { CommitRecord } from "./operation.js";

/** What one transaction wrote, in numbers. */
export class CommitData {
  readonly txnId: number;
  readonly runId: RunId;
  readonly commitVersion: Version;
  /** Values, documents, cells and events written, without those that count as CAS. */
  readonly putCount: number;
  readonly deleteCount: number;
  /** Writes that stood on an expected version or counter. */
  readonly casCount: number;

  constructor(
    txnId: number,
    runId: RunId,
    commitVersion: Version,
    putCount: number,
    deleteCount: number,
    casCount: number,
  ) {
    this.txnId = txnId;
    this.runId = runId;
    this.commitVersion = commitVersion;
    this.putCount = putCount;
    this.deleteCount = deleteCount;
    this.casCount = casCount;
  }

  static fromCommit(txnId: number, commit: CommitRecord, casCount: number): CommitData {
    let puts = 0;
    let deletes = 0;
    for (const operation of commit.operations) {
      if (operation.kind === "put" && !isLive(operation.stored)) deletes++;
      else if (operation.kind === "put" || operation.kind === "patch" || operation.kind === "append") puts++;
    }
    return new CommitData(txnId, commit.run, commit.version, puts - casCount, deletes, casCount);
  }

  totalOperations(): number {
    return this.putCount + this.deleteCount + this.casCount;
  }

  isReadOnly(): boolean {
    return this.totalOperations() === 0;
  }
}
