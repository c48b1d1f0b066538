import type { Options, ValueObject } from "@strata/core";
import {
  type Collection,
  compileWhere,
  invalid,
  kindOf,
  optionalBoolean,
  optionalInteger,
  optionalString,
  optionsOf,
  vectorFrom,
  type Where,
} from "@strata/engine";
import type { VectorsWanted } from "./vector-search.js";

/** What a search of vectors may be told. Every member may be left out. */
export type VectorSearchOptions = Options<{
  /** At most so many matches, 10 unless said. */
  k: number;
  /** Only vectors whose keys begin with it. */
  prefix: string;
  /** Only vectors whose metadata satisfies it; a vector without any has no field. */
  filter: Where;
  /** Candidates that are looked at in the graph; what the collection says unless said. More of them find more of the nearest. */
  efSearch: number;
  /** True: compare with every vector, in full. False, unless said: the graph may miss one now and then. */
  exact: boolean;
  /** Only matches that score at least so much. */
  minScore: number;
  /** Gives every match its vector. */
  includeVectors: boolean;
  /** False: what was searched is not validated at commit. Only a transaction observes at all. */
  observe: boolean;
}>;

/** Higher scores are nearer: cosine −1…1, 0 where one of both is zero; dot the product; euclidean 1 / (1 + distance). */
export interface VectorMatch {
  readonly key: string;
  readonly score: number;
  readonly metadata: ValueObject | undefined;
  /** A copy, exactly what is stored; with `includeVectors`. */
  readonly vector?: Float32Array;
}

const OPTION_NAMES = [
  "k",
  "prefix",
  "filter",
  "efSearch",
  "exact",
  "minScore",
  "includeVectors",
  "observe",
] as const satisfies readonly (keyof VectorSearchOptions)[];

const WHERE = "vectors.search";

/** Options of a search that need no collection to be understood. */
export interface CheckedSearch {
  readonly minScore: number;
  readonly includeVectors: boolean;
  readonly isObserved: boolean;
  /** The rest of it, for a collection. @throws InvalidArgumentError `DIMENSION_MISMATCH`, `INVALID_VALUE` */
  in(name: string, collection: Collection): VectorsWanted;
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` */
export function checkSearch(query: unknown, options: unknown): CheckedSearch {
  const given = optionsOf(options, OPTION_NAMES, WHERE);
  const k = optionalInteger(given.k, "k", 0, WHERE) ?? 10;
  const prefix = optionalString(given.prefix, "prefix", WHERE) ?? "";
  const filter = given.filter === undefined ? undefined : compileWhere(given.filter, WHERE);
  const ef = optionalInteger(given.efSearch, "efSearch", 1, WHERE);
  const isExact = optionalBoolean(given.exact, "exact", WHERE);
  return {
    minScore: scoreFrom(given.minScore),
    includeVectors: optionalBoolean(given.includeVectors, "includeVectors", WHERE),
    isObserved: given.observe === undefined || optionalBoolean(given.observe, "observe", WHERE),
    in: (name, { dimension, efSearch }) => {
      const vector = vectorFrom(query, name, dimension, WHERE);
      return { k, vector, prefix, filter, ef: ef ?? efSearch, isExact };
    },
  };
}

function scoreFrom(value: unknown): number {
  if (value === undefined) return Number.NEGATIVE_INFINITY;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  const given = typeof value === "number" ? "NaN" : kindOf(value);
  throw invalid(WHERE, `takes minScore as a number, not ${given}`, { option: "minScore" });
}
