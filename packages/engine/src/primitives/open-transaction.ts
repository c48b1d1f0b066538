import type { Version } from "@strata/core";
import type { Found } from "@strata/storage";
import type { KeyedPrimitive, ReadScope, TransactionScope } from "../scope.js";

/** A scope that stands for another one, which may be a different one at the next call: a session's. */
export interface StandInScope extends ReadScope {
  readonly current: ReadScope;
}

/**
 * The transaction that `scope` stands in at this moment, `undefined` for the head and the past. The one place where a primitive asks: inside
 * a transaction appends return nothing, and what is read of a document is observed path by path.
 */
export function openTransaction(scope: ReadScope): TransactionScope | undefined {
  const actual = "current" in scope ? (scope as StandInScope).current : scope;
  return "observe" in actual ? (actual as TransactionScope) : undefined;
}

/** What a transaction must be able to tell so that a part of a key can be observed: the key without its own writes, then and now. */
export interface ComparingScope extends TransactionScope {
  /** The key as the transaction's view holds it, its own writes left out. Unobserved; nothing is hidden; false when it was never written. */
  viewed(primitive: KeyedPrimitive, key: string, out: Found): boolean;
  /** The key as the run's head holds it at this moment: for `Observation.conflict`, inside the commit pass. */
  committed(primitive: KeyedPrimitive, key: string, out: Found): boolean;
  /** Whether an own write replaces or deletes the whole key, so that nothing of the view shows through. */
  replaces(primitive: KeyedPrimitive, key: string): boolean;
}

/** `undefined` where the transaction cannot compare: there the whole key is observed, which is coarser and as correct. */
export function comparing(transaction: TransactionScope): ComparingScope | undefined {
  return "committed" in transaction ? (transaction as ComparingScope) : undefined;
}

/** What a plain write returns: its commit's version, `undefined` inside a transaction, and 0 when there was nothing to commit. */
export function writtenVersion(scope: ReadScope, version: Version | undefined): Version | undefined {
  return version ?? (openTransaction(scope) === undefined ? 0 : undefined);
}
