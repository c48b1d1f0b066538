import { InlineSyncDriver, LogDurability, type LogOptions, type Vfs } from "@strata/durability";
import { ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { Database, type DatabaseOptions } from "../src/index.js";

/** A database on a simulated disk, with time and chance of its own: the same steps give the same bytes. */
export interface SimulatedDatabase {
  readonly db: Database;
  readonly time: ManualTime;
}

export type SimulationOptions = Pick<LogOptions, "mode" | "segments"> &
  Pick<DatabaseOptions, "checkpoint" | "memoryBudgetBytes" | "retention" | "logger"> & {
    readonly seed?: number;
    readonly time?: ManualTime;
  };

/** Segments are tiny unless `segments` says otherwise. */
export function openSimulated(vfs: Vfs, options: SimulationOptions = {}): SimulatedDatabase {
  const { mode, segments = TINY_SEGMENTS, seed = 1, time = new ManualTime(), ...others } = options;
  const random = new SeededRandom(seed);
  const shared = { clock: time, timer: time, random };
  const driver = new InlineSyncDriver(vfs, time);
  const durability = new LogDurability(vfs, driver, { ...shared, mode, segments });
  return { db: Database.open({ ...others, ...shared, durability }), time };
}
