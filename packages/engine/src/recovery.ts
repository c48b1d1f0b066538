import { ByteReader, CorruptionError, type Version } from "@strata/core";
import type { Checkpoint, Durability, RecoverySummary } from "@strata/durability";
import { applyCommit } from "./apply.js";
import type { LiveRuns } from "./live-runs.js";
import { LogTails } from "./log-tail.js";
import { decodeCommit, decodeHead } from "./operation.js";

/** What opening found, for people and for `info()`. */
export interface RecoveryReport {
  /** Commits read back. */
  readonly commits: number;
  /** Bytes behind the last whole commit that were cut: never acknowledged as strict. */
  readonly tornBytes: number;
  /** Where they lay. */
  readonly cut: readonly { readonly file: string; readonly offset: number; readonly bytes: number }[];
  /** What `recovery: "salvage"` or a repair gave up; empty otherwise. */
  readonly lost: readonly LostPart[];
}

/** A stretch of a file whose contents are not there any more. */
export interface LostPart {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** What lay there, and why it cannot be read, as far as that is known. */
  readonly what?: string;
  /** Names of the runs that miss it, those that inherited it included, as far as they are known. */
  readonly runs?: readonly string[];
}

export interface Recovered {
  readonly summary: RecoverySummary;
  readonly report: RecoveryReport;
  /** The lowest version that may be given out: above all that were ever used. */
  readonly nextVersion: Version;
  /** Timestamp of the newest commit, µs since the epoch; 0 without one. */
  readonly lastTimestamp: number;
}

/**
 * Folds the log into an empty store, on top of the checkpoint that it begins with: afterwards store and registry are what they were after the
 * last commit that the log holds. Of runs other than `_system`, commits are folded when something of the run is first asked for: until then
 * their payloads are kept. Merges alone are folded at once, for what they contain is asked of all runs together.
 *
 * The result is a prefix of commit order that contains every commit acknowledged as strict; it depends on the files alone, and doing it
 * again, also after a crash in the middle, gives the same. Nothing is served before it returns.
 *
 * @param onCheckpoint makes the store what it was at the checkpoint. @returns the timestamp of its newest commit
 * @throws CorruptionError when the log is damaged below its durable end, or holds what no engine of this version wrote; where operations
 *   are not what they should be although their checksum is, whoever asks for the run is told
 */
export function recover(
  durability: Durability,
  runs: LiveRuns,
  onCheckpoint: (checkpoint: Checkpoint) => number,
): Recovered {
  let newestVersion = 0;
  let lastTimestamp = 0;
  const tails = new LogTails();
  const visit = (payload: Uint8Array) => {
    const { run: number, version, timestamp, isMerge } = decodeHead(new ByteReader(payload));
    if (version <= newestVersion) {
      throw new CorruptionError("CORRUPT_RECORD", `commit ${version} follows commit ${newestVersion}`, { version });
    }
    const run = runs.byNumber(number);
    if (run === undefined) {
      const message = `commit ${version} is for run ${number}, which does not exist`;
      throw new CorruptionError("CORRUPT_RECORD", message, { version, run: number });
    }
    if (run === runs.system || isMerge) {
      const commit = decodeCommit(new ByteReader(payload));
      applyCommit(run.shard, commit, payload.length);
      runs.fold(commit);
    } else {
      tails.of(run.shard).add(payload, version, timestamp);
    }
    newestVersion = version;
    lastTimestamp = timestamp;
  };
  const summary = durability.recover(visit, (checkpoint) => {
    newestVersion = checkpoint.version;
    lastTimestamp = onCheckpoint(checkpoint);
  });
  const place = ({ file, offset, bytes }: { file: string; offset: number; bytes: number }) => ({ file, offset, bytes });
  const report = {
    commits: summary.commits,
    tornBytes: summary.tornBytes,
    cut: summary.cut.map(place),
    lost: summary.lost.map(place),
  };
  return { summary, report, nextVersion: Math.max(summary.nextVersion, newestVersion + 1), lastTimestamp };
}
