import type { EntityRef, ReadScope } from "@strata/engine";
import type { FoundEntry } from "./entry-layer.js";
import type { HitFilter } from "./hit-filter.js";
import type { SearchRequest } from "./search-request.js";

/** One search by nearness, over all that is searched together. */
export interface VectorQuestion {
  readonly scope: ReadScope;
  /** The spaces to search. */
  readonly spaces: readonly string[];
  readonly embedding: ArrayLike<number>;
  /** At most so many. */
  readonly limit: number;
  /** `undefined` where everything may be a hit. */
  readonly filter: HitFilter | undefined;
  readonly request: SearchRequest;
}

/** An entry that is near. */
export interface VectorHit {
  /** What it is of: a vector, or the entry that it was made from. */
  readonly ref: EntityRef;
  /** That of its collection's metric: higher is nearer. */
  readonly score: number;
  read(): FoundEntry;
}

/** What finds entries by nearness; no two of one database find the same entry. */
export interface VectorHalf {
  /** Whether there may be anything that an embedder's vector finds: if not, the query need not be made into one. Unobserved. */
  hasAny(question: Omit<VectorQuestion, "embedding" | "limit">): boolean;
  /**
   * The nearest, best first, equal ones in the order of hits; no entry twice.
   *
   * @throws NotFoundError `COLLECTION_NOT_FOUND` for a collection that was named
   * @throws InvalidArgumentError `DIMENSION_MISMATCH`, `INVALID_VALUE`
   */
  search(question: VectorQuestion): readonly VectorHit[];
}

/** What makes a vector of a query. */
export interface QueryEmbedder {
  /** `undefined` when it can only be waited for. */
  embedNow(query: string): ArrayLike<number> | undefined;
  embed(query: string, signal: AbortSignal | undefined): Promise<ArrayLike<number>>;
}
