import { completedStems } from "../src/text/completions.js";
import { FIELD_GAP } from "../src/text/inverted-index.js";
import type { Query, QueryClause } from "../src/text/query.js";
import { stem } from "../src/text/stem.js";
import { tokenize } from "../src/text/tokenize.js";

/** A document that a reader sees. */
export interface NaiveDocument {
  readonly id: string;
  readonly fields: readonly string[];
}

export interface NaiveHit {
  readonly id: string;
  readonly score: number;
}

/** Terms of a document by position. */
type Tokens = ReadonlyMap<number, string>;

const EXPANSIONS = 64;

/**
 * BM25 over documents one by one, as `TextScorer` promises it: every document that the query finds, the best first, equal ones in order of id.
 */
export function naiveTextSearch(
  documents: readonly NaiveDocument[],
  query: Query,
  { k1, b, stems }: { readonly k1: number; readonly b: number; readonly stems: boolean },
): NaiveHit[] {
  const tokens = new Map(documents.map(({ id, fields }) => [id, tokensOf(fields, stems)]));
  const average = [...tokens.values()].reduce((sum, of) => sum + of.size, 0) / Math.max(1, documents.length);
  const corpus = [...tokens.values()];
  const clauses = distinct(query.clauses, stems).map((clause) => ({ clause, ...measured(clause, corpus, stems) }));
  const hits: NaiveHit[] = [];
  for (const { id } of documents) {
    const of = tokens.get(id)!;
    let score = 0;
    let isFound = false;
    let isRefused = false;
    for (const { clause, idf, count } of clauses) {
      const tf = count(of);
      if (clause.occurrence === "mustNot" ? tf > 0 : clause.occurrence === "must" && tf === 0) isRefused = true;
      if (clause.occurrence === "mustNot" || tf === 0) continue;
      isFound = true;
      score += (idf * tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * of.size) / average));
    }
    if (isFound && !isRefused) hits.push({ id, score });
  }
  return hits.sort((x, y) => y.score - x.score || (x.id < y.id ? -1 : 1));
}

export function tokensOf(fields: readonly string[], stems: boolean): Tokens {
  const tokens = new Map<number, string>();
  let position = 0;
  for (const field of fields) {
    tokenize(field, (word) => tokens.set(position++, stems ? stem(word) : word));
    position += FIELD_GAP;
  }
  return tokens;
}

/** The clauses without those that ask for the same thing as one before. */
function distinct(clauses: readonly QueryClause[], stems: boolean): QueryClause[] {
  const kept: QueryClause[] = [];
  for (const clause of clauses) {
    const same = kept.findIndex((other) => identity(other, stems) === identity(clause, stems));
    if (same < 0) kept.push(clause);
    else if (clause.occurrence === "must") kept[same] = { ...kept[same]!, occurrence: "must" };
  }
  return kept;
}

function identity(clause: QueryClause, stems: boolean): string {
  const term = (word: string) => (stems ? stem(word) : word);
  const refuses = clause.occurrence === "mustNot";
  switch (clause.kind) {
    case "word":
      return JSON.stringify([refuses, "word", term(clause.word)]);
    case "phrase":
      return JSON.stringify([
        refuses,
        clause.words.map(({ word, ...rest }) => [term(word), rest.offset, rest.isPrefix]),
      ]);
    default:
      return JSON.stringify([refuses, clause.kind, clause.word, clause.kind === "fuzzy" && clause.distance]);
  }
}

function measured(
  clause: QueryClause,
  corpus: readonly Tokens[],
  stems: boolean,
): { readonly idf: number; readonly count: (tokens: Tokens) => number } {
  if (clause.kind === "phrase") {
    const elements = clause.words.map(({ word, offset, isPrefix }) => {
      const terms = isPrefix ? prefixed(word, corpus, stems) : new Set([stems ? stem(word) : word]);
      return { offset, terms, idf: idfOf(corpus, terms) };
    });
    const isAt = (tokens: Tokens, start: number) =>
      elements.every(({ offset, terms }) => terms.has(tokens.get(start + offset) ?? ""));
    return {
      idf: elements.reduce((sum, { idf }) => sum + idf, 0),
      count: (tokens) => [...tokens.keys()].filter((start) => isAt(tokens, start)).length,
    };
  }
  const terms =
    clause.kind === "word"
      ? new Set([stems ? stem(clause.word) : clause.word])
      : clause.kind === "prefix"
        ? prefixed(clause.word, corpus, stems)
        : similar(clause.word, clause.distance, corpus, stems);
  return {
    idf: idfOf(corpus, terms),
    count: (tokens) => [...tokens.values()].filter((term) => terms.has(term)).length,
  };
}

function idfOf(corpus: readonly Tokens[], terms: ReadonlySet<string>): number {
  const df = corpus.filter((tokens) => [...tokens.values()].some((term) => terms.has(term))).length;
  return Math.log(1 + (corpus.length - df + 0.5) / (df + 0.5));
}

function prefixed(prefix: string, corpus: readonly Tokens[], stems: boolean): ReadonlySet<string> {
  const completed = stems ? completedStems(prefix) : new Set();
  return best(corpus, (term) => (term.startsWith(prefix) || completed.has(term) ? 0 : undefined));
}

function similar(word: string, max: number, corpus: readonly Tokens[], stems: boolean): ReadonlySet<string> {
  return best(corpus, (term) => {
    const distance = Math.min(naiveEditDistance(word, term), stems ? naiveEditDistance(stem(word), term) : max + 1);
    return distance <= max ? distance : undefined;
  });
}

/** The terms with a distance: the nearest, then the most frequent, then the first in order. */
function best(corpus: readonly Tokens[], distanceOf: (term: string) => number | undefined): ReadonlySet<string> {
  const df = new Map<string, number>();
  for (const tokens of corpus) for (const term of new Set(tokens.values())) df.set(term, (df.get(term) ?? 0) + 1);
  const candidates = [...df].flatMap(([term, count]) => {
    const distance = distanceOf(term);
    return distance === undefined ? [] : [{ term, count, distance }];
  });
  candidates.sort((a, b) => a.distance - b.distance || b.count - a.count || (a.term < b.term ? -1 : 1));
  return new Set(candidates.slice(0, EXPANSIONS).map(({ term }) => term));
}

/** Optimal string alignment over the whole table. */
export function naiveEditDistance(from: string, to: string): number {
  const a = [...from];
  const b = [...to];
  const table: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 0; j <= b.length; j++) table[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const choices = [
        table[i - 1]![j]! + 1,
        table[i]![j - 1]! + 1,
        table[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      ];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) choices.push(table[i - 2]![j - 2]! + 1);
      table[i]![j] = Math.min(...choices);
    }
  }
  return table[a.length]![b.length]!;
}
