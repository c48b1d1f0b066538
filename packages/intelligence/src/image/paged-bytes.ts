import { assert } from "@strata/core";
import { IMAGE_PAGE_BYTES } from "@strata/engine";

/**
 * Bytes that are only appended to, kept wherever their owner wants them: in the memory of a kernel, say. An owner gives the same object for each
 * image, for by it is known what the image before has of them.
 */
export interface PagedBytes {
  /** Bytes in use; never fewer than before, but for none at all. */
  readonly byteLength: number;
  /**
   * Bytes [from, to), at most a page of them, little-endian, valid until the next call. They are the same whenever they are asked for. Once the
   * memory they lay in was given back, `byteLength` is 0: a checkpoint may still want them.
   */
  read(from: number, to: number): Uint8Array;
}

/** A stretch of bytes as it was when it was fixed, whatever becomes of its owner. */
export interface FixedBytes {
  readonly byteLength: number;
  /** Whether any page is touched. */
  readonly hasTouched: boolean;
  /** Whether bytes of the page were changed in place since the image before: appending is no such change. */
  isTouched(page: number): boolean;
  /** Valid until the next call. */
  page(page: number): Uint8Array;
  written(): void;
  dropped(): void;
}

/** What is only appended to stays as it is by itself. */
export class AppendedBytes implements FixedBytes {
  readonly byteLength: number;
  readonly hasTouched: boolean = false;
  readonly #source: PagedBytes;

  constructor(source: PagedBytes) {
    this.#source = source;
    this.byteLength = source.byteLength;
  }

  isTouched(): boolean {
    return false;
  }

  page(page: number): Uint8Array {
    const from = page * IMAGE_PAGE_BYTES;
    const to = Math.min(this.byteLength, from + IMAGE_PAGE_BYTES);
    // Their owner may have been disposed of since: then there is no image.
    assert(this.#source.byteLength >= this.byteLength, "bytes stay where they are as long as an image needs them");
    return this.#source.read(from, to);
  }

  written(): void {}

  dropped(): void {}
}

export function pagesOf(byteLength: number): number {
  return Math.ceil(byteLength / IMAGE_PAGE_BYTES);
}
