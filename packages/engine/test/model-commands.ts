import { StrataError, type Value } from "@strata/core";
import type { PowerLoss } from "@strata/durability/testing";
import { Box } from "@strata/storage";
import fc from "fast-check";
import { expect } from "vitest";
import type { Database } from "../src/index.js";
import { Command, mayBeTrimmed, noting } from "./model-subject.js";
import type { NaiveModel, PastState, RunModel, SpaceModel } from "./naive-model.js";
import type { Operation } from "./operations.js";
import { observeSpace, storesOf, visible } from "./stores.js";

const FORKS = ["fork-a", "fork-b", "fork-c"];
/** A run that came as a bundle. */
export const COPY = "copy";
export const RUN_NAMES: readonly string[] = ["default", "second", ...FORKS, COPY];
const SPACES = ["default", "other"];
const TAGS = ["v1", "v2"];
/** All that `OPERATIONS` writes. */
const CELLS = ["lock", "phase"];

const place = fc.record({ run: fc.constantFrom(...RUN_NAMES), space: fc.constantFrom(...SPACES) });

/** One call, a commit of its own if it writes. */
export function single(operations: fc.Arbitrary<Operation>): fc.Arbitrary<Command> {
  return fc.tuple(place, operations).map(
    ([{ run, space }, operation]) =>
      new Command(`${run}/${space} ${operation.name}`, (model, subject) => {
        if (!model.runs.has(run)) return;
        const stores = storesOf(subject.db.head(subject.db.runs.must(run), space));
        const exists = model.runs.get(run)?.has(space) === true;
        noting(model, subject, run, false, () => {
          const version = subject.db.coordinator.currentVersion();
          const actual = operation.onStores(stores);
          const wrote = subject.db.coordinator.currentVersion() > version;
          const expected = model.attempt(
            () => operation.onModel(model.space(run, space)),
            () => wrote || exists,
          );
          if (operation.isOpaque !== true) expect(actual).toEqual(expected);
        });
      }),
  );
}

/** Several calls in one commit. */
export function transaction(operations: fc.Arbitrary<Operation>): fc.Arbitrary<Command> {
  const steps = fc.array(fc.tuple(fc.constantFrom(...SPACES), operations), { minLength: 1, maxLength: 6 });
  return fc.tuple(fc.constantFrom(...RUN_NAMES), steps, fc.boolean(), fc.boolean()).map(
    ([run, steps, isStrict, rollsBack]) =>
      new Command(
        `${run} ${rollsBack ? "rolled back" : isStrict ? "strict" : "buffered"} {${steps.map(([space, { name }]) => `${space} ${name}`).join("; ")}}`,
        (model, subject) => {
          if (!model.runs.has(run)) return;
          const { db } = subject;
          noting(model, subject, run, isStrict, () => {
            const open = db.beginTransaction(run, isStrict ? { durability: "strict" } : {});
            model.attempt(
              () => {
                for (const [space, operation] of steps) {
                  const actual = operation.onStores(storesOf(open.scope(space)));
                  const expected = operation.onModel(model.space(run, space));
                  if (operation.isOpaque !== true) expect(actual).toEqual(expected);
                }
              },
              () => {
                if (rollsBack) open.rollback();
                else open.commit();
                // A space that was only read did not come into being.
                for (const [name] of model.runs.get(run) as RunModel)
                  if (!db.spaces(db.runs.must(run)).exists(name)) (model.runs.get(run) as RunModel).delete(name);
                return !rollsBack;
              },
            );
          });
        },
      ),
  );
}

const createRun = new Command("runs.create(second)", (model, subject) => {
  if (model.runs.has("second")) return;
  noting(model, subject, "second", false, () => {
    subject.db.runs.create("second");
    model.createRun("second");
  });
});

const deleteRun = fc.constantFrom("second", ...FORKS, COPY).map(
  (name) =>
    new Command(`runs.delete(${name})`, (model, subject) => {
      if (!model.runs.has(name)) return;
      noting(model, subject, name, false, () => {
        subject.db.runs.delete(name);
        model.deleteRun(name);
      });
    }),
);

const fork = fc.tuple(fc.constantFrom(...RUN_NAMES), fc.constantFrom(...FORKS)).map(
  ([source, name]) =>
    new Command(`runs.fork(${source}, ${name})`, (model, subject) => {
      if (!model.runs.has(source) || model.runs.has(name)) return;
      noting(model, subject, name, false, () => {
        subject.db.fork(subject.db.runs.must(source), [name]);
        model.runs.set(name, structuredClone(model.runs.get(source) as RunModel));
      });
    }),
);

