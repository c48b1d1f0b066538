import type { Value } from "@strata/core";
import type { Predicate } from "@strata/engine";
import type { SearchRequest } from "./search-request.js";

/** Which entries may be hits, beyond what is searched: asked only of those that would be among the best. */
export class HitFilter {
  readonly #prefix: string;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #from: number;
  readonly #to: number;
  readonly #condition: Predicate | undefined;
  readonly hasTimes: boolean;
  readonly hasCondition: boolean;

  private constructor({ prefix, types, from, to, filter }: SearchRequest) {
    this.#prefix = prefix;
    this.#types = types;
    this.#from = from;
    this.#to = to;
    this.#condition = filter;
    this.hasTimes = from !== Number.NEGATIVE_INFINITY || to !== Number.POSITIVE_INFINITY;
    this.hasCondition = filter !== undefined;
  }

  /** `undefined` when the request takes everything. */
  static of(request: SearchRequest): HitFilter | undefined {
    const filter = new HitFilter(request);
    const takesAll = request.prefix === "" && request.types === undefined && !filter.hasTimes && !filter.hasCondition;
    return takesAll ? undefined : filter;
  }

  /** @param key of an event its type. */
  acceptsKey(key: string): boolean {
    return key.startsWith(this.#prefix);
  }

  acceptsType(type: string): boolean {
    return this.#types === undefined || this.#types.has(type);
  }

  /** @param timestamp µs since the epoch. */
  acceptsTime(timestamp: number): boolean {
    return timestamp >= this.#from && timestamp < this.#to;
  }

  /** @param value of an event its payload. */
  acceptsValue(value: Value): boolean {
    return this.#condition === undefined || this.#condition.matches(value);
  }
}
