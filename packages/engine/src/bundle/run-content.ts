import { StateError, type Version } from "@strata/core";
import { type EventTable, Found, type RunShard, type Stored, type Table, VersionChain } from "@strata/storage";
import { lineageOf, type Stretch } from "../algebra/lineage.js";
import { decodeEventRecord } from "../event-record.js";
import type { AppendOperation } from "../operation.js";
import type { KeyedPrimitive } from "../scope.js";
import { spaceChanges } from "../space-changes.js";
import type { BundleChain } from "./bundle-header.js";
import type { BundleOperation, BundleRecord } from "./bundle-record.js";
import { sortInSlices } from "./sort-in-slices.js";

const KEYED: readonly KeyedPrimitive[] = ["json", "kv", "state", "vector"];
/** Keys between two pauses. */
const SLICE_KEYS = 1000;

/**
 * What a run holds at a version, its ancestors' part included, as bundles tell it. Generators yield `undefined` where the caller may pause.
 * Nothing here depends on how the run came about: a run and its copy give the same.
 */
export class RunContent {
  readonly shard: RunShard;
  readonly version: Version;
  readonly #stretches: readonly Stretch[];

  /** @param version to stay readable for as long as this is used. */
  constructor(shard: RunShard, version: Version) {
    this.shard = shard;
    this.version = version;
    this.#stretches = lineageOf({ shard, version }).reverse();
  }

  /**
   * The lowest version above which every commit is here with all that it wrote, and as of which everything can be read: 0 unless history was
   * trimmed.
   *
   * @param base below which history was never here.
   */
  *completeFrom(base: Version): Generator<undefined, Version, undefined> {
    let from = base;
    for (const { shard, through } of this.#stretches) {
      const { timeline, forkVersion } = shard;
      if (timeline.floor > forkVersion) from = Math.max(from, Math.min(timeline.floor, this.version));
      for (const space of shard.ownSpaces()) {
        for (const table of space.ownTables())
          for (const lost of table.lost) if (lost.from <= through) from = Math.max(from, lost.to);
      }
      for (const { version } of timeline.commits({ after: Math.max(base, timeline.floor) })) {
        if (version > through) break;
        for (const target of timeline.writesOf(version))
          if (target instanceof VersionChain) from = Math.max(from, nextKept(target, version));
        yield;
      }
    }
    for (;;) {
      if (from === 0 || from >= this.version) return Math.min(from, this.version);
      // Commits that left nothing may be gone from the timeline: only the keys themselves tell.
      const known = yield* this.#knownFrom(from);
      if (known <= from) return from;
      from = known;
    }
  }

  /** `version` when every key can be read as of it; otherwise a later one, from which on another key can. */
  *#knownFrom(version: Version): Generator<undefined, Version, undefined> {
    try {
      for (const name of this.shard.spaces(version)) {
        for (const key of this.#keysAt(name, version)) if (key === undefined) yield;
      }
      return version;
    } catch (error) {
      if (!isTrimmed(error)) throw error;
      return error.facts["earliest"] as Version;
    }
  }

  /** What is left of a space's keys as of a version; `undefined` where the caller may pause. */
  *#keysAt(space: string, asOf: Version): Generator<KeyAt | undefined, void, undefined> {
    for (const primitive of KEYED) {
      const table = this.shard.tableAt(space, primitive, asOf);
      if (table !== undefined) yield* primitive === "state" ? cellsOf(table, asOf) : liveKeysOf(table, asOf);
    }
  }

  /** Keeps retention from dropping anything above `base`. @returns what lets go of it */
  hold(base: Version): () => void {
    const releases = this.#stretches.map(({ shard }) => shard.watermark.holdFrom(base));
    return () => {
      for (const release of releases) release();
    };
  }

  /** When the oldest commit above `base` was made, µs since the epoch; `undefined` without any. */
  firstTimestampAbove(base: Version): number | undefined {
    for (const { shard, through } of this.#stretches) {
      const [first] = shard.timeline.commits({ after: Math.max(base, shard.timeline.floor), limit: 1 });
      if (first !== undefined && first.version <= through) return first.timestamp;
    }
    return undefined;
  }

  /** Number of commits above `base`. */
  *countCommits(base: Version): Generator<undefined, number, undefined> {
    let count = 0;
    for (const { shard, through } of this.#stretches) {
      for (const { version } of shard.timeline.commits({ after: Math.max(base, shard.timeline.floor) })) {
        if (version > through) break;
        if (++count % SLICE_KEYS === 0) yield;
      }
    }
    return count;
  }

  /**
   * Every commit above `base`, oldest first, each with all that it wrote.
   *
   * @throws StateError `HISTORY_TRIMMED` when some of it is no longer kept: see `hold`
   */
  *commits(base: Version): Generator<BundleRecord, void, undefined> {
    for (const { shard, through } of this.#stretches) {
      if (through <= base) continue;
      const spaces = spaceChanges(shard);
      for (const { version, timestamp, message } of shard.timeline.commits({
        after: Math.max(base, shard.timeline.floor),
      })) {
        if (version > through) break;
        const operations: BundleOperation[] = [...(spaces.get(version) ?? [])];
        writesOf(shard, version, operations);
        yield { version, timestamp, message, operations };
      }
    }
  }

  /**
   * The last state of everything at `base`, and all events up to it, by the commits that wrote it: of each of them what is left. Cells that
   * were deleted are among it, for their counters go on.
   */
  *base(base: Version): Generator<BundleRecord | undefined, void, undefined> {
    const { shard } = this;
    const left: Leftover[] = [];
    for (const name of shard.spaces(base)) {
      const createdAt = shard.tableAt(name, "kv", base)?.space.createdAt ?? 0;
      if (createdAt > 0) left.push({ version: createdAt, order: left.length, kind: "space", space: name });
      for (const key of this.#keysAt(name, base)) {
        if (key === undefined) yield undefined;
        else left.push({ ...key, order: left.length, kind: "key" });
      }
      const events = shard.eventsAt(name, base);
      const length = events?.length(base) ?? 0;
      for (let sequence = 0; sequence < length; sequence++) {
        const version = (events as EventTable).versionOf(sequence);
        left.push({ version, order: left.length, kind: "event", events: events as EventTable, sequence });
        if (sequence % SLICE_KEYS === 0) yield undefined;
      }
    }
    const sorted = yield* sortInSlices(left, (a, b) => a.version - b.version || a.order - b.order);
    const found = new Found();
    let timestamp = 0;
    for (let i = 0; i < sorted.length; ) {
      const { version } = sorted[i] as Leftover;
      const operations: BundleOperation[] = [];
      const registered: BundleOperation[] = [];
      for (; sorted[i]?.version === version; i++) {
        const each = sorted[i] as Leftover;
        if (each.kind === "space") registered.push({ kind: "registerSpace", space: each.space });
        else if (each.kind === "event") operations.push(appendOf(each.events, each.sequence));
        else operations.push(putOf(each.table, each.key, each.table.find(each.key, base, found) && found.stored));
      }
      timestamp = Math.max(timestamp, shard.timestampOf(version));
      yield { version, timestamp, message: undefined, operations: [...registered, ...operations] };
    }
  }

  /** The event logs at the version, by space. */
  chains(): BundleChain[] {
    const { shard, version } = this;
    const chains: BundleChain[] = [];
    for (const space of shard.spaces(version)) {
      const events = shard.eventsAt(space, version);
      const length = events?.length(version) ?? 0;
      if (events === undefined || length === 0) continue;
      const genesis = eventAt(events, 0).prevHash;
      chains.push({ space, length, genesis, head: eventAt(events, length - 1).hash });
    }
    return chains;
  }
}

