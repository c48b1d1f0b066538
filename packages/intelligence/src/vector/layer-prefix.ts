import type { Partition } from "../partition/partition.js";
import { KnownFilter } from "./known-filters.js";
import type { SlotCondition } from "./slot-condition.js";
import type { VectorIndex } from "./vector-index.js";

/** What the names of prefixes begin with among the filters that are known: the keys of others do not. */
const KEY = "prefix ";

/** Keys that begin with a prefix. */
export class LayerPrefix implements SlotCondition {
  readonly #partition: Partition<VectorIndex>;
  readonly #prefix: string;
  readonly #listed: Int32Array | undefined;
  #known: KnownFilter | undefined;

  /** @param listed the slots that the reader sees whose keys begin with the prefix, ascending, where they were looked up. */
  constructor(partition: Partition<VectorIndex>, prefix: string, listed: Int32Array | undefined) {
    this.#partition = partition;
    this.#prefix = prefix;
    this.#listed = listed;
    this.#known = listed === undefined ? knownPrefix(partition, prefix) : undefined;
  }

  get estimate(): number | undefined {
    const known = this.#known;
    if (known === undefined) return this.#listed?.length;
    return known.count + this.#partition.slots.length - known.through;
  }

  slots(): Int32Array {
    return this.#listed ?? this.#known!.withAllUpTo(this.#partition.slots.length);
  }

  holds(slot: number): boolean {
    return this.#partition.slots.keyOf(slot).startsWith(this.#prefix);
  }

  prepare(): void {
    if (this.#known !== undefined || this.#listed !== undefined) return;
    const { length } = this.#partition.slots;
    const found = new Int32Array(length);
    let count = 0;
    for (let slot = 0; slot < length; slot++) if (this.holds(slot)) found[count++] = slot;
    this.#known = new KnownFilter(found.subarray(0, count), length, true);
    this.#partition.index.filters.set(KEY + this.#prefix, this.#known);
  }

  mayHold(slot: number): boolean {
    const known = this.#known;
    return known !== undefined && slot < known.through ? known.has(slot) : this.holds(slot);
  }

  confirms(): boolean {
    return true;
  }
}

/** What is known of a prefix; `undefined` for one that was not asked for, or only when few keys began with it. */
export function knownPrefix({ index, slots }: Partition<VectorIndex>, prefix: string): KnownFilter | undefined {
  return index.filters.get(KEY + prefix, slots.length);
}
