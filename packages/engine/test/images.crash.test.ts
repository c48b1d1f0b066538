import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { CHECKPOINT_WORKLOAD, type CheckpointStep } from "./checkpoint-workload.js";
import { CrashExploration, SEEDS } from "./crash-exploration.js";
import { dump } from "./dump.js";
import { openSimulated } from "./simulated-database.js";
import { ToyIndex } from "./toy-index.js";

const LIMIT_MS = 120_000 * SEEDS;
/** Every so-manieth moment is looked at, and of these every so-manieth thoroughly. */
const EVERY = SEEDS > 1 ? 1 : 3;
const THOROUGH_EVERY = 41;

/** Runs come, are forked, go, and come again under their names; files fall out of use, are compacted and erased. */
const WORKLOAD: readonly CheckpointStep[] = [
  ...CHECKPOINT_WORKLOAD,
  "compact",
  { what: "a key after a compaction", run: (db) => db.put("default", "compacted", 1) },
  "checkpoint",
  "erase",
  { what: "a key after an erasure", run: (db) => db.put("parent", "erased", 1) },
  "checkpoint",
];

/** What the database shows; indexes that were read from images, or go on, have been held against it then. */
function dumpWithIndexes(db: Database): string {
  ToyIndex.of(db).checkAll();
  return dump(db);
}

let exploration: CrashExploration;

beforeAll(async () => {
  exploration = await CrashExploration.of(WORKLOAD, { dump: dumpWithIndexes });
});

describe("wherever the process or the power fails, with images of indexes in every checkpoint", () => {
  test(
    "a whole prefix is recovered, and no image says anything that its run does not",
    () => {
      let loaded = 0;
      for (let index = 0; index < exploration.moments.length; index += EVERY) {
        for (const left of exploration.leftAt(index, SEEDS > 1 ? Number.POSITIVE_INFINITY : 1)) {
          const { db } = exploration.expectPrefix(left);
          loaded += ToyIndex.of(db).loaded;
          db.close();
        }
      }
      expect(loaded).toBeGreaterThan(exploration.moments.length / EVERY);
    },
    LIMIT_MS,
  );

  test(
    "what is recovered goes on working, and the next checkpoint removes what was left over",
    async () => {
      for (let index = 0; index < exploration.moments.length; index += THOROUGH_EVERY)
        for (const left of exploration.leftAt(index, 1)) await exploration.expectToGoOn(left);
    },
    LIMIT_MS,
  );

  test("what came to rest has an image of every run that was there, but behind an erasure", () => {
    for (const { vfs, step, what } of exploration.rests) {
      const { db } = openSimulated(vfs.afterKill(), { seed: 6 });
      const index = ToyIndex.of(db);
      index.checkAll();
      expect(step === "erase" ? index.loaded : index.built, what).toBe(0);
      db.close();
    }
  });
});
