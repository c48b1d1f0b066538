import { CharClass, charClassOf } from "./char-class.js";
import { fold } from "./fold.js";

/** UTF-16 units of a word that count: what a longer one has behind them is passed over, so that no blob of base64 becomes a term. */
export const WORD_LENGTH_MAX = 64;

/** What a token is. */
export const TokenKind = {
  /** A word between separators. */
  word: 0,
  /** Two neighbours in a script without spaces. */
  pair: 1,
  /** The last unit of a run of several in such a script: the token that closes its pairs. */
  last: 2,
  /** The only unit of a run in such a script. */
  single: 3,
} as const;

/**
 * Takes one token.
 *
 * @param word folded, not stemmed; never empty.
 * @param start of what is folded to it, UTF-16 units.
 * @returns `true` to see no more.
 */
export type TokenVisitor = (word: string, start: number, end: number, kind: number) => unknown;

/**
 * Takes a text apart into words: runs of letters, digits and marks, with apostrophes inside them. Where a script puts no spaces between its
 * words, every pair of neighbouring characters is a token, and the last character of the run is one more: a run of n characters has n tokens, so
 * that one character is found by what begins with it. Case, diacritics and forms of presentation are folded.
 *
 * The n-th token is at position n. Any string will do: halves of surrogate pairs separate words.
 */
export function tokenize(text: string, visit: TokenVisitor): void {
  const length = text.length;
  let at = 0;
  while (at < length) {
    const codePoint = text.codePointAt(at)!;
    const kind = charClassOf(codePoint);
    if (kind === CharClass.word) {
      const end = wordEnd(text, at);
      const word = foldWord(text, at, end);
      if (word !== "" && visit(word, at, end, TokenKind.word) === true) return;
      at = end;
    } else if (kind === CharClass.unspaced) {
      at = visitRun(text, at, visit);
      if (at < 0) return;
    } else {
      at += codePoint > 0xffff ? 2 : 1;
    }
  }
}

/** Where the word that begins at `start` ends. */
export function wordEnd(text: string, start: number): number {
  const length = text.length;
  let at = start;
  while (at < length) {
    const codePoint = text.codePointAt(at)!;
    const kind = charClassOf(codePoint);
    const size = codePoint > 0xffff ? 2 : 1;
    if (kind === CharClass.apostrophe) {
      if (at + size >= length || charClassOf(text.codePointAt(at + size)!) !== CharClass.word) break;
    } else if (kind !== CharClass.word && kind !== CharClass.mark) {
      break;
    }
    at += size;
  }
  return at;
}

/** A word of a text, folded: of what is longer than the longest, its beginning. */
export function foldWord(text: string, start: number, end: number): string {
  if (end - start <= WORD_LENGTH_MAX) return fold(text.slice(start, end));
  return cutWord(fold(cutWord(text.slice(start, start + WORD_LENGTH_MAX + 1))));
}

/** At most the longest length, and no half of a surrogate pair at its end. */
function cutWord(word: string): string {
  if (word.length <= WORD_LENGTH_MAX) return word;
  const last = word.charCodeAt(WORD_LENGTH_MAX - 1);
  return word.slice(0, last >= 0xd800 && last <= 0xdbff ? WORD_LENGTH_MAX - 1 : WORD_LENGTH_MAX);
}

/** The tokens of a run in a script without spaces. @returns where the run ends; -1 when no more is to be seen */
export function visitRun(text: string, start: number, visit: TokenVisitor): number {
  let previous = "";
  let previousStart = start;
  let previousEnd = start;
  let count = 0;
  let at = start;
  while (at < text.length && charClassOf(text.codePointAt(at)!) === CharClass.unspaced) {
    const end = unitEnd(text, at);
    const unit = foldWord(text, at, end);
    if (unit !== "") {
      if (previous !== "" && visit(previous + unit, previousStart, end, TokenKind.pair) === true) return -1;
      previous = unit;
      previousStart = at;
      previousEnd = end;
      count++;
    }
    at = end;
  }
  if (previous === "") return at;
  return visit(previous, previousStart, previousEnd, count > 1 ? TokenKind.last : TokenKind.single) === true ? -1 : at;
}

/** Where the character that begins at `start` ends, with the marks on it. */
export function unitEnd(text: string, start: number): number {
  let at = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
  while (at < text.length) {
    const codePoint = text.codePointAt(at)!;
    if (charClassOf(codePoint) !== CharClass.mark) break;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return at;
}
