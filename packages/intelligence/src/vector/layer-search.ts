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

/** Rows that are compared one after the other in the time of one that a walk meets somewhere in memory. */
const SCANNED_PER_VISIT = 4;
/** Rows that a walk meets for each candidate it keeps. */
const VISITS_PER_CANDIDATE = 16;

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

  nearest(k: number): readonly Neighbors[] {
    const { slots, through, index } = this.#layer;
    const visible = this.#layer.visibleCount();
    if (visible === 0) return [];
    if (this.#listed !== undefined) {
      const matches = this.#filter();
      const listed = matches === undefined ? this.#listed : this.#listed.filter(matches);
      return [nearestListed(index.rows, this.#wanted.query, listed, k)];
    }
    const to = slots.bornThrough(through);
    // A graph may reach beyond what the reader sees.
    const accept = this.#accept(visible < slots.length);
    return this.#walk(k, visible, to, accept) ?? [this.#scan(0, to, accept, k)];
  }

  /** By the graph, and one by one what that has not reached; `undefined` where comparing with all is cheaper, or finds more. */
  #walk(k: number, visible: number, to: number, accept: Accept | undefined): readonly Neighbors[] | undefined {
    const { ef, isExact, query } = this.#wanted;
    const { graph } = this.#layer.index;
    if (isExact || graph === undefined) return undefined;
    const covered = Math.min(graph.length, to);
    const visits = covered / SCANNED_PER_VISIT;
    // Of what is met a part is seen by the reader; a filter refuses more, which the walk finds out.
    if ((Math.max(ef, k) * VISITS_PER_CANDIDATE * to) / visible > visits) return undefined;
    const found = graph.search(query, ef, k, accept, visits);
    // There may be more that the graph does not lead to.
    if (found.isCut || found.count < Math.min(k, visible)) return undefined;
    return covered === to ? [found] : [found, this.#scan(covered, to, accept, k)];
  }

  #scan(from: number, to: number, accept: Accept | undefined, k: number): Neighbors {
    return topK(this.#layer.index.rows, this.#wanted.query, { from, to }, accept, k);
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
