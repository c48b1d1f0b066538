import { type Collection, vectorBytes, vectorRowKey } from "@strata/engine";
import type { Stored } from "@strata/storage";
import type { ImageParts } from "../image/image-parts.js";
import type { IndexKind } from "../partition/slot-index.js";
import type { Slots } from "../partition/slots.js";
import { VectorIndex } from "./vector-index.js";

/**
 * The index over the vectors of one collection. Its name says all that an index of it depends on: a collection that was deleted and made anew
 * with other options is another kind, so that vectors of both never meet, and views of the past still find the one before.
 */
export class CollectionKind implements IndexKind<VectorIndex> {
  readonly name: string;
  readonly primitive = "vector";
  readonly collection: Collection;
  /** What the keys of its rows begin with. */
  readonly rowPrefix: string;

  constructor(name: string, collection: Collection) {
    const { dimension, metric, index, quantization, m, efConstruction } = collection;
    // The name of a collection may hold any of these signs but "/": it comes last.
    this.name = `vector:${[dimension, metric, index, quantization, m, efConstruction, name].join(":")}`;
    this.collection = collection;
    this.rowPrefix = vectorRowKey(name, "");
  }

  owns(key: string): boolean {
    return key.startsWith(this.rowPrefix);
  }

  accepts(_key: string, stored: Stored): boolean {
    return vectorBytes(stored).byteLength === 4 * this.collection.dimension;
  }

  create(slots: Slots): VectorIndex {
    return new VectorIndex(this.collection, slots);
  }

  load(parts: ImageParts, slots: Slots): VectorIndex {
    return VectorIndex.restored(this.collection, slots, parts);
  }
}
