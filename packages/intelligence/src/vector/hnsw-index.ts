import { assert, CorruptionError } from "@strata/core";
import { ImageColumns, type ImageParts } from "../image/index.js";
import { GRAPH_SLOTS_MAX } from "./hnsw-beam.js";
import { doCodesServe, isCheckedAt } from "./hnsw-codes-check.js";
import { HnswGraph } from "./hnsw-graph.js";
import { NO_SLOT } from "./hnsw-links.js";
import type { GraphWalk } from "./hnsw-walk.js";
import { levelOf } from "./level.js";
import type { Query, VectorRows } from "./row-store.js";
import type { Neighbors } from "./scan.js";

/** How a graph is built. Equal options and equal rows in equal order give equal graphs, on every machine. */
export interface HnswOptions {
  /** Neighbors that a row is linked with when it comes, at least 2; lists hold as many, twice as many on the lowest level. */
  readonly m: number;
  /** Rows that are considered for that. */
  readonly efConstruction: number;
  /** What levels are drawn with. */
  readonly seed: number;
}

export interface GraphNeighbors extends Neighbors {
  /** Rows that were compared with the query. */
  readonly visited: number;
  /** The search was given up before it had met as many accepted rows as it looked for: there may be more than were found, and nearer ones. */
  readonly isCut: boolean;
}

/** Of rows that are refused, a search keeps so many times what it looks for, as ways to those that are not. */
const DETOUR = 8;
const DETOUR_MIN = 1024;

/** Rows found by codes that are compared in full, to find the best k. */
function proposed(k: number): number {
  return 4 * k + 32;
}

/**
 * A graph over the rows [0, `length`), in which the rows near a query are found by steps from neighbor to neighbor (Malkov & Yashunin 2018).
 * Where rows have codes the graph is built and walked by these, and the rows found are compared in full before they are results.
 *
 * 1. Rows are linked in order of slot, and stay linked: a row that is dead is a way to others, `accept` keeps it from being a result.
 * 2. The graph is a function of the rows, their order and the options.
 * 3. Of rows that are equal one is linked; the others are found with it, all of them.
 * 4. A search finds nothing that `accept` refuses, and each row once.
 */
export class HnswIndex {
  readonly options: HnswOptions;
  readonly #rows: VectorRows;
  #graph: HnswGraph;

  constructor(rows: VectorRows, options: HnswOptions) {
    this.options = options;
    this.#rows = rows;
    this.#graph = new HnswGraph(rows, options.m, rows.int8);
  }

  /** What `save` gave. @throws CorruptionError `SNAPSHOT_CORRUPT` when that is no graph over these rows, built with these options */
  static load(rows: VectorRows, options: HnswOptions, { head, columns }: ImageParts): HnswIndex {
    const { m, efConstruction, seed } = options;
    const saved = head as Partial<Record<"m" | "efConstruction" | "seed" | "byCodes" | "entry" | "top", unknown>>;
    const { byCodes, entry, top } = saved;
    const isSame = saved.m === m && saved.efConstruction === efConstruction && saved.seed === seed;
    if (!isSame || typeof byCodes !== "boolean" || (byCodes && !rows.int8)) throw misfit();
    const index = new HnswIndex(rows, options);
    index.#graph = new HnswGraph(rows, m, byCodes, new ImageColumns(columns));
    if (index.length > rows.length) throw misfit();
    if (index.length > 0) {
      const isEntry = typeof entry === "number" && typeof top === "number" && index.#graph.links.isOn(entry, top);
      if (!isEntry) throw misfit();
      index.#graph.entry = entry;
      index.#graph.top = top;
    }
    return index;
  }

  /** Rows that are linked: those below it. */
  get length(): number {
    return this.#graph.links.length;
  }

