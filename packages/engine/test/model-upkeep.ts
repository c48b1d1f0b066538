/**
 * Commands that move runs and make files smaller: nothing that a run shows may change by them, and what retention takes is said to be gone.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { type Database, keepAll, keepLast, type Run } from "../src/index.js";
import { joined } from "./bundle-host.js";
import { digestsOf } from "./dump.js";
import { COPY, loss, RUN_NAMES, truncateToWhatIsLeft } from "./model-commands.js";
import { Command, mayBeTrimmed, noting, type Subject } from "./model-subject.js";
import type { NaiveModel, TagModel } from "./naive-model.js";

const setRetention = fc.tuple(fc.constantFrom("default", "second"), fc.constantFrom(undefined, 1, 1, 2)).map(
  ([name, entries]) =>
    new Command(`${name} keeps ${entries === undefined ? "everything" : `the last ${entries}`}`, (model, subject) => {
      if (!model.runs.has(name)) return;
      const { db } = subject;
      noting(model, subject, name, false, () => {
        db.runs.setRetention(name, entries === undefined ? keepAll() : keepLast(entries));
        if (entries !== undefined) model.trimming.add(db.runs.must(name).number);
      });
    }),
);

/** Runs of which nothing may be lost, history included. */
function wholeHistories(model: NaiveModel, db: Database): string[] {
  return digestsOf(db).filter((line) => !mayBeTrimmed(model, db.runs.must(line.split(" ", 1)[0] as string)));
}

const compact = fc.tuple(fc.boolean(), fc.constantFrom(...RUN_NAMES)).map(
  ([erase, viewed]) =>
    new Command(`compact${erase ? " and erase" : ""}, with a view of ${viewed}`, async (model, subject) => {
      const { db } = subject;
      const before = wholeHistories(model, db);
      const view = model.runs.has(viewed) ? db.at(db.runs.must(viewed)) : undefined;
      const seen = view?.digest();
      await subject.wait(db.compact({ erase }));
      model.durable = model.past.length;
      expect(wholeHistories(model, db)).toEqual(before);
      expect(view?.digest()).toEqual(seen);
      view?.dispose();
      expect(await subject.wait(db.verify())).toEqual({ ok: true, problems: [] });
    }),
);

const compactAndPowerFailure = fc.tuple(fc.boolean(), fc.nat(80), loss, fc.boolean()).map(
  ([erase, calls, choice, isTorn]) =>
    new Command(
      `power failure ${calls} calls into compact${erase ? " and erase" : ""} ${JSON.stringify(choice)}`,
      async (model, subject) => {
        const left = await subject.diskWithin(() => subject.db.compact({ erase }), calls, isTorn);
        subject.reopen(left.afterPowerLoss(choice));
        truncateToWhatIsLeft(model, subject.db);
      },
    ),
);

function digestAt(db: Database, run: Run, history: boolean): string {
  const view = db.at(run, "default", { version: run.version });
  const digest = view.digest({ history });
  view.dispose();
  return digest;
}

const exportRun = fc.tuple(fc.constantFrom(...RUN_NAMES), fc.boolean()).map(
  ([name, history]) =>
    new Command(`export ${name}${history ? "" : ", its last state alone"}`, async (model, subject) => {
      const spaces = model.runs.get(name);
      if (spaces === undefined) return;
      const { db } = subject;
      const run = db.runs.must(name);
      const bytes = await subject.wait(joined(db.bundles.export(run, { history })));
      model.bundle = {
        bytes,
        run: name,
        spaces: structuredClone(spaces),
        tags: model.tags.get(name) ?? new Map<string, TagModel>(),
        digest: digestAt(db, run, false),
        historyDigest: history && !mayBeTrimmed(model, run) ? digestAt(db, run, true) : undefined,
      };
    }),
);

/** @returns once the run is part of model and database. */
async function importBundle(model: NaiveModel, subject: Subject, takesItsName: boolean): Promise<void> {
  const { bundle } = model;
  if (bundle === undefined) return;
  const name = takesItsName && !model.runs.has(bundle.run) ? bundle.run : COPY;
  if (model.runs.has(name)) return;
  const { db } = subject;
  await subject.wait(db.bundles.import([bundle.bytes], { as: name }));
  const run = db.runs.must(name);
  if (bundle.historyDigest === undefined) model.trimming.add(run.number);
  else expect(digestAt(db, run, true), "history of a copy").toBe(bundle.historyDigest);
  expect(digestAt(db, run, false), "data of a copy").toBe(bundle.digest);
  model.runs.set(name, structuredClone(bundle.spaces));
  const shown = db.history.tags(run).map((tag) => tag.name);
  // Those of what did not come are not there.
  expect([...bundle.tags.keys()]).toEqual(expect.arrayContaining(shown));
  if (bundle.historyDigest !== undefined) expect(shown.length).toBe(bundle.tags.size);
  for (const tag of shown) model.tag(name, tag, bundle.tags.get(tag) as TagModel);
  model.committed(name, db.runs.system.version, false);
}

const importRun = fc
  .boolean()
  .map(
    (takesItsName) =>
      new Command(`import${takesItsName ? ", by its own name if that is free" : ""}`, (model, subject) =>
        importBundle(model, subject, takesItsName),
      ),
  );

const importAndPowerFailure = fc.tuple(fc.nat(20), loss, fc.boolean()).map(
  ([calls, choice, isTorn]) =>
    new Command(`power failure ${calls} calls into an import ${JSON.stringify(choice)}`, async (model, subject) => {
      const left = await subject.diskWithin(() => importBundle(model, subject, false), calls, isTorn);
      subject.reopen(left.afterPowerLoss(choice));
      truncateToWhatIsLeft(model, subject.db);
    }),
);

/** What moves runs and makes files smaller. */
export const UPKEEP: readonly fc.Arbitrary<Command>[] = [
  setRetention,
  compact,
  compactAndPowerFailure,
  exportRun,
  importRun,
  importAndPowerFailure,
];
