import { StateError } from "@strata/core";
import type { Database, Run } from "@strata/engine";

/**
 * Which runs of a database may be touched. Normally all; a database opened with a list to preload refuses the others until they are
 * loaded by name. One per database, as its extension.
 */
export class LoadedRuns {
  /** The loaded ones; `undefined` for all. */
  #runs: WeakSet<Run> | undefined = undefined;

  /** @throws {StateError} `DATABASE_CLOSED` */
  static of(database: Database): LoadedRuns {
    return database.extension(LoadedRuns);
  }

  /** From here on only these runs, and those loaded later. */
  restrictTo(runs: readonly Run[]): void {
    this.#runs = new WeakSet(runs);
  }

  /** Lifts the restriction. */
  addAll(): void {
    this.#runs = undefined;
  }

  add(run: Run): void {
    this.#runs?.add(run);
  }

  /** `add` for runs that nobody has asked for yet: where there is no restriction they are not even looked up. */
  addNew(names: Iterable<string>, database: Database): void {
    if (this.#runs !== undefined) for (const name of names) this.#runs.add(database.runs.must(name));
  }

  /** @throws {StateError} `RUN_NOT_LOADED` */
  check(run: Run): void {
    if (this.#runs === undefined || this.#runs.has(run)) return;
    throw new StateError("RUN_NOT_LOADED", `run "${run.name}" is not loaded`, { run: run.name });
  }
}
