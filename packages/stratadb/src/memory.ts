import { RunHandle } from "@strata/api";
import type { Options } from "@strata/core";
import { memoryShare } from "./memory-share.js";
import type { OpenOptions } from "./open-options.js";
import { type DatabaseShare, StrataCursor } from "./strata-cursor.js";

export * from "./surface.js";

/** The database where there is no file system: in memory only. */
export class Strata extends StrataCursor {
  private constructor(share: DatabaseShare | undefined, handle: RunHandle) {
    super(handle.database, share, handle);
  }

  /** A database in memory only: gone when it is closed. */
  static cache(options?: OpenOptions): Strata {
    const share = memoryShare("Strata.cache", options);
    return new Strata(share, RunHandle.on(share.database));
  }

  /** Another cursor on the same database, from the defaults. Closing it ends only itself. */
  newHandle(at?: Options<{ run: string; space: string }>): Strata {
    return new Strata(undefined, this.handleAt(at));
  }
}
