import type { RunId, Version } from "@strata/core";
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
  readonly saved: readonly SavedStream[] | undefined;
}

/** What a page of the image holds. */
interface PageContent {
  readonly bytes: FixedBytes;
  /** Of the stream. */
  readonly page: number;
  readonly isChanged: boolean;
}

/**
 * An image of `parts` as they are now, for a checkpoint; they may go on changing at once. Images of the same columns follow each other: the
 * one before must have been written or dropped by then, or is dropped now.
 */
export function imageOf(run: RunId, name: string, parts: ImageParts): IndexImage {
  const image = `${run}/${name}`;
  const columns = Object.entries(parts.columns);
  const base = newestBase(image, columns);
  const isContinued = (lineage: Lineage | undefined) => lineage?.image === image && lineage.base === base;
  const fixed = columns.map(([columnName, column]): FixedColumn => {
    const lineage = lineageOf(column);
    return { name: columnName, column, ...fix(column), saved: isContinued(lineage) ? lineage?.streams : undefined };
  });
  const head = columns.map(([, column]) => lineageOf(column)).find(isContinued)?.head;
  return new ColumnsImage(run, name, base, head, parts, fixed);
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

class ColumnsImage implements IndexImage {
  readonly run: RunId;
  readonly name: string;
  readonly base: Version | undefined;
  readonly isChanged: boolean;
  readonly head: Uint8Array;
  readonly #columns: readonly FixedColumn[];
  readonly #streams: (readonly SavedStream[])[] = [];
  readonly #contents: (PageContent | undefined)[] = [];

  constructor(
    run: RunId,
    name: string,
    base: Version | undefined,
    headBefore: Uint8Array | undefined,
    parts: ImageParts,
    columns: readonly FixedColumn[],
  ) {
    this.run = run;
    this.name = name;
    this.base = base;
    this.#columns = columns;
    const numbers = new PageNumbers(columns);
    const places = columns.map(({ name, kind, streams, saved }) => {
      const placed = streams.map((bytes, index) => this.#place(bytes, saved?.[index], numbers));
      this.#streams.push(placed.map(({ byteLength, pages }) => ({ byteLength, pages })));
      return { name, kind, streams: placed };
    });
    this.head = encodeHead({ own: parts.head, columns: places });
    this.isChanged =
      headBefore === undefined ||
      !areEqual(headBefore, this.head) ||
      this.#contents.some((content) => content?.isChanged === true);
  }

  get pages(): number {
    return this.#contents.length;
  }

  isPageChanged(page: number): boolean {
    return this.#contents[page]?.isChanged === true;
  }

  page(page: number): Uint8Array {
    const content = this.#contents[page];
    // The number of a page that nothing is laid out in any more.
    return content === undefined ? new Uint8Array(0) : content.bytes.page(content.page);
  }

  written(checkpoint: Version): void {
    const image = `${this.run}/${this.name}`;
    for (const [index, { column, streams }] of this.#columns.entries()) {
      for (const bytes of streams) bytes.written();
      setLineage(column, { image, base: checkpoint, head: this.head, streams: this.#streams[index]! });
    }
  }

  dropped(): void {
    for (const { streams } of this.#columns) for (const bytes of streams) bytes.dropped();
  }

  /** Pages keep their numbers from image to image, so that what has not changed stays where it is. */
  #place(bytes: FixedBytes, saved: SavedStream | undefined, numbers: PageNumbers): StreamPlace {
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
      while (this.#contents.length <= number) this.#contents.push(undefined);
      this.#contents[number] = { bytes, page, isChanged };
      pages.push(number);
    }
    return { byteLength, inline: undefined, pages };
  }
}

/** Numbers of pages that no stream has. */
class PageNumbers {
  readonly #used: ReadonlySet<number>;
  #next = 0;

  constructor(columns: readonly FixedColumn[]) {
    this.#used = new Set(columns.flatMap(({ saved }) => (saved ?? []).flatMap(({ pages }) => pages)));
  }

  take(): number {
    while (this.#used.has(this.#next)) this.#next++;
    return this.#next++;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
