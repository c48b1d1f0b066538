import type { Clock, Logger, RunId, Timer, Version } from "@strata/core";
import {
  type Database,
  type DerivedIndex,
  type IndexImage,
  type LongWork,
  type Run,
  type SavedImage,
  Slices,
  type TableView,
} from "@strata/engine";
import type { RunShard, Table } from "@strata/storage";
import { Discarded } from "./discarded.js";
import { FrozenPartitions } from "./frozen-partitions.js";
import { IDLE_KEYS, IDLE_WRITES, IdleWork } from "./idle-work.js";
import { catchesUp, Partition } from "./partition.js";
import { imageFrom, imageName, partitionFrom } from "./partition-image.js";
import { layersFrom, type PartitionLayer, type Place } from "./partition-layer.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";
import { Successor } from "./successor.js";

/** What indexes need of a database. */
export interface IndexGround {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly logger: Logger;
  /** Whether a run's shard is the one that the database commits to: others are not followed, and nothing of theirs is saved. */
  isLive(shard: RunShard): boolean;
  savedImage(index: string, run: RunId, name: string): SavedImage | undefined;
  /** How much all partitions may take in memory, about; successors in the making come on top. Bytes. */
  readonly memoryBudgetBytes: number;
}

/** A partition that is kept. */
interface Held {
  readonly partition: Partition<SlotIndex>;
  /** Counts up with every use. */
  usedAt: number;
  work: Generator<void, void, undefined> | undefined;
  /** Slots there were when `work` was last through. */
  workedThrough: number;
  /** Until it has everything that this one has, this one is asked. */
  successor: Successor | undefined;
}

/** A view this many writes back, for each key the table has, and these besides, is worth the dead slots that it costs to serve. */
const NEAR_FACTOR = 2;
const NEAR_WRITES = 10_000;
/** More dead slots than this many for each live one, and these besides, are not kept. */
const DEAD_FACTOR = 3;
const DEAD_SLOTS = 20_000;
/** Of the memory for all partitions, what those may take besides that serve one version each. */
const FROZEN_SHARE = 0.25;
/** The part of a database's budget that its partitions may take. */
const BUDGET_SHARE = 1 / 2;
const NAME = "partitions";

/**
 * The indexes of one database: a partition for every table that somebody searches, made when he does.
 *
 * Nothing here is told of what is written: partitions read it from the timeline of their run, when they are asked and in idle moments. So
 * a commit costs nothing, a fork costs nothing, and an index that is thrown away comes back when it is needed.
 *
 * 1. What a search finds does not depend on which partitions are in memory, or were read from an image.
 * 2. An index is disposed of once: when the calls that read it have returned, and no checkpoint is writing its image.
 * 3. When a run is dropped, its partitions are let go; when something is erased, all are.
 */
export class Indexes implements DerivedIndex {
  readonly name: string = NAME;
  readonly #ground: IndexGround;
  /** By table and kind: as long as somebody can read the table. */
  readonly #held = new WeakMap<Table, Map<string, Held>>();
  /** Those of runs that are there. */
  readonly #byRun = new Map<RunId, Set<Held>>();
  readonly #discarded = new Discarded();
  readonly #frozen: FrozenPartitions;
  readonly #idle: IdleWork;
  #uses = 0;

  constructor(ground: IndexGround) {
    this.#ground = ground;
    this.#frozen = new FrozenPartitions(this.#discarded, ground.memoryBudgetBytes * FROZEN_SHARE);
    this.#idle = new IdleWork(ground.clock, ground.timer, () => this.#step());
  }

  /** @throws {StateError} `DATABASE_CLOSED` */
  static of(database: Database): Indexes {
    return database.extension(Indexes, () => {
      const { timer, logger, runtime, storage, memoryBudgetBytes } = database;
      const indexes = new Indexes({
        clock: runtime.clock,
        timer,
        logger,
        isLive: (shard) => storage.get(shard.id) === shard,
        savedImage: (index, run, name) => database.savedImage(index, run, name),
        memoryBudgetBytes: memoryBudgetBytes * BUDGET_SHARE,
      });
      database.registerIndex(indexes);
      return indexes;
    });
  }

