/** Numbers that must not be mixed up, told apart by type. */

declare const brand: unique symbol;

/**
 * A run's identity inside one database: the version of the commit that created it, never reused. A name that is used
 * again is another run. 0 is the reserved run `_system`, the registry of runs.
 */
export type RunId = number & { readonly [brand]: "RunId" };

/** Position of a byte in the endless log: an integer in [0, 2^53), rising with each append. */
export type Lsn = number & { readonly [brand]: "Lsn" };

/** A transaction's identity inside one database, never reused. */
export type TransactionId = number & { readonly [brand]: "TransactionId" };

/** The run that holds the registry of runs. */
export const SYSTEM_RUN: RunId = runId(0);

/** `value` is an integer in [0, 2^53): the caller has made sure. */
export function runId(value: number): RunId {
  return value as RunId;
}

/** `value` is an integer in [0, 2^53): the caller has made sure. */
export function lsn(value: number): Lsn {
  return value as Lsn;
}

/** `value` is an integer in [0, 2^53): the caller has made sure. */
export function transactionId(value: number): TransactionId {
  return value as TransactionId;
}
