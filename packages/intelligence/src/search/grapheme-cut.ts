/**
 * Where a text may be cut: between what a reader takes for characters, never inside a surrogate pair, an accent over its letter, or an emoji
 * of several code points.
 */

/** Below it, and in the blocks of Chinese, Japanese and Korean, a unit joins no other: but a line feed its carriage return. */
const COMBINING_FIRST = 0x300;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const KANA_FIRST = 0x3041;
const KANA_LAST = 0x3096;
const HAN_FIRST = 0x4e00;
const HAN_LAST = 0x9fff;

/** Units on either side that decide about a boundary. A single character that is longer is cut as if it began there. */
const CONTEXT = 256;

let segmenter: Intl.Segmenter | undefined;

/** The nearest place at or before `at` where `text` may be cut. */
export function cutBefore(text: string, at: number): number {
  return isPlainCut(text, at) ? at : clusterAround(text, at).start;
}

/** The nearest place at or behind `at` where `text` may be cut. */
export function cutBehind(text: string, at: number): number {
  if (isPlainCut(text, at)) return at;
  const { start, end } = clusterAround(text, at);
  return start === at ? at : end;
}

/** Whether both neighbours of the cut are among the many characters that stand alone; false says nothing. */
function isPlainCut(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return true;
  const next = text.charCodeAt(at);
  if (!standsAlone(next)) return false;
  const previous = text.charCodeAt(at - 1);
  return standsAlone(previous) && !(previous === CARRIAGE_RETURN && next === LINE_FEED);
}

function standsAlone(unit: number): boolean {
  if (unit < COMBINING_FIRST) return true;
  return (unit >= HAN_FIRST && unit <= HAN_LAST) || (unit >= KANA_FIRST && unit <= KANA_LAST);
}

/** The character that the unit at `at` belongs to. */
function clusterAround(text: string, at: number): { start: number; end: number } {
  segmenter ??= new Intl.Segmenter("und", { granularity: "grapheme" });
  const from = contextStart(text, at);
  const found = segmenter.segment(text.slice(from, at + CONTEXT)).containing(at - from);
  if (found === undefined) return { start: at, end: at };
  return { start: from + found.index, end: from + found.index + found.segment.length };
}

/** A place where a character begins for certain, or the farthest that is looked at. */
function contextStart(text: string, at: number): number {
  const farthest = Math.max(0, at - CONTEXT);
  for (let start = at - 1; start > farthest; start--) if (isPlainCut(text, start)) return start;
  return farthest > 0 && isLowSurrogate(text.charCodeAt(farthest)) ? farthest - 1 : farthest;
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
