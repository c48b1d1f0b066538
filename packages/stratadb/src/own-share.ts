import type { Database } from "@strata/engine";
import type { DatabaseShare } from "./strata-cursor.js";

/** The only share in a database: giving it back closes it. */
export function ownShare(database: Database): DatabaseShare {
  return {
    database,
    joined: false,
    release: () => database.close(),
    shutdown: (options) => database.shutdown(options),
  };
}
