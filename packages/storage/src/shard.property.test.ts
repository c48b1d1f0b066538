import { compareCodePoints } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  expectSameCommits,
  expectSameCount,
  expectSameEvents,
  expectSameReads,
  expectSameScan,
  type Operation,
  type Pair,
  TYPES,
  World,
} from "../test/shard-world.js";
import { EVERYTHING } from "./key-cursor.js";
import { Box, type Stored } from "./stored.js";
import type { TablePrimitive } from "./table.js";

// Runs, spaces, keys, events and commits against arrays of versions and whole copies; with files under them that take over what memory
// has, memory that is emptied, and stores that begin anew from files and a log.

const SPACES = ["default", "a", "b"] as const;
const PRIMITIVES: readonly TablePrimitive[] = ["kv", "state"];

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
const writes = fc.array(fc.tuple(key, stored), { minLength: 1, maxLength: 4 });

const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("put"), ...place, writes }) },
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
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("scan"),
      ...place,
      range,
      back,
      stopAfter: fc.nat(20),
      meanwhile: fc.constantFrom("nothing", "nothing", "put", "read", "checkpoint", "evict"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read"), ...place, key, back }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("count"), ...place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("checkpoint"),
      ...place,
      back,
      counts: fc.boolean(),
      meanwhile: fc.constantFrom("none", "nothing", "put", "evict"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("evict"), run: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen"), run: fc.constant(0), counts: fc.boolean() }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

function asOfIn(pair: Pair, back: number): number {
  return back === 0 ? Number.POSITIVE_INFINITY : Math.max(0, pair.real.lastVersion - back);
}

function execute(world: World, command: Command): void {
  const pair = world.run(command.run);
  switch (command.kind) {
    case "put": {
      const { space, primitive } = command;
      world.commit(
        pair,
        command.writes.map(([key, stored]): Operation => ({ kind: "put", space, primitive, key, stored })),
      );
      return;
    }
    case "append": {
      const { space, types } = command;
      const first = pair.naive.spaceAt(space, Number.POSITIVE_INFINITY)?.events.length ?? 0;
      world.commit(
        pair,
        types.map((type, index): Operation => {
          return { kind: "append", space, type, record: new Uint8Array([first + index, world.version % 256]) };
        }),
      );
      return;
    }
    case "fork":
      world.fork(pair, command.back);
      return;
    case "drop space":
      if (command.space !== "default") world.commit(pair, [{ kind: "drop", space: command.space }]);
      return;
    case "drop run":
      world.drop(pair);
      return;
    case "scan": {
      const { space, primitive, range, stopAfter, meanwhile } = command;
      const disturb = (key: string): void => {
        if (meanwhile === "put") {
          world.commit(pair, [
            { kind: "put", space, primitive, key, stored: undefined },
            { kind: "put", space, primitive, key: `${key}k`, stored: 1 },
          ]);
        }
        if (meanwhile === "read") expectSameReads(pair, space, primitive, `${key}k`, Number.POSITIVE_INFINITY);
        if (meanwhile === "checkpoint" || meanwhile === "evict") world.checkpoint(pair, 0, true);
        if (meanwhile === "evict") pair.real.evict();
      };
      expectSameScan(pair, space, primitive, range, asOfIn(pair, command.back), stopAfter, disturb);
      return;
    }
    case "read":
      expectSameReads(pair, command.space, command.primitive, command.key, asOfIn(pair, command.back));
      return;
    case "count":
      expectSameCount(pair, command.space, command.primitive);
      return;
    case "checkpoint": {
      const { space, primitive, meanwhile } = command;
      const between = () => {
        if (meanwhile === "put") {
          const key = [...world.keys].at(world.version % world.keys.size) ?? "a";
          world.commit(pair, [{ kind: "put", space, primitive, key, stored: world.version % 3 === 0 ? undefined : 1 }]);
          expectSameReads(pair, space, primitive, key, Number.POSITIVE_INFINITY);
        }
        if (meanwhile === "evict") pair.real.evict();
        expectSameScan(pair, space, primitive, EVERYTHING, asOfIn(pair, command.back), 0);
      };
      world.checkpoint(pair, command.back, command.counts, meanwhile === "none" ? undefined : between);
      return;
    }
    case "evict":
      pair.real.evict();
      return;
    case "reopen":
      world.reopen(command.counts);
  }
}

function expectSameRun(pair: Pair, keys: ReadonlySet<string>, asOf: number): void {
  const { real, naive } = pair;
  expect(real.spaces(asOf)).toEqual(naive.names(asOf));
  for (const space of SPACES) {
    expect(real.hasSpace(space, asOf)).toBe(naive.spaceAt(space, asOf) !== undefined);
    expectSameEvents(pair, space, asOf);
    for (const primitive of PRIMITIVES) {
      expectSameScan(pair, space, primitive, EVERYTHING, asOf, 0);
      const everyKey = real.tableAt(space, primitive, asOf)?.everyKey(asOf) ?? [];
      const oracle = naive.table(space, primitive, asOf);
      expect(everyKey).toEqual(
        [...keys].sort(compareCodePoints).filter((key) => oracle?.find(key, asOf) !== undefined),
      );
      for (const key of keys) expectSameReads(pair, space, primitive, key, asOf);
    }
  }
}

test("runs, forks, spaces, keys, events and commits are what arrays of versions say, wherever their data lies", () => {
  const firstVersion = fc.constantFrom(1, 2 ** 31 - 20, 2 ** 40);
  fc.assert(
    fc.property(firstVersion, fc.array(command, { maxLength: 80, size: "max" }), (first, commands) => {
      const world = new World(first);
      for (const command of commands) execute(world, command);
      const middle = first + Math.floor((world.version - first) / 2);
      for (const pair of world.runs) {
        for (const asOf of [Number.POSITIVE_INFINITY, pair.real.lastVersion, middle, first]) {
          expectSameRun(pair, world.keys, asOf);
        }
        expectSameCommits(pair);
      }
    }),
    { numRuns: 60 },
  );
}, 600_000);
