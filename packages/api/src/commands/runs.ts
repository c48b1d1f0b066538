import type { RunStatus } from "@strata/engine";
import { z } from "zod";
import { RUN_STATUSES } from "../runs.js";
import { manages } from "./definition.js";
import { at, count, flag, names, nothing, object, text, timestamp, version } from "./schemas.js";

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
});

const commit = z.object({
  version,
  previous: version,
  timestamp,
  message: text.exactOptional(),
  operations: count,
  bytes: count,
});

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
  "runs.fork": manages({
    help: "Makes a run that begins with everything another holds, now or at a point of its past.",
    writes: true,
    input: { source: z.string(), ...at, runName, meta: object.optional() },
    output: info,
    run: ({ handle }, { source, at: point, runName: name, meta }) =>
      handle.runs.fork(point === undefined ? source : { run: source, at: point }, name, meta),
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
