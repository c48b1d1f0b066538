import fc from "fast-check";
import { describe, test } from "vitest";
import { DISTURBANCES, single, transaction } from "./model-commands.js";
import { Subject } from "./model-subject.js";
import { UPKEEP } from "./model-upkeep.js";
import { NaiveModel } from "./naive-model.js";
import { OPERATIONS } from "./operations.js";

/** Sequences for each model. More for long runs: `STRATA_MODEL_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_MODEL_RUNS"] ?? 60);
const COMMANDS_MAX = 60;
const LIMIT_MS = 120_000 + 2_000 * RUNS;

describe("a database shows what a naive model shows, whatever happens to it", () => {
  test.each(Object.entries(OPERATIONS))(
    "with %s",
    async (_, operations) => {
      const weighted = fc.oneof(
        { weight: 10, arbitrary: single(operations) },
        { weight: 6, arbitrary: transaction(operations) },
        ...[...DISTURBANCES, ...UPKEEP].map((arbitrary) => ({ weight: 1, arbitrary })),
      );
      await fc.assert(
        fc.asyncProperty(fc.commands([weighted], { maxCommands: COMMANDS_MAX, size: "max" }), async (commands) => {
          const [model, real] = [new NaiveModel(), new Subject()];
          await fc.asyncModelRun(() => ({ model, real }), commands);
          real.expectReplaysToAgree(model);
          await real.audit(model);
          await real.reopenAndCompare(model);
        }),
        { numRuns: RUNS },
      );
    },
    LIMIT_MS,
  );
});
