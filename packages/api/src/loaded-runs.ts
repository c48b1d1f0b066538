import { StateError } from "@strata/core";
import type { Database, Run } from "@strata/engine";

/**
 * Which runs of a database may be touched. Normally all; a database opened with a list to preload refuses the others until they are
 * loaded by name. One per database, as its extension.
 */
export class LoadedRuns {
  /** Ids of the loaded runs; `undefined` for all of them. */
  #ids: Set<string> | undefined = undefined;

  /** @throws {StateError} `DATABASE_CLOSED` */
  static of(database: Database): LoadedRuns {
    return database.extension(LoadedRuns);
  }

  /** From here on only these runs, and those loaded later. */
  restrictTo(runs: Iterable<{ readonly id: string }>): void {
    this.#ids = new Set(Array.from(runs, (run) => run.id));
  }

  /** Lifts the restriction. */
  addAll(): void {
    this.#ids = undefined;
  }

  add(run: { readonly id: string }): void {
    this.#ids?.add(run.id);
  }

  /** @throws {StateError} `RUN_NOT_LOADED` */
  check(run: Run): void {
    if (this.#ids === undefined || this.#ids.has(run.id)) return;
    throw new StateError("RUN_NOT_LOADED", `run "${run.name}" is not loaded`, { run: run.name });
  }
}
