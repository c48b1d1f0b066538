import { InlineSyncDriver } from "./inline-sync-driver.js";
import { LogDurability } from "./log-durability.js";
import type { LogOptions } from "./log-options.js";
import type { SyncDriver } from "./sync-driver.js";
import type { Vfs } from "./vfs.js";

/** What the named modes take besides: options of the log, and who fsyncs (by default this very thread, from a timer). */
export type NamedModeOptions = Omit<LogOptions, "mode" | "buffered" | "flushThread"> & {
  readonly driver?: SyncDriver | undefined;
};

/** Acknowledges when written; the background fsync follows within `flushIntervalMs` or after `maxPendingWrites` commits. */
export class BufferedDurability extends LogDurability {
  /**
   * Without a background fsync yet: until `startFlushThread` each `maxPendingWrites`-th commit syncs for itself.
   * Most callers want `threaded`.
   */
  constructor(vfs: Vfs, flushIntervalMs = 100, maxPendingWrites = 1000, options: NamedModeOptions = {}) {
    const { driver = new InlineSyncDriver(vfs, options.timer), ...rest } = options;
    super(vfs, driver, {
      ...rest,
      mode: "buffered",
      buffered: { flushIntervalMs, maxPendingWrites },
      flushThread: false,
    });
  }

  /** The same with its background fsync running. */
  static threaded(
    vfs: Vfs,
    flushIntervalMs = 100,
    maxPendingWrites = 1000,
    options: NamedModeOptions = {},
  ): BufferedDurability {
    const durability = new BufferedDurability(vfs, flushIntervalMs, maxPendingWrites, options);
    durability.startFlushThread();
    return durability;
  }
}

/** Acknowledges after fsync. */
export class StrictDurability extends LogDurability {
  constructor(vfs: Vfs, options: NamedModeOptions = {}) {
    const { driver = new InlineSyncDriver(vfs, options.timer), ...rest } = options;
    super(vfs, driver, { ...rest, mode: "strict" });
  }
}

/** Acknowledges when written and never syncs for a commit: an orderly end and `kill -9` lose nothing, a power failure a suffix. */
export class UnsyncedDurability extends LogDurability {
  constructor(vfs: Vfs, options: NamedModeOptions = {}) {
    const { driver = new InlineSyncDriver(vfs, options.timer), ...rest } = options;
    super(vfs, driver, { ...rest, mode: "none" });
  }
}
