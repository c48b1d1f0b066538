/**
 * Runs beside their oracles, driven by commands, with files under them that tests write, drop from memory and read back.
 */
import { type RunId, runId } from "@strata/core";
import { expect } from "vitest";
import { EVERYTHING, type KeyRange } from "../src/key-cursor.js";
import { RunShard } from "../src/shard.js";
import { ShardedStore } from "../src/sharded-store.js";
import type { Stored } from "../src/stored.js";
import type { TablePrimitive } from "../src/table.js";
import type { WriteTarget } from "../src/timeline.js";
import { Found, VersionChain } from "../src/version-chain.js";
import { type NaiveCommit, naiveFiles } from "./naive-files.js";
import { NaiveRun } from "./naive-store.js";

export const TYPES = ["x", "y", "\u{1f600}", "\uffee"] as const;
const DEPTH_MAX = 8;

export type Operation =
  | {
      readonly kind: "put";
      readonly space: string;
      readonly primitive: TablePrimitive;
      readonly key: string;
      readonly stored: Stored | undefined;
    }
  | { readonly kind: "append"; readonly space: string; readonly type: string; readonly record: Uint8Array }
  | { readonly kind: "drop"; readonly space: string };

interface Commit extends NaiveCommit {
  readonly operations: readonly Operation[];
}

/** One run, real and naive. */
export interface Pair {
  readonly id: RunId;
  readonly parent: Pair | undefined;
  readonly forkVersion: number | undefined;
  readonly depth: number;
  readonly naive: NaiveRun;
  readonly commits: Commit[];
  real: RunShard;
  /** Version up to which there are files; 0 without. */
  filed: number;
  dropped: boolean;
}

export class World {
  readonly runs: Pair[] = [];
  /** Ever written to any run. */
  readonly keys: Set<string> = new Set();
  readonly #all: Pair[] = [];
  #store = new ShardedStore();
  /** Whether files say how many live keys they have. */
  #counts = false;
  version: number;

  constructor(firstVersion: number) {
    this.version = firstVersion;
    const id = runId(this.version++);
    this.#add({ id, parent: undefined, forkVersion: undefined, depth: 0, naive: new NaiveRun() });
  }

  run(index: number): Pair {
    return this.runs[index % this.runs.length]!;
  }

  commit(pair: Pair, operations: readonly Operation[]): void {
    const version = this.version++;
    const writes = operations.flatMap((operation) => {
      if (operation.kind === "drop") return [];
      const { space } = operation;
      if (operation.kind === "append") return { space, primitive: "event" as const, key: "" };
      this.keys.add(operation.key);
      return { space, primitive: operation.primitive, key: operation.key };
    });
    const message = version % 3 === 0 ? `why ${version}` : undefined;
    const commit = { version, timestamp: Math.floor(version / 2), message, bytes: version % 1000, writes, operations };
    applyNaive(pair.naive, commit);
    pair.commits.push(commit);
    apply(pair.real, commit);
  }

  fork(parent: Pair, back: number): void {
    if (parent.depth === DEPTH_MAX) return;
    const forkVersion = Math.max(0, parent.real.lastVersion - back);
    const naive = parent.naive.forkedAt(forkVersion);
    this.#add({ id: runId(this.version++), parent, forkVersion, depth: parent.depth + 1, naive });
  }

