import { StrataError, type Version } from "@strata/core";
import { Box, Found, isLive, type OwnEntry, type Table, VersionChain } from "@strata/storage";
import { FirstWrites } from "./first-writes.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";
import { byKey, Slots } from "./slots.js";

/** Of a partition that is built in steps. */
const ENTRIES_A_STEP = 32;

/** What a partition would have to read to go on is not kept any more: another one is built. */
class PartitionStale extends Error {}

/** What makes a partition. */
interface PartitionState<I extends SlotIndex> {
  readonly slots: Slots;
  readonly index: I;
  readonly floor: Version;
  readonly watermark: Version;
  readonly firstWrites: FirstWrites | undefined;
}

/**
 * One index over what one table has of its own: what is inherited is in the partitions of the tables below. It begins with what the table
 * held as of `floor`, and follows the run's commits from there on, whenever somebody asks.
 *
 * 1. It has every entry that a view as of a version in [floor, watermark] sees in this table, and whose kind it is.
 * 2. Slots are in order of commit, and in order of key within one: they are the same however it came about, for the same floor.
 */
export class Partition<I extends SlotIndex> {
  readonly kind: IndexKind<I>;
  readonly table: Table;
  readonly slots: Slots;
  readonly index: I;
  /** Views below it are not served. */
  readonly floor: Version;
  /** Where the table lies over another: which keys it hides there. */
  readonly firstWrites: FirstWrites | undefined;
  #watermark: Version;
  /** Of the slots that died because they had expired, some did so as late as that, µs since the epoch. */
  #expiredThrough: number;

  private constructor(kind: IndexKind<I>, table: Table, state: PartitionState<I>) {
    this.kind = kind;
    this.table = table;
    this.slots = state.slots;
    this.index = state.index;
    this.floor = state.floor;
    this.firstWrites = state.firstWrites;
    this.#watermark = state.watermark;
    this.#expiredThrough = this.slots.expires
      ? table.space.shard.timestampAt(state.watermark)
      : Number.NEGATIVE_INFINITY;
  }

  /**
   * Of all that the table holds as of `floor`.
   *
   * @param floor at most the version of the run's newest commit.
   * @param now when somebody asks, µs since the epoch: see `servesAt`.
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest
   */
  static built<I extends SlotIndex>(kind: IndexKind<I>, table: Table, floor: Version, now: number): Partition<I> {
    const building = Partition.building(kind, table, floor, now);
    for (;;) {
      const step = building.next();
      if (step.done === true) return step.value;
    }
  }

  /**
   * The same in small steps: what is written meanwhile is taken in by `catchUp`. What there is of its index is disposed of when it is left before
   * the end.
   */
  static *building<I extends SlotIndex>(
    kind: IndexKind<I>,
    table: Table,
    floor: Version,
    now: number,
  ): Generator<void, Partition<I>, undefined> {
    const slots = new Slots();
    const firstWrites = table.base === undefined ? undefined : new FirstWrites();
    const partition = new Partition(kind, table, {
      slots,
      index: kind.create(slots),
      floor,
      watermark: floor,
      firstWrites,
    });
    let isBuilt = false;
    try {
      const entries: OwnEntry[] = [];
      for (const entry of table.ownEntries(floor)) if (kind.owns(entry.key)) entries.push(entry);
      entries.sort((a, b) => a.version - b.version || byKey(a, b));
      for (const [position, entry] of entries.entries()) {
        partition.#take(entry);
        if (position % ENTRIES_A_STEP === ENTRIES_A_STEP - 1) yield;
      }
      partition.#expire(floor, now);
      isBuilt = true;
      return partition;
    } finally {
      if (!isBuilt) partition.index.dispose?.();
    }
  }

  /** As it was when it was saved. */
  static restored<I extends SlotIndex>(kind: IndexKind<I>, table: Table, state: PartitionState<I>): Partition<I> {
    return new Partition(kind, table, state);
  }

  /** Everything that the run has committed at or below it is here. */
  get watermark(): Version {
    return this.#watermark;
  }

