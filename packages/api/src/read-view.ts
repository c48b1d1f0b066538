import { type Version, validateSpaceName } from "@strata/core";
import type {
  Database,
  DigestOptions,
  EventReads,
  JsonReads,
  KvReads,
  PastScope,
  ReplayedScope,
  StateReads,
} from "@strata/engine";
import type { SearchOptions, SearchResult } from "@strata/intelligence";
import { makeDisposable } from "./disposable.js";
import { checkOptions, isBoolean, isString } from "./option-check.js";
import { type Reads, ScopeReads, type VectorReads } from "./primitives.js";

/** A run as it was at one version. Reads never change; what they need is kept until the view is disposed or collected. */
export interface ReadView extends Reads, Disposable {
  readonly run: string;
  /** The version every read is as of. */
  readonly version: Version;
  /** µs since the epoch: when that version was committed; 0 before the first commit. */
  readonly timestamp: number;
  currentSpace(): string;
  /** Another space at the same version. */
  in(at: { readonly space: string }): ReadView;
  /**
   * SHA-256 of the run as of then, all spaces, 64 hex digits: equal for equal data, however it came about. What has expired by the time of
   * the view is left out. With `history` also of every version, its timestamp, and what was deleted.
   */
  digest(options?: DigestOptions): string;
}

/** A run folded anew from its commits. It shares nothing that could change with the live store, and stays what it is. */
export interface ReadOnlyView extends ReadView {
  /** How many writes were folded, those that a fork inherited included. */
  readonly operationCount: number;
}

export class RunReadView implements ReadView {
  declare readonly [Symbol.dispose]: () => void;
  readonly #database: Database;
  readonly #scope: PastScope;
  readonly #reads: ScopeReads;

  constructor(database: Database, scope: PastScope) {
    this.#database = database;
    this.#scope = scope;
    this.#reads = new ScopeReads(database, scope);
  }

  get kv(): KvReads {
    return this.#reads.kv;
  }

  get events(): EventReads {
    return this.#reads.events;
  }

  get state(): StateReads {
    return this.#reads.state;
  }

  get json(): JsonReads {
    return this.#reads.json;
  }

  get vectors(): VectorReads {
    return this.#reads.vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    return this.#reads.search(query, options);
  }

  get run(): string {
    return this.#scope.run;
  }

  get version(): Version {
    return this.#scope.version;
  }

  get timestamp(): number {
    return this.#scope.timestamp;
  }

  currentSpace(): string {
    return this.#scope.space;
  }

  in(at: { readonly space: string }): ReadView {
    checkOptions("in", at, { space: isString }, ["space"]);
    validateSpaceName(at.space);
    return new RunReadView(this.#database, this.#scope.in(at.space));
  }

  digest(options?: DigestOptions): string {
    checkOptions("digest", options, { history: isBoolean });
    return this.#scope.digest(options);
  }

  static {
    makeDisposable(RunReadView, function () {
      this.#scope.dispose();
    });
  }
}

export class ReplayedView extends RunReadView implements ReadOnlyView {
  readonly operationCount: number;

  constructor(database: Database, scope: ReplayedScope) {
    super(database, scope);
    this.operationCount = scope.operationCount;
    Object.freeze(this);
  }
}
