import { StateError } from "@strata/core";
import { z } from "zod";
import type { Session } from "../session.js";
import { type CommandGround, manages } from "./definition.js";
import { committed, nothing } from "./schemas.js";

const mode = z.enum(["none", "buffered", "strict"]);

/** A handle has no transaction to begin or end: it takes a session. */
function sessionOf({ session, handle }: CommandGround): Session {
  if (session !== undefined) return session;
  throw new StateError("TRANSACTION_NOT_ACTIVE", "a handle has no transaction: execute this command on a session", {
    run: handle.currentRun(),
  });
}

export const sessionCommands = {
  "session.begin": manages({
    help: "Begins a transaction: the commands after it are one commit.",
    writes: false,
    input: {
      readOnly: z.boolean().optional(),
      timeoutMs: z.number().optional(),
      durability: mode.optional(),
      message: z.string().optional(),
    },
    output: nothing,
    run(ground, input) {
      sessionOf(ground).begin(input);
      return null;
    },
  }),
  "session.commit": manages({
    help: "Commits the open transaction.",
    writes: false,
    input: {},
    output: committed,
    run: (ground) => sessionOf(ground).commit(),
  }),
  "session.rollback": manages({
    help: "Gives the open transaction up.",
    writes: false,
    input: {},
    output: nothing,
    run(ground) {
      sessionOf(ground).rollback();
      return null;
    },
  }),
};
