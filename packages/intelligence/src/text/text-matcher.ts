import { type Query, termOf } from "./query.js";
import { tokenize } from "./tokenize.js";

/** [start, end) in UTF-16 units. */
export type MatchRange = readonly [start: number, end: number];

/** Finds the words of one query in texts. */
export class TextMatcher {
  readonly #terms: Set<string>;
  readonly #withStems: boolean;

  constructor(query: Query, withStems: boolean) {
    this.#withStems = withStems;
    this.#terms = new Set(
      query.clauses.flatMap((clause) =>
        clause.kind === "phrase" || clause.occurrence === "mustNot" ? [] : [termOf(clause.word, withStems)],
      ),
    );
  }

  /** Where words of the query stand in `text`: ascending, apart from each other, at most `limit` of them. */
  matches(text: string, limit: number = Number.POSITIVE_INFINITY): MatchRange[] {
    const ranges: MatchRange[] = [];
    tokenize(text, (word, start, end) => {
      if (ranges.length < limit && this.#terms.has(termOf(word, this.#withStems))) ranges.push([start, end]);
    });
    return ranges;
  }
}

/** Where words of `query` stand in `text`. */
export function matches(text: string, query: Query, withStems: boolean = true): MatchRange[] {
  return new TextMatcher(query, withStems).matches(text);
}
