/**
 * How much may be done before others get their turn. Counted, not timed: the same input makes the same slices.
 */

/** About 2 ms of work: one unit is about a microsecond and a half. */
const UNITS_PER_SLICE = 1300;
/** Bytes that cost as much as one unit. */
const BYTES_PER_UNIT = 1500;

export class WorkBudget {
  readonly #unitsPerSlice: number;
  #left: number;

  constructor(unitsPerSlice: number = UNITS_PER_SLICE) {
    this.#unitsPerSlice = unitsPerSlice;
    this.#left = unitsPerSlice;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  spend(units: number): void {
    this.#left -= units;
  }

  spendBytes(bytes: number): void {
    this.#left -= bytes / BYTES_PER_UNIT;
  }

  /** Begins the next slice. */
  renew(): void {
    this.#left = this.#unitsPerSlice;
  }
}
