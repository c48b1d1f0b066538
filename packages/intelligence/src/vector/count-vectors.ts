import { metadataOf, type Predicate, type TableReader } from "@strata/engine";
import { isLive } from "@strata/storage";
import type { Indexes } from "../partition/indexes.js";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { CollectionKind } from "./collection-kind.js";
import { LayerFilter } from "./layer-filter.js";
import type { VectorIndex } from "./vector-index.js";

/** How many vectors of a collection the reader of `table` sees, own writes included, whose metadata satisfies `predicate`. Unobserved. */
export function countVectors(
  indexes: Indexes,
  kind: CollectionKind,
  table: TableReader,
  predicate: Predicate | undefined,
): number {
  const view = table.view();
  let count = 0;
  for (const layer of indexes.layersOf(kind, view)) {
    count += predicate === undefined ? layer.visibleCount() : countMatching(layer, predicate);
  }
  for (const [row, stored] of view.pending ?? []) {
    if (!kind.owns(row) || !isLive(stored)) continue;
    if (predicate === undefined || predicate.matches(metadataOf(stored))) count++;
  }
  return count;
}

function countMatching(layer: PartitionLayer<VectorIndex>, predicate: Predicate): number {
  const filter = new LayerFilter(layer.partition, predicate);
  let count = 0;
  if ((filter.estimate ?? Number.POSITIVE_INFINITY) < layer.visibleCount()) {
    for (const slot of filter.slots()) if (layer.isVisible(slot) && filter.holds(slot)) count++;
    return count;
  }
  const to = layer.slots.bornThrough(layer.through);
  for (let slot = 0; slot < to; slot++) if (layer.isVisible(slot) && filter.holds(slot)) count++;
  return count;
}
