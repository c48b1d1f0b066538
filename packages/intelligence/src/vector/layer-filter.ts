import type { Predicate } from "@strata/engine";
import { planWhere, type WherePlan } from "../fields/where-plan.js";
import type { Partition } from "../partition/partition.js";
import { filterKey } from "./filter-key.js";
import { KnownFilter } from "./known-filters.js";
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
  readonly #key: string | undefined;
  #known: KnownFilter | undefined;
  readonly #plan: WherePlan | undefined;

  constructor(partition: Partition<VectorIndex>, predicate: Predicate) {
    const metadata = new LayerMetadata(partition);
    const { fields, filters } = partition.index;
    this.#partition = partition;
    this.#predicate = predicate;
    this.#metadata = metadata;
    this.#key = filterKey(predicate.tree);
    this.#known = this.#key === undefined ? undefined : filters.get(this.#key, partition.slots.length);
    let left = FIELDS_PER_FILTER;
    this.#plan =
      this.#known === undefined
        ? planWhere(predicate.tree, (field) =>
            --left < 0 ? undefined : fields.use(field, (slot) => metadata.ofAny(slot)),
          )
        : undefined;
  }

  get estimate(): number | undefined {
    const known = this.#known;
    return known === undefined ? this.#plan?.estimate : known.count + this.#partition.slots.length - known.through;
  }

  slots(): Int32Array {
    return this.#known?.withAllUpTo(this.#partition.slots.length) ?? this.#plan!.slots();
  }

  holds(slot: number): boolean {
    return this.#predicate.matches(this.#metadata.of(slot));
  }

  prepare(): void {
    if (this.#known !== undefined || this.#key === undefined) return;
    const { length } = this.#partition.slots;
    if (this.#plan !== undefined) this.#keep(new KnownFilter(this.#plan.slots(), length, false));
    // To test all of them is worth it only for one that comes again.
    else if (this.#partition.index.filters.note(this.#key)) this.#keep(new KnownFilter(this.#tested(), length, true));
  }

  mayHold(slot: number): boolean {
    const known = this.#known;
    return known !== undefined && slot < known.through ? known.has(slot) : this.holds(slot);
  }

  confirms({ slots, count }: Neighbors): boolean {
    if (this.#known === undefined || this.#known.isExact) return true;
    for (let i = 0; i < count; i++) {
      if (this.holds(slots[i]!)) continue;
      this.#keep(new KnownFilter(this.#tested(this.#known.toArray()), this.#known.through, true));
      return false;
    }
    return true;
  }

  #keep(known: KnownFilter): void {
    this.#known = known;
    this.#partition.index.filters.set(this.#key!, known);
  }

  /** Of `candidates`, or of all slots, those that satisfy it. */
  #tested(candidates?: Int32Array): Int32Array {
    const count = candidates?.length ?? this.#partition.slots.length;
    const slots = new Int32Array(count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      const slot = candidates === undefined ? i : candidates[i]!;
      if (this.#predicate.matches(this.#metadata.ofAny(slot))) slots[found++] = slot;
    }
    return slots.subarray(0, found);
  }
}
