import type { Version } from "@strata/core";
import type { IndexImage } from "@strata/engine";
import type { SlotIndex } from "./slot-index.js";

/**
 * Indexes that are let go. Whoever is reading one goes on until his call returns, and a checkpoint until it has written the image of it: only
 * then they are disposed of.
 */
export class Discarded {
  /** Those that wait for the calls that are going on. */
  readonly #indexes: SlotIndex[] = [];
  /** How many images are being written of an index. */
  readonly #images = new Map<SlotIndex, number>();
  /** Those that wait for their images. */
  readonly #imaged = new Set<SlotIndex>();

  add(index: SlotIndex): void {
    if (index.dispose === undefined) return;
    this.#indexes.push(index);
    if (this.#indexes.length === 1) queueMicrotask(() => this.#disposeAll());
  }

  /** `image`, of an index that stays until it was written or dropped. */
  keptFor(index: SlotIndex, image: IndexImage): IndexImage {
    if (index.dispose === undefined) return image;
    this.#images.set(index, (this.#images.get(index) ?? 0) + 1);
    return new KeptImage(image, () => this.#release(index));
  }

  #release(index: SlotIndex): void {
    const left = this.#images.get(index)! - 1;
    if (left > 0) {
      this.#images.set(index, left);
      return;
    }
    this.#images.delete(index);
    if (this.#imaged.delete(index)) index.dispose?.();
  }

  #disposeAll(): void {
    for (const index of this.#indexes.splice(0)) {
      if (this.#images.has(index)) this.#imaged.add(index);
      else index.dispose?.();
    }
  }
}

class KeptImage implements IndexImage {
  readonly #image: IndexImage;
  readonly #release: () => void;

  constructor(image: IndexImage, release: () => void) {
    this.#image = image;
    this.#release = release;
  }

  get run(): IndexImage["run"] {
    return this.#image.run;
  }

  get name(): string {
    return this.#image.name;
  }

  get base(): Version | undefined {
    return this.#image.base;
  }

  get isChanged(): boolean {
    return this.#image.isChanged;
  }

  get head(): Uint8Array {
    return this.#image.head;
  }

  get pages(): number {
    return this.#image.pages;
  }

  isPageChanged(page: number): boolean {
    return this.#image.isPageChanged(page);
  }

  page(page: number): Uint8Array {
    return this.#image.page(page);
  }

  written(checkpoint: Version): void {
    this.#image.written(checkpoint);
    this.#release();
  }

  dropped(): void {
    this.#image.dropped();
    this.#release();
  }
}
