import { CorruptionError, type Value } from "@strata/core";
import { Column, type ColumnArray } from "./column.js";
import type { PagedBytes } from "./paged-bytes.js";
import { SavedBytes } from "./saved-bytes.js";
import { TextColumn } from "./text-column.js";

export type ImageColumn = Column | TextColumn | PagedBytes;

/** What an index keeps, as images know it. */
export interface ImageParts {
  /** What columns do not hold: a few scalars. It is written whole whenever anything has changed. */
  readonly head: Value;
  /** By name; the names are the index's own. */
  readonly columns: Readonly<Record<string, ImageColumn>>;
}

/**
 * The columns of a loaded image, by name and kind. That there is none such is a `CorruptionError` `SNAPSHOT_CORRUPT`: the index is built
 * anew then.
 */
export class ImageColumns {
  readonly #columns: Readonly<Record<string, ImageColumn>>;

  constructor(columns: Readonly<Record<string, ImageColumn>>) {
    this.#columns = columns;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#columns, name);
  }

  /** @param make the class of its array: `Int32Array` */
  numbers<A extends ColumnArray>(name: string, make: new (length: number) => A): Column<A> {
    const column = this.#get(name);
    if (column instanceof Column && column.array instanceof make) return column as unknown as Column<A>;
    throw missing(name, make.name);
  }

  text(name: string): TextColumn {
    const column = this.#get(name);
    if (column instanceof TextColumn) return column;
    throw missing(name, "text");
  }

  /** Bytes that are put where their owner wants them: it restores them page by page, and says so by `continueIn`. */
  bytes(name: string): SavedBytes {
    const column = this.#get(name);
    if (column instanceof SavedBytes) return column;
    throw missing(name, "bytes");
  }

  #get(name: string): ImageColumn | undefined {
    return this.has(name) ? this.#columns[name] : undefined;
  }
}

function missing(name: string, kind: string): CorruptionError {
  const message = `the image of an index has no column "${name}" of ${kind}`;
  return new CorruptionError("SNAPSHOT_CORRUPT", message, { column: name });
}
