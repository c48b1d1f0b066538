/**
 * Sets of versions as lists of intervals, in order and apart; and those as of which a table no longer knows what keys it had.
 */
import { StateError, type Version } from "@strata/core";
import type { ColdTable, LostInterval } from "./cold.js";
import type { Table } from "./table.js";

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

/** What a table has noted itself, beside what files say. */
export class LostKeys {
  #noted: readonly LostInterval[] = [];

  note(from: Version, to: Version): void {
    this.#noted = withInterval(this.#noted, from, to);
  }

  with(cold: ColdTable | undefined): readonly LostInterval[] {
    let all = this.#noted;
    for (const { from, to } of cold?.lost ?? []) all = withInterval(all, from, to);
    return all;
  }

  /** Forgets what files say as well. */
  leaveTo({ lost }: ColdTable): void {
    this.#noted = this.#noted.filter(({ from, to }) => withInterval(lost, from, to) !== lost);
  }

  /** @throws StateError `HISTORY_TRIMMED` when `table` lost a key that it had as of `asOf` */
  mustHaveNone(asOf: Version, { space, primitive, cold }: Table): void {
    const interval = intervalAt(this.#noted, asOf) ?? intervalAt(cold?.lost ?? [], asOf);
    if (interval === undefined) return;
    throw new StateError(
      "HISTORY_TRIMMED",
      `which keys "${space.name}" had at version ${asOf} is no longer known; from version ${interval.to} on it is`,
      { space: space.name, primitive, requested: { version: asOf }, earliest: interval.to },
    );
  }
}
