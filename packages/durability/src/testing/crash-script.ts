import { StrataError, type Version } from "@strata/core";
import type { DurabilityMode } from "../durability.js";
import type { LogDurability } from "../log-durability.js";
import type { LogOptions } from "../log-options.js";
import { CheckpointedLog } from "./checkpoint-log.js";
import { type CrashVfs, SimulatedCrash } from "./crash-vfs.js";
import { SeededRandom } from "./seeded-random.js";
import { openTestLog, type RecoveredCommit, type TestLog, TINY_SEGMENTS } from "./test-log.js";

/** What a process does with a log. Plain data: printed with a failing test, it can be run again. */
export type Step =
  | { readonly do: "commit"; readonly mode: DurabilityMode; readonly bytes: number }
  /** Commits what the log's own file holds: frames, headers and all. */
  | { readonly do: "imitate"; readonly mode: DurabilityMode }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "flush" }
  /** Only what is new goes into a file, or all of it into one. A commit of `meanwhile` bytes is made while it is being published. */
  | { readonly do: "checkpoint"; readonly files: "new" | "all"; readonly meanwhile?: number }
  | { readonly do: "close" }
  | { readonly do: "kill" };

export interface Script {
  readonly seed: number;
  readonly mode: DurabilityMode;
  readonly steps: readonly Step[];
}

/** A commit that was passed to `append`. */
export interface AttemptedCommit {
  readonly version: Version;
  readonly payload: Uint8Array;
}

/** What the process knew when it ended: the oracle for recovery. */
export interface Journal {
  /** In order; the last one may be in doubt. */
  readonly attempted: AttemptedCommit[];
  /** Every commit up to here was acknowledged as strict, or stands before one that was. */
  strictThrough: Version;
  /** Every commit up to here was acknowledged in some mode. */
  acknowledgedThrough: Version;
  /** Highest version ever passed to `append`. */
  versionMax: Version;
  /** A checkpoint of this version was published. */
  checkpointVersion: Version;
}

const OPTIONS: LogOptions = { segments: TINY_SEGMENTS, buffered: { flushIntervalMs: 10, maxPendingWrites: 8 } };
const MODES: readonly DurabilityMode[] = ["none", "buffered", "buffered", "strict"];

/** A script drawn at random: every mode, frames of many sizes, pauses, several sessions; of 100 steps so many are checkpoints. */
export function randomScript(seed: number, length: number, checkpointPercent = 0): Script {
  const random = new SeededRandom(seed);
  const steps: Step[] = [];
  while (steps.length < length) {
    const roll = random.below(100);
    const mode = MODES[random.below(MODES.length)]!;
    if (checkpointPercent > 0 && random.chance(checkpointPercent)) steps.push(randomCheckpoint(random));
    else if (roll < 62) steps.push({ do: "commit", mode, bytes: [0, 1, 20, 60, 150, 300, 5000][random.below(7)]! });
    else if (roll < 70) steps.push({ do: "imitate", mode });
    else if (roll < 82) steps.push({ do: "pass", ms: [1, 10, 50][random.below(3)]! });
    else if (roll < 88) steps.push({ do: "flush" });
    else if (roll < 94) steps.push({ do: "close" });
    else steps.push({ do: "kill" });
  }
  return { seed, mode: MODES[random.below(MODES.length)]!, steps };
}

function randomCheckpoint(random: SeededRandom): Step {
  const files = random.chance(70) ? "new" : "all";
  return random.chance(40)
    ? { do: "checkpoint", files, meanwhile: [0, 60, 700][random.below(3)]! }
    : { do: "checkpoint", files };
}

/** A payload that tells its version, and nothing that compresses. */
export function payloadOf(version: Version, bytes: number): Uint8Array {
  return new SeededRandom(version * 7919 + bytes).bytes(bytes);
}

/** Opens the log that a script writes. */
export function openScriptLog(vfs: CrashVfs, script: Script, session: number, options: LogOptions = {}): TestLog {
  return openTestLog(vfs, { ...OPTIONS, mode: script.mode, ...options }, script.seed * 131 + session);
}

