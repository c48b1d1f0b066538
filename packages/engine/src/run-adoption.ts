import { type RunId, StrataError } from "@strata/core";
import type { ShardedStore } from "@strata/storage";
import type { AdoptedRun, AdoptionHost } from "./bundle/import-run.js";
import type { Checkpointer } from "./checkpoint/checkpointer.js";
import { snapshotMember } from "./checkpoint/filed-catalogue.js";
import type { CommitPass } from "./commit.js";
import type { RunInfo } from "./run.js";
import type { RunRegistry } from "./run-registry.js";

/**
 * Makes runs that come from elsewhere part of the database. Their commits have versions of their own, which may be lower than those in the
 * log, so they do not go there: the run comes as a snapshot file, and one small commit says that it is there. A crash leaves it whole or
 * absent. Without files it stays in memory as it came.
 */
export class RunAdoption implements AdoptionHost {
  readonly #runs: RunRegistry;
  readonly #store: ShardedStore;
  readonly #commitPass: CommitPass;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #drawNumber: () => RunId;

  constructor(parts: {
    readonly runs: RunRegistry;
    readonly store: ShardedStore;
    readonly commitPass: CommitPass;
    readonly checkpointer: Checkpointer | undefined;
    readonly drawNumber: () => RunId;
  }) {
    this.#runs = parts.runs;
    this.#store = parts.store;
    this.#commitPass = parts.commitPass;
    this.#checkpointer = parts.checkpointer;
    this.#drawNumber = parts.drawNumber;
  }

  hasName(name: string): boolean {
    return this.#runs.live.find(name) !== undefined;
  }

  hasId(id: string): boolean {
    let isKnown = false;
    this.#runs.live.visitNames("", "", (_name, row) => {
      isKnown = row.id === id;
      return !isKnown;
    });
    return isKnown;
  }

  drawNumber(): RunId {
    return this.#drawNumber();
  }

  async adoptShard(adopted: AdoptedRun, signal?: AbortSignal): Promise<RunInfo> {
    const { name, row, shard, tags, newestVersion, newestTimestamp } = adopted;
    const file = await this.#checkpointer?.writeIncoming(shard, signal);
    const { lastVersion, lastTimestamp } = shard;
    const member = file === undefined ? {} : snapshotMember({ lastVersion, lastTimestamp, places: file.places });
    this.#commitPass.skipThrough(newestVersion, newestTimestamp);
    this.#store.adopt(shard);
    try {
      const info = this.#runs.adopt(name, { ...row, ...member }, tags);
      file?.taken();
      return info;
    } catch (error) {
      this.#store.drop(shard.id);
      // A commit that is perhaps in the log names the file: should it not be there, a later opening removes the file.
      if (!StrataError.is(error) || error.outcome !== "maybe_committed") file?.discard();
      throw error;
    }
  }
}
