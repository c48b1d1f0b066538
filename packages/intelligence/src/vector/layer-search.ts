import type { Predicate } from "@strata/engine";
import type { PartitionLayer } from "../partition/partition-layer.js";
import { LayerFilter } from "./layer-filter.js";
import { LayerPrefix } from "./layer-prefix.js";
import { nearestListed } from "./listed-rows.js";
import type { NearestSource } from "./nearest.js";
import type { Query } from "./row-store.js";
import { type Neighbors, topK } from "./scan.js";
import { allOf, type SlotCondition } from "./slot-condition.js";
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

/** Costs, in rows that are compared one after the other. Of one that is listed: */
const PER_LISTED = 2;
/** Of one that a walk through the graph meets somewhere in memory, and where bytes are compared: */
const PER_VISIT = 4;
const PER_VISIT_INT8 = 8;
/** Rows that a walk meets for each candidate it keeps. */
const VISITS_PER_CANDIDATE = 16;

/** What the ways to the nearest rows of one layer cost, about; `Infinity` for one that is not open. */
interface Costs {
  /** Comparing one by one all that may be asked for. */
  readonly list: number;
  /** Walking through the graph, and comparing one by one what it has not reached. */
  readonly walk: number;
  /** Comparing one by one all that there is. */
  readonly scan: number;
}

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

  hasMetadata(slot: number): boolean {
    return this.#layer.index.hasMetadata(slot);
  }

  nearest(k: number): readonly Neighbors[] {
    const visible = this.#layer.visibleCount();
    if (visible === 0 || this.#listed?.length === 0) return [];
    const { slots, through } = this.#layer;
    const to = slots.bornThrough(through);
    const conditions = this.#conditions();
    let costs = this.#costs(conditions, visible, to, k);
    if (costs.list > Math.min(costs.walk, costs.scan)) {
      for (const condition of conditions) condition.prepare();
      costs = this.#costs(conditions, visible, to, k);
    }
    // A graph may reach beyond what the reader sees.
    const isVisible: Accept | undefined = visible < slots.length ? (slot) => this.#layer.isVisible(slot) : undefined;
    const list = (): readonly Neighbors[] => {
      const { rows } = this.#layer.index;
      const accept = allOf([isVisible, ...conditions.map((condition) => (slot: number) => condition.holds(slot))]);
      return [nearestListed(rows, this.#wanted.query, fewestOf(conditions)!.slots(), accept, k)];
    };
    if (costs.list <= Math.min(costs.walk, costs.scan)) return list();
    const accept = allOf([isVisible, ...conditions.map((condition) => (slot: number) => condition.mayHold(slot))]);
    const others = Math.min(costs.list, costs.scan);
    const look = (): readonly Neighbors[] => {
      const walked = costs.walk < others ? this.#walk(to, accept, Math.min(k, visible), others) : undefined;
      if (walked !== undefined) return walked;
      return costs.list < costs.scan ? list() : [this.#scan(0, to, accept, k)];
    };
    const found = look();
    return conditions.every((condition) => found.every((each) => condition.confirms(each))) ? found : look();
  }

  #conditions(): readonly SlotCondition[] {
    const { rowPrefix, keyStart, filter } = this.#wanted;
    const { partition } = this.#layer;
    const conditions: SlotCondition[] = [];
    if (rowPrefix.length > keyStart) conditions.push(new LayerPrefix(partition, rowPrefix, this.#listed));
    if (filter !== undefined) conditions.push(new LayerFilter(partition, filter));
    return conditions;
  }

  #costs(conditions: readonly SlotCondition[], visible: number, to: number, k: number): Costs {
    const { ef, isExact } = this.#wanted;
    const { graph } = this.#layer.index;
    const covered = Math.min(graph?.length ?? 0, to);
    const estimate = fewestOf(conditions)?.estimate;
    // Of what a walk meets only a part is asked for. A filter may refuse more than is known: then the walk is cut.
    const visits = (Math.max(ef, k) * VISITS_PER_CANDIDATE * to) / Math.min(visible, estimate ?? visible);
    return {
      list: estimate === undefined ? Number.POSITIVE_INFINITY : PER_LISTED * Math.min(estimate, to),
      walk: isExact || covered === 0 ? Number.POSITIVE_INFINITY : this.#perVisit * visits + to - covered,
      scan: to,
    };
  }

  /** @returns `undefined` when another way would cost less than what is left, or finds more. */
  #walk(to: number, accept: Accept | undefined, k: number, others: number): readonly Neighbors[] | undefined {
    const { ef, query } = this.#wanted;
    const graph = this.#layer.index.graph!;
    const found = graph.search(query, ef, k, accept, others / this.#perVisit);
    // There may be more, to which the graph does not lead.
    if (found.isCut || found.count < k) return undefined;
    return graph.length < to ? [found, this.#scan(graph.length, to, accept, k)] : [found];
  }

  get #perVisit(): number {
    return this.#layer.index.rows.int8 ? PER_VISIT_INT8 : PER_VISIT;
  }

  #scan(from: number, to: number, accept: Accept | undefined, k: number): Neighbors {
    const { query, isExact } = this.#wanted;
    return topK(this.#layer.index.rows, query, { from, to }, accept, k, !isExact);
  }
}

/** The condition that the fewest slots satisfy, of those of which that is known; `undefined` without one. */
function fewestOf(conditions: readonly SlotCondition[]): SlotCondition | undefined {
  let fewest: SlotCondition | undefined;
  for (const condition of conditions) {
    const { estimate } = condition;
    if (estimate !== undefined && estimate < (fewest?.estimate ?? Number.POSITIVE_INFINITY)) fewest = condition;
  }
  return fewest;
}
