import { InvalidArgumentError, nearest, StateError, type Version } from "@strata/core";
import type { Database } from "@strata/engine";
import type { z } from "zod";
import { type Command, type CommandName, type CommandOutput, commandTable } from "./command.js";
import type { CommandGround } from "./commands/definition.js";
import type { Handle } from "./handle.js";
import type { Primitives } from "./primitives.js";
import type { Session } from "./session.js";

/** A handle that knows its database: what `Strata` and the handles it gives are. */
export interface CommandHandle extends Handle {
  readonly database: Database;
}

/** A session, its handle, and the data it sees in a space. */
export interface CommandTarget {
  readonly handle: CommandHandle;
  readonly session?: Session & { primitivesIn(space: string): Primitives<Version | undefined> };
}

/**
 * Executes a command on a handle; on a session, `session.execute` does, so that it takes part in the transaction.
 *
 * @throws {InvalidArgumentError} `UNKNOWN_COMMAND`, `facts.nearest`; `INVALID_COMMAND`, `facts.issues`
 * @throws {StateError} `READ_ONLY` for a command that writes, on a database opened to be read
 */
export function execute<C extends Command>(handle: CommandHandle, command: C): CommandOutput<C["name"]> {
  return executeIn({ handle }, command);
}

/** Executes a command on a handle, or in the session on it. */
export function executeIn<C extends Command>(target: CommandTarget, command: C): CommandOutput<C["name"]> {
  const { name, run, space, fields } = envelope(command);
  const row = rowOf(name);
  const parsed = row.input.safeParse(fields);
  if (!parsed.success) throw invalid(name, parsed.error.issues);
  if (row.writes && target.handle.database.isReadOnly) {
    throw new StateError("READ_ONLY", `${name} writes, and this database was opened to be read`, { command: name });
  }
  return row.run(groundOf(target, run, space), parsed.data) as CommandOutput<C["name"]>;
}

/** How much of a name that is none goes into a message. */
const SHOWN_LENGTH = 60;

interface Row {
  readonly writes: boolean;
  readonly input: z.ZodType;
  run(ground: CommandGround, input: unknown): unknown;
}

function rowOf(name: CommandName): Row {
  if (Object.hasOwn(commandTable, name)) return commandTable[name] as Row;
  const near = nearest(name, Object.keys(commandTable));
  const shown = name.length > SHOWN_LENGTH ? `${name.slice(0, SHOWN_LENGTH)}…` : name;
  const message = `there is no command "${shown}"${near === undefined ? "" : `; did you mean "${near}"?`}`;
  throw new InvalidArgumentError("UNKNOWN_COMMAND", message, { command: name, nearest: near });
}

interface Envelope {
  readonly name: CommandName;
  readonly run: string | undefined;
  readonly space: string | undefined;
  readonly fields: { readonly [field: string]: unknown };
}

function envelope(command: unknown): Envelope {
  if (typeof command !== "object" || command === null || Array.isArray(command)) {
    throw invalid(undefined, [{ path: [], message: "a command is an object with a name" }]);
  }
  const { name, run, space, ...fields } = command as { readonly [field: string]: unknown };
  if (typeof name !== "string") throw invalid(undefined, [{ path: ["name"], message: "must be a string" }]);
  if (run !== undefined && typeof run !== "string")
    throw invalid(name, [{ path: ["run"], message: "must be a string" }]);
  if (space !== undefined && typeof space !== "string") {
    throw invalid(name, [{ path: ["space"], message: "must be a string" }]);
  }
  return { name: name as CommandName, run, space, fields };
}

function groundOf(
  { handle: home, session }: CommandTarget,
  run: string | undefined,
  space: string | undefined,
): CommandGround {
  const database = home.database;
  if (session === undefined) {
    const handle = run === undefined && space === undefined ? home : home.in({ run, space });
    return { database, handle, data: handle, session };
  }
  const handle = home.in({ run, space: space ?? (run === undefined ? session.currentSpace() : undefined) });
  if (handle.currentRun() === home.currentRun()) {
    return { database, handle, data: session.primitivesIn(handle.currentSpace()), session };
  }
  if (session.inTransaction) {
    throw new InvalidArgumentError(
      "INVALID_COMMAND",
      `a transaction belongs to one run, "${home.currentRun()}", and this command names "${handle.currentRun()}"`,
      { run: home.currentRun(), named: handle.currentRun() },
    );
  }
  return { database, handle, data: handle, session };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function invalid(name: string | undefined, given: readonly Issue[]): InvalidArgumentError {
  const issues = given.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
  const what = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new InvalidArgumentError("INVALID_COMMAND", `${name ?? "command"}: ${what}`, { command: name, issues });
}
