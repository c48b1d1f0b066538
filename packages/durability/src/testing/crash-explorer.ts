import { StrataError } from "@strata/core";
import type { RecoverySummary } from "../durability.js";
import { surveyDirectory } from "../manifest-directory.js";
import { CheckpointedLog } from "./checkpoint-log.js";
import {
  expectPrefix,
  expectSame,
  type Journal,
  openScriptLog,
  payloadOf,
  runScript,
  type Script,
} from "./crash-script.js";
import { type CrashPoint, CrashVfs, SimulatedCrash } from "./crash-vfs.js";
import { changeFile } from "./disk-image.js";
import type { PowerLoss } from "./power-loss.js";
import { SeededRandom } from "./seeded-random.js";
import type { RecoveredCommit } from "./test-log.js";

/** How far to go. Every number multiplies the states. */
export interface ExplorationDepth {
  /** Random subsets at each crash point, and as many per-file prefixes. */
  readonly randomChoices: number;
  /** Of 100 states, in how many the recovery itself is interrupted, at each of its calls. */
  readonly nestedPercent: number;
  /** Of 100 states, after how many the log serves on. */
  readonly serveOnPercent: number;
  /** Places at which each write is torn by a kill, at most. */
  readonly tears: number;
}

export interface Exploration {
  /** Disks from which the log was recovered. */
  states: number;
  /** Of those, after a recovery that was interrupted. */
  nested: number;
  crashPoints: number;
}

/**
 * Runs a script, ends it at every call, takes the power away in many ways, and checks after each recovery what was promised:
 *
 *  - what comes back is a prefix of what was committed, in order, byte for byte;
 *  - it holds every commit acknowledged as strict, and after a kill every commit acknowledged at all;
 *  - no version is given out again;
 *  - a checkpoint that was published is what recovery begins with, or a later one;
 *  - recovering again, or after an interrupted recovery, gives the same;
 *  - with the newest manifest damaged, the one before tells the same;
 *  - the log goes on: a strict commit made then survives a power failure, and so does a checkpoint.
 *
 * @throws {Error} at the first violation; the message repeats it.
 */
export async function exploreCrashes(script: Script, depth: ExplorationDepth): Promise<Exploration> {
  const found: Exploration = { states: 0, nested: 0, crashPoints: 0 };
  const whole = new CrashVfs();
  await runScript(script, whole);
  const writeSizes = await sizesOfWrites(script);
  for (let call = 1; call <= whole.calls + 1; call++) {
    await exploreAt(script, { call, phase: "before" }, depth, found);
    const bytes = writeSizes[call] ?? 0;
    for (let tear = 0; tear < Math.min(depth.tears, bytes - 1); tear++) {
      const at = bytes - 1 <= depth.tears ? tear + 1 : 1 + Math.floor((tear * (bytes - 1)) / depth.tears);
      await exploreKill(script, { call, phase: "during", bytes: at }, found);
    }
  }
  return found;
}

/** Bytes of each write, by the number of its call. */
async function sizesOfWrites(script: Script): Promise<number[]> {
  const sizes: number[] = [];
  class Recorder extends CrashVfs {
    override write(...[path, inode, bytes, offset]: Parameters<CrashVfs["write"]>): void {
      super.write(path, inode, bytes, offset);
      sizes[this.calls] = bytes.length;
    }
  }
  await runScript(script, new Recorder());
  return sizes;
}

async function exploreAt(
  script: Script,
  point: CrashPoint,
  depth: ExplorationDepth,
  found: Exploration,
): Promise<void> {
  const vfs = new CrashVfs(point);
  const journal = await runScript(script, vfs);
  found.crashPoints += 1;
  const random = new SeededRandom(script.seed * 1_000_003 + point.call);
  await checkState(script, point, "kill", () => vfs.afterKill(), journal, journal.acknowledgedThrough, true, found);
  for (const choice of choicesFor(vfs, depth, random)) {
    const disk = (crash?: CrashPoint) => vfs.afterPowerLoss(choice, crash);
    const servesOn = random.chance(depth.serveOnPercent);
    const recovered = await checkState(script, point, choice, disk, journal, journal.strictThrough, servesOn, found);
    if (random.chance(depth.nestedPercent)) exploreNested(script, point, choice, disk, recovered, random, found);
  }
}

async function exploreKill(script: Script, point: CrashPoint, found: Exploration): Promise<void> {
  const vfs = new CrashVfs(point);
  const journal = await runScript(script, vfs);
  found.crashPoints += 1;
  await checkState(script, point, "kill", () => vfs.afterKill(), journal, journal.acknowledgedThrough, false, found);
}

