import { stemmer } from "stemmer";

const ENGLISH = /^[a-z]{3,}$/;

/**
 * The stem of an English word (Porter, "An algorithm for suffix stripping", 1980); any other word as it is.
 *
 * @param word folded.
 */
export function stem(word: string): string {
  return ENGLISH.test(word) ? stemmer(word) : word;
}