  /**
   * What a reader sees of a table, the nearest layer first; each has everything up to the version it is read at.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest
   */
  layersOf<I extends SlotIndex>(kind: IndexKind<I>, view: TableView): PartitionLayer<I>[] {
    const places: Place<I>[] = [];
    for (const { table, through } of view.layers) places.push(this.#place(kind, table, through, view.now));
    return layersFrom(places, view);
  }

  /** Whether all that `layersOf` would give is kept: then nothing is built or read for it. */
  knows(kind: IndexKind<SlotIndex>, view: TableView): boolean {
    return view.layers.every(({ table }) => this.#held.get(table)?.has(kind.name) === true);
  }

  /**
   * Does now, in slices, what the reader's partitions would do in idle moments.
   *
   * @param onStep called after every small step.
   */
  async complete(kind: IndexKind<SlotIndex>, view: TableView, { signal }: LongWork, onStep: () => void): Promise<void> {
    const slices = new Slices(this.#ground.clock, this.#ground.timer, signal);
    for (const { table, through } of view.layers) {
      for (;;) {
        // Between two slices it may have been let go.
        this.#place(kind, table, through, view.now);
        const held = this.#held.get(table)?.get(kind.name);
        if (held === undefined || !this.#workOn(held)) break;
        onStep();
        await slices.pause();
      }
    }
    onStep();
  }

  onCommit(run: Run): void {
    if (this.#byRun.has(run.number)) this.#idle.wake();
  }

  /** Whoever still reads the run has its partitions made anew. */
  onRunDropped({ number }: Run): void {
    for (const held of [...(this.#byRun.get(number) ?? [])]) this.#letGo(held);
    this.#byRun.delete(number);
    this.#frozen.clear(number);
  }

  *images(): Generator<IndexImage, void, undefined> {
    for (const [run, held] of this.#byRun) {
      for (const { partition } of held) {
        if (partition.table.droppedAt !== Number.POSITIVE_INFINITY) continue;
        const image = imageFrom(run, partition);
        if (image !== undefined) yield this.#discarded.keptFor(partition.index, image);
      }
    }
  }

  /** What is gone from the store is gone from here: everything is built anew when it is asked for. */
  erased(): void {
    for (const set of [...this.#byRun.values()]) for (const held of [...set]) this.#letGo(held);
    this.#frozen.clear();
  }

  closed(): void {
    this.#idle.close();
    this.erased();
  }

  #place<I extends SlotIndex>(kind: IndexKind<I>, table: Table, through: Version, now: number): Place<I> {
    const end = Math.min(through, table.space.shard.lastVersion);
    return { partition: this.#at(kind, table, end, now), through: end };
  }

  #at<I extends SlotIndex>(kind: IndexKind<I>, table: Table, end: Version, now: number): Partition<I> {
    const held = this.#held.get(table)?.get(kind.name);
    // A kind has one type of index: what is held under its name is of that type.
    const known = (held?.partition as Partition<I> | undefined) ?? this.#restored(kind, table);
    const isServed = end >= (known?.floor ?? table.space.shard.lastVersion);
    if (!isServed && !isNear(table, end)) return this.#frozen.at(kind, table, end, now);
    if (!isServed && known?.index.work !== undefined) {
      // What took long to be worked out stays, until another one has it too that reaches further back.
      const current = held ?? this.#holding(known, undefined);
      if (current.successor === undefined || current.successor.floor > end) {
        current.successor?.dispose();
        current.successor = new Successor(known, floorBelow(table, end), this.#ground.clock);
      }
      this.#idle.wake();
      return this.#frozen.at(kind, table, end, now);
    }
    if (known === undefined || !isServed || !catchesUp(known, end, now) || !known.servesAt(now, end)) {
      return this.#hold(Partition.built(kind, table, end, now), held);
    }
    if (held === undefined) return this.#hold(known, undefined);
    held.usedAt = ++this.#uses;
    return known;
  }

  #restored<I extends SlotIndex>(kind: IndexKind<I>, table: Table): Partition<I> | undefined {
    const { shard } = table.space;
    if (kind.load === undefined || !this.#ground.isLive(shard)) return undefined;
    const name = imageName(kind, table);
    try {
      const saved = this.#ground.savedImage(NAME, shard.id, name);
      return saved === undefined ? undefined : partitionFrom(kind, table, saved);
    } catch (cause) {
      const message = `the image of index "${name}" cannot be used; the index is built anew`;
      this.#ground.logger.log("warn", "strata.index", message, { run: shard.id, cause });
      return undefined;
    }
  }

  #hold<I extends SlotIndex>(partition: Partition<I>, instead: Held | undefined): Partition<I> {
    this.#holding(partition, instead);
    return partition;
  }

  #holding(partition: Partition<SlotIndex>, instead: Held | undefined): Held {
    if (instead !== undefined) this.#letGo(instead);
    const { table, kind } = partition;
    const { shard } = table.space;
    const held: Held = {
      partition,
      usedAt: ++this.#uses,
      work: undefined,
      workedThrough: 0,
      successor: undefined,
    };
    const ofTable = this.#held.get(table);
    if (ofTable === undefined) this.#held.set(table, new Map([[kind.name, held]]));
    else ofTable.set(kind.name, held);
    if (this.#ground.isLive(shard)) {
      const ofRun = this.#byRun.get(shard.id);
      if (ofRun === undefined) this.#byRun.set(shard.id, new Set([held]));
      else ofRun.add(held);
      this.#trim(held);
      this.#idle.wake();
    }
    return held;
  }

  #letGo(held: Held): void {
    const { table, kind, index } = held.partition;
    this.#held.get(table)?.delete(kind.name);
    this.#byRun.get(table.space.shard.id)?.delete(held);
    held.successor?.dispose();
    held.successor = undefined;
    this.#discarded.add(index);
  }

  /** The partitions that were not asked for longest go, until the others fit into the budget. @param newest stays. */
  #trim(newest?: Held): void {
    const all = [...this.#byRun.values()].flatMap((ofRun) => [...ofRun]);
    let bytes = all.reduce((sum, { partition }) => sum + partition.memoryBytes, 0);
    if (bytes <= this.#ground.memoryBudgetBytes) return;
    all.sort((a, b) => a.usedAt - b.usedAt);
    for (const held of all) {
      if (bytes <= this.#ground.memoryBudgetBytes) return;
      if (held === newest) continue;
      bytes -= held.partition.memoryBytes;
      this.#letGo(held);
    }
  }

  /** One step of what can be done ahead. @returns whether there was anything to be done. */
  #step(): boolean {
    for (const ofRun of this.#byRun.values()) for (const held of ofRun) if (this.#workOn(held)) return true;
    this.#trim();
    return false;
  }

  #workOn(held: Held): boolean {
    const { partition } = held;
    const { table, kind, slots, index } = partition;
    const { lastVersion } = table.space.shard;
    const { clock } = this.#ground;
    const wasBehind = partition.watermark < lastVersion;
    // What is written is looked up by its key: of slots that were read back, nobody has done so yet.
    if (wasBehind && slots.mapKeys(IDLE_KEYS)) return true;
    if (!catchesUp(partition, lastVersion, clock.now(), IDLE_WRITES)) {
      this.#hold(Partition.built(kind, table, lastVersion, clock.now()), held);
      return true;
    }
    if (wasBehind) return true;
    const isMostlyDead = slots.length - slots.live > DEAD_FACTOR * slots.live + DEAD_SLOTS;
    if (isMostlyDead) held.successor ??= new Successor(partition, lastVersion, clock);
    if (held.successor !== undefined) {
      const step = held.successor.step();
      if (step.done !== true) return true;
      held.successor = undefined;
      if (step.value !== undefined) this.#hold(step.value, held);
      return true;
    }
    if (held.work === undefined) {
      if (held.workedThrough === slots.length) return false;
      held.workedThrough = slots.length;
      held.work = index.work?.();
    }
    if (held.work?.next().done !== false) held.work = undefined;
    return held.work !== undefined || held.workedThrough < slots.length;
  }
}

/** A version below `version`, for who may be asked for others like it: twice as far back, as long as that is near and known. */
function floorBelow(table: Table, version: Version): Version {
  const { timeline } = table.space.shard;
  const most = 2 * timeline.writesSince(version);
  let low = Math.max(timeline.floor, ...table.lost.map(({ to }) => to));
  let high = version; // to be served in any case
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isNear(table, middle) && timeline.writesSince(middle) <= most) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Whether serving a view as of `version` is not much more than serving the newest. */
function isNear(table: Table, version: Version): boolean {
  const { timeline } = table.space.shard;
  if (timeline.floor > version) return false;
  const keys = Math.max(table.ownKeys, table.cold?.keys ?? 0);
  return timeline.writesSince(version) <= NEAR_FACTOR * keys + NEAR_WRITES;
}
