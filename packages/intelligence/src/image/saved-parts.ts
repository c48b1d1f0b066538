import type { SavedImage } from "@strata/engine";
import { littleEndian } from "./byte-order.js";
import { Column, type ColumnArray } from "./column.js";
import { COLUMN_KINDS, type ColumnPlace, decodeHead, illegal, type StreamPlace } from "./image-layout.js";
import type { ImageColumn, ImageParts } from "./image-parts.js";
import { setLineage } from "./lineage.js";
import { SavedBytes } from "./saved-bytes.js";
import { TextColumn } from "./text-column.js";

/**
 * What an image holds: columns in fresh arrays, strings still in UTF-8, and of bytes that have a home of their own, where they are to be
 * read (`SavedBytes`). An image that is made of these columns later is one of what changed since.
 *
 * @throws CorruptionError when a page or the head is damaged: then the index is built anew
 */
export function partsFrom(saved: SavedImage): ImageParts {
  const { own, columns } = decodeHead(saved.head);
  const image = `${saved.run}/${saved.name}`;
  const loaded: [string, ImageColumn][] = [];
  const names = columns.map(({ name }) => name);
  for (const place of columns) {
    const column = load(saved, place);
    const streams = place.streams.map(({ byteLength, pages }) => ({ byteLength, pages }));
    const { name } = place;
    setLineage(column, { image, base: saved.version, head: saved.head, own, names, name, streams });
    loaded.push([place.name, column]);
  }
  return { head: own, columns: Object.fromEntries(loaded) };
}

function load(saved: SavedImage, { kind, streams }: ColumnPlace): ImageColumn {
  const [first, second] = streams as readonly [StreamPlace, StreamPlace | undefined];
  if (kind === "bytes") return stream(saved, first);
  if (kind === "text") {
    const ends = loadColumn(saved, Uint32Array, first);
    const bytes = loadColumn(saved, Uint8Array, second as StreamPlace).array;
    if ((ends.array.at(-1) ?? 0) !== bytes.length) throw illegal();
    return new TextColumn(ends, bytes);
  }
  const make: new (length: number) => ColumnArray = COLUMN_KINDS[kind];
  return loadColumn(saved, make, first);
}

function loadColumn<A extends ColumnArray>(
  saved: SavedImage,
  make: new (length: number) => A,
  place: StreamPlace,
): Column<A> {
  const size = new make(0).BYTES_PER_ELEMENT;
  if (place.byteLength % size !== 0) throw illegal();
  const array = new make(place.byteLength / size);
  const target = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  stream(saved, place).restore((bytes, offset) => target.set(littleEndian(bytes, size), offset));
  return Column.restored(make, array);
}

function stream(saved: SavedImage, { byteLength, pages, inline }: StreamPlace): SavedBytes {
  return new SavedBytes(saved, byteLength, pages, inline);
}
