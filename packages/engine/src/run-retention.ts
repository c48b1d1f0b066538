import { CorruptionError, StateError, SYSTEM_RUN, type Version } from "@strata/core";
import {
  type Compacted,
  compactShard,
  parseRetention,
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
   * Makes sure that everything is known that `run` held at `version`: for who is going to hold on to it.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest
   */
  assertWhole(run: Run, version: Version): void {
    let { shard } = run;
    while (shard.parent !== undefined && version <= shard.forkVersion) shard = shard.parent;
    const trimmed = this.#ofShards.get(shard)?.trimmedAt(version);
    if (trimmed === undefined) return;
    throw new StateError(
      "HISTORY_TRIMMED",
      `some of what run "${run.name}" held at version ${version} is no longer kept; from version ${trimmed.to} on it may be`,
      { run: run.name, requested: { version }, earliest: trimmed.to },
    );
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
