import type { Version } from "@strata/core";
import type { RunShard } from "@strata/storage";

/** One version of one run: what diff and merge compare. */
export interface Point {
  readonly shard: RunShard;
  /** Commits up to here are seen. */
  readonly version: Version;
}
