/**
 * What a table keeps for one version of a key: a value, or a value in a `Box` when it needs more than itself.
 */
import type { Value } from "@strata/core";

/** `undefined` in place of a `Stored` is a tombstone: the key was deleted by that version. */
export type Stored = Value | Box;

/**
 * A value with what few values need, so that the others cost nothing: a time to live, the counter of a cell or a
 * document, its time of creation, and whether it holds bytes (typed arrays cannot be frozen and are copied on the way
 * out). Immutable. A box without a value is a tombstone that keeps its counter.
 *
 * One shape for every use: all fields are set here, in this order.
 */
export class Box {
  readonly value: Value | undefined;
  /** Microseconds since the epoch; `Infinity` for a value that does not expire. The store never looks at clocks. */
  readonly expiresAt: number;
  readonly counter: number;
  /** Microseconds since the epoch; 0 where nobody asked for it. */
  readonly createdAt: number;
  readonly holdsBytes: boolean;

  constructor(
    value: Value | undefined,
    expiresAt = Number.POSITIVE_INFINITY,
    counter = 0,
    createdAt = 0,
    holdsBytes = false,
  ) {
    this.value = value;
    this.expiresAt = expiresAt;
    this.counter = counter;
    this.createdAt = createdAt;
    this.holdsBytes = holdsBytes;
  }
}

/** Whether there is a value, expired or not: expiry is for those who have a clock. */
export function isLive(stored: Stored | undefined): stored is Stored {
  if (stored === undefined) return false;
  return !(stored instanceof Box) || stored.value !== undefined;
}

/**
 * Takes the place of one or more entries that retention dropped, at the version of the first of them: a read that lands here cannot be
 * answered. Never the newest entry of a key.
 */
export const TRIMMED: Box = new Box(undefined);
