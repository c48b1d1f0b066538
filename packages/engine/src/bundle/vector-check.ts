import { checkKey, hasBytes, type Limits, type Value, validateCollectionName } from "@strata/core";
import { Box, isLive, type Stored, type Table } from "@strata/storage";
import { type Collection, collectionIn } from "../primitives/vector-collection.js";
import { firstNotFinite } from "../primitives/vector-input.js";
import {
  collectionRowKey,
  decodeVector,
  isCollectionRow,
  rowsOf,
  vectorBytes,
  vectorNameOf,
} from "../primitives/vector-row.js";

/** What one record writes to a collection. */
interface Touched {
  readonly name: string;
  readonly table: Table | undefined;
  /** Vectors that it writes or deletes; of a deleted one `undefined`, otherwise how many components there are. */
  readonly rows: Map<string, number | undefined>;
  /** Its own row, where the record has it; `undefined` when it goes. */
  own: { readonly collection: Collection | undefined } | undefined;
}

/** Holds the vectors of one record against the run as it is before it. */
export class VectorCheck {
  readonly #limits: Limits;
  readonly #touched = new Map<string, Touched>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * @param table of the space before the record; `undefined` for a space that begins with it.
   * @returns what is wrong with the row, by itself
   */
  accept(space: string, row: string, stored: Stored | undefined, table: Table | undefined): string | undefined {
    if (!row.includes("/")) return "is no name of a vector";
    const { collection: name, key } = vectorNameOf(row);
    validateCollectionName(name);
    const place = `${space}/${name}`;
    const touched = this.#touched.get(place) ?? { name, table, rows: new Map(), own: undefined };
    this.#touched.set(place, touched);
    if (isCollectionRow(row)) {
      const collection = stored === undefined ? undefined : collectionIn(stored, this.#limits);
      if (stored !== undefined && collection === undefined) return "is not what a collection is";
      touched.own = { collection };
      return undefined;
    }
    checkKey(key, this.#limits);
    if (stored !== undefined && !isVectorRow(stored)) return "is not what a vector is";
    touched.rows.set(row, stored === undefined ? undefined : vectorBytes(stored).length / 4);
    return undefined;
  }

  /** @returns what is wrong with all of it together: there is no vector without its collection, and of its dimension */
  finish(): string | undefined {
    for (const { name, table, rows, own } of this.#touched.values()) {
      const before = table?.head(collectionRowKey(name)) as unknown as Collection | undefined;
      const now = own === undefined ? before : own.collection;
      for (const dimension of rows.values()) {
        if (dimension !== undefined && dimension !== now?.dimension)
          return `collection "${name}" does not hold such a vector`;
      }
      if (before !== undefined && before.dimension !== now?.dimension && hasOthers(table as Table, name, rows))
        return `collection "${name}" goes and leaves vectors behind`;
    }
    return undefined;
  }
}

/** Whether there are vectors that the record leaves alone. */
function hasOthers(table: Table, name: string, rows: ReadonlyMap<string, unknown>): boolean {
  let found = false;
  table.scan(rowsOf(name), Number.POSITIVE_INFINITY, (row) => {
    found = !rows.has(row);
    return !found;
  });
  return found;
}

function isVectorRow(stored: Stored): boolean {
  if (!(stored instanceof Box) || !isLive(stored)) return false;
  const { value, expiresAt, counter, createdAt, holdsBytes } = stored;
  if (expiresAt !== Number.POSITIVE_INFINITY || counter !== 0 || createdAt !== 0 || !holdsBytes) return false;
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [bytes, metadata] = value as readonly Value[];
  if (!(bytes instanceof Uint8Array) || bytes.length === 0 || bytes.length % 4 !== 0) return false;
  if (firstNotFinite(decodeVector(stored)) >= 0) return false;
  if (metadata === null) return true;
  return typeof metadata === "object" && !Array.isArray(metadata) && !hasBytes(metadata as Value);
}
