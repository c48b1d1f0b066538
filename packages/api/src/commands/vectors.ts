import type { VectorEntry, Where } from "@strata/engine";
import type { VectorMatch } from "@strata/intelligence";
import { z } from "zod";
import { reads, writes } from "./definition.js";
import { count, flag, key, names, object, page, scan, timestamp, version, written } from "./schemas.js";

const collection = z.string().meta({ description: "name of a vector collection" });

/** What it may hold is checked where it is stored, with the dimension of the collection. */
const vector = z
  .unknown()
  .refine((given) => Array.isArray(given) || ArrayBuffer.isView(given), "must be a list of numbers")
  .meta({
    type: "array",
    items: { type: "number" },
    description: "as many numbers as the collection has dimensions",
  }) as unknown as z.ZodType<ArrayLike<number>, ArrayLike<number>>;

const filter = z
  .unknown()
  .refine((given) => typeof given === "object" && given !== null, "must be an object")
  .meta({
    type: "object",
    description: 'conditions on metadata: { "lang": "en", "year": { "$gte": 2020 } }',
  }) as unknown as z.ZodType<Where, Where>;

const metadata = object.optional().meta({ description: "an object kept beside the vector" });

const entry = z.object({
  key,
  vector: z.array(z.number()),
  metadata: object.exactOptional(),
  version,
  timestamp,
});

const history = z.array(
  z.union([
    z.object({ deleted: z.literal(false), value: entry, version, timestamp }),
    z.object({ deleted: z.literal(true), version, timestamp }),
  ]),
);

const match = z.object({
  key,
  score: z.number(),
  metadata: object.exactOptional(),
  vector: z.array(z.number()).exactOptional(),
});

const metric = z.enum(["cosine", "euclidean", "dot"]);

const info = z.object({
  name: z.string(),
  dimension: count,
  metric,
  index: z.enum(["flat", "hnsw"]),
  count,
  indexed: count,
  memoryBytes: count,
});

export const vectorCommands = {
  "vectors.get": reads({
    help: "A vector with its metadata, and the version and time of its commit.",
    input: { collection, key },
    output: entry.optional(),
    run: ({ vectors }, input) => {
      const found = vectors.get(input.collection, input.key);
      return found === undefined ? undefined : plainEntry(found);
    },
  }),
  "vectors.keys": reads({
    help: "The keys of a collection, of a prefix or range, in code point order.",
    input: { collection, ...scan },
    output: names,
    run: ({ vectors }, { collection: name, ...options }) => vectors.keys(name, options),
  }),
  "vectors.count": reads({
    help: "How many vectors a collection holds, or how many of them have such metadata.",
    input: { collection, filter: filter.optional() },
    output: count,
    run: ({ vectors }, input) => vectors.count(input.collection, input.filter),
  }),
  "vectors.history": reads({
    help: "The versions of a vector, newest first.",
    input: { collection, key, ...page },
    output: history,
    run: ({ vectors }, { collection: name, key, ...options }) =>
      vectors
        .history(name, key, options)
        .map((step) => (step.deleted ? step : { ...step, value: plainEntry(step.value) })),
  }),
  "vectors.listCollections": reads({
    help: "The vector collections, by name.",
    input: {},
    output: z.array(info),
    run: ({ vectors }) => vectors.listCollections(),
  }),
  "vectors.stats": reads({
    help: "What there is to say of a vector collection, and of its index.",
    input: { collection },
    output: info.optional(),
    run: ({ vectors }, input) => vectors.stats(input.collection),
  }),
  "vectors.search": reads({
    help: "The vectors nearest to one, nearest first.",
    input: {
      collection,
      query: vector,
      k: z.int().optional().meta({ description: "at most so many, 10 unless said" }),
      prefix: z.string().optional(),
      filter: filter.optional(),
      efSearch: z.int().optional(),
      exact: z.boolean().optional().meta({ description: "compare with every vector" }),
      minScore: z.number().optional(),
      includeVectors: z.boolean().optional(),
      observe: z.boolean().optional(),
    },
    output: z.array(match),
    run: ({ vectors }, { collection: name, query, ...options }) => vectors.search(name, query, options).map(plainMatch),
  }),
  "vectors.createCollection": writes({
    help: "Makes a vector collection; false when it is there with equal options and ifExists is keep.",
    input: {
      collection,
      dimension: z.int().meta({ description: "numbers in each vector" }),
      metric: metric.optional(),
      index: z.enum(["auto", "flat", "hnsw"]).optional(),
      quantization: z.enum(["none", "int8"]).optional(),
      m: z.int().optional(),
      efConstruction: z.int().optional(),
      efSearch: z.int().optional(),
      ifExists: z.enum(["error", "keep"]).optional(),
    },
    output: flag,
    run: ({ vectors }, { collection: name, ...options }) => vectors.createCollection(name, options),
  }),
  "vectors.deleteCollection": writes({
    help: "Deletes a vector collection with all its vectors; false when there was none.",
    input: { collection },
    output: flag,
    run: ({ vectors }, input) => vectors.deleteCollection(input.collection),
  }),
  "vectors.upsert": writes({
    help: "Writes a vector, with metadata beside it.",
    input: { collection, key, vector, metadata },
    output: written,
    run: ({ vectors }, input) => vectors.upsert(input.collection, input.key, input.vector, input.metadata),
  }),
  "vectors.upsertMany": writes({
    help: "Writes several vectors of a collection in one commit.",
    input: { collection, entries: z.array(z.strictObject({ key, vector, metadata })).readonly() },
    output: written,
    run: ({ vectors }, input) => vectors.upsertMany(input.collection, input.entries),
  }),
  "vectors.delete": writes({
    help: "Deletes a vector; false when it was absent.",
    input: { collection, key },
    output: flag,
    run: ({ vectors }, input) => vectors.delete(input.collection, input.key),
  }),
};

/** An entry as data: its vector as a list of numbers. */
function plainEntry({ vector, metadata, ...rest }: VectorEntry): z.output<typeof entry> {
  return { ...rest, vector: [...vector], ...(metadata === undefined ? {} : { metadata }) };
}

function plainMatch({ vector, metadata, ...rest }: VectorMatch): z.output<typeof match> {
  return {
    ...rest,
    ...(metadata === undefined ? {} : { metadata }),
    ...(vector === undefined ? {} : { vector: [...vector] }),
  };
}
