import type { RunShard } from "@strata/storage";
import type { SegmentPlace } from "./segment-place.js";

/** What a chain takes in memory besides its value. Bytes. */
const CHAIN_BYTES = 200;

/**
 * Where what runs have in memory and in files is more than `allowed` bytes, lets it go until it is half of that, the largest runs first.
 *
 * @param placesOf where the files of a run lie.
 */
export function evictLargest(
  shards: readonly RunShard[],
  placesOf: (shard: RunShard) => readonly SegmentPlace[],
  allowed: number,
): void {
  const sizes = shards.map((shard) => ({ shard, bytes: memoryOf(shard, placesOf(shard)) }));
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= allowed) return;
  sizes.sort((a, b) => b.bytes - a.bytes);
  for (const { shard, bytes } of sizes) {
    if (total <= allowed / 2) return;
    shard.evict();
    total -= bytes;
  }
}

/** About what a run takes in memory. */
function memoryOf(shard: RunShard, places: readonly SegmentPlace[]): number {
  const chains = shard.residentChains;
  if (chains === 0) return 0;
  let keys = 0;
  for (const space of shard.ownSpaces()) for (const table of space.ownTables()) keys += table.cold?.keys ?? 0;
  const bytes = places.reduce((sum, { length }) => sum + length, 0);
  // Unpacked, a value takes about twice what it takes in a file.
  return chains * (CHAIN_BYTES + (2 * bytes) / Math.max(1, keys));
}
