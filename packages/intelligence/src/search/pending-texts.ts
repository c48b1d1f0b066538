import { ByteReader, decodeValue } from "@strata/core";
import type { StoredEvent } from "@strata/engine";
import { isLive, type Stored } from "@strata/storage";
import { InvertedIndex, type SlotTimes } from "../text/inverted-index.js";
import { hasText, type TextPrimitive, textsOf, textsOfEvent } from "./entry-text.js";

/**
 * The words of what one transaction has written to one table and not committed: a small index of its own, in which a key that is written again
 * gets another slot. Between two searches it takes in what was written between them, and no more.
 */
export class PendingTexts implements SlotTimes {
  readonly postings: InvertedIndex;
  readonly #primitive: TextPrimitive;
  readonly #keys: string[] = [];
  readonly #stored: Stored[] = [];
  readonly #isDead: boolean[] = [];
  readonly #deaths: number[] = [];
  /** What was taken in of each key, and its slot, -1 where it has none. */
  readonly #taken = new Map<string, { stored: Stored | undefined; slot: number }>();

  constructor(primitive: TextPrimitive, stem: boolean) {
    this.#primitive = primitive;
    this.postings = new InvertedIndex(this, { stem });
  }

  /** Counts the changes, as a version does. There is one view of it, the newest. */
  get version(): number {
    return this.#keys.length + this.#deaths.length;
  }

  bornThrough(): number {
    return this.#keys.length;
  }

  diedThrough(): number {
    return this.#deaths.length;
  }

  deathAt(position: number): number {
    return this.#deaths[position]!;
  }

  keyOf(slot: number): string {
    return this.#keys[slot]!;
  }

  storedIn(slot: number): Stored {
    return this.#stored[slot]!;
  }

  isAlive(slot: number): boolean {
    return !this.#isDead[slot]!;
  }

  /** @param pending all that the transaction has written to the table, at least what it had at the call before. */
  update(pending: ReadonlyMap<string, Stored | undefined>): void {
    for (const [key, stored] of pending) {
      const taken = this.#taken.get(key);
      if (taken !== undefined) {
        if (taken.stored === stored) continue;
        if (taken.slot >= 0) this.#end(taken.slot);
      }
      const slot = isLive(stored) && hasText(this.#primitive, stored) ? this.#add(key, stored) : -1;
      this.#taken.set(key, { stored, slot });
    }
  }

  #add(key: string, stored: Stored): number {
    const slot = this.#keys.push(key) - 1;
    this.#stored.push(stored);
    this.#isDead.push(false);
    this.postings.add(slot, textsOf(this.#primitive, key, stored));
    return slot;
  }

  #end(slot: number): void {
    this.#isDead[slot] = true;
    this.#deaths.push(slot);
    this.postings.remove(slot);
  }
}

/** The words of the events that one transaction has appended in one space: slot i is the i-th of them. */
export class PendingEventTexts implements SlotTimes {
  readonly postings: InvertedIndex;

  constructor(stem: boolean) {
    this.postings = new InvertedIndex(this, { stem });
  }

  bornThrough(): number {
    return this.postings.length;
  }

  diedThrough(): number {
    return 0;
  }

  deathAt(): number {
    throw new RangeError("events do not die");
  }

  /** @param pending at least the events of the call before. */
  update(pending: readonly StoredEvent[]): void {
    for (let slot = this.postings.length; slot < pending.length; slot++) {
      const { type, payload } = pending[slot]!;
      this.postings.add(slot, textsOfEvent(type, decodeValue(new ByteReader(payload))));
    }
  }
}
