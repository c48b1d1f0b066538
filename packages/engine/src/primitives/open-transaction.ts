import type { Version } from "@strata/core";
import type { HeldScope, HoldingScope, ReadScope, TransactionScope } from "../scope.js";

/** A scope that stands for another one, which may be a different one at the next call: a session's. */
export interface StandInScope extends ReadScope {
  readonly current: ReadScope;
}

/** The scope that `scope` stands for at this moment: itself, unless it is a stand-in. */
export function actualScope(scope: ReadScope): ReadScope {
  return "current" in scope ? (scope as StandInScope).current : scope;
}

/** What `scope` sees at this moment, held against later writes; `undefined` for one that has nothing to hold: its view is fixed as it is. */
export function holdNow(scope: ReadScope): HeldScope | undefined {
  const actual = actualScope(scope);
  return "hold" in actual ? (actual as HoldingScope).hold() : undefined;
}

/**
 * The transaction that `scope` stands in at this moment, `undefined` for the head and the past. The one place where a primitive asks: inside
 * a transaction appends return nothing, and what is read of a document is observed path by path.
 */
export function openTransaction(scope: ReadScope): TransactionScope | undefined {
  const actual = actualScope(scope);
  return "observe" in actual ? (actual as TransactionScope) : undefined;
}

/** What a plain write returns: its commit's version, `undefined` inside a transaction, and 0 when there was nothing to commit. */
export function writtenVersion(scope: ReadScope, version: Version | undefined): Version | undefined {
  return version ?? (openTransaction(scope) === undefined ? 0 : undefined);
}
