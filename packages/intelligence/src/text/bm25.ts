/** Both as Robertson & Zaragoza recommend them. How soon more occurrences of a word count less. */
export const DEFAULT_K1 = 1.2;
/** How much the length of a document is held against it. */
export const DEFAULT_B = 0.75;

/** `k1` is at least 0, `b` from 0 to 1. */
export interface Bm25Options {
  /** How soon more occurrences of a word count less: 0 at once. 1.2 unless said. */
  readonly k1?: number;
  /** How much the length of a document is held against it. 0.75 unless said. */
  readonly b?: number;
}

/**
 * How much it tells that a document has a term; positive also for one that most documents have, as in Lucene. Without unit.
 *
 * @param documents all of them. @param df those that have the term: 0 to `documents`.
 */
export function inverseDocumentFrequency(documents: number, df: number): number {
  return Math.log(1 + (documents - df + 0.5) / (df + 0.5));
}

/**
 * BM25 weight of one term in one document; non-negative, without unit. Lengths are in tokens.
 * Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
 */
export function bm25(tf: number, idf: number, length: number, averageLength: number, k1: number, b: number): number {
  return (idf * (k1 + 1) * tf) / (tf + k1 * (1 - b) + (averageLength === 0 ? 0 : ((k1 * b) / averageLength) * length));
}

/** What of BM25 is the same for all terms and documents of a query: the weight is `factor * tf / (tf + base + perToken * length)`. */
export class Bm25Norms {
  readonly k1: number;
  readonly b: number;
  readonly base: number;
  readonly perToken: number;

  constructor(averageLength: number, { k1 = DEFAULT_K1, b = DEFAULT_B }: Bm25Options) {
    this.k1 = k1;
    this.b = b;
    this.base = k1 * (1 - b);
    this.perToken = averageLength === 0 ? 0 : (k1 * b) / averageLength;
  }

  factorOf(idf: number): number {
    return idf * (this.k1 + 1);
  }

  weight(factor: number, tf: number, length: number): number {
    return (factor * tf) / (tf + this.base + this.perToken * length);
  }
}
