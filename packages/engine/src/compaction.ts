import type { Clock, Timer } from "@strata/core";
import type { Durability } from "@strata/durability";
import type { RunShard } from "@strata/storage";
import { rewriting, type WritingPolicy } from "./checkpoint/checkpoint-work.js";
import type { Checkpointer } from "./checkpoint/checkpointer.js";
import { wastefulFiles } from "./checkpoint/file-waste.js";
import type { LiveRuns } from "./live-runs.js";
import { type LongWork, Slices } from "./long-work.js";
import type { Run } from "./run.js";
import type { RunRetention } from "./run-retention.js";

/** What compacting a database brought. */
export interface CompactionInfo {
  /** Entries of keys that were dropped, in memory and in files. */
  readonly versionsDropped: number;
  /** By how much log and snapshot files became smaller; 0 without files. */
  readonly bytesFreed: number;
}

/**
 * Drops what retention does not keep: in memory at once, in files by writing the runs concerned anew. Runs that lie in files of which little
 * is in use are written anew too. What views, transactions, tags, forks and merges need stays.
 */
export class Compaction {
  readonly #durability: Durability;
  readonly #runs: LiveRuns;
  readonly #retention: RunRetention;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #policy: WritingPolicy;
  readonly #clock: Clock;
  readonly #timer: Timer;

  constructor(parts: {
    readonly durability: Durability;
    readonly runs: LiveRuns;
    readonly retention: RunRetention;
    /** `undefined` where there are no files. */
    readonly checkpointer: Checkpointer | undefined;
    /** What segments leave out. */
    readonly policy: WritingPolicy;
    readonly clock: Clock;
    readonly timer: Timer;
  }) {
    this.#durability = parts.durability;
    this.#runs = parts.runs;
    this.#retention = parts.retention;
    this.#checkpointer = parts.checkpointer;
    this.#policy = parts.policy;
    this.#clock = parts.clock;
    this.#timer = parts.timer;
  }

  /** @param erase whether everything is written anew, so that nothing which was deleted or trimmed is left on the disk. */
  async run(erase: boolean, work: LongWork): Promise<CompactionInfo> {
    const slices = new Slices(this.#clock, this.#timer, work.signal);
    const before = this.#diskBytes();
    const inMemory = await slices.run(this.#retention.compact([...this.#runs.loaded()], this.#clock.now()));
    const checkpointer = this.#checkpointer;
    if (checkpointer === undefined) return { versionsDropped: inMemory.versionsDropped, bytesFreed: 0 };
    const policy = erase ? this.#policy : await this.#rewritingWhatTrims(checkpointer, slices);
    const { entriesDropped } = erase
      ? await checkpointer.rewriteAll(policy, work)
      : await checkpointer.rewrite(policy, work);
    return {
      versionsDropped: inMemory.versionsDropped + entriesDropped,
      bytesFreed: Math.max(0, before - this.#diskBytes()),
    };
  }

  async #rewritingWhatTrims(checkpointer: Checkpointer, slices: Slices): Promise<WritingPolicy> {
    const wasteful = wastefulFiles(checkpointer.catalogue);
    const rewritten = new Set<RunShard>();
    for (const name of this.#runs.names()) {
      const run = this.#runs.find(name);
      if (run !== undefined && (this.#trims(run) || checkpointer.liesIn(run.number, wasteful)))
        rewritten.add(run.shard);
      await slices.pause();
    }
    return rewriting(this.#policy, (shard) => rewritten.has(shard) && shard.coldThrough > shard.forkVersion);
  }

  #trims(run: Run): boolean {
    return this.#retention.rulesOf(run) !== undefined;
  }

  #diskBytes(): number {
    const files = this.#durability.snapshots;
    const inFiles = files === undefined ? 0 : files.list().reduce((sum, name) => sum + files.open(name).size, 0);
    return inFiles + (this.#durability.describe().logBytes ?? 0);
  }
}
