import { type Collection, metadataOf, vectorBytes } from "@strata/engine";
import { isLive, type Stored } from "@strata/storage";
import type { RowsWanted } from "./layer-search.js";
import type { NearestSource } from "./nearest.js";
import { VectorRows } from "./row-store.js";
import { type Neighbors, topK } from "./scan.js";

/** The vectors that a transaction has written and a search asks for. To be disposed of. */
export class PendingRows implements NearestSource {
  readonly #wanted: RowsWanted;
  readonly #rows: VectorRows;
  readonly #keys: string[] = [];

  constructor(collection: Collection, pending: ReadonlyMap<string, Stored | undefined>, wanted: RowsWanted) {
    const { rowPrefix, keyStart, filter } = wanted;
    this.#wanted = wanted;
    this.#rows = new VectorRows(collection.dimension, collection.metric);
    for (const [row, stored] of pending) {
      if (!row.startsWith(rowPrefix) || !isLive(stored)) continue;
      if (filter !== undefined && !filter.matches(metadataOf(stored))) continue;
      this.#rows.append(vectorBytes(stored));
      this.#keys.push(row.slice(keyStart));
    }
  }

  keyOf(slot: number): string {
    return this.#keys[slot]!;
  }

  /** Own writes are at hand: to read them costs nothing. */
  hasMetadata(): boolean {
    return true;
  }

  nearest(k: number): readonly Neighbors[] {
    return [topK(this.#rows, this.#wanted.query, { from: 0, to: this.#rows.length }, undefined, k)];
  }

  dispose(): void {
    this.#rows.dispose();
  }
}
