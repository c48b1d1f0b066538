import { type AsOf, StateError, type Version } from "@strata/core";
import type { Database } from "@strata/engine";
import { z } from "zod";
import type { Handle } from "../handle.js";
import type { Primitives, Reads } from "../primitives.js";
import type { Session } from "../session.js";
import { at } from "./schemas.js";

/** What a command is executed on. */
export interface CommandGround {
  readonly database: Database;
  /** The run and space that the command names, the target's own where it names none. */
  readonly handle: Handle;
  /** The data there: inside the session's transaction when there is one. */
  readonly data: Primitives<Version | undefined>;
  /** The session, when the target is one. */
  readonly session: Session | undefined;
}

/** One row of the table. */
export interface CommandDefinition<I extends z.ZodType, O extends z.ZodType> {
  /** One line. */
  readonly help: string;
  /** True when it can change the database: a read-only one refuses it. */
  readonly writes: boolean;
  readonly input: I;
  readonly output: O;
  run(ground: CommandGround, input: z.output<I>): z.input<O>;
}

type Row<Shape extends z.ZodRawShape, O extends z.ZodType, Subject> = {
  readonly help: string;
  readonly input: Shape;
  readonly output: O;
  readonly run: (subject: Subject, input: z.output<z.ZodObject<Shape, z.core.$strict>>) => z.input<O>;
};

/** A read of data: it takes `at`, too, and is then answered by a view of the past. */
export function reads<Shape extends z.ZodRawShape, O extends z.ZodType>(
  row: Row<Shape, O, Reads>,
): CommandDefinition<z.ZodObject<Shape & typeof at, z.core.$strict>, O> {
  return {
    help: row.help,
    writes: false,
    input: z.strictObject({ ...row.input, ...at }),
    output: row.output,
    run(ground, given) {
      const { at: point, ...input } = given as { readonly at?: AsOf };
      if (point === undefined) return row.run(ground.data, input as never);
      const view = ground.handle.at(point);
      try {
        return row.run(view, input as never);
      } finally {
        view[Symbol.dispose]?.();
      }
    },
  };
}

/** A write of data. */
export function writes<Shape extends z.ZodRawShape, O extends z.ZodType>(
  row: Row<Shape, O, Primitives<Version | undefined>>,
): CommandDefinition<z.ZodObject<Shape, z.core.$strict>, O> {
  const { help, output } = row;
  return {
    help,
    writes: true,
    input: z.strictObject(row.input),
    output,
    run: (ground, input) => row.run(ground.data, input),
  };
}

/** Anything about the database, its runs, its spaces or the session. */
export function manages<Shape extends z.ZodRawShape, O extends z.ZodType>(
  row: Row<Shape, O, CommandGround> & { readonly writes: boolean },
): CommandDefinition<z.ZodObject<Shape, z.core.$strict>, O> {
  return {
    help: row.help,
    writes: row.writes,
    input: z.strictObject(row.input),
    output: row.output,
    run(ground, input) {
      if (row.writes && ground.session?.inTransaction === true) {
        throw new StateError(
          "TRANSACTION_NESTED",
          "runs and spaces change outside transactions: commit or roll back first",
          {
            run: ground.handle.currentRun(),
          },
        );
      }
      return row.run(ground, input);
    },
  };
}
