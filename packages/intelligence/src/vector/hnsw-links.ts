import { CorruptionError } from "@strata/core";
import type { Column, ImageColumns } from "../image/index.js";

/** Where a list of neighbors ends that is not full. */
export const NO_SLOT = -1;

/**
 * The lists of neighbors of a graph, in flat columns.
 *
 * 1. On level 0 every slot below `length` has a list, of at most 2m neighbors, at slot × 2m of `ground`.
 * 2. The list of a slot on level l > 0, of at most m neighbors, is at `places[slot]` + (l − 1) × m of `upper`; `places` has -1 for slots that are on level 0 only.
 * 3. A list holds slots of its level without repetition, never its own, and ends at the first -1 or when it is full.
 * 4. A slot whose row equals that of one linked before is its twin: no list holds it, its own are empty, and from `twins` of the one that is
 *    linked all its twins are reached, the newest first. `twins` has -1 where there is no other.
 * 5. An element is touched before it is changed.
 */
export class HnswLinks<C extends Column<Int32Array> = Column<Int32Array>> {
  readonly m: number;
  readonly ground: C;
  readonly places: C;
  readonly upper: C;
  readonly twins: C;

  /**
   * @param make makes a column, of what a saved one holds or empty.
   * @param saved columns of an image. @throws CorruptionError when they are no lists of neighbors
   */
  constructor(m: number, make: (saved: Column<Int32Array> | undefined) => C, saved?: ImageColumns) {
    this.m = m;
    this.ground = make(saved?.numbers("ground", Int32Array));
    this.places = make(saved?.numbers("places", Int32Array));
    this.upper = make(saved?.numbers("upper", Int32Array));
    this.twins = make(saved?.numbers("twins", Int32Array));
    if (saved !== undefined) this.#check();
  }

  /** Slots there are lists of. */
  get length(): number {
    return this.places.length;
  }

  /** Neighbors that a list has room for. */
  room(level: number): number {
    return level === 0 ? 2 * this.m : this.m;
  }

  /** Whether `slot` has a list on `level`. */
  isOn(slot: number, level: number): boolean {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.length || !Number.isInteger(level) || level < 0)
      return false;
    return (
      level === 0 ||
      (this.places.array[slot] !== NO_SLOT && this.places.array[slot]! + level * this.m <= this.upper.length)
    );
  }

  columnOf(level: number): Column<Int32Array> {
    return level === 0 ? this.ground : this.upper;
  }

  /** Where the list of `slot` begins in the column of `level`. */
  start(slot: number, level: number): number {
    return level === 0 ? slot * 2 * this.m : this.places.array[slot]! + (level - 1) * this.m;
  }

  /** Empty lists for the next slot, on the levels up to `level`. */
  add(level: number): void {
    this.places.push(level === 0 ? NO_SLOT : this.upper.length);
    this.twins.push(NO_SLOT);
    appendEmpty(this.ground, 2 * this.m);
    appendEmpty(this.upper, level * this.m);
  }

  /** The neighbors of `slot` into `into`. @returns how many there are */
  read(slot: number, level: number, into: Int32Array): number {
    const array = this.columnOf(level).array;
    const start = this.start(slot, level);
    const room = this.room(level);
    let count = 0;
    while (count < room) {
      const neighbor = array[start + count]!;
      if (neighbor === NO_SLOT) break;
      into[count++] = neighbor;
    }
    return count;
  }

  /** Makes the first `count` of `neighbors` the list of `slot`. */
  write(slot: number, level: number, neighbors: Int32Array, count: number): void {
    const column = this.columnOf(level);
    const start = this.start(slot, level);
    const room = this.room(level);
    column.touchRange(start, start + room);
    const array = column.array;
    for (let i = 0; i < room; i++) array[start + i] = i < count ? neighbors[i]! : NO_SLOT;
  }

  /** Makes `slot`, whose lists are empty, a twin of `linked`. */
  addTwin(slot: number, linked: number): void {
    this.twins.touch(slot);
    this.twins.touch(linked);
    const array = this.twins.array;
    array[slot] = array[linked]!;
    array[linked] = slot;
  }

  /** Whether `accept` admits `slot` or one of the twins that follow it. */
  acceptsOne(slot: number, accept: (slot: number) => boolean): boolean {
    let twin = slot;
    while (!accept(twin)) {
      twin = this.twins.array[twin]!;
      if (twin === NO_SLOT) return false;
    }
    return true;
  }

  /** Adds to the list of `slot`, which has `count` neighbors and room for one more. */
  append(slot: number, level: number, count: number, neighbor: number): void {
    const column = this.columnOf(level);
    const index = this.start(slot, level) + count;
    column.touch(index);
    column.array[index] = neighbor;
  }

  get memoryBytes(): number {
    return this.ground.memoryBytes + this.places.memoryBytes + this.upper.memoryBytes + this.twins.memoryBytes;
  }

  columns(): Record<string, Column<Int32Array>> {
    return { ground: this.ground, places: this.places, upper: this.upper, twins: this.twins };
  }

  /** A link or place beyond the columns would be followed into memory of others. */
  #check(): void {
    const { ground, places, upper, twins, m } = this;
    const { length } = places;
    const isWhole = ground.length === length * 2 * m && upper.length % m === 0 && twins.length === length;
    const areSlots =
      areBelow(ground.array, ground.length, length) &&
      areBelow(upper.array, upper.length, length) &&
      areBelow(twins.array, twins.length, length);
    if (!isWhole || !areSlots || !this.#arePlaces()) {
      throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of a vector index has links that lead nowhere", {});
    }
  }

  #arePlaces(): boolean {
    const { places, upper, m } = this;
    const { array, length } = places;
    if (!areBelow(array, length, upper.length)) return false;
    for (let slot = 0; slot < length; slot++) if (array[slot] !== NO_SLOT && array[slot]! % m !== 0) return false;
    return true;
  }
}

function appendEmpty(column: Column<Int32Array>, count: number): void {
  const length = column.length + count;
  column.ensure(length);
  column.array.fill(NO_SLOT, column.length, length);
  column.length = length;
}

/** Whether values are from -1 to below `limit`. */
function areBelow(values: Int32Array, count: number, limit: number): boolean {
  for (let i = 0; i < count; i++) if (values[i]! < NO_SLOT || values[i]! >= limit) return false;
  return true;
}
