/**
 * The events of one space of one run: records of bytes, numbered from 0 without gaps.
 */
import { assert, compareCodePoints, type Version } from "@strata/core";
import type { ColdEvents } from "./cold.js";
import { NumberRows } from "./number-rows.js";
import type { SpaceTables } from "./space-tables.js";

/** Size of a chunk once a log has some length; a record is never divided between two. */
const CHUNK_BYTES = 1 << 20;
/** The first chunk. Each next one is twice as large, up to `CHUNK_BYTES`. */
const FIRST_CHUNK_BYTES = 512;

/** Columns of `#rows`. */
const VERSION = 0;
/** Number of the chunk times `CHUNK_BYTES`, plus the offset in it. */
const LOCATION = 1;
const SIZE = 2;
const TYPE = 3;

export interface EventTableBase {
  readonly table: EventTable;
  readonly version: number;
}

const NO_ROWS: ArrayLike<number> = [];

/** Events of one type in memory, by sequence. */
class TypeIndex {
  readonly type: string;
  readonly sequences = new NumberRows(1);

  constructor(type: string) {
    this.type = type;
  }
}

/** Sequences of one table's own events of one type, ascending: first those in files, then those in memory that are not there. */
class TypeSequences {
  readonly #rows: ArrayLike<number>;
  readonly #first: number;
  readonly #tail: NumberRows | undefined;
  /** Row of `#tail` that follows what is in files. */
  readonly #tailStart: number;

  constructor(rows: ArrayLike<number>, first: number, coldLength: number, tail: NumberRows | undefined) {
    this.#rows = rows;
    this.#first = first;
    this.#tail = tail;
    this.#tailStart = tail === undefined ? 0 : tail.lastAtOrBefore(first + coldLength - 1) + 1;
  }

  /** How many are at or below `sequence`. */
  countThrough(sequence: number): number {
    const tail = this.#tail === undefined ? 0 : this.#tail.lastAtOrBefore(sequence) + 1 - this.#tailStart;
    return tail > 0 ? this.#rows.length + tail : countThrough(this.#rows, sequence - this.#first);
  }

  at(position: number): number {
    const cold = this.#rows.length;
    return position < cold ? this.#first + this.#rows[position]! : this.#tail!.at(this.#tailStart + position - cold, 0);
  }
}

