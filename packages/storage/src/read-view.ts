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
  #isPinned = true;

  constructor(shard: RunShard, version: Version) {
    this.shard = shard;
    this.version = version;
    shard.watermark.pin(version);
  }

  /** Lets the version go. Again does nothing. */
  dispose(): void {
    if (!this.#isPinned) return;
    this.#isPinned = false;
    this.shard.watermark.unpin(this.version);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
