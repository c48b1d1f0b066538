import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { IoError } from "@strata/core";
import type { Durability, DurabilityMode } from "@strata/durability";
import { fileDurability } from "@strata/durability-file";
import { Database, type DatabaseOptions } from "@strata/engine";
import { onRelease } from "./on-release.js";
import { engineOptions, mustMode, type OpenOptions, type SearchSettings, searching } from "./open-options.js";
import { openShared } from "./open-registry.js";
import type { DatabaseShare } from "./strata-cursor.js";

/** How a directory is opened. */
export interface DirectorySettings {
  readonly mode: DurabilityMode;
  readonly buffered: OpenOptions["buffered"];
  readonly recovery: OpenOptions["recovery"];
  readonly search: SearchSettings;
  readonly engine: Omit<DatabaseOptions, "durability">;
}

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` when `options` brings a backend of its own */
export function directorySettings(what: string, options: OpenOptions): DirectorySettings {
  return {
    mode: mustMode(what, options),
    buffered: options.buffered,
    recovery: options.recovery,
    search: { embed: options.embed, textSearch: options.textSearch },
    engine: { ...engineOptions(options), memoryBudgetBytes: options.memoryBudgetBytes ?? defaultBudget() },
  };
}

/** A third of what the heap may become: the rest is for what cannot be read back, and for who uses the database. Bytes. */
function defaultBudget(): number {
  return Math.floor(getHeapStatistics().heap_size_limit / 3);
}

/** Opens the database in a directory, or joins the engine that has it open in this process. */
export function openDirectory(path: string, settings: DirectorySettings): DatabaseShare {
  return openShared(path, settings, (absolutePath, whenReleased) => {
    const engine = searching(settings.engine, settings.search);
    return Database.open({ ...engine, durability: onRelease(backendOf(absolutePath, settings), whenReleased) });
  });
}

/** The same in a new directory under the system's temporary one, which is removed when the database closes. */
export function openTemporary(settings: DirectorySettings): DatabaseShare {
  const path = makeTemporary();
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    return openShared(path, settings, (absolutePath, whenReleased) => {
      const engine = searching(settings.engine, settings.search);
      const durability = onRelease(backendOf(absolutePath, settings), () => {
        whenReleased();
        remove();
      });
      return Database.open({ ...engine, durability });
    });
  } catch (error) {
    remove();
    throw error;
  }
}

function makeTemporary(): string {
  const prefix = join(tmpdir(), "stratadb-");
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    const { code } = cause as { readonly code?: string };
    throw new IoError(
      "IO_ERROR",
      `no temporary directory could be made under "${tmpdir()}"`,
      { operation: "mkdtemp", path: prefix, errno: code },
      { cause },
    );
  }
}

function backendOf(absolutePath: string, { mode, buffered, recovery, engine }: DirectorySettings): Durability {
  const { readOnly, clock, random, logger } = engine;
  return fileDurability(absolutePath, { mode, buffered, recovery, readOnly, clock, random, logger });
}
