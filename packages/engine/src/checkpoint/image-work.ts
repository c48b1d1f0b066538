import { assert, crc32, type Logger, type RunId, type Version } from "@strata/core";
import { type GivenImage, IMAGE_PAGE_BYTES, type IndexImage } from "../derived-index.js";
import type { Slices } from "../long-work.js";
import type { Catalogue, CatalogueChanges } from "./catalogue.js";
import { EMPTY_PAGE, encodeDirectory, IMAGE_HEADER_SIZE, type ImageIdentity, type PagePlace } from "./image-file.js";
import { isUnreadable, nameOfImage, readDirectory, readPage } from "./image-reader.js";
import { type ImageRow, liesIn } from "./image-row.js";
import type { SegmentDraft, SnapshotBatch } from "./snapshot-batch.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** What a checkpoint lends for its images. */
export interface ImageGround {
  readonly library: SnapshotLibrary;
  readonly catalogue: Catalogue;
  readonly changes: CatalogueChanges;
  readonly batch: SnapshotBatch;
  readonly version: Version;
  readonly slices: Slices;
  /** So many bytes more of a file are in use, or less. */
  readonly use: (file: string, bytes: number) => void;
}

/** An image as it is being written: where the pages lie that stay, and what those are that come. */
interface ImageContent {
  readonly version: Version;
  readonly head: Uint8Array;
  readonly pages: number;
  /** Where a page lies that stays; `undefined` for one that is written. */
  readonly kept: (page: number) => PagePlace | undefined;
  readonly read: (page: number) => Uint8Array;
}

/** Pages stay in a file unless the image has less than this many times what is written anyway in it, and in all that have less. */
const MERGE_FACTOR = 2;

/**
 * The images of indexes in a checkpoint in the making. Of an image, the pages are written that changed; others stay in the files of earlier
 * checkpoints. So that an image does not lie in ever more files, and files do not stay for a page of it, pages move on: those of the files
 * that hold least of it, as far as these are not much more than is written anyway; and those of files that are to be left.
 */
export class ImageWork {
  readonly #ground: ImageGround;
  /** Those that count once the checkpoint does. */
  readonly written: IndexImage[] = [];

  constructor(ground: ImageGround) {
    this.#ground = ground;
  }

  /**
   * @param given what the indexes have, as of the moment of the checkpoint.
   * @param vacated files that are to be left.
   */
  async write(given: readonly GivenImage[], vacated: ReadonlySet<string>, logger: Logger): Promise<void> {
    const { catalogue, changes, slices } = this.#ground;
    const seen = new Set<string>();
    for (const { index, image } of given) {
      const identity = { index, run: image.run, name: image.name };
      const key = nameOfImage(identity);
      assert(!seen.has(key), "an index gives an image once");
      seen.add(key);
      try {
        if (changes.hasRun(image.run, catalogue)) await this.#writeGiven(identity, image, vacated);
      } catch (error) {
        if (!(error instanceof PageFailure)) throw error;
        // The one before still counts.
        logger.log("error", "strata.index", `${key} could not be had`, { ...identity, cause: error.cause });
      }
      await slices.pause();
    }
    if (vacated.size === 0) return;
    for (const identity of catalogue.images()) {
      if (!seen.has(nameOfImage(identity))) await this.#move(identity, vacated, logger);
      await slices.pause();
    }
  }

