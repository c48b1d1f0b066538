import {
  type Backend,
  type BuilderSettings,
  type DatabaseBuilder,
  type DatabaseOptions,
  durabilityMode,
  Database as Engine,
} from "@strata/engine";
import { type DirectorySettings, directorySettings, openDirectory, openTemporary } from "./directory.js";
import { checkOpenOptions, mustPath, type OpenOptions } from "./open-options.js";

/** Directories for the engine's builder: a path that is open in this process is joined. */
const directories: Backend = {
  open: (path, settings) => openDirectory(path, settingsOf(settings)).database,
  openTemporary: (settings) => openTemporary(settingsOf(settings)).database,
};

function settingsOf({ mode, buffered, options }: BuilderSettings): DirectorySettings {
  return { mode, buffered, recovery: undefined, search: {}, engine: options };
}

/** The engine, with the file backend bound: for low-level use. `close()` ends it for everybody in this process that has it open. */
export type Database = Engine;

export const Database = Object.freeze({
  builder(): DatabaseBuilder {
    return Engine.builder(directories);
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
