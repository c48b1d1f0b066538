import { CrashVfs } from "@strata/durability/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, keepAll, keepLast } from "../src/index.js";
import { BundleHost } from "./bundle-host.js";
import { OPERATIONS, type Operation } from "./operations.js";
import { stateOf } from "./run-state.js";
import { openSimulated } from "./simulated-database.js";
import { storesOf } from "./stores.js";

/** Histories for each property. More for long runs: `STRATA_MODEL_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_MODEL_RUNS"] ?? 60);
const NAMES = ["default", "a", "b", "c"] as const;
const SPACES = ["default", "lab"] as const;
const ENDING = ["lab", "kit"] as const;

type Step = (db: Database) => void;

const name = fc.constantFrom(...NAMES);
const write: fc.Arbitrary<Step> = fc
  .tuple(name, fc.constantFrom(...SPACES), OPERATIONS["all together"] as fc.Arbitrary<Operation>)
  .map(([run, space, operation]) => (db) => {
    if (db.runs.exists(run)) operation.onStores(storesOf(db.head(db.runs.must(run), space)));
  });
const together: fc.Arbitrary<Step> = fc
  .tuple(name, fc.array(OPERATIONS["all together"] as fc.Arbitrary<Operation>, { maxLength: 5 }))
  .map(([run, operations]) => (db) => {
    if (!db.runs.exists(run)) return;
    const inBoth = (t: Parameters<Parameters<Database["transaction"]>[1]>[0]) => {
      for (const [i, operation] of operations.entries()) operation.onStores(storesOf(t.scope(SPACES[i % 2] as string)));
    };
    db.transaction(run, inBoth, { message: `${operations.length} steps` });
  });
const fork: fc.Arbitrary<Step> = fc.tuple(name, name, fc.nat(5)).map(([source, target, back]) => (db) => {
  if (!db.runs.exists(source) || db.runs.exists(target)) return;
  const run = db.runs.must(source);
  db.fork(run, [target], { version: Math.max(run.firstVersion, run.version - back) });
});
const merge: fc.Arbitrary<Step> = fc.tuple(name, name).map(([source, target]) => (db) => {
  if (source !== target && db.runs.exists(source) && db.runs.exists(target))
    db.algebra.merge(source, target, { strategy: "theirs" });
});
const space: fc.Arbitrary<Step> = fc
  .tuple(name, fc.constantFrom(...ENDING), fc.boolean())
  .map(([run, space, ends]) => (db) => {
    if (!db.runs.exists(run)) return;
    if (ends) db.spaces(db.runs.must(run)).delete(space, { force: true });
    else db.spaces(db.runs.must(run)).create(space);
  });
const tag: fc.Arbitrary<Step> = fc.tuple(name, fc.constantFrom("x", "y")).map(([run, label]) => (db) => {
  if (!db.runs.exists(run) || db.runs.must(run).tags.has(label)) return;
  db.history.tag(db.runs.must(run), undefined, label);
});
const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: write },
    { weight: 4, arbitrary: together },
    { weight: 3, arbitrary: fork },
    { weight: 1, arbitrary: merge },
    { weight: 2, arbitrary: space },
    { weight: 1, arbitrary: tag },
  ),
  { minLength: 20, maxLength: 80 },
);

/** Does what it can: a step that the database refuses is no step. */
function play(db: Database, steps: readonly Step[]): void {
  for (const step of steps) {
    try {
      step(db);
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error;
    }
  }
}

