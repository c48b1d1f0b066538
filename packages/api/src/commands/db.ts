import { z } from "zod";
import { manages } from "./definition.js";
import { count, nothing, text, version } from "./schemas.js";

const lost = z.object({ file: text, offset: count, bytes: count });

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
      health: z.object({ state: z.enum(["ok", "degraded", "poisoned"]), cause: z.unknown().optional() }),
      recovery: z.object({ commits: count, tornBytes: count, lost: z.array(lost).readonly() }).exactOptional(),
    }),
    run: ({ database }) => database.info(),
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
