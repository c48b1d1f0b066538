import { z } from "zod";
import { reads, writes } from "./definition.js";
import { count, eventScan, object, sequence, text, timestamp, version } from "./schemas.js";

const type = z.string().meta({ description: "1 to 256 bytes" });
const head = z.strictObject({ length: count, hash: text });

const record = z.object({
  type,
  payload: object,
  sequence,
  version,
  timestamp,
  prevHash: text,
  hash: text,
});

export const eventCommands = {
  "events.read": reads({
    help: "One event by its sequence.",
    input: { sequence },
    output: record.optional(),
    run: ({ events }, input) => events.read(input.sequence),
  }),
  "events.range": reads({
    help: "The events of [start, end).",
    input: { start: sequence, end: sequence },
    output: z.array(record),
    run: ({ events }, input) => events.range(input.start, input.end),
  }),
  "events.readByType": reads({
    help: "The events of one type.",
    input: { type, ...eventScan },
    output: z.array(record),
    run: ({ events }, { type, ...options }) => events.readByType(type, options),
  }),
  "events.iterate": reads({
    help: "All events in order, or a page of them.",
    input: eventScan,
    output: z.array(record),
    run: ({ events }, input) => [...events.iterate(input)],
  }),
  "events.len": reads({
    help: "How many events there are.",
    input: {},
    output: count,
    run: ({ events }) => events.len(),
  }),
  "events.types": reads({
    help: "Every type of event with its count.",
    input: {},
    output: z.array(z.object({ type: text, count })),
    run: ({ events }) => events.types(),
  }),
  "events.head": reads({
    help: "Length and last hash of the chain: keep it elsewhere and give it to events.verify.",
    input: {},
    output: head,
    run: ({ events }) => events.head(),
  }),
  "events.verify": reads({
    help: "Recomputes the hash chain, and holds it against a head kept elsewhere.",
    input: { expected: head.optional() },
    output: z.object({
      valid: z.boolean(),
      length: count,
      firstInvalid: sequence.exactOptional(),
      reason: text.exactOptional(),
    }),
    run: ({ events }, input) => events.verify(input.expected),
  }),
  "events.append": writes({
    help: "Appends an event; its sequence, or nothing inside a transaction unless exact is set.",
    input: { type, payload: object, exact: z.boolean().optional() },
    output: sequence.optional(),
    run: ({ events }, { type, payload, exact }) =>
      exact === true ? events.append(type, payload, { exact }) : events.append(type, payload),
  }),
  "events.appendMany": writes({
    help: "Appends several events in one commit; their sequences.",
    input: { events: z.array(z.strictObject({ type, payload: object }).readonly()).readonly() },
    output: z.array(sequence).optional(),
    run: ({ events }, input) => events.appendMany(input.events),
  }),
};
