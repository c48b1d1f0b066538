import type { RunId } from "@strata/core";
import type { Slices } from "../long-work.js";
import type { Catalogue } from "./catalogue.js";
import { liesIn } from "./image-row.js";

/** A file is wasteful when less than this part of it is in use. */
const USED_LEAST = 1 / 2;
/** So much may be unused before anything is done about it. Bytes. */
const WASTE_ALLOWED = 1024 * 1024;

/** The files of which little is in use: several runs share them, and most of these were written anew elsewhere or are gone. */
export function wastefulFiles(catalogue: Catalogue): ReadonlySet<string> {
  const wasteful = new Set<string>();
  for (const name of catalogue.files()) {
    const file = catalogue.file(name);
    if (file !== undefined && file.live < file.bytes * USED_LEAST) wasteful.add(name);
  }
  return wasteful;
}

/** Whether more of the files is unused than in use. */
export function isMostlyWaste(catalogue: Catalogue): boolean {
  let waste = -WASTE_ALLOWED;
  for (const name of catalogue.files()) {
    const file = catalogue.file(name);
    if (file !== undefined) waste += file.bytes - 2 * file.live;
  }
  return waste > 0;
}

/** The runs of which a segment lies in one of these files. */
export async function runsIn(files: ReadonlySet<string>, catalogue: Catalogue, slices: Slices): Promise<RunId[]> {
  const numbers: RunId[] = [];
  if (files.size === 0) return numbers;
  for (const number of catalogue.runs()) {
    if (catalogue.run(number)?.places.some(({ file }) => files.has(file)) === true) numbers.push(number);
    await slices.pause();
  }
  return numbers;
}

/** Whether something of an image of an index lies in one of these files. */
export async function hasImagesIn(files: ReadonlySet<string>, catalogue: Catalogue, slices: Slices): Promise<boolean> {
  if (files.size === 0) return false;
  for (const identity of catalogue.images()) {
    const row = catalogue.image(identity);
    if (row !== undefined && liesIn(row, files)) return true;
    await slices.pause();
  }
  return false;
}
