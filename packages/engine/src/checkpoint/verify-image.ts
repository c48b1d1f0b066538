import { checkImageHeader, IMAGE_HEADER_SIZE, type ImageIdentity } from "./image-file.js";
import { isUnreadable, nameOfImage, readDirectory, readPage } from "./image-reader.js";
import type { ImageRow } from "./image-row.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** Something about an image that is not as it should be. The index is built anew then: nothing of the database is lost. */
export interface ImageProblem {
  readonly file: string;
  readonly offset: number | undefined;
  readonly what: string;
}

/** Reads all of an image, and holds it against what the catalogue says of it. Yields where a pause may be made. */
export function* verifyImage(
  library: SnapshotLibrary,
  identity: ImageIdentity,
  row: ImageRow,
): Generator<void, ImageProblem[], undefined> {
  const problems: ImageProblem[] = [];
  const attempt = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const { offset } = error.facts as { readonly offset?: number };
      problems.push({ file, offset, what: error.message });
      return undefined;
    }
  };
  for (const file of row.usage.keys()) {
    attempt(file, () => checkImageHeader(file, library.read(file, 0, IMAGE_HEADER_SIZE)));
    yield;
  }
  const directory = attempt(row.place.file, () => readDirectory(library, identity, row));
  if (directory === undefined) return problems;
  const usage = new Map([[row.place.file, row.place.length]]);
  for (const page of directory.pages) {
    if (page.length === 0) continue;
    usage.set(page.file, (usage.get(page.file) ?? 0) + page.length);
    attempt(page.file, () => readPage(library, identity, page));
    yield;
  }
  for (const [file, bytes] of row.usage) {
    const used = usage.get(file) ?? 0;
    // The first image of a file has its header too.
    if (bytes === used || bytes === used + IMAGE_HEADER_SIZE) continue;
    const what = `the catalogue counts ${bytes} bytes of ${nameOfImage(identity)} in it, whose pages take ${used}`;
    problems.push({ file, offset: undefined, what });
  }
  return problems;
}