  drop(pair: Pair): void {
    if (this.runs.length === 1) return;
    expect(this.#store.drop(pair.id)).toBe(true);
    pair.dropped = true;
    this.runs.splice(this.runs.indexOf(pair), 1);
  }

  /**
   * Writes files of everything up to `back` versions before the newest, and lets the run read them.
   *
   * @param meanwhile what happens between the slices in which the run takes them over; at once without it.
   */
  checkpoint(pair: Pair, back: number, counts: boolean, meanwhile?: () => void): void {
    const through = Math.max(pair.filed, pair.forkVersion ?? 0, this.version - 1 - back);
    const files = filesOf({ ...pair, filed: through }, counts);
    if (meanwhile === undefined) pair.real.attachCold(files);
    else for (const _ of pair.real.takeOver(files, 1)) meanwhile();
    pair.filed = through;
    expect(pair.real.coldThrough).toBe(through);
  }

  /** Begins anew, as a process does: from the files, and from what a log has of commits behind them. */
  reopen(counts: boolean): void {
    this.#store = new ShardedStore();
    this.#counts = counts;
    const log: [version: number, redo: () => void][] = [];
    for (const pair of this.#all) {
      if (pair.filed === 0) log.push([pair.id, () => void this.#create(pair)]);
      for (const commit of pair.commits) {
        if (commit.version <= pair.filed) continue;
        log.push([commit.version, () => apply(this.#shardOf(pair), commit)]);
      }
    }
    for (const [, redo] of log.sort(([a], [b]) => a - b)) redo();
    for (const pair of this.#all) pair.real = this.#shardOf(pair);
    for (const { id, dropped } of this.#all) if (dropped) this.#store.drop(id);
  }

  #add(pair: Omit<Pair, "real" | "commits" | "filed" | "dropped">): void {
    const real = this.#create(pair);
    const added = { ...pair, real, commits: [], filed: 0, dropped: false };
    this.#all.push(added);
    this.runs.push(added);
  }

  #create({ id, parent, forkVersion }: Pick<Pair, "id" | "parent" | "forkVersion">): RunShard {
    const base = parent === undefined ? undefined : this.#shardOf(parent);
    return this.#store.create(id, base, forkVersion);
  }

  /** Of a run that lies in files only, made from these. */
  #shardOf(pair: Pair): RunShard {
    return this.#store.get(pair.id) ?? this.#store.adopt(this.#fromFiles(pair));
  }

  #fromFiles(pair: Pair): RunShard {
    const { id, parent, forkVersion, filed, commits } = pair;
    const base = parent === undefined ? undefined : this.#shardOf(parent);
    const last = commits.findLast(({ version }) => version <= filed);
    return new RunShard(id, base, forkVersion, {
      through: filed,
      lastVersion: last?.version ?? forkVersion ?? 0,
      lastTimestamp: last?.timestamp ?? 0,
      load: () => filesOf(pair, this.#counts),
    });
  }
}

function filesOf({ naive, forkVersion, filed, commits }: Pair, counts: boolean) {
  return naiveFiles(naive, { forkVersion, through: filed, commits, counts });
}

function apply(shard: RunShard, commit: Commit): void {
  const { version, timestamp, message, bytes, operations } = commit;
  shard.timeline.append(version, timestamp, message, bytes);
  for (const operation of operations) {
    if (operation.kind === "drop") {
      shard.dropSpace(operation.space, version);
      continue;
    }
    shard.registerSpace(operation.space, version);
    if (operation.kind === "put") {
      const chain = shard.table(operation.space, operation.primitive)!.put(operation.key, operation.stored, version);
      expect(chain).toMatchObject({ key: operation.key, version });
      shard.timeline.write(chain);
    } else {
      const events = shard.events(operation.space)!;
      const record = operation.record.slice();
      events.append(version, operation.type, record);
      record.fill(255);
      shard.timeline.write(events);
    }
  }
  shard.lastVersion = version;
  shard.lastTimestamp = timestamp;
}

function applyNaive(run: NaiveRun, { version, operations }: Commit): void {
  for (const operation of operations) {
    if (operation.kind === "drop") {
      run.drop(operation.space, version);
      continue;
    }
    run.register(operation.space, version);
    if (operation.kind === "put") {
      run.table(operation.space, operation.primitive, version)!.put(operation.key, operation.stored, version);
    } else {
      const { type, record } = operation;
      run.spaceAt(operation.space, version)!.events.push({ version, type, record });
    }
  }
}

export function expectSameScan(
  { real, naive }: Pair,
  space: string,
  primitive: TablePrimitive,
  range: KeyRange,
  asOf: number,
  stopAfter: number,
  meanwhile: (key: string) => void = () => {},
): void {
  const expected = naive.table(space, primitive, asOf)?.scan(range, asOf) ?? [];
  const seen: [string, Stored, number][] = [];
  const limit = stopAfter === 0 ? Number.POSITIVE_INFINITY : stopAfter;
  real.tableAt(space, primitive, asOf)?.scan(range, asOf, (key, value, version) => {
    seen.push([key, value, version]);
    meanwhile(key);
    return seen.length < limit;
  });
  expect(seen).toEqual(expected.slice(0, limit));
}

export function expectSameCount({ real, naive }: Pair, space: string, primitive: TablePrimitive): void {
  const oracle = naive.table(space, primitive, Number.POSITIVE_INFINITY);
  const count = oracle?.scan(EVERYTHING, Number.POSITIVE_INFINITY).length;
  expect(real.table(space, primitive)?.liveCount()).toBe(count);
}

export function expectSameReads(
  { real, naive }: Pair,
  space: string,
  primitive: TablePrimitive,
  key: string,
  asOf: number,
): void {
  const table = real.tableAt(space, primitive, asOf);
  const oracle = naive.table(space, primitive, asOf);
  expect(table === undefined).toBe(oracle === undefined);
  if (table === undefined || oracle === undefined) return;
  const found = new Found();
  const expected = oracle.find(key, asOf);
  expect(table.find(key, asOf, found)).toBe(expected !== undefined);
  expect({ version: found.version, stored: found.stored }).toEqual(expected ?? { version: 0, stored: undefined });
  if (asOf === Number.POSITIVE_INFINITY) {
    expect(table.head(key)).toEqual(expected?.stored);
    expect(table.headVersion(key)).toBe(expected?.version ?? 0);
  }
  const history: { version: number; stored: Stored | undefined }[] = [];
  table.versions(key, asOf, (version, stored) => history.push({ version, stored }) > 0);
  expect(history).toEqual(oracle.versions(key, asOf));
}

export function expectSameEvents({ real, naive }: Pair, space: string, asOf: number): void {
  const table = real.eventsAt(space, asOf);
  const events = (naive.spaceAt(space, asOf)?.events ?? []).filter((event) => event.version <= asOf);
  expect(table?.length(asOf) ?? 0).toBe(events.length);
  if (table === undefined) return;
  events.forEach((event, sequence) => {
    expect(table.typeOf(sequence)).toBe(event.type);
    expect(table.versionOf(sequence)).toBe(event.version);
    expect([...table.record(sequence)]).toEqual([...event.record]);
  });
  const counts = TYPES.map((type) => ({ type, count: events.filter((event) => event.type === type).length }));
  expect(table.types(asOf)).toEqual(
    ["x", "y", "\uffee", "\u{1f600}"].flatMap((type) =>
      counts.filter((entry) => entry.type === type && entry.count > 0),
    ),
  );
  for (const { type, count } of counts) {
    expect(table.countOf(type, asOf)).toBe(count);
    const sequences = events.flatMap((event, sequence) => (event.type === type ? [sequence] : []));
    const from = Math.floor(events.length / 2);
    expect(table.sequencesOf(type, 0, Number.POSITIVE_INFINITY, false, asOf)).toEqual(sequences);
    expect(table.sequencesOf(type, from, 2, false, asOf)).toEqual(
      sequences.filter((sequence) => sequence >= from).slice(0, 2),
    );
    expect(table.sequencesOf(type, from, 2, true, asOf)).toEqual(
      sequences
        .filter((sequence) => sequence <= from)
        .reverse()
        .slice(0, 2),
    );
    expect(table.sequencesOf(type, Number.POSITIVE_INFINITY, 1, true, asOf)).toEqual(sequences.slice(-1));
  }
}

/** The run's own commits, what they wrote, and what was left behind by each write. */
export function expectSameCommits({ real, naive, commits, forkVersion = 0 }: Pair): void {
  const { timeline } = real;
  expect(timeline.floor).toBe(forkVersion);
  const expected = commits.map((commit, index) => ({
    version: commit.version,
    previous: commits[index - 1]?.version ?? forkVersion,
    timestamp: commit.timestamp,
    message: commit.message,
    bytes: commit.bytes,
    operations: commit.writes.length,
  }));
  expect([...timeline.commits()]).toEqual(expected);
  expect([...timeline.commits({ reverse: true })]).toEqual(expected.toReversed());
  for (const [index, { version, timestamp, writes, operations }] of commits.entries()) {
    expect(timeline.timestampOf(version)).toBe(timestamp);
    expect(timeline.lastAtOrBefore(version)).toBe(version);
    expect(timeline.nextAfter(version)).toBe(commits[index + 1]?.version);
    const latest = commits.findLast((commit) => commit.timestamp <= timestamp)?.version;
    expect(timeline.versionAtTime(timestamp)).toBe(latest);
    const targets = timeline.writesOf(version);
    expect(targets.map(writeOf)).toEqual(writes);
    for (const target of targets) {
      if (!(target instanceof VersionChain)) continue;
      const { space, primitive } = target.table;
      expect(target.storedAt(version)).toEqual(
        naive.table(space.name, primitive, version)?.find(target.key, version)?.stored,
      );
    }
    const dropped = operations.flatMap((operation) => (operation.kind === "drop" ? operation.space : []));
    expect(timeline.spacesDroppedBy(version).map(({ name }) => name)).toEqual(
      dropped.filter((space) => naive.spaces.get(space)?.some(({ droppedAt }) => droppedAt === version)),
    );
  }
  for (const since of [forkVersion, ...commits.map(({ version }) => version)]) {
    const seen: object[] = [];
    timeline.changedSince(since, (target, version) => seen.push({ ...writeOf(target), version }) > 0);
    const later = commits.filter(({ version }) => version > since);
    const changes = later.flatMap(({ version, writes }) => writes.map((write) => ({ ...write, version })));
    expect(seen).toEqual(changes);
    expect(timeline.writesSince(since)).toBe(changes.length);
  }
}

function writeOf(target: WriteTarget): object {
  return target instanceof VersionChain
    ? { space: target.table.space.name, primitive: target.table.primitive, key: target.key }
    : { space: target.space.name, primitive: "event", key: "" };
}
