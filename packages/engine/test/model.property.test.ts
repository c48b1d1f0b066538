import { isDeepStrictEqual } from "node:util";
import { CrashVfs, type PowerLoss } from "@strata/durability/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { NaiveModel, type RunModel } from "./naive-model.js";
import { OPERATIONS, type Operation } from "./operations.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";
import { observe, observeSpace, storesOf, visible } from "./stores.js";

/** Sequences for each model. More for long runs: `STRATA_MODEL_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_MODEL_RUNS"] ?? 200);
const COMMANDS_MAX = 60;

const FORKS = ["fork-a", "fork-b"];
const RUN_NAMES = ["default", "second", ...FORKS];
const SPACES = ["default", "other"];

/** The database under test, on a disk that can fail. */
class Subject {
  vfs = new CrashVfs();
  opened: SimulatedDatabase = openSimulated(this.vfs);

  get db(): Database {
    return this.opened.db;
  }

  reopen(vfs: CrashVfs): void {
    this.vfs = vfs;
    this.opened = openSimulated(vfs);
  }
}

type Act = (model: NaiveModel, subject: Subject) => void;

/** A command by name: what it does, and after it model and database must show the same. */
class Command implements fc.Command<NaiveModel, Subject> {
  readonly #name: string;
  readonly #act: Act;

  constructor(name: string, act: Act) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  run(model: NaiveModel, subject: Subject): void {
    this.#act(model, subject);
    subject.opened.time.advance(3);
    expect(observe(subject.db)).toEqual(visible(model.runs));
  }

  toString(): string {
    return this.#name;
  }
}

const place = fc.record({ run: fc.constantFrom(...RUN_NAMES), space: fc.constantFrom(...SPACES) });

/** Notes the commit that `work` made, if it made one. */
function noting<T>(model: NaiveModel, subject: Subject, run: string, isStrict: boolean, work: () => T): T {
  const before = subject.db.coordinator.currentVersion();
  const result = work();
  if (subject.db.coordinator.currentVersion() > before)
    model.committed(run, subject.db.coordinator.currentVersion(), isStrict);
  return result;
}

function single(operations: fc.Arbitrary<Operation>): fc.Arbitrary<Command> {
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

function transaction(operations: fc.Arbitrary<Operation>): fc.Arbitrary<Command> {
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

const deleteRun = fc.constantFrom("second", ...FORKS).map(
  (name) =>
    new Command(`runs.delete(${name})`, (model, subject) => {
      if (!model.runs.has(name)) return;
      noting(model, subject, name, false, () => {
        subject.db.runs.delete(name);
        model.runs.delete(name);
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
        subject.db.fork(source, [name], { version: then.version });
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

const loss: fc.Arbitrary<PowerLoss> = fc.oneof(
  fc.constantFrom<PowerLoss>({ model: "posix", keep: "none" }, { model: "posix", keep: "all" }),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "posix", seed })),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "perFile", seed })),
  fc.nat(20).map((kept): PowerLoss => ({ model: "ordered", kept, tornBytes: 9 })),
);

const powerFailure = loss.map(
  (choice) =>
    new Command(`power failure ${JSON.stringify(choice)}`, (model, subject) => {
      subject.reopen(subject.vfs.afterPowerLoss(choice));
      const shown = observe(subject.db);
      const { past } = model;
      // The newest prefix that shows the same: a suffix of commits that changed nothing visible cannot be told from its loss.
      let count = past.length;
      while (
        count > model.durable &&
        !isDeepStrictEqual(shown, visible((past[count - 1] as (typeof past)[number]).runs))
      )
        count--;
      model.truncate(count);
    }),
);

const lookBack = fc.nat(1000).map(
  (pick) =>
    new Command(`look back ${pick}`, (model, subject) => {
      const then = model.past[pick % Math.max(1, model.past.length)];
      if (then === undefined || !model.runs.has(then.run)) return;
      const run = subject.db.runs.must(then.run);
      // The run may be another one by now, under the same name.
      const spaces = then.version < run.number ? undefined : visible(then.runs).get(then.run);
      for (const [space, expected] of spaces ?? []) {
        const view = subject.db.at(run, space, { version: then.version });
        expect(observeSpace(view)).toEqual(expected);
        view.dispose();
      }
    }),
);

const replay = new Command("replay every run", (_, subject) => expectReplaysToAgree(subject.db));

const disturbances: fc.Arbitrary<Command>[] = [
  fc.constant(createRun),
  deleteRun,
  fork,
  fork,
  forkOfPast,
  deleteSpace,
  fc.constant(reopen),
  fc.constant(kill),
  powerFailure,
  lookBack,
  fc.constant(replay),
];

describe("a database shows what a naive model shows, whatever happens to it", () => {
  test.each(Object.entries(OPERATIONS))(
    "with %s",
    (_, operations) => {
      const weighted = fc.oneof(
        { weight: 6, arbitrary: single(operations) },
        { weight: 4, arbitrary: transaction(operations) },
        ...disturbances.map((arbitrary) => ({ weight: 1, arbitrary })),
      );
      fc.assert(
        fc.property(fc.commands([weighted], { maxCommands: COMMANDS_MAX }), (commands) => {
          const real = new Subject();
          fc.modelRun(() => ({ model: new NaiveModel(), real }), commands);
          expectReplaysToAgree(real.db);
        }),
        { numRuns: RUNS },
      );
    },
    120_000,
  );
});
