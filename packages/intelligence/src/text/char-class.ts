/** What a code point is to the tokenizer. */
export const CharClass = {
  /** Ends a word: white space, punctuation, symbols, controls, halves of surrogate pairs. */
  separator: 1,
  /** A letter or digit of a script that puts spaces between its words. */
  word: 2,
  /** Belongs to what it follows: a combining mark, a joiner. */
  mark: 3,
  /** Joins two letters and is not written: the apostrophe of "don't". */
  apostrophe: 4,
  /** A letter or digit of a script without spaces between its words. */
  unspaced: 5,
} as const;

const WORD = /^[\p{L}\p{N}]$/u;
const MARK = /^\p{M}$/u;
/** Scripts written without spaces, and Hangul, whose words carry their grammar at their ends. */
const UNSPACED =
  /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}\p{scx=Yi}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tai_Le}\p{scx=New_Tai_Lue}\p{scx=Tai_Tham}\p{scx=Tai_Viet}]$/u;

/** Beyond these planes nothing is written. */
const CODE_POINTS = 0x40000;
/** 0: not asked for yet. */
const classes = new Uint8Array(CODE_POINTS);

/** Of any code point, halves of surrogate pairs included. */
export function charClassOf(codePoint: number): number {
  if (codePoint >= CODE_POINTS) return isVariationSelector(codePoint) ? CharClass.mark : CharClass.separator;
  const known = classes[codePoint]!;
  if (known !== 0) return known;
  const found = classify(codePoint);
  classes[codePoint] = found;
  return found;
}

function classify(codePoint: number): number {
  if (codePoint === 0x27 || codePoint === 0x2019 || codePoint === 0xff07 || codePoint === 0x02bc) {
    return CharClass.apostrophe;
  }
  if (isIgnorable(codePoint) || isTrailingPart(codePoint)) return CharClass.mark;
  if (isFraction(codePoint)) return CharClass.separator;
  const char = String.fromCodePoint(codePoint);
  if (WORD.test(char)) return UNSPACED.test(char) ? CharClass.unspaced : CharClass.word;
  return MARK.test(char) ? CharClass.mark : CharClass.separator;
}

/** Soft hyphen, joiners, word joiner. */
function isIgnorable(codePoint: number): boolean {
  return codePoint === 0xad || codePoint === 0x200c || codePoint === 0x200d || codePoint === 0x2060;
}

/** Vowels and finals of a Hangul syllable that is written in parts, and the halfwidth voicing signs of Katakana: letters by category. */
function isTrailingPart(codePoint: number): boolean {
  if (codePoint < 0x1160) return false;
  return (
    codePoint <= 0x11ff || (codePoint >= 0xd7b0 && codePoint <= 0xd7ff) || codePoint === 0xff9e || codePoint === 0xff9f
  );
}

/** "½" is no 12. */
function isFraction(codePoint: number): boolean {
  return (
    (codePoint >= 0xbc && codePoint <= 0xbe) || (codePoint >= 0x2150 && codePoint <= 0x215f) || codePoint === 0x2189
  );
}

function isVariationSelector(codePoint: number): boolean {
  return codePoint >= 0xe0100 && codePoint <= 0xe01ef;
}
