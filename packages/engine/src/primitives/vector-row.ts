import { prefixEnd, type Value, type ValueObject } from "@strata/core";
import { Box, type KeyRange, type Stored } from "@strata/storage";
import type { KeyScan } from "./key-scan.js";

/**
 * How vectors lie in their table: one row per vector and one per collection.
 *
 *   <collection>/<key>     [bytes, metadata or null]     bytes: the components, float32, little-endian
 *   _collections/<name>    the options of the collection, an object; see `vector-collection.ts`
 *
 * The name of a collection holds no `/` and does not begin with `_`, so that no two of these are alike. There is no row of a vector without
 * one of its collection.
 */
const COLLECTIONS = "_collections";
const SEPARATOR = "/";
const COLLECTION_PREFIX = `${COLLECTIONS}${SEPARATOR}`;

/** Rows of collections. */
export const COLLECTION_ROWS: KeyRange = rangeOf(COLLECTION_PREFIX);

export function vectorRowKey(collection: string, key: string): string {
  return `${collection}${SEPARATOR}${key}`;
}

export function collectionRowKey(name: string): string {
  return `${COLLECTION_PREFIX}${name}`;
}

export function isCollectionRow(row: string): boolean {
  return row.startsWith(COLLECTION_PREFIX);
}

/** What a row is of: a vector, or with an empty key a collection. */
export interface VectorName {
  readonly collection: string;
  readonly key: string;
}

/** @param row a key of the table, or where a range of them begins. */
export function vectorNameOf(row: string): VectorName {
  const slash = row.indexOf(SEPARATOR);
  if (slash < 0) return { collection: row, key: "" };
  const first = row.slice(0, slash);
  const rest = row.slice(slash + 1);
  return first === COLLECTIONS ? { collection: rest, key: "" } : { collection: first, key: rest };
}

/**
 * The name by which a row is selected, of which a filter gives a prefix: collection and key with `/` between them. A collection's own row is
 * the one with an empty key, so that who selects a collection selects all of it.
 */
export function selectedName(row: string): string {
  return isCollectionRow(row) ? `${row.slice(COLLECTION_PREFIX.length)}${SEPARATOR}` : row;
}

/** Where the rows lie whose name begins with `prefix`: first those of collections. Others may lie there too. */
export function rowsNamed(prefix: string): KeyRange[] {
  if (prefix === "") {
    const before: KeyRange = { start: undefined, end: COLLECTION_ROWS.start, reverse: false };
    const behind: KeyRange = { start: COLLECTION_ROWS.end, end: undefined, reverse: false };
    return [COLLECTION_ROWS, before, behind];
  }
  const name = prefix.endsWith(SEPARATOR) ? prefix.slice(0, -1) : prefix;
  return [rangeOf(`${COLLECTION_PREFIX}${name}`), rangeOf(prefix)];
}

/** The rows of the vectors of one collection. */
export function rowsOf(collection: string): KeyRange {
  return rangeOf(vectorRowKey(collection, ""));
}

/** The part of those rows that a scan over the keys of vectors means. */
export function scanOfRows(collection: string, { range, limit }: KeyScan): KeyScan {
  const prefix = vectorRowKey(collection, "");
  const start = `${prefix}${range.start ?? ""}`;
  const end = range.end === undefined ? prefixEnd(prefix) : `${prefix}${range.end}`;
  return { range: { start, end, reverse: range.reverse }, limit };
}

/** @param vector not to be changed from here on. */
export function vectorRow(vector: Float32Array, metadata: ValueObject | undefined): Stored {
  return new Box(Object.freeze([bytesOf(vector), metadata ?? null]), Number.POSITIVE_INFINITY, 0, 0, true);
}

/** The components of a vector's row: a copy. */
export function decodeVector(stored: Stored): Float32Array {
  return floatsOf(rowIn(stored)[0]);
}

/** The bytes of a vector's row, as `vectorRow` keeps them; shared with the store: never change them. */
export function vectorBytes(stored: Stored): Uint8Array {
  return rowIn(stored)[0];
}

export function metadataOf(stored: Stored): ValueObject | undefined {
  return rowIn(stored)[1] ?? undefined;
}

/** What a row holds as a value of its own, for who compares runs or follows them: `{ vector: [0.5, …], metadata }`, or a collection's options. */
export function shownRow(row: string, stored: Stored): Value {
  const { key } = vectorNameOf(row);
  if (key === "") return (stored instanceof Box ? stored.value : stored) as Value;
  const metadata = metadataOf(stored);
  const vector = Object.freeze([...decodeVector(stored)]);
  return Object.freeze(metadata === undefined ? { vector } : { vector, metadata });
}

type Row = readonly [bytes: Uint8Array, metadata: ValueObject | null];

function rowIn(stored: Stored): Row {
  return (stored as Box).value as unknown as Row;
}

function rangeOf(prefix: string): KeyRange {
  return { start: prefix, end: prefixEnd(prefix), reverse: false };
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function bytesOf(vector: Float32Array): Uint8Array {
  if (isLittleEndian) return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  const view = new DataView(new ArrayBuffer(vector.byteLength));
  for (let i = 0; i < vector.length; i++) view.setFloat32(i * 4, vector[i] as number, true);
  return new Uint8Array(view.buffer);
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const { byteOffset, byteLength } = bytes;
  if (isLittleEndian) return new Float32Array(bytes.buffer.slice(byteOffset, byteOffset + byteLength));
  const view = new DataView(bytes.buffer, byteOffset, byteLength);
  return Float32Array.from({ length: byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
}