  get memoryBytes(): number {
    return this.slots.memoryBytes + this.index.memoryBytes + (this.firstWrites?.memoryBytes ?? 0);
  }

  /**
   * Whether a reader as of `through` misses nothing that expires after `now`. Commits may be stamped ahead of the clock: what had expired by
   * such a commit is still there for who goes by a clock that was set back.
   */
  servesAt(now: number, through: Version): boolean {
    return this.#expiredThrough <= now || this.table.space.shard.timestampAt(through) <= now;
  }

  /**
   * Takes in what the run has committed, at least up to `through` and at most about `limit` writes more.
   *
   * @param now when somebody asks, µs since the epoch.
   * @returns whether it has everything up to `through`.
   * @throws Error when what it would have to read is not kept any more: see {@link catchesUp}
   */
  catchUp(through: Version, now: number, limit: number = Number.POSITIVE_INFINITY): boolean {
    const { shard } = this.table.space;
    const end = Math.min(through, shard.lastVersion);
    if (this.#watermark >= end) return true;
    const { timeline } = shard;
    if (timeline.floor > this.#watermark) throw new PartitionStale();
    let version = 0;
    let seen = 0;
    let isDone = true;
    let pending: OwnEntry[] = [];
    const found = new Found();
    const flush = () => {
      if (version === 0) return;
      if (pending.length > 1) pending = onceEach(pending).sort(byKey);
      for (const entry of pending) this.#take(entry);
      pending = [];
      this.#watermark = version;
    };
    timeline.changedSince(this.#watermark, (target, at) => {
      if (at !== version) {
        flush();
        if (at > end || seen >= limit) {
          isDone = at > end;
          version = 0;
          return false;
        }
        version = at;
      }
      seen++;
      if (target instanceof VersionChain && target.table === this.table && this.kind.owns(target.key)) {
        if (!entryAt(target, at, found)) throw new PartitionStale();
        pending.push({ key: target.key, stored: found.stored, version: at });
      }
      return true;
    });
    flush();
    if (isDone) this.#watermark = end;
    this.#expire(this.#watermark, now);
    return isDone;
  }

  #take({ key, stored, version }: OwnEntry): void {
    this.firstWrites?.note(key, version);
    const ended = this.slots.end(key, version);
    if (ended >= 0) this.index.remove(ended, version);
    if (!isLive(stored) || !this.kind.accepts(key, stored)) return;
    const slot = this.slots.add(key, version, stored instanceof Box ? stored.expiresAt : Number.POSITIVE_INFINITY);
    this.index.add(slot, key, stored);
  }

  /** What had expired by a commit, and by the clock, is seen by nobody from there on. */
  #expire(version: Version, now: number): void {
    if (!this.slots.expires) return;
    const time = Math.min(this.table.space.shard.timestampAt(version), now);
    this.slots.expire(time, version, (slot) => {
      this.#expiredThrough = Math.max(this.#expiredThrough, this.slots.expiresAt(slot));
      this.index.remove(slot, version);
    });
  }
}

/** {@link Partition.catchUp}; false when the partition cannot go on from where it is, and another one has to be built. */
export function catchesUp(partition: Partition<SlotIndex>, through: Version, now: number, limit?: number): boolean {
  try {
    partition.catchUp(through, now, limit);
    return true;
  } catch (error) {
    if (error instanceof PartitionStale) return false;
    throw error;
  }
}

/** What a chain holds as of a commit that wrote it; false when retention has dropped it. */
function entryAt(chain: VersionChain, version: Version, found: Found): boolean {
  try {
    return chain.findAt(version, found);
  } catch (error) {
    if (StrataError.is(error, "HISTORY_TRIMMED")) return false;
    throw error;
  }
}

/** A commit may write a key more than once: what it leaves is what counts, and that is what each of them has found. */
function onceEach(entries: readonly OwnEntry[]): OwnEntry[] {
  return [...new Map(entries.map((entry) => [entry.key, entry])).values()];
}
