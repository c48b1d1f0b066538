import { z } from "zod";
import { reads, writes } from "./definition.js";
import {
  count,
  entries,
  flag,
  history,
  jsonPath,
  key,
  names,
  page,
  scan,
  text,
  timestamp,
  value,
  versioned,
  where,
  written,
} from "./schemas.js";

const pointer = z.string().meta({ description: "a JSON Pointer, RFC 6901" });

const patchOperation = z.union([
  z.strictObject({ op: z.enum(["add", "replace", "test"]), path: pointer, value }),
  z.strictObject({ op: z.literal("remove"), path: pointer }),
  z.strictObject({ op: z.enum(["move", "copy"]), from: pointer, path: pointer }),
]);

const find = {
  where,
  prefix: text.optional().meta({ description: "of the documents' keys" }),
  orderBy: text.optional().meta({ description: "a path: by what stands there, then by key" }),
  reverse: z.boolean().optional(),
  after: text.optional().meta({ description: "the last key of the page before" }),
  limit: z.int().optional().meta({ description: "at most so many" }),
};

export const jsonCommands = {
  "json.get": reads({
    help: "A document, or what is at a path of it.",
    input: { key, path: jsonPath.optional() },
    output: value.optional(),
    run: ({ json }, { key, path }) => (path === undefined ? json.get(key) : json.get(key, path)),
  }),
  "json.getVersioned": reads({
    help: "A document with the version and time of its last commit, and when it was made.",
    input: { key },
    output: versioned.extend({ createdAt: timestamp }).optional(),
    run: ({ json }, input) => json.getVersioned(input.key),
  }),
  "json.exists": reads({
    help: "Whether there is a document, or something at a path of it.",
    input: { key, path: jsonPath.optional() },
    output: flag,
    run: ({ json }, input) => json.exists(input.key, input.path),
  }),
  "json.list": reads({
    help: "The keys of the documents of a prefix or range.",
    input: scan,
    output: names,
    run: ({ json }, input) => json.list(input),
  }),
  "json.entries": reads({
    help: "The documents of a prefix or range with their keys.",
    input: scan,
    output: entries,
    run: ({ json }, input) => [...json.entries(input)],
  }),
  "json.query": reads({
    help: "Everything in a document that a JSONPath (RFC 9535) selects.",
    input: { key, jsonPath: text },
    output: z.array(value),
    run: ({ json }, input) => json.query(input.key, input.jsonPath),
  }),
  "json.find": reads({
    help: "The documents of which conditions hold, by key or in the order of a path.",
    input: find,
    output: z.array(z.object({ key, value })),
    run: ({ json }, { where: conditions, ...options }) => json.find(conditions, options),
  }),
  "json.explain": reads({
    help: "Which indexes a find uses, how many documents they propose, and how many are read.",
    input: find,
    output: z.object({ indexes: names.readonly(), candidates: count, scanned: count, matches: count }),
    run: ({ json }, { where: conditions, ...options }) => json.explain(conditions, options),
  }),
  "json.history": reads({
    help: "The versions of a document, newest first.",
    input: { key, ...page },
    output: history,
    run: ({ json }, { key, ...options }) => json.history(key, options),
  }),
  "json.set": writes({
    help: 'Writes at a path of a document ("$" is all of it); missing parents are made.',
    input: { key, path: jsonPath, value },
    output: written,
    run: ({ json }, input) => json.set(input.key, input.path, input.value),
  }),
  "json.put": writes({
    help: "Writes a whole document.",
    input: { key, document: value },
    output: written,
    run: ({ json }, input) => json.put(input.key, input.document),
  }),
  "json.delete": writes({
    help: "Deletes a document, or what is at a path of it; how many values went.",
    input: { key, path: jsonPath.optional() },
    output: count,
    run: ({ json }, input) => json.delete(input.key, input.path),
  }),
  "json.merge": writes({
    help: "Merges a patch in at a path (RFC 7396): null deletes a member.",
    input: { key, path: jsonPath, patch: value },
    output: written,
    run: ({ json }, input) => json.merge(input.key, input.path, input.patch),
  }),
  "json.patch": writes({
    help: "Applies a JSON Patch (RFC 6902), all of it or nothing.",
    input: { key, operations: z.array(patchOperation).readonly() },
    output: written,
    run: ({ json }, input) => json.patch(input.key, input.operations),
  }),
  "json.push": writes({
    help: "Appends to the array at a path; its new length.",
    input: { key, path: jsonPath, values: z.array(value).readonly() },
    output: count,
    run: ({ json }, input) => json.push(input.key, input.path, ...input.values),
  }),
  "json.increment": writes({
    help: "Adds to the number at a path; the new number.",
    input: { key, path: jsonPath, by: z.number().optional() },
    output: z.number(),
    run: ({ json }, input) => json.increment(input.key, input.path, input.by),
  }),
  "json.createIndex": writes({
    help: "Declares an index of what is at a path of the documents; whether there was none.",
    input: { path: text },
    output: flag,
    run: ({ json }, input) => json.createIndex(input.path),
  }),
  "json.dropIndex": writes({
    help: "Withdraws an index; whether there was one.",
    input: { path: text },
    output: flag,
    run: ({ json }, input) => json.dropIndex(input.path),
  }),
};
