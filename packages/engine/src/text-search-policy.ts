import { InvalidArgumentError, type Primitive } from "@strata/core";
import type { RunRow } from "./run.js";

/** Primitives whose text can be searched by its words. */
export type SearchedPrimitive = Exclude<Primitive, "vector">;

export const SEARCHED_PRIMITIVES: readonly SearchedPrimitive[] = Object.freeze(["kv", "event", "state", "json"]);

/** Member of a run's row: which of them are searched, where not all are. */
export const TEXT_SEARCH = "textSearch";

/** As a run's row has it, in one order. @throws InvalidArgumentError `INVALID_ARGUMENT` */
export function searchedFrom(primitives: unknown): readonly SearchedPrimitive[] {
  const isLegal = (one: unknown) => SEARCHED_PRIMITIVES.includes(one as SearchedPrimitive);
  if (!Array.isArray(primitives) || !primitives.every(isLegal)) {
    const message = `the primitives that are searched are a list of ${SEARCHED_PRIMITIVES.join(", ")}`;
    throw new InvalidArgumentError("INVALID_ARGUMENT", message, { valid: SEARCHED_PRIMITIVES });
  }
  return Object.freeze(SEARCHED_PRIMITIVES.filter((one) => primitives.includes(one)));
}

/** Which primitives of a run are searched; `undefined` where nobody has said. */
export function searchedIn(row: RunRow): readonly SearchedPrimitive[] | undefined {
  const searched = row[TEXT_SEARCH];
  return Array.isArray(searched) ? (searched as readonly SearchedPrimitive[]) : undefined;
}