  /** Images that go with their run. */
  forgetRun(run: RunId): void {
    for (const identity of this.#ground.catalogue.images(run)) this.#forget(identity);
  }

  async forgetAll(): Promise<void> {
    for (const identity of this.#ground.catalogue.images()) {
      this.#forget(identity);
      await this.#ground.slices.pause();
    }
  }

  async #writeGiven(identity: ImageIdentity, image: IndexImage, vacated: ReadonlySet<string>): Promise<void> {
    const row = this.#ground.catalogue.image(identity);
    const isBased = row !== undefined && row.version === image.base;
    if (isBased && !image.isChanged && !liesIn(row, vacated)) return;
    const places = isBased ? this.#placesOf(identity, row) : [];
    const isStale = (page: number) => places[page] === undefined || image.isPageChanged(page);
    let bytes = image.head.length;
    const kept = new Map<string, number>();
    for (let page = 0; page < image.pages; page++) {
      if (isStale(page)) bytes += IMAGE_PAGE_BYTES;
      else note(kept, places[page]!.file, places[page]!.length);
    }
    const left = new Set([...smallest(kept, bytes), ...vacated]);
    await this.#write(identity, row, {
      version: this.#ground.version,
      head: image.head,
      pages: image.pages,
      kept: (page) => (isStale(page) || left.has(places[page]!.file) ? undefined : places[page]),
      read: (page) => pageOf(image, page),
    });
    this.written.push(image);
  }

  /** Where the pages of an image lie; where that cannot be read, all of them are written. */
  #placesOf(identity: ImageIdentity, row: ImageRow): readonly PagePlace[] {
    try {
      return readDirectory(this.#ground.library, identity, row).pages;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return [];
    }
  }

  /** An image that no index has in memory leaves these files. */
  async #move(identity: ImageIdentity, vacated: ReadonlySet<string>, logger: Logger): Promise<void> {
    const { catalogue, library } = this.#ground;
    const row = catalogue.image(identity);
    if (row === undefined || !liesIn(row, vacated) || !this.#ground.changes.hasRun(identity.run, catalogue)) return;
    try {
      const { version, head, pages } = readDirectory(library, identity, row);
      await this.#write(identity, row, {
        version,
        head,
        pages: pages.length,
        kept: (page) => (vacated.has(pages[page]!.file) ? undefined : pages[page]),
        read: (page) => readPage(library, identity, pages[page]!),
      });
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const message = `${nameOfImage(identity)} cannot be read and is given up: the index is built anew`;
      logger.log("warn", "strata.checkpoint", message, { ...identity, cause: error });
      this.#forget(identity);
    }
  }

  async #write(identity: ImageIdentity, before: ImageRow | undefined, content: ImageContent): Promise<void> {
    const { batch, changes, slices, use } = this.#ground;
    const { version, head, pages } = content;
    const places: PagePlace[] = [];
    const usage = new Map<string, number>();
    let expected = head.length;
    for (let page = 0; page < pages; page++) {
      const kept = content.kept(page);
      places.push(kept ?? EMPTY_PAGE);
      if (kept === undefined) expected += IMAGE_PAGE_BYTES;
      else if (kept.length > 0) note(usage, kept.file, kept.length);
    }
    const draft = batch.beginImage(expected);
    const { file } = draft;
    // Also a file that nothing comes of is known, and goes.
    use(file, 0);
    const begin = draft.position;
    for (let page = 0; page < pages; page++) {
      if (content.kept(page) !== undefined) continue;
      places[page] = writePage(draft, content.read(page));
      await slices.pause();
    }
    const offset = draft.position;
    draft.write(encodeDirectory({ ...identity, version, head, pages: places }));
    const end = draft.position;
    // Whoever is the first in a file has its header too: else a file of which everything is in use would seem not to be.
    note(usage, file, end - (begin === IMAGE_HEADER_SIZE ? 0 : begin));
    for (const [name, bytes] of before?.usage ?? []) use(name, -bytes);
    for (const [name, bytes] of usage) use(name, bytes);
    changes.setImage(identity, { version, place: { file, offset, length: end - offset }, usage });
  }

  #forget(identity: ImageIdentity): void {
    const { catalogue, changes, use } = this.#ground;
    for (const [file, bytes] of catalogue.image(identity)?.usage ?? []) use(file, -bytes);
    changes.removeImage(identity);
  }
}

/** An index failed to say what a page holds: that is no failure of the checkpoint. */
class PageFailure extends Error {}

function pageOf(image: IndexImage, page: number): Uint8Array {
  try {
    const bytes = image.page(page);
    assert(bytes.length <= IMAGE_PAGE_BYTES, "a page of an image is no longer than a page");
    return bytes;
  } catch (cause) {
    throw new PageFailure("a page of an image could not be had", { cause });
  }
}

function writePage(draft: SegmentDraft, bytes: Uint8Array): PagePlace {
  if (bytes.length === 0) return EMPTY_PAGE;
  const place = { file: draft.file, offset: draft.position, length: bytes.length, crc: crc32(bytes) };
  draft.write(bytes);
  return place;
}

/** The files that hold least of an image, as long as each holds little more than all that is written by then. */
function smallest(bytesOf: ReadonlyMap<string, number>, written: number): string[] {
  const files: string[] = [];
  let size = written;
  for (const [file, bytes] of [...bytesOf].sort(([, a], [, b]) => a - b)) {
    if (bytes > MERGE_FACTOR * size) break;
    files.push(file);
    size += bytes;
  }
  return files;
}

function note(bytesOf: Map<string, number>, file: string, bytes: number): void {
  bytesOf.set(file, (bytesOf.get(file) ?? 0) + bytes);
}
