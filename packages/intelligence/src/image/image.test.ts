import { type RunId, runId, type Version } from "@strata/core";
import { IMAGE_PAGE_BYTES, type IndexImage, type SavedImage } from "@strata/engine";
import { describe, expect, test } from "vitest";
import { littleEndian, reversed } from "./byte-order.js";
import { Column, type ColumnArray } from "./column.js";
import { ImageColumns } from "./image-parts.js";
import { imageOf } from "./index-image.js";
import type { PagedBytes } from "./paged-bytes.js";
import { partsFrom } from "./saved-parts.js";
import { TextColumn } from "./text-column.js";

const RUN = runId(7);

/** What a checkpoint does with images: writes what changed on top of the one before. */
class Shelf {
  #version = 0;
  readonly #saved = new Map<string, { version: Version; head: Uint8Array; pages: Uint8Array[] }>();
  /** Of the last image. */
  written: number[] = [];

  begin(image: IndexImage): () => void {
    const key = `${image.run}/${image.name}`;
    const before = this.#saved.get(key);
    return () => {
      this.written = [];
      if (!image.isChanged && before !== undefined) return image.written(before.version);
      const pages: Uint8Array[] = [];
      const isBased = before !== undefined && before.version === image.base;
      for (let page = 0; page < image.pages; page++) {
        if (!isBased || image.isPageChanged(page)) this.written.push(page);
        pages.push(!isBased || image.isPageChanged(page) ? image.page(page).slice() : before.pages[page]!);
      }
      const version = ++this.#version;
      this.#saved.set(key, { version, head: image.head.slice(), pages });
      image.written(version);
    };
  }

  save(image: IndexImage): void {
    this.begin(image)();
  }

  load(name: string, run: RunId = RUN): SavedImage {
    const saved = this.#saved.get(`${run}/${name}`)!;
    const { version, head, pages } = saved;
    return { run, name, version, head, pages: pages.length, page: (page) => pages[page]!.slice() };
  }
}

function filled(length: number, value: (index: number) => number): Column<Int32Array> {
  const column = new Column(Int32Array);
  for (let index = 0; index < length; index++) column.push(value(index));
  return column;
}

