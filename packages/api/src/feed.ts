import type { Primitive } from "@strata/core";
import type { WatchFilter } from "@strata/engine";
import { checkOptions, hasMethods, isString, isWholeNumber, type OptionCheck } from "./option-check.js";

export type { Change, CommitChanges, EntityRef, Feed, WatchFilter } from "@strata/engine";

const PRIMITIVES: readonly Primitive[] = ["kv", "event", "state", "json", "vector"];

export const arePrimitives: OptionCheck = (value) =>
  Array.isArray(value) && value.every((one) => PRIMITIVES.includes(one))
    ? undefined
    : `a list of ${PRIMITIVES.join(", ")}`;

export const areSpaces: OptionCheck = (value) =>
  value === "all" || (Array.isArray(value) && value.every((one) => typeof one === "string"))
    ? undefined
    : 'a list of spaces, or "all"';

const FILTER_CHECKS = {
  primitives: arePrimitives,
  spaces: areSpaces,
  prefix: isString,
  since: isWholeNumber(0),
  signal: hasMethods("addEventListener", "removeEventListener"),
};

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function checkWatchFilter(filter: WatchFilter | undefined): void {
  checkOptions("watch", filter, FILTER_CHECKS);
}
