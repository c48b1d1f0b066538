import type { EventTable, Table } from "@strata/storage";
import type { Point } from "./point.js";

/** The events of one space at two points: everything below `shared` is the same on both sides. */
export interface EventLogs {
  readonly space: string;
  readonly shared: number;
  readonly a: EventTable | undefined;
  readonly b: EventTable | undefined;
  /** Number of events on each side. */
  readonly lengthA: number;
  readonly lengthB: number;
}

/** @param ancestor the newest point that both see by descent, if there is one. */
export function eventLogsOf(space: string, a: Point, b: Point, ancestor: Point | undefined): EventLogs {
  const logA = a.shard.eventsAt(space, a.version);
  const logB = b.shard.eventsAt(space, b.version);
  const lengthA = logA?.length(a.version) ?? 0;
  const lengthB = logB?.length(b.version) ?? 0;
  const inherited = ancestor?.shard.eventsAt(space, ancestor.version)?.length(ancestor.version) ?? 0;
  const shared = isSameIncarnation(logA, logB) ? Math.min(inherited, lengthA, lengthB) : 0;
  return { space, shared, a: logA, b: logB, lengthA, lengthB };
}

/** Whether both belong to one life of the space: versions are unique, so one registration made both. */
export function isSameIncarnation(a: Table | EventTable | undefined, b: Table | EventTable | undefined): boolean {
  return a !== undefined && b !== undefined && a.space.createdAt === b.space.createdAt;
}
