import type { Partition } from "../partition/partition.js";
import { type KnownFilter, NO_SLOTS } from "./known-filters.js";
import type { SlotCondition } from "./slot-condition.js";
import type { VectorIndex } from "./vector-index.js";

/** What prefixes begin with among the filters that are known: the keys of others do not. */
const KEY = "prefix ";

/** Keys that begin with a prefix. */
export class LayerPrefix implements SlotCondition {
  readonly #partition: Partition<VectorIndex>;
  readonly #prefix: string;
  readonly #listed: Int32Array | undefined;
  readonly #filter: KnownFilter | undefined;

  /** @param listed the slots that the reader sees whose keys begin with the prefix, ascending, where they were looked up. */
  constructor(partition: Partition<VectorIndex>, prefix: string, listed: Int32Array | undefined) {
    this.#partition = partition;
    this.#prefix = prefix;
    this.#listed = listed;
    this.#filter = listed === undefined ? partition.index.filters.use(KEY + prefix) : undefined;
  }

  get estimate(): number | undefined {
    const known = this.#filter?.slots;
    return known === undefined ? this.#listed?.length : known.count + this.#partition.slots.length - known.through;
  }

  slots(): Int32Array {
    return this.#listed ?? this.#filter!.slots!.withAllUpTo(this.#partition.slots.length);
  }

  holds(slot: number): boolean {
    return this.#partition.slots.keyOf(slot).startsWith(this.#prefix);
  }

  prepare(): void {
    const filter = this.#filter;
    if (filter === undefined) return;
    const { length } = this.#partition.slots;
    const known = filter.slots;
    if (known !== undefined && !known.isBehind(length)) return;
    filter.slots = (known ?? NO_SLOTS).upTo(length, (slot) => this.holds(slot));
  }

  mayHold(slot: number): boolean {
    const known = this.#filter?.slots;
    return known !== undefined && slot < known.through ? known.has(slot) : this.holds(slot);
  }

  confirms(): boolean {
    return true;
  }
}

/** Whether it was asked for lately, and more keys began with it than were looked up. */
export function isKnownPrefix({ index }: Partition<VectorIndex>, prefix: string): boolean {
  return index.filters.has(KEY + prefix);
}
