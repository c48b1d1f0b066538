import { describe, expect, test } from "vitest";
import { exploreCrashes } from "./testing/crash-explorer.js";
import { randomScript, type Script } from "./testing/crash-script.js";

// Raise it for a longer run: STRATA_CRASH_DEPTH=20 npx vitest run src/checkpoint.crash.test.ts
const { STRATA_CRASH_DEPTH = "1", STRATA_CRASH_SEED = String(Date.now() % 1_000_000) } = process.env;
const DEPTH = Number(STRATA_CRASH_DEPTH);
const SEED = Number(STRATA_CRASH_SEED);

/** Three checkpoints in one session, so that log is retired, over segments that roll; then sessions that begin from one. */
const everything: Script = {
  seed: 1,
  mode: "buffered",
  steps: [
    { do: "commit", mode: "buffered", bytes: 300 },
    { do: "checkpoint", files: "new" },
    { do: "commit", mode: "strict", bytes: 300 },
    { do: "commit", mode: "buffered", bytes: 500 },
    { do: "checkpoint", files: "new", meanwhile: 60 },
    { do: "commit", mode: "buffered", bytes: 500 },
    { do: "checkpoint", files: "all" },
    { do: "commit", mode: "none", bytes: 20 },
    { do: "kill" },
    { do: "commit", mode: "buffered", bytes: 60 },
    { do: "checkpoint", files: "new", meanwhile: 700 },
    { do: "close" },
    { do: "checkpoint", files: "all" },
    { do: "commit", mode: "buffered", bytes: 20 },
  ],
};

describe("a log with checkpoints whose process ends at any call, and whose power fails in any way", () => {
  test("comes back as a prefix of its commits, from a checkpoint that was published", {
    timeout: 600_000,
  }, async () => {
    const found = await exploreCrashes(everything, {
      randomChoices: 3 * DEPTH,
      nestedPercent: 2 * DEPTH,
      serveOnPercent: 10,
      tears: 3,
    });
    console.log("states", found);
    expect(found.states).toBeGreaterThan(1000);
    expect(found.nested).toBeGreaterThan(100);
  });

  test("whatever it was doing", { timeout: 600_000 }, async () => {
    let states = 0;
    for (let i = 0; i < 3 * DEPTH; i++) {
      const found = await exploreCrashes(randomScript(SEED + i, 14, 30), {
        randomChoices: 2,
        nestedPercent: 1,
        serveOnPercent: 10,
        tears: 2,
      });
      states += found.states;
    }
    console.log("seed", SEED, "states", states);
  });
});
