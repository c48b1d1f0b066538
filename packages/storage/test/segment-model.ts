/**
 * The oracle of segments: the list of all commits of a run, folded anew for each question.
 */
import { ByteWriter, compareCodePoints, type RunId, StateError } from "@strata/core";
import { expect } from "vitest";
import type { ColdRun, ColdSpace, ColdTable } from "../src/cold.js";
import { isForgettable, keptEntries, type RetentionGround, type RetentionRule } from "../src/retention.js";
import type { RunShard } from "../src/shard.js";
import { Box, isLive, type Stored } from "../src/stored.js";
import { encodeStored } from "../src/stored-codec.js";
import type { TablePrimitive } from "../src/table.js";
import { Found } from "../src/version-chain.js";

export type ModelOperation =
  | {
      readonly kind: "put";
      readonly space: string;
      readonly primitive: TablePrimitive;
      readonly key: string;
      readonly stored: Stored | undefined;
    }
  | { readonly kind: "append"; readonly space: string; readonly type: string; readonly record: Uint8Array }
  | { readonly kind: "register"; readonly space: string }
  | { readonly kind: "drop"; readonly space: string };

interface ModelCommit {
  readonly version: number;
  readonly timestamp: number;
  readonly bytes: number;
  readonly message: string | undefined;
  readonly writes: { readonly space: ModelSpace; readonly primitive: TablePrimitive | "event"; readonly key: string }[];
}

interface ModelEntry {
  readonly version: number;
  readonly stored: Stored | undefined;
  /** Dropped by retention, in files. */
  isDropped: boolean;
}

interface ModelTable {
  readonly entries: Map<string, ModelEntry[]>;
  /** Keys that are not there any more, and when they were. */
  readonly lost: { readonly key: string; readonly from: number; readonly to: number }[];
}

interface ModelSpace {
  readonly name: string;
  readonly createdAt: number;
  readonly inherited: boolean;
  droppedAt: number;
  readonly tables: Map<TablePrimitive, ModelTable>;
  readonly events: { readonly version: number; readonly type: string; readonly record: Uint8Array }[];
}

const PRIMITIVES: readonly TablePrimitive[] = ["kv", "state", "json", "vector"];

/** What everybody keeps who looks at nothing. */
export const NOBODY: RetentionGround = {
  from: Number.POSITIVE_INFINITY,
  lastFork: 0,
  isPinned: () => false,
  horizon: () => 0,
};

/** A run, in the store and as a list. */
export class SegmentModel {
  readonly shard: RunShard;
  readonly commits: ModelCommit[] = [];
  readonly spaces: ModelSpace[] = [];
  readonly merges: {
    readonly version: number;
    readonly contained: { readonly run: RunId; readonly version: number }[];
  }[] = [];
  version: number;
  /** Memory has forgotten its commits up to this one. */
  forgotten = 0;

  constructor(shard: RunShard) {
    this.shard = shard;
    this.version = shard.forkVersion;
  }

  commit(operations: readonly ModelOperation[], message?: string): void {
    this.version += 1 + (operations.length % 3);
    const { version } = this;
    const timestamp = version * 1000 - (version % 7);
    const { shard } = this;
    const commit: ModelCommit = { version, timestamp, bytes: 10 * operations.length, message, writes: [] };
    shard.timeline.append(version, timestamp, message, commit.bytes);
    for (const operation of operations) this.#apply(operation, commit);
    shard.lastVersion = version;
    shard.lastTimestamp = timestamp;
    this.commits.push(commit);
  }

  /** Takes from memory what it has of the commits up to `version`. */
  forget(version: number): void {
    this.shard.timeline.trimThrough(version);
    this.forgotten = Math.max(this.forgotten, version);
  }

  merge(run: RunId): void {
    this.commit([]);
    const merge = { version: this.version, contained: [{ run, version: this.version + 5 }] };
    this.shard.merges.push(merge);
    this.merges.push(merge);
  }

  /** Does to every key what a segment over (from, through] does that keeps by this rule. */
  trim(rule: RetentionRule, from: number, through: number): void {
    const isWhole = from <= this.shard.forkVersion;
    for (const space of this.spaces) {
      for (const [primitive, table] of space.tables) {
        // Cells and documents keep their counters when they are gone; what a run inherited stays hidden by its tombstones.
        const mayVanish = isWhole && !space.inherited && primitive !== "state" && primitive !== "json";
        for (const [key, all] of table.entries) {
          const entries = all.filter(({ version, isDropped }) => version > from && version <= through && !isDropped);
          if (entries.length === 0) continue;
          const versions = entries.map(({ version }) => version);
          const kept = keptEntries(rule, NOBODY, versions) ?? versions.map(() => true);
          const isDead = (i: number): boolean => !isLive(entries[i]!.stored);
          if (
            mayVanish &&
            kept.indexOf(true) === kept.length - 1 &&
            isForgettable(rule, NOBODY, versions, isDead, kept)
          ) {
            const later = all.filter(({ version }) => version > through);
            table.lost.push({ key, from: all[0]!.version, to: versions.at(-1)! });
            table.entries.set(key, later);
          } else {
            for (const [i, entry] of entries.entries()) if (!kept[i]) entry.isDropped = true;
          }
        }
      }
    }
  }