/** Of the past: a commit of a run that is still the same one. */
const forkOfPast = fc.tuple(fc.nat(1000), fc.constantFrom(...FORKS)).map(
  ([pick, name]) =>
    new Command(`fork of the past ${pick} as ${name}`, (model, subject) => {
      const then = model.past[pick % Math.max(1, model.past.length)];
      if (then === undefined || model.runs.has(name) || !model.runs.has(then.run)) return;
      const source = subject.db.runs.must(then.run);
      const state = then.runs.get(then.run);
      if (then.version < source.number || state === undefined) return;
      noting(model, subject, name, false, () => {
        try {
          subject.db.fork(source, [name], { version: then.version });
        } catch (error) {
          if (mayBeTrimmed(model, source) && StrataError.is(error, "HISTORY_TRIMMED")) return;
          throw error;
        }
        model.runs.set(name, structuredClone(state));
      });
    }),
);

const deleteSpace = fc.constantFrom(...RUN_NAMES).map(
  (run) =>
    new Command(`${run} spaces.delete(other)`, (model, subject) => {
      const spaces = model.runs.get(run);
      if (spaces === undefined) return;
      noting(model, subject, run, false, () => {
        const deleted = subject.db.spaces(subject.db.runs.must(run)).delete("other", { force: true });
        expect(deleted).toBe(spaces.delete("other"));
      });
    }),
);

const reopen = new Command("close and reopen", (model, subject) => {
  subject.db.close();
  subject.reopen(subject.vfs);
  model.durable = model.past.length;
});

const kill = new Command("kill", (_, subject) => subject.reopen(subject.vfs.afterKill()));

export const loss: fc.Arbitrary<PowerLoss> = fc.oneof(
  fc.constantFrom<PowerLoss>({ model: "posix", keep: "none" }, { model: "posix", keep: "all" }),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "posix", seed })),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "perFile", seed })),
  fc.nat(20).map((kept): PowerLoss => ({ model: "ordered", kept, tornBytes: 9 })),
);

/** What was lost of the newest commits is told by the newest that is left. */
export function truncateToWhatIsLeft(model: NaiveModel, { runs }: Database): void {
  const { past } = model;
  const newest = Math.max(runs.system.version, ...runs.list().map((name) => runs.must(name).shard.lastVersion));
  // When not even the default run was left, there is another one.
  const beganAnew = past.length > 0 && runs.must("default").number > (past[0] as PastState).version;
  const left = beganAnew ? 0 : past.findLastIndex(({ version }) => version <= newest) + 1;
  expect(left, "durable commits are missing").toBeGreaterThanOrEqual(model.durable);
  if (left > 0) expect((past[left - 1] as PastState).version).toBe(newest);
  model.truncate(left);
}

const powerFailure = loss.map(
  (choice) =>
    new Command(`power failure ${JSON.stringify(choice)}`, (model, subject) => {
      subject.reopen(subject.vfs.afterPowerLoss(choice));
      truncateToWhatIsLeft(model, subject.db);
    }),
);

const checkpoint = new Command("checkpoint", async (model, subject) => {
  await subject.wait(subject.db.checkpoint());
  model.durable = model.past.length;
});

const beginCheckpoint = new Command("begin a checkpoint", (model, subject) => subject.beginCheckpoint(model));

const checkpointAndPowerFailure = fc.tuple(fc.nat(40), loss, fc.boolean()).map(
  ([calls, choice, isTorn]) =>
    new Command(`power failure ${calls} calls into a checkpoint ${JSON.stringify(choice)}`, async (model, subject) => {
      const left = await subject.diskWithin(() => subject.db.checkpoint(), calls, isTorn);
      subject.reopen(left.afterPowerLoss(choice));
      truncateToWhatIsLeft(model, subject.db);
    }),
);

const shutdown = new Command("shut down and reopen", async (model, subject) => {
  await subject.wait(subject.db.shutdown());
  subject.reopen(subject.vfs);
  model.durable = model.past.length;
});

const evict = new Command("evict everything", (_, { db }) => {
  for (const shard of [...db.storage.loaded(), ...db.runs.live.departed()]) shard.evict();
});

