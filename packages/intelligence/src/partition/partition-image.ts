import { CorruptionError, type RunId } from "@strata/core";
import type { IndexImage, SavedImage } from "@strata/engine";
import type { Table } from "@strata/storage";
import { ImageColumns, imageOf, partsFrom } from "../image/index.js";
import { FirstWrites } from "./first-writes.js";
import { Partition } from "./partition.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";
import { Slots } from "./slots.js";

/** Of a partition, among those of its run. */
export function imageName({ name }: { readonly name: string }, table: Table): string {
  const { space, primitive } = table;
  return `${name}/${primitive}/${space.createdAt}/${space.name}`;
}

/** What is to be written of a partition; `undefined` where the index does not keep anything in files. */
export function imageFrom(run: RunId, partition: Partition<SlotIndex>): IndexImage | undefined {
  const { kind, table, slots, index, floor, watermark, firstWrites } = partition;
  const parts = index.save?.();
  if (parts === undefined) return undefined;
  const columns = { ...slots.columns(), ...firstWrites?.columns(), ...parts.columns };
  return imageOf(run, imageName(kind, table), { head: [floor, watermark, parts.head], columns });
}

/** @throws what an image that makes no sense leads to; then the partition is built anew. */
export function partitionFrom<I extends SlotIndex>(kind: IndexKind<I>, table: Table, saved: SavedImage): Partition<I> {
  const { head, columns } = partsFrom(saved);
  const [floor, watermark, own] = Array.isArray(head) ? head : [];
  const { lastVersion } = table.space.shard;
  if (!isVersion(floor) || !isVersion(watermark) || floor > watermark || own === undefined || kind.load === undefined)
    throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of an index says nothing of versions", {
      image: saved.name,
    });
  // An image is never ahead of its run, except where the run's newest commits were lost: what it has of them never was.
  if (watermark > lastVersion)
    throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of an index is ahead of its run", {
      watermark,
      lastVersion,
    });
  const named = new ImageColumns(columns);
  const slots = new Slots(named);
  const firstWrites = table.base === undefined ? undefined : new FirstWrites(named);
  return Partition.restored(kind, table, {
    slots,
    index: kind.load({ head: own, columns }, slots),
    floor,
    watermark,
    firstWrites,
  });
}

function isVersion(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