describe("an image", () => {
  test("holds every kind of column, small and large, and the head", () => {
    const shelf = new Shelf();
    const kinds: Record<string, new (length: number) => ColumnArray> = {
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      Uint8Array,
      Uint16Array,
    };
    for (const length of [0, 1, 100, 40_000]) {
      const columns = Object.entries(kinds).map(([name, make]) => {
        const column = new Column<ColumnArray>(make);
        for (let index = 0; index < length; index++) column.push(index * 3);
        return [name, column] as const;
      });
      shelf.save(imageOf(RUN, "all", { head: { length }, columns: Object.fromEntries(columns) }));
      const parts = partsFrom(shelf.load("all"));
      expect(parts.head).toEqual({ length });
      const loaded = new ImageColumns(parts.columns);
      for (const [name, column] of columns) {
        const again = loaded.numbers(name, kinds[name]!);
        expect(again.length).toBe(length);
        expect(again.array.slice(0, length)).toEqual(column.array.slice(0, length));
      }
    }
  });

  test("holds strings of all lengths across its pages", () => {
    const shelf = new Shelf();
    const texts = new TextColumn();
    const expected: string[] = [];
    const add = (count: number) => {
      for (let index = 0; index < count; index++) {
        const text = `${"é€😀".repeat(index % 17)}${expected.length}`;
        expected.push(index % 5 === 0 ? "" : text);
        texts.push(expected.at(-1)!);
      }
    };
    let held = texts;
    for (const count of [3, 5_000, 1, 20_000]) {
      add(count);
      if (held !== texts) for (const text of expected.slice(held.length)) held.push(text);
      shelf.save(imageOf(RUN, "texts", { head: null, columns: { held } }));
      const loaded = new ImageColumns(partsFrom(shelf.load("texts")).columns).text("held");
      expect(loaded.length).toBe(expected.length);
      expect(expected.map((_, index) => loaded.get(index))).toEqual(expected);
      // From here on the loaded one goes on.
      held = new ImageColumns(partsFrom(shelf.load("texts")).columns).text("held");
    }
  });

  test("takes only what was touched or appended, and nothing when nothing was", () => {
    const shelf = new Shelf();
    const perPage = IMAGE_PAGE_BYTES / 4;
    const column = filled(perPage * 5 + 10, (index) => index);
    const parts = { head: null, columns: { column } };
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([0, 1, 2, 3, 4, 5]);
    expect(imageOf(RUN, "a", parts).isChanged).toBe(false);
    column.touch(perPage * 2);
    column.array[perPage * 2] = -1;
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([2]);
    column.push(1);
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([5]);
    column.touchRange(perPage - 1, perPage + 1);
    column.array[perPage - 1] = -2;
    column.array[perPage] = -3;
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([0, 1]);
    expect(new ImageColumns(partsFrom(shelf.load("a")).columns).numbers("column", Int32Array).array).toEqual(
      column.array.slice(0, column.length),
    );
    expect(imageOf(RUN, "a", { head: 1, columns: { column } }).isChanged).toBe(true);
  });

  test("that was loaded goes on where it was, page by page", () => {
    const shelf = new Shelf();
    const perPage = IMAGE_PAGE_BYTES / 4;
    shelf.save(imageOf(RUN, "a", { head: null, columns: { b: filled(perPage * 2, (index) => index) } }));
    const { columns } = partsFrom(shelf.load("a"));
    expect(imageOf(RUN, "a", { head: null, columns }).isChanged).toBe(false);
    const column = new ImageColumns(columns).numbers("b", Int32Array);
    column.touch(1);
    column.array[1] = 77;
    for (let index = 0; index < perPage; index++) column.push(index);
    shelf.save(imageOf(RUN, "a", { head: null, columns }));
    expect(shelf.written).toEqual([0, 2]);
    const again = new ImageColumns(partsFrom(shelf.load("a")).columns).numbers("b", Int32Array);
    expect(again.array).toEqual(column.array.slice(0, column.length));
  });

  test("stays as it was when it was given, whatever happens to its columns", () => {
    const shelf = new Shelf();
    const perPage = IMAGE_PAGE_BYTES / 4;
    const column = filled(perPage * 3 + 5, (index) => index);
    const parts = { head: null, columns: { column } };
    const before = column.array.slice(0, column.length);
    const finish = shelf.begin(imageOf(RUN, "a", parts));
    column.touch(0);
    column.array[0] = -1;
    column.touch(perPage * 3 + 4);
    column.array[perPage * 3 + 4] = -1;
    for (let index = 0; index < perPage * 4; index++) column.push(-1);
    finish();
    const read = () => new ImageColumns(partsFrom(shelf.load("a")).columns).numbers("column", Int32Array).array;
    expect(read()).toEqual(before);
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([0, 3, 4, 5, 6, 7]);
    expect(read()).toEqual(column.array.slice(0, column.length));
  });

  test("that was dropped leaves its changes to the next", () => {
    const shelf = new Shelf();
    const perPage = IMAGE_PAGE_BYTES / 4;
    const column = filled(perPage * 4, (index) => index);
    const parts = { head: null, columns: { column } };
    shelf.save(imageOf(RUN, "a", parts));
    column.touch(0);
    column.array[0] = -1;
    imageOf(RUN, "a", parts).dropped();
    column.touch(perPage);
    column.array[perPage] = -1;
    // Neither dropped nor written: as good as dropped once there is another.
    imageOf(RUN, "a", parts);
    column.touch(perPage * 2);
    column.array[perPage * 2] = -1;
    shelf.save(imageOf(RUN, "a", parts));
    expect(shelf.written).toEqual([0, 1, 2]);
  });

  test("does not take pages for unchanged that another image was written with", () => {
    const shelf = new Shelf();
    const column = filled(IMAGE_PAGE_BYTES, (index) => index);
    shelf.save(imageOf(RUN, "a", { head: null, columns: { column } }));
    expect(imageOf(RUN, "b", { head: null, columns: { column } }).base).toBeUndefined();
    expect(imageOf(runId(8), "a", { head: null, columns: { column } }).base).toBeUndefined();
    // A twin of what is in files overtakes it.
    const twin = partsFrom(shelf.load("a"));
    const late = partsFrom(shelf.load("a"));
    const twinColumn = new ImageColumns(twin.columns).numbers("column", Int32Array);
    twinColumn.touch(0);
    twinColumn.array[0] = -5;
    shelf.save(imageOf(RUN, "a", twin));
    shelf.save(imageOf(RUN, "a", { ...late, head: 1 }));
    expect(shelf.written).toEqual([0, 1, 2, 3]);
    expect(new ImageColumns(partsFrom(shelf.load("a")).columns).numbers("column", Int32Array).array[0]).toBe(0);
  });

  test("takes for unchanged only what its columns have in common with one image before", () => {
    const shelf = new Shelf();
    const columns = { a: filled(IMAGE_PAGE_BYTES / 4, () => 1), b: filled(IMAGE_PAGE_BYTES / 4, () => 1) };
    shelf.save(imageOf(RUN, "a", { head: null, columns }));
    const older = partsFrom(shelf.load("a"));
    columns.a.touch(0);
    columns.a.array[0] = 2;
    shelf.save(imageOf(RUN, "a", { head: null, columns }));
    const newer = partsFrom(shelf.load("a"));
    const mixed = { head: null, columns: { a: older.columns["a"] as Column, b: newer.columns["b"] as Column } };
    shelf.save(imageOf(RUN, "a", mixed));
    const loaded = new ImageColumns(partsFrom(shelf.load("a")).columns);
    expect(loaded.numbers("a", Int32Array).array[0]).toBe(1);
    expect(loaded.numbers("b", Int32Array).array[0]).toBe(1);
  });

  test("holds bytes of another owner, which are restored page by page", () => {
    const shelf = new Shelf();
    class Rows implements PagedBytes {
      bytes = new Uint8Array(0);
      get byteLength(): number {
        return this.bytes.length;
      }
      read(from: number, to: number): Uint8Array {
        return this.bytes.subarray(from, to);
      }
    }
    const rows = new Rows();
    rows.bytes = new Uint8Array(IMAGE_PAGE_BYTES * 2 + 7).map((_, index) => index * 7);
    shelf.save(imageOf(RUN, "a", { head: null, columns: { rows } }));
    const saved = new ImageColumns(partsFrom(shelf.load("a")).columns).bytes("rows");
    const restored = new Rows();
    restored.bytes = new Uint8Array(saved.byteLength);
    saved.restore((bytes, offset) => restored.bytes.set(bytes, offset));
    expect(restored.bytes).toEqual(rows.bytes);
    saved.continueIn(restored);
    expect(imageOf(RUN, "a", { head: null, columns: { rows: restored } }).isChanged).toBe(false);
    const late = imageOf(RUN, "a", { head: 1, columns: { rows: restored } });
    const { bytes } = restored;
    restored.bytes = new Uint8Array(0);
    expect(() => late.page(0)).toThrow("bytes stay where they are");
    restored.bytes = new Uint8Array([...bytes, 1]);
    shelf.save(imageOf(RUN, "a", { head: null, columns: { rows: restored } }));
    expect(shelf.written).toEqual([2]);
  });

  test("gives pages that columns share out new numbers, and keeps the old ones", () => {
    const shelf = new Shelf();
    const perPage = IMAGE_PAGE_BYTES / 4;
    const columns = { a: filled(perPage, () => 1), b: filled(perPage, () => 2) };
    shelf.save(imageOf(RUN, "a", { head: null, columns }));
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < perPage; index++) columns.a.push(round);
      columns.b.push(round);
      shelf.save(imageOf(RUN, "a", { head: null, columns }));
      expect(shelf.written.length).toBe(2);
      const loaded = new ImageColumns(partsFrom(shelf.load("a")).columns);
      expect(loaded.numbers("a", Int32Array).array).toEqual(columns.a.array.slice(0, columns.a.length));
      expect(loaded.numbers("b", Int32Array).array).toEqual(columns.b.array.slice(0, columns.b.length));
    }
  });

  test("of another shape than the index expects is corrupt", () => {
    const shelf = new Shelf();
    shelf.save(imageOf(RUN, "a", { head: null, columns: { a: filled(1, () => 1), t: new TextColumn() } }));
    const loaded = new ImageColumns(partsFrom(shelf.load("a")).columns);
    expect(() => loaded.numbers("b", Int32Array)).toThrow('no column "b"');
    expect(() => loaded.numbers("a", Float32Array)).toThrow('no column "a" of Float32Array');
    expect(() => loaded.text("a")).toThrow('no column "a" of text');
    expect(() => loaded.bytes("t")).toThrow('no column "t" of bytes');
  });
});

test("elements are turned round for machines that keep them the other way", () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(reversed(bytes, 4)).toEqual(new Uint8Array([4, 3, 2, 1, 8, 7, 6, 5]));
  expect(reversed(reversed(bytes, 8), 8)).toEqual(bytes);
  expect(littleEndian(bytes, 1)).toBe(bytes);
});
