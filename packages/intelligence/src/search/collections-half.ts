import type { EntityRef, VectorEntry, VectorReader } from "@strata/engine";
import type { Indexes } from "../partition/indexes.js";
import { SearchableVectorReader } from "../vector/searchable-vectors.js";
import type { FoundEntry } from "./entry-layer.js";
import { addTexts } from "./entry-text.js";
import { mostAccepted } from "./most-accepted.js";
import { asksFor } from "./search-request.js";
import { SpaceScope } from "./space-scope.js";
import type { VectorHalf, VectorHit, VectorQuestion } from "./vector-half.js";

type VectorRef = EntityRef & { readonly primitive: "vector" };

/**
 * Vectors that users keep in collections of their own: the collections that are named, or where the caller gives the embedding, all that have
 * its dimension. A hit's value is the vector's metadata.
 */
export class CollectionsHalf implements VectorHalf {
  readonly #indexes: Indexes;

  constructor(indexes: Indexes) {
    this.#indexes = indexes;
  }

  hasAny({ request }: Omit<VectorQuestion, "embedding" | "limit">): boolean {
    return request.collections !== undefined && asksFor(request, "vector");
  }

  search({ scope, spaces, embedding, limit, filter, request }: VectorQuestion): readonly VectorHit[] {
    if (!asksFor(request, "vector") || (request.collections === undefined && request.embedding === undefined))
      return [];
    const found: { readonly reader: VectorReader; readonly ref: VectorRef; readonly score: number }[] = [];
    const accepts = ({ key, timestamp, metadata }: VectorEntry): boolean =>
      filter === undefined ||
      (request.types === undefined &&
        filter.acceptsKey(key) &&
        filter.acceptsTime(timestamp) &&
        filter.acceptsValue(metadata ?? {}));
    for (const space of spaces) {
      const reader = new SearchableVectorReader(SpaceScope.of(scope, space), this.#indexes);
      const { observe } = request;
      for (const collection of request.collections ?? alike(reader, embedding.length)) {
        const nearest = (k: number) => reader.search(collection, embedding, { k, prefix: request.prefix, observe });
        const best = mostAccepted(limit, nearest, ({ key }) => {
          return filter === undefined || accepts(reader.get(collection, key) as VectorEntry);
        });
        for (const { key, score } of best) {
          found.push({ reader, ref: { run: scope.run, space, primitive: "vector", collection, key }, score });
        }
      }
    }
    return found
      .sort((a, b) => b.score - a.score)
      .slice(0, limit)
      .map(({ reader, ref, score }) => ({ score, read: () => entryOf(reader, ref) }));
  }
}

function alike(reader: SearchableVectorReader, dimension: number): string[] {
  return reader
    .listCollections()
    .filter((collection) => collection.dimension === dimension)
    .map(({ name }) => name);
}

function entryOf(reader: VectorReader, ref: VectorRef): FoundEntry {
  const { metadata = {}, timestamp } = reader.get(ref.collection, ref.key) as VectorEntry;
  const texts: string[] = [];
  addTexts(metadata, texts);
  return { ref, value: metadata, timestamp, texts };
}
