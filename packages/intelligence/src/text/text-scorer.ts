import { Bm25Norms, type Bm25Options } from "./bm25.js";
import { LayerSearch } from "./layer-search.js";
import { type PreparedClause, prepareQuery } from "./prepared-query.js";
import type { Query } from "./query.js";
import { LayerView, type TextLayer } from "./text-view.js";
import { type TextHit, type TieOrder, TopK } from "./top-k.js";

/** What a clause adds to the score of a document. */
export interface ClauseScore {
  /** As it would be written in a query. */
  readonly clause: string;
  /** How often the document has it. */
  readonly tf: number;
  /** How many documents have it; of a phrase, how many have the rarest of its words. */
  readonly df: number;
  /** Of a phrase, the sum of those of its words. */
  readonly idf: number;
  readonly score: number;
}

/** How the score of a document comes about. */
export interface TextExplanation {
  readonly score: number;
  /** Those that the document has, in the order of the query. */
  readonly clauses: readonly ClauseScore[];
  /** Of the document, in tokens. */
  readonly length: number;
  readonly averageLength: number;
  /** Documents that the reader sees. */
  readonly documents: number;
  readonly k1: number;
  readonly b: number;
}

/**
 * Scores documents by a query as one reader sees them: over several layers, with the statistics of all documents that the reader sees in them
 * together. It holds until a document is added to one of the layers or removed.
 *
 * The score is the sum of the BM25 weights of the clauses a document has. A word with expansions, `begin*` or `word~`, counts as one: how often the
 * document has any of them, how many documents have any. Of a phrase the weight is that of a word which is there as often as the phrase, and tells
 * as much as its words together.
 */
export class TextScorer {
  /** That the reader sees. */
  readonly documents: number;
  /** Of these, in tokens. */
  readonly averageLength: number;
  readonly #views: readonly LayerView[];
  readonly #clauses: readonly PreparedClause[];
  readonly #norms: Bm25Norms;

  constructor(layers: readonly TextLayer[], query: Query, options: Bm25Options = {}) {
    this.#views = layers.map((layer) => new LayerView(layer));
    let documents = 0;
    let tokens = 0;
    for (const view of this.#views) {
      documents += view.documents;
      tokens += view.tokens;
    }
    this.documents = documents;
    this.averageLength = documents === 0 ? 0 : tokens / documents;
    this.#norms = new Bm25Norms(this.averageLength, options);
    this.#clauses = prepareQuery(this.#views, query, documents);
  }

  /** The best `k` documents that are visible: by score, and where scores are equal in order of ties. */
  top(k: number, order: TieOrder): TextHit[] {
    if (k < 1) return [];
    const top = new TopK(k, order);
    for (const [layer, view] of this.#views.entries()) {
      LayerSearch.run(layer, view, this.#clauses, this.#norms, top);
    }
    return top.take();
  }

  /** `undefined` for a document that the query does not find. Whether the reader sees it is not looked at. */
  explain(layer: number, slot: number): TextExplanation | undefined {
    const length = this.#views[layer]!.index.lengths.array[slot]!;
    const clauses: ClauseScore[] = [];
    let score = 0;
    for (const clause of this.#clauses) {
      const tf = tfOf(clause, layer, slot);
      if (clause.occurrence === "mustNot" ? tf > 0 : clause.occurrence === "must" && tf === 0) return undefined;
      if (tf === 0) continue;
      const weight = this.#norms.weight(this.#norms.factorOf(clause.idf), tf, length);
      score += weight;
      clauses.push({ clause: clause.text, tf, df: clause.df, idf: clause.idf, score: weight });
    }
    if (clauses.length === 0) return undefined;
    const { documents, averageLength } = this;
    return { score, clauses, length, averageLength, documents, k1: this.#norms.k1, b: this.#norms.b };
  }
}

function tfOf({ lists, phrases }: PreparedClause, layer: number, slot: number): number {
  const tf = lists[layer]?.tfOf(slot) ?? 0;
  return tf > 0 && phrases !== undefined ? phrases[layer]!.tfOf(slot) : tf;
}
