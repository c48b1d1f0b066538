import type { Catalogue } from "./catalogue.js";

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
