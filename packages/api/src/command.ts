import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { z } from "zod";
import { databaseCommands } from "./commands/db.js";
import { eventCommands } from "./commands/events.js";
import { jsonCommands } from "./commands/json.js";
import { kvCommands } from "./commands/kv.js";
import { runCommands } from "./commands/runs.js";
import { searchCommands } from "./commands/search.js";
import { sessionCommands } from "./commands/session.js";
import { spaceCommands } from "./commands/spaces.js";
import { stateCommands } from "./commands/state.js";
import { vectorCommands } from "./commands/vectors.js";

/** Every operation as a row: what the executor, the CLI, tools and reference pages are made from. */
export const commandTable = {
  ...kvCommands,
  ...eventCommands,
  ...stateCommands,
  ...jsonCommands,
  ...vectorCommands,
  ...searchCommands,
  ...runCommands,
  ...spaceCommands,
  ...sessionCommands,
  ...databaseCommands,
} as const;

type Table = typeof commandTable;

/** Input and output of every command, by name. */
export type CommandMap = {
  [N in keyof Table]: { readonly input: InputOf<Table[N]["input"]>; readonly output: z.output<Table[N]["output"]> };
};

/** zod gives an object without members an index signature, which would forbid `run` and `space` beside it. */
type InputOf<S extends z.ZodType> = string extends keyof z.input<S> ? Record<never, never> : z.input<S>;

export type CommandName = keyof CommandMap;

/** An operation as data. `run` and `space` say where; left out, it is where the handle or session is. */
export type Command = {
  [N in CommandName]: { readonly name: N; readonly run?: string; readonly space?: string } & CommandMap[N]["input"];
}[CommandName];

export type CommandOutput<N extends CommandName> = CommandMap[N]["output"];

/** A Standard Schema that also gives itself as JSON Schema. */
export type CommandSchema = StandardSchemaV1 & StandardJSONSchemaV1;

/** One command, for generating interfaces from. */
export interface CommandSpec {
  readonly name: CommandName;
  /** One line. */
  readonly help: string;
  /** True when it can change the database: a read-only one refuses it. */
  readonly writes: boolean;
  /** Its fields besides `name`, `run` and `space`. */
  readonly input: CommandSchema;
  readonly output: CommandSchema;
}

/** Every command, in the order of the reference. */
export const commands: readonly CommandSpec[] = Object.freeze(
  (Object.keys(commandTable) as CommandName[]).map((name) => {
    const { help, writes, input, output } = commandTable[name];
    return Object.freeze({ name, help, writes, input, output });
  }),
);
