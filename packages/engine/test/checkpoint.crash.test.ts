import { CrashVfs, changeFile, type PowerLoss } from "@strata/durability/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { CHECKPOINT_WORKLOAD } from "./checkpoint-workload.js";
import { drive } from "./drive.js";
import { dump } from "./dump.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";
import { type Moment, WatchedDisk } from "./watched-disk.js";

/** Random power losses tried at each moment, beside the systematic ones. More for long runs: `STRATA_CRASH_SEEDS=50`. */
const SEEDS = Number(process.env["STRATA_CRASH_SEEDS"] ?? 1);
const LIMIT_MS = 120_000 * SEEDS;
/** What is recovered is replayed, written to and checkpointed again at each so-manieth moment. */
const THOROUGH_EVERY = 17;

/** How far the workload had got at a moment. */
interface Progress {
  /** Commits that had returned. */
  readonly acknowledged: number;
  /** Of those, the ones up to which all were strict, before a strict one, or before a checkpoint that had returned. */
  readonly durable: number;
}

/** Does the workload, telling of every moment, and of the disk behind each checkpoint. @returns what it shows after each number of commits. */
async function work(
  onMoment: (moment: Moment, progress: Progress) => void,
  onCheckpoint: (left: Left) => void,
): Promise<string[]> {
  let [acknowledged, durable] = [0, 0];
  const disk = new CrashVfs();
  const watched = new WatchedDisk(disk, (moment) => onMoment(moment, { acknowledged, durable }));
  const { db, time } = openSimulated(watched);
  const states = [dump(db)];
  for (const step of CHECKPOINT_WORKLOAD) {
    if (step === "checkpoint") {
      await drive(time, db.checkpoint());
      durable = acknowledged;
      auditCheckpoint(disk, db.runs.list(), true);
      onCheckpoint({ vfs: disk.afterKill(), atLeast: acknowledged, what: `checkpoint after ${acknowledged} commits` });
    } else {
      await drive(time, Promise.resolve(step.run(db)));
      states.push(dump(db));
      acknowledged++;
      if (step.strict === true) durable = acknowledged;
      time.advance(7);
    }
  }
  db.close();
  return states;
}

/** A disk that a crash left, and what has to be on it. */
interface Left {
  readonly vfs: CrashVfs;
  readonly atLeast: number;
  readonly what: string;
}

let states: string[];
let checkpoints: Left[];
let moments: { readonly vfs: CrashVfs; readonly progress: Progress; readonly what: string }[];

beforeAll(async () => {
  [moments, checkpoints] = [[], []];
  const onMoment = (moment: Moment, progress: Progress) => {
    const what = `call ${moments.length}, ${moment.what}`;
    moments.push({ vfs: moment.before(), progress, what: `before ${what}` });
    const torn = moment.during(5);
    if (torn !== undefined) moments.push({ vfs: torn, progress, what: `during ${what}` });
  };
  states = await work(onMoment, (left) => checkpoints.push(left));
});

/** What a kill and power failures leave at one moment. */
function leftAt(index: number): Left[] {
  const { vfs, progress, what } = moments[index] as (typeof moments)[number];
  const kill = { vfs, atLeast: progress.acknowledged, what: `kill ${what}` };
  return [
    kill,
    ...lossesAt(vfs, index).map((loss) => ({
      vfs: vfs.afterPowerLoss(loss),
      atLeast: progress.durable,
      what: `${JSON.stringify(loss)} ${what}`,
    })),
  ];
}

function lossesAt(vfs: CrashVfs, index: number): PowerLoss[] {
  const pending = vfs.pending.length;
  // With everything synced, a power failure leaves what a kill leaves.
  if (pending === 0) return [];
  const losses: PowerLoss[] = [
    { model: "posix", keep: "none" },
    { model: "posix", drop: index % pending },
  ];
  for (let seed = index * SEEDS; seed < (index + 1) * SEEDS; seed++)
    losses.push(
      { model: "posix", seed },
      seed % 2 === 0 ? { model: "perFile", seed } : { model: "ordered", kept: index % pending, tornBytes: 11 },
    );
  return losses;
}

/** Opens what is left and holds it against the promises. @returns the database, open. */
function expectPrefix({ vfs, atLeast, what }: Left): SimulatedDatabase & { readonly count: number } {
  const { db, time } = openSimulated(vfs, { seed: 99 });
  const count = states.lastIndexOf(dump(db));
  expect(count, `${what}: what was recovered is no state the database ever had`).toBeGreaterThanOrEqual(0);
  expect(count, `${what}: durable commits are missing`).toBeGreaterThanOrEqual(atLeast);
  return { db, time, count };
}

/** What a database shows that was opened, checkpointed before anybody asked for anything, and opened again. */
async function checkpointedUntouched(vfs: CrashVfs): Promise<string> {
  const { db, time } = openSimulated(vfs, { seed: 98 });
  await drive(time, db.checkpoint());
  db.close();
  const again = openSimulated(vfs, { seed: 97 }).db;
  const shown = dump(again);
  again.close();
  return shown;
}

/** What is left works: it replays, takes writes, a checkpoint that leaves nothing over, and opens with that alone. */
async function expectToGoOn(left: Left): Promise<void> {
  const untouched = await checkpointedUntouched(left.vfs.afterKill());
  const { db, time, count } = expectPrefix(left);
  expect(untouched, `${left.what}: a checkpoint of what nobody had asked for differs`).toBe(states[count]);
  expectReplaysToAgree(db);
  db.put("default", "new", 1);
  await drive(time, db.checkpoint());
  auditCheckpoint(left.vfs, db.runs.list(), true);
  db.delete("default", "new");
  await drive(time, db.checkpoint());
  auditCheckpoint(left.vfs, db.runs.list(), true);
  db.close();
  const again = openSimulated(left.vfs, { seed: 100 }).db;
  expect(again.info().recovery?.commits).toBe(0);
  expect(dump(again), left.what).toBe(states[count]);
  expectReplaysToAgree(again);
  again.close();
}

describe("wherever the process or the power fails, in the middle of checkpoints too", () => {
  test(
    "a whole prefix with every durable commit is recovered",
    () => {
      let explored = 0;
      for (let index = 0; index < moments.length; index++) {
        for (const left of leftAt(index)) {
          expectPrefix(left).db.close();
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
      for (let index = 0; index < moments.length; index += THOROUGH_EVERY)
        for (const left of leftAt(index)) await expectToGoOn(left);
    },
    LIMIT_MS,
  );

  test("the workload has everything happen that a checkpoint can do to files", () => {
    for (const call of ["unlink wal/", "unlink snapshots/", "create snapshots/", "rename snapshots/", "write", "sync"])
      expect(moments.filter(({ what }) => what.includes(call)).length, call).toBeGreaterThan(2);
  });

  test("the checkpoint before is still whole, for whoever finds the newest manifest damaged", async () => {
    for (const { vfs, atLeast, what } of checkpoints) {
      const newest = vfs.list("").findLast((name) => name.startsWith("MANIFEST-")) as string;
      changeFile(vfs, newest, (bytes) => {
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 0xff;
        return bytes;
      });
      await expectToGoOn({ vfs, atLeast, what });
    }
    expect(checkpoints.length).toBeGreaterThan(5);
  });

  test("and when recovery itself is interrupted", () => {
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
        expectPrefix({ vfs: left, atLeast: progress.durable, what: `${what}, then ${inner} in recovery` }).db.close();
        nested++;
      }
    }
    expect(nested).toBeGreaterThan(50);
  });
});
