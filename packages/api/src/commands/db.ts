import { z } from "zod";
import { manages } from "./definition.js";
import { count, nothing, text, version } from "./schemas.js";

/** Where bytes were given up. */
const range = z.looseObject({ file: text, offset: count, bytes: count });
const lostPart = z.object({
  file: text,
  offset: count,
  bytes: count,
  what: text.exactOptional(),
  runs: z.array(text).readonly().exactOptional(),
});

const recovery = z.object({
  commits: count,
  tornBytes: count,
  cut: z.array(range).readonly(),
  lost: z.array(lostPart).readonly(),
});

export const databaseCommands = {
  "db.ping": manages({
    help: "Answers with the version of the software.",
    writes: false,
    input: {},
    output: text,
    run: ({ database }) => database.ping(),
  }),
  "db.info": manages({
    help: "What is known of the database: size, durability, health, what recovery found.",
    writes: false,
    input: {},
    output: z.object({
      version: text,
      path: text.exactOptional(),
      durability: text,
      runs: count,
      keys: count,
      uptimeMs: z.number(),
      openTransactions: count,
      durableThrough: version,
      health: z.object({
        state: z.enum(["ok", "degraded", "poisoned"]),
        cause: z.object({ code: text, message: text }).exactOptional(),
      }),
      lock: text.exactOptional(),
      recovery: recovery.exactOptional(),
    }),
    run({ database }) {
      const { health, ...info } = database.info();
      const { state, cause } = health;
      // An error is no data: what counts of it are its code and message.
      if (cause === undefined) return { ...info, health: { state } };
      return { ...info, health: { state, cause: { code: cause.code, message: cause.message } } };
    },
  }),
  "db.metrics": manages({
    help: "How many transactions there were, and how they ended.",
    writes: false,
    input: {},
    output: z.object({
      activeCount: count,
      totalStarted: count,
      totalCommitted: count,
      totalAborted: count,
      commitRate: z.number(),
      stalls: count,
    }),
    run: ({ database }) => database.metrics(),
  }),
  "db.flush": manages({
    help: "Returns once everything acknowledged is on stable storage.",
    writes: false,
    input: {},
    output: nothing,
    run({ database }) {
      database.flush();
      return null;
    },
  }),
  "db.commitStatus": manages({
    help: "What became of a commit whose outcome was unknown.",
    writes: false,
    input: { epoch: count, version },
    output: z.enum(["committed", "lost", "unknown"]),
    run: ({ database }, input) => database.commitStatus(input),
  }),
};
