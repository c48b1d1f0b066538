import { z } from "zod";
import { reads, writes } from "./definition.js";
import {
  count,
  entries,
  flag,
  history,
  key,
  keys,
  names,
  page,
  scan,
  value,
  version,
  versioned,
  written,
} from "./schemas.js";

const ttlMs = z.number().optional().meta({ description: "reads as absent from that long after the commit on" });

export const kvCommands = {
  "kv.get": reads({
    help: "The value of a key.",
    input: { key },
    output: value.optional(),
    run: ({ kv }, input) => kv.get(input.key),
  }),
  "kv.getMany": reads({
    help: "The values of several keys, in their order.",
    input: { keys },
    output: z.array(value.optional()),
    run: ({ kv }, input) => kv.getMany(input.keys),
  }),
  "kv.getVersioned": reads({
    help: "The value of a key with the version and time of its commit.",
    input: { key },
    output: versioned.optional(),
    run: ({ kv }, input) => kv.getVersioned(input.key),
  }),
  "kv.exists": reads({
    help: "Whether a key has a value.",
    input: { key },
    output: flag,
    run: ({ kv }, input) => kv.exists(input.key),
  }),
  "kv.list": reads({
    help: "The keys of a prefix or range, in code point order.",
    input: scan,
    output: names,
    run: ({ kv }, input) => kv.list(input),
  }),
  "kv.entries": reads({
    help: "The keys of a prefix or range with their values.",
    input: scan,
    output: entries,
    run: ({ kv }, input) => [...kv.entries(input)],
  }),
  "kv.history": reads({
    help: "The versions of a key, newest first.",
    input: { key, ...page },
    output: history,
    run: ({ kv }, { key, ...options }) => kv.history(key, options),
  }),
  "kv.put": writes({
    help: "Writes a key.",
    input: {
      key,
      value,
      ttlMs,
      ifVersion: version.optional().meta({ description: "only over that version, 0 for an absent key" }),
    },
    output: written,
    run: ({ kv }, { key, value, ...options }) => kv.put(key, value, options),
  }),
  "kv.putMany": writes({
    help: "Writes several keys in one commit.",
    input: { entries: z.array(z.tuple([key, value]).readonly()).readonly(), ttlMs },
    output: written,
    run: ({ kv }, { entries, ...options }) => kv.putMany(entries, options),
  }),
  "kv.delete": writes({
    help: "Deletes a key; false when it was absent.",
    input: { key },
    output: flag,
    run: ({ kv }, input) => kv.delete(input.key),
  }),
  "kv.deleteMany": writes({
    help: "Deletes several keys in one commit; how many there were.",
    input: { keys },
    output: count,
    run: ({ kv }, input) => kv.deleteMany(input.keys),
  }),
  "kv.clear": writes({
    help: "Deletes what kv.list lists, in one commit; how many there were. An empty prefix means every key.",
    input: { ...scan, prefix: z.string() },
    output: count,
    run: ({ kv }, input) => kv.clear(input),
  }),
};
