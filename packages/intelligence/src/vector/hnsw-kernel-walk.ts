import { assert } from "@strata/core";
import { TERMS_BYTES } from "./distance-int8.js";
import { type LinkPlaces, scratchOf, type WalkScratch } from "./hnsw-scratch.js";
import type { GraphWalk, WalkLimits } from "./hnsw-walk.js";
import type { GraphCallbacks } from "./kernel-engine.js";
import type { Query, VectorRows } from "./row-store.js";
import type { KernelRows } from "./row-store-kernel.js";

/** What `kernel/hnsw.ts` offers. */
interface GraphCalls {
  searchGraph(
    frame: number,
    query: number,
    codes: number,
    terms: number,
    entry: number,
    top: number,
    breadth: number,
    capacity: number,
    proposed: number,
    visits: number,
    isFiltered: number,
  ): number;
  insertIntoGraph(
    frame: number,
    slot: number,
    level: number,
    entry: number,
    top: number,
    efConstruction: number,
  ): number;
}

const refuse = (): boolean => false;

const VISITS_MAX = 2 ** 31 - 1;

/** The walk as compiled code: where rows and links lie in the memory of one kernel. Finds and links the very same as `ScriptWalk`. */
export class KernelWalk implements GraphWalk {
  count = 0;
  readonly #rows: VectorRows;
  readonly #links: LinkPlaces;
  readonly #byCodes: boolean;
  #scratch: WalkScratch | undefined = undefined;
  #placed: KernelRows | undefined = undefined;
  readonly #touch: (column: number, index: number) => void;
  readonly #inserting: GraphCallbacks;

  constructor(rows: VectorRows, links: LinkPlaces, byCodes: boolean) {
    this.#rows = rows;
    this.#links = links;
    this.#byCodes = byCodes;
    // In the order of `kernel/hnsw.ts`.
    const columns = [links.ground, links.upper, links.twins];
    this.#touch = (column, index) => columns[column]!.touch(index);
    this.#inserting = { accept: refuse, touch: this.#touch };
  }

  /** Whether rows, links and what a search with a beam of `capacity` needs are in the memory of one kernel. Asked before each call. */
  isReady(capacity: number): boolean {
    const rows = this.#rows.kernelRows;
    const { ground, places, upper, twins, m } = this.#links;
    if (rows === undefined || ground.start === 0 || places.start === 0 || twins.start === 0) return false;
    if (upper.start === 0 && upper.length > 0) return false;
    this.#placed = rows;
    this.#scratch = scratchOf(rows.kernel);
    return this.#scratch.reserve(places.length, 2 * m, capacity);
  }

  search(query: Query, entry: number, top: number, limits: WalkLimits): void {
    const { rows, scratch, calls } = this.#ready();
    const { kernel } = rows;
    const { accept } = limits;
    const vector = kernel.vectorAt(query);
    const terms = this.#byCodes ? kernel.termsAt(query) : 0;
    const codes = this.#byCodes ? terms + 2 * TERMS_BYTES : 0;
    scratch.writeFrame(rows, this.#byCodes, this.#links);
    if (accept !== undefined) kernel.graph = { accept, touch: this.#touch };
    this.count = calls.searchGraph(
      scratch.frame,
      vector,
      codes,
      terms,
      entry,
      top,
      limits.breadth,
      limits.capacity,
      limits.proposed,
      Math.min(limits.visits, VISITS_MAX),
      accept === undefined ? 0 : 1,
    );
  }

  insert(slot: number, level: number, entry: number, top: number, efConstruction: number): boolean {
    const { rows, scratch, calls } = this.#ready();
    scratch.writeFrame(rows, this.#byCodes, this.#links);
    rows.kernel.graph = this.#inserting;
    return calls.insertIntoGraph(scratch.frame, slot, level, entry, top, efConstruction) !== 0;
  }

  get visited(): number {
    return this.#scratch?.visited ?? 0;
  }

  get isCut(): boolean {
    return this.#scratch?.isCut ?? false;
  }

  slotAt(position: number): number {
    return this.#ready().scratch.slotAt(position);
  }

  proximityAt(position: number): number {
    return this.#ready().scratch.proximityAt(position);
  }

  #ready(): { rows: KernelRows; scratch: WalkScratch; calls: GraphCalls } {
    const rows = this.#placed;
    const scratch = this.#scratch;
    assert(rows !== undefined && scratch !== undefined, "a walk is asked whether it is ready");
    return { rows, scratch, calls: rows.kernel.calls as unknown as GraphCalls };
  }
}
