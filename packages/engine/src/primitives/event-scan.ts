import type { Options } from "@strata/core";
import type { EventSource } from "../scope.js";
import { optionalBoolean, optionalInteger, optionsOf } from "./options.js";

/** `after`: a sequence; go on behind it, in scan direction. `-1` is before the first event. */
export type EventScan = Options<{ after: number; limit: number; reverse: boolean }>;

const EVENT_SCAN_OPTIONS = ["after", "limit", "reverse"] as const;

/** An event scan, checked. */
export interface EventQuery {
  readonly after: number | undefined;
  /** `Infinity` without limit. */
  readonly limit: number;
  readonly reverse: boolean;
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` for an option of the wrong type, an unknown one, or a limit below 1. */
export function eventQuery(scan: EventScan | undefined, where: string): EventQuery {
  const options = optionsOf(scan, EVENT_SCAN_OPTIONS, where);
  return {
    after: optionalInteger(options.after, "after", -1, where),
    limit: optionalInteger(options.limit, "limit", 1, where) ?? Number.POSITIVE_INFINITY,
    reverse: optionalBoolean(options.reverse, "reverse", where),
  };
}

/** Sequences [start, end) of a log, clipped to the events that exist. */
export interface SequenceWindow {
  readonly start: number;
  readonly end: number;
}

/** What `query` selects of the whole log. */
export function eventWindow(events: EventSource, { after, limit, reverse }: EventQuery): SequenceWindow {
  if (reverse) {
    const end = clip(events, after ?? Number.POSITIVE_INFINITY);
    return { start: Math.max(0, end - limit), end };
  }
  const start = after === undefined ? 0 : after + 1;
  return { start, end: clip(events, start + limit) };
}

/** What `query` selects of the events of one type: their sequences, in scan order. */
export function typeSequences(events: EventSource, type: string, { after, limit, reverse }: EventQuery): number[] {
  const from = reverse ? (after ?? Number.POSITIVE_INFINITY) - 1 : (after ?? -1) + 1;
  return events.sequencesOf(type, from, limit, reverse);
}

/** `end`, or the log's length where that is less. An event that exists cannot change: to see it observes less than to ask for the length. */
export function clip(events: EventSource, end: number): number {
  if (end <= 0) return 0;
  if (end !== Number.POSITIVE_INFINITY && events.read(end - 1) !== undefined) return end;
  return Math.min(end, events.length());
}
