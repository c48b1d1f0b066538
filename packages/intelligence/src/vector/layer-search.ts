import type { Predicate } from "@strata/engine";
import type { PartitionLayer } from "../partition/partition-layer.js";
import { LayerFilter } from "./layer-filter.js";
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

/** Costs in terms of rows that are compared one after the other. Of one that is listed: */
const PER_LISTED = 2;
/** Of one that a walk meets somewhere in memory: */
const PER_VISIT = 4;
/** Rows that a walk meets for each candidate it keeps. */
const VISITS_PER_CANDIDATE = 16;

/** The vectors of one layer that a search asks for, and the cheapest way to the nearest of them. */
export class LayerSearch implements NearestSource {
  readonly #layer: PartitionLayer<VectorIndex>;
  readonly #wanted: RowsWanted;
  /** Slots that the reader sees and whose keys begin with the prefix, ascending; `undefined` where they were not looked up. */
  readonly #listed: Int32Array | undefined;

  /** @param listed of all that the reader sees, those whose keys begin with the prefix; `undefined` when that is not known. */
  constructor(layer: PartitionLayer<VectorIndex>, wanted: RowsWanted, listed: Int32Array | undefined) {
    this.#layer = layer;
    this.#wanted = wanted;
    this.#listed = listed;
  }

  keyOf(slot: number): string {
    return this.#layer.slots.keyOf(slot).slice(this.#wanted.keyStart);
  }

  nearest(k: number): readonly Neighbors[] {
    const { slots, through, partition } = this.#layer;
    const visible = this.#layer.visibleCount();
    if (visible === 0 || this.#listed?.length === 0) return [];
    const { filter: predicate } = this.#wanted;
    const filter = predicate === undefined ? undefined : new LayerFilter(partition, predicate);
    if (this.#listed !== undefined) return [this.#compare(this.#listed, acceptAll([matching(filter)]), k)];
    const to = slots.bornThrough(through);
    // A graph may reach beyond what the reader sees.
    const isVisible: Accept | undefined = visible < slots.length ? (slot) => this.#layer.isVisible(slot) : undefined;
    const accept = acceptAll([isVisible, this.#beginning(), matching(filter)]);
    const matches = Math.min(visible, filter?.plan?.estimate ?? visible);
    const cheapest = Math.min(to, PER_LISTED * matches);
    const walked = this.#walk(k, to, accept, { visible, matches, most: cheapest });
    if (walked !== undefined) return walked;
    if (cheapest < to && filter?.plan !== undefined) return [this.#compare(filter.plan.slots(), accept, k)];
    return [this.#scan(0, to, accept, k)];
  }

  /**
   * By the graph, and one by one what that has not reached.
   *
   * @param matches how many rows are asked for, about.
   * @param most what else it would cost.
   * @returns `undefined` where that would be cheaper, or finds more.
   */
  #walk(
    k: number,
    to: number,
    accept: Accept | undefined,
    { visible, matches, most }: { readonly visible: number; readonly matches: number; readonly most: number },
  ): readonly Neighbors[] | undefined {
    const { ef, isExact, query } = this.#wanted;
    const { graph } = this.#layer.index;
    if (isExact || graph === undefined) return undefined;
    const covered = Math.min(graph.length, to);
    const visits = (most - (to - covered)) / PER_VISIT;
    // Of what a walk meets only a part is asked for. A filter may refuse more than is known here: then the walk is cut.
    if ((Math.max(ef, k) * VISITS_PER_CANDIDATE * to) / matches > visits) return undefined;
    const found = graph.search(query, ef, k, accept, visits);
    // There may be more, to which the graph does not lead.
    if (found.isCut || found.count < Math.min(k, visible)) return undefined;
    return covered === to ? [found] : [found, this.#scan(covered, to, accept, k)];
  }

  #compare(slots: Int32Array, accept: Accept | undefined, k: number): Neighbors {
    return nearestListed(this.#layer.index.rows, this.#wanted.query, slots, accept, k);
  }

  #scan(from: number, to: number, accept: Accept | undefined, k: number): Neighbors {
    return topK(this.#layer.index.rows, this.#wanted.query, { from, to }, accept, k);
  }

  #beginning(): Accept | undefined {
    const { rowPrefix, keyStart } = this.#wanted;
    const { slots } = this.#layer;
    return rowPrefix.length === keyStart ? undefined : (slot) => slots.keyOf(slot).startsWith(rowPrefix);
  }
}

function matching(filter: LayerFilter | undefined): Accept | undefined {
  return filter === undefined ? undefined : (slot) => filter.holds(slot);
}

function acceptAll(tests: readonly (Accept | undefined)[]): Accept | undefined {
  const [first, second, ...more] = tests.filter((test) => test !== undefined);
  if (first === undefined || second === undefined) return first;
  if (more.length === 0) return (slot) => first(slot) && second(slot);
  return (slot) => first(slot) && second(slot) && more.every((test) => test(slot));
}