test("a run that is exported, imported and exported again gives the same bytes, and has the same digest, history included", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const source = new BundleHost();
      play(source.db, steps);
      for (const name of source.db.runs.list()) {
        const run = source.db.runs.must(name);
        const bytes = await source.exported(name);
        const target = new BundleHost();
        const as = name === "default" ? "copy" : name;
        const info = await target.bundles.import([bytes], { as });
        const copy = target.db.runs.must(as);
        expect(info).toMatchObject({ id: run.id, version: run.version, createdAt: run.createdAt });
        if (as === name) expect(await target.exported(as)).toEqual(bytes);
        const point = { version: run.version };
        const [before, after] = [source.db.at(run, "default", point), target.db.at(copy, "default", point)];
        expect(after.digest({ history: true })).toBe(before.digest({ history: true }));
        expect(after.digest()).toBe(before.digest());
        for (const { version } of source.db.history.commits(run))
          expect(stateOf(target.db, copy, version)).toEqual(stateOf(source.db, run, version));
        expect(
          [...target.db.history.commits(copy)].map(({ version, timestamp, message, previous, operations }) => [
            version,
            timestamp,
            message,
            previous,
            operations,
          ]),
        ).toEqual(
          [...source.db.history.commits(run)].map(({ version, timestamp, message, previous, operations }) => [
            version,
            timestamp,
            message,
            previous,
            operations,
          ]),
        );
        expect(target.db.history.tags(copy)).toEqual(source.db.history.tags(run));
      }
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test("its last state alone has the same digest, keeps the versions, and gives the same bytes again", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (steps, later) => {
      const source = new BundleHost();
      play(source.db, steps);
      for (const name of source.db.runs.list().filter((name) => name !== "default")) {
        const run = source.db.runs.must(name);
        const bytes = await source.exported(name, { history: false });
        const target = new BundleHost();
        await target.bundles.import([bytes]);
        const copy = target.db.runs.must(name);
        expect(await target.exported(name, { history: false })).toEqual(bytes);
        expect(await target.exported(name)).toEqual(bytes);
        const point = { version: run.version };
        expect(target.db.at(copy, "default", point).digest()).toBe(source.db.at(run, "default", point).digest());
        expect([...target.db.history.commits(copy)]).toEqual([]);
        // What is written later is history again, on top of that state.
        target.db.fork(
          copy,
          ["a", "b", "c"].filter((each) => !target.db.runs.exists(each)),
        );
        play(target.db, later);
        for (const each of target.db.runs.list().filter((each) => each !== "default")) {
          const again = new BundleHost();
          await again.bundles.import([await target.exported(each)]);
          expect(await again.exported(each)).toEqual(await target.exported(each));
        }
      }
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test("so it does from files into files, opened again in between", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, fc.boolean(), async (steps, later, history) => {
      const disk = new CrashVfs();
      let source = new BundleHost(openSimulated(disk).db);
      play(source.db, steps);
      await source.db.shutdown();
      source = new BundleHost(openSimulated(disk, { seed: 2 }).db);
      play(source.db, later);
      for (const name of source.db.runs.list().filter((name) => name !== "default")) {
        const bytes = await source.exported(name, { history });
        const other = new CrashVfs();
        let target = new BundleHost(openSimulated(other, { seed: 3 }).db);
        const info = await target.bundles.import([bytes]);
        expect(await target.exported(name)).toEqual(bytes);
        target.db.close();
        for (const seed of [4, 5]) {
          target = new BundleHost(openSimulated(other, { seed }).db);
          expect(target.db.runs.get(name)).toEqual(info);
          expect(await target.exported(name)).toEqual(bytes);
          await target.db.shutdown();
        }
      }
      source.db.close();
    }),
    { numRuns: Math.ceil(RUNS / 4) },
  );
}, 300_000);

const retention: fc.Arbitrary<Step> = fc.tuple(name, fc.nat(3)).map(([run, versions]) => (db) => {
  if (db.runs.exists(run)) db.runs.setRetention(run, versions === 0 ? keepAll() : keepLast(versions));
});

test("what retention dropped is missing at the beginning alone: from its first version on a bundle has all there was", async () => {
  const trimmedSteps = fc.array(
    fc.oneof({ weight: 8, arbitrary: steps }, { weight: 1, arbitrary: retention.map((step) => [step]) }),
    {
      minLength: 2,
      maxLength: 6,
    },
  );
  let trimmed = 0;
  await fc.assert(
    fc.asyncProperty(trimmedSteps, fc.boolean(), async (batches, inFiles) => {
      const disk = new CrashVfs();
      let source = inFiles ? new BundleHost(openSimulated(disk).db) : new BundleHost();
      for (const name of ["a", "b"]) source.db.fork(source.db.runs.must("default"), [name]);
      for (const [i, batch] of batches.entries()) {
        source.db.runs.setRetention("a", keepLast(1 + (i % 2)));
        play(source.db, batch);
        if (!inFiles) continue;
        if (i % 2 === 0) await source.db.checkpoint();
        else await source.db.shutdown();
        if (!source.db.isOpen) source = new BundleHost(openSimulated(disk, { seed: 2 + i }).db);
      }
      for (const name of source.db.runs.list().filter((name) => name !== "default")) {
        const run = source.db.runs.must(name);
        const bytes = await source.exported(name);
        const target = new BundleHost();
        await target.bundles.import([bytes]);
        const copy = target.db.runs.must(name);
        if (copy.row["past"] !== undefined && copy.past?.base !== 0) trimmed++;
        expect(await target.exported(name)).toEqual(bytes);
        const first = Math.max(copy.firstVersion, run.firstVersion);
        for (const { version } of source.db.history.commits(run))
          if (version >= first) expect(stateOf(target.db, copy, version)).toEqual(stateOf(source.db, run, version));
        const point = { version: run.version };
        expect(target.db.at(copy, "default", point).digest()).toBe(source.db.at(run, "default", point).digest());
      }
      if (inFiles) source.db.close();
    }),
    { numRuns: RUNS },
  );
  expect(trimmed).toBeGreaterThan(RUNS / 10);
}, 300_000);
