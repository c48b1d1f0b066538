import type { Value, ValueObject } from "@strata/core";
import type { Where } from "@strata/engine";
import { z } from "zod";

/** A stored value. What it may be is checked where it is stored, with the path of what is wrong. */
export const value = z.unknown().meta({ description: "any value" }) as unknown as z.ZodType<Value, Value>;

/** As `value`, for what must be an object: a payload, meta data. */
export const object = z.unknown().meta({ type: "object" }) as unknown as z.ZodType<ValueObject, ValueObject>;

/** What a command gives that only does something. */
export const nothing = z.null();

export const key = z.string().meta({ description: "1 to 1024 bytes of UTF-8" });
export const cell = z.string().meta({ description: "name of a state cell" });
export const keys = z.array(key).readonly();
export const version = z.int().meta({ description: "commit version" });
export const timestamp = z.number().meta({ description: "µs since the epoch" });
export const sequence = z.int().meta({ description: "number of an event, from 0" });
export const flag = z.boolean();
export const count = z.int();
export const text = z.string();
export const names = z.array(z.string());

/** What a plain write gives: the commit's version, nothing inside a transaction. */
export const written = version.optional();

export const jsonPath = z
  .union([z.string(), z.array(z.union([z.string(), z.number()])).readonly()])
  .meta({ description: '"$.a[0]", or segments: ["a", 0]' });

/** Conditions on a value. What they may be is checked where they are asked, with the place of what is wrong. */
export const where = z
  .unknown()
  .refine((given) => typeof given === "object" && given !== null, "must be an object")
  .meta({
    type: "object",
    description: 'conditions on fields: { "lang": "en", "at.year": { "$gte": 2020 } }; $and, $or and $not combine them',
  }) as unknown as z.ZodType<Where, Where>;

const limit = z.int().optional().meta({ description: "at most so many" });

/** Which keys: the members of ScanOptions. */
export const scan = {
  prefix: z.string().optional(),
  start: z.string().optional().meta({ description: "lower bound, inclusive" }),
  end: z.string().optional().meta({ description: "upper bound, exclusive" }),
  after: z.string().optional().meta({ description: "last key of the page before" }),
  limit,
  reverse: z.boolean().optional(),
};

/** Which events: the members of EventScan. */
export const eventScan = {
  after: sequence.optional().meta({ description: "last sequence of the page before" }),
  limit,
  reverse: z.boolean().optional(),
};

/** Which versions: the members of HistoryOptions. */
export const page = {
  limit,
  before: version.optional().meta({ description: "only versions below this one" }),
};

/** The moment a read looks at: now unless said. */
export const at = {
  at: z
    .union([
      z.strictObject({ version: z.int() }),
      z.strictObject({ time: z.number() }),
      z.strictObject({ tag: z.string() }),
    ])
    .optional()
    .meta({ description: "read as of a version, a time (µs since the epoch) or a tag" }),
};

const stamp = { version, timestamp };

export const versioned = z.object({ value, ...stamp, expiresAt: timestamp.exactOptional() });

export const history = z.array(
  z.union([z.object({ deleted: z.literal(false), value, ...stamp }), z.object({ deleted: z.literal(true), ...stamp })]),
);

const place = { run: text, space: text };

/** Which entry something is about: EntityRef. */
export const entityRef = z.union([
  z.object({ ...place, primitive: z.enum(["kv", "state", "json"]), key: text }),
  z.object({ ...place, primitive: z.literal("event"), type: text, sequence }),
  z.object({ ...place, primitive: z.literal("vector"), collection: text, key: text }),
]);

export const entries = z.array(z.tuple([key, value]));

/** What a transaction did: CommitInfo. */
export const committed = z.object({
  run: text,
  version,
  epoch: count,
  timestamp,
  events: z.array(z.object({ space: text, type: text, sequence, hash: text })).readonly(),
});
