import { inverseDocumentFrequency } from "./bm25.js";
import { allOf, anyOf } from "./made-lists.js";
import { PhraseCounter } from "./phrase.js";
import { PostingList } from "./posting-list.js";
import { type Occurrence, type PhraseWord, type Query, type QueryClause, termOf } from "./query.js";
import { type ExpandedTerms, expandFuzzy, expandPrefix } from "./term-expansion.js";
import type { LayerView } from "./text-view.js";

/** A clause of a query, looked up in all layers of a view. */
export interface PreparedClause {
  /** As it would be written in a query. */
  readonly text: string;
  readonly occurrence: Occurrence;
  /** Documents of the view that have it; of a phrase, that have the rarest of its words. */
  readonly df: number;
  readonly idf: number;
  /** By layer, `undefined` where no document has it. Of a phrase: the documents with all its words, and how often they have it at most. */
  readonly lists: readonly (PostingList | undefined)[];
  /** Of a phrase, by layer. */
  readonly phrases: readonly (PhraseCounter | undefined)[] | undefined;
}

const NO_DOCUMENTS = 0;

/** Looks up what a query asks for. A word that is asked for twice counts once, and what must be there need not be asked for besides. */
export function prepareQuery(views: readonly LayerView[], query: Query, documents: number): PreparedClause[] {
  if (query.clauses.length === 1) return [prepareClause(views, query.clauses[0]!, documents)];
  const withStems = views[0]?.index.withStems ?? true;
  const clauses = new Map<string, QueryClause>();
  for (const clause of query.clauses) {
    const text = textOf(clause, withStems);
    const identity = clause.occurrence === "mustNot" ? `-${text}` : text;
    const known = clauses.get(identity);
    if (known === undefined) clauses.set(identity, clause);
    else if (clause.occurrence === "must") clauses.set(identity, { ...known, occurrence: "must" });
  }
  return Array.from(clauses.values(), (clause) => prepareClause(views, clause, documents));
}

function prepareClause(views: readonly LayerView[], clause: QueryClause, documents: number): PreparedClause {
  switch (clause.kind) {
    case "word":
      return prepareWord(views, clause, documents);
    case "prefix":
      return prepareExpanded(views, clause, expandPrefix(views, clause.word), documents);
    case "fuzzy":
      return prepareExpanded(views, clause, expandFuzzy(views, clause.word, clause.distance), documents);
    case "phrase":
      return preparePhrase(views, clause, documents);
  }
}

function prepareWord(
  views: readonly LayerView[],
  clause: QueryClause & { readonly kind: "word" },
  documents: number,
): PreparedClause {
  const lists: (PostingList | undefined)[] = [];
  let df = 0;
  for (const view of views) {
    const term = view.index.termOf(clause.word);
    const count = term < 0 ? NO_DOCUMENTS : view.documentsWith(term);
    df += count;
    lists.push(count === NO_DOCUMENTS ? undefined : PostingList.of(view.index.postings, term));
  }
  const idf = inverseDocumentFrequency(documents, df);
  return { text: clause.word, occurrence: clause.occurrence, df, idf, lists, phrases: undefined };
}

function prepareExpanded(
  views: readonly LayerView[],
  clause: QueryClause & { readonly kind: "prefix" | "fuzzy" },
  terms: ExpandedTerms,
  documents: number,
): PreparedClause {
  const lists = views.map((view, layer) => nonEmpty(anyOf(view, terms[layer]!)));
  const df = lists.reduce((sum, list) => sum + (list?.count ?? 0), 0);
  const idf = inverseDocumentFrequency(documents, df);
  return { text: textOf(clause, false), occurrence: clause.occurrence, df, idf, lists, phrases: undefined };
}

/** A word of a phrase in all layers. */
interface PreparedElement {
  readonly offset: number;
  readonly df: number;
  readonly terms: ExpandedTerms;
  readonly lists: readonly (PostingList | undefined)[];
}

function preparePhrase(
  views: readonly LayerView[],
  clause: QueryClause & { readonly kind: "phrase" },
  documents: number,
): PreparedClause {
  const elements = clause.words.map((word) => prepareElement(views, word));
  const lists: (PostingList | undefined)[] = [];
  const phrases: (PhraseCounter | undefined)[] = [];
  for (const [layer, view] of views.entries()) {
    const words = elements.map((element) => element.lists[layer]);
    const all = words.every((list) => list !== undefined) ? nonEmpty(allOf(view, words)) : undefined;
    lists.push(all);
    phrases.push(
      all &&
        new PhraseCounter(
          view,
          elements.map(({ offset, terms }) => ({ offset, terms: terms[layer]! })),
        ),
    );
  }
  const df = Math.min(...elements.map((element) => element.df));
  const idf = elements.reduce((sum, element) => sum + inverseDocumentFrequency(documents, element.df), 0);
  return { text: textOf(clause, false), occurrence: clause.occurrence, df, idf, lists, phrases };
}

function prepareElement(views: readonly LayerView[], { word, offset, isPrefix }: PhraseWord): PreparedElement {
  if (isPrefix) {
    const terms = expandPrefix(views, word);
    const lists = views.map((view, layer) => nonEmpty(anyOf(view, terms[layer]!)));
    return { offset, terms, lists, df: lists.reduce((sum, list) => sum + (list?.count ?? 0), 0) };
  }
  const found = views.map(({ index }) => index.termOf(word));
  const counts = views.map((view, layer) => (found[layer]! < 0 ? NO_DOCUMENTS : view.documentsWith(found[layer]!)));
  return {
    offset,
    df: counts.reduce((sum, count) => sum + count, 0),
    terms: found.map((term) => (term < 0 ? [] : [term])),
    lists: views.map(({ index }, layer) =>
      counts[layer] === NO_DOCUMENTS ? undefined : PostingList.of(index.postings, found[layer]!),
    ),
  };
}

function nonEmpty(list: PostingList): PostingList | undefined {
  return list.count === 0 ? undefined : list;
}

/** What tells clauses apart once their words are terms. */
function textOf(clause: QueryClause, withStems: boolean): string {
  switch (clause.kind) {
    case "word":
      return termOf(clause.word, withStems);
    case "prefix":
      return `${clause.word}*`;
    case "fuzzy":
      return `${clause.word}~${clause.distance}`;
    case "phrase": {
      let text = "";
      let next = 0;
      for (const { word, offset, isPrefix } of clause.words) {
        text += `${" ".repeat(offset - next + (text === "" ? 0 : 1))}${termOf(word, withStems)}${isPrefix ? "*" : ""}`;
        next = offset + 1;
      }
      return `"${text}"`;
    }
  }
}
