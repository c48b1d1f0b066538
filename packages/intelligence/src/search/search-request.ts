import { DEFAULT_LIMITS, InvalidArgumentError, type Primitive } from "@strata/core";
import { compileWhere, type Predicate, vectorFrom } from "@strata/engine";
import { DEFAULT_B, DEFAULT_K1 } from "../text/bm25.js";
import type { SearchMode, SearchOptions } from "./search-options.js";

/** Hits, unless said. */
const DEFAULT_K = 10;
/** Nobody has as many entries: asking for more is asking for all. */
const K_MOST = 2 ** 31 - 1;

/** What is asked, with everything said that options leave unsaid. */
export interface SearchRequest {
  readonly k: number;
  /** `undefined`: as much as is at hand. */
  readonly mode: SearchMode | undefined;
  /** `undefined` for all. */
  readonly primitives: readonly Primitive[] | undefined;
  /** `undefined` for the reader's own. */
  readonly spaces: readonly string[] | "all" | undefined;
  readonly prefix: string;
  /** `undefined` for all. */
  readonly types: ReadonlySet<string> | undefined;
  readonly filter: Predicate | undefined;
  readonly embedding: ArrayLike<number> | undefined;
  /** `undefined` for all. */
  readonly collections: readonly string[] | undefined;
  /** µs since the epoch, inclusive. */
  readonly from: number;
  /** µs since the epoch, exclusive. */
  readonly to: number;
  readonly k1: number;
  readonly b: number;
  readonly keywordWeight: number;
  readonly vectorWeight: number;
  readonly explain: boolean;
  readonly highlight: boolean;
  readonly observe: boolean;
}

const DEFAULTS: SearchRequest = requestOf({});

/**
 * @param options of the right types: whoever takes them from outside has checked that.
 * @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_PATH` for a filter that is none
 */
export function searchRequest(options: SearchOptions | undefined): SearchRequest {
  return options === undefined ? DEFAULTS : requestOf(options);
}

/** Whether entries of `primitive` can be among the hits. */
export function asksFor(request: SearchRequest, primitive: Primitive): boolean {
  if (request.types !== undefined && primitive !== "event") return false;
  return request.primitives === undefined || request.primitives.includes(primitive);
}

function requestOf(options: SearchOptions): SearchRequest {
  const { types, filter, timeRange, bm25, weights } = options;
  return {
    k: Math.min(options.k ?? DEFAULT_K, K_MOST),
    mode: options.mode,
    primitives: options.primitives,
    spaces: options.spaces,
    prefix: options.prefix ?? "",
    types: types === undefined ? undefined : new Set(types),
    filter: filter === undefined ? undefined : compileWhere(filter, "search"),
    embedding: options.embedding === undefined ? undefined : embeddingFrom(options.embedding),
    collections: options.collections,
    from: microseconds(timeRange?.start, Number.NEGATIVE_INFINITY),
    to: microseconds(timeRange?.end, Number.POSITIVE_INFINITY),
    k1: bm25?.k1 ?? DEFAULT_K1,
    b: bm25?.b ?? DEFAULT_B,
    keywordWeight: weights?.keyword ?? 1,
    vectorWeight: weights?.vector ?? 1,
    explain: options.explain ?? false,
    highlight: options.highlight ?? false,
    observe: options.observe ?? true,
  };
}

/** @throws InvalidArgumentError `INVALID_VALUE` for what is no finite vector, `INVALID_ARGUMENT` for one that is too long */
function embeddingFrom(given: ArrayLike<number>): Float32Array {
  const { length } = given;
  const most = DEFAULT_LIMITS.vectorDimension;
  if (length > most) {
    const message = `search takes an embedding of at most ${most} components, not ${length}`;
    throw new InvalidArgumentError("INVALID_ARGUMENT", message, { option: "embedding", length, limit: most });
  }
  return vectorFrom(given, "embedding", length, "search");
}

function microseconds(time: number | Date | undefined, unsaid: number): number {
  if (time === undefined) return unsaid;
  return time instanceof Date ? time.getTime() * 1000 : time;
}
