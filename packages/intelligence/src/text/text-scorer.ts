import type { InvertedIndex } from "./inverted-index.js";
import { type Query, termOf } from "./query.js";

/** An index as a reader sees it. */
export interface TextLayer {
  readonly index: InvertedIndex;
  /** The version the reader stands at. */
  readonly through: number;
  /** The slots alive as of `through` that the reader does not see, ascending. The same object as long as nothing about it changes. */
  readonly hidden: Int32Array;
  /** Whether a slot may be a hit: at most what the reader sees. Asked only of those that would be among the best. */
  isVisible(slot: number): boolean;
}

/** `k1` is at least 0, `b` from 0 to 1. */
export interface ScoringOptions {
  /** How much more a word counts that stands there more often. 1.2 */
  readonly k1?: number;
  /** How much less it counts in longer documents. 0.75 */
  readonly b?: number;
}

export interface TextHit {
  /** Position of its layer. */
  readonly layer: number;
  readonly slot: number;
  readonly score: number;
}

/** Which of two hits with the same score comes first: negative for the first one. */
export type TieOrder = (layerA: number, slotA: number, layerB: number, slotB: number) => number;

/** What a clause adds to the score of a document. */
export interface ClauseScore {
  /** As it is written in a query. */
  readonly clause: string;
  /** How often the document has it. */
  readonly tf: number;
  /** How many documents have it; of a phrase, of its rarest word. */
  readonly df: number;
  readonly idf: number;
  readonly score: number;
}

export interface TextExplanation {
  readonly score: number;
  readonly clauses: readonly ClauseScore[];
  /** Of the document, in tokens. */
  readonly length: number;
  readonly averageLength: number;
  /** Documents that the reader sees. */
  readonly documents: number;
  readonly k1: number;
  readonly b: number;
}

/** Scores documents by a query over several layers. Working but slow: what it is asked for by callers stays. */
export class TextScorer {
  readonly #layers: readonly TextLayer[];
  readonly #query: Query;

  constructor(layers: readonly TextLayer[], query: Query, _options: ScoringOptions = {}) {
    this.#layers = layers;
    this.#query = query;
  }

  /** The best `k` visible documents: by score, then in order of ties. */
  top(k: number, order: TieOrder): TextHit[] {
    const hits: TextHit[] = [];
    for (const [layer, { index, isVisible }] of this.#layers.entries()) {
      for (let slot = 0; slot < index.length; slot++) {
        if (!isVisible.call(this.#layers[layer], slot)) continue;
        const document = index.documents[slot]!;
        let score = 0;
        for (const clause of this.#query.clauses) {
          if (clause.kind === "word" && document.has(termOf(clause.word, index.withStems))) score++;
        }
        if (score > 0) hits.push({ layer, slot, score });
      }
    }
    hits.sort((a, b) => b.score - a.score || order(a.layer, a.slot, b.layer, b.slot));
    return hits.slice(0, k);
  }

  /** How the score of a document comes about; `undefined` for one that the query does not find. */
  explain(_layer: number, _slot: number): TextExplanation | undefined {
    return undefined;
  }
}
