import { vi } from "vitest";
import { Checkpointer } from "../src/checkpoint/checkpointer.js";
import type { Database } from "../src/index.js";

/** The checkpointer of a database, which nobody else is given. */
export function checkpointerOf(db: Database): Checkpointer {
  const nothing = { runs: 0, bytes: 0, logBytesRetired: 0, entriesDropped: 0 };
  const spy = vi.spyOn(Checkpointer.prototype, "run").mockResolvedValueOnce(nothing);
  try {
    void db.checkpoint();
    return spy.mock.contexts[0] as unknown as Checkpointer;
  } finally {
    spy.mockRestore();
  }
}
