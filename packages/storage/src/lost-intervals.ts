/**
 * Sets of versions as lists of intervals, in order and apart.
 */
import type { Version } from "@strata/core";
import type { LostInterval } from "./cold.js";

/** `intervals` and [from, to): what overlaps or touches becomes one. */
export function withInterval(intervals: readonly LostInterval[], from: Version, to: Version): readonly LostInterval[] {
  if (from >= to) return intervals;
  const before = intervals.filter((interval) => interval.to < from);
  const after = intervals.filter((interval) => interval.from > to);
  const met = intervals.slice(before.length, intervals.length - after.length);
  const first = met[0];
  const last = met.at(-1);
  // Most of what is noted is known already.
  if (met.length === 1 && first!.from <= from && to <= first!.to) return intervals;
  const joined = { from: Math.min(from, first?.from ?? from), to: Math.max(to, last?.to ?? to) };
  return [...before, joined, ...after];
}

/** The interval that has `version`. */
export function intervalAt(intervals: readonly LostInterval[], version: Version): LostInterval | undefined {
  let low = 0;
  let high = intervals.length; // intervals[i].from <= version for i < low; > version for i >= high
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (intervals[middle]!.from <= version) low = middle + 1;
    else high = middle;
  }
  const interval = intervals[low - 1];
  return interval !== undefined && version < interval.to ? interval : undefined;
}
