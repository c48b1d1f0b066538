import type { RunStatus } from "@strata/engine";
import { z } from "zod";
import { RUN_STATUSES } from "../runs.js";
import { manages } from "./definition.js";
import {
  at,
  committed,
  count,
  entityRef,
  flag,
  names,
  nothing,
  object,
  text,
  timestamp,
  value,
  version,
} from "./schemas.js";

// `name` and `run` say which command this is and where it is executed: the run it is about is `runName`.
const runName = z.string().meta({ description: "name of a run" });
const tagName = z.string().meta({ description: "name of a tag" });
const status = z.enum(RUN_STATUSES as readonly [RunStatus, ...RunStatus[]]);

const info = z.object({
  name: text,
  id: text,
  status,
  parent: z.object({ run: text, version }).readonly().exactOptional(),
  version,
  createdAt: timestamp,
  endedAt: timestamp.exactOptional(),
  meta: object,
  origin: z.object({ run: text, id: text }).readonly().exactOptional(),
});

const commit = z.object({
  version,
  previous: version,
  timestamp,
  message: text.exactOptional(),
  operations: count,
  bytes: count,
});

const point = z
  .union([z.string(), z.strictObject({ run: z.string(), at: at.at.unwrap() })])
  .meta({ description: "name of a run, or { run, at } for a point of its past" });

const filter = {
  primitives: z.array(z.enum(["kv", "event", "state", "json", "vector"])).optional(),
  spaces: z.array(z.string()).optional(),
  prefix: z
    .string()
    .optional()
    .meta({ description: "of keys; of events that of their types, of vectors that of collection/key" }),
};

const mergeOptions = {
  strategy: z.enum(["fail", "ours", "theirs"]).optional(),
  preview: z.boolean().optional(),
  message: z.string().optional(),
};

const change = { before: value.optional(), after: value.optional() };
const diffEntries = z
  .array(
    z.object({
      ref: entityRef,
      ...change,
      paths: z
        .array(z.object({ path: text, ...change }))
        .readonly()
        .exactOptional(),
    }),
  )
  .readonly();

const sides = { base: value.optional(), ours: value.optional(), theirs: value.optional() };
const conflicts = z.array(z.object({ ref: entityRef, path: text.exactOptional(), ...sides })).readonly();
const merged = z.object({ version: version.optional(), base: version, applied: count, conflicts });

