import type { SlotIndex } from "./slot-index.js";

/** Indexes that are let go. Whoever is reading one goes on until his call returns: only then they are disposed of. */
export class Discarded {
  readonly #indexes: SlotIndex[] = [];

  add(index: SlotIndex): void {
    if (index.dispose === undefined) return;
    this.#indexes.push(index);
    if (this.#indexes.length === 1) queueMicrotask(() => this.#dispose());
  }

  #dispose(): void {
    for (const index of this.#indexes.splice(0)) index.dispose?.();
  }
}
