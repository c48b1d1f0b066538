import { changeFile } from "@strata/durability/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { CHECKPOINT_WORKLOAD } from "./checkpoint-workload.js";
import { CrashExploration, type Left, SEEDS } from "./crash-exploration.js";
import { dump } from "./dump.js";
import { openSimulated } from "./simulated-database.js";

const LIMIT_MS = 120_000 * SEEDS;
/** What is recovered is replayed, written to and checkpointed again at each so-manieth moment. */
const THOROUGH_EVERY = 17;

let exploration: CrashExploration;

beforeAll(async () => {
  exploration = await CrashExploration.of(CHECKPOINT_WORKLOAD, { dump });
});

describe("wherever the process or the power fails, in the middle of checkpoints too", () => {
  test(
    "a whole prefix with every durable commit is recovered",
    () => {
      const { moments } = exploration;
      let explored = 0;
      for (let index = 0; index < moments.length; index++) {
        for (const left of exploration.leftAt(index)) {
          exploration.expectPrefix(left).db.close();
          explored++;
        }
      }
      expect(explored).toBeGreaterThan(moments.length);
    },
    LIMIT_MS,
  );

  test(
    "what is recovered goes on working, and the next checkpoint removes what was left over",
    async () => {
      for (let index = 0; index < exploration.moments.length; index += THOROUGH_EVERY)
        for (const left of exploration.leftAt(index)) await exploration.expectToGoOn(left);
    },
    LIMIT_MS,
  );

  test("the workload has everything happen that a checkpoint can do to files", () => {
    for (const call of ["unlink wal/", "unlink snapshots/", "create snapshots/", "rename snapshots/", "write", "sync"])
      expect(exploration.moments.filter(({ what }) => what.includes(call)).length, call).toBeGreaterThan(2);
  });

  test("the checkpoint before is still whole, for whoever finds the newest manifest damaged", async () => {
    for (const left of exploration.rests) await expectToDoWithoutTheNewestManifest(left);
    expect(exploration.rests.length).toBeGreaterThan(5);
  });

  test("and when recovery itself is interrupted", () => {
    const { moments } = exploration;
    let nested = 0;
    for (let index = 5; index < moments.length; index += 31) {
      const { vfs, progress, what } = moments[index] as (typeof moments)[number];
      for (let inner = 1; ; inner++) {
        const second = vfs.afterPowerLoss({ model: "posix", seed: index }, { call: inner, phase: "during", bytes: 3 });
        try {
          openSimulated(second, { seed: 5 });
        } catch (error) {
          if (!second.crashed) throw error;
        }
        if (!second.crashed) break;
        const left = second.afterPowerLoss({ model: "posix", seed: inner });
        const again = { vfs: left, atLeast: progress.durable, what: `${what}, then ${inner} in recovery` };
        exploration.expectPrefix(again).db.close();
        nested++;
      }
    }
    expect(nested).toBeGreaterThan(50);
  });
});

async function expectToDoWithoutTheNewestManifest(left: Left): Promise<void> {
  const { vfs } = left;
  const newest = vfs.list("").findLast((name) => name.startsWith("MANIFEST-")) as string;
  changeFile(vfs, newest, (bytes) => {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 0xff;
    return bytes;
  });
  await exploration.expectToGoOn(left);
}