/**
 * Runs the script until it ends or the process does.
 *
 * @throws whatever is neither a crash nor expected: a bug.
 */
export async function runScript(script: Script, vfs: CrashVfs): Promise<Journal> {
  const journal: Journal = {
    attempted: [],
    strictThrough: 0,
    acknowledgedThrough: 0,
    versionMax: 0,
    checkpointVersion: 0,
  };
  try {
    await runSteps(script, vfs, journal);
  } catch (error) {
    if (!vfs.crashed) throw error;
    // What a dying process still says does not matter, unless it is a bug that speaks.
    if (!(error instanceof SimulatedCrash) && !StrataError.is(error)) throw error;
  }
  return journal;
}

async function runSteps(script: Script, vfs: CrashVfs, journal: Journal): Promise<void> {
  let session = 0;
  let test = openScriptLog(vfs, script, session);
  let nextVersion = test.summary.nextVersion;
  let checkpoints = new CheckpointedLog(test);
  for (const step of script.steps) {
    switch (step.do) {
      case "commit":
        commit(test.log, journal, nextVersion, payloadOf(nextVersion, step.bytes), step.mode);
        nextVersion += 1 + (step.bytes % 3);
        break;
      case "imitate":
        commit(test.log, journal, nextVersion, imitation(vfs, test.log), step.mode);
        nextVersion += 1;
        break;
      case "pass":
        test.time.advance(step.ms);
        break;
      case "flush":
        test.log.flush();
        journal.strictThrough = journal.acknowledgedThrough;
        break;
      case "checkpoint": {
        const version = await checkpoints.make(step.files, () => {
          if (step.meanwhile === undefined) return;
          commit(test.log, journal, nextVersion, payloadOf(nextVersion, step.meanwhile), "buffered");
          nextVersion += 1;
        });
        journal.checkpointVersion = version;
        journal.strictThrough = Math.max(journal.strictThrough, version);
        break;
      }
      case "close":
      case "kill":
        if (step.do === "close") {
          test.log.shutdown();
          journal.strictThrough = journal.acknowledgedThrough;
        } else {
          test.log.abandon();
        }
        session += 1;
        test = openScriptLog(vfs, script, session);
        expectSame(test.commits, journal.attempted);
        nextVersion = test.summary.nextVersion;
        checkpoints = new CheckpointedLog(test);
        break;
    }
  }
  test.log.shutdown();
  journal.strictThrough = journal.acknowledgedThrough;
}

function commit(
  log: LogDurability,
  journal: Journal,
  version: Version,
  payload: Uint8Array,
  mode: DurabilityMode,
): void {
  journal.attempted.push({ version, payload });
  journal.versionMax = version;
  const lsn = log.append(version, payload);
  log.settle(lsn, mode);
  journal.acknowledgedThrough = version;
  if (mode === "strict") journal.strictThrough = version;
}

/** The segment that is being written, from its first byte, as far as it goes. */
function imitation(vfs: CrashVfs, log: LogDurability): Uint8Array {
  const path = log.describe().segment!;
  const file = vfs.open(path, "read");
  const bytes = new Uint8Array(Math.min(file.size(), 4096 + 600));
  file.read(bytes, 0);
  file.close();
  return bytes;
}

/** @throws {Error} when recovery gave back anything but exactly these commits. */
export function expectSame(recovered: readonly RecoveredCommit[], attempted: readonly AttemptedCommit[]): void {
  if (recovered.length !== attempted.length)
    throw new Error(`${recovered.length} commits were recovered, not ${attempted.length}`);
  expectPrefix(recovered, attempted);
}

/** @throws {Error} when what recovery gave back is no prefix of these commits. */
export function expectPrefix(recovered: readonly RecoveredCommit[], attempted: readonly AttemptedCommit[]): void {
  for (const [i, { version, payload }] of recovered.entries()) {
    const expected = attempted[i];
    if (expected === undefined) throw new Error(`commit ${version} was recovered and never made`);
    if (expected.version !== version)
      throw new Error(`commit ${version} was recovered where ${expected.version} was made`);
    if (!sameBytes(expected.payload, payload)) throw new Error(`commit ${version} was recovered with other contents`);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
