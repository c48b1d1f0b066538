import {
  type DatabaseOptions,
  durabilityMode,
  Database as Engine,
  DatabaseBuilder as EngineBuilder,
} from "@strata/engine";
import { directorySettings, openDirectory, openTemporary } from "./directory.js";
import { checkOpenOptions, mustPath, type OpenOptions } from "./open-options.js";

/**
 * The engine's builder with the file backend bound: `open()` makes or recovers the directory that `path` names, and joins the engine that
 * has it open in this process.
 */
export class DatabaseBuilder extends EngineBuilder {
  #buffered: OpenOptions["buffered"];
  #ephemeral = false;
  #options: Omit<DatabaseOptions, "durability"> = {};

  override bufferedWith(flushIntervalMs: number, maxPendingWrites: number): this {
    super.bufferedWith(flushIntervalMs, maxPendingWrites);
    this.#buffered = { flushIntervalMs, maxPendingWrites };
    return this;
  }

  override ephemeral(): this {
    this.#ephemeral = true;
    return super.ephemeral();
  }

  override with(options: Omit<DatabaseOptions, "durability">): this {
    this.#options = { ...this.#options, ...options };
    return super.with(options);
  }

  override open(): Engine {
    if (this.#ephemeral) return super.open();
    const path = this.getPath();
    return path === undefined ? this.openTemp() : openDirectory(path, this.#settings()).database;
  }

  override openTemp(): Engine {
    return openTemporary(this.#settings()).database;
  }

  #settings() {
    return { mode: this.getDurability(), buffered: this.#buffered, recovery: undefined, engine: this.#options };
  }
}

/** The engine, with the file backend bound: for low-level use. `close()` ends it for everybody in this process that has it open. */
export type Database = Engine;

export const Database = Object.freeze({
  builder(): DatabaseBuilder {
    return new DatabaseBuilder();
  },

  /** Makes or recovers the database in the directory `path`; the same path again in this process gives the same engine. */
  open(path: string, options?: OpenOptions): Engine {
    mustPath("Database.open", path);
    checkOpenOptions("Database.open", options);
    return openDirectory(path, directorySettings("Database.open", options ?? {})).database;
  },

  /** `open` with a durability mode: `none`, `buffered`, `strict`, or another spelling of these. */
  openWithMode(path: string, mode: string): Engine {
    return Database.open(path, { durability: durabilityMode(mode) });
  },

  /** A database in memory only: no files, no log. Two never share anything. */
  ephemeral(options?: Omit<DatabaseOptions, "durability">): Engine {
    return Engine.ephemeral(options);
  },

  [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Engine;
  },
});
