/**
 * A moment of a run that stays readable.
 */
import type { Version } from "@strata/core";
import type { RunShard } from "./shard.js";

/** The MVCC snapshot: a version number, pinned from the constructor until `dispose`. It copies nothing. */
export class ReadView implements Disposable {
  readonly shard: RunShard;
  /** Reads see commits at or below it. */
  readonly version: Version;
  /** Whose history the version is one of. */
  readonly #owner: RunShard;
  #isPinned = true;

  constructor(shard: RunShard, version: Version) {
    this.shard = shard;
    this.version = version;
    let owner = shard;
    while (owner.parent !== undefined && version < owner.forkVersion) owner = owner.parent;
    this.#owner = owner;
    owner.watermark.pin(version);
  }

  /** Lets the version go. Again does nothing. */
  dispose(): void {
    if (!this.#isPinned) return;
    this.#isPinned = false;
    this.#owner.watermark.unpin(this.version);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