type Leftover = { readonly version: Version; readonly order: number } & (
  | { readonly kind: "space"; readonly space: string }
  | { readonly kind: "key"; readonly table: Table; readonly key: string }
  | { readonly kind: "event"; readonly events: EventTable; readonly sequence: number }
);

function writesOf(shard: RunShard, version: Version, operations: BundleOperation[]): void {
  const found = new Found();
  const ends = new Map<EventTable, number>();
  const written = new Set<VersionChain>();
  for (const target of shard.timeline.writesOf(version)) {
    if (target instanceof VersionChain) {
      if (written.has(target)) continue;
      written.add(target);
      if (!target.findAt(version, found) || found.version !== version) throw trimmedMeanwhile(version);
      operations.push(putOf(target.table, target.key, found.stored));
    } else {
      const sequence = ends.get(target) ?? target.length(version - 1);
      ends.set(target, sequence + 1);
      operations.push(appendOf(target, sequence));
    }
  }
}

/** The version from which on the key is known again, when what `version` wrote to it is not; 0 when it is. */
function nextKept(chain: VersionChain, version: Version): Version {
  if (chain.has(version)) return 0;
  const found = new Found();
  try {
    return chain.findAt(version, found) && found.version === version ? 0 : version;
  } catch (error) {
    if (!isTrimmed(error)) throw error;
    return error.facts["earliest"] as Version;
  }
}

function isTrimmed(error: unknown): error is StateError {
  return error instanceof StateError && error.code === "HISTORY_TRIMMED";
}

function trimmedMeanwhile(version: Version): StateError {
  return new StateError("HISTORY_TRIMMED", `what commit ${version} wrote is no longer kept`, {
    requested: { version },
  });
}

interface KeyAt {
  readonly table: Table;
  readonly key: string;
  readonly version: Version;
}

function* liveKeysOf(table: Table, asOf: Version): Generator<KeyAt | undefined, void, undefined> {
  // What the first scan would otherwise do all at once.
  for (let layer: Table | undefined = table; layer !== undefined; layer = layer.base)
    while (layer.orderAhead(SLICE_KEYS)) yield undefined;
  let start: string | undefined;
  for (;;) {
    const keys: KeyAt[] = [];
    table.scan({ start, end: undefined, reverse: false }, asOf, (key, _stored, version) => {
      keys.push({ table, key, version });
      return keys.length < SLICE_KEYS;
    });
    yield* keys;
    if (keys.length < SLICE_KEYS) return;
    start = `${keys.at(-1)?.key}\0`;
    yield undefined;
  }
}

function* cellsOf(table: Table, asOf: Version): Generator<KeyAt, void, undefined> {
  const found = new Found();
  for (const key of table.everyKey(asOf))
    if (table.find(key, asOf, found) && found.stored !== undefined) yield { table, key, version: found.version };
}

function putOf(table: Table, key: string, stored: Stored | undefined | false): BundleOperation {
  const { space, primitive } = table;
  if (stored === false) throw new StateError("HISTORY_TRIMMED", `what "${key}" held is no longer kept`, { key });
  return { kind: "put", space: space.name, primitive: primitive as KeyedPrimitive, key, stored };
}

function eventAt(events: EventTable, sequence: number) {
  return decodeEventRecord(events.record(sequence), sequence, events.typeOf(sequence), events.versionOf(sequence));
}

function appendOf(events: EventTable, sequence: number): AppendOperation {
  const { type, payload, hash, prevHash, origin } = eventAt(events, sequence);
  return {
    kind: "append",
    space: events.space.name,
    type,
    sequence,
    payload,
    hash,
    prevHash: sequence === 0 ? prevHash : undefined,
    origin,
  };
}