const tag = fc.tuple(fc.constantFrom(...RUN_NAMES), fc.constantFrom(...TAGS)).map(
  ([run, name]) =>
    new Command(`tag ${run} as ${name}`, (model, subject) => {
      const spaces = model.runs.get(run);
      if (spaces === undefined || model.tags.get(run)?.has(name) === true) return;
      const { db } = subject;
      noting(model, subject, run, false, () => {
        db.history.tag(db.runs.must(run), undefined, name);
        model.tag(run, name, { version: db.runs.must(run).version, spaces: structuredClone(spaces) });
      });
    }),
);

const untag = fc.tuple(fc.constantFrom(...RUN_NAMES), fc.constantFrom(...TAGS)).map(
  ([run, name]) =>
    new Command(`untag ${name} of ${run}`, (model, subject) => {
      if (!model.runs.has(run)) return;
      const { db } = subject;
      noting(model, subject, run, false, () => {
        expect(db.history.untag(db.runs.must(run), name)).toBe(model.untag(run, name));
      });
    }),
);

const lookAtTag = fc.constantFrom(...RUN_NAMES).chain((run) =>
  fc.constantFrom(...TAGS).map(
    (name) =>
      new Command(`look at tag ${name} of ${run}`, (model, { db }) => {
        const spaces = model.tags.get(run)?.get(name)?.spaces;
        if (spaces !== undefined) expectToShow(model, db, run, { tag: name }, spaces);
      }),
  ),
);

/** What a merge has to give is for the test of merges to know: here, it has to last. */
const merge = fc.tuple(fc.constantFrom(...RUN_NAMES), fc.constantFrom(...RUN_NAMES)).map(
  ([source, target]) =>
    new Command(`merge ${source} into ${target}`, (model, subject) => {
      if (source === target || !model.runs.has(source) || !model.runs.has(target)) return;
      const { db } = subject;
      noting(model, subject, target, false, () => {
        try {
          db.algebra.merge(source, target, { strategy: "theirs" });
        } catch (error) {
          if (StrataError.is(error, "CONSTRAINT_VIOLATION")) return;
          throw error;
        }
        model.runs.set(target, wholeRun(db, target));
      });
    }),
);

/** Everything that a run holds, with what does not show: counters of cells that were deleted. */
function wholeRun(db: Database, name: string): RunModel {
  const run = db.runs.must(name);
  const spaces: RunModel = new Map();
  for (const space of db.spaces(run).list()) {
    const shown = observeSpace(db.head(run, space));
    for (const cell of CELLS) {
      const stored = run.shard.table(space, "state")?.head(cell);
      if (stored instanceof Box) shown.cells.set(cell, { value: stored.value as Value, counter: stored.counter });
    }
    spaces.set(space, shown);
  }
  return spaces;
}

/** What a run showed at a point; where retention took some of it, that is said instead. */
export function expectToShow(
  model: NaiveModel,
  db: Database,
  name: string,
  point: { version: number } | { tag: string },
  spaces: RunModel,
): void {
  const run = db.runs.must(name);
  for (const [space, expected] of visible(new Map([[name, spaces]])).get(name) as RunModel) {
    let shown: SpaceModel;
    try {
      const view = db.at(run, space, point);
      shown = observeSpace(view);
      view.dispose();
    } catch (error) {
      if ("version" in point && mayBeTrimmed(model, run) && StrataError.is(error, "HISTORY_TRIMMED")) continue;
      throw error;
    }
    expect(shown).toEqual(expected);
  }
}

const lookBack = fc.nat(1000).map(
  (pick) =>
    new Command(`look back ${pick}`, (model, { db }) => {
      const then = model.past[pick % Math.max(1, model.past.length)];
      if (then === undefined || !model.runs.has(then.run)) return;
      // The run may be another one by now, under the same name.
      const spaces = then.version < db.runs.must(then.run).number ? undefined : then.runs.get(then.run);
      if (spaces !== undefined) expectToShow(model, db, then.run, { version: then.version }, spaces);
    }),
);

const replay = new Command("replay every run", (model, subject) => subject.expectReplaysToAgree(model));

/** What is done to a database beside what is written to it. */
export const DISTURBANCES: readonly fc.Arbitrary<Command>[] = [
  fc.constant(createRun),
  deleteRun,
  fork,
  fork,
  forkOfPast,
  deleteSpace,
  tag,
  untag,
  lookAtTag,
  merge,
  fc.constant(reopen),
  fc.constant(kill),
  powerFailure,
  fc.constant(checkpoint),
  fc.constant(beginCheckpoint),
  checkpointAndPowerFailure,
  fc.constant(shutdown),
  fc.constant(evict),
  lookBack,
  fc.constant(replay),
];
