import { Database } from "@strata/engine";
import { checkOpenOptions, engineOptions, mustMode, type OpenOptions, searching } from "./open-options.js";
import { ownShare } from "./own-share.js";
import type { DatabaseShare } from "./strata-cursor.js";

/** A new database in memory. A durability mode says nothing there and is let pass, so that one set of options serves both. */
export function memoryShare(what: string, options: OpenOptions = {}): DatabaseShare {
  checkOpenOptions(what, options);
  mustMode(what, options);
  return ownShare(Database.ephemeral(searching(engineOptions(options), options)));
}
