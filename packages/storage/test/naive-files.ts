/**
 * The oracle of files: what one run holds of its own up to a version, as arrays.
 */
import { compareCodePoints, hasSurrogates, StateError } from "@strata/core";
import type {
  ColdCursor,
  ColdEvents,
  ColdRun,
  ColdSpace,
  ColdTable,
  ColdTimeline,
  ColdWrite,
  LostInterval,
} from "../src/cold.js";
import { EVERYTHING, type KeyRange } from "../src/key-cursor.js";
import type { MergeRecord } from "../src/merge-record.js";
import { Box, isLive, type Stored, TRIMMED } from "../src/stored.js";
import type { TablePrimitive } from "../src/table.js";
import type { Found } from "../src/version-chain.js";
import type { NaiveEntry, NaiveEvent, NaiveRun, NaiveSpace, NaiveTable } from "./naive-store.js";

export interface NaiveWrite {
  readonly space: string;
  readonly primitive: TablePrimitive | "event";
  readonly key: string;
}

/** One commit of one run, with what it did in the order in which it did it. */
export interface NaiveCommit {
  readonly version: number;
  readonly timestamp: number;
  readonly message: string | undefined;
  readonly bytes: number;
  readonly writes: readonly NaiveWrite[];
}

/** What tests look at to see who reads files. */
export class Reads {
  finds = 0;
  cursors = 0;
  visits = 0;

  get count(): number {
    return this.finds + this.cursors + this.visits;
  }
}

export interface NaiveColdTableOptions {
  readonly live?: number;
  readonly lost?: readonly LostInterval[];
  readonly reads?: Reads;
}

export class NaiveColdTable implements ColdTable {
  readonly firstVersion: number;
  readonly lastVersion: number;
  readonly lastDeath: number;
  readonly hasDeadBoxes: boolean;
  readonly hasSurrogates: boolean;
  readonly live: number;
  readonly keys: number;
  readonly lost: readonly LostInterval[];
  readonly reads: Reads;
  readonly #entries: ReadonlyMap<string, readonly NaiveEntry[]>;

  /** @param entries of each key, oldest first. */
  constructor(entries: ReadonlyMap<string, readonly NaiveEntry[]>, options: NaiveColdTableOptions = {}) {
    const all = [...entries.values()].flat();
    this.firstVersion = Math.min(...all.map(({ version }) => version));
    this.lastVersion = Math.max(0, ...all.map(({ version }) => version));
    this.lastDeath = Math.max(0, ...all.filter(({ stored }) => !isLive(stored)).map(({ version }) => version));
    this.hasDeadBoxes = all.some(({ stored }) => stored instanceof Box && stored.value === undefined);
    this.hasSurrogates = [...entries.keys()].some(hasSurrogates);
    this.live = options.live ?? -1;
    this.keys = entries.size;
    this.lost = options.lost ?? [];
    this.reads = options.reads ?? new Reads();
    this.#entries = entries;
  }

  find(key: string, asOf: number, out: Found): boolean {
    this.reads.finds++;
    return this.#find(key, asOf, out);
  }

  visitBefore(key: string, before: number, visit: (version: number, stored: Stored | undefined) => boolean): boolean {
    this.reads.visits++;
    for (const { version, stored } of (this.#entries.get(key) ?? []).toReversed()) {
      if (version < before && stored !== TRIMMED && !visit(version, copyOf(stored))) return false;
    }
    return true;
  }

  cursor({ start, end, reverse }: KeyRange): ColdCursor {
    this.reads.cursors++;
    const keys = [...this.#entries.keys()]
      .filter((key) => start === undefined || compareCodePoints(key, start) >= 0)
      .filter((key) => end === undefined || compareCodePoints(key, end) < 0)
      .sort(compareCodePoints);
    if (reverse) keys.reverse();
    let next = 0;
    return {
      next: () => keys[next++],
      findAt: (asOf, out) => this.#find(keys[next - 1]!, asOf, out),
    };
  }

  #find(key: string, asOf: number, out: Found): boolean {
    const entries = this.#entries.get(key) ?? [];
    const entry = entries.findLast(({ version }) => version <= asOf);
    if (entry === undefined) return false;
    if (entry.stored === TRIMMED) throw new StateError("HISTORY_TRIMMED", "dropped", { requested: asOf });
    out.version = entry.version;
    out.stored = copyOf(entry.stored);
    return true;
  }
}

/** As a decoder gives it: equal, and another object. */
function copyOf(stored: Stored | undefined): Stored | undefined {
  if (!(stored instanceof Box)) return stored;
  return new Box(stored.value, stored.expiresAt, stored.counter, stored.createdAt, stored.holdsBytes);
}

export class NaiveColdEvents implements ColdEvents {
  readonly #events: readonly NaiveEvent[];

  constructor(events: readonly NaiveEvent[]) {
    this.#events = events;
  }

  get length(): number {
    return this.#events.length;
  }

  get firstVersion(): number {
    return this.#events[0]!.version;
  }

  get lastVersion(): number {
    return this.#events.at(-1)!.version;
  }

