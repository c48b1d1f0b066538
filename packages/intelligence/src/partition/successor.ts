import { type Clock, StrataError, type Version } from "@strata/core";
import { IDLE_WRITES } from "./idle-work.js";
import { catchesUp, Partition } from "./partition.js";
import type { SlotIndex } from "./slot-index.js";

/** Another partition of the same table in the making: without the dead slots, or reaching further back. */
export class Successor {
  readonly floor: Version;
  readonly #steps: Generator<void, Partition<SlotIndex> | undefined, undefined>;

  /** @param floor of the other one. */
  constructor(partition: Partition<SlotIndex>, floor: Version, clock: Clock) {
    this.floor = floor;
    this.#steps = succeeding(partition, floor, clock);
  }

  /** A small step. The last one gives the partition, or `undefined` when what it is made of is not known any more. */
  step(): IteratorResult<void, Partition<SlotIndex> | undefined> {
    return this.#steps.next();
  }

  /** It is not wanted any more: what it has so far is disposed of. Nothing happens to one that was given. */
  dispose(): void {
    this.#steps.return(undefined);
  }
}

/** A partition from `floor` on, once it has done all that can be done ahead. */
function* succeeding(
  { kind, table }: Partition<SlotIndex>,
  floor: Version,
  clock: Clock,
): Generator<void, Partition<SlotIndex> | undefined, undefined> {
  const { shard } = table.space;
  const next = yield* knownFrom(Partition.building(kind, table, floor, clock.now()));
  if (next === undefined) return undefined;
  let isGiven = false;
  try {
    for (let isDone = false; !isDone; ) {
      while (next.watermark < shard.lastVersion) {
        if (!catchesUp(next, shard.lastVersion, clock.now(), IDLE_WRITES)) {
          return Partition.built(kind, table, shard.lastVersion, clock.now());
        }
        yield;
      }
      isDone = true;
      for (const _ of next.index.work?.() ?? []) {
        isDone = false;
        yield;
      }
    }
    isGiven = true;
    return next;
  } finally {
    if (!isGiven) next.index.dispose?.();
  }
}

/** `building`, which retention may have left nothing to read for. */
function* knownFrom(
  building: Generator<void, Partition<SlotIndex>, undefined>,
): Generator<void, Partition<SlotIndex> | undefined, undefined> {
  try {
    return yield* building;
  } catch (error) {
    if (StrataError.is(error, "HISTORY_TRIMMED")) return undefined;
    throw error;
  }
}
