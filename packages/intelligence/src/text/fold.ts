import { ownCopy } from "./own-copy.js";

/** Marks that tell no words apart: first and last of each range. Vowel signs of Indic scripts do, and stay. */
const ACCENT_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x300, 0x36f], // of Latin, Greek and Cyrillic letters
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20ff],
  [0xfe20, 0xfe2f],
  [0x591, 0x5bd], // Hebrew points
  [0x5bf, 0x5bf],
  [0x5c1, 0x5c2],
  [0x5c4, 0x5c5],
  [0x5c7, 0x5c7],
  [0x610, 0x61a], // Arabic vowel signs, and stretching
  [0x640, 0x640],
  [0x64b, 0x65f],
  [0x670, 0x670],
  [0x6d6, 0x6dc],
  [0x6df, 0x6e4],
  [0x6e7, 0x6e8],
  [0x6ea, 0x6ed],
  [0xfe00, 0xfe0f], // variation selectors
  [0xe0100, 0xe01ef],
];
const ACCENTS: RegExp = new RegExp(
  `[${ACCENT_RANGES.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join("")}]`,
  "gu",
);
/** Words whose folding is remembered: most of a text are few, the characters of scripts without spaces above all. */
const FOLDED_MAX = 16_384;
const folded = new Map<string, string>();

/** Nothing but case to fold. */
const PLAIN = /^[a-z0-9]*$/i;
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
 * A word without case, diacritics, forms of presentation, apostrophes and an English "'s": "Élan's" is "elan", "Straße" is "strasse",
 * "ＡＢＣ" is "abc". Empty when nothing is left.
 *
 * @param surface of one word, well-formed.
 */
export function fold(surface: string): string {
  if (PLAIN.test(surface)) return surface.toLowerCase();
  let word = folded.get(surface);
  if (word === undefined) {
    word = foldAny(surface);
    if (folded.size === FOLDED_MAX) folded.clear();
    folded.set(ownCopy(surface), word);
  }
  return word;
}

function foldAny(surface: string): string {
  return surface
    .replace(POSSESSIVE, "")
    .normalize("NFKD")
    .toLowerCase()
    .replace(ACCENTS, "")
    .replace(SPECIAL_LETTERS, (letter) => LETTERS.get(letter)!)
    .replace(NOT_WRITTEN, "")
    .normalize("NFC");
}
