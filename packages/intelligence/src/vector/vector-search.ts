import type { Predicate, TableReader, TableView } from "@strata/engine";
import type { Indexes } from "../partition/indexes.js";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { CollectionKind } from "./collection-kind.js";
import { isKnownPrefix } from "./layer-prefix.js";
import { LayerSearch, type RowsWanted } from "./layer-search.js";
import { type Nearest, type NearestSource, nearestOf } from "./nearest.js";
import { PendingRows } from "./pending-rows.js";
import { slotsByPrefix } from "./prefix-slots.js";
import { Query } from "./row-store-query.js";
import type { VectorIndex } from "./vector-index.js";

/** What a search asks for, checked. */
export interface VectorsWanted {
  readonly k: number;
  readonly vector: Float32Array;
  /** Of the keys; empty for all. */
  readonly prefix: string;
  readonly filter: Predicate | undefined;
  readonly ef: number;
  readonly isExact: boolean;
}

/** Of this many vectors one is looked up by its key for the price of comparing with all. */
const SCANNED_PER_KEY = 8;
/** Keys that may be looked up even so, and most that are: of more it is remembered which they are. */
const KEYS_AT_LEAST = 256;
const KEYS_AT_MOST = 2048;

/** The nearest vectors of a collection, as the reader of `table` sees it, own writes included. Unobserved. */
export function nearestVectors(
  indexes: Indexes,
  kind: CollectionKind,
  table: TableReader,
  { k, vector, prefix, filter, ef, isExact }: VectorsWanted,
): Nearest[] {
  if (k === 0) return [];
  const { dimension, metric } = kind.collection;
  const wanted: RowsWanted = {
    query: Query.of(vector, dimension, metric),
    rowPrefix: kind.rowPrefix + prefix,
    keyStart: kind.rowPrefix.length,
    filter,
    ef,
    isExact,
  };
  const view = table.view();
  const layers = indexes.layersOf(kind, view);
  const listed = prefix === "" ? undefined : slotsOf(wanted.rowPrefix, layers, view);
  const sources: NearestSource[] = layers.map((layer, position) => new LayerSearch(layer, wanted, listed?.[position]));
  if (view.pending === undefined) return nearestOf(sources, k);
  const pending = new PendingRows(kind.collection, view.pending, wanted);
  try {
    return nearestOf([pending, ...sources], k);
  } finally {
    pending.dispose();
  }
}

/** Looked up where they are few: then they cost least. */
function slotsOf(
  rowPrefix: string,
  layers: readonly PartitionLayer<VectorIndex>[],
  view: TableView,
): readonly Int32Array[] | undefined {
  if (layers.some(({ partition }) => isKnownPrefix(partition, rowPrefix))) return undefined;
  const visible = layers.reduce((sum, layer) => sum + layer.visibleCount(), 0);
  const most = Math.min(KEYS_AT_MOST, Math.max(KEYS_AT_LEAST, visible / SCANNED_PER_KEY));
  return slotsByPrefix(layers, view, rowPrefix, most);
}
