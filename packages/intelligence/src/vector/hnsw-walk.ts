import { Beam } from "./hnsw-beam.js";
import type { HnswLinks } from "./hnsw-links.js";
import { Visited } from "./hnsw-visited.js";
import type { Query, VectorRows } from "./row-store.js";

/** What a search of the lowest level asks for. */
export interface WalkLimits {
  /** Results to look for: efSearch. */
  readonly breadth: number;
  /** Rows to keep, those included that are no results but lead on. */
  readonly capacity: number;
  /** Of the rows found so many are compared in full, when the walk is by codes: the others are dropped. */
  readonly proposed: number;
  /** Rows to look at before giving up. */
  readonly visits: number;
  readonly accept: ((slot: number) => boolean) | undefined;
}

/** Walks the graph: nearest rows are looked for, and rows are linked. */
export interface GraphWalk {
  /** About the nearest rows linked so far. What was found, and how, is valid until the next call. */
  search(query: Query, entry: number, top: number, limits: WalkLimits): void;
  /** Rows found, nearest first; of twins the one that is linked. */
  readonly count: number;
  slotAt(position: number): number;
  proximityAt(position: number): number;
  /** Rows that were compared with the query. */
  readonly visited: number;
  /** Whether the search was ended by a limit before it had all the results it looked for. */
  readonly isCut: boolean;
  /**
   * Links the row of `slot` on the levels up to `level`; its lists are there, empty.
   *
   * @returns false when it became the twin of a row that is linked.
   */
  insert(slot: number, level: number, entry: number, top: number, efConstruction: number): boolean;
}

const NOBODY = -1;
const BUILDING = { proposed: 0, visits: Number.POSITIVE_INFINITY, accept: undefined };

/**
 * The walk in JavaScript. Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
 * graphs" (2018): algorithms 1, 2, 4 (without extending candidates or keeping pruned ones) and 5, with a beam for the two heaps. Rows are compared
 * by one call of the rows' kernel for each node that is expanded.
 *
 * What it keeps between calls is shared by all graphs: it is used by one search at a time, `accept` must not begin another.
 */
export class ScriptWalk implements GraphWalk {
  visited = 0;
  isCut = false;
  readonly #rows: VectorRows;
  readonly #links: HnswLinks;
  readonly #byCodes: boolean;
  /** The query: a prepared one, or the row of a slot. */
  #query: Query | undefined;
  #queried: number = NOBODY;
  #nearest: number = NOBODY;
  #nearestProximity = 0;
  readonly #fresh: Int32Array;
  readonly #proximities: Float32Array;
  readonly #chosen: Int32Array;
  readonly #linked: Int32Array;
  #found: Int32Array = new Int32Array(0);
  #inFull: Float32Array = new Float32Array(0);

  constructor(rows: VectorRows, links: HnswLinks, byCodes: boolean) {
    this.#rows = rows;
    this.#links = links;
    this.#byCodes = byCodes;
    const room = links.room(0) + 1;
    this.#fresh = new Int32Array(room);
    this.#proximities = new Float32Array(room);
    this.#chosen = new Int32Array(room);
    this.#linked = new Int32Array(room);
  }

  get count(): number {
    return beam.count;
  }

  slotAt(position: number): number {
    return beam.slotAt(position);
  }

  proximityAt(position: number): number {
    return beam.proximities[position]!;
  }

