import { assert } from "@strata/core";
import { IMAGE_PAGE_BYTES, type SavedImage } from "@strata/engine";
import { illegal } from "./image-layout.js";
import { continueLineage } from "./lineage.js";
import type { PagedBytes } from "./paged-bytes.js";

/** Bytes of an image, still in its files: read in order, each page is read once. */
export class SavedBytes implements PagedBytes {
  readonly byteLength: number;
  readonly #image: SavedImage;
  readonly #pages: readonly number[];
  readonly #inline: Uint8Array | undefined;
  #page = -1;
  #bytes: Uint8Array = new Uint8Array(0);

  /** @param inline all of it, where it takes no pages. */
  constructor(image: SavedImage, byteLength: number, pages: readonly number[], inline: Uint8Array | undefined) {
    this.#image = image;
    this.byteLength = byteLength;
    this.#pages = pages;
    this.#inline = inline;
  }

  /** Within one page, or any stretch of what takes no page. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  read(from: number, to: number): Uint8Array {
    assert(from >= 0 && from <= to && to <= this.byteLength, "bytes of an image are read where it has some");
    if (this.#inline !== undefined) return this.#inline.subarray(from, to);
    if (from === to) return new Uint8Array(0);
    const page = Math.floor(from / IMAGE_PAGE_BYTES);
    const begin = page * IMAGE_PAGE_BYTES;
    assert(to - begin <= IMAGE_PAGE_BYTES, "bytes of an image are read by pages");
    if (page !== this.#page) {
      this.#bytes = this.#image.page(this.#pages[page]!);
      this.#page = page;
    }
    if (this.#bytes.length < to - begin) throw illegal();
    return this.#bytes.subarray(from - begin, to - begin);
  }

  /** All of it, in order: hands out each page with its offset. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  restore(put: (bytes: Uint8Array, offset: number) => void): void {
    if (this.#inline !== undefined) {
      put(this.#inline, 0);
      return;
    }
    const scratch = new Uint8Array(IMAGE_PAGE_BYTES);
    for (const [position, page] of this.#pages.entries()) {
      const from = position * IMAGE_PAGE_BYTES;
      const length = Math.min(this.byteLength - from, IMAGE_PAGE_BYTES);
      const bytes = this.#image.page(page, scratch);
      if (bytes.length < length) throw illegal();
      put(bytes.subarray(0, length), from);
    }
  }

  /** `bytes` begins with all of this: in the next image, what is there need not be written again. */
  continueIn(bytes: PagedBytes): void {
    continueLineage(this, bytes);
  }
}
