import {
  ByteReader,
  ByteWriter,
  CorruptionError,
  copyValue,
  DEFAULT_LIMITS,
  decodeValue,
  encodeValue,
  type Value,
} from "@strata/core";
import type { ColumnArray } from "./column.js";
import { pagesOf } from "./paged-bytes.js";

/**
 * The head of an image, an array in the encoding of values:
 *
 *   head   := [formatVersion, own, [column*]]
 *   column := [name, kind, stream+]
 *   stream := bytes | [byteLength, first page, pages, first page, pages, …]
 *
 * `own` is what the index says of itself. A short stream is in the head, a longer one in pages of the image, in order. Text has two streams:
 * where each string ends (u32), and the UTF-8 of all; every other kind has one. All of it is little-endian.
 */
const FORMAT_VERSION = 1;

/** Kinds of columns: add, never rename. */
export const COLUMN_KINDS = {
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  u8: Uint8Array,
  u16: Uint16Array,
} as const;
export type ArrayKind = keyof typeof COLUMN_KINDS;
export type ColumnKind = ArrayKind | "text" | "bytes";

/** Streams that are not longer lie in the head, for a page of each would be mostly overhead. Bytes. */
export const INLINE_BYTES = 2048;

/** Where a stream lies: in the head, or in pages. */
export interface StreamPlace {
  readonly byteLength: number;
  readonly inline: Uint8Array | undefined;
  readonly pages: readonly number[];
}

export interface ColumnPlace {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly streams: readonly StreamPlace[];
}

export interface ImageHead {
  readonly own: Value;
  readonly columns: readonly ColumnPlace[];
}

export function kindOf(array: ColumnArray): ArrayKind {
  for (const kind of Object.keys(COLUMN_KINDS) as ArrayKind[]) if (array instanceof COLUMN_KINDS[kind]) return kind;
  throw new TypeError("a column is made of an array of another kind");
}

export function encodeHead({ own, columns }: ImageHead): Uint8Array {
  const writer = new ByteWriter();
  const rows = columns.map(({ name, kind, streams }) => [name, kind, ...streams.map(streamToValue)]);
  encodeValue(writer, [FORMAT_VERSION, copyValue(own, DEFAULT_LIMITS, "the head of an image"), rows]);
  return writer.take();
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT` for what is no head, or one that this version does not know */
export function decodeHead(bytes: Uint8Array): ImageHead {
  const reader = new ByteReader(bytes);
  const value = decodeValue(reader);
  reader.expectEnd();
  const [version, own, columns] = Array.isArray(value) ? value : [];
  if (version !== FORMAT_VERSION || own === undefined || !Array.isArray(columns)) throw illegal();
  return { own, columns: columns.map(columnFromValue) };
}

function columnFromValue(value: Value): ColumnPlace {
  const [name, kind, ...streams] = Array.isArray(value) ? value : [];
  if (typeof name !== "string" || !isKind(kind) || streams.length !== (kind === "text" ? 2 : 1)) throw illegal();
  return { name, kind, streams: streams.map(streamFromValue) };
}

function isKind(kind: unknown): kind is ColumnKind {
  return typeof kind === "string" && (kind === "text" || kind === "bytes" || Object.hasOwn(COLUMN_KINDS, kind));
}

function streamToValue({ byteLength, inline, pages }: StreamPlace): Value {
  if (inline !== undefined) return inline;
  const value = [byteLength];
  for (let at = 0; at < pages.length; ) {
    const first = pages[at]!;
    let count = 1;
    while (pages[at + count] === first + count) count++;
    value.push(first, count);
    at += count;
  }
  return value;
}

function streamFromValue(value: Value): StreamPlace {
  if (value instanceof Uint8Array) return { byteLength: value.length, inline: value.slice(), pages: [] };
  if (!Array.isArray(value) || value.length % 2 !== 1 || !value.every(isSize)) throw illegal();
  const [byteLength, ...extents] = value as readonly number[];
  const needed = pagesOf(byteLength!);
  const pages: number[] = [];
  for (let at = 0; at < extents.length; at += 2) {
    for (let i = 0; i < extents[at + 1]!; i++) {
      if (pages.length === needed) throw illegal();
      pages.push(extents[at]! + i);
    }
  }
  if (pages.length !== needed) throw illegal();
  return { byteLength: byteLength!, inline: undefined, pages };
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function illegal(): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", "the head of an index image says what no head says", {});
}
