/** Longer words are no candidates for typing errors. Code points. */
export const FUZZY_LENGTH_MAX = 64;

const WIDTH = FUZZY_LENGTH_MAX + 1;
const rows: readonly Int32Array[] = [new Int32Array(WIDTH), new Int32Array(WIDTH), new Int32Array(WIDTH)];

/**
 * How many letters must be put in, left out, exchanged for another or for their neighbour, no stretch twice, to make `b` of `a` (optimal string
 * alignment; Damerau, "A technique for computer detection and correction of spelling errors", 1964).
 *
 * @returns any number above `max` when it is above it.
 */
export function editDistance(a: Uint32Array, aLength: number, b: Uint32Array, bLength: number, max: number): number {
  if (Math.abs(aLength - bLength) > max) return max + 1;
  let before = rows[0]!;
  let above = rows[1]!;
  let row = rows[2]!;
  for (let at = 0; at <= bLength; at++) above[at] = at;
  for (let i = 1; i <= aLength; i++) {
    // What is further from the diagonal than `max` is above it.
    const from = Math.max(1, i - max);
    const to = Math.min(bLength, i + max);
    row[from - 1] = from === 1 ? i : max + 1;
    let least = row[from - 1]!;
    const letter = a[i - 1]!;
    for (let j = from; j <= to; j++) {
      const other = b[j - 1]!;
      let distance = above[j - 1]! + (letter === other ? 0 : 1);
      const left = row[j - 1]! + 1;
      if (left < distance) distance = left;
      const up = j <= i - 1 + max ? above[j]! + 1 : max + 1;
      if (up < distance) distance = up;
      if (i > 1 && j > 1 && letter === b[j - 2] && a[i - 2] === other) {
        const turned = before[j - 2]! + 1;
        if (turned < distance) distance = turned;
      }
      row[j] = distance;
      if (distance < least) least = distance;
    }
    if (least > max) return max + 1;
    const free = before;
    before = above;
    above = row;
    row = free;
  }
  return above[bLength]!;
}

/** The code points of a word. @returns how many; `into.length + 1` when they do not fit */
export function codePointsOf(word: string, into: Uint32Array): number {
  let count = 0;
  for (const char of word) {
    if (count === into.length) return count + 1;
    into[count++] = char.codePointAt(0)!;
  }
  return count;
}
