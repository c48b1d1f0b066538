import { prefixEnd } from "@strata/core";
import {
  type Collection,
  collectionMissing,
  collectionRowKey,
  metadataOf,
  type ReadScope,
  rowsOf,
  type TableReader,
  type TableView,
  vectorFrom,
  vectorRowKey,
} from "@strata/engine";
import { Found, isLive, type KeyRange, type Stored } from "@strata/storage";
import type { Indexes } from "../partition/indexes.js";
import { CollectionKind } from "../vector/collection-kind.js";
import { scoreOfProximity } from "../vector/distance.js";
import { nearestVectors } from "../vector/vector-search.js";
import { compareRefs } from "./entity-order.js";
import type { FoundEntry } from "./entry-layer.js";
import { addTexts } from "./entry-text.js";
import { asksFor } from "./search-request.js";
import type { VectorHalf, VectorHit, VectorQuestion } from "./vector-half.js";

const COLLECTION_PREFIX = collectionRowKey("");
const COLLECTION_ROWS: KeyRange = { start: COLLECTION_PREFIX, end: prefixEnd(COLLECTION_PREFIX), reverse: false };
/** Where hits are left out by their time, more are looked at, so many times as many at a time. */
const WIDENING = 4;

/**
 * The vector collections of the spaces searched: those that are named, or all of the dimension where the caller gives the embedding. What
 * an embedder makes of a query says nothing about vectors that came from elsewhere, unless the caller names them.
 */
export class CollectionHalf implements VectorHalf {
  readonly #indexes: Indexes;

  constructor(indexes: Indexes) {
    this.#indexes = indexes;
  }

  hasAny({ request }: Omit<VectorQuestion, "embedding" | "limit">): boolean {
    return asksFor(request, "vector") && request.collections !== undefined;
  }

  search(question: VectorQuestion): VectorHit[] {
    const { scope, spaces, request, embedding, limit } = question;
    if (!asksFor(request, "vector") || (request.collections ?? request.embedding) === undefined) return [];
    const { collections: named } = request;
    const missing = new Set(named);
    const hits: CollectionHit[] = [];
    for (const space of spaces) {
      const table = tableIn(scope, space);
      if (request.observe && named === undefined) table.observeRange(COLLECTION_ROWS, "values");
      const collections =
        named === undefined ? collectionsIn(table.view()) : collectionsNamed(table, named, request.observe);
      for (const [name, collection] of collections) {
        missing.delete(name);
        if (named === undefined && collection.dimension !== embedding.length) continue;
        if (request.observe) table.observeRange(rowsOf(name), "values");
        for (const hit of this.#nearest(question, { space, table, name, collection })) hits.push(hit);
      }
    }
    for (const name of missing) collectionMissing(name, scope);
    hits.sort((a, b) => b.score - a.score || compareRefs(a.ref, b.ref));
    return hits.length > limit ? hits.slice(0, limit) : hits;
  }

  #nearest({ scope, request, embedding, limit, filter }: VectorQuestion, place: CollectionPlace): CollectionHit[] {
    const { table, name, collection } = place;
    const kind = new CollectionKind(name, collection);
    const vector = vectorFrom(embedding, name, collection.dimension, "search");
    for (let k = limit; ; k *= WIDENING) {
      const { prefix, filter: condition } = request;
      const wanted = { k, vector, prefix, filter: condition, ef: collection.efSearch, isExact: false };
      const nearest = nearestVectors(this.#indexes, kind, table, wanted);
      const hits = nearest.map(
        ({ key, proximity }) =>
          new CollectionHit(scope, place, key, scoreOfProximity(collection.metric, proximity) + 0),
      );
      const kept = filter?.hasTimes ? hits.filter((hit) => filter.acceptsTime(hit.time)) : hits;
      if (kept.length >= limit || nearest.length < k) return kept.slice(0, limit);
    }
  }
}

/** A collection in a space, as a reader sees it. */
interface CollectionPlace {
  readonly space: string;
  readonly table: TableReader;
  readonly name: string;
  readonly collection: Collection;
}

class CollectionHit implements VectorHit {
  readonly ref: { run: string; space: string; primitive: "vector"; collection: string; key: string };
  readonly score: number;
  readonly #scope: ReadScope;
  readonly #table: TableReader;

  constructor(scope: ReadScope, { space, table, name }: CollectionPlace, key: string, score: number) {
    this.ref = { run: scope.run, space, primitive: "vector", collection: name, key };
    this.score = score;
    this.#scope = scope;
    this.#table = table;
  }

  /** When it was written, for filters: an own, uncommitted write now. µs since the epoch. */
  get time(): number {
    const { version } = this.#row();
    return version === 0 ? this.#scope.now() : this.#scope.timestampOf(version);
  }

  read(): FoundEntry {
    const { stored, version } = this.#row();
    const metadata = metadataOf(stored as Stored);
    const texts: string[] = [];
    if (metadata !== undefined) addTexts(metadata, texts);
    return { ref: this.ref, value: metadata ?? null, timestamp: this.#scope.timestampOf(version), texts };
  }

  #row(): Found {
    const found = new Found();
    this.#table.peek(vectorRowKey(this.ref.collection, this.ref.key), found);
    return found;
  }
}

function tableIn(scope: ReadScope, space: string): TableReader {
  return space === scope.space ? scope.table("vector") : scope.tableIn(space, "vector");
}

/** Those of the named collections that a reader sees. */
function collectionsNamed(table: TableReader, names: readonly string[], observe: boolean): Map<string, Collection> {
  const collections = new Map<string, Collection>();
  const found = new Found();
  for (const name of names) {
    const row = collectionRowKey(name);
    if (observe) table.observe(row);
    if (table.peek(row, found) && isLive(found.stored)) collections.set(name, found.stored as unknown as Collection);
  }
  return collections;
}

/** The collections that a reader sees, by name. */
function collectionsIn({ layers, pending }: TableView): Map<string, Collection> {
  const collections = new Map<string, Collection>();
  const take = (row: string, stored: Stored | undefined) => {
    const name = row.slice(COLLECTION_PREFIX.length);
    if (isLive(stored)) collections.set(name, stored as unknown as Collection);
    else collections.delete(name);
    return true;
  };
  const [nearest] = layers;
  nearest?.table.scan(COLLECTION_ROWS, nearest.through, take);
  for (const [row, stored] of pending ?? []) if (row.startsWith(COLLECTION_PREFIX)) take(row, stored);
  return collections;
}
