/**
 * Decides which entries of a key are written whole, and which as deltas against the next newer one.
 */
import type { Version } from "@strata/core";
import { TRIMMED } from "../stored.js";
import { sizeBesideValue, valueIn } from "../stored-codec.js";
import { EncodedEntries } from "./encoded-entries.js";
import type { EntryList } from "./entry-list.js";
import { isArray, isObject } from "./same-value.js";
import { BLOCK_BYTES, DELTAS_MAX } from "./segment-format.js";
import { DeltaWriter } from "./value-delta.js";
import type { WorkBudget } from "./work-budget.js";

/** What follows an entry of fewer bytes is written whole. */
const CHANGED_BYTES_MIN = 64;
/** Units of work for a member or an element that is compared. */
const COMPARISON_UNITS = 0.02;

/**
 * An entry is a delta when its newer neighbour has a value and at least `CHANGED_BYTES_MIN`, both are arrays or both objects, and what is written is less than half
 * of it whole; unless that would be the 64th in a row to be read, or the deltas in a row took more than a block and more than what they begin from.
 * All that follows from the entries that are written, never from how they came here: the same entries, the same bytes.
 */
export class EntryEncoder {
  readonly encoded = new EncodedEntries();
  readonly #delta = new DeltaWriter();
  /** Entries that were dealt with. */
  #done = 0;
  /** Which of them was written last, if it has a value; otherwise -1. */
  #newer = -1;
  /** What it takes, or would take, whole. */
  #newerSize = 0;
  /** Of the entry that was written whole last. */
  #wholeSize = 0;
  /** Since then. */
  #deltas = 0;
  #deltaBytes = 0;

  /** Begins a key. */
  clear(): void {
    this.encoded.clear();
    this.#done = 0;
    this.#newer = -1;
  }

  /** @returns whether all of them are in `encoded`; if not, call again. */
  encode(entries: EntryList, budget: WorkBudget): boolean {
    const { encoded } = this;
    for (; this.#done < entries.length; this.#done++) {
      if (budget.isSpent) return false;
      const index = this.#done;
      if (entries.isDropped(index)) continue;
      const version = entries.versionOf(index);
      if (entries.isGap(index)) {
        encoded.add(version, TRIMMED);
        this.#newer = -1;
        continue;
      }
      const isDead = entries.isDead(index);
      if (isDead || !this.#addDelta(entries, index, version, budget)) {
        const bytes = entries.wholeBytesOf(index);
        if (bytes === undefined) encoded.add(version, entries.stored(index));
        else encoded.addBytes(version, bytes);
        this.#wholeSize = encoded.sizeOf(encoded.length - 1);
        this.#newerSize = this.#wholeSize;
        this.#deltas = 0;
        this.#deltaBytes = 0;
      }
      this.#newer = isDead ? -1 : index;
      budget.spend(0.1);
      budget.spendBytes(encoded.sizeOf(encoded.length - 1));
    }
    return true;
  }

  /** @returns false when the entry is to be written whole. */
  #addDelta(entries: EntryList, index: number, version: Version, budget: WorkBudget): boolean {
    if (this.#newer < 0 || this.#newerSize < CHANGED_BYTES_MIN) return false;
    if (this.#deltas === DELTAS_MAX || this.#deltaBytes >= Math.max(BLOCK_BYTES, this.#wholeSize)) return false;
    const newer = entries.stored(this.#newer);
    const older = entries.stored(index);
    const newerValue = valueIn(newer);
    const value = valueIn(older);
    if (newerValue === undefined || value === undefined || older === undefined) return false;
    if (!(isArray(newerValue) && isArray(value)) && !(isObject(newerValue) && isObject(value))) return false;
    const delta = this.#delta.write(newerValue, value);
    budget.spend(1 + this.#delta.work * COMPARISON_UNITS);
    const beside = sizeBesideValue(older);
    const size = beside + delta.length;
    const whole = beside + this.#newerSize - sizeBesideValue(newer) + this.#delta.sizeChange;
    if (2 * size >= whole) return false;
    this.encoded.addDelta(version, older, delta);
    this.#newerSize = whole;
    this.#deltas++;
    this.#deltaBytes += size;
    return true;
  }
}
