import type { Version } from "@strata/core";
import type { Stored } from "@strata/storage";
import type { Partition } from "./partition.js";
import type { SlotIndex } from "./slot-index.js";
import type { Slots } from "./slots.js";

const NO_SLOTS = new Int32Array(0);

/** A partition as one reader sees it: as of a version, under what lies above it. */
export class PartitionLayer<I extends SlotIndex> {
  readonly partition: Partition<I>;
  /** Finite: at most the partition's watermark. */
  readonly through: Version;
  /** By which expiry is judged, µs since the epoch. */
  readonly now: number;
  readonly #hidden: Int32Array;

  constructor(partition: Partition<I>, through: Version, now: number, hidden: Int32Array) {
    this.partition = partition;
    this.through = through;
    this.now = now;
    this.#hidden = hidden;
  }

  get index(): I {
    return this.partition.index;
  }

  get slots(): Slots {
    return this.partition.slots;
  }

  /** Whether the reader sees the entry of a slot. */
  isVisible(slot: number): boolean {
    return this.partition.slots.isAliveAt(slot, this.through) && !this.isHidden(slot);
  }

  /** Whether something above takes the place of an entry that would be seen, or it has expired. */
  isHidden(slot: number): boolean {
    const hidden = this.#hidden;
    let low = 0;
    let high = hidden.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = hidden[middle]!;
      if (at === slot) return true;
      if (at < slot) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  /** How many slots the reader sees. */
  visibleCount(): number {
    const { slots } = this.partition;
    return slots.bornThrough(this.through) - slots.diedThrough(this.through) - this.#hidden.length;
  }

  /** The slots alive as of `through` that the reader does not see, ascending. The same object as long as nothing about it changes. */
  hidden(): Int32Array {
    return this.#hidden;
  }

  /** The slot in which the reader sees `key`; -1 when it does not see it here. */
  slotOf(key: string): number {
    const slot = this.partition.slots.slotAt(key, this.through);
    return slot >= 0 && !this.isHidden(slot) ? slot : -1;
  }
}

/** Where a stack of partitions is seen from. */
export interface Standpoint {
  readonly now: number;
  readonly pending: ReadonlyMap<string, Stored | undefined> | undefined;
}

/** A partition, and the finite version it is read at. */
export interface Place<I extends SlotIndex> {
  readonly partition: Partition<I>;
  readonly through: Version;
}

/** The partitions of `places`, the nearest first, as a reader sees them. */
export function layersFrom<I extends SlotIndex>(
  places: readonly Place<I>[],
  { now, pending }: Standpoint,
): PartitionLayer<I>[] {
  return places.map((place, position) => {
    const above = places.slice(0, position);
    const { partition, through } = place;
    let hidden = above.length === 0 ? NO_SLOTS : replacedIn(place, above);
    if (pending !== undefined) hidden = withPending(hidden, place, pending);
    const { slots } = partition;
    if (slots.expires) hidden = joined(hidden, slots.expiredBy(now, through, through >= partition.watermark));
    return new PartitionLayer(partition, through, now, hidden);
  });
}

/** By the own writes of a transaction, which are other ones after the next write. */
const lastPending = new WeakMap<
  object,
  { readonly hidden: Int32Array; readonly through: Version; readonly slots: Int32Array; readonly partition: unknown }[]
>();

/** `hidden`, and the slots of what a transaction has written over. The same object for the same writes. */
function withPending<I extends SlotIndex>(
  hidden: Int32Array,
  { partition, through }: Place<I>,
  pending: ReadonlyMap<string, Stored | undefined>,
): Int32Array {
  let known = lastPending.get(pending);
  if (known === undefined) {
    known = [];
    lastPending.set(pending, known);
  }
  const same = known.find((one) => one.partition === partition && one.hidden === hidden && one.through === through);
  if (same !== undefined) return same.slots;
  const written: number[] = [];
  for (const key of pending.keys()) {
    const slot = partition.slots.slotAt(key, through);
    if (slot >= 0) written.push(slot);
  }
  const slots = joined(hidden, written);
  known.push({ partition, hidden, through, slots });
  return slots;
}

function joined(hidden: Int32Array, more: readonly number[]): Int32Array {
  return more.length === 0 ? hidden : Int32Array.from(new Set([...hidden, ...more])).sort();
}

/** What was found last for a partition: most readers of it stand at the same place. */
interface Replaced {
  readonly below: unknown;
  readonly through: Version;
  readonly above: readonly { readonly partition: unknown; readonly keys: number }[];
  readonly slots: Int32Array;
}

const lastReplaced = new WeakMap<object, Replaced>();

/** The slots of a layer whose keys were written in one of those above it, ascending. */
function replacedIn<I extends SlotIndex>({ partition, through }: Place<I>, above: readonly Place<I>[]): Int32Array {
  const stack = above.map((upper) => ({
    partition: upper.partition,
    keys: upper.partition.firstWrites?.through(upper.through) ?? 0,
  }));
  const nearest = above.at(-1)!.partition;
  const known = lastReplaced.get(nearest);
  if (known?.below === partition && known.through === through && isSame(known.above, stack)) return known.slots;
  const slots = new Set<number>();
  for (const { partition: upper, keys } of stack) {
    for (let position = 0; position < keys; position++) {
      const slot = partition.slots.slotAt(upper.firstWrites!.keyAt(position), through);
      if (slot >= 0) slots.add(slot);
    }
  }
  const replaced = slots.size === 0 ? NO_SLOTS : Int32Array.from(slots).sort();
  lastReplaced.set(nearest, { below: partition, through, above: stack, slots: replaced });
  return replaced;
}

function isSame(a: Replaced["above"], b: Replaced["above"]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ partition, keys }, position) => partition === b[position]!.partition && keys === b[position]!.keys);
}
