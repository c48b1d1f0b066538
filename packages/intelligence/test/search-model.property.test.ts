import fc from "fast-check";
import { expect, test } from "vitest";
import { beginning, question, STEPS } from "./search-steps.js";
import { SearchedWorld } from "./searched-world.js";

/** Sequences. More for long runs: `STRATA_MODEL_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_MODEL_RUNS"] ?? 60);
/** So many that everything happens in some. */
const MANY = 500;
const STEPS_MAX = 60;
/** Of the graphs, over all that was asked. */
const RECALL_LEAST = 0.98;

test(
  "whatever happens to a database, searches find what reading all of it finds",
  async () => {
    const seen = new Map<string, number>();
    let [found, wanted] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 20_000, 2 ** 30),
        beginning,
        fc.commands([STEPS], { maxCommands: STEPS_MAX, size: "max" }),
        fc.tuple(question, question),
        async (memoryBudgetBytes, first, commands, questions) => {
          const world = new SearchedWorld(memoryBudgetBytes, seen);
          await first.run({}, world);
          await fc.asyncModelRun(() => ({ model: {}, real: world }), commands);
          world.ask(undefined, questions[0]);
          await world.wait(world.db.checkpoint());
          world.close();
          world.reopen(world.vfs);
          world.ask(undefined, questions[1]);
          world.close();
          found += world.recall.found;
          wanted += world.recall.wanted;
        },
      ),
      { numRuns: RUNS },
    );
    if (wanted > 0) expect(found / wanted).toBeGreaterThan(RECALL_LEAST);
    if (RUNS < MANY) return;
    for (const what of ["asked", "trimmed", "damaged: flipped"]) expect(seen.get(what), what).toBeGreaterThan(0);
  },
  120_000 + 2_000 * RUNS,
);
