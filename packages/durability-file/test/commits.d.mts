import type { Checkpoint, Durability, RecoverySummary } from "@strata/durability";

/** Between 20 and 420 bytes that tell the version. */
export function payloadOf(version: number): Uint8Array;

/** Recovers a log of such commits and checks each of them. `last` is the version of the last, 0 when there is none. */
export function recoverCommits(durability: Durability): { readonly summary: RecoverySummary; readonly last: number };

/** Publishes a checkpoint of all commits up to `version`: one more file beside those of `before`, or one for all of them. */
export function publishCommits(
  durability: Durability,
  version: number,
  before: Checkpoint | undefined,
): Promise<Checkpoint>;

/** Names of its files. */
export function namesIn(checkpoint: Checkpoint | undefined): string[];
