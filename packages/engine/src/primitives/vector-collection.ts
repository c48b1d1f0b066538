import {
  InvalidArgumentError,
  type Limits,
  NotFoundError,
  type Options,
  StateError,
  Value,
  type ValueObject,
  validateCollectionName,
} from "@strata/core";
import type { Stored } from "@strata/storage";
import type { ReadScope, TableReader } from "../scope.js";
import { invalid, kindOf, mustInteger, optionsOf } from "./options.js";
import { COLLECTION_ROWS, collectionRowKey, vectorNameOf } from "./vector-row.js";

const METRICS = ["cosine", "euclidean", "dot"] as const;
const INDEXES = ["auto", "flat", "hnsw"] as const;
const QUANTIZATIONS = ["none", "int8"] as const;
const ON_EXISTING = ["error", "keep"] as const;

export type Metric = (typeof METRICS)[number];

export type CollectionOptions = {
  /** Components of each vector: 1 to `limits.vectorDimension`, 8192 unless opened otherwise. */
  readonly dimension: number;
} & Options<{
  /** How alike two vectors are: "cosine" unless said. */
  metric: Metric;
  /** "flat" compares with every vector, "hnsw" walks a graph; "auto", unless said, takes what is faster for as many as there are. */
  index: (typeof INDEXES)[number];
  /** With "int8" small copies of the vectors find candidates, which are then compared exactly. "none" unless said. */
  quantization: (typeof QUANTIZATIONS)[number];
  /** Of the graph: links per vector and layer. 16 unless said. */
  m: number;
  /** Of the graph: candidates looked at for each vector that is linked. 200 unless said. */
  efConstruction: number;
  /** Of the graph: candidates looked at in a search. 50 unless said. */
  efSearch: number;
}>;

/** The options of a collection, all of them: its row in the table. */
export interface Collection {
  readonly dimension: number;
  readonly metric: Metric;
  readonly index: (typeof INDEXES)[number];
  readonly quantization: (typeof QUANTIZATIONS)[number];
  readonly m: number;
  readonly efConstruction: number;
  readonly efSearch: number;
}

const NAMES = ["dimension", "metric", "index", "quantization", "m", "efConstruction", "efSearch"] as const;
const M_MAX = 128;
const EF_MAX = 10_000;
/** How much of a word that is none goes into a message. */
const SHOWN_LENGTH = 60;

/**
 * What `createCollection` was given, checked and completed.
 *
 * @throws InvalidArgumentError `INVALID_ARGUMENT`
 */
export function collectionFrom(
  input: unknown,
  limits: Limits,
  where: string,
): { readonly collection: Collection; readonly ifExists: (typeof ON_EXISTING)[number] } {
  if (input === undefined) throw invalid(where, "takes at least { dimension }", { names: NAMES });
  const given = optionsOf(input, [...NAMES, "ifExists"], where);
  return {
    collection: Object.freeze({
      dimension: within(given.dimension, "dimension", 1, limits.vectorDimension, where),
      metric: oneOf(given.metric ?? "cosine", "metric", METRICS, where),
      index: oneOf(given.index ?? "auto", "index", INDEXES, where),
      quantization: oneOf(given.quantization ?? "none", "quantization", QUANTIZATIONS, where),
      m: within(given.m ?? 16, "m", 2, M_MAX, where),
      efConstruction: within(given.efConstruction ?? 200, "efConstruction", 1, EF_MAX, where),
      efSearch: within(given.efSearch ?? 50, "efSearch", 1, EF_MAX, where),
    }),
    ifExists: oneOf(given.ifExists ?? "error", "ifExists", ON_EXISTING, where),
  };
}

/** The collection in a row, which came from outside; `undefined` when none of ours has such a one. */
export function collectionIn(value: unknown, limits: Limits): Collection | undefined {
  try {
    const { collection } = collectionFrom(value, limits, "a collection");
    return Value.equal(collection as unknown as ValueObject, value as Value) ? collection : undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}

/** Whether both have the same options, or there is neither. */
export function collectionsAlike(a: Collection | undefined, b: Collection | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return NAMES.every((name) => a[name] === b[name]);
}

/**
 * The collection as the scope has it, observed; `undefined` when there is none.
 *
 * @throws InvalidArgumentError `INVALID_NAME`
 */
export function collectionOf(scope: ReadScope, name: string): Collection | undefined {
  validateCollectionName(name);
  return collectionAt(scope.table("vector"), name);
}

/** The same, of a name that was checked. */
export function collectionAt(table: TableReader, name: string): Collection | undefined {
  return table.get(collectionRowKey(name)) as unknown as Collection | undefined;
}

/** Every collection by name, in code point order. Observes which there are, and their options. */
export function collectionsOf(scope: ReadScope): Map<string, Collection> {
  const collections = new Map<string, Collection>();
  scope.table("vector").scan(COLLECTION_ROWS, "values", (row, stored) => {
    collections.set(vectorNameOf(row).collection, stored as unknown as Collection);
    return true;
  });
  return collections;
}

export function collectionRow(collection: Collection): Stored {
  return collection as unknown as ValueObject;
}

/** @throws NotFoundError `COLLECTION_NOT_FOUND` */
export function collectionMissing(name: string, { run, space }: ReadScope): never {
  throw new NotFoundError("COLLECTION_NOT_FOUND", `there is no vector collection "${name}" in space "${space}"`, {
    collection: name,
    run,
    space,
  });
}

export function collectionThere(name: string, there: Collection, wanted: Collection): StateError {
  const isEqual = collectionsAlike(there, wanted);
  const differing = NAMES.filter((option) => there[option] !== wanted[option]);
  const how = differing.map((option) => `${option} ${there[option]}`).join(", ");
  const message = `collection "${name}" exists${isEqual ? "" : `, with other options: ${how}`}`;
  const facts = { collection: name, options: there, differing };
  if (isEqual) return new StateError("COLLECTION_EXISTS", message, facts);
  return new StateError("COLLECTION_EXISTS", message, facts, {
    hint: "Use it as it is, delete it first, or take another name: the options of a collection do not change.",
  });
}

function within(value: unknown, name: string, least: number, most: number, where: string): number {
  if (value === undefined) throw invalid(where, `needs ${name}, an integer from ${least} to ${most}`, { option: name });
  const given = mustInteger(value, name, least, where);
  if (given <= most) return given;
  throw invalid(where, `takes ${name} as an integer of at most ${most}, not ${given}`, { option: name, most });
}

function oneOf<W extends string>(value: unknown, name: string, words: readonly W[], where: string): W {
  const word = words.find((each) => each === value);
  if (word !== undefined) return word;
  const given = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_LENGTH)) : kindOf(value);
  throw invalid(
    where,
    `takes ${name} as one of ${words.map((each) => JSON.stringify(each)).join(", ")}, not ${given}`,
    {
      option: name,
      words,
    },
  );
}
