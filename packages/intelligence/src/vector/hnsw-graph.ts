import { Column, type ImageColumns } from "../image/index.js";
import { KernelColumn } from "./hnsw-kernel-column.js";
import { KernelWalk } from "./hnsw-kernel-walk.js";
import { HnswLinks } from "./hnsw-links.js";
import { type GraphWalk, ScriptWalk } from "./hnsw-walk.js";
import type { VectorRows } from "./row-store.js";

/** The links between rows, and the ways to walk them. */
export class HnswGraph {
  readonly links: HnswLinks;
  /** Whether rows are compared by their codes on the way. */
  readonly byCodes: boolean;
  /** A slot on the highest level, which is `top`. Both -1 while there is none. */
  entry = -1;
  top = -1;
  readonly #scriptWalk: ScriptWalk;
  readonly #kernelWalk: KernelWalk | undefined;

  /** @param saved columns of an image. @throws CorruptionError when they are none of a graph */
  constructor(rows: VectorRows, m: number, byCodes: boolean, saved?: ImageColumns) {
    this.byCodes = byCodes;
    const kernel = rows.kernelRows?.kernel;
    if (kernel === undefined) {
      this.links = new HnswLinks(m, (column) => column ?? new Column(Int32Array), saved);
      this.#kernelWalk = undefined;
    } else {
      const make = (column?: Column<Int32Array>) =>
        column === undefined ? new KernelColumn(kernel) : KernelColumn.from(kernel, column);
      const links = new HnswLinks(m, make, saved);
      this.links = links;
      this.#kernelWalk = new KernelWalk(rows, links, byCodes);
    }
    this.#scriptWalk = new ScriptWalk(rows, this.links, byCodes);
  }

  /** The compiled walk, where all that it needs for a beam of `capacity` lies in its memory. */
  walk(capacity: number): GraphWalk {
    const walk = this.#kernelWalk;
    return walk?.isReady(capacity) ? walk : this.#scriptWalk;
  }

  dispose(): void {
    for (const column of Object.values(this.links.columns())) if (column instanceof KernelColumn) column.dispose();
  }
}
