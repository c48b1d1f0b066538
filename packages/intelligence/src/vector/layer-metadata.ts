import { StrataError, type ValueObject } from "@strata/core";
import { metadataOf } from "@strata/engine";
import { Found, isLive } from "@strata/storage";
import type { Partition } from "../partition/partition.js";
import type { VectorIndex } from "./vector-index.js";

/** What is kept beside the vectors of one partition: an index holds none of it, it is read from the table. */
export class LayerMetadata {
  readonly #partition: Partition<VectorIndex>;
  readonly #found = new Found();

  constructor(partition: Partition<VectorIndex>) {
    this.#partition = partition;
  }

  /** Of the vector in a slot that somebody may see. */
  of(slot: number): ValueObject | undefined {
    const { slots, table } = this.#partition;
    const found = this.#found;
    table.find(slots.keyOf(slot), slots.bornAt(slot), found);
    return isLive(found.stored) ? metadataOf(found.stored) : undefined;
  }

  /** Of the vector in any slot; `undefined` as well where retention has dropped it, for then nobody sees it any more. */
  ofAny(slot: number): ValueObject | undefined {
    try {
      return this.of(slot);
    } catch (error) {
      if (StrataError.is(error, "HISTORY_TRIMMED")) return undefined;
      throw error;
    }
  }
}
