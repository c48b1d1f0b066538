import type { InvertedIndex } from "./inverted-index.js";

/** An index as a reader sees it. */
export interface TextLayer {
  readonly index: InvertedIndex;
  /** The version the reader stands at. */
  readonly through: number;
  /** The slots alive as of `through` that the reader does not see, ascending. The same object as long as nothing about it changes. */
  readonly hidden: Int32Array;
  /** Whether a slot may be a hit: at most what the reader sees. Asked only of those that would be among the best. */
  isVisible(slot: number): boolean;
}

/** A layer, and how far its births and deaths go for the reader. */
export class LayerView {
  readonly layer: TextLayer;
  readonly index: InvertedIndex;
  /** Slots below it were born. */
  readonly born: number;
  /** So many of them died. */
  readonly died: number;

  constructor(layer: TextLayer) {
    this.layer = layer;
    this.index = layer.index;
    this.born = Math.min(layer.index.slots.bornThrough(layer.through), layer.index.length);
    this.died = layer.index.slots.diedThrough(layer.through);
  }

  /** Documents that the reader sees. */
  get documents(): number {
    return this.born - this.died - this.layer.hidden.length;
  }

  /** Tokens of these. */
  get tokens(): number {
    const { index, layer } = this;
    const seen = index.lengthOfFirst(this.born) - index.lengthOfDead(this.died);
    return seen - index.lengthOfSlots(layer.hidden);
  }

  /** How many documents that the reader sees have a term. */
  documentsWith(term: number): number {
    const { index } = this;
    const { unseen } = index;
    const count = index.countBelow(term, this.born);
    if (this.died === 0 && this.layer.hidden.length === 0) return count;
    return count - unseen.deadCount(term, this.died) - unseen.hiddenCount(term, this.layer.hidden);
  }
}
