import { CorruptionError, StateError, StrataError, SYSTEM_RUN, type Version } from "@strata/core";
import {
  type Compacted,
  compactShard,
  parseRetention,
  RETAINED_PRIMITIVES,
  type RetentionGround,
  type RetentionRules,
  type RunShard,
  ShardRetention,
  trims,
} from "@strata/storage";
import type { CommitRecord } from "./operation.js";
import type { RetentionPins } from "./retention-pins.js";
import type { Run, RunRow } from "./run.js";

/** Member of a run's row: its own policy, as `formatRetention` writes it. */
export const RETENTION = "retention";

const EVERYTHING = { start: undefined, end: undefined, reverse: false };

/** What is told of a commit that was just applied. */
type Applied = Pick<CommitRecord, "version" | "contained">;

/**
 * Trims the runs of a database, each by its own policy or the database's. What is read back from the log is not trimmed while it is: a fork
 * that follows may be one of the past. It is on the next write to the key.
 */
export class RunRetention {
  readonly #default: RetentionRules;
  readonly #pins: RetentionPins;
  readonly #ofShards = new WeakMap<RunShard, ShardRetention>();
  /** Policies of runs that have one of their own, read from their rows. */
  readonly #ofRows = new WeakMap<RunRow, RetentionRules>();
  readonly #trimsByDefault: boolean;

  constructor(rules: RetentionRules, pins: RetentionPins) {
    this.#default = rules;
    this.#trimsByDefault = trims(rules);
    this.#pins = pins;
  }

  /** The rules in force for a run. The reserved run keeps everything: its past says which runs there were. */
  rulesOf(run: Run): RetentionRules | undefined {
    const rules = this.#ownRules(run.row) ?? this.#default;
    return run.number === SYSTEM_RUN || !trims(rules) ? undefined : rules;
  }

  /** What trims a run; `undefined` where nothing does. */
  of(run: Run): ShardRetention | undefined {
    const rules = this.rulesOf(run);
    if (rules === undefined) return undefined;
    const { shard } = run;
    let retention = this.#ofShards.get(shard);
    if (retention === undefined) {
      retention = new ShardRetention(shard, rules, () => this.#pins.groundOf(shard));
      this.#ofShards.set(shard, retention);
    }
    retention.rules = rules;
    return retention;
  }

  groundOf(shard: RunShard): RetentionGround {
    return this.#pins.groundOf(shard);
  }

  /** Follows a commit that was just applied. */
  follow(run: Run, { version, contained }: Applied): void {
    if (contained !== undefined) this.#pins.mergesChanged();
    if (this.#trimsByDefault || run.row[RETENTION] !== undefined) this.of(run)?.follow(version);
  }

  /**
   * Applies each run's policy to everything that it has in memory, and forgets keys that are dead and needed by nobody. In slices, between
   * which runs may be read and written.
   *
   * @param now µs since the epoch.
   */
  *compact(runs: Iterable<Run>, now: number): Generator<void, Compacted, undefined> {
    let versionsDropped = 0;
    let keysForgotten = 0;
    for (const run of runs) {
      const retention = run.dropped || !run.shard.isLoaded ? undefined : this.of(run);
      if (retention === undefined) continue;
      const compacted = yield* compactShard(run.shard, retention, now);
      versionsDropped += compacted.versionsDropped;
      keysForgotten += compacted.keysForgotten;
    }
    return { versionsDropped, keysForgotten };
  }

  /**
   * Makes sure that everything is known that `run` held at `version`: for who is going to hold on to it. Takes no time, save where an earlier
   * process may have trimmed the run: then every key is looked at.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest
   */
  assertWhole(run: Run, version: Version): void {
    let { shard } = run;
    while (shard.parent !== undefined && version <= shard.forkVersion) shard = shard.parent;
    const trimmed = this.#ofShards.get(shard)?.trimmedAt(version);
    const isInDoubt = trimmed === undefined && this.#mayHaveBeenTrimmed(shard, version);
    const earliest = trimmed?.to ?? (isInDoubt ? firstKnown(shard, version) : version);
    if (earliest <= version) return;
    throw new StateError(
      "HISTORY_TRIMMED",
      `some of what run "${run.name}" held at version ${version} is no longer kept; from version ${earliest} on it may be`,
      { run: run.name, requested: { version }, earliest },
    );
  }

  /** Whether files may lack something as of `version` that nobody in this process has dropped. */
  #mayHaveBeenTrimmed(shard: RunShard, version: Version): boolean {
    if (version >= Math.min(shard.coldThrough, shard.lastVersion)) return false;
    const row = this.#pins.rowOf(shard);
    // Of a run that was deleted nobody can say any more which policy it had.
    const hadPolicy = this.#trimsByDefault || row === undefined || row[RETENTION] !== undefined || isCut(shard);
    return hadPolicy && !this.#pins.heldBy(shard).versions.includes(version);
  }

  #ownRules(row: RunRow): RetentionRules | undefined {
    const text = row[RETENTION];
    if (text === undefined) return undefined;
    let rules = this.#ofRows.get(row);
    if (rules === undefined) {
      rules = typeof text === "string" ? parseRetention(text) : undefined;
      if (rules === undefined)
        throw new CorruptionError("CORRUPT_RECORD", "a run has a retention policy that is none", { retention: text });
      this.#ofRows.set(row, rules);
    }
    return rules;
  }
}

function isCut({ timeline, forkVersion }: RunShard): boolean {
  return timeline.floor > forkVersion;
}

/** `version` when all keys can be read as of it; otherwise a later one, from which on another key can. */
function firstKnown(shard: RunShard, version: Version): Version {
  try {
    for (const space of shard.spaces(version))
      for (const primitive of RETAINED_PRIMITIVES)
        shard.tableAt(space, primitive, version)?.scan(EVERYTHING, version, () => true);
    return version;
  } catch (error) {
    if (!StrataError.is(error, "HISTORY_TRIMMED")) throw error;
    return error.facts["earliest"] as Version;
  }
}
