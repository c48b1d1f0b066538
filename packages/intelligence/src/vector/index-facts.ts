import type { CollectionInfo, TableReader } from "@strata/engine";
import type { Indexes } from "../partition/indexes.js";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { CollectionKind } from "./collection-kind.js";
import { countVectors } from "./count-vectors.js";
import type { VectorIndex } from "./vector-index.js";

/** What the index of a collection is at this moment, as the reader of `table` has it. Unobserved. */
export function indexFacts(
  indexes: Indexes,
  kind: CollectionKind,
  table: TableReader,
): Pick<CollectionInfo, "index" | "count" | "indexed" | "memoryBytes"> {
  const view = table.view();
  let indexed = 0;
  let memoryBytes = 0;
  let index: CollectionInfo["index"] = kind.collection.index === "hnsw" ? "hnsw" : "flat";
  for (const layer of indexes.layersOf(kind, view)) {
    memoryBytes += layer.partition.memoryBytes;
    if (layer.index.wantsGraph) index = "hnsw";
    const { graph } = layer.index;
    if (graph !== undefined) indexed += layer.visibleCount() - visibleFrom(layer, graph.length);
  }
  return { index, count: countVectors(indexes, kind, table, undefined), indexed, memoryBytes };
}

/** Slots from `from` on that the reader sees. */
function visibleFrom(layer: PartitionLayer<VectorIndex>, from: number): number {
  let count = 0;
  for (let slot = from; slot < layer.slots.length; slot++) if (layer.isVisible(slot)) count++;
  return count;
}
