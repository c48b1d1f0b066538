import type { Lease } from "@strata/engine";
import { z } from "zod";
import { manages, reads, writes } from "./definition.js";
import { cell, count, flag, names, nothing, page, scan, timestamp, value, version, versioned } from "./schemas.js";

const counter = z.int().meta({ description: "writes of the cell so far" });
const owner = z.string();
const stamp = { version, timestamp, counter };

export const stateCommands = {
  "state.read": reads({
    help: "The value of a cell.",
    input: { cell },
    output: value.optional(),
    run: ({ state }, input) => state.read(input.cell),
  }),
  "state.readVersioned": reads({
    help: "The value of a cell with its counter, version and time.",
    input: { cell },
    output: versioned.extend({ counter }).optional(),
    run: ({ state }, input) => state.readVersioned(input.cell),
  }),
  "state.list": reads({
    help: "The cells of a prefix or range.",
    input: scan,
    output: names,
    run: ({ state }, input) => state.list(input),
  }),
  "state.history": reads({
    help: "The versions of a cell, newest first.",
    input: { cell, ...page },
    output: z.array(
      z.union([
        z.object({ deleted: z.literal(false), value, ...stamp }),
        z.object({ deleted: z.literal(true), ...stamp }),
      ]),
    ),
    run: ({ state }, { cell, ...options }) => state.history(cell, options),
  }),
  "state.set": writes({
    help: "Writes a cell; its new counter.",
    input: { cell, value },
    output: counter,
    run: ({ state }, input) => state.set(input.cell, input.value),
  }),
  "state.init": writes({
    help: "Writes a cell only if it is absent; the counter in force.",
    input: { cell, value },
    output: counter,
    run: ({ state }, input) => state.init(input.cell, input.value),
  }),
  "state.cas": writes({
    help: "Writes a cell only at the expected counter (null: absent); the new counter, or null.",
    input: { cell, expected: counter.nullable(), value },
    output: counter.nullable(),
    run: ({ state }, input) => state.cas(input.cell, input.expected, input.value),
  }),
  "state.delete": writes({
    help: "Deletes a cell; false when it was absent. Its counter goes on.",
    input: { cell },
    output: flag,
    run: ({ state }, input) => state.delete(input.cell),
  }),
  "state.acquire": writes({
    help: "Takes a lock that expires; null while another owner holds it. The same owner gets it anew.",
    input: { cell, owner, ttlMs: z.number() },
    output: z.object({ cell, owner, token: count, expiresAt: timestamp }).nullable(),
    run({ state }, { cell, owner, ttlMs }) {
      const lease = state.acquire(cell, owner, { ttlMs });
      return lease === null ? null : { cell, owner, token: lease.token, expiresAt: lease.expiresAt };
    },
  }),
  "state.require": manages({
    help: "Fails unless the lease is held; in a transaction, unless it is held when that commits.",
    writes: false,
    input: { cell, owner, token: count },
    output: nothing,
    run({ data }, input) {
      // Cell, owner and token are all that identifies a lease.
      data.state.require(input as Lease);
      return null;
    },
  }),
};
