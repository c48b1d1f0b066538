import type { Version } from "@strata/core";
import type { KeepEntries, RunShard } from "@strata/storage";
import type { WritingPolicy } from "./checkpoint/checkpoint-work.js";
import type { LiveRuns } from "./live-runs.js";
import type { RunRetention } from "./run-retention.js";

/**
 * What checkpoints leave out where they take older segments into a new one: what the run's retention does not keep. A deleted run that forks
 * read through has no policy any more, and keeps what it has.
 */
export class RetentionWriting implements WritingPolicy {
  readonly #runs: LiveRuns;
  readonly #retention: RunRetention;

  constructor(runs: LiveRuns, retention: RunRetention) {
    this.#runs = runs;
    this.#retention = retention;
  }

  isRewritten(): boolean {
    return false;
  }

  isHeld(shard: RunShard, from: Version, to: Version): boolean {
    return this.#retention.groundOf(shard).isPinned(from, to);
  }

  keep(shard: RunShard): KeepEntries | undefined {
    const run = this.#runs.byNumber(shard.id);
    return run === undefined ? undefined : this.#retention.of(run)?.keep;
  }
}
