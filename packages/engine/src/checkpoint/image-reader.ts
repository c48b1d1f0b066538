import { type CorruptionError, crc32, type IoError, type StateError, StrataError, type Version } from "@strata/core";
import type { SnapshotFile } from "@strata/durability";
import type { SavedImage } from "../derived-index.js";
import {
  checkImageHeader,
  damaged,
  decodeDirectory,
  IMAGE_HEADER_SIZE,
  type ImageDirectory,
  type ImageIdentity,
  type PagePlace,
} from "./image-file.js";
import type { ImageRow } from "./image-row.js";
import { isDamage } from "./segment-pool.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** What is said of an image in messages. */
export function nameOfImage({ run, index, name }: ImageIdentity): string {
  return `image "${name}" of index "${index}", run ${run}`;
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT`; StateError `FORMAT_TOO_NEW` */
export function readDirectory(library: SnapshotLibrary, identity: ImageIdentity, row: ImageRow): ImageDirectory {
  const { file, offset, length } = row.place;
  checkImageHeader(file, library.read(file, 0, IMAGE_HEADER_SIZE));
  const directory = decodeDirectory(library.read(file, offset, length), file, offset);
  const isIt =
    directory.run === identity.run &&
    directory.index === identity.index &&
    directory.name === identity.name &&
    directory.version === row.version;
  if (!isIt) throw damaged(`the directory of ${nameOfImage(identity)} is one of another image`, file, offset);
  return directory;
}

/** A page, as an array of its own. @throws CorruptionError `SNAPSHOT_CORRUPT` */
export function readPage(library: SnapshotLibrary, identity: ImageIdentity, place: PagePlace): Uint8Array {
  return readPageInto(() => library.files.open(place.file), identity, place, undefined);
}

/** The same from its open file, into `target` where there is one: what is given back is its beginning. */
function readPageInto(
  open: () => SnapshotFile,
  identity: ImageIdentity,
  { file, offset, length, crc }: PagePlace,
  target: Uint8Array | undefined,
): Uint8Array {
  if (length === 0) return new Uint8Array(0);
  const bytes = target?.subarray(0, length) ?? new Uint8Array(length);
  if (bytes.length < length) throw damaged(`a page of ${nameOfImage(identity)} is longer than a page`, file, offset);
  open().readInto(offset, bytes);
  if (crc32(bytes) !== crc) throw damaged(`a page of ${nameOfImage(identity)} is damaged`, file, offset);
  return bytes;
}

/** An image in its files. */
export class FiledImage implements SavedImage {
  readonly #library: SnapshotLibrary;
  readonly #directory: ImageDirectory;
  readonly #files = new Map<string, SnapshotFile>();

  /** @throws CorruptionError `SNAPSHOT_CORRUPT`; StateError `FORMAT_TOO_NEW` */
  constructor(library: SnapshotLibrary, identity: ImageIdentity, row: ImageRow) {
    this.#library = library;
    this.#directory = readDirectory(library, identity, row);
  }

  get run(): SavedImage["run"] {
    return this.#directory.run;
  }

  get name(): string {
    return this.#directory.name;
  }

  get version(): Version {
    return this.#directory.version;
  }

  get head(): Uint8Array {
    return this.#directory.head;
  }

  get pages(): number {
    return this.#directory.pages.length;
  }

  page(page: number, target?: Uint8Array): Uint8Array {
    const place = this.#directory.pages[page];
    if (place === undefined) throw damaged(`${nameOfImage(this.#directory)} has no page ${page}`, "", 0);
    return readPageInto(() => this.#open(place.file), this.#directory, place, target);
  }

  #open(name: string): SnapshotFile {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = this.#library.files.open(name);
      this.#files.set(name, file);
    }
    return file;
  }
}

/** Whether it says that an image cannot be read, and so is of no use. */
export function isUnreadable(error: unknown): error is CorruptionError | IoError | StateError {
  return isDamage(error) || StrataError.is(error, "FORMAT_TOO_NEW");
}
