import { prefixEnd, validateCollectionName } from "@strata/core";
import {
  type Collection,
  type CollectionInfo,
  collectionAt,
  collectionMissing,
  collectionRowKey,
  compileWhere,
  decodeVector,
  type LongWork,
  metadataOf,
  type ReadScope,
  rowsOf,
  type TableReader,
  vectorRowKey,
  type Where,
} from "@strata/engine";
import { Found, isLive, type Stored } from "@strata/storage";
import type { Indexes } from "../partition/indexes.js";
import { CollectionKind } from "./collection-kind.js";
import { countVectors } from "./count-vectors.js";
import { scoreOfProximity } from "./distance.js";
import { indexFacts } from "./index-facts.js";
import { buildGraphs, checkBuild } from "./vector-build.js";
import { checkSearch, type VectorMatch, type VectorSearchOptions } from "./vector-match.js";
import { nearestVectors } from "./vector-search.js";

/** What searching adds to the vectors of one scope. */
export class SearchedVectors {
  readonly #scope: ReadScope;
  readonly #table: TableReader;
  readonly #indexes: Indexes;
  readonly #kinds = new Map<string, CollectionKind>();
  readonly #found = new Found();

  constructor(scope: ReadScope, indexes: Indexes) {
    this.#scope = scope;
    this.#table = scope.table("vector");
    this.#indexes = indexes;
  }

  search(name: string, query: ArrayLike<number>, options?: VectorSearchOptions): VectorMatch[] {
    validateCollectionName(name);
    const search = checkSearch(query, options);
    const collection = search.isObserved ? collectionAt(this.#table, name) : this.#unobserved(name);
    if (collection === undefined) collectionMissing(name, this.#scope);
    const wanted = search.in(name, collection);
    const kind = this.#kindOf(name, collection);
    const start = vectorRowKey(name, wanted.prefix);
    if (search.isObserved) this.#table.observeRange({ start, end: prefixEnd(start), reverse: false }, "values");
    const matches: VectorMatch[] = [];
    for (const { key, proximity, hasMetadata } of nearestVectors(this.#indexes, kind, this.#table, wanted)) {
      // A product may be −0, which is no other score than 0.
      const score = scoreOfProximity(collection.metric, proximity) + 0;
      if (score < search.minScore) break;
      if (!hasMetadata && !search.includeVectors) {
        matches.push({ key, score, metadata: undefined });
        continue;
      }
      this.#table.peek(vectorRowKey(name, key), this.#found);
      const stored = this.#found.stored as Stored;
      const metadata = metadataOf(stored);
      matches.push(
        search.includeVectors ? { key, score, metadata, vector: decodeVector(stored) } : { key, score, metadata },
      );
    }
    return matches;
  }

  /** How many vectors there are, of those whose metadata satisfies `filter`; `undefined` where there is no index to tell from. */
  count(name: string, filter: Where | undefined): number | undefined {
    const predicate = filter === undefined ? undefined : compileWhere(filter, "vectors.count");
    validateCollectionName(name);
    const collection = collectionAt(this.#table, name);
    if (collection === undefined) return undefined;
    const kind = this.#kindOf(name, collection);
    if (!this.#indexes.knows(kind, this.#table.view())) return undefined;
    this.#table.observeRange(rowsOf(name), predicate === undefined ? "keys" : "values");
    return countVectors(this.#indexes, kind, this.#table, predicate);
  }

  stats(name: string): CollectionInfo | undefined {
    validateCollectionName(name);
    const collection = collectionAt(this.#table, name);
    if (collection === undefined) return undefined;
    this.#table.observeRange(rowsOf(name), "keys");
    const { dimension, metric } = collection;
    return { name, dimension, metric, ...indexFacts(this.#indexes, this.#kindOf(name, collection), this.#table) };
  }

  /** `info` with what the index of the collection is, where it is in memory. */
  withIndex(info: CollectionInfo): CollectionInfo {
    const collection = collectionAt(this.#table, info.name);
    if (collection === undefined) return info;
    const kind = this.#kindOf(info.name, collection);
    if (!this.#indexes.knows(kind, this.#table.view())) return info;
    return { ...info, ...indexFacts(this.#indexes, kind, this.#table) };
  }

  async build(name: string, options: LongWork | undefined): Promise<void> {
    validateCollectionName(name);
    const checked = checkBuild(options);
    const collection = collectionAt(this.#table, name) ?? collectionMissing(name, this.#scope);
    await buildGraphs(this.#indexes, this.#kindOf(name, collection), this.#table, checked);
  }

  #unobserved(name: string): Collection | undefined {
    const found = this.#found;
    if (!this.#table.peek(collectionRowKey(name), found) || !isLive(found.stored)) return undefined;
    return found.stored as unknown as Collection;
  }

  #kindOf(name: string, collection: Collection): CollectionKind {
    let kind = this.#kinds.get(name);
    if (kind === undefined || kind.collection !== collection) {
      kind = new CollectionKind(name, collection);
      this.#kinds.set(name, kind);
    }
    return kind;
  }
}
