import type { EventOrigin } from "@strata/concurrency";
import { compareCodePoints } from "@strata/core";
import type { EventTable } from "@strata/storage";
import { hashOfRecord, originOfRecord } from "../event-record.js";
import type { StoredEvent } from "../scope.js";
import { eventAt } from "./diff.js";
import { eventLogsOf } from "./event-logs.js";
import { commonAncestor } from "./lineage.js";
import type { Containment } from "./merge-base.js";
import type { Selection } from "./run-filter.js";

/** An event to be appended to the target, with where it was appended first. */
export interface CopiedEvent {
  readonly space: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly origin: EventOrigin;
}

/**
 * The events of the source that the target does not hold, in their order. An event is known by the hash it was given where it was appended
 * first, so one that came by another way, or was here before, is not appended again; neither is one that an earlier merge brought into a
 * space which the target has dropped since.
 *
 * @param run name of the source.
 */
export function eventsToCopy(
  run: string,
  source: Containment,
  target: Containment,
  selection: Selection,
): CopiedEvent[] {
  const copied: CopiedEvent[] = [];
  if (!selection.hasPrimitive("event")) return copied;
  const ancestor = commonAncestor(target.lineage, source.lineage);
  const spaces = source.point.shard.spaces(source.point.version).filter((space) => selection.hasSpace(space));
  for (const space of spaces.sort(compareCodePoints)) {
    const { shared, a, b, lengthB } = eventLogsOf(space, target.point, source.point, ancestor);
    const held = new HeldEvents(a, target);
    for (let sequence = shared; sequence < lengthB; sequence++) {
      const log = b as EventTable;
      if (!selection.hasEvent(log.typeOf(sequence)) || target.includesCommit(source, log.versionOf(sequence))) continue;
      const event = eventAt(log, sequence);
      const origin = event.origin ?? originHere(run, event);
      if (!held.has(origin)) copied.push({ space, type: event.type, payload: event.payload, origin });
    }
  }
  return copied;
}

function originHere(run: string, { sequence, hash, timestamp }: StoredEvent): EventOrigin {
  return Object.freeze({ run, sequence, hash, timestamp });
}

/** The events of one log, by what they were where they were appended first. */
class HeldEvents {
  readonly #log: EventTable | undefined;
  readonly #target: Containment;
  #copies: ReadonlySet<string> | undefined;

  constructor(log: EventTable | undefined, target: Containment) {
    this.#log = log;
    this.#target = target;
  }

  has({ sequence, hash }: EventOrigin): boolean {
    const log = this.#log;
    if (log === undefined) return false;
    // An event that was appended here, or inherited, stands where it stood first.
    if (sequence < log.length(this.#target.point.version) && hashOfRecord(log.record(sequence)) === hash) return true;
    this.#copies ??= this.#collectCopies(log);
    return this.#copies.has(hash);
  }

  /** Hashes of what was copied: only merges copy, so only their commits are looked at. */
  #collectCopies(log: EventTable): Set<string> {
    const hashes = new Set<string>();
    for (const { shard, through } of this.#target.lineage) {
      for (const { version } of shard.merges) {
        if (version > through) break;
        for (let sequence = log.length(version - 1); sequence < log.length(version); sequence++) {
          const origin = originOfRecord(log.record(sequence));
          if (origin !== undefined) hashes.add(origin.hash);
        }
      }
    }
    return hashes;
  }
}
