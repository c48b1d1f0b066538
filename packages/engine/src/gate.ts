import { StateError } from "@strata/core";

/** Whether the database can be used. One object shared by everything that must stop when it closes; reading a field is all a hot path pays. */
export class Gate {
  /** False once closed: nothing works any more. */
  isOpen = true;
  /** False from `shutdown` on: what is under way may end, nothing new begins. */
  isAccepting = true;
  isReadOnly = false;

  /** @throws StateError `DATABASE_CLOSED` */
  assertOpen(): void {
    if (!this.isOpen) throw closed("closed");
  }

  /** @throws StateError `DATABASE_CLOSED` */
  assertAccepting(): void {
    if (!this.isOpen) throw closed("closed");
    if (!this.isAccepting) throw closed("shutting down and takes no new work");
  }

  /** @throws StateError `READ_ONLY` */
  assertWritable(): void {
    if (this.isReadOnly) throw new StateError("READ_ONLY", "the database was opened read-only", { scope: "database" });
  }
}

function closed(what: string): StateError {
  return new StateError("DATABASE_CLOSED", `the database is ${what}`, {});
}