function choicesFor(vfs: CrashVfs, depth: ExplorationDepth, random: SeededRandom): PowerLoss[] {
  const count = vfs.pending.length;
  const choices: PowerLoss[] = [
    { model: "posix", keep: "all" },
    { model: "posix", keep: "none" },
  ];
  for (let i = 0; i < count; i++) {
    choices.push({ model: "posix", drop: i }, { model: "posix", only: i });
    const operation = vfs.pending[i]!;
    const tornBytes = operation.kind === "write" ? random.below(operation.bytes.length + 1) : 0;
    choices.push({ model: "ordered", kept: i, tornBytes });
  }
  for (let i = 0; i < depth.randomChoices; i++) {
    choices.push({ model: "posix", seed: random.next() }, { model: "perFile", seed: random.next() });
  }
  return choices;
}

interface Recovered {
  readonly commits: readonly RecoveredCommit[];
  readonly summary: RecoverySummary;
  /** Calls that recovery made. */
  readonly calls: number;
}

async function checkState(
  script: Script,
  point: CrashPoint,
  choice: PowerLoss | "kill",
  disk: () => CrashVfs,
  journal: Journal,
  promisedThrough: number,
  servesOn: boolean,
  found: Exploration,
): Promise<Recovered> {
  found.states += 1;
  try {
    const recovered = recover(script, disk());
    expectPrefix(recovered.commits, journal.attempted);
    const last = recovered.commits.at(-1)?.version ?? 0;
    if (last < promisedThrough) throw new Error(`commit ${promisedThrough} was acknowledged; recovery ends at ${last}`);
    if (recovered.summary.nextVersion <= journal.versionMax) {
      throw new Error(`version ${journal.versionMax} was used; ${recovered.summary.nextVersion} is given out again`);
    }
    if (recovered.summary.lost.length > 0) throw new Error("something was given up without being asked");
    const checkpoint = recovered.summary.checkpoint?.version ?? 0;
    if (checkpoint < journal.checkpointVersion)
      throw new Error(`checkpoint ${journal.checkpointVersion} was published`);
    if (servesOn) {
      await checkServesOn(script, disk(), recovered);
      checkFallback(script, disk(), recovered);
    }
    return recovered;
  } catch (error) {
    throw violation(script, point, [choice], error);
  }
}

function recover(script: Script, vfs: CrashVfs): Recovered {
  const { commits, summary, log } = openScriptLog(vfs, script, 100);
  const { calls } = vfs;
  log.abandon();
  return { commits, summary, calls };
}

/** The log serves on, and recovering it again gives the same and what was added. */
async function checkServesOn(script: Script, vfs: CrashVfs, { commits, summary }: Recovered): Promise<void> {
  const first = openScriptLog(vfs, script, 101);
  const checkpoints = new CheckpointedLog(first);
  const added = { version: summary.nextVersion, payload: payloadOf(summary.nextVersion, 33) };
  first.log.persist(added.version, added.payload, "strict");
  if (summary.checkpoint !== undefined) await checkpoints.make();
  const second = openScriptLog(vfs.afterPowerLoss({ model: "posix", keep: "none" }), script, 102);
  expectSame(second.commits, [...commits, added]);
  if (second.summary.nextVersion <= added.version) throw new Error(`version ${added.version} is given out again`);
  second.log.abandon();
}

/** With its newest manifest damaged, the log is what the one before says, to the last commit, where there is one of the same epoch. */
function checkFallback(script: Script, vfs: CrashVfs, { commits }: Recovered): void {
  const { manifests } = surveyDirectory(vfs);
  const [newest, before] = manifests;
  if (newest === undefined || before?.epoch !== newest.epoch || before.number === 1) return;
  changeFile(vfs, newest.name, (bytes) => bytes.subarray(1));
  expectSame(recover(script, vfs).commits, commits);
}

function exploreNested(
  script: Script,
  point: CrashPoint,
  choice: PowerLoss,
  disk: (crash?: CrashPoint) => CrashVfs,
  recovered: Recovered,
  random: SeededRandom,
  found: Exploration,
): void {
  for (let call = 1; call <= recovered.calls; call++) {
    const interrupted = disk({ call, phase: "before" });
    try {
      openScriptLog(interrupted, script, 103).log.abandon();
    } catch (error) {
      const dies = error instanceof SimulatedCrash || StrataError.is(error);
      if (!interrupted.crashed || !dies) throw violation(script, point, [choice, `recovery, call ${call}`], error);
    }
    const second: PowerLoss[] = [
      { model: "posix", keep: "all" },
      { model: "posix", keep: "none" },
      { model: "posix", seed: random.next() },
    ];
    for (const again of second) {
      found.states += 1;
      found.nested += 1;
      try {
        const { commits, summary } = recover(script, interrupted.afterPowerLoss(again));
        expectSame(commits, recovered.commits);
        if (summary.nextVersion < recovered.summary.nextVersion) throw new Error("versions are given out again");
      } catch (error) {
        throw violation(script, point, [choice, `recovery, call ${call}`, again], error);
      }
    }
  }
}

function violation(script: Script, point: CrashPoint, choices: readonly unknown[], cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const where = JSON.stringify({ script, point, choices });
  return new Error(`${message}\n  to repeat: ${where}`, { cause });
}
