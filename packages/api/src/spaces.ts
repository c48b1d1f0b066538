import type { Options } from "@strata/core";
import type { Database, Run } from "@strata/engine";
import { checkOptions, isBoolean } from "./option-check.js";

/** The spaces of one run: they organise its data, and a transaction may span them. */
export interface Spaces {
  /** In code point order, `"default"` always among them. */
  list(): string[];
  /** Registers a space without writing to it, as the first write would. @returns false when it was there. */
  create(name: string): boolean;
  exists(name: string): boolean;
  /**
   * Deletes a space: only when it is empty (`SPACE_NOT_EMPTY`), or with all its data under `force`. Never `"default"`
   * (`CONSTRAINT_VIOLATION`). @returns false when there was none.
   */
  delete(name: string, options?: Options<{ force: boolean }>): boolean;
}

export class RunSpaces implements Spaces {
  readonly #database: Database;
  readonly #run: Run;

  constructor(database: Database, run: Run) {
    this.#database = database;
    this.#run = run;
  }

  list(): string[] {
    return this.#database.spaces(this.#run).list();
  }

  create(name: string): boolean {
    return this.#database.spaces(this.#run).create(name);
  }

  exists(name: string): boolean {
    return this.#database.spaces(this.#run).exists(name);
  }

  delete(name: string, options?: Options<{ force: boolean }>): boolean {
    checkOptions("spaces.delete", options, { force: isBoolean });
    return this.#database.spaces(this.#run).delete(name, options);
  }
}
