import { CrashVfs, type PowerLoss } from "@strata/durability/testing";
import { expect } from "vitest";
import type { Database, Run } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import type { CheckpointStep } from "./checkpoint-workload.js";
import { drive } from "./drive.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";
import { type Moment, WatchedDisk } from "./watched-disk.js";

/** Random power losses tried at each moment, beside the systematic ones. More for long runs: `STRATA_CRASH_SEEDS=50`. */
export const SEEDS = Number(process.env["STRATA_CRASH_SEEDS"] ?? 1);

/** How far the workload had got at a moment. */
interface Progress {
  /** Commits that had returned. */
  readonly acknowledged: number;
  /** Of those, the ones up to which all were strict, before a strict one, or before a checkpoint or a compaction that had returned. */
  readonly durable: number;
}

/** A disk that a crash left, and what has to be on it. */
export interface Left {
  readonly vfs: CrashVfs;
  readonly atLeast: number;
  readonly what: string;
}

interface Seen {
  readonly vfs: CrashVfs;
  readonly progress: Progress;
  readonly what: string;
}

export interface ExplorationOptions {
  /** Everything of a database that has to come back, as one string. */
  readonly dump: (db: Database) => string;
  /** Whether retention may have dropped something of a run. */
  readonly isTrimmed?: (run: Run) => boolean;
}

/** A workload, and the disk at every moment of it: what a kill or a power failure leaves there is opened and held against what it did. */
export class CrashExploration {
  readonly #options: ExplorationOptions;
  /** What the database shows after each number of commits. */
  readonly states: string[] = [];
  readonly moments: Seen[] = [];
  /** Behind each checkpoint and each compaction, with the number of moments there had been. */
  readonly rests: (Left & { readonly step: CheckpointStep; readonly moment: number })[] = [];

  private constructor(options: ExplorationOptions) {
    this.#options = options;
  }

  static async of(workload: readonly CheckpointStep[], options: ExplorationOptions): Promise<CrashExploration> {
    const exploration = new CrashExploration(options);
    await exploration.#work(workload);
    return exploration;
  }

  async #work(workload: readonly CheckpointStep[]): Promise<void> {
    let [acknowledged, durable] = [0, 0];
    const { states, moments, rests } = this;
    const disk = new CrashVfs();
    const onMoment = (moment: Moment) => {
      const progress = { acknowledged, durable };
      const what = `call ${moments.length}, ${moment.what}`;
      moments.push({ vfs: moment.before(), progress, what: `before ${what}` });
      const torn = moment.during(5);
      if (torn !== undefined) moments.push({ vfs: torn, progress, what: `during ${what}` });
    };
    const { db, time } = openSimulated(new WatchedDisk(disk, onMoment));
    states.push(this.#options.dump(db));
    for (const step of workload) {
      if (typeof step === "string") {
        if (step === "checkpoint") await drive(time, db.checkpoint());
        else await drive(time, db.compact({ erase: step === "erase" }));
        durable = acknowledged;
        auditCheckpoint(disk, db.runs.list(), true);
        const what = `${step} after ${acknowledged} commits`;
        rests.push({ vfs: disk.afterKill(), atLeast: acknowledged, what, step, moment: moments.length });
      } else {
        await drive(time, Promise.resolve(step.run(db)));
        states.push(this.#options.dump(db));
        acknowledged++;
        if (step.strict === true) durable = acknowledged;
        time.advance(7);
      }
    }
    db.close();
  }

  /**
   * What a kill and power failures leave at one moment.
   *
   * @param failures how many of the power failures, by turns with other moments.
   */
  leftAt(index: number, failures: number = Number.POSITIVE_INFINITY): Left[] {
    const { vfs, progress, what } = this.moments[index] as Seen;
    const kill = { vfs, atLeast: progress.acknowledged, what: `kill ${what}` };
    const losses = lossesAt(vfs, index);
    return [
      kill,
      ...losses
        .filter((_, i) => (index + i) % losses.length < failures)
        .map((loss) => ({
          vfs: vfs.afterPowerLoss(loss),
          atLeast: progress.durable,
          what: `${JSON.stringify(loss)} ${what}`,
        })),
    ];
  }

  /** Opens what is left and holds it against the promises. @returns the database, open. */
  expectPrefix({ vfs, atLeast, what }: Left): SimulatedDatabase & { readonly count: number } {
    const { db, time } = openSimulated(vfs, { seed: 99 });
    const count = this.states.lastIndexOf(this.#options.dump(db));
    expect(count, `${what}: what was recovered is no state the database ever had`).toBeGreaterThanOrEqual(0);
    expect(count, `${what}: durable commits are missing`).toBeGreaterThanOrEqual(atLeast);
    return { db, time, count };
  }

  /** What is left works: it replays, is in order, takes writes, a checkpoint that leaves nothing over, and opens with that alone. */
  async expectToGoOn(left: Left): Promise<void> {
    const { dump, isTrimmed } = this.#options;
    const untouched = await this.#checkpointedUntouched(left.vfs.afterKill());
    const { db, time, count } = this.expectPrefix(left);
    expect(untouched, `${left.what}: a checkpoint of what nobody had asked for differs`).toBe(this.states[count]);
    expectReplaysToAgree(db, isTrimmed);
    expect(await drive(time, db.verify()), left.what).toEqual({ ok: true, problems: [] });
    db.runs.create("new");
    await drive(time, db.checkpoint());
    auditCheckpoint(left.vfs, db.runs.list(), true);
    db.runs.delete("new");
    await drive(time, db.checkpoint());
    auditCheckpoint(left.vfs, db.runs.list(), true);
    db.close();
    const again = openSimulated(left.vfs, { seed: 100 }).db;
    expect(again.info().recovery?.commits).toBe(0);
    expect(dump(again), left.what).toBe(this.states[count]);
    expectReplaysToAgree(again, isTrimmed);
    again.close();
  }

  /** What a database shows that was opened, checkpointed before anybody asked for anything, and opened again. */
  async #checkpointedUntouched(vfs: CrashVfs): Promise<string> {
    const { db, time } = openSimulated(vfs, { seed: 98 });
    await drive(time, db.checkpoint());
    db.close();
    const again = openSimulated(vfs, { seed: 97 }).db;
    const shown = this.#options.dump(again);
    again.close();
    return shown;
  }
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
