import type { TextRange } from "../text/text-matcher.js";
import { cutBefore, cutBehind } from "./grapheme-cut.js";

/** UTF-16 units of the longest snippet. */
export const SNIPPET_LENGTH = 100;

/** How far an edge of a snippet moves so as not to cut a word. */
const WORD_MARGIN = 20;
/** Beginnings of words that turn out to be other words, before a text is left to the tokenizer. */
const ATTEMPTS = 8;
/** Units of each text that are looked through word by word. */
const LOOKED_THROUGH = 65_536;
/** Units around a snippet that tell whether a word at its edge is whole. */
const EDGE_CONTEXT = 64;

/** Finds the words of one query in texts. */
export interface WordFinder {
  /** What the words to show begin with, folded, the most telling first. A word that begins so need not match, nor one that matches begin so. */
  readonly beginnings: readonly string[];
  /** Words of which it is known that they match, in small letters. */
  readonly words: ReadonlySet<string>;
  /** Where words in `text` match the query: ascending, apart from each other, at most `limit` of them. */
  matches(text: string, limit?: number): readonly TextRange[];
}

/** A piece of a text, and what of it matched. */
export interface Snippet {
  readonly text: string;
  /** Offsets into `text`; empty unless they were asked for. */
  readonly highlights: readonly TextRange[];
}

/**
 * A piece of the first of `texts` that has a word of the query, around that word; the beginning of the longest text when none has.
 *
 * The word is looked for as it is typed, which the runtime does in a fraction of a microsecond, and by the tokenizer only where that fails.
 */
export function snippetOf(texts: readonly string[], finder: WordFinder, withHighlights: boolean): Snippet {
  const piece = pieceWith(texts, finder, withHighlights);
  if (piece !== undefined) return piece;
  for (const text of texts) {
    const [first] = finder.matches(text.length > LOOKED_THROUGH ? text.slice(0, LOOKED_THROUGH) : text, 1);
    if (first !== undefined) return around(text, first, finder, withHighlights);
  }
  return around(longestOf(texts), [0, 0], finder, withHighlights);
}

function longestOf(texts: readonly string[]): string {
  let longest = "";
  for (const text of texts) if (text.length > longest.length) longest = text;
  return longest;
}

/** A piece of the first text that has the most telling word of those that are found, around that word. */
function pieceWith(texts: readonly string[], finder: WordFinder, withHighlights: boolean): Snippet | undefined {
  const small: string[] = [];
  for (const beginning of finder.beginnings) {
    for (const [position, text] of texts.entries()) {
      // Most words are written in small letters already.
      let found = findBeginning(text, text, beginning, finder);
      if (found === undefined) {
        small[position] ??= inSmallLetters(text);
        if (small[position] !== text) found = findBeginning(text, small[position], beginning, finder);
      }
      if (found !== undefined) return around(text, found, finder, withHighlights);
    }
  }
  return undefined;
}

/** The text with the same offsets, in small letters where that is done soon. */
function inSmallLetters(text: string): string {
  if (text.length > LOOKED_THROUGH) return text;
  const lowered = text.toLowerCase();
  // A few letters change their length with their case, and all offsets behind them.
  return lowered.length === text.length ? lowered : text;
}

/** The first word of `text` that begins so and matches. @param seen the text as it is, or in small letters. */
function findBeginning(text: string, seen: string, beginning: string, finder: WordFinder): TextRange | undefined {
  let from = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const start = seen.indexOf(beginning, from);
    if (start < 0) return undefined;
    from = start + beginning.length;
    if (start > 0 && isWordUnit(seen.charCodeAt(start - 1))) continue;
    let end = from;
    while (end < seen.length && isWordUnit(seen.charCodeAt(end))) end++;
    if (finder.words.has(seen.slice(start, end)) || finder.matches(text.slice(start, end), 1).length > 0) {
      return [start, end];
    }
    from = end;
  }
  return undefined;
}

/** The snippet of `text` with `word` in its middle. */
function around(text: string, word: TextRange, finder: WordFinder, withHighlights: boolean): Snippet {
  const [start, end] = windowAround(text, word);
  const highlights = withHighlights ? highlightsIn(text, start, end, finder) : [];
  return { text: text.slice(start, end), highlights };
}

function windowAround(text: string, [wordStart, wordEnd]: TextRange): TextRange {
  if (text.length <= SNIPPET_LENGTH) return [0, text.length];
  const spare = Math.max(0, SNIPPET_LENGTH - (wordEnd - wordStart));
  let start = Math.max(0, wordStart - (spare >> 1));
  let end = Math.min(text.length, start + SNIPPET_LENGTH);
  start = Math.max(0, end - SNIPPET_LENGTH);
  if (start > wordStart) start = wordStart;
  start = wordEdgeBehind(text, start, wordStart);
  end = wordEdgeBefore(text, end, wordEnd);
  return [cutBehind(text, start), cutBefore(text, end)];
}

/** The beginning of the next word behind `at`, unless that is far or beyond `limit`. */
function wordEdgeBehind(text: string, at: number, limit: number): number {
  if (at === 0) return 0;
  const last = Math.min(limit, at + WORD_MARGIN);
  for (let edge = at; edge <= last; edge++) {
    if (isSpace(text.charCodeAt(edge - 1)) && !isSpace(text.charCodeAt(edge))) return edge;
  }
  return at;
}

/** The end of the last word before `at`, unless that is far or before `limit`. */
function wordEdgeBefore(text: string, at: number, limit: number): number {
  if (at === text.length) return at;
  const last = Math.max(limit, at - WORD_MARGIN);
  for (let edge = at; edge >= last && edge > 0; edge--) {
    if (isSpace(text.charCodeAt(edge)) && !isSpace(text.charCodeAt(edge - 1))) return edge;
  }
  return at;
}

/** What matches between `start` and `end`, seen with its surroundings: half a word may look like another one. */
function highlightsIn(text: string, start: number, end: number, finder: WordFinder): TextRange[] {
  const from = cutBefore(text, Math.max(0, start - EDGE_CONTEXT));
  const seen = text.slice(from, end + EDGE_CONTEXT);
  const highlights: TextRange[] = [];
  for (const [matchStart, matchEnd] of finder.matches(seen)) {
    const inside: TextRange = [matchStart + from - start, matchEnd + from - start];
    if (inside[0] >= 0 && inside[1] <= end - start) highlights.push(inside);
  }
  return highlights;
}

function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13) || unit === 0xa0 || unit === 0x3000;
}

/** Whether the unit may continue a word: of others than ASCII the tokenizer decides. */
function isWordUnit(unit: number): boolean {
  if (unit >= 0x80) return true;
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) || unit === 39;
}
