import { StrataError, type Value } from "@strata/core";
import fc from "fast-check";
import type { ReadScope } from "../src/index.js";
import { VectorReader } from "../src/index.js";
import type { SpaceModel } from "./naive-model.js";
import type { Operation } from "./operations.js";
import type { Stores } from "./stores.js";

/** A collection, naively. */
export interface CollectionModel {
  readonly dimension: number;
  readonly rows: Map<string, RowModel>;
}

interface RowModel {
  readonly vector: readonly number[];
  readonly metadata: Value | undefined;
}

const collection = fc.constantFrom("docs", "docs-2", "é");
const key = fc.constantFrom("a", "a/b", "b", "__proto__", "\u{1f600}");
const metadata = fc.option(
  fc.dictionary(fc.constantFrom("x", "__proto__"), fc.constantFrom<Value>(1, "text", [null]), { maxKeys: 2 }),
  {
    nil: undefined,
  },
) as fc.Arbitrary<Value | undefined>;
const vector = fc.array(fc.constantFrom(0, -0, 1.5, -2, Math.fround(0.1)), { minLength: 1, maxLength: 2 });
const entry = fc.record({ key, vector, metadata });

/** What `work` returns, or the code of its error. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (StrataError.is(error)) return error.code;
    throw error;
  }
}

function upsertAll(space: SpaceModel, name: string, entries: readonly ({ readonly key: string } & RowModel)[]): string {
  const there = space.vectors.get(name);
  if (there === undefined) return "COLLECTION_NOT_FOUND";
  if (entries.some(({ vector }) => vector.length !== there.dimension)) return "DIMENSION_MISMATCH";
  for (const { key, vector, metadata } of entries) there.rows.set(key, { vector, metadata });
  return "written";
}

const row = ({ vector, metadata }: { vector: ArrayLike<number>; metadata: Value | undefined }): RowModel => ({
  vector: Array.from(vector),
  metadata,
});

export const vectorOperations: fc.Arbitrary<Operation>[] = [
  fc.tuple(collection, fc.constantFrom(1, 2), fc.constantFrom("error", "keep")).map(([name, dimension, ifExists]) => ({
    name: `vectors.createCollection(${name}, ${dimension}, ${ifExists})`,
    onModel: ({ vectors }) => {
      const there = vectors.get(name);
      if (there !== undefined)
        return ifExists === "keep" && there.dimension === dimension ? false : "COLLECTION_EXISTS";
      vectors.set(name, { dimension, rows: new Map() });
      return true;
    },
    onStores: ({ vectors }) =>
      outcome(() => vectors.createCollection(name, { dimension, ifExists: ifExists as "keep" })),
  })),
  collection.map((name) => ({
    name: `vectors.deleteCollection(${name})`,
    onModel: ({ vectors }) => vectors.delete(name),
    onStores: ({ vectors }) => vectors.deleteCollection(name),
  })),
  ...repeated(3, () =>
    fc.tuple(collection, entry).map(([name, entry]) => ({
      name: `vectors.upsert(${name}, ${entry.key}, ${entry.vector})`,
      onModel: (space: SpaceModel) => upsertAll(space, name, [entry]),
      onStores: ({ vectors }: Stores) =>
        outcome(() => {
          vectors.upsert(name, entry.key, entry.vector, entry.metadata as object);
          return "written";
        }),
    })),
  ),
  fc.tuple(collection, fc.array(entry, { maxLength: 3 })).map(([name, entries]) => ({
    name: `vectors.upsertMany(${name}, ${entries.map(({ key, vector }) => `${key}: ${vector}`)})`,
    onModel: (space) => upsertAll(space, name, entries),
    onStores: ({ vectors }) =>
      outcome(() => {
        vectors.upsertMany(name, entries as never);
        return "written";
      }),
  })),
  fc.tuple(collection, key).map(([name, key]) => ({
    name: `vectors.delete(${name}, ${key})`,
    onModel: ({ vectors }) => vectors.get(name)?.rows.delete(key) ?? "COLLECTION_NOT_FOUND",
    onStores: ({ vectors }) => outcome(() => vectors.delete(name, key)),
  })),
  fc.tuple(collection, key).map(([name, key]) => ({
    name: `vectors.get(${name}, ${key})`,
    onModel: ({ vectors }) => {
      const there = vectors.get(name);
      return there === undefined ? "COLLECTION_NOT_FOUND" : there.rows.get(key);
    },
    onStores: ({ vectors }) =>
      outcome(() => {
        const found = vectors.get(name, key);
        return found === undefined ? undefined : row(found);
      }),
  })),
  fc.tuple(collection, fc.constantFrom("", "a", "a/"), fc.boolean()).map(([name, prefix, reverse]) => ({
    name: `vectors.keys(${name}, ${prefix}, ${reverse})`,
    onModel: ({ vectors }) => {
      const there = vectors.get(name);
      if (there === undefined) return "COLLECTION_NOT_FOUND";
      const keys = [...there.rows.keys()].filter((key) => key.startsWith(prefix)).sort();
      return reverse ? keys.reverse() : keys;
    },
    onStores: ({ vectors }) => outcome(() => vectors.keys(name, { prefix, reverse })),
  })),
  collection.map((name) => ({
    name: `vectors.count(${name}, x is 1)`,
    onModel: ({ vectors }) => {
      const there = vectors.get(name);
      if (there === undefined) return "COLLECTION_NOT_FOUND";
      return [...there.rows.values()].filter(({ metadata }) =>
        Object.entries(metadata ?? {}).some(([name, value]) => name === "x" && value === 1),
      ).length;
    },
    onStores: ({ vectors }) => outcome(() => vectors.count(name, { x: 1 })),
  })),
  fc.constant({
    name: "vectors.listCollections()",
    onModel: ({ vectors }: SpaceModel) =>
      [...vectors].map(([name, { dimension, rows }]) => [name, dimension, rows.size]).sort(),
    onStores: ({ vectors }: Stores) =>
      vectors.listCollections().map(({ name, dimension, count }) => [name, dimension, count]),
  }),
];

/** The vectors that one space shows, in the model's terms. */
export function observeVectors(scope: ReadScope): Map<string, CollectionModel> {
  const vectors = new VectorReader(scope);
  return new Map(
    vectors.listCollections().map(({ name, dimension }) => {
      const rows = vectors.keys(name).map((key) => [key, row(vectors.get(name, key) as never)] as const);
      return [name, { dimension, rows: new Map(rows) }];
    }),
  );
}

function repeated<T>(times: number, make: () => T): T[] {
  return Array.from({ length: times }, make);
}
