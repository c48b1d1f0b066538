import type { Primitive } from "@strata/core";
import { EMBEDDINGS_SPACE, type EntityRef, type ReadScope } from "@strata/engine";
import { EVERYTHING } from "@strata/storage";
import type { Indexes } from "../partition/indexes.js";
import type { FoundEntry } from "../search/entry-layer.js";
import { textsOf, textsOfEvent, valueRead } from "../search/entry-text.js";
import { mostAccepted } from "../search/most-accepted.js";
import { asksFor } from "../search/search-request.js";
import { SpaceScope } from "../search/space-scope.js";
import type { VectorHalf, VectorHit, VectorQuestion } from "../search/vector-half.js";
import { SearchableVectorReader } from "../vector/searchable-vectors.js";
import type { VectorMatch } from "../vector/vector-match.js";
import type { CheckedEmbedder, EmbeddedPrimitive } from "./checked-embedder.js";
import { collectionNameOf, eventIn, progressIn, sourceIn, versionOf } from "./embedding-rows.js";

/** Entries that were embedded in the background: what is found is the entry itself, as the reader sees it, never an older one. */
export class EmbeddedHalf implements VectorHalf {
  readonly #embedder: CheckedEmbedder;
  readonly #indexes: Indexes;
  /** A run is read: what it has may be waiting to be embedded. */
  readonly #touched: (run: string) => void;
  readonly #primitives: readonly EmbeddedPrimitive[];

  constructor(embedder: CheckedEmbedder, indexes: Indexes, touched: (run: string) => void) {
    this.#embedder = embedder;
    this.#indexes = indexes;
    this.#touched = touched;
    this.#primitives = [...new Set(embedder.targets.map(({ primitive }) => primitive))];
  }

  hasAny(question: Omit<VectorQuestion, "embedding" | "limit">): boolean {
    this.#touched(question.scope.run);
    return this.#places(question).length > 0;
  }

  search(question: VectorQuestion): readonly VectorHit[] {
    const { scope, embedding, limit, request } = question;
    if (embedding.length !== this.#embedder.dimension) return [];
    const reader = new SearchableVectorReader(SpaceScope.of(scope, EMBEDDINGS_SPACE), this.#indexes);
    const hits: VectorHit[] = [];
    for (const { space, primitive, collection } of this.#places(question)) {
      if (request.observe) observe(scope, space, primitive);
      const nearest = (k: number) => reader.search(collection, embedding, { k, observe: false });
      const entries = new Map<VectorMatch, FoundEntry>();
      const best = mostAccepted(limit, nearest, (match) => {
        const entry = entryOf(question, space, primitive, match);
        if (entry !== undefined) entries.set(match, entry);
        return entry !== undefined;
      });
      for (const match of best) {
        const entry = entries.get(match) as FoundEntry;
        hits.push({ ref: entry.ref, score: match.score, read: () => entry });
      }
    }
    return hits.sort((a, b) => b.score - a.score).slice(0, limit);
  }

  /** What of it was embedded by this model. */
  #places({ scope, spaces, request }: Omit<VectorQuestion, "embedding" | "limit">) {
    if (request.collections !== undefined) return [];
    return spaces.flatMap((space) =>
      this.#primitives
        .filter((primitive) => asksFor(request, primitive))
        .map((primitive) => ({ space, primitive, collection: collectionNameOf(primitive, space) }))
        .filter(({ collection }) => progressIn(scope, collection)?.model === this.#embedder.model),
    );
  }
}

function observe(scope: ReadScope, space: string, primitive: Primitive): void {
  if (primitive === "event") scope.eventsIn(space).observeAll();
  else scope.tableIn(space, primitive).observeRange(EVERYTHING, "values");
}

/** The entry that an embedding is of; `undefined` when it is gone, was written over since, or is not asked for. */
function entryOf(
  { scope, filter }: VectorQuestion,
  space: string,
  primitive: EmbeddedPrimitive,
  { key, metadata }: VectorMatch,
): FoundEntry | undefined {
  if (primitive === "event") {
    const event = eventIn(scope, space, Number(key));
    if (event === undefined || event.version !== versionOf(metadata)) return undefined;
    const { type, timestamp, value } = event;
    if (filter !== undefined && !(filter.acceptsKey(type) && filter.acceptsType(type))) return undefined;
    if (filter !== undefined && !(filter.acceptsTime(timestamp) && filter.acceptsValue(value))) return undefined;
    const ref: EntityRef = { run: scope.run, space, primitive, type, sequence: Number(key) };
    return { ref, value, timestamp, texts: textsOfEvent(type, value) };
  }
  const source = sourceIn(scope, space, primitive, key);
  if (source === undefined || source.version !== versionOf(metadata)) return undefined;
  const { stored } = source;
  const timestamp = scope.timestampOf(source.version);
  if (
    filter !== undefined &&
    !(filter.acceptsKey(key) && filter.acceptsTime(timestamp) && filter.acceptsValue(source.value))
  )
    return undefined;
  const ref: EntityRef = { run: scope.run, space, primitive, key };
  return { ref, value: valueRead(stored), timestamp, texts: textsOf(primitive, key, stored) };
}
