import { completedStems } from "./completions.js";
import { codePointsOf, editDistance, FUZZY_LENGTH_MAX } from "./edit-distance.js";
import { type Query, type QueryClause, termOf } from "./query.js";
import { TokenKind, tokenize, unitEnd } from "./tokenize.js";

/** [start, end) in UTF-16 units. */
export type TextRange = readonly [start: number, end: number];

/** Whether a term is one of those that a word of the query stands for. */
type TermTest = (term: string) => boolean;

interface Phrase {
  readonly tests: readonly TermTest[];
  readonly offsets: readonly number[];
  /** Whether its last word stands for all that begin so. */
  readonly endsBegun: boolean;
}

/** Words of texts of which it is remembered whether they match. */
const WORDS_MAX = 4096;

/**
 * Finds the words of one query in texts: all that a clause asks for, or a phrase as a whole; what must not be there is not looked for. A prefix or a
 * misspelling matches every word that fits, however many, while of an index it takes the best terms only.
 */
export class TextMatcher {
  readonly #withStems: boolean;
  readonly #terms = new Set<string>();
  readonly #tests: TermTest[] = [];
  readonly #phrases: Phrase[] = [];
  /** By folded word. */
  readonly #known = new Map<string, boolean>();

  constructor(query: Query, withStems: boolean) {
    this.#withStems = withStems;
    for (const clause of query.clauses) if (clause.occurrence !== "mustNot") this.#add(clause);
  }

  /** Where words of the query stand in `text`: ascending, neither overlapping nor touching, the first `limit` of them. */
  matches(text: string, limit: number = Number.POSITIVE_INFINITY): TextRange[] {
    return this.#phrases.length === 0 ? this.#wordMatches(text, limit) : this.#allMatches(text).slice(0, limit);
  }

  #add(clause: QueryClause): void {
    switch (clause.kind) {
      case "word":
        this.#terms.add(termOf(clause.word, this.#withStems));
        break;
      case "prefix":
        this.#tests.push(prefixTest(clause.word, this.#withStems));
        break;
      case "fuzzy":
        this.#tests.push(fuzzyTest(clause.word, clause.distance, this.#withStems));
        break;
      case "phrase":
        this.#phrases.push({
          tests: clause.words.map(({ word, isPrefix }) => {
            if (isPrefix) return prefixTest(word, this.#withStems);
            const wanted = termOf(word, this.#withStems);
            return (term) => term === wanted;
          }),
          offsets: clause.words.map(({ offset }) => offset),
          endsBegun: clause.words.at(-1)!.isPrefix,
        });
    }
  }

  #wordMatches(text: string, limit: number): TextRange[] {
    const ranges: [number, number][] = [];
    tokenize(text, (word, start, end, kind) => {
      if (this.#isMatch(word)) append(ranges, start, this.#matchEnd(text, word, start, end, kind));
      // One more than asked for: until then the last one may grow.
      return ranges.length > limit;
    });
    return ranges.slice(0, limit);
  }

  #allMatches(text: string): TextRange[] {
    const found: [number, number][] = [];
    const terms: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const begunEnds: number[] = [];
    tokenize(text, (word, start, end, kind) => {
      if (this.#isMatch(word)) found.push([start, this.#matchEnd(text, word, start, end, kind)]);
      terms.push(termOf(word, this.#withStems));
      starts.push(start);
      ends.push(end);
      begunEnds.push(kind === TokenKind.pair ? unitEnd(text, start) : end);
    });
    for (const { tests, offsets, endsBegun } of this.#phrases) {
      const span = offsets.at(-1)!;
      const phraseEnds = endsBegun ? begunEnds : ends;
      for (let at = 0; at + span < terms.length; at++) {
        if (!tests.every((test, word) => test(terms[at + offsets[word]!]!))) continue;
        found.push([starts[at]!, phraseEnds[at + span]!]);
      }
    }
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const ranges: [number, number][] = [];
    for (const [start, end] of found) append(ranges, start, end);
    return ranges;
  }

  /** Of a pair that is found by how it begins only the first character is: `東` finds "東京". */
  #matchEnd(text: string, word: string, start: number, end: number, kind: number): number {
    return kind === TokenKind.pair && !this.#terms.has(word) ? unitEnd(text, start) : end;
  }

  #isMatch(word: string): boolean {
    let known = this.#known.get(word);
    if (known === undefined) {
      const term = termOf(word, this.#withStems);
      known = this.#terms.has(term) || this.#tests.some((test) => test(term));
      if (this.#known.size === WORDS_MAX) this.#known.clear();
      this.#known.set(word, known);
    }
    return known;
  }
}

/** Adds a range that begins no earlier than the last one, or makes the last one longer. */
function append(ranges: [number, number][], start: number, end: number): void {
  const last = ranges.at(-1);
  if (last === undefined || last[1] < start) ranges.push([start, end]);
  else if (last[1] < end) last[1] = end;
}

function prefixTest(prefix: string, withStems: boolean): TermTest {
  const completed = withStems ? completedStems(prefix) : undefined;
  return (term) => term.startsWith(prefix) || completed?.has(term) === true;
}

function fuzzyTest(word: string, distance: number, withStems: boolean): TermTest {
  const patterns = [...new Set([word, termOf(word, withStems)])].map((pattern) => {
    const letters = new Uint32Array(FUZZY_LENGTH_MAX);
    return { letters, length: codePointsOf(pattern, letters) };
  });
  const comparable = patterns.filter(({ length }) => length <= FUZZY_LENGTH_MAX);
  const candidate = new Uint32Array(FUZZY_LENGTH_MAX);
  return (term) => {
    const length = codePointsOf(term, candidate);
    if (length > FUZZY_LENGTH_MAX) return false;
    return comparable.some(
      (pattern) => editDistance(pattern.letters, pattern.length, candidate, length, distance) <= distance,
    );
  };
}
