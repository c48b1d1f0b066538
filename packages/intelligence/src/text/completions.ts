import { stem } from "./stem.js";

/** What English words end with besides their stems. */
const ENDINGS: readonly string[] = [
  "",
  "s",
  "es",
  "ed",
  "ing",
  "er",
  "ers",
  "ly",
  "y",
  "ies",
  "ied",
  "ness",
  "ment",
  "ments",
  "al",
  "able",
  "ful",
  "ive",
  "ity",
  "ities",
  "ation",
  "ations",
  "ization",
  "izing",
  "ized",
  "ional",
];
/** Beginnings shorter than this are left as they are. */
const COMPLETED_LENGTH_MIN = 3;

/**
 * Stems that words beginning with `prefix` may have though the stems do not begin so: documents have "run" in place of "running", which "runni*"
 * is to find. They depend on nothing but the prefix.
 */
export function completedStems(prefix: string): ReadonlySet<string> {
  const stems = new Set<string>();
  if (prefix.length < COMPLETED_LENGTH_MIN) return stems;
  for (const ending of ENDINGS) {
    // What of the ending may be there already.
    for (let there = 0; there === 0 || there < ending.length; there++) {
      if (there > prefix.length - COMPLETED_LENGTH_MIN || !prefix.endsWith(ending.slice(0, there))) continue;
      const completed = stem(prefix + ending.slice(there));
      if (!completed.startsWith(prefix)) stems.add(completed);
    }
  }
  return stems;
}