  search(query: Query, entry: number, top: number, limits: WalkLimits): void {
    this.#query = query;
    this.visited = 0;
    this.isCut = false;
    this.#descend(entry, top, 0);
    this.#searchLevel(0, limits);
    this.isCut ||= beam.isCut;
    beam.keepAccepted();
    if (this.#byCodes) this.#compareInFull(query, Math.min(beam.count, limits.proposed));
  }

  insert(slot: number, level: number, entry: number, top: number, efConstruction: number): boolean {
    this.#query = undefined;
    this.#queried = slot;
    this.#descend(entry, top, level);
    const limits = { ...BUILDING, breadth: efConstruction, capacity: efConstruction };
    const highest = Math.min(level, top);
    for (let current = highest; current >= 0; current--) {
      this.#searchLevel(current, limits);
      this.#nearest = beam.slotAt(0);
      this.#nearestProximity = beam.proximities[0]!;
      this.#links.write(slot, current, this.#chosen, this.#choose(this.#links.m));
    }
    const twin = this.#twinOf(slot);
    if (twin !== NOBODY) {
      for (let current = highest; current >= 0; current--) this.#links.write(slot, current, this.#chosen, 0);
      this.#links.addTwin(slot, twin);
      return false;
    }
    for (let current = highest; current >= 0; current--) {
      const count = this.#links.read(slot, current, this.#linked);
      for (let i = 0; i < count; i++) this.#connect(this.#linked[i]!, slot, current);
    }
    return true;
  }

  /** Nearest row on each level from `top` down to above `level`, by steps to the nearest neighbor. */
  #descend(entry: number, top: number, level: number): void {
    this.#fresh[0] = entry;
    this.#compare(1);
    this.#nearest = entry;
    this.#nearestProximity = this.#proximities[0]!;
    for (let current = top; current > level; current--) {
      let before: number;
      do {
        before = this.#nearest;
        const count = this.#links.read(before, current, this.#fresh);
        this.#compare(count);
        for (let i = 0; i < count; i++) {
          if (this.#proximities[i]! <= this.#nearestProximity) continue;
          this.#nearest = this.#fresh[i]!;
          this.#nearestProximity = this.#proximities[i]!;
        }
      } while (this.#nearest !== before);
    }
  }

  /** Fills the beam from the nearest row known. */
  #searchLevel(level: number, { breadth, capacity, visits, accept }: WalkLimits): void {
    const fresh = this.#fresh;
    const proximities = this.#proximities;
    beam.reset(breadth, capacity);
    visited.begin(this.#links.length);
    visited.add(this.#nearest);
    beam.offer(this.#nearestProximity, this.#nearest, this.#isAccepted(this.#nearest, accept));
    for (let slot = beam.expand(); slot !== NOBODY; slot = beam.expand()) {
      if (this.visited > visits) {
        this.isCut = true;
        return;
      }
      const listed = this.#links.read(slot, level, fresh);
      let count = 0;
      for (let i = 0; i < listed; i++) if (visited.add(fresh[i]!)) fresh[count++] = fresh[i]!;
      this.#compare(count);
      let threshold = beam.threshold;
      for (let i = 0; i < count; i++) {
        const proximity = proximities[i]!;
        if (proximity <= threshold) continue;
        beam.offer(proximity, fresh[i]!, this.#isAccepted(fresh[i]!, accept));
        threshold = beam.threshold;
      }
    }
  }

  #isEqual(slot: number, other: number): boolean {
    const row = this.#rows.vectorAt(slot);
    return this.#rows.vectorAt(other).every((component, i) => component === row[i]);
  }

  #isAccepted(slot: number, accept: ((slot: number) => boolean) | undefined): boolean {
    return accept === undefined || this.#links.acceptsOne(slot, accept);
  }

  /** A row in the beam that equals the row of `slot`: a twin has the proximity to it that it has to itself. */
  #twinOf(slot: number): number {
    this.#fresh[0] = slot;
    this.#compareRow(slot, this.#fresh, 1);
    const own = this.#proximities[0]!;
    for (let position = 0; position < beam.count; position++) {
      if (beam.proximities[position] !== own) continue;
      const other = beam.slotAt(position);
      if (this.#isEqual(slot, other)) return other;
    }
    return NOBODY;
  }

  /**
   * Of the rows in the beam up to `most` that lie in different directions: each nearer to the row they are to be linked with than to any chosen before.
   */
  #choose(most: number): number {
    const chosen = this.#chosen;
    let count = 0;
    for (let position = 0; position < beam.count && count < most; position++) {
      const slot = beam.slotAt(position);
      if (this.#isNearerToOne(slot, chosen, count, beam.proximities[position]!)) continue;
      chosen[count++] = slot;
    }
    return count;
  }

  #isNearerToOne(slot: number, chosen: Int32Array, count: number, proximity: number): boolean {
    this.#compareRow(slot, chosen, count);
    for (let i = 0; i < count; i++) if (this.#proximities[i]! > proximity) return true;
    return false;
  }

  /** Adds `neighbor` to the list of `slot`; of a full one the choice is made anew. */
  #connect(slot: number, neighbor: number, level: number): void {
    const fresh = this.#fresh;
    const room = this.#links.room(level);
    const count = this.#links.read(slot, level, fresh);
    if (count < room) {
      this.#links.append(slot, level, count, neighbor);
      return;
    }
    fresh[count] = neighbor;
    this.#compareRow(slot, fresh, count + 1);
    beam.reset(count + 1, count + 1);
    for (let i = 0; i <= count; i++) beam.offer(this.#proximities[i]!, fresh[i]!, true);
    this.#links.write(slot, level, this.#chosen, this.#choose(room));
  }

  /** The first `count` rows found, in order of their proximity in full. */
  #compareInFull(query: Query, count: number): void {
    if (this.#found.length < count) {
      this.#found = new Int32Array(count);
      this.#inFull = new Float32Array(count);
    }
    for (let position = 0; position < count; position++) this.#found[position] = beam.slotAt(position);
    this.#rows.gather(query, this.#found, count, this.#inFull);
    beam.reset(count, count);
    for (let i = 0; i < count; i++) beam.offer(this.#inFull[i]!, this.#found[i]!, true);
  }

  /** Proximities of the first `count` fresh slots to the query. */
  #compare(count: number): void {
    this.visited += count;
    if (this.#query === undefined) this.#compareRow(this.#queried, this.#fresh, count);
    else if (this.#byCodes) this.#rows.gatherApproximate(this.#query, this.#fresh, count, this.#proximities);
    else this.#rows.gather(this.#query, this.#fresh, count, this.#proximities);
  }

  #compareRow(slot: number, others: Int32Array, count: number): void {
    if (this.#byCodes) this.#rows.gatherApproximateOf(slot, others, count, this.#proximities);
    else this.#rows.gatherOf(slot, others, count, this.#proximities);
  }
}

const beam = new Beam();
const visited = new Visited();
