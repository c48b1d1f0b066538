import { InvalidArgumentError, validateCollectionName, validateSpaceName } from "@strata/core";
import type { SearchOptions } from "@strata/intelligence";
import { arePrimitives, areSpaces } from "./feed.js";
import {
  checkOptions,
  hasMethods,
  isBoolean,
  isGroup,
  isListOf,
  isOneOf,
  isString,
  isTime,
  isWholeNumber,
  type OptionCheck,
} from "./option-check.js";

const isCondition: OptionCheck = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "an object of conditions";

/** Numbers in a row, as far as can be told without reading all of them. */
const isVector: OptionCheck = (value) => {
  const { length } = (value ?? {}) as { readonly length?: unknown };
  const isList = Array.isArray(value) || ArrayBuffer.isView(value);
  return isList && Number.isSafeInteger(length) && (length as number) > 0 ? undefined : "an array of numbers";
};

/** From 0, to `most` where there is a bound. */
function isNumberTo(most: number): OptionCheck {
  const range = most === Number.POSITIVE_INFINITY ? "of at least 0" : `from 0 to ${most}`;
  return (value) =>
    Number.isFinite(value) && (value as number) >= 0 && (value as number) <= most ? undefined : `a number ${range}`;
}

const isAmount = isNumberTo(Number.POSITIVE_INFINITY);

const SEARCH_CHECKS = {
  k: isWholeNumber(0),
  mode: isOneOf(["keyword", "vector", "hybrid"]),
  primitives: arePrimitives,
  spaces: areSpaces,
  prefix: isString,
  types: isListOf(isString),
  filter: isCondition,
  embedding: isVector,
  collections: isListOf(isString),
  timeRange: isGroup({ start: isTime, end: isTime }),
  bm25: isGroup({ k1: isAmount, b: isNumberTo(1) }),
  weights: isGroup({ keyword: isAmount, vector: isAmount }),
  explain: isBoolean,
  highlight: isBoolean,
  observe: isBoolean,
};

const ASYNC_CHECKS = { ...SEARCH_CHECKS, signal: hasMethods("addEventListener", "throwIfAborted") };

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT`, `INVALID_NAME` */
export function checkSearch(query: unknown, options: SearchOptions | undefined): asserts query is string {
  check("search", query, options, SEARCH_CHECKS);
}

/** As `checkSearch`, for the one that waits. */
export function checkSearchAsync(query: unknown, options: SearchOptions | undefined): asserts query is string {
  check("searchAsync", query, options, ASYNC_CHECKS);
}

function check(
  call: string,
  query: unknown,
  options: SearchOptions | undefined,
  checks: { readonly [name: string]: OptionCheck },
): void {
  if (typeof query !== "string") {
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${call} takes a query, which is a string`, {
      type: typeof query,
    });
  }
  if (options === undefined) return;
  checkOptions(call, options, checks);
  const { spaces, collections } = options;
  if (spaces !== undefined && spaces !== "all") for (const space of spaces) validateSpaceName(space);
  if (collections !== undefined) for (const collection of collections) validateCollectionName(collection);
}
