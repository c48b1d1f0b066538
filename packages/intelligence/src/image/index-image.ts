import { type RunId, Value, type Version } from "@strata/core";
import { IMAGE_PAGE_BYTES, type IndexImage } from "@strata/engine";
import { Column } from "./column.js";
import { type ColumnKind, encodeHead, INLINE_BYTES, kindOf, type StreamPlace } from "./image-layout.js";
import type { ImageColumn, ImageParts } from "./image-parts.js";
import { type Lineage, lineageOf, type SavedStream, setLineage } from "./lineage.js";
import { AppendedBytes, type FixedBytes, pagesOf } from "./paged-bytes.js";
import { TextColumn } from "./text-column.js";

/** A column as it was fixed, and what of it lies in the image before. */
interface FixedColumn {
  readonly name: string;
  readonly column: ImageColumn;
  readonly kind: ColumnKind;
  readonly streams: readonly FixedBytes[];
  readonly lineage: Lineage | undefined;
}

/** What a page of the image holds. */
interface PageContent {
  readonly bytes: FixedBytes;
  /** Of the stream. */
  readonly page: number;
  readonly isChanged: boolean;
}

/** Where everything lies in an image. */
interface Layout {
  readonly head: Uint8Array;
  readonly contents: readonly (PageContent | undefined)[];
  /** By column. */
  readonly streams: readonly (readonly SavedStream[])[];
}

/**
 * An image of `parts` as they are now, for a checkpoint; they may go on changing at once. Images of the same columns follow each other: the
 * one before must have been written or dropped by then, or is dropped now.
 */
export function imageOf(run: RunId, name: string, parts: ImageParts): IndexImage {
  const image = `${run}/${name}`;
  const columns = Object.entries(parts.columns);
  const base = newestBase(image, columns);
  const fixed = columns.map(([columnName, column]): FixedColumn => {
    const lineage = lineageOf(column);
    const isContinued = lineage?.image === image && lineage.base === base;
    return { name: columnName, column, ...fix(column), lineage: isContinued ? lineage : undefined };
  });
  return new ColumnsImage(run, name, base, parts.head, fixed);
}

function fix(column: ImageColumn): { readonly kind: ColumnKind; readonly streams: readonly FixedBytes[] } {
  if (column instanceof Column) return { kind: kindOf(column.array), streams: [column.fix()] };
  if (column instanceof TextColumn) return { kind: "text", streams: column.fix() };
  return { kind: "bytes", streams: [new AppendedBytes(column)] };
}

function newestBase(image: string, columns: readonly (readonly [string, ImageColumn])[]): Version | undefined {
  let base: Version | undefined;
  for (const [, column] of columns) {
    const lineage = lineageOf(column);
    if (lineage?.image === image && (base === undefined || lineage.base > base)) base = lineage.base;
  }
  return base;
}

/** There may be thousands of them at the moment of a checkpoint: what is not asked for is not made. */
class ColumnsImage implements IndexImage {
  readonly run: RunId;
  readonly name: string;
  readonly base: Version | undefined;
  readonly isChanged: boolean;
  readonly #own: Value;
  readonly #columns: readonly FixedColumn[];
  #made: Layout | undefined;

  constructor(run: RunId, name: string, base: Version | undefined, own: Value, columns: readonly FixedColumn[]) {
    this.run = run;
    this.name = name;
    this.base = base;
    this.isChanged = !areAsBefore(own, columns);
    this.#own = own;
    this.#columns = columns;
  }

  get head(): Uint8Array {
    return this.#layout.head;
  }

  get pages(): number {
    return this.#layout.contents.length;
  }

  isPageChanged(page: number): boolean {
    return this.#layout.contents[page]?.isChanged === true;
  }

  page(page: number): Uint8Array {
    const content = this.#layout.contents[page];
    // The number of a page that nothing is laid out in any more.
    return content === undefined ? new Uint8Array(0) : content.bytes.page(content.page);
  }

  written(checkpoint: Version): void {
    const image = `${this.run}/${this.name}`;
    const { head, streams } = this.#layout;
    const names = this.#columns.map(({ name }) => name);
    for (const [index, { column, name, streams: fixed }] of this.#columns.entries()) {
      for (const bytes of fixed) bytes.written();
      const own = this.#own;
      setLineage(column, { image, base: checkpoint, head, own, names, name, streams: streams[index]! });
    }
  }

  dropped(): void {
    for (const { streams } of this.#columns) for (const bytes of streams) bytes.dropped();
  }

  get #layout(): Layout {
    this.#made ??= layOut(this.#own, this.#columns);
    return this.#made;
  }
}

/** Whether an image of the columns would be the one that all of them were last written to. */
function areAsBefore(own: Value, columns: readonly FixedColumn[]): boolean {
  const before = columns[0]?.lineage;
  return (
    before !== undefined &&
    before.names.length === columns.length &&
    Value.equal(before.own, own) &&
    columns.every(
      ({ name, streams, lineage }) =>
        lineage?.name === name &&
        streams.every((bytes, index) => !bytes.hasTouched && bytes.byteLength === lineage.streams[index]?.byteLength),
    )
  );
}

/** Pages keep their numbers from image to image, so that what has not changed stays where it is. */
function layOut(own: Value, columns: readonly FixedColumn[]): Layout {
  const numbers = new PageNumbers(columns);
  const contents: (PageContent | undefined)[] = [];
  const places = columns.map(({ name, kind, streams, lineage }) => {
    const placed = streams.map((bytes, index) => place(bytes, lineage?.streams[index], numbers, contents));
    return { name, kind, streams: placed };
  });
  const streams = places.map((column) => column.streams.map(({ byteLength, pages }) => ({ byteLength, pages })));
  return { head: encodeHead({ own, columns: places }), contents, streams };
}

function place(
  bytes: FixedBytes,
  saved: SavedStream | undefined,
  numbers: PageNumbers,
  contents: (PageContent | undefined)[],
): StreamPlace {
  const { byteLength } = bytes;
  const known = saved?.pages ?? [];
  if (byteLength <= INLINE_BYTES && known.length === 0) {
    return { byteLength, inline: byteLength === 0 ? new Uint8Array(0) : bytes.page(0).slice(), pages: [] };
  }
  const pages: number[] = [];
  for (let page = 0; page < pagesOf(byteLength); page++) {
    const number = known[page] ?? numbers.take();
    const end = (page + 1) * IMAGE_PAGE_BYTES;
    const isLonger = Math.min(byteLength, end) !== Math.min(saved?.byteLength ?? 0, end);
    const isChanged = page >= known.length || isLonger || bytes.isTouched(page);
    while (contents.length <= number) contents.push(undefined);
    contents[number] = { bytes, page, isChanged };
    pages.push(number);
  }
  return { byteLength, inline: undefined, pages };
}

/** Numbers of pages that no stream has. */
class PageNumbers {
  readonly #used: ReadonlySet<number>;
  #next = 0;

  constructor(columns: readonly FixedColumn[]) {
    this.#used = new Set(columns.flatMap(({ lineage }) => (lineage?.streams ?? []).flatMap(({ pages }) => pages)));
  }

  take(): number {
    while (this.#used.has(this.#next)) this.#next++;
    return this.#next++;
  }
}
