import { InvalidArgumentError, StateError, type ValueObject } from "@strata/core";
import type { EntityRef, ReadScope, StandInScope } from "@strata/engine";
import { parseQuery, type Query } from "../text/query.js";
import { compareRefs, identityOf } from "./entity-order.js";
import type { EntryLayer, FoundEntry } from "./entry-layer.js";
import type { TextPrimitive } from "./entry-text.js";
import { fuse } from "./fusion.js";
import { HitFilter } from "./hit-filter.js";
import { HitWriter } from "./hit-writer.js";
import { KeywordSearch } from "./keyword-search.js";
import type { SearchOptions } from "./search-options.js";
import type { SearchParts } from "./search-parts.js";
import { asksFor, type SearchRequest, searchRequest } from "./search-request.js";
import type { SearchHit, SearchResult } from "./search-result.js";
import type { VectorHit } from "./vector-half.js";

const TABLES: readonly TextPrimitive[] = ["kv", "state", "json"];

/** How deep the lists of a hybrid search go: four times as deep as its result, and at least so deep. */
const FUSED_DEPTH_MIN = 100;
const FUSED_DEPTH_FACTOR = 4;

/** Searches what one scope sees. Nothing here outlasts a call: what is worth keeping is kept by the database, table by table. */
export class Searcher {
  readonly #parts: SearchParts;
  readonly #scope: ReadScope;

  constructor(parts: SearchParts, scope: ReadScope) {
    this.#parts = parts;
    this.#scope = scope;
  }

  /**
   * @param query any text.
   * @param options of the right types.
   * @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_PATH`, `INVALID_VALUE`, `DIMENSION_MISMATCH`
   * @throws NotFoundError `COLLECTION_NOT_FOUND`
   * @throws StateError `EMBEDDER_IS_ASYNC` when `mode` asks for vectors and the query can only be embedded asynchronously; `HISTORY_TRIMMED`
   */
  search(query: string, options?: SearchOptions): SearchResult {
    const begun = this.#parts.clock.now();
    const request = searchRequest(options);
    const ground = this.#ground(request);
    return this.#answer(query, request, ground, this.#embedNow(query, request, ground), begun);
  }

  /** As `search`, with the query embedded first where that takes waiting. What is searched is what is there afterwards. */
  async searchAsync(query: string, options?: SearchOptions, signal?: AbortSignal): Promise<SearchResult> {
    signal?.throwIfAborted();
    const begun = this.#parts.clock.now();
    const request = searchRequest(options);
    const embedding = await this.#embed(query, request, signal);
    signal?.throwIfAborted();
    return this.#answer(query, request, this.#ground(request), embedding, begun);
  }

