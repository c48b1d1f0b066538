import { compareCodePoints, prefixEnd, type ScanOptions } from "@strata/core";
import type { KeyRange } from "@strata/storage";
import type { TableReader } from "../scope.js";
import { invalid, optionalBoolean, optionalInteger, optionalString, optionsOf } from "./options.js";

const SCAN_OPTIONS = ["prefix", "start", "end", "after", "limit", "reverse"] as const;

/** Scan options in the form the store takes: prefix, bounds and cursor as one range. */
export interface KeyScan {
  readonly range: KeyRange;
  /** Most keys to visit; `Infinity` without limit, 0 when no key can lie in the range. */
  readonly limit: number;
}

/**
 * Combines the options: the range is what all of prefix, start, end and after leave. Bounds are not keys and may be any string; `after` is
 * the last key seen, so it bounds from below, or with `reverse` from above.
 *
 * @throws InvalidArgumentError `INVALID_ARGUMENT` for an option of the wrong type, an unknown one, or a limit below 1.
 */
export function keyScan(scan: ScanOptions | string | undefined, where: string): KeyScan {
  if (typeof scan === "string") return scanOf(scan, undefined, prefixEnd(scan), Number.POSITIVE_INFINITY, false);
  const options = optionsOf(scan, SCAN_OPTIONS, where);
  const prefix = optionalString(options.prefix, "prefix", where);
  const after = optionalString(options.after, "after", where);
  const limit = optionalInteger(options.limit, "limit", 1, where) ?? Number.POSITIVE_INFINITY;
  const reverse = optionalBoolean(options.reverse, "reverse", where);
  let start = optionalString(options.start, "start", where);
  let end = optionalString(options.end, "end", where);
  if (prefix !== undefined) end = lowest(end, prefixEnd(prefix));
  if (after !== undefined) {
    if (reverse) end = lowest(end, after);
    else start = highest(start, `${after}\0`);
  }
  return scanOf(prefix, start, end, limit, reverse);
}

/** As `keyScan`, for calls that must not take everything because an argument was forgotten. */
export function mustKeyScan(scan: ScanOptions | string | undefined, where: string): KeyScan {
  if (scan === undefined) throw invalid(where, 'takes a prefix or scan options; "" means every key', {});
  return keyScan(scan, where);
}

/** The keys of `scan`, as a list. */
export function listKeys(table: TableReader, { range, limit }: KeyScan): string[] {
  const keys: string[] = [];
  if (limit > 0) table.scan(range, "keys", (key) => keys.push(key) < limit);
  return keys;
}

function scanOf(
  prefix: string | undefined,
  from: string | undefined,
  end: string | undefined,
  limit: number,
  reverse: boolean,
): KeyScan {
  const start = prefix === undefined || prefix === "" ? from : highest(from, prefix);
  const isEmpty = end !== undefined && compareCodePoints(start ?? "", end) >= 0;
  return { range: { start, end, reverse }, limit: isEmpty ? 0 : limit };
}

function highest(a: string | undefined, b: string): string {
  return a === undefined || compareCodePoints(a, b) < 0 ? b : a;
}

/** Of two exclusive ends; `undefined` is above every key. */
function lowest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return compareCodePoints(a, b) <= 0 ? a : b;
}
