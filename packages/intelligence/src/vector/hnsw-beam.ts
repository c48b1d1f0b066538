/** In an entry: its neighbors were looked at. */
const EXPANDED = 1;
/** In an entry: it leads on, but is no result. */
const REFUSED = 2;
const SLOT_SHIFT = 2;

/** Slots a graph can hold: an entry is a slot and two marks in 31 bits. */
export const GRAPH_SLOTS_MAX: number = 2 ** 29 - 1;

/**
 * The best rows that a search has met, nearest first, rows of equal proximity by slot: results and candidates in one. It holds `breadth` rows that were accepted, and of others
 * those that are nearer than the last of these, `capacity` in all.
 *
 * A sorted array, not a pair of heaps: most rows met are refused by one comparison with the last, and what is inserted is moved to its place
 * faster than two heaps are kept in order.
 */
export class Beam {
  proximities: Float32Array = new Float32Array(0);
  count = 0;
  #entries: Int32Array = new Int32Array(0);
  #accepted = 0;
  #breadth = 0;
  #capacity = 0;
  /** No entry before it is left to expand. */
  #next = 0;
  /** Whether a row was dropped, for want of room, that could have led to results. */
  isCut = false;

  reset(breadth: number, capacity: number): void {
    if (this.proximities.length <= capacity) {
      this.proximities = new Float32Array(capacity + 1);
      this.#entries = new Int32Array(capacity + 1);
    }
    this.count = 0;
    this.#accepted = 0;
    this.#breadth = breadth;
    this.#capacity = capacity;
    this.#next = 0;
    this.isCut = false;
  }

  /** Rows of this proximity or a lower one need not be offered. */
  get threshold(): number {
    const isFull = this.#accepted === this.#breadth || this.count === this.#capacity;
    return isFull ? this.proximities[this.count - 1]! : Number.NEGATIVE_INFINITY;
  }

  /** Takes a row whose proximity is above the threshold. */
  offer(proximity: number, slot: number, isAccepted: boolean): void {
    const entry = (slot << SLOT_SHIFT) | (isAccepted ? 0 : REFUSED);
    const at = this.#placeOf(proximity, entry);
    this.#insert(at, proximity, entry);
    if (isAccepted) this.#accepted++;
    if (at < this.#next) this.#next = at;
    this.#trim();
  }

  /** The slot of the nearest row whose neighbors have not been looked at yet; from now on they have. -1 when there is none. */
  expand(): number {
    while (this.#next < this.count) {
      const entry = this.#entries[this.#next]!;
      if ((entry & EXPANDED) === 0) {
        this.#entries[this.#next++] = entry | EXPANDED;
        return entry >> SLOT_SHIFT;
      }
      this.#next++;
    }
    return -1;
  }

  slotAt(position: number): number {
    return this.#entries[position]! >> SLOT_SHIFT;
  }

  /** Only the rows that were accepted are left. */
  keepAccepted(): void {
    if (this.#accepted === this.count) return;
    let kept = 0;
    for (let position = 0; position < this.count; position++) {
      if ((this.#entries[position]! & REFUSED) !== 0) continue;
      this.#entries[kept] = this.#entries[position]!;
      this.proximities[kept++] = this.proximities[position]!;
    }
    this.count = kept;
  }

  get memoryBytes(): number {
    return this.proximities.byteLength + this.#entries.byteLength;
  }

  #placeOf(proximity: number, entry: number): number {
    const proximities = this.proximities;
    let low = 0;
    let high = this.count; // entries before low are nearer, those from high on are not
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = proximities[middle]!;
      if (other > proximity || (other === proximity && this.#entries[middle]! < entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, proximity: number, entry: number): void {
    const proximities = this.proximities;
    const entries = this.#entries;
    for (let position = this.count++; position > at; position--) {
      proximities[position] = proximities[position - 1]!;
      entries[position] = entries[position - 1]!;
    }
    proximities[at] = proximity;
    entries[at] = entry;
  }

  #trim(): void {
    const entries = this.#entries;
    while (this.#accepted > this.#breadth) if ((entries[--this.count]! & REFUSED) === 0) this.#accepted--;
    if (this.#accepted === this.#breadth) {
      while ((entries[this.count - 1]! & REFUSED) !== 0) this.count--;
    }
    if (this.count > this.#capacity) {
      if ((entries[--this.count]! & REFUSED) === 0) this.#accepted--;
      this.isCut = true;
    }
  }
}
