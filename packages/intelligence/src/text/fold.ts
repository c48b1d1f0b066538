/** Marks that tell no words apart: accents, Hebrew points, Arabic vowel signs and stretching, joiners. Vowel signs of Indic scripts do. */
const ACCENTS =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u{e0100}-\u{e01ef}\u0640]/gu;
const POSSESSIVE = /['\u2019\uff07\u02bc]s$/iu;
/** What compatibility decomposition brings in that is no letter, "(1)" for one, and apostrophes. */
const NOT_WRITTEN = /[^\p{L}\p{M}\p{N}]|\u02bc/gu;
/** Letters that decompose into nothing but are written as others where a keyboard lacks them. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ["ß", "ss"],
  ["æ", "ae"],
  ["œ", "oe"],
  ["ø", "o"],
  ["đ", "d"],
  ["ð", "d"],
  ["ł", "l"],
  ["þ", "th"],
  ["ħ", "h"],
  ["ı", "i"],
  ["ĸ", "k"],
  ["ŋ", "n"],
  ["ŧ", "t"],
  ["ς", "σ"],
]);
const SPECIAL_LETTERS: RegExp = new RegExp(`[${[...LETTERS.keys()].join("")}]`, "gu");

/**
 * A word without case, diacritics, forms of presentation, apostrophes and an English "'s": "Élan's" is "elan", "Straße" "strasse", "ＡＢＣ" "abc".
 * Empty when nothing is left.
 *
 * @param surface of one word, well-formed.
 */
export function fold(surface: string): string {
  return surface
    .replace(POSSESSIVE, "")
    .normalize("NFKD")
    .toLowerCase()
    .replace(ACCENTS, "")
    .replace(SPECIAL_LETTERS, (letter) => LETTERS.get(letter)!)
    .replace(NOT_WRITTEN, "")
    .normalize("NFC");
}
