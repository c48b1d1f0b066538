/**
 * The oracle of the store: an array of versions for each key, a whole copy for each fork.
 */
import { compareCodePoints } from "@strata/core";
import type { KeyRange } from "../src/key-cursor.js";
import { isLive, type Stored } from "../src/stored.js";

export interface NaiveEntry {
  readonly version: number;
  readonly stored: Stored | undefined;
}

/** Keys of one table of one incarnation of a space. */
export class NaiveTable {
  readonly entries = new Map<string, NaiveEntry[]>();

  put(key: string, stored: Stored | undefined, version: number): void {
    const entries = (this.entries.get(key) ?? []).filter((entry) => entry.version !== version);
    this.entries.set(key, [...entries, { version, stored }]);
  }

  find(key: string, asOf: number): NaiveEntry | undefined {
    return (this.entries.get(key) ?? []).filter((entry) => entry.version <= asOf).at(-1);
  }

  scan(range: KeyRange, asOf: number): [key: string, stored: Stored, version: number][] {
    const found: [string, Stored, number][] = [];
    for (const key of this.entries.keys()) {
      const entry = this.find(key, asOf);
      if (entry === undefined || !isLive(entry.stored)) continue;
      if (range.start !== undefined && compareCodePoints(key, range.start) < 0) continue;
      if (range.end !== undefined && compareCodePoints(key, range.end) >= 0) continue;
      found.push([key, entry.stored, entry.version]);
    }
    found.sort(([a], [b]) => compareCodePoints(a, b));
    return range.reverse ? found.reverse() : found;
  }

  versions(key: string, before: number): NaiveEntry[] {
    return (this.entries.get(key) ?? []).filter((entry) => entry.version < before).reverse();
  }

  forkedAt(version: number): NaiveTable {
    const copy = new NaiveTable();
    for (const [key, entries] of this.entries) {
      const kept = entries.filter((entry) => entry.version <= version);
      if (kept.length > 0) copy.entries.set(key, kept);
    }
    return copy;
  }
}

export interface NaiveEvent {
  readonly version: number;
  readonly type: string;
  readonly record: Uint8Array;
}

export interface NaiveSpace {
  readonly createdAt: number;
  droppedAt: number;
  readonly tables: Map<string, NaiveTable>;
  events: NaiveEvent[];
}

/** One run: every incarnation of every space it has had. */
export class NaiveRun {
  readonly spaces = new Map<string, NaiveSpace[]>();

  constructor() {
    this.register("default", 0);
  }

  register(name: string, version: number): void {
    if (this.spaceAt(name, Number.POSITIVE_INFINITY) !== undefined) return;
    const space = { createdAt: version, droppedAt: Number.POSITIVE_INFINITY, tables: new Map(), events: [] };
    this.spaces.set(name, [...(this.spaces.get(name) ?? []), space]);
  }

  drop(name: string, version: number): boolean {
    const space = this.spaceAt(name, Number.POSITIVE_INFINITY);
    if (space !== undefined) space.droppedAt = version;
    return space !== undefined;
  }

  spaceAt(name: string, asOf: number): NaiveSpace | undefined {
    return (this.spaces.get(name) ?? []).find(
      ({ createdAt, droppedAt }) => createdAt <= asOf && (droppedAt === Number.POSITIVE_INFINITY || asOf < droppedAt),
    );
  }

  names(asOf: number): string[] {
    return [...this.spaces.keys()].filter((name) => this.spaceAt(name, asOf) !== undefined).sort();
  }

  table(name: string, primitive: string, asOf: number): NaiveTable | undefined {
    const space = this.spaceAt(name, asOf);
    if (space === undefined) return undefined;
    let table = space.tables.get(primitive);
    if (table === undefined) {
      table = new NaiveTable();
      space.tables.set(primitive, table);
    }
    return table;
  }

  forkedAt(version: number): NaiveRun {
    const copy = new NaiveRun();
    copy.spaces.clear();
    for (const [name, incarnations] of this.spaces) {
      copy.spaces.set(
        name,
        incarnations
          .filter(({ createdAt }) => createdAt <= version)
          .map((space) => ({
            createdAt: space.createdAt,
            droppedAt: space.droppedAt <= version ? space.droppedAt : Number.POSITIVE_INFINITY,
            tables: new Map([...space.tables].map(([primitive, table]) => [primitive, table.forkedAt(version)])),
            events: space.events.filter((event) => event.version <= version),
          })),
      );
    }
    return copy;
  }
}
