import type { Clock, Timer } from "@strata/core";
import type { Durability } from "@strata/durability";
import type { RunShard } from "@strata/storage";
import { rewriting, type WritingPolicy } from "./checkpoint/checkpoint-work.js";
import type { Checkpointer } from "./checkpoint/checkpointer.js";
import { removeExpired } from "./expired-keys.js";
import type { LiveRuns } from "./live-runs.js";
import { type LongWork, Slices } from "./long-work.js";
import type { Run } from "./run.js";
import type { RunRetention } from "./run-retention.js";
import type { Transactions } from "./transactions.js";

/** What compacting a database brought. */
export interface CompactionInfo {
  /** Entries of keys that were dropped, in memory and in files. */
  readonly versionsDropped: number;
  /** By how much log and snapshot files became smaller; 0 without files. */
  readonly bytesFreed: number;
}

/**
 * Drops what retention does not keep, expired keys of trimmed runs among it: in memory at once, in files by writing the runs concerned anew. Runs that lie in files of which little
 * is in use are written anew too. What views, transactions, tags, forks and merges need stays.
 */
export class Compaction {
  readonly #durability: Durability;
  readonly #runs: LiveRuns;
  readonly #retention: RunRetention;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #policy: WritingPolicy;
  readonly #transactions: Transactions;
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
    readonly transactions: Transactions;
    readonly clock: Clock;
    readonly timer: Timer;
  }) {
    this.#durability = parts.durability;
    this.#runs = parts.runs;
    this.#retention = parts.retention;
    this.#checkpointer = parts.checkpointer;
    this.#policy = parts.policy;
    this.#transactions = parts.transactions;
    this.#clock = parts.clock;
    this.#timer = parts.timer;
  }

  /** @param erase whether everything is written anew, so that nothing which was deleted or trimmed is left on the disk. */
  async run(erase: boolean, work: LongWork): Promise<CompactionInfo> {
    const slices = new Slices(this.#clock, this.#timer, work.signal);
    const before = this.#diskBytes();
    const trimmed = await this.#trimmed(slices);
    const rewritten = new Set<RunShard>(trimmed.map(({ shard }) => shard));
    for (const run of trimmed) await removeExpired(run, () => this.#clock.now(), this.#transactions, slices);
    const inMemory = await slices.run(this.#retention.compact([...this.#runs.loaded()], this.#clock.now()));
    const checkpointer = this.#checkpointer;
    if (checkpointer === undefined) return { versionsDropped: inMemory.versionsDropped, bytesFreed: 0 };
    const policy = rewriting(this.#policy, (shard) => rewritten.has(shard) && shard.coldThrough > shard.forkVersion);
    const { entriesDropped } = erase
      ? await checkpointer.rewriteAll(this.#policy, work)
      : await checkpointer.rewrite(policy, work);
    return {
      versionsDropped: inMemory.versionsDropped + entriesDropped,
      bytesFreed: Math.max(0, before - this.#diskBytes()),
    };
  }

  /** The runs whose history is trimmed. */
  async #trimmed(slices: Slices): Promise<Run[]> {
    const trimmed: Run[] = [];
    for (const name of this.#runs.names()) {
      const run = this.#runs.find(name);
      if (run !== undefined && this.#retention.rulesOf(run) !== undefined) trimmed.push(run);
      await slices.pause();
    }
    return trimmed;
  }

  #diskBytes(): number {
    const files = this.#durability.snapshots;
    const inFiles = files === undefined ? 0 : files.list().reduce((sum, name) => sum + files.open(name).size, 0);
    return inFiles + (this.#durability.describe().logBytes ?? 0);
  }
}
