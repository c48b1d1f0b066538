import { type Collection, vectorBytes } from "@strata/engine";
import type { Stored } from "@strata/storage";
import type { ImageParts } from "../image/image-parts.js";
import type { SlotIndex } from "../partition/slot-index.js";
import type { Slots } from "../partition/slots.js";
import { VectorRows } from "./row-store.js";

/**
 * The vectors of one collection in one table: a row for every slot, and over a prefix of the rows a graph, which grows in idle moments. What
 * the graph has not reached is compared with one by one, so that a search never waits for it.
 */
export class VectorIndex implements SlotIndex {
  readonly collection: Collection;
  readonly rows: VectorRows;

  constructor(collection: Collection, _slots: Slots) {
    this.collection = collection;
    const { dimension, metric, quantization } = collection;
    this.rows = new VectorRows(dimension, metric, { int8: quantization === "int8" });
  }

  static restored(collection: Collection, slots: Slots, _parts: ImageParts): VectorIndex {
    return new VectorIndex(collection, slots);
  }

  get memoryBytes(): number {
    return this.rows.memoryBytes;
  }

  add(_slot: number, _key: string, stored: Stored): void {
    this.rows.append(vectorBytes(stored));
  }

  /** A dead row stays where it is: views of the past find it, and ways through the graph lead over it. */
  remove(): void {}

  dispose(): void {
    this.rows.dispose();
  }
}
