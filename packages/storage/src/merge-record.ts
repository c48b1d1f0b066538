/**
 * What merges brought into a run.
 */
import type { RunId, Version } from "@strata/core";

/** Everything that a run held at a version, named by the run's number. */
export interface ContainedRun {
  readonly run: RunId;
  readonly version: Version;
}

/**
 * One merge: since commit `version` of the target, it contains these. The first is the run that was merged; the others came with it. None
 * where single changes were picked, which makes no run contained.
 */
export interface MergeRecord {
  readonly version: Version;
  readonly contained: readonly ContainedRun[];
}