export const runCommands = {
  "runs.list": manages({
    help: "The names of the runs.",
    writes: false,
    input: {
      status: status.optional(),
      prefix: z.string().optional(),
      after: z.string().optional(),
      limit: z.int().optional(),
    },
    output: names,
    run: ({ handle }, input) => handle.runs.list(input),
  }),
  "runs.get": manages({
    help: "What is known of a run.",
    writes: false,
    input: { runName },
    output: info.optional(),
    run: ({ handle }, input) => handle.runs.get(input.runName),
  }),
  "runs.exists": manages({
    help: "Whether there is a run of that name.",
    writes: false,
    input: { runName },
    output: flag,
    run: ({ handle }, input) => handle.runs.exists(input.runName),
  }),
  "runs.create": manages({
    help: "Makes an empty run.",
    writes: true,
    input: { runName, meta: object.optional() },
    output: info,
    run: ({ handle }, input) => handle.runs.create(input.runName, input.meta),
  }),
  "runs.begin": manages({
    help: "Makes an empty run that this process works on; it is found orphaned when the process is gone before it ended.",
    writes: true,
    input: { runName, meta: object.optional() },
    output: info,
    run: ({ handle }, input) => handle.runs.begin(input.runName, input.meta),
  }),
  "runs.fork": manages({
    help: "Makes a run that begins with everything another holds, now or at a point of its past.",
    writes: true,
    input: { source: z.string(), ...at, runName, meta: object.optional() },
    output: info,
    run: ({ handle }, { source, at: point, runName: name, meta }) =>
      handle.runs.fork(point === undefined ? source : { run: source, at: point }, name, meta),
  }),
  "runs.diff": manages({
    help: "What would have to happen to one run, or a point of its past, to make it another.",
    writes: false,
    input: { a: point, b: point, ...filter, limit: z.int().optional() },
    output: z.object({ added: diffEntries, removed: diffEntries, modified: diffEntries, truncated: flag }),
    run: ({ handle }, { a, b, ...options }) => handle.runs.diff(a, b, options),
  }),
  "runs.merge": manages({
    help: "Brings what one run did since the two parted into another, in one commit or not at all.",
    writes: true,
    input: { source: z.string(), target: z.string(), ...mergeOptions },
    output: merged,
    run: ({ handle }, { source, target, ...options }) => handle.runs.merge(source, target, options),
  }),
  "runs.rebase": manages({
    help: "Brings a fork up to date with the run it was forked from.",
    writes: true,
    input: { runName, ...mergeOptions },
    output: merged,
    run: ({ handle }, { runName, ...options }) => handle.runs.rebase(runName, options),
  }),
  "runs.cherryPick": manages({
    help: "Brings over only some primitives, spaces or keys of what one run did.",
    writes: true,
    input: { source: point, target: z.string(), filter: z.strictObject(filter), ...mergeOptions },
    output: merged,
    run: ({ handle }, { source, target, filter, ...options }) =>
      handle.runs.cherryPick(source, target, filter, options),
  }),
  "runs.revert": manages({
    help: "Undoes what the commits above one version, up to another, did to keys; events stay.",
    writes: true,
    input: { runName, from: version, to: version.optional() },
    output: committed,
    run: ({ handle }, { runName, ...range }) => handle.runs.revert(runName, range),
  }),
  "runs.replay": manages({
    help: "Folds a run's commits anew, up to a point: how many writes there were, and the digest of what they left.",
    writes: false,
    input: { runName, ...at },
    output: z.object({ run: text, version, timestamp, operationCount: count, digest: text }),
    run({ handle }, { runName: run, at: point }) {
      const view = handle.runs.replay(point === undefined ? run : { run, at: point });
      const { version, timestamp, operationCount } = view;
      return { run, version, timestamp, operationCount, digest: view.digest() };
    },
  }),
  "runs.delete": manages({
    help: "Deletes a run with all its data; which runs and tags still hold some of it.",
    writes: true,
    input: { runName, cascade: z.boolean().optional() },
    output: z.object({ heldBy: z.array(z.string()).readonly() }),
    run: ({ handle }, { runName, ...options }) => handle.runs.delete(runName, options),
  }),
  "runs.commits": manages({
    help: "The commits that a run sees, those it inherited first.",
    writes: false,
    input: {
      runName,
      after: version.optional().meta({ description: "last version of the page before" }),
      limit: z.int().optional(),
      reverse: z.boolean().optional(),
    },
    output: z.array(commit),
    run: ({ handle }, { runName, ...options }) => [...handle.runs.commits(runName, options)],
  }),
  "runs.timeRange": manages({
    help: "When the oldest and the newest commit of a run were made; nothing while there are none.",
    writes: false,
    input: { runName },
    output: z.object({ oldest: timestamp, latest: timestamp }).optional(),
    run: ({ handle }, input) => handle.runs.timeRange(input.runName),
  }),
  "runs.tag": manages({
    help: "Gives a version of a run a name, now or at a point of its past.",
    writes: true,
    input: { runName, ...at, tagName },
    output: nothing,
    run: ({ handle }, { runName, at: point, tagName }) => {
      handle.runs.tag(point === undefined ? runName : { run: runName, at: point }, tagName);
      return null;
    },
  }),
  "runs.untag": manages({
    help: "Takes a tag away; whether there was one.",
    writes: true,
    input: { runName, tagName },
    output: flag,
    run: ({ handle }, input) => handle.runs.untag(input.runName, input.tagName),
  }),
  "runs.tags": manages({
    help: "The tags of a run and the versions they name.",
    writes: false,
    input: { runName },
    output: z.array(z.object({ name: text, version, timestamp })),
    run: ({ handle }, input) => handle.runs.tags(input.runName),
  }),
  "runs.setStatus": manages({
    help: "Moves a run to another status; one that is not active refuses writes.",
    writes: true,
    input: { runName, status, reason: z.string().optional() },
    output: info,
    run: ({ handle }, input) => handle.runs.setStatus(input.runName, input.status, input.reason),
  }),
};