/** How many of `rows`, which ascend, are at or below `row`. */
function countThrough(rows: ArrayLike<number>, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! <= row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One table of a stack of event tables. */
export interface EventLayer {
  readonly table: EventTable;
  /** The first sequence beyond those of this very table that are seen. */
  readonly end: number;
}

export interface TypeCount {
  readonly type: string;
  readonly count: number;
}

/**
 * Bytes are kept as they come: they were made once, for the hash, and serve as copy, log payload and store.
 *
 * 1. Sequences below `firstSequence` are those of `base`, which had that many events as of `baseVersion`. The table's own rows follow:
 *    row i is sequence `firstSequence + i`.
 * 2. The first rows are in `cold`, all others in memory: row `#tailStart + i` is row i of `#rows`. Those that are in both count as cold.
 * 3. Versions ascend with the sequence; events of one commit share theirs. Nothing is ever changed or removed.
 * 4. `base` was not empty at `baseVersion`.
 */
export class EventTable {
  readonly primitive = "event";
  readonly space: SpaceTables;
  readonly base: EventTable | undefined;
  readonly baseVersion: number;
  /** Sequence of the first event of this very table, if there is one. */
  readonly firstSequence: number;
  /** What lies in files of this very table. */
  cold: ColdEvents | undefined = undefined;
  #coldLength = 0;
  #tailStart = 0;
  #rows = new NumberRows(4);
  #chunks: Uint8Array[] = [];
  #droppedChunks = 0;
  /** Bytes used of the last chunk. */
  #used = 0;
  #typeIds: Map<string, number> = new Map();
  #types: TypeIndex[] = [];

  constructor(space: SpaceTables, base?: EventTableBase) {
    this.space = space;
    this.base = base?.table;
    this.baseVersion = base?.version ?? 0;
    this.firstSequence = base === undefined ? 0 : base.table.length(base.version);
  }

  /** Commit version that dropped the space; `Infinity` while it is there. */
  get droppedAt(): number {
    return this.space.droppedAt;
  }

  /** Version of the first event appended to this very table; `Infinity` before it. */
  get firstVersion(): number {
    if (this.cold !== undefined) return this.cold.firstVersion;
    return this.#rows.length === 0 ? Number.POSITIVE_INFINITY : this.#rows.at(0, VERSION);
  }

  /** Number of events of this very table. */
  get ownLength(): number {
    return this.#tailStart + this.#rows.length;
  }

  /** Number of events, and the sequence of the next. */
  length(asOf: number = Number.POSITIVE_INFINITY): number {
    // Events of a table are all above its `baseVersion`, those of its base at or below it.
    let table: EventTable = this;
    while (table.base !== undefined && asOf < table.baseVersion) table = table.base;
    return table.firstSequence + table.#ownLengthAt(asOf);
  }

  /**
   * @param version at least that of the last event.
   * @param record is copied.
   * @returns its sequence.
   */
  append(version: number, type: string, record: Uint8Array): number {
    const rows = this.#rows;
    const last = rows.length - 1;
    assert(version > this.baseVersion, "an event is younger than the fork it belongs to");
    assert(last < rows.start || version >= rows.at(last, VERSION), "the versions of events ascend");
    const sequence = this.firstSequence + this.ownLength;
    let typeId = this.#typeIds.get(type);
    if (typeId === undefined) {
      typeId = this.#types.length;
      this.#typeIds.set(type, typeId);
      this.#types.push(new TypeIndex(type));
    }
    rows.push4(version, this.#store(record), record.length, typeId);
    this.#types[typeId]!.sequences.push1(sequence);
    return sequence;
  }

  /** The bytes of event `sequence`, which is in [0, length()). Part of the store: never mutate them. */
  record(sequence: number): Uint8Array {
    const table = this.#ownerOf(sequence);
    const row = sequence - table.firstSequence;
    if (row < table.#coldLength) return table.cold!.record(row);
    const location = table.#rows.at(row - table.#tailStart, LOCATION);
    const offset = location % CHUNK_BYTES;
    const chunk = table.#chunks[(location - offset) / CHUNK_BYTES - table.#droppedChunks]!;
    return chunk.subarray(offset, offset + table.#rows.at(row - table.#tailStart, SIZE));
  }

  /** Type of event `sequence`, which is in [0, length()). */
  typeOf(sequence: number): string {
    const table = this.#ownerOf(sequence);
    const row = sequence - table.firstSequence;
    if (row < table.#coldLength) return table.cold!.typeOf(row);
    return table.#types[table.#rows.at(row - table.#tailStart, TYPE)]!.type;
  }

  /** Commit version of event `sequence`, which is in [0, length()). */
  versionOf(sequence: number): number {
    const table = this.#ownerOf(sequence);
    return table.#versionAt(sequence - table.firstSequence);
  }

  countOf(type: string, asOf: number = Number.POSITIVE_INFINITY): number {
    let count = 0;
    let clip = asOf;
    for (let table: EventTable | undefined = this; table !== undefined; table = table.base) {
      count += table.#ownCountOf(type, clip);
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return count;
  }

  /** Every type there is an event of, by code point. */
  types(asOf: number = Number.POSITIVE_INFINITY): TypeCount[] {
    const counts = new Map<string, number>();
    let clip = asOf;
    for (let table: EventTable | undefined = this; table !== undefined; table = table.base) {
      for (const type of table.#ownTypes()) {
        const count = table.#ownCountOf(type, clip);
        if (count > 0) counts.set(type, (counts.get(type) ?? 0) + count);
      }
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return [...counts].sort(([a], [b]) => compareCodePoints(a, b)).map(([type, count]) => ({ type, count }));
  }

  /**
   * Sequences of events of `type`, ascending; with `reverse` descending.
   *
   * @param from the first sequence that may be among them: the lowest, with `reverse` the highest (`Infinity` for the
   *   newest). Inclusive.
   * @param limit at most this many; `Infinity` for all.
   */
  sequencesOf(
    type: string,
    from: number,
    limit: number,
    reverse: boolean,
    asOf: number = Number.POSITIVE_INFINITY,
  ): number[] {
    const found: number[] = [];
    const layers = this.layers(asOf);
    if (reverse) {
      for (let index = 0; index < layers.length && found.length < limit; index++) {
        const { table, end } = layers[index]!;
        const sequences = table.#sequencesOf(type);
        let position = sequences.countThrough(Math.min(from, end - 1)) - 1;
        for (; position >= 0 && found.length < limit; position--) found.push(sequences.at(position));
      }
    } else {
      for (let index = layers.length - 1; index >= 0 && found.length < limit; index--) {
        const { table, end } = layers[index]!;
        const sequences = table.#sequencesOf(type);
        const stop = sequences.countThrough(end - 1);
        let position = sequences.countThrough(from - 1);
        for (; position < stop && found.length < limit; position++) found.push(sequences.at(position));
      }
    }
    return found;
  }

  /**
   * Takes over what lies in files: every event of this very table up to `through`, in place of what memory has of them.
   */
  attachCold(cold: ColdEvents | undefined, through: Version): void {
    const length = cold?.length ?? 0;
    assert(length >= this.#coldLength, "files of events only reach further");
    if (cold === undefined) return;
    assert(this.#ownLengthAt(through) <= length, "files have every event up to the version they reach");
    this.cold = cold;
    this.#coldLength = length;
    if (this.ownLength <= length) this.#dropTail(length);
    else this.#dropBefore(length - this.#tailStart);
  }

  /** The tables that a view as of `asOf` has events of, the youngest first, each with the first sequence beyond its own there. */
  layers(asOf: number): EventLayer[] {
    const layers: EventLayer[] = [];
    let clip = asOf;
    for (let table: EventTable | undefined = this; table !== undefined; table = table.base) {
      const own = table.#ownLengthAt(clip);
      if (own > 0) layers.push({ table, end: table.firstSequence + own });
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return layers;
  }

  #ownLengthAt(asOf: number): number {
    const row = this.#rows.lastAtOrBefore(asOf);
    if (row >= this.#rows.start || this.cold === undefined) return this.#tailStart + row + 1;
    return this.cold.lastAtOrBefore(asOf) + 1;
  }

  #versionAt(row: number): number {
    return row < this.#coldLength ? this.cold!.versionOf(row) : this.#rows.at(row - this.#tailStart, VERSION);
  }

  #ownTypes(): Set<string> {
    const types = new Set(this.cold?.types());
    for (const { type } of this.#types) types.add(type);
    return types;
  }

  #sequencesOf(type: string): TypeSequences {
    const typeId = this.#typeIds.get(type);
    const tail = typeId === undefined ? undefined : this.#types[typeId]!.sequences;
    return new TypeSequences(this.cold?.rowsOf(type) ?? NO_ROWS, this.firstSequence, this.#coldLength, tail);
  }

  #ownCountOf(type: string, asOf: number): number {
    return this.#sequencesOf(type).countThrough(this.firstSequence + this.#ownLengthAt(asOf) - 1);
  }

  #ownerOf(sequence: number): EventTable {
    assert(sequence >= 0 && sequence < this.firstSequence + this.ownLength, "the event exists");
    let table: EventTable = this;
    while (sequence < table.firstSequence) table = table.base!;
    return table;
  }

  /** Starts anew in memory, behind `length` rows in files. */
  #dropTail(length: number): void {
    this.#tailStart = length;
    this.#rows = new NumberRows(4);
    this.#chunks = [];
    this.#droppedChunks = 0;
    this.#used = 0;
    this.#typeIds = new Map();
    this.#types = [];
  }

  /** Lets go of what can be let go whole in front of `row` of `#rows`, which stays. */
  #dropBefore(row: number): void {
    const location = this.#rows.at(row, LOCATION);
    const chunks = Math.floor(location / CHUNK_BYTES);
    this.#chunks.splice(0, chunks - this.#droppedChunks);
    this.#droppedChunks = chunks;
    this.#rows.dropBefore(row);
    const last = this.firstSequence + this.#tailStart + row - 1;
    for (const { sequences } of this.#types) sequences.dropBefore(sequences.lastAtOrBefore(last) + 1);
  }

  /** @returns where the copy is. */
  #store(record: Uint8Array): number {
    let chunk = this.#chunks.at(-1);
    // An offset stays below CHUNK_BYTES, also for an empty record behind a full chunk.
    if (chunk === undefined || this.#used + record.length > chunk.length || this.#used >= CHUNK_BYTES) {
      const size = chunk === undefined ? FIRST_CHUNK_BYTES : Math.min(chunk.length * 2, CHUNK_BYTES);
      chunk = new Uint8Array(Math.max(size, record.length));
      this.#chunks.push(chunk);
      this.#used = 0;
    }
    const location = (this.#droppedChunks + this.#chunks.length - 1) * CHUNK_BYTES + this.#used;
    chunk.set(record, this.#used);
    this.#used += record.length;
    return location;
  }
}
