import { compareCodePoints, runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NaiveRun } from "../test/naive-store.js";
import type { KeyRange } from "./key-cursor.js";
import type { RunShard } from "./shard.js";
import { ShardedStore } from "./sharded-store.js";
import { Box, type Stored } from "./stored.js";
import type { TablePrimitive } from "./table.js";
import { Found } from "./version-chain.js";

// Runs, spaces, keys and events against arrays of versions and whole copies.

const SPACES = ["default", "a", "b"] as const;
const PRIMITIVES: readonly TablePrimitive[] = ["kv", "state"];
const TYPES = ["x", "y", "\u{1f600}", "\uffee"] as const;
const DEPTH_MAX = 8;

// Around the surrogates, `<` and code point order disagree.
const key = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom("a", "b", "c", "k"), minLength: 1, maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.string({
      unit: fc.constantFrom("a", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f600}"),
      minLength: 1,
      maxLength: 2,
    }),
  },
);
const stored: fc.Arbitrary<Stored | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(99) },
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.nat(9).map((counter) => new Box("boxed", 1, counter)) },
  { weight: 1, arbitrary: fc.nat(9).map((counter) => new Box(undefined, Number.POSITIVE_INFINITY, counter)) },
);
const place = { run: fc.nat(9), space: fc.constantFrom(...SPACES), primitive: fc.constantFrom(...PRIMITIVES) };
const range = fc.record({
  start: fc.option(key, { nil: undefined }),
  end: fc.option(key, { nil: undefined }),
  reverse: fc.boolean(),
});
/** How far behind the newest version to look: mostly not at all. */
const back = fc.oneof(fc.constant(0), fc.nat(12), fc.nat(200));

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("put"),
      ...place,
      writes: fc.array(fc.tuple(key, stored), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("append"),
      ...place,
      types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fork"), run: fc.nat(9), back }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop space"), ...place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop run"), run: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("scan"), ...place, range, back, stopAfter: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read"), ...place, key, back }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("count"), ...place }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

interface Pair {
  readonly real: RunShard;
  readonly naive: NaiveRun;
  readonly depth: number;
}

class World {
  readonly store = new ShardedStore();
  readonly runs: Pair[] = [];
  version: number;

  constructor(firstVersion: number) {
    this.version = firstVersion;
    this.runs.push({ real: this.store.create(runId(this.version++)), naive: new NaiveRun(), depth: 0 });
  }

  run(index: number): Pair {
    return this.runs[index % this.runs.length]!;
  }

  asOf(pair: Pair, back: number): number {
    return back === 0 ? Number.POSITIVE_INFINITY : Math.max(0, pair.real.lastVersion - back);
  }

  execute(command: Command): void {
    const pair = this.run(command.run);
    const { real, naive } = pair;
    switch (command.kind) {
      case "put": {
        const version = this.version++;
        real.registerSpace(command.space, version);
        naive.register(command.space, version);
        for (const [key, value] of command.writes) {
          const chain = real.table(command.space, command.primitive)!.put(key, value, version);
          expect(chain).toMatchObject({ key, version });
          naive.table(command.space, command.primitive, version)!.put(key, value, version);
        }
        real.lastVersion = version;
        return;
      }
      case "append": {
        const version = this.version++;
        real.registerSpace(command.space, version);
        naive.register(command.space, version);
        const events = naive.spaceAt(command.space, version)!.events;
        for (const type of command.types) {
          const record = new Uint8Array([events.length, version % 256]);
          expect(real.events(command.space)!.append(version, type, record)).toBe(events.length);
          events.push({ version, type, record: record.slice() });
          record.fill(255);
        }
        real.lastVersion = version;
        return;
      }
      case "fork": {
        if (pair.depth === DEPTH_MAX) return;
        const at = Math.max(0, real.lastVersion - command.back);
        const fork = this.store.create(runId(this.version++), real, at);
        this.runs.push({ real: fork, naive: naive.forkedAt(at), depth: pair.depth + 1 });
        return;
      }
      case "drop space": {
        if (command.space === "default") return;
        const version = this.version++;
        expect(real.dropSpace(command.space, version)).toBe(naive.drop(command.space, version));
        real.lastVersion = version;
        return;
      }
      case "drop run": {
        if (this.runs.length === 1) return;
        expect(this.store.drop(real.id)).toBe(true);
        this.runs.splice(command.run % this.runs.length, 1);
        return;
      }
      case "scan":
        expectSameScan(
          pair,
          command.space,
          command.primitive,
          command.range,
          this.asOf(pair, command.back),
          command.stopAfter,
        );
        return;
      case "read":
        expectSameReads(pair, command.space, command.primitive, command.key, this.asOf(pair, command.back));
        return;
      case "count": {
        const everything = { start: undefined, end: undefined, reverse: false };
        const naiveTable = naive.table(command.space, command.primitive, Number.POSITIVE_INFINITY);
        expect(real.table(command.space, command.primitive)?.liveCount()).toBe(
          naiveTable?.scan(everything, Number.POSITIVE_INFINITY).length,
        );
      }
    }
  }
}

function expectSameScan(
  { real, naive }: Pair,
  space: string,
  primitive: TablePrimitive,
  range: KeyRange,
  asOf: number,
  stopAfter: number,
): void {
  const seen: [string, Stored, number][] = [];
  const limit = stopAfter === 0 ? Number.POSITIVE_INFINITY : stopAfter;
  real.tableAt(space, primitive, asOf)?.scan(range, asOf, (key, value, version) => {
    seen.push([key, value, version]);
    return seen.length < limit;
  });
  expect(seen).toEqual((naive.table(space, primitive, asOf)?.scan(range, asOf) ?? []).slice(0, limit));
}

function expectSameReads(
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

function expectSameEvents({ real, naive }: Pair, space: string, asOf: number): void {
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

test("runs, forks, spaces, keys and events are what arrays of versions say", () => {
  const firstVersion = fc.constantFrom(1, 2 ** 31 - 20, 2 ** 40);
  fc.assert(
    fc.property(firstVersion, fc.array(command, { maxLength: 80, size: "max" }), (first, commands) => {
      const world = new World(first);
      const keys = new Set<string>();
      for (const command of commands) {
        if (command.kind === "put") for (const [key] of command.writes) keys.add(key);
        world.execute(command);
      }
      const everything = { start: undefined, end: undefined, reverse: false };
      for (const pair of world.runs) {
        for (const asOf of [
          Number.POSITIVE_INFINITY,
          pair.real.lastVersion,
          first + Math.floor((world.version - first) / 2),
          first,
        ]) {
          expect(pair.real.spaces(asOf)).toEqual(pair.naive.names(asOf));
          for (const space of SPACES) {
            expect(pair.real.hasSpace(space, asOf)).toBe(pair.naive.spaceAt(space, asOf) !== undefined);
            expectSameEvents(pair, space, asOf);
            for (const primitive of PRIMITIVES) {
              expectSameScan(pair, space, primitive, everything, asOf, 0);
              const everyKey = pair.real.tableAt(space, primitive, asOf)?.everyKey(asOf) ?? [];
              const oracle = pair.naive.table(space, primitive, asOf);
              expect(everyKey).toEqual(
                [...keys].sort(compareCodePoints).filter((key) => oracle?.find(key, asOf) !== undefined),
              );
              for (const key of keys) expectSameReads(pair, space, primitive, key, asOf);
            }
          }
        }
      }
    }),
    { numRuns: 60 },
  );
}, 600_000);
