import type { ValueObject } from "@strata/core";
import { metadataOf } from "@strata/engine";
import { Found, type Stored } from "@strata/storage";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { VectorIndex } from "./vector-index.js";

/** What is kept beside the vectors of one layer: an index holds none of it, it is read from the table. */
export class LayerMetadata {
  readonly #layer: PartitionLayer<VectorIndex>;
  readonly #found = new Found();

  constructor(layer: PartitionLayer<VectorIndex>) {
    this.#layer = layer;
  }

  /** @param slot one that the layer's reader sees. */
  of(slot: number): ValueObject | undefined {
    const { slots, table } = this.#layer.partition;
    const found = this.#found;
    table.find(slots.keyOf(slot), slots.bornAt(slot), found);
    return metadataOf(found.stored as Stored);
  }
}
