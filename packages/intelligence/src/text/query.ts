import { ownCopy } from "./own-copy.js";
import { stem } from "./stem.js";
import { TokenKind, tokenize } from "./tokenize.js";

/** UTF-16 units of a query that are read: what follows is passed over. */
export const QUERY_LENGTH_MAX = 65_536;
/** Words of a query that are looked for, those of its phrases included: what follows is passed over. */
export const QUERY_WORDS_MAX = 256;
/** As so many words counts one that stands for others, `begin*` or `nearly~`: it takes that much longer to find. */
export const EXPANDED_WORDS = 8;
/** And one in a phrase, where the positions of all that it stands for are compared. */
const EXPANDED_PHRASE_WORDS = 32;

/**
 * What a clause asks of a document: of clauses that `should` be met at least one is, when there is none that `must` be; each that is met adds to the
 * score.
 */
export type Occurrence = "should" | "must" | "mustNot";

/** A word of a phrase. */
export interface PhraseWord {
  /** Folded, not stemmed. */
  readonly word: string;
  /** Tokens behind the phrase's first one. */
  readonly offset: number;
  /** Whether it stands for every word that begins so. */
  readonly isPrefix: boolean;
}

export type QueryClause =
  | { readonly kind: "word"; readonly occurrence: Occurrence; readonly word: string }
  | { readonly kind: "prefix"; readonly occurrence: Occurrence; readonly word: string }
  | { readonly kind: "fuzzy"; readonly occurrence: Occurrence; readonly word: string; readonly distance: number }
  /** Two words or more. */
  | { readonly kind: "phrase"; readonly occurrence: Occurrence; readonly words: readonly PhraseWord[] };

export interface Query {
  /** In the order in which they are written, none twice. */
  readonly clauses: readonly QueryClause[];
  /** Whether it was too long, so that its end was passed over. */
  readonly isCut: boolean;
}

/** White space, a sign, a phrase that ends, or anything else up to white space or a phrase. */
const ITEM = /(?:(?<=^|\s)([+-])[+-]*)?(?:"([^"]*)"|([^\s"]+))/gu;
/** What may follow a word: `*`, or `~` and a distance. */
const SUFFIX = /^(?:\*|~([0-2]?))(?![\p{L}\p{N}])/u;

/**
 * Reads a query; any string is one.
 *
 * Words are looked for one by one, and documents with more and rarer ones come first. `+word` must be there, `-word` must not; `"two words"`
 * are looked for next to each other; `begin*` stands for words that begin so, `word~` for words that are written nearly so (`~1`, `~2`: at most that
 * many letters differ; without a number, one for words of up to five letters and two for longer ones). A sign in front of several words without
 * white space between them, `-foo.bar`, takes them as a phrase. A quotation mark without its partner means nothing.
 */
export function parseQuery(text: string): Query {
  const builder = new QueryBuilder();
  const read = text.length > QUERY_LENGTH_MAX ? beginningOf(text) : text;
  for (const [, sign, phrase, item] of read.matchAll(ITEM)) {
    const occurrence = sign === "+" ? "must" : sign === "-" ? "mustNot" : "should";
    if (phrase !== undefined) builder.addPhrase(occurrence, phraseWords(phrase));
    else builder.addItem(occurrence, item!);
    if (builder.isFull) break;
  }
  return { clauses: builder.clauses, isCut: builder.isFull || read !== text };
}

/** What is read of a long query: whole words, if it has any spaces. */
function beginningOf(text: string): string {
  const end = text.lastIndexOf(" ", QUERY_LENGTH_MAX);
  return text.slice(0, end > 0 ? end : QUERY_LENGTH_MAX);
}

class QueryBuilder {
  readonly clauses: QueryClause[] = [];
  isFull = false;
  readonly #seen = new Set<string>();
  #words = 0;

  /** Something without white space. */
  addItem(occurrence: Occurrence, item: string): void {
    const clauses = itemClauses(occurrence, item);
    if (clauses.length > 1 && occurrence !== "should") this.addPhrase(occurrence, phraseWords(item));
    else for (const clause of clauses) if (!this.isFull) this.#add(clause);
  }

