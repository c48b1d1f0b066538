import { ByteReader, decodeValue, InvalidArgumentError, type Options, type Value } from "@strata/core";
import type { EventTable, Stored } from "@strata/storage";
import { decodeEventRecord, firstHashOf } from "../event-record.js";
import type { StoredEvent } from "../scope.js";
import { visibleAt } from "../visibility.js";
import { Comparison, type KeyPlace } from "./comparison.js";
import { type EntityRef, entityRef, shownValue } from "./entity-ref.js";
import type { EventLogs } from "./event-logs.js";
import { jsonDifference, type PathDifference } from "./json-difference.js";
import type { Point } from "./point.js";
import { type RunFilter, Selection } from "./run-filter.js";
import { heldIn, isSame } from "./same-value.js";

export type DiffOptions = RunFilter & Options<{ limit: number }>;

/** What would have to happen to `a` to make it `b`. Entries are ordered by space, primitive and key or sequence. */
export interface RunDiff {
  /** In `b` only. */
  readonly added: readonly DiffEntry[];
  /** In `a` only. */
  readonly removed: readonly DiffEntry[];
  /** In both, and not the same. */
  readonly modified: readonly DiffEntry[];
  /** True when `limit` entries were found and there are more. */
  readonly truncated: boolean;
}

export interface DiffEntry {
  /** Its run is that of `b`, of what was removed that of `a`. */
  readonly ref: EntityRef;
  /** In `a`; of an event its payload, of a vector `{ vector, metadata }`. `undefined` when it is not there. */
  readonly before: Value | undefined;
  /** In `b`. */
  readonly after: Value | undefined;
  /** Of a document that was modified: where. */
  readonly paths?: readonly PathDifference[];
}

/** A point with the name of its run, for references. */
export interface NamedPoint extends Point {
  readonly run: string;
}

/**
 * Compares two points. Values are compared, not versions: what was written and is the same again is no difference. Events are compared by
 * sequence and hash, of a copy by the hash where it was appended first: two events with the same payload differ, an event and its copy do
 * not. Two of different types at the same sequence are one removed and one added.
 *
 * @param now the time by which expiry is judged on both sides, µs since the epoch: what has expired is not there.
 */
export function diffPoints(a: NamedPoint, b: NamedPoint, now: number, options: DiffOptions = {}): RunDiff {
  const selection = new Selection(options);
  const diff = new DiffInProgress(a.run, b.run, now, selection, checkedLimit(options.limit));
  new Comparison(a, b, selection).walk(diff);
  return diff.finish();
}

class DiffInProgress {
  readonly #runA: string;
  readonly #runB: string;
  readonly #now: number;
  readonly #selection: Selection;
  readonly #limit: number;
  readonly #added: DiffEntry[] = [];
  readonly #removed: DiffEntry[] = [];
  readonly #modified: DiffEntry[] = [];
  #truncated = false;

  constructor(runA: string, runB: string, now: number, selection: Selection, limit: number) {
    this.#runA = runA;
    this.#runB = runB;
    this.#now = now;
    this.#selection = selection;
    this.#limit = limit;
  }

  key(
    place: KeyPlace,
    a: { readonly stored: Stored | undefined },
    b: { readonly stored: Stored | undefined },
  ): boolean {
    const storedA = visibleAt(a.stored, this.#now);
    const storedB = visibleAt(b.stored, this.#now);
    if (isSame(heldIn(storedA), heldIn(storedB))) return true;
    const before = storedA === undefined ? undefined : shownValue(place, storedA);
    const after = storedB === undefined ? undefined : shownValue(place, storedB);
    return this.#add(entityRef(after === undefined ? this.#runA : this.#runB, place), before, after);
  }

  events({ space, shared, a, b, lengthA, lengthB }: EventLogs): boolean {
    for (let sequence = shared; sequence < Math.max(lengthA, lengthB); sequence++) {
      const inA = sequence < lengthA ? (a as EventTable) : undefined;
      const inB = sequence < lengthB ? (b as EventTable) : undefined;
      if (
        inA !== undefined &&
        inB !== undefined &&
        firstHashOf(inA.record(sequence)) === firstHashOf(inB.record(sequence))
      )
        continue;
      const before = inA === undefined ? undefined : eventAt(inA, sequence);
      const after = inB === undefined ? undefined : eventAt(inB, sequence);
      if (!this.#addEvent(space, before, after)) return false;
    }
    return true;
  }

  finish(): RunDiff {
    const entries = { added: this.#added, removed: this.#removed, modified: this.#modified };
    for (const list of Object.values(entries)) Object.freeze(list);
    return Object.freeze({ ...entries, truncated: this.#truncated });
  }

  #addEvent(space: string, before: StoredEvent | undefined, after: StoredEvent | undefined): boolean {
    if (before !== undefined && after !== undefined && before.type !== after.type) {
      return this.#addEvent(space, before, undefined) && this.#addEvent(space, undefined, after);
    }
    const { type, sequence } = (after ?? before) as StoredEvent;
    if (!this.#selection.hasEvent(type)) return true;
    const ref: EntityRef = {
      run: after === undefined ? this.#runA : this.#runB,
      space,
      primitive: "event",
      type,
      sequence,
    };
    return this.#add(ref, payloadOf(before), payloadOf(after));
  }

  #add(ref: EntityRef, before: Value | undefined, after: Value | undefined): boolean {
    if (this.#added.length + this.#removed.length + this.#modified.length >= this.#limit) {
      this.#truncated = true;
      return false;
    }
    if (before === undefined) this.#added.push(Object.freeze({ ref: Object.freeze(ref), before, after }));
    else if (after === undefined) this.#removed.push(Object.freeze({ ref: Object.freeze(ref), before, after }));
    else {
      const paths = ref.primitive === "json" ? { paths: Object.freeze(jsonDifference(before, after)) } : {};
      this.#modified.push(Object.freeze({ ref: Object.freeze(ref), before, after, ...paths }));
    }
    return true;
  }
}

function checkedLimit(limit: number = Number.POSITIVE_INFINITY): number {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  throw new InvalidArgumentError("INVALID_ARGUMENT", "limit must be a whole number of at least 0", { limit });
}

/** The event at a sequence that the table has. */
export function eventAt(table: EventTable, sequence: number): StoredEvent {
  return decodeEventRecord(table.record(sequence), sequence, table.typeOf(sequence), table.versionOf(sequence));
}

function payloadOf(event: StoredEvent | undefined): Value | undefined {
  return event === undefined ? undefined : decodeValue(new ByteReader(event.payload));
}
