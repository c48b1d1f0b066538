import type { Durability, RecoverySummary } from "@strata/durability";

/** Between 20 and 420 bytes that tell the version. */
export function payloadOf(version: number): Uint8Array;

/** Recovers a log of such commits and checks each of them. `last` is the version of the last, 0 when there is none. */
export function recoverCommits(durability: Durability): { readonly summary: RecoverySummary; readonly last: number };