  lastAtOrBefore(asOf: number): number {
    return this.#events.findLastIndex(({ version }) => version <= asOf);
  }

  versionOf(row: number): number {
    return this.#events[row]!.version;
  }

  typeOf(row: number): string {
    return this.#events[row]!.type;
  }

  record(row: number): Uint8Array {
    return this.#events[row]!.record.slice();
  }

  types(): readonly string[] {
    return [...new Set(this.#events.map(({ type }) => type))];
  }

  rowsOf(type: string): ArrayLike<number> {
    return this.#events.flatMap((event, row) => (event.type === type ? [row] : []));
  }
}

export class NaiveColdTimeline implements ColdTimeline {
  readonly floor: number;
  readonly #commits: readonly NaiveCommit[];
  readonly #trimmed: readonly NaiveCommit[];
  readonly #spaceOf: (write: NaiveWrite, version: number) => number;

  /** @param spaceOf index of the incarnation that a commit wrote to. */
  constructor(commits: readonly NaiveCommit[], floor: number, spaceOf: (write: NaiveWrite, version: number) => number) {
    this.floor = floor;
    this.#commits = commits.filter(({ version }) => version > floor);
    this.#trimmed = commits.filter(({ version }) => version <= floor);
    this.#spaceOf = spaceOf;
  }

  get length(): number {
    return this.#commits.length;
  }

  lastAtOrBefore(version: number): number {
    return this.#commits.findLastIndex((commit) => commit.version <= version);
  }

  lastAtTime(time: number): number {
    return this.#commits.findLastIndex(({ timestamp }) => timestamp <= time);
  }

  versionOf(row: number): number {
    return this.#commits[row]!.version;
  }

  timestampOf(row: number): number {
    return this.#commits[row]!.timestamp;
  }

  bytesOf(row: number): number {
    return this.#commits[row]!.bytes;
  }

  messageOf(row: number): string | undefined {
    return this.#commits[row]!.message;
  }

  operationsOf(row: number): number {
    return this.#commits[row]!.writes.length;
  }

  visitWrites(row: number, visit: (write: ColdWrite) => boolean): boolean {
    const { version, writes } = this.#commits[row]!;
    return writes.every((write) => {
      const { primitive, key } = write;
      return visit({ space: this.#spaceOf(write, version), primitive, key });
    });
  }

  timestampBelowFloor(version: number): number {
    return this.#trimmed.find((commit) => commit.version === version)?.timestamp ?? 0;
  }
}

export interface NaiveFilesOptions {
  /** Version of the fork; `undefined` for a run without parent. */
  readonly forkVersion: number | undefined;
  readonly through: number;
  /** Commits of the run itself. */
  readonly commits: readonly NaiveCommit[];
  readonly merges?: readonly MergeRecord[];
  readonly reads?: Reads;
  /** Whether files say how many keys are live. */
  readonly counts?: boolean;
}

/** What `run` wrote itself up to `through`. */
export function naiveFiles(run: NaiveRun, options: NaiveFilesOptions): ColdRun {
  const { forkVersion, through, commits, merges = [], reads = new Reads(), counts = true } = options;
  const from = forkVersion ?? 0;
  const isOwn = ({ version }: { version: number }) => version > from && version <= through;
  const spaces = [...run.spaces]
    .flatMap(([name, incarnations]) => incarnations.map((space) => ({ name, space })))
    .filter(
      ({ space }) => isOwn({ version: space.createdAt }) || isOwn({ version: space.droppedAt }) || isWritten(space),
    )
    .sort((a, b) => a.space.createdAt - b.space.createdAt);

  function isWritten(space: NaiveSpace): boolean {
    return space.events.some(isOwn) || [...space.tables.values()].some((table) => ownEntries(table).size > 0);
  }

  function ownEntries(table: NaiveTable): Map<string, NaiveEntry[]> {
    const own = new Map<string, NaiveEntry[]>();
    for (const [key, entries] of table.entries) {
      const kept = entries.filter(isOwn);
      if (kept.length > 0) own.set(key, kept);
    }
    return own;
  }

  return {
    through,
    merges: merges.filter(isOwn),
    spaces: spaces.map(({ name, space }): ColdSpace => {
      const events = space.events.filter(isOwn);
      return {
        name,
        createdAt: space.createdAt,
        droppedAt: space.droppedAt <= through ? space.droppedAt : Number.POSITIVE_INFINITY,
        inherited: forkVersion !== undefined && space.createdAt <= forkVersion,
        table: (primitive) => {
          const table = space.tables.get(primitive);
          const entries = table === undefined ? new Map() : ownEntries(table);
          if (entries.size === 0) return undefined;
          return new NaiveColdTable(entries, { live: counts ? table!.scan(EVERYTHING, through).length : -1, reads });
        },
        events: () => (events.length === 0 ? undefined : new NaiveColdEvents(events)),
      };
    }),
    timeline: new NaiveColdTimeline(commits.filter(isOwn), from, (write, version) =>
      spaces.findLastIndex(({ name, space }) => name === write.space && space.createdAt <= version),
    ),
  };
}
