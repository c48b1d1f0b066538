import type { Predicate } from "@strata/engine";
import type { PartitionLayer } from "../partition/partition-layer.js";
import { LayerMetadata } from "./layer-metadata.js";
import { nearestListed } from "./listed-rows.js";
import type { NearestSource } from "./nearest.js";
import type { Query } from "./row-store.js";
import { type Neighbors, topK } from "./scan.js";
import type { VectorIndex } from "./vector-index.js";

/** Which vectors are asked for, in terms of rows: the same for every layer. */
export interface RowsWanted {
  readonly query: Query;
  /** What the keys of the rows begin with: the collection, and what was asked for. */
  readonly rowPrefix: string;
  /** How much of `rowPrefix` is the collection's. */
  readonly keyStart: number;
  readonly filter: Predicate | undefined;
  /** Candidates that a walk through the graph keeps. */
  readonly ef: number;
  /** Neither the graph nor the small copies of vectors. */
  readonly isExact: boolean;
}

type Accept = (slot: number) => boolean;

const NONE: Neighbors = { count: 0, slots: new Int32Array(0), proximities: new Float32Array(0) };

/** The vectors of one layer that a search asks for, and the cheapest way to the nearest of them. */
export class LayerSearch implements NearestSource {
  readonly #layer: PartitionLayer<VectorIndex>;
  readonly #wanted: RowsWanted;
  /** Slots of the layer that begin with the prefix, ascending; `undefined` where they were not looked up. */
  readonly #listed: Int32Array | undefined;

  /** @param listed slots that the reader sees, ascending, among them all whose keys begin with the prefix; `undefined` when that is not known. */
  constructor(layer: PartitionLayer<VectorIndex>, wanted: RowsWanted, listed: Int32Array | undefined) {
    this.#layer = layer;
    this.#wanted = wanted;
    this.#listed = listed;
  }

  keyOf(slot: number): string {
    return this.#layer.slots.keyOf(slot).slice(this.#wanted.keyStart);
  }

  nearest(k: number): Neighbors {
    const { rows } = this.#layer.index;
    const { query } = this.#wanted;
    const visible = this.#layer.visibleCount();
    if (visible === 0) return NONE;
    if (this.#listed !== undefined) {
      const matches = this.#filter();
      const slots = matches === undefined ? this.#listed : this.#listed.filter(matches);
      return nearestListed(rows, query, slots, k);
    }
    const to = this.#layer.slots.bornThrough(this.#layer.through);
    return topK(rows, query, { from: 0, to }, this.#accept(visible < to), k);
  }

  #accept(hides: boolean): Accept | undefined {
    const tests: Accept[] = [];
    if (hides) tests.push((slot) => this.#layer.isVisible(slot));
    const { slots } = this.#layer;
    const { rowPrefix, keyStart } = this.#wanted;
    if (rowPrefix.length > keyStart) tests.push((slot) => slots.keyOf(slot).startsWith(rowPrefix));
    const matches = this.#filter();
    if (matches !== undefined) tests.push(matches);
    return allOf(tests);
  }

  #filter(): Accept | undefined {
    const { filter } = this.#wanted;
    if (filter === undefined) return undefined;
    const metadata = new LayerMetadata(this.#layer);
    return (slot) => filter.matches(metadata.of(slot));
  }
}

function allOf(tests: readonly Accept[]): Accept | undefined {
  const [first, second] = tests;
  if (first === undefined || tests.length === 1) return first;
  if (second !== undefined && tests.length === 2) return (slot) => first(slot) && second(slot);
  return (slot) => tests.every((test) => test(slot));
}
