/**
 * Strings in the order of their code points, which is that of their UTF-8 bytes. JavaScript's `<` compares UTF-16 units,
 * where the surrogates of U+10000 and above sort before U+E000 to U+FFFF. Where neither string holds a surrogate both
 * orders are the same.
 */

const SURROGATES = 0xd800;
const BEHIND_SURROGATES = 0xe000;
const LOW_SURROGATES = 0xdc00;
const CODE_POINT_MAX = 0x10ffff;

/** Negative, 0 or positive. A surrogate without its other half sorts as a unit above all others. */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA === unitB) continue;
    if (unitA >= SURROGATES && unitB >= SURROGATES) return rotated(unitA) - rotated(unitB);
    return unitA - unitB;
  }
  return a.length - b.length;
}

// Surrogates behind U+E000..U+FFFF: they stand for code points above all of those.
function rotated(unit: number): number {
  return unit >= BEHIND_SURROGATES ? unit - 0x800 : unit + 0x2000;
}

// Without the u flag it matches units, and on text of one byte a character it fails at once.
const SURROGATE = /[\ud800-\udfff]/;

/** Whether the text has a surrogate, so that `<` may order it otherwise than by code point. */
export function hasSurrogates(text: string): boolean {
  return SURROGATE.test(text);
}

/**
 * The smallest string above all strings that begin with `prefix`, in code point order; `undefined` when there is none:
 * for "" and for repetitions of U+10FFFF. Compare with it by code point: it may have surrogates where `prefix` has none.
 */
export function prefixEnd(prefix: string): string | undefined {
  let end = prefix.length;
  while (end > 0) {
    const paired = end > 1 && isPair(prefix.charCodeAt(end - 2), prefix.charCodeAt(end - 1));
    const start = paired ? end - 2 : end - 1;
    const next = successor(prefix.codePointAt(start)!);
    if (next !== undefined) return prefix.slice(0, start) + next;
    end = start;
  }
  return undefined;
}

/** The string of one code point, or one lone surrogate, next above `point`. */
function successor(point: number): string | undefined {
  if (point === CODE_POINT_MAX) return undefined;
  if (point === SURROGATES - 1) return String.fromCharCode(BEHIND_SURROGATES);
  // A lone surrogate: the order has no unit above the last of them.
  if (point === BEHIND_SURROGATES - 1) return undefined;
  return String.fromCodePoint(point + 1);
}

function isPair(high: number, low: number): boolean {
  return (high & 0xfc00) === SURROGATES && (low & 0xfc00) === LOW_SURROGATES;
}