  #apply(operation: ModelOperation, commit: ModelCommit): void {
    const { shard } = this;
    const { version } = commit;
    if (operation.kind === "register") {
      if (shard.hasSpace(operation.space)) return;
      shard.registerSpace(operation.space, version);
      this.#add(operation.space, version, false);
    } else if (operation.kind === "drop") {
      if (operation.space === "default" || !shard.hasSpace(operation.space)) return;
      // One that begins and ends with the same commit never was.
      if (this.#space(operation.space).createdAt === version) return;
      this.#space(operation.space).droppedAt = version;
      shard.dropSpace(operation.space, version);
    } else if (operation.kind === "put") {
      const table = shard.table(operation.space, operation.primitive);
      if (table === undefined) return;
      shard.timeline.write(table.put(operation.key, operation.stored, version));
      const space = this.#space(operation.space);
      const { entries } = this.#table(space, operation.primitive);
      const before = (entries.get(operation.key) ?? []).filter((entry) => entry.version !== version);
      entries.set(operation.key, [...before, { version, stored: operation.stored, isDropped: false }]);
      commit.writes.push({ space, primitive: operation.primitive, key: operation.key });
    } else {
      const log = shard.events(operation.space);
      if (log === undefined) return;
      log.append(version, operation.type, operation.record);
      shard.timeline.write(log);
      const space = this.#space(operation.space);
      space.events.push({ version, type: operation.type, record: operation.record });
      commit.writes.push({ space, primitive: "event", key: "" });
    }
  }

  #space(name: string): ModelSpace {
    const known = this.spaces.findLast((space) => space.name === name && space.droppedAt === Number.POSITIVE_INFINITY);
    if (known !== undefined) return known;
    const tables = this.shard.ownSpaces().findLast((space) => space.name === name)!;
    return this.#add(name, tables.createdAt, tables.inherited);
  }

  #add(name: string, createdAt: number, inherited: boolean): ModelSpace {
    const space = { name, createdAt, inherited, droppedAt: Number.POSITIVE_INFINITY, tables: new Map(), events: [] };
    this.spaces.push(space);
    return space;
  }

  #table(space: ModelSpace, primitive: TablePrimitive): ModelTable {
    let table = space.tables.get(primitive);
    if (table === undefined) {
      table = { entries: new Map(), lost: [] };
      space.tables.set(primitive, table);
    }
    return table;
  }
}

/** Everything that files say of a run, against what was done to it up to `through`. */
export function expectRun(run: ColdRun, model: SegmentModel, through: number): void {
  expect(run.through).toBe(through);
  const expected = model.spaces.filter((space) => isTouched(space, through));
  expect(run.spaces.map(({ name, createdAt }) => `${createdAt} ${name}`).sort()).toEqual(
    expected.map(({ name, createdAt }) => `${createdAt} ${name}`).sort(),
  );
  expect(run.spaces.map(({ createdAt }) => createdAt)).toEqual(
    run.spaces.map(({ createdAt }) => createdAt).sort((a, b) => a - b),
  );
  for (const space of run.spaces) {
    const wanted = expected.find(({ name, createdAt }) => name === space.name && createdAt === space.createdAt)!;
    expect(space.inherited).toBe(wanted.inherited);
    expect(space.droppedAt).toBe(wanted.droppedAt <= through ? wanted.droppedAt : Number.POSITIVE_INFINITY);
    for (const primitive of PRIMITIVES) expectTable(space, primitive, wanted, model, through);
    expectEvents(space, wanted, through);
  }
  expectTimeline(run, model, through);
  expect(run.merges).toEqual(model.merges.filter(({ version }) => version <= through));
}

function isTouched(space: ModelSpace, through: number): boolean {
  if (!space.inherited && space.createdAt > 0 && space.createdAt <= through) return true;
  if (space.droppedAt <= through) return true;
  if (space.events.some(({ version }) => version <= through)) return true;
  return [...space.tables.values()].some(
    ({ entries, lost }) => lost.length > 0 || [...entries.values()].flat().some(({ version }) => version <= through),
  );
}

