import type { RunStatus } from "@strata/engine";
import { z } from "zod";
import { RUN_STATUSES } from "../runs.js";
import { manages } from "./definition.js";
import { at, count, flag, names, object, text, timestamp, version } from "./schemas.js";

// `name` and `run` say which command this is and where it is executed: the run it is about is `runName`.
const runName = z.string().meta({ description: "name of a run" });
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
  "runs.setStatus": manages({
    help: "Moves a run to another status; one that is not active refuses writes.",
    writes: true,
    input: { runName, status, reason: z.string().optional() },
    output: info,
    run: ({ handle }, input) => handle.runs.setStatus(input.runName, input.status, input.reason),
  }),
};
