import type { Options, Primitive } from "@strata/core";
import type { Where } from "@strata/engine";

/** By which words or meaning, or both at once. */
export type SearchMode = "keyword" | "vector" | "hybrid";

/** What a search may be told. Every member may be left out. */
export type SearchOptions = Options<{
  /** At most so many hits, 10 unless said. */
  k: number;
  /** Hybrid where an embedding is at hand, keyword elsewhere, unless said; which it was is in `SearchResult.mode`. */
  mode: SearchMode;
  /** Which kinds of entries; all unless said. */
  primitives: readonly Primitive[];
  /** The reader's own space unless said; with `"all"` every space but those the database keeps for itself. */
  spaces: readonly string[] | "all";
  /** Only keys, cells and documents that begin with it; of events only those whose type does. */
  prefix: string;
  /** Only events of these types. Nothing but an event has a type. */
  types: readonly string[];
  /** Only entries whose value satisfies it; of events the payload, of vectors the metadata. */
  filter: Where;
  /** The query as a vector, from the model that made the vectors searched. */
  embedding: ArrayLike<number>;
  /** The vector collections to search with `embedding`; all of its dimension in the spaces searched unless said. */
  collections: readonly string[];
  /** Only what was committed from `start` on and before `end`: Dates, or µs since the epoch. An own, uncommitted write counts as written now. */
  timeRange: Options<{ start: number | Date; end: number | Date }>;
  /** BM25: how soon more occurrences of a word count less (`k1`, 1.2), and how much a long text is held against it (`b`, 0.75). */
  bm25: Options<{ k1: number; b: number }>;
  /** How much the two halves of a hybrid search count, 1 and 1 unless said. */
  weights: Options<{ keyword: number; vector: number }>;
  /** Gives every hit the parts of its score. */
  explain: boolean;
  /** Gives every hit the places of the query's words in its snippet. */
  highlight: boolean;
  /** False: what was searched is not validated at commit. Only a transaction observes at all. */
  observe: boolean;
}>;
