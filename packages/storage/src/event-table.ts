/**
 * The events of one space of one run: records of bytes, numbered from 0 without gaps.
 */
import { assert, compareCodePoints } from "@strata/core";
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

/** Events of one type in this very table, by sequence. */
class TypeIndex {
  readonly type: string;
  readonly sequences = new NumberRows(1);

  constructor(type: string) {
    this.type = type;
  }
}

export interface TypeCount {
  readonly type: string;
  readonly count: number;
}

/**
 * Bytes are kept as they come: they were made once, for the hash, and serve as copy, log payload and store.
 *
 * 1. Sequences below `#first` are those of `base`, which had that many events as of `baseVersion`; row i is sequence
 *    `#first + i`.
 * 2. Versions ascend with the sequence; events of one commit share theirs. Nothing is ever changed or removed.
 * 3. `base` was not empty at `baseVersion`.
 */
export class EventTable {
  readonly primitive = "event";
  readonly space: SpaceTables;
  readonly base: EventTable | undefined;
  readonly baseVersion: number;
  readonly #first: number;
  readonly #rows = new NumberRows(4);
  readonly #chunks: Uint8Array[] = [];
  /** Bytes used of the last chunk. */
  #used = 0;
  readonly #typeIds: Map<string, number> = new Map();
  readonly #types: TypeIndex[] = [];

  constructor(space: SpaceTables, base?: EventTableBase) {
    this.space = space;
    this.base = base?.table;
    this.baseVersion = base?.version ?? 0;
    this.#first = base === undefined ? 0 : base.table.length(base.version);
  }

  /** Commit version that dropped the space; `Infinity` while it is there. */
  get droppedAt(): number {
    return this.space.droppedAt;
  }

  /** Version of the first event appended to this very table; `Infinity` before it. */
  get firstVersion(): number {
    return this.#rows.length === 0 ? Number.POSITIVE_INFINITY : this.#rows.at(0, VERSION);
  }

  /** Number of events, and the sequence of the next. */
  length(asOf: number = Number.POSITIVE_INFINITY): number {
    // Events of a table are all above its `baseVersion`, those of its base at or below it.
    let table: EventTable = this;
    while (table.base !== undefined && asOf < table.baseVersion) table = table.base;
    return table.#first + table.#ownLength(asOf);
  }

  /**
   * @param version at least that of the last event.
   * @param record is copied.
   * @returns its sequence.
   */
  append(version: number, type: string, record: Uint8Array): number {
    const rows = this.#rows;
    const row = rows.length;
    assert(version > this.baseVersion, "an event is younger than the fork it belongs to");
    assert(row === 0 || version >= rows.at(row - 1, VERSION), "the versions of events ascend");
    const sequence = this.#first + row;
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
    const row = sequence - table.#first;
    const location = table.#rows.at(row, LOCATION);
    const offset = location % CHUNK_BYTES;
    const chunk = table.#chunks[(location - offset) / CHUNK_BYTES]!;
    return chunk.subarray(offset, offset + table.#rows.at(row, SIZE));
  }

  /** Type of event `sequence`, which is in [0, length()). */
  typeOf(sequence: number): string {
    const table = this.#ownerOf(sequence);
    return table.#types[table.#rows.at(sequence - table.#first, TYPE)]!.type;
  }

  /** Commit version of event `sequence`, which is in [0, length()). */
  versionOf(sequence: number): number {
    const table = this.#ownerOf(sequence);
    return table.#rows.at(sequence - table.#first, VERSION);
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
      for (const { type } of table.#types) {
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
    const layers = this.#layers(asOf);
    if (reverse) {
      for (let index = 0; index < layers.length && found.length < limit; index++) {
        const { table, end } = layers[index]!;
        const sequences = table.#sequencesOf(type);
        if (sequences === undefined) continue;
        let row = sequences.lastAtOrBefore(Math.min(from, end - 1));
        for (; row >= 0 && found.length < limit; row--) found.push(sequences.at(row, 0));
      }
    } else {
      for (let index = layers.length - 1; index >= 0 && found.length < limit; index--) {
        const { table, end } = layers[index]!;
        const sequences = table.#sequencesOf(type);
        if (sequences === undefined) continue;
        const last = sequences.lastAtOrBefore(end - 1);
        let row = sequences.lastAtOrBefore(from - 1) + 1;
        for (; row <= last && found.length < limit; row++) found.push(sequences.at(row, 0));
      }
    }
    return found;
  }

  /** Tables that have events at or below `asOf`, the youngest first, each with the first sequence beyond its own. */
  #layers(asOf: number): { table: EventTable; end: number }[] {
    const layers: { table: EventTable; end: number }[] = [];
    let clip = asOf;
    for (let table: EventTable | undefined = this; table !== undefined; table = table.base) {
      const own = table.#ownLength(clip);
      if (own > 0) layers.push({ table, end: table.#first + own });
      if (table.baseVersion < clip) clip = table.baseVersion;
    }
    return layers;
  }

  #ownLength(asOf: number): number {
    return this.#rows.lastAtOrBefore(asOf) + 1;
  }

  #sequencesOf(type: string): NumberRows | undefined {
    const typeId = this.#typeIds.get(type);
    return typeId === undefined ? undefined : this.#types[typeId]!.sequences;
  }

  #ownCountOf(type: string, asOf: number): number {
    const sequences = this.#sequencesOf(type);
    if (sequences === undefined) return 0;
    return sequences.lastAtOrBefore(this.#first + this.#ownLength(asOf) - 1) + 1;
  }

  #ownerOf(sequence: number): EventTable {
    assert(sequence >= 0 && sequence < this.#first + this.#rows.length, "the event exists");
    let table: EventTable = this;
    while (sequence < table.#first) table = table.base!;
    return table;
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
    const location = (this.#chunks.length - 1) * CHUNK_BYTES + this.#used;
    chunk.set(record, this.#used);
    this.#used += record.length;
    return location;
  }
}
