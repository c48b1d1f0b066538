import { SlotSet } from "../fields/slot-set.js";

/** Filters that are kept, those first let go that nobody has used longest. */
const FILTERS_MAX = 64;
/** Slots that came since, from which on they are looked at too. */
const BEHIND_MAX = 4096;

/** The slots that satisfy a filter, of those below `through`. What is kept beside a vector does not change, so neither does this. */
export class KnownSlots {
  readonly through: number;
  readonly count: number;
  /** Whether there are no others among them: if not, who asks tests what it finds. */
  readonly isExact: boolean;
  readonly #set: SlotSet;

  constructor(slots: Int32Array, through: number, isExact: boolean) {
    this.through = through;
    this.count = slots.length;
    this.isExact = isExact;
    this.#set = new SlotSet(through);
    for (let i = 0; i < slots.length; i++) this.#set.add(slots[i]!);
  }

  has(slot: number): boolean {
    return this.#set.has(slot);
  }

  /** Ascending. */
  toArray(): Int32Array {
    return this.#set.toArray();
  }

  /** Whether so many slots came since that it had better know them, where there are `length` now. */
  isBehind(length: number): boolean {
    return length - this.through > BEHIND_MAX;
  }

  /** The same, and those of the slots up to `length` that satisfy it. */
  upTo(length: number, holds: (slot: number) => boolean): KnownSlots {
    const slots = this.#with(length - this.through);
    let count = this.count;
    for (let slot = this.through; slot < length; slot++) if (holds(slot)) slots[count++] = slot;
    return new KnownSlots(slots.subarray(0, count), length, this.isExact);
  }

  /** Ascending, and behind them all slots up to `length` of which nothing is known. */
  withAllUpTo(length: number): Int32Array {
    const slots = this.#with(length - this.through);
    for (let at = this.count; at < slots.length; at++) slots[at] = this.through + at - this.count;
    return slots;
  }

  get memoryBytes(): number {
    return this.through / 8;
  }

  #with(more: number): Int32Array {
    const slots = new Int32Array(this.count + more);
    slots.set(this.toArray());
    return slots;
  }
}

/** Of no slots yet. */
export const NO_SLOTS: KnownSlots = new KnownSlots(new Int32Array(0), 0, true);

/** A filter that an index was asked for lately. */
export interface KnownFilter {
  /** Slots that were tested one by one since it was asked for first. */
  tests: number;
  slots: KnownSlots | undefined;
}

/** What was found out about the filters that an index was asked for lately. */
export class KnownFilters {
  /** The last one asked for last. */
  readonly #byKey = new Map<string, KnownFilter>();

  get memoryBytes(): number {
    let bytes = 0;
    for (const { slots } of this.#byKey.values()) bytes += slots?.memoryBytes ?? 0;
    return bytes;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** From now on it is the last one that was asked for. */
  use(key: string): KnownFilter {
    const filter = this.#byKey.get(key) ?? { tests: 0, slots: undefined };
    this.#byKey.delete(key);
    this.#byKey.set(key, filter);
    if (this.#byKey.size > FILTERS_MAX) this.#byKey.delete(this.#byKey.keys().next().value as string);
    return filter;
  }
}
