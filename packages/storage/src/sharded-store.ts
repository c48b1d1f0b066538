/**
 * The runs of a database.
 */
import { assert, type RunId, type Version } from "@strata/core";
import { RunShard } from "./shard.js";

/** One shard for each run, so that runs are isolated by construction. */
export class ShardedStore {
  readonly #shards: Map<RunId, RunShard> = new Map();

  /** Runs in memory. */
  get size(): number {
    return this.#shards.size;
  }

  /**
   * A run with nothing in it; with a `parent`, one that has what the parent had at `forkVersion`. O(1).
   *
   * @param id not in use.
   */
  create(id: RunId, parent?: RunShard, forkVersion?: Version): RunShard {
    return this.adopt(new RunShard(id, parent, forkVersion));
  }

  /** Takes a run that exists elsewhere already. @param shard its id is not in use. @returns the same */
  adopt(shard: RunShard): RunShard {
    assert(!this.#shards.has(shard.id), "the id of a run is never used again");
    this.#shards.set(shard.id, shard);
    return shard;
  }

  get(id: RunId): RunShard | undefined {
    return this.#shards.get(id);
  }

  /** Forgets a run. Its forks keep what they see of it. @returns whether it was there. */
  drop(id: RunId): boolean {
    const shard = this.#shards.get(id);
    if (shard === undefined) return false;
    shard.dropped = true;
    shard.layout++;
    return this.#shards.delete(id);
  }

  /** The runs in memory, in the order in which they came there. */
  loaded(): IterableIterator<RunShard> {
    return this.#shards.values();
  }
}