  #answer(
    query: string,
    request: SearchRequest,
    ground: SearchGround,
    embedding: ArrayLike<number> | undefined,
    begun: number,
  ): SearchResult {
    const mode = embedding === undefined ? "keyword" : (request.mode ?? "hybrid");
    const parsed = parseQuery(query);
    const found = new HitWriter(parsed, request, this.#parts.settings.stem);
    let truncated = false;
    if (request.k > 0) {
      if (mode === "keyword") truncated = this.#byKeyword(parsed, request, ground, found);
      else if (mode === "vector") truncated = this.#byVector(request, ground, embedding!, found);
      else truncated = this.#byBoth(parsed, request, ground, embedding!, found);
    }
    const hits: readonly SearchHit[] = found.hits;
    return { hits, truncated, mode, elapsedUs: Math.max(0, this.#parts.clock.now() - begun) };
  }

  #byKeyword(query: Query, request: SearchRequest, ground: SearchGround, found: HitWriter): boolean {
    const search = this.#keywords(query, request, ground);
    const top = search.top(request.k + 1);
    const count = Math.min(top.length, request.k);
    for (let position = 0; position < count; position++) {
      const hit = top[position]!;
      const explain = request.explain ? { mode: "keyword", keyword: search.explain(hit) } : undefined;
      found.add(search.read(hit), hit.score, explain);
    }
    return top.length > count;
  }

  #byVector(request: SearchRequest, ground: SearchGround, embedding: ArrayLike<number>, found: HitWriter): boolean {
    const nearest = this.#nearest(request, ground, embedding, request.k + 1);
    const shown = nearest.slice(0, request.k);
    for (const [position, hit] of shown.entries()) {
      const vector = { score: hit.score, rank: position + 1 };
      found.add(hit.read(), hit.score, request.explain ? { mode: "vector", vector } : undefined);
    }
    return nearest.length > shown.length;
  }

  #byBoth(
    query: Query,
    request: SearchRequest,
    ground: SearchGround,
    embedding: ArrayLike<number>,
    found: HitWriter,
  ): boolean {
    const { k, keywordWeight, vectorWeight } = request;
    const depth = Math.max(FUSED_DEPTH_MIN, FUSED_DEPTH_FACTOR * k);
    const search = this.#keywords(query, request, ground);
    const top = keywordWeight === 0 ? [] : search.top(depth);
    const nearest = vectorWeight === 0 ? [] : this.#nearest(request, ground, embedding, depth);
    const byWords = top.map((hit): FusedEntry => {
      return { ref: search.refOf(hit), keywordScore: hit.score, read: () => search.read(hit) };
    });
    const byNearness = nearest.map((hit): FusedEntry => {
      return { ref: hit.ref, keywordScore: 0, read: () => hit.read() };
    });
    const fused = fuse<FusedEntry>(
      [
        { weight: keywordWeight, entries: byWords },
        { weight: vectorWeight, entries: byNearness },
      ],
      ({ ref }) => identityOf(ref),
      compareFused,
    );
    for (const { entry, score, ranks } of fused.slice(0, k)) {
      const [keywordRank, vectorRank] = ranks as [number, number];
      const keyword = (): ValueObject => {
        return { rank: keywordRank, weight: keywordWeight, ...search.explain(top[keywordRank - 1]!) };
      };
      const vector = (): ValueObject => {
        return { rank: vectorRank, weight: vectorWeight, score: nearest[vectorRank - 1]!.score };
      };
      const explain = (): ValueObject => ({
        mode: "hybrid",
        fused: score,
        ...(keywordRank === 0 ? {} : { keyword: keyword() }),
        ...(vectorRank === 0 ? {} : { vector: vector() }),
      });
      found.add(entry.read(), score, request.explain ? explain() : undefined);
    }
    // Each list goes deeper than `k`: where one was cut, more than `k` are left.
    return fused.length > k;
  }

  #keywords(query: Query, request: SearchRequest, { scope, spaces, filter }: SearchGround): KeywordSearch {
    const { settings } = this.#parts;
    const layers: EntryLayer[] = [];
    for (const space of spaces) {
      const ground = { scope, space, filter };
      for (const primitive of TABLES) {
        if (asksFor(request, primitive) && settings.isSearched(scope.run, primitive))
          this.#parts.texts.addTable(layers, ground, primitive, request.observe);
      }
      if (asksFor(request, "event") && settings.isSearched(scope.run, "event"))
        this.#parts.texts.addEvents(layers, ground, request.observe);
    }
    return new KeywordSearch(layers, query, request);
  }

  /** The halves are searched side by side, and no entry is in two of them: between them, nearness counts. */
  #nearest(request: SearchRequest, ground: SearchGround, embedding: ArrayLike<number>, limit: number): VectorHit[] {
    const question = { ...ground, request, embedding, limit };
    const lists = this.#parts.vectors.map((half) => half.search(question));
    if (lists.length === 1) return [...lists[0]!];
    return lists
      .flat()
      .sort((a, b) => b.score - a.score || compareRefs(a.ref, b.ref))
      .slice(0, limit);
  }

  #embedNow(query: string, request: SearchRequest, ground: SearchGround): ArrayLike<number> | undefined {
    if (!this.#needsEmbedding(request, ground)) return request.mode === "keyword" ? undefined : request.embedding;
    const embedding = this.#embeddedNow(query, request);
    if (embedding === undefined && request.mode !== undefined) {
      throw new StateError("EMBEDDER_IS_ASYNC", "the query can only be embedded asynchronously: use searchAsync", {
        mode: request.mode,
      });
    }
    return embedding;
  }

  /** An embedder that fails takes nothing from who did not ask for nearness: he is answered by words. */
  #embeddedNow(query: string, request: SearchRequest): ArrayLike<number> | undefined {
    try {
      return this.#parts.embedder?.embedNow(query);
    } catch (error) {
      if (request.mode !== undefined) throw error;
      this.#parts.embeddingFailed(error);
      return undefined;
    }
  }

  async #embed(query: string, request: SearchRequest, signal: AbortSignal | undefined) {
    if (!this.#needsEmbedding(request, this.#ground(request))) {
      return request.mode === "keyword" ? undefined : request.embedding;
    }
    try {
      return await this.#parts.embedder?.embed(query, signal);
    } catch (error) {
      if (request.mode !== undefined || signal?.aborted === true) throw error;
      this.#parts.embeddingFailed(error);
      return undefined;
    }
  }

  /** Whether the query has to be made into a vector, and can be. @throws InvalidArgumentError `INVALID_ARGUMENT` when it has to and cannot */
  #needsEmbedding(request: SearchRequest, ground: SearchGround): boolean {
    const { mode, embedding } = request;
    if (mode === "keyword" || embedding !== undefined) return false;
    if (this.#parts.embedder !== undefined) {
      return mode !== undefined || this.#parts.vectors.some((half) => half.hasAny({ ...ground, request }));
    }
    if (mode === undefined) return false;
    throw new InvalidArgumentError(
      "INVALID_ARGUMENT",
      `search in mode "${mode}" needs the query as a vector: give "embedding", or open the database with "embed"`,
      { option: "mode", mode },
    );
  }

  #ground(request: SearchRequest): SearchGround {
    const scope = "current" in this.#scope ? (this.#scope as StandInScope).current : this.#scope;
    const { spaces = [scope.space] } = request;
    return {
      scope,
      spaces: spaces === "all" ? scope.spaces(request.observe) : [...new Set(spaces)],
      filter: HitFilter.of(request),
    };
  }
}

/** Where a search looks, and what of it may be a hit. */
interface SearchGround {
  readonly scope: ReadScope;
  readonly spaces: readonly string[];
  readonly filter: HitFilter | undefined;
}

/** An entry in one of the lists, read when it is a hit. */
interface FusedEntry {
  readonly ref: EntityRef;
  /** 0 for one that was found by nearness alone. */
  readonly keywordScore: number;
  read(): FoundEntry;
}

/** Of equal sums, the better one by words, then that which comes first. */
function compareFused(a: FusedEntry, b: FusedEntry): number {
  return b.keywordScore - a.keywordScore || compareRefs(a.ref, b.ref);
}
