/** Which of two hits with the same score comes first: negative for the first one. */
export type TieOrder = (layerA: number, slotA: number, layerB: number, slotB: number) => number;

export interface TextHit {
  /** Position of its layer. */
  readonly layer: number;
  readonly slot: number;
  readonly score: number;
}

/** The best k of the hits it is given, in a heap with the worst of them at its root. */
export class TopK {
  readonly k: number;
  readonly #order: TieOrder;
  #size = 0;
  // Plain arrays: a few numbers in them are made faster than typed arrays are.
  readonly #scores: number[] = [];
  readonly #layers: number[] = [];
  readonly #slots: number[] = [];

  /** @param k at least 1 */
  constructor(k: number, order: TieOrder) {
    this.k = k;
    this.#order = order;
  }

  /** The score of the k-th best so far: nothing below it is among the best. 0 until there are k. */
  get threshold(): number {
    return this.#size < this.k ? 0 : this.#scores[0]!;
  }

  /** Whether it would be among the best. */
  accepts(layer: number, slot: number, score: number): boolean {
    if (this.#size < this.k) return true;
    const worst = this.#scores[0]!;
    if (score !== worst) return score > worst;
    return this.#order(layer, slot, this.#layers[0]!, this.#slots[0]!) < 0;
  }

  /** Takes what it accepts, in place of the worst if it is full. */
  add(layer: number, slot: number, score: number): void {
    if (this.#size < this.k) {
      this.#scores.push(score);
      this.#layers.push(layer);
      this.#slots.push(slot);
      this.#rise(this.#size++, layer, slot, score);
    } else {
      this.#sink(layer, slot, score);
    }
  }

  /** All of them, the best first; none is left. */
  take(): TextHit[] {
    const hits: TextHit[] = new Array(this.#size);
    while (this.#size > 0) {
      const last = --this.#size;
      hits[last] = { layer: this.#layers[0]!, slot: this.#slots[0]!, score: this.#scores[0]! };
      if (last > 0) this.#sink(this.#layers[last]!, this.#slots[last]!, this.#scores[last]!);
    }
    return hits;
  }

  #rise(from: number, layer: number, slot: number, score: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#isWorse(layer, slot, score, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, layer, slot, score);
  }

  /** Puts it where the root was, or below. */
  #sink(layer: number, slot: number, score: number): void {
    const size = this.#size;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      const other = child + 1;
      if (other < size && this.#isWorse(this.#layers[other]!, this.#slots[other]!, this.#scores[other]!, child)) {
        child = other;
      }
      if (this.#isWorse(layer, slot, score, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, layer, slot, score);
  }

  #isWorse(layer: number, slot: number, score: number, than: number): boolean {
    const other = this.#scores[than]!;
    if (score !== other) return score < other;
    return this.#order(layer, slot, this.#layers[than]!, this.#slots[than]!) > 0;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#layers[from]!, this.#slots[from]!, this.#scores[from]!);
  }

  #put(at: number, layer: number, slot: number, score: number): void {
    this.#scores[at] = score;
    this.#layers[at] = layer;
    this.#slots[at] = slot;
  }
}