  addPhrase(occurrence: Occurrence, words: readonly PhraseWord[]): void {
    const [first] = words;
    if (first === undefined) return;
    if (words.length === 1) {
      this.#add({ kind: first.isPrefix ? "prefix" : "word", occurrence, word: first.word });
      return;
    }
    const fitting = this.#beginning(words);
    if (fitting.length < words.length) this.isFull = true;
    if (fitting.length > 1) this.#add({ kind: "phrase", occurrence, words: fitting });
  }

  /** As many words of a phrase as there is room for. */
  #beginning(words: readonly PhraseWord[]): readonly PhraseWord[] {
    let weight = this.#words;
    const end = words.findIndex((word) => {
      weight += phraseWordWeight(word);
      return weight > QUERY_WORDS_MAX;
    });
    return end < 0 ? words : words.slice(0, end);
  }

  #add(clause: QueryClause): void {
    const identity = JSON.stringify(clause);
    if (this.#seen.has(identity)) return;
    const weight = weightOf(clause);
    if (this.#words + weight > QUERY_WORDS_MAX) {
      this.isFull = true;
      return;
    }
    this.#words += weight;
    this.#seen.add(identity);
    this.clauses.push(clause);
  }
}

/** As how many words a clause counts. */
function weightOf(clause: QueryClause): number {
  switch (clause.kind) {
    case "word":
      return 1;
    case "prefix":
    case "fuzzy":
      return EXPANDED_WORDS;
    case "phrase":
      return clause.words.reduce((sum, word) => sum + phraseWordWeight(word), 0);
  }
}

function phraseWordWeight({ isPrefix }: PhraseWord): number {
  return isPrefix ? EXPANDED_PHRASE_WORDS : 1;
}

function itemClauses(occurrence: Occurrence, item: string): QueryClause[] {
  const clauses: QueryClause[] = [];
  // What lies before belongs to a word before: the distance of "word~2".
  let from = 0;
  tokenize(item, (word, start, end, kind) => {
    if (clauses.length > QUERY_WORDS_MAX) return true;
    if (start < from) return false;
    const suffix = kind === TokenKind.pair ? null : SUFFIX.exec(item.slice(end, end + 3));
    if (suffix?.[0] === "*") {
      clauses.push({ kind: "prefix", occurrence, word });
    } else if (suffix !== null && kind === TokenKind.word) {
      from = end + suffix[0].length;
      const distance = suffix[1] === "" ? usualDistance(word) : Number(suffix[1]);
      clauses.push(distance === 0 ? { kind: "word", occurrence, word } : { kind: "fuzzy", occurrence, word, distance });
    } else if (kind !== TokenKind.last) {
      clauses.push({ kind: kind === TokenKind.single ? "prefix" : "word", occurrence, word });
    }
    return false;
  });
  return clauses;
}

function usualDistance(word: string): number {
  return word.length <= 2 ? 0 : word.length <= 5 ? 1 : 2;
}

/** The words of a phrase: the closing token of a run says nothing that its pairs do not say. */
function phraseWords(text: string): PhraseWord[] {
  const words: PhraseWord[] = [];
  let position = 0;
  let first = 0;
  tokenize(text, (word, _start, end, kind) => {
    const at = position++;
    if (words.length > QUERY_WORDS_MAX) return true;
    const isPrefix = kind === TokenKind.single || (kind !== TokenKind.pair && text[end] === "*");
    if (kind === TokenKind.last && !isPrefix) return false;
    if (words.length === 0) first = at;
    words.push({ word, offset: at - first, isPrefix });
    return false;
  });
  return words;
}

/** Words whose stems are remembered: the same ones are asked for again. */
const STEMS_MAX = 4096;
const stems = new Map<string, string>();

/** The term that documents have in place of a folded word. */
export function termOf(word: string, withStems: boolean): string {
  if (!withStems) return word;
  let known = stems.get(word);
  if (known === undefined) {
    known = ownCopy(stem(word));
    if (stems.size === STEMS_MAX) stems.clear();
    stems.set(ownCopy(word), known);
  }
  return known;
}
