import {
  ByteReader,
  decodeValue,
  InvalidArgumentError,
  type Options,
  type Primitive,
  type Value,
  type Version,
  validateSpaceName,
} from "@strata/core";
import {
  EventTable,
  isLive,
  type SpaceTables,
  type Timeline,
  type VersionChain,
  type WriteTarget,
} from "@strata/storage";
import { type EntityRef, entityRef, shownValue } from "./algebra/entity-ref.js";
import { Selection } from "./algebra/run-filter.js";
import { commitAfter } from "./commit-history.js";
import { decodeEventRecord } from "./event-record.js";
import type { FeedSource } from "./feed.js";
import type { Run } from "./run.js";
import type { KeyedPrimitive } from "./scope.js";

/** Which commits are waited for, and what is shown of them. */
export type WatchFilter = Options<{
  /** All unless said. */
  primitives: readonly Primitive[];
  /** The handle's own unless said. */
  spaces: readonly string[] | "all";
  /** Of keys, cells and documents; of events that of their type, of vectors that of `collection/key`. */
  prefix: string;
  /** Commits behind this version; those from the call on unless said. */
  since: Version;
  signal: AbortSignal;
}>;

/** What a commit did to one key, or one event of it. */
export interface Change {
  readonly kind: "put" | "delete" | "append";
  readonly ref: EntityRef;
  /** As of that commit: a whole document, an event's payload, `{ vector, metadata }`. `undefined` for what was deleted. */
  readonly value: Value | undefined;
}

/** One commit, whole, as far as the filter shows it. */
export interface CommitChanges {
  readonly run: string;
  readonly version: Version;
  /** µs since the epoch. */
  readonly timestamp: number;
  readonly message?: string;
  readonly changes: readonly Change[];
}

const KEYED: readonly KeyedPrimitive[] = ["kv", "state", "json", "vector"];

/** The commits of a run that change something of a selection, oldest first. */
export class ChangeSource implements FeedSource<CommitChanges> {
  readonly #run: Run;
  readonly #selection: Selection;
  readonly #wanted: (target: WriteTarget) => boolean;
  /** Everything up to here was delivered, or had nothing in it to deliver. */
  #position: Version;

  /** @throws StateError `HISTORY_TRIMMED` when what follows `since` is no longer kept */
  constructor(run: Run, selection: Selection, since: Version) {
    this.#run = run;
    this.#selection = selection;
    this.#wanted = (target) => isWanted(target, selection);
    this.#position = since;
    commitAfter(run, since, () => true);
  }

  take(through: Version): CommitChanges | undefined {
    for (;;) {
      const next = commitAfter(this.#run, this.#position, this.#wanted);
      if (next === undefined) {
        this.#position = Math.max(this.#position, this.#run.version);
        return undefined;
      }
      if (next.version > through) return undefined;
      this.#position = next.version;
      const changes = changesOf(this.#run.name, next.timeline, next.version, this.#selection);
      if (changes.length > 0) return commitChanges(this.#run.name, next.timeline, next.version, changes);
    }
  }
}

/**
 * `filter`, checked, for a handle on `space`.
 *
 * @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_NAME`
 */
export function selectionOf(filter: WatchFilter, space: string): Selection {
  const { primitives, prefix, spaces = [space], since } = filter;
  if (since !== undefined && !(Number.isSafeInteger(since) && since >= 0)) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "since must be a version: a whole number of at least 0", {
      since,
    });
  }
  if (spaces === "all") return new Selection({ primitives, prefix });
  for (const name of Array.isArray(spaces) ? spaces : []) validateSpaceName(name);
  return new Selection({ primitives, prefix, spaces });
}

function commitChanges(run: string, timeline: Timeline, version: Version, changes: Change[]): CommitChanges {
  const message = timeline.messageOf(version);
  const commit = { run, version, timestamp: timeline.timestampOf(version), changes };
  return message === undefined ? commit : { ...commit, message };
}

/** Whether a write is one of the selection; of a log of events only whether such a one may be. */
function isWanted(target: WriteTarget, selection: Selection): boolean {
  if (target instanceof EventTable) return selection.hasPrimitive("event") && selection.hasSpace(target.space.name);
  const { primitive, space } = target.table;
  return selection.hasPrimitive(primitive) && selection.hasSpace(space.name) && selection.hasKey(primitive, target.key);
}

/** What the commit did, in the order in which it did it: a commit drops spaces before it writes. */
function changesOf(run: string, timeline: Timeline, version: Version, selection: Selection): Change[] {
  const changes: Change[] = [];
  for (const space of timeline.spacesDroppedBy(version)) {
    if (selection.hasSpace(space.name)) addDropped(changes, run, space, version, selection);
  }
  /** The next event of each log that this commit appended to. */
  const next = new Map<EventTable, number>();
  for (const target of timeline.writesOf(version)) {
    if (!isWanted(target, selection)) continue;
    if (!(target instanceof EventTable)) {
      changes.push(writeOf(run, target, version));
      continue;
    }
    const sequence = next.get(target) ?? target.length(version - 1);
    next.set(target, sequence + 1);
    if (selection.hasEvent(target.typeOf(sequence))) changes.push(appendOf(run, target, sequence, version));
  }
  return changes;
}

/** @param chain of a key that has a version of that commit. */
function writeOf(run: string, chain: VersionChain, version: Version): Change {
  const { primitive, space } = chain.table;
  const stored = chain.storedAt(version);
  const place = { space: space.name, primitive, key: chain.key };
  const ref = entityRef(run, place);
  return isLive(stored)
    ? { kind: "put", ref, value: shownValue(place, stored) }
    : { kind: "delete", ref, value: undefined };
}

function appendOf(run: string, table: EventTable, sequence: number, version: Version): Change {
  const type = table.typeOf(sequence);
  const { payload } = decodeEventRecord(table.record(sequence), sequence, type, version);
  const ref = { run, space: table.space.name, primitive: "event", type, sequence } as const;
  return { kind: "append", ref, value: decodeValue(new ByteReader(payload)) };
}

/** Everything that a space held when it was dropped. */
function addDropped(changes: Change[], run: string, space: SpaceTables, version: Version, selection: Selection): void {
  const { name } = space;
  const before = version - 1;
  for (const primitive of KEYED) {
    if (!selection.hasPrimitive(primitive)) continue;
    for (const range of selection.rangesOf(primitive)) {
      space.table(primitive).scan(range, before, (key) => {
        if (selection.hasKey(primitive, key)) {
          changes.push({ kind: "delete", ref: entityRef(run, { space: name, primitive, key }), value: undefined });
        }
        return true;
      });
    }
  }
  const events = space.events();
  for (let sequence = 0; sequence < events.length(before); sequence++) {
    const type = events.typeOf(sequence);
    if (!selection.hasEvent(type)) continue;
    changes.push({
      kind: "delete",
      ref: { run, space: name, primitive: "event", type, sequence },
      value: undefined,
    });
  }
}