function expectTable(
  space: ColdSpace,
  primitive: TablePrimitive,
  wanted: ModelSpace,
  model: SegmentModel,
  through: number,
): void {
  const modelTable = wanted.tables.get(primitive);
  const all = new Map<string, ModelEntry[]>();
  for (const [key, entries] of modelTable?.entries ?? []) {
    const until = entries.filter(({ version }) => version <= through);
    if (until.length > 0) all.set(key, until);
  }
  const table = space.table(primitive);
  // A key that was deleted and never there leaves nothing behind.
  if (all.size === 0 && !modelTable?.lost.some(({ from, to }) => from < to)) {
    expect(table).toBeUndefined();
    return;
  }
  if (table === undefined) throw new Error(`the ${primitive} table of ${space.name} is missing`);
  const keys = [...all.keys()].sort(compareCodePoints);
  expectKeys(table, keys, all, model, through);
  const flat = [...all.values()].flat();
  for (const { version } of flat) {
    expect(table.firstVersion).toBeLessThanOrEqual(version);
    expect(table.lastVersion).toBeGreaterThanOrEqual(version);
  }
  expect(table.keys).toBeGreaterThanOrEqual(keys.length);
  expect(table.hasSurrogates || !keys.some((key) => /[\ud800-\udfff]/.test(key))).toBe(true);
  const hasDeadBox = flat.some(({ stored, isDropped }) => !isDropped && stored instanceof Box && !isLive(stored));
  expect(table.hasDeadBoxes || !hasDeadBox).toBe(true);
  for (const entries of all.values()) {
    for (let i = 1; i < entries.length; i++) {
      if (isLive(entries[i - 1]!.stored) && !isLive(entries[i]!.stored) && !entries[i - 1]!.isDropped) {
        expect(table.lastDeath).toBeGreaterThanOrEqual(entries[i]!.version);
      }
    }
  }
  if (!wanted.inherited) {
    const live = [...all.values()].filter((entries) => isLive(entries.at(-1)!.stored)).length;
    // What was done while it was being written is needed to tell.
    expect(model.forgotten > 0 ? [live, -1] : [live]).toContain(table.live);
  }
  for (const { from, to } of modelTable!.lost) {
    if (from < to) expect(table.lost.some((lost) => lost.from <= from && to <= lost.to)).toBe(true);
  }
}

/** Reads each key in all ways there are, as of some versions. */
function expectKeys(
  table: ColdTable,
  keys: readonly string[],
  all: ReadonlyMap<string, ModelEntry[]>,
  model: SegmentModel,
  through: number,
): void {
  const found = new Found();
  const points = [0, ...model.commits.map(({ version }) => version), through + 1, Number.POSITIVE_INFINITY];
  const expectFound = (find: () => boolean, key: string, asOf: number): void => {
    const entry = all.get(key)!.findLast(({ version }) => version <= asOf);
    found.reset();
    if (entry?.isDropped) {
      const earliest = all.get(key)!.find(({ version, isDropped }) => version > asOf && !isDropped)!.version;
      expect(codeAndEarliest(find)).toEqual(["HISTORY_TRIMMED", earliest]);
      return;
    }
    expect(find()).toBe(entry !== undefined);
    expect(found.version).toBe(entry?.version ?? 0);
    expectSame(found.stored, entry?.stored);
  };
  for (const key of keys) {
    for (const asOf of points) expectFound(() => table.find(key, asOf, found), key, asOf);
    for (const before of points) {
      const visited: [number, Stored | undefined][] = [];
      table.visitBefore(key, before, (version, stored) => {
        table.find(keys[0]!, Number.POSITIVE_INFINITY, new Found());
        visited.push([version, stored]);
        return true;
      });
      const wanted = all
        .get(key)!
        .filter(({ version, isDropped }) => version < before && !isDropped)
        .reverse();
      expect(visited.map(([version]) => version)).toEqual(wanted.map(({ version }) => version));
      for (const [i, [, stored]] of visited.entries()) expectSame(stored, wanted[i]!.stored);
    }
  }
  expect(table.find(`${keys[0] ?? ""}\0`, Number.POSITIVE_INFINITY, found)).toBe(all.has(`${keys[0] ?? ""}\0`));
  const bounds = [undefined, keys[0], keys[keys.length >> 1], keys.at(-1), "b", "\u{1F600}"];
  for (const start of bounds) {
    for (const end of bounds) {
      for (const reverse of [false, true]) {
        const inRange = keys.filter(
          (key) =>
            (start === undefined || compareCodePoints(key, start) >= 0) &&
            (end === undefined || compareCodePoints(key, end) < 0),
        );
        const cursor = table.cursor({ start, end, reverse });
        const given: string[] = [];
        for (let key = cursor.next(); key !== undefined; key = cursor.next()) {
          given.push(key);
          const asOf = points[(given.length * 7) % points.length]!;
          expectFound(() => cursor.findAt(asOf, found), key, asOf);
        }
        expect(given).toEqual(reverse ? inRange.reverse() : inRange);
        expect(cursor.next()).toBeUndefined();
      }
    }
  }
}

