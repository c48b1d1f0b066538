import { hasBytes, type Value } from "@strata/core";
import { Box, Found, type Stored } from "@strata/storage";
import type { TransactionScope } from "../scope.js";

/** A state cell as a transaction sees it. */
export interface CellNow {
  readonly isLive: boolean;
  /** That of the last write, also when the value is deleted or expired since; 0 for a cell that was never written. */
  readonly counter: number;
  /** `undefined` unless live. */
  readonly stored: Stored | undefined;
}

/** Reads a cell with its counter, and observes it. */
export function observeCell(transaction: TransactionScope, cell: string): CellNow {
  const table = transaction.table("state");
  const found = new Found();
  if (table.find(cell, found)) return { isLive: true, counter: counterOf(found.stored), stored: found.stored };
  const counter = table.peek(cell, found) ? counterOf(found.stored) : 0;
  return { isLive: false, counter, stored: undefined };
}

/** @returns the new counter. */
export function writeCell(
  transaction: TransactionScope,
  cell: string,
  now: CellNow,
  value: Value,
  expiresAt: number,
): number {
  const counter = now.counter + 1;
  transaction.put("state", cell, new Box(value, expiresAt, counter, 0, hasBytes(value)));
  return counter;
}

/** Leaves a Box without value, so that the counter goes on when the cell is written again. */
export function deleteCell(transaction: TransactionScope, cell: string, now: CellNow): boolean {
  if (now.isLive) transaction.put("state", cell, new Box(undefined, Number.POSITIVE_INFINITY, now.counter, 0, false));
  return now.isLive;
}

export function counterOf(stored: Stored | undefined): number {
  return stored instanceof Box ? stored.counter : 0;
}
