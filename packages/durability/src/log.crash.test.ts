import { describe, expect, test } from "vitest";
import { exploreCrashes } from "./testing/crash-explorer.js";
import { randomScript, type Script } from "./testing/crash-script.js";

// Raise it for a longer run: STRATA_CRASH_DEPTH=20 npx vitest run src/log.crash.test.ts
const { STRATA_CRASH_DEPTH = "1", STRATA_CRASH_SEED = String(Date.now() % 1_000_000) } = process.env;
const DEPTH = Number(STRATA_CRASH_DEPTH);
const SEED = Number(STRATA_CRASH_SEED);

const everything: Script = {
  seed: 1,
  mode: "buffered",
  steps: [
    { do: "commit", mode: "none", bytes: 20 },
    { do: "commit", mode: "strict", bytes: 60 },
    { do: "commit", mode: "buffered", bytes: 150 },
    { do: "imitate", mode: "strict" },
    { do: "commit", mode: "buffered", bytes: 20 },
    { do: "pass", ms: 50 },
    { do: "commit", mode: "buffered", bytes: 300 },
    { do: "commit", mode: "none", bytes: 300 },
    { do: "commit", mode: "strict", bytes: 1 },
    { do: "kill" },
    { do: "commit", mode: "buffered", bytes: 60 },
    { do: "close" },
    { do: "commit", mode: "strict", bytes: 20 },
    { do: "flush" },
  ],
};

describe("a log whose process ends at any call, and whose power fails in any way", () => {
  test("comes back as a prefix of its commits that holds every strict one", { timeout: 600_000 }, async () => {
    const found = await exploreCrashes(everything, {
      randomChoices: 4 * DEPTH,
      nestedPercent: 5 * DEPTH,
      serveOnPercent: 50,
      tears: 8,
    });
    console.log("states", found);
    expect(found.states).toBeGreaterThan(1000);
  });

  test("whatever it was doing", { timeout: 600_000 }, async () => {
    let states = 0;
    for (let i = 0; i < 5 * DEPTH; i++) {
      const found = await exploreCrashes(randomScript(SEED + i, 16), {
        randomChoices: 3,
        nestedPercent: 1,
        serveOnPercent: 10,
        tears: 3,
      });
      states += found.states;
    }
    console.log("seed", SEED, "states", states);
  });
});
