import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../../test/operations.js";
import { type RunState, stateOf } from "../../test/run-state.js";
import { storesOf } from "../../test/stores.js";
import { Database, type DiffEntry, type RunDiff } from "../index.js";

/** Something that happens to one of the runs there are. */
interface Step {
  readonly run: number;
  readonly space: string;
  readonly what: "operate" | "drop" | "fork";
  readonly operation: Operation;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    run: fc.nat(5),
    space: fc.constantFrom("default", "lab"),
    what: fc.constantFrom("operate", "operate", "operate", "operate", "operate", "operate", "drop", "fork"),
    operation: OPERATIONS["all together"] as fc.Arbitrary<Operation>,
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

/** A database after the steps, and every point that was ever its newest. */
function play(steps: readonly Step[]): { readonly db: Database; readonly points: { run: string; version: number }[] } {
  const db = Database.ephemeral();
  const names = ["default"];
  const points: { run: string; version: number }[] = [];
  for (const { run: at, space, what, operation } of steps) {
    const name = names[at % names.length] as string;
    const run = db.runs.must(name);
    points.push({ run: name, version: run.version });
    if (what === "fork") db.fork(run, [`fork${names.push(`fork${names.length}`) - 1}`]);
    else if (what === "drop" && space !== "default") db.spaces(run).delete(space, { force: true });
    else operation.onStores(storesOf(db.head(run, space)));
  }
  for (const name of names) points.push({ run: name, version: db.runs.must(name).version });
  return { db, points };
}

const nameOf = ({ ref }: DiffEntry) => {
  const key = ref.primitive === "vector" ? `${ref.collection}/${ref.key}` : "key" in ref ? ref.key : ref.sequence;
  return JSON.stringify([ref.space, ref.primitive, key]);
};

/** `state` with the diff made to it; events keep no hash, for a diff has none. */
function applied(state: RunState, diff: RunDiff): RunState {
  const after = new Map([...state].map(([name, value]) => [name, plain(name, value)]));
  for (const entry of diff.removed) {
    expect(after.get(nameOf(entry)), nameOf(entry)).toEqual(entry.before);
    after.delete(nameOf(entry));
  }
  for (const entry of diff.added) {
    expect(after.has(nameOf(entry)), nameOf(entry)).toBe(false);
    after.set(nameOf(entry), entry.after);
  }
  for (const entry of diff.modified) {
    expect(after.get(nameOf(entry)), nameOf(entry)).toEqual(entry.before);
    after.set(nameOf(entry), entry.after);
  }
  return after;
}

const plain = (name: string, value: unknown) =>
  (JSON.parse(name) as string[])[1] === "event" ? (value as { payload: unknown }).payload : value;

describe("for any history of runs and forks", () => {
  test("a diff applied to one point gives the other", () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.nat(), (steps, i, j) => {
        const { db, points } = play(steps);
        const [a, b] = [points[i % points.length], points[j % points.length]] as [
          { run: string; version: number },
          { run: string; version: number },
        ];
        const [runA, runB] = [db.runs.must(a.run), db.runs.must(b.run)];
        const diff = db.algebra.diff({ run: a.run, at: a }, { run: b.run, at: b });
        const expected = new Map([...stateOf(db, runB, b.version)].map(([name, value]) => [name, plain(name, value)]));
        expect(applied(stateOf(db, runA, a.version), diff)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("it has nothing that is the same on both sides, and the other way round it is mirrored", () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.nat(), (steps, i, j) => {
        const { db, points } = play(steps);
        const [a, b] = [points[i % points.length], points[j % points.length]] as [
          { run: string; version: number },
          { run: string; version: number },
        ];
        const diff = db.algebra.diff({ run: a.run, at: a }, { run: b.run, at: b });
        const back = db.algebra.diff({ run: b.run, at: b }, { run: a.run, at: a });
        const turned = (entries: readonly DiffEntry[]) =>
          entries.map((entry) => [
            nameOf(entry),
            entry.after,
            entry.before,
            entry.paths?.map(({ path, before, after }) => [path, after, before]),
          ]);
        const straight = (entries: readonly DiffEntry[]) =>
          entries.map((entry) => [
            nameOf(entry),
            entry.before,
            entry.after,
            entry.paths?.map(({ path, before, after }) => [path, before, after]),
          ]);
        expect([turned(back.removed), turned(back.added), turned(back.modified)]).toEqual([
          straight(diff.added),
          straight(diff.removed),
          straight(diff.modified),
        ]);
        const [before, after] = [
          stateOf(db, db.runs.must(a.run), a.version),
          stateOf(db, db.runs.must(b.run), b.version),
        ];
        for (const entry of diff.modified) expect(before.get(nameOf(entry))).not.toEqual(after.get(nameOf(entry)));
      }),
      { numRuns: 200 },
    );
  });
});
