import type { Predicate } from "@strata/engine";
import { planWhere, type WherePlan } from "../fields/where-plan.js";
import type { Partition } from "../partition/partition.js";
import { LayerMetadata } from "./layer-metadata.js";
import type { VectorIndex } from "./vector-index.js";

/** Fields of one filter that are looked up; the others are tested. */
const FIELDS_PER_FILTER = 8;

/** A filter of metadata over the slots of one partition. */
export class LayerFilter {
  /** How few slots may satisfy it, and which; `undefined` where that is not known. */
  readonly plan: WherePlan | undefined;
  readonly #predicate: Predicate;
  readonly #metadata: LayerMetadata;

  constructor(partition: Partition<VectorIndex>, predicate: Predicate) {
    const metadata = new LayerMetadata(partition);
    this.#metadata = metadata;
    this.#predicate = predicate;
    let left = FIELDS_PER_FILTER;
    this.plan = planWhere(predicate.tree, (field) =>
      --left < 0 ? undefined : partition.index.fields.use(field, (slot) => metadata.ofAny(slot)),
    );
  }

  /** Whether a slot that the reader sees satisfies it. */
  holds(slot: number): boolean {
    return this.#predicate.matches(this.#metadata.of(slot));
  }
}
