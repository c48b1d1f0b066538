import type { Predicate } from "@strata/engine";
import { planWhere, type WherePlan } from "../fields/where-plan.js";
import type { Partition } from "../partition/partition.js";
import { filterKey } from "./filter-key.js";
import { type KnownFilter, KnownSlots, NO_SLOTS } from "./known-filters.js";
import { LayerMetadata } from "./layer-metadata.js";
import type { Neighbors } from "./scan.js";
import type { SlotCondition } from "./slot-condition.js";
import type { VectorIndex } from "./vector-index.js";

/** Fields of one filter that are looked up; the others are tested. */
const FIELDS_PER_FILTER = 8;

/** A filter of metadata over the slots of one partition. To test a slot its metadata are read, which costs as much as comparing many vectors. */
export class LayerFilter implements SlotCondition {
  readonly #partition: Partition<VectorIndex>;
  readonly #predicate: Predicate;
  readonly #metadata: LayerMetadata;
  readonly #filter: KnownFilter;
  /** Where no slots are known. */
  readonly #plan: WherePlan | undefined;

  constructor(partition: Partition<VectorIndex>, predicate: Predicate) {
    const metadata = new LayerMetadata(partition);
    const { fields, filters } = partition.index;
    const key = filterKey(predicate.tree);
    this.#partition = partition;
    this.#predicate = predicate;
    this.#metadata = metadata;
    this.#filter = key === undefined ? { tests: 0, slots: undefined } : filters.use(key);
    let left = FIELDS_PER_FILTER;
    this.#plan =
      this.#filter.slots === undefined
        ? planWhere(predicate.tree, (field) =>
            --left < 0 ? undefined : fields.use(field, (slot) => metadata.ofAny(slot)),
          )
        : undefined;
  }

  get estimate(): number | undefined {
    const known = this.#filter.slots;
    return known === undefined ? this.#plan?.estimate : known.count + this.#partition.slots.length - known.through;
  }

  slots(): Int32Array {
    return this.#filter.slots?.withAllUpTo(this.#partition.slots.length) ?? this.#plan!.slots();
  }

  holds(slot: number): boolean {
    this.#filter.tests++;
    return this.#predicate.matches(this.#metadata.of(slot));
  }

  prepare(): void {
    const filter = this.#filter;
    const { length } = this.#partition.slots;
    const holds = (slot: number) => this.#holdsOfAny(slot);
    if (filter.slots?.isBehind(length)) filter.slots = filter.slots.upTo(length, holds);
    if (filter.slots !== undefined) return;
    if (this.#plan !== undefined) filter.slots = new KnownSlots(this.#plan.slots(), length, false);
    // It comes again and again: testing each once costs no more than was spent already.
    else if (filter.tests >= length) filter.slots = NO_SLOTS.upTo(length, holds);
  }

  mayHold(slot: number): boolean {
    const known = this.#filter.slots;
    return known !== undefined && slot < known.through ? known.has(slot) : this.holds(slot);
  }

  confirms({ slots, count }: Neighbors): boolean {
    const known = this.#filter.slots;
    if (known === undefined || known.isExact) return true;
    for (let i = 0; i < count; i++) {
      if (this.holds(slots[i]!)) continue;
      const exact = known.toArray().filter((slot) => this.#holdsOfAny(slot));
      this.#filter.slots = new KnownSlots(exact, known.through, true);
      return false;
    }
    return true;
  }

  /** Also of slots that nobody sees any more. */
  #holdsOfAny(slot: number): boolean {
    return this.#predicate.matches(this.#metadata.ofAny(slot));
  }
}
