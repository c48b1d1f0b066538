import type { Where } from "@strata/engine";
import { z } from "zod";
import { reads } from "./definition.js";
import { count, entityRef, flag, object, text, timestamp, value } from "./schemas.js";

const mode = z.enum(["keyword", "vector", "hybrid"]);

const filter = z
  .record(z.string(), z.unknown())
  .meta({ description: 'conditions on values: { "lang": "en", "year": { "$gte": 2020 } }' }) as unknown as z.ZodType<
  Where,
  Where
>;

const hit = z.object({
  ref: entityRef,
  value,
  score: z.number(),
  rank: count,
  timestamp,
  snippet: text,
  highlights: z
    .array(z.tuple([count, count]).readonly())
    .readonly()
    .exactOptional(),
  explain: object.exactOptional(),
});

export const searchCommands = {
  search: reads({
    help: "The entries that a query finds, by words, by vectors, or both.",
    input: {
      query: z.string().meta({ description: 'words; +must, -mustNot, "a phrase", begin*, nearly~' }),
      k: z.int().optional().meta({ description: "at most so many hits: 10" }),
      mode: mode.optional(),
      primitives: z.array(z.enum(["kv", "event", "state", "json", "vector"])).optional(),
      spaces: z
        .union([z.literal("all"), z.array(z.string())])
        .optional()
        .meta({ description: "the current one unless said" }),
      prefix: z.string().optional().meta({ description: "of keys; of events that of their types" }),
      types: z.array(z.string()).optional().meta({ description: "of events" }),
      filter: filter.optional(),
      embedding: z.array(z.number()).optional().meta({ description: "the query as a vector" }),
      collections: z.array(z.string()).optional().meta({ description: "of vectors" }),
      timeRange: z
        .strictObject({ start: timestamp.optional(), end: timestamp.optional() })
        .optional()
        .meta({ description: "of commits, the end exclusive" }),
      bm25: z.strictObject({ k1: z.number().optional(), b: z.number().optional() }).optional(),
      weights: z
        .strictObject({ keyword: z.number().optional(), vector: z.number().optional() })
        .optional()
        .meta({ description: "of the two halves of a hybrid search" }),
      explain: flag.optional(),
      highlight: flag.optional(),
      observe: flag.optional(),
    },
    output: z.object({ hits: z.array(hit).readonly(), truncated: flag, mode, elapsedUs: z.number() }),
    run: (scope, { query, ...options }) => scope.search(query, options),
  }),
};
