import type { Value, ValueObject, Version } from "@strata/core";
import {
  type Database,
  type EventLog,
  EventLogReader,
  EventLogStore,
  type EventReads,
  JsonDocumentStore,
  JsonReader,
  type JsonReads,
  type JsonStore,
  type Kv,
  KvReader,
  type KvReads,
  KvStore,
  type ReadScope,
  type Scope,
  StateCellReader,
  StateCellStore,
  type StateCells,
  type StateReads,
} from "@strata/engine";
import {
  IndexedDocuments,
  Indexes,
  SearchableVectorReader,
  SearchableVectorStore,
  Searcher,
  type SearchOptions,
  SearchParts,
  type SearchResult,
  type SearchableVectorReads as VectorReads,
  type SearchableVectors as Vectors,
} from "@strata/intelligence";
import { checkSearch } from "./search-check.js";

type AnyEvents = { readonly [type: string]: ValueObject };

export type { JsonPatchOperation as PatchOperation, JsonPath } from "@strata/engine";
export type { VectorReads, Vectors };

/** Everything that can be read in one run and one space. */
export interface Reads {
  readonly kv: KvReads;
  readonly events: EventReads;
  readonly state: StateReads;
  readonly json: JsonReads;
  readonly vectors: VectorReads;
  /**
   * The entries of this space that a query finds: by its words, and by nearness where an embedding is at hand. Any text is a query: words are
   * looked for one by one, `+word` must be there and `-word` must not, `"two words"` stand together, `begin*` and `nearly~` stand for others
   * like them. What was searched is observed, unless `observe` is false.
   *
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT`, `INVALID_NAME`; `INVALID_PATH` of a filter; `INVALID_VALUE`, `DIMENSION_MISMATCH` of an embedding
   * @throws {NotFoundError} `COLLECTION_NOT_FOUND`
   * @throws {StateError} `EMBEDDER_IS_ASYNC` when `mode` asks for vectors and the query can only be embedded asynchronously; `HISTORY_TRIMMED`
   */
  search(query: string, options?: SearchOptions): SearchResult;
}

/**
 * Everything that can be read and written in one run and one space.
 *
 * @typeParam W what a plain write returns: its commit's version, or `undefined` inside a transaction, where there is none yet.
 */
export interface Primitives<W = Version> extends Reads {
  readonly kv: Kv<Value, unknown, W>;
  readonly events: EventLog<AnyEvents, { readonly [type: string]: object }, W>;
  readonly state: StateCells;
  readonly json: JsonStore<Value, unknown, W>;
  readonly vectors: Vectors<W>;
}

/** The primitives over one scope, each made when it is first asked for: a handle that only reads keys pays for keys. */
export class ScopePrimitives<W> implements Primitives<W> {
  readonly #database: Database;
  readonly #scope: Scope;
  #kv: Kv<Value, unknown, W> | undefined;
  #events: EventLog<AnyEvents, { readonly [type: string]: object }, W> | undefined;
  #state: StateCells | undefined;
  #json: JsonStore<Value, unknown, W> | undefined;
  #vectors: Vectors<W> | undefined;
  #searcher: Searcher | undefined;

  constructor(database: Database, scope: Scope) {
    this.#database = database;
    this.#scope = scope;
    this.#searcher = undefined;
    this.#kv = undefined;
    this.#events = undefined;
    this.#state = undefined;
    this.#json = undefined;
    this.#vectors = undefined;
  }

  get kv(): Kv<Value, unknown, W> {
    this.#kv ??= new KvStore(this.#scope);
    return this.#kv;
  }

  get events(): EventLog<AnyEvents, { readonly [type: string]: object }, W> {
    this.#events ??= new EventLogStore(this.#scope);
    return this.#events;
  }

  get state(): StateCells {
    this.#state ??= new StateCellStore(this.#scope);
    return this.#state;
  }

  get json(): JsonStore<Value, unknown, W> {
    this.#json ??= new JsonDocumentStore(this.#scope, IndexedDocuments.of(this.#database));
    return this.#json;
  }

  get vectors(): Vectors<W> {
    this.#vectors ??= new SearchableVectorStore<W>(this.#scope, Indexes.of(this.#database));
    return this.#vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    checkSearch(query, options);
    return this.#search().search(query, options);
  }

  /** @param options checked. */
  async searchAsync(query: string, options: SearchOptions, signal: AbortSignal | undefined): Promise<SearchResult> {
    return await this.#search().searchAsync(query, options, signal);
  }

  #search(): Searcher {
    this.#searcher ??= new Searcher(SearchParts.of(this.#database), this.#scope);
    return this.#searcher;
  }
}

/** The same, for reading. */
export class ScopeReads implements Reads {
  readonly #database: Database;
  readonly #scope: ReadScope;
  #kv: KvReads | undefined;
  #events: EventReads | undefined;
  #state: StateReads | undefined;
  #json: JsonReads | undefined;
  #vectors: VectorReads | undefined;
  #searcher: Searcher | undefined;

  constructor(database: Database, scope: ReadScope) {
    this.#database = database;
    this.#scope = scope;
    this.#searcher = undefined;
    this.#kv = undefined;
    this.#events = undefined;
    this.#state = undefined;
    this.#json = undefined;
    this.#vectors = undefined;
  }

  get kv(): KvReads {
    this.#kv ??= new KvReader(this.#scope);
    return this.#kv;
  }

  get events(): EventReads {
    this.#events ??= new EventLogReader(this.#scope);
    return this.#events;
  }

  get state(): StateReads {
    this.#state ??= new StateCellReader(this.#scope);
    return this.#state;
  }

  get json(): JsonReads {
    this.#json ??= new JsonReader(this.#scope, IndexedDocuments.of(this.#database));
    return this.#json;
  }

  get vectors(): VectorReads {
    this.#vectors ??= new SearchableVectorReader(this.#scope, Indexes.of(this.#database));
    return this.#vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    checkSearch(query, options);
    this.#searcher ??= new Searcher(SearchParts.of(this.#database), this.#scope);
    return this.#searcher.search(query, options);
  }
}
