import { type Query, termOf } from "../text/query.js";
import { TextMatcher, type TextRange } from "../text/text-matcher.js";
import type { WordFinder } from "./snippet.js";

/** The words of a query as snippets look for them. */
export class QueryWords implements WordFinder {
  readonly beginnings: readonly string[];
  readonly words: ReadonlySet<string>;
  readonly #matcher: TextMatcher;

  constructor(query: Query, withStems: boolean) {
    const beginnings = new Set<string>();
    const words = new Set<string>();
    for (const clause of query.clauses) {
      if (clause.occurrence === "mustNot") continue;
      if (clause.kind === "phrase") {
        beginnings.add(beginningOf(clause.words[0]!.word, withStems));
      } else if (clause.kind !== "fuzzy") {
        beginnings.add(beginningOf(clause.word, withStems && clause.kind === "word"));
        words.add(clause.word);
      }
    }
    // Longer words are rarer, and tell more.
    this.beginnings = [...beginnings].sort((a, b) => b.length - a.length);
    this.words = words;
    this.#matcher = new TextMatcher(query, withStems);
  }

  matches(text: string, limit?: number): readonly TextRange[] {
    return this.#matcher.matches(text, limit);
  }
}

/** What all forms of a word begin with: "stud" of "study" and "studies". */
function beginningOf(word: string, withStems: boolean): string {
  if (!withStems) return word;
  const term = termOf(word, true);
  let length = 0;
  while (length < term.length && term.charCodeAt(length) === word.charCodeAt(length)) length++;
  return length === term.length && term.endsWith("i") ? term.slice(0, -1) : word.slice(0, length);
}
