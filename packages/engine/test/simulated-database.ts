import { InlineSyncDriver, LogDurability, type LogOptions, type Vfs } from "@strata/durability";
import { ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { Database } from "../src/index.js";

/** A database on a simulated disk, with time and chance of its own: the same steps give the same bytes. */
export interface SimulatedDatabase {
  readonly db: Database;
  readonly time: ManualTime;
}

/** Segments are tiny unless `segments` says otherwise. */
export function openSimulated(
  vfs: Vfs,
  options: Pick<LogOptions, "mode" | "segments"> & { readonly seed?: number } = {},
): SimulatedDatabase {
  const time = new ManualTime();
  const random = new SeededRandom(options.seed ?? 1);
  const shared = { clock: time, timer: time, random };
  const driver = new InlineSyncDriver(vfs, time);
  const durability = new LogDurability(vfs, driver, {
    ...shared,
    mode: options.mode,
    segments: options.segments ?? TINY_SEGMENTS,
  });
  return { db: Database.open({ ...shared, durability }), time };
}
