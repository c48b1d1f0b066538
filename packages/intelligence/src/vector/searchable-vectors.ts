import type { Version } from "@strata/core";
import {
  type CollectionInfo,
  type LongWork,
  type ReadScope,
  type Scope,
  VectorReader,
  type VectorReads,
  VectorStore,
  type Vectors,
  type Where,
} from "@strata/engine";
import type { Indexes } from "../partition/indexes.js";
import { SearchedVectors } from "./searched-vectors.js";
import type { VectorMatch, VectorSearchOptions } from "./vector-match.js";

/** Vectors that can be read and searched. */
export interface SearchableVectorReads extends VectorReads {
  /** `undefined` when there is none of the name. */
  stats(collection: string): CollectionInfo | undefined;
  /**
   * The nearest vectors, nearest first, those equally near by key; own, uncommitted writes among them. As many as were asked for whenever there
   * are as many, whatever the filter.
   *
   * @throws NotFoundError `COLLECTION_NOT_FOUND`
   * @throws InvalidArgumentError `DIMENSION_MISMATCH`; `INVALID_VALUE` for a query that is no vector; `INVALID_ARGUMENT`
   */
  search(collection: string, query: ArrayLike<number>, options?: VectorSearchOptions): VectorMatch[];
}

export interface SearchableVectors<W = Version> extends SearchableVectorReads, Vectors<W> {
  /**
   * Waits until the graph covers every vector; searches never wait. At once where there is none: in a flat collection, and where so few are
   * compared faster. Aborting keeps what was built.
   *
   * @throws NotFoundError `COLLECTION_NOT_FOUND`
   */
  build(collection: string, options?: LongWork): Promise<void>;
}

/** Vectors of one run and space, read only. */
export class SearchableVectorReader extends VectorReader implements SearchableVectorReads {
  readonly #searched: SearchedVectors;

  constructor(scope: ReadScope, indexes: Indexes) {
    super(scope);
    this.#searched = new SearchedVectors(scope, indexes);
  }

  search(collection: string, query: ArrayLike<number>, options?: VectorSearchOptions): VectorMatch[] {
    return this.#searched.search(collection, query, options);
  }

  stats(collection: string): CollectionInfo | undefined {
    return this.#searched.stats(collection);
  }

  override count(collection: string, filter?: Where): number {
    return this.#searched.count(collection, filter) ?? super.count(collection, filter);
  }

  override listCollections(): CollectionInfo[] {
    return super.listCollections().map((info) => this.#searched.withIndex(info));
  }
}

/** Vectors of one run and space. */
export class SearchableVectorStore<W = Version> extends VectorStore<W> implements SearchableVectors<W> {
  readonly #searched: SearchedVectors;

  constructor(scope: Scope, indexes: Indexes) {
    super(scope);
    this.#searched = new SearchedVectors(scope, indexes);
  }

  search(collection: string, query: ArrayLike<number>, options?: VectorSearchOptions): VectorMatch[] {
    return this.#searched.search(collection, query, options);
  }

  stats(collection: string): CollectionInfo | undefined {
    return this.#searched.stats(collection);
  }

  override count(collection: string, filter?: Where): number {
    return this.#searched.count(collection, filter) ?? super.count(collection, filter);
  }

  override listCollections(): CollectionInfo[] {
    return super.listCollections().map((info) => this.#searched.withIndex(info));
  }

  build(collection: string, options?: LongWork): Promise<void> {
    return this.#searched.build(collection, options);
  }
}
