import { SlotSet } from "../fields/slot-set.js";

/** Filters that are kept, those first let go that nobody has used longest. */
const FILTERS_MAX = 64;
/** Slots that came since, beyond which a set is made anew. */
const BEHIND_MAX = 4096;

/** The slots that satisfy a filter, of those below `through`. */
export class KnownFilter {
  readonly through: number;
  readonly count: number;
  /** Whether it has no others: if not, who asks tests what it finds. */
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

  /** The same, and all slots from `through` up to `length`, of which nothing is known. */
  withAllUpTo(length: number): Int32Array {
    const slots = new Int32Array(this.count + length - this.through);
    slots.set(this.toArray());
    for (let at = this.count; at < slots.length; at++) slots[at] = this.through + at - this.count;
    return slots;
  }

  get memoryBytes(): number {
    return this.through / 8;
  }
}

/** What was found out about the filters that an index was last asked for. What is kept beside a vector does not change, so neither does that. */
export class KnownFilters {
  /** The last one used last; `undefined` for one of which nothing is known but that it was asked for. */
  readonly #byKey = new Map<string, KnownFilter | undefined>();

  /** @param length slots there are. */
  get(key: string, length: number): KnownFilter | undefined {
    const known = this.#byKey.get(key);
    if (known === undefined || length - known.through > BEHIND_MAX) return undefined;
    this.set(key, known);
    return known;
  }

  /** Whether it was asked for before. */
  note(key: string): boolean {
    const isKnown = this.#byKey.has(key);
    if (!isKnown) this.set(key, undefined);
    return isKnown;
  }

  set(key: string, known: KnownFilter | undefined): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, known);
    if (this.#byKey.size > FILTERS_MAX) this.#byKey.delete(this.#byKey.keys().next().value as string);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const known of this.#byKey.values()) bytes += known?.memoryBytes ?? 0;
    return bytes;
  }
}