/** Exactly: the order of members, too. */
function expectSame(stored: Stored | undefined, wanted: Stored | undefined): void {
  expect(stored).toEqual(wanted);
  expect(bytesOf(stored)).toEqual(bytesOf(wanted));
}

function bytesOf(stored: Stored | undefined): Uint8Array {
  const writer = new ByteWriter();
  encodeStored(writer, stored);
  return writer.take();
}

function codeAndEarliest(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    return [error.code, error.facts["earliest"]];
  }
}

function expectEvents(space: ColdSpace, wanted: ModelSpace, through: number): void {
  const events = wanted.events.filter(({ version }) => version <= through);
  const log = space.events();
  if (events.length === 0) {
    expect(log).toBeUndefined();
    return;
  }
  if (log === undefined) throw new Error(`the events of ${space.name} are missing`);
  expect(log.length).toBe(events.length);
  expect(log.firstVersion).toBe(events[0]!.version);
  expect(log.lastVersion).toBe(events.at(-1)!.version);
  for (const [row, event] of events.entries()) {
    expect(log.versionOf(row)).toBe(event.version);
    expect(log.typeOf(row)).toBe(event.type);
    expect([...log.record(row)]).toEqual([...event.record]);
    for (const asOf of [event.version - 1, event.version, event.version + 1]) {
      expect(log.lastAtOrBefore(asOf)).toBe(events.findLastIndex(({ version }) => version <= asOf));
    }
  }
  const types = [...new Set(events.map(({ type }) => type))].sort(compareCodePoints);
  expect([...log.types()].sort(compareCodePoints)).toEqual(types);
  for (const type of [...types, "no such type"]) {
    expect(Array.from(log.rowsOf(type))).toEqual(events.flatMap((event, row) => (event.type === type ? [row] : [])));
  }
}

function expectTimeline(run: ColdRun, model: SegmentModel, through: number): void {
  const { timeline } = run;
  const commits = model.commits.filter(({ version }) => version <= through && version > timeline.floor);
  expect(timeline.length).toBe(commits.length);
  for (const [row, commit] of commits.entries()) {
    expect(timeline.versionOf(row)).toBe(commit.version);
    expect(timeline.timestampOf(row)).toBe(commit.timestamp);
    expect(timeline.bytesOf(row)).toBe(commit.bytes);
    expect(timeline.messageOf(row)).toBe(commit.message);
    expect(timeline.operationsOf(row)).toBe(commit.writes.length);
    const writes: unknown[] = [];
    timeline.visitWrites(row, (write) => {
      const { name, createdAt } = run.spaces[write.space]!;
      writes.push([name, createdAt, write.primitive, write.key]);
      return true;
    });
    expect(writes).toEqual(
      commit.writes.map(({ space, primitive, key }) => [space.name, space.createdAt, primitive, key]),
    );
    for (const near of [commit.version - 1, commit.version, commit.version + 1]) {
      expect(timeline.lastAtOrBefore(near)).toBe(commits.findLastIndex(({ version }) => version <= near));
    }
    for (const near of [commit.timestamp - 1, commit.timestamp, commit.timestamp + 1]) {
      expect(timeline.lastAtTime(near)).toBe(commits.findLastIndex(({ timestamp }) => timestamp <= near));
    }
  }
  for (const commit of model.commits) {
    if (commit.version > timeline.floor) continue;
    const timestamp = timeline.timestampBelowFloor(commit.version);
    if (isLeft(model, commit.version) && commit.version > model.forgotten) expect(timestamp).toBe(commit.timestamp);
    else expect([0, commit.timestamp]).toContain(timestamp);
  }
}

function isLeft(model: SegmentModel, wanted: number): boolean {
  return model.spaces.some(
    (space) =>
      space.events.some(({ version }) => version === wanted) ||
      [...space.tables.values()].some(({ entries }) =>
        [...entries.values()].flat().some(({ version, isDropped }) => version === wanted && !isDropped),
      ),
  );
}