  /** Links the row of slot `length`. Where it turns out that codes do not serve, the graph begins anew without them: `length` is 0 then. */
  insert(slot: number): void {
    const graph = this.#graph;
    assert(slot === this.length && slot < this.#rows.length, "rows are linked in order of slot");
    assert(slot <= GRAPH_SLOTS_MAX, "a graph has room for the slot");
    const { seed, m, efConstruction } = this.options;
    const level = levelOf(seed, slot, m);
    graph.links.add(level);
    const isFirst = graph.entry === NO_SLOT;
    const isLinked = isFirst || graph.walk(efConstruction).insert(slot, level, graph.entry, graph.top, efConstruction);
    if (isLinked && level > graph.top) {
      graph.top = level;
      graph.entry = slot;
    }
    if (graph.byCodes && isCheckedAt(this.length) && !doCodesServe(this.#rows, this.length)) {
      graph.dispose();
      this.#graph = new HnswGraph(this.#rows, m, false);
    }
  }

  /**
   * About the `k` nearest of the linked rows that `accept` admits, and all that are exactly as near as the last of them.
   *
   * @param ef rows to keep while looking; more find more. At least `k` are kept.
   * @param accept decides about results only: the search goes on through rows that it refuses. It must not search itself.
   * @param visits when so many rows were compared, the search is given up.
   */
  search(
    query: Query,
    ef: number,
    k: number,
    accept?: (slot: number) => boolean,
    visits: number = Number.POSITIVE_INFINITY,
  ): GraphNeighbors {
    const graph = this.#graph;
    if (graph.entry === NO_SLOT || k < 1) return NONE;
    const breadth = Math.max(1, Math.min(Math.max(ef, k), this.length));
    const capacity = accept === undefined ? breadth : Math.min(Math.max(DETOUR * breadth, DETOUR_MIN), this.length);
    const walk = graph.walk(capacity);
    walk.search(query, graph.entry, graph.top, {
      breadth,
      capacity,
      proposed: Math.min(proposed(k), capacity),
      visits,
      accept,
    });
    const { visited, isCut } = walk;
    const count = throughTies(walk, k);
    const found = this.#haveTwins(walk, count) ? this.#withTwins(walk, count, k, accept) : neighbors(walk, count);
    return { ...found, visited, isCut };
  }

  get memoryBytes(): number {
    return this.#graph.links.memoryBytes;
  }

  save(): ImageParts {
    const { m, efConstruction, seed } = this.options;
    const { byCodes, entry, top, links } = this.#graph;
    return { head: { m, efConstruction, seed, byCodes, entry, top }, columns: links.columns() };
  }

  dispose(): void {
    this.#graph.dispose();
  }

  #haveTwins(walk: GraphWalk, count: number): boolean {
    const twins = this.#graph.links.twins.array;
    for (let i = 0; i < count; i++) if (twins[walk.slotAt(i)] !== NO_SLOT) return true;
    return false;
  }

  /** The first `count` results of the walk with their twins: the first `k` of them all, and what is as near as the last. */
  #withTwins(walk: GraphWalk, count: number, k: number, accept: ((slot: number) => boolean) | undefined): Neighbors {
    const twins = this.#graph.links.twins.array;
    const found: { slot: number; proximity: number }[] = [];
    for (let i = 0; i < count; i++) {
      const proximity = walk.proximityAt(i);
      if (found.length >= k && proximity !== found.at(-1)!.proximity) break;
      for (let slot = walk.slotAt(i); slot !== NO_SLOT; slot = twins[slot]!) {
        if (accept === undefined || accept(slot)) found.push({ slot, proximity });
      }
    }
    found.sort((a, b) => b.proximity - a.proximity || a.slot - b.slot);
    return {
      count: found.length,
      slots: Int32Array.from(found, ({ slot }) => slot),
      proximities: Float32Array.from(found, ({ proximity }) => proximity),
    };
  }
}

function misfit(): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", "the image of a graph does not fit its vectors", {});
}

const NONE: GraphNeighbors = {
  count: 0,
  slots: new Int32Array(0),
  proximities: new Float32Array(0),
  visited: 0,
  isCut: false,
};

/** How many results of a walk are among the first `k` or as near as the last of these. */
function throughTies(walk: GraphWalk, k: number): number {
  let end = Math.min(k, walk.count);
  while (end < walk.count && walk.proximityAt(end) === walk.proximityAt(k - 1)) end++;
  return end;
}

function neighbors(walk: GraphWalk, count: number): Neighbors {
  const slots = new Int32Array(count);
  const proximities = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    slots[i] = walk.slotAt(i);
    proximities[i] = walk.proximityAt(i);
  }
  return { count, slots, proximities };
}
