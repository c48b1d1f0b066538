/**
 * Three ways to own a directory, best first. Each answers `"held"` when somebody else does and `"unavailable"` when it
 * does not work here, so that the next is tried.
 *
 * The first two lock the same bytes of the same empty file, the *guard*, so that on Linux and Windows a process that has
 * one and a process that has only the other still keep each other out. The kernel frees both when the process ends.
 * POSIX locks, which SQLite uses, end when any descriptor of the file is closed in the process: nothing else here may
 * open a guard that SQLite has locked.
 */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { VfsLockKind } from "@strata/durability";
import { errnoOf, ioFailure } from "./io-failure.js";

/** Gives a lock up. */
export type Release = () => void;

export type LockAttempt = Release | "held" | "unavailable";

/** Where SQLite keeps its locks in a file, and how many bytes they take. Far behind the end of an empty file. */
const LOCK_OFFSET = 0x4000_0000;
const LOCK_LENGTH = 512;

/** What is used of `fs-native-extensions`. Its binding throws `EAGAIN` where its front returns false. */
interface LockAddon {
  tryLock(descriptor: number, offset: number, length: number, exclusive: boolean): void;
}

/** How the addon locks here, as `info()` names it. */
export const ADDON_METHOD: string =
  process.platform === "linux" || process.platform === "android"
    ? "ofd"
    : process.platform === "win32"
      ? "LockFileEx"
      : "flock";

export const SQLITE_METHOD = "sqlite";

/** A lock by the prebuilt addon `fs-native-extensions`: on the open file description, not the process. */
export function lockByAddon(guardPath: string, kind: VfsLockKind): LockAttempt {
  const addon = loadAddon();
  if (addon === undefined) return "unavailable";
  const descriptor = openGuard(guardPath, kind);
  let keep = false;
  try {
    if (!tryAddonLock(addon, descriptor, kind === "exclusive")) return "held";
    if (kind === "exclusive" && !refusesSecond(addon, guardPath)) return "unavailable";
    keep = true;
  } catch (error) {
    if (!UNSUPPORTED.has(errnoOf(error) ?? "")) throw ioFailure("lock", guardPath, error);
    return "unavailable";
  } finally {
    if (!keep) closeSync(descriptor);
  }
  return () => closeSync(descriptor);
}

/** What systems say that know no such lock, or not on this file system. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOLCK"]);

function openGuard(guardPath: string, kind: VfsLockKind): number {
  try {
    return openSync(guardPath, kind === "shared" ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT, 0o666);
  } catch (error) {
    throw ioFailure("open", guardPath, error);
  }
}

/** Some file systems grant every lock. One that a second descriptor gets as well is none. */
function refusesSecond(addon: LockAddon, guardPath: string): boolean {
  const second = openSync(guardPath, "r+");
  try {
    return !tryAddonLock(addon, second, true);
  } finally {
    closeSync(second);
  }
}

function tryAddonLock(addon: LockAddon, descriptor: number, exclusive: boolean): boolean {
  try {
    addon.tryLock(descriptor, LOCK_OFFSET, LOCK_LENGTH, exclusive);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EAGAIN" || errnoOf(error) === "EACCES" || errnoOf(error) === "EWOULDBLOCK") return false;
    throw error;
  }
}

let loadedAddon: LockAddon | undefined | "absent";

/**
 * The addon's binding, loaded by its own path: its front takes 7 to 12 ms to find the same file, this 0.4. `undefined`
 * when the package is not installed or has no build for this system.
 */
function loadAddon(): LockAddon | undefined {
  if (loadedAddon === undefined) {
    loadedAddon = "absent";
    try {
      const require = createRequire(import.meta.url);
      const home = dirname(require.resolve("fs-native-extensions/package.json"));
      const build = join(home, "prebuilds", `${process.platform}-${process.arch}`, "fs-native-extensions.node");
      if (existsSync(build)) {
        const binding: unknown = require(build);
        if (isLockAddon(binding)) loadedAddon = binding;
      }
    } catch {
      // Not installed, or built for another C library: the next method serves.
    }
  }
  return loadedAddon === "absent" ? undefined : loadedAddon;
}

function isLockAddon(binding: unknown): binding is LockAddon {
  return (
    typeof binding === "object" && binding !== null && "tryLock" in binding && typeof binding.tryLock === "function"
  );
}

/** What is used of `node:sqlite`. */
interface SqliteModule {
  readonly DatabaseSync: new (
    path: string,
    options: { readonly readOnly: boolean },
  ) => { exec(sql: string): void; close(): void };
}

/** A lock by a transaction of SQLite, left open, on the guard as an empty database. Node 22.5 and later. */
export function lockBySqlite(guardPath: string, kind: VfsLockKind): LockAttempt {
  const sqlite = loadSqlite();
  if (sqlite === undefined) return "unavailable";
  try {
    const database = new sqlite.DatabaseSync(guardPath, { readOnly: kind === "shared" });
    try {
      // The journal in memory: this transaction must leave nothing on disk, whenever the process ends.
      database.exec(
        kind === "exclusive"
          ? "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE"
          : "BEGIN; SELECT count(*) FROM sqlite_schema",
      );
    } catch (error) {
      database.close();
      throw error;
    }
    return () => database.close();
  } catch (error) {
    const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
    return code === SQLITE_BUSY || code === SQLITE_LOCKED ? "held" : "unavailable";
  }
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

let loadedSqlite: SqliteModule | undefined | "absent";

function loadSqlite(): SqliteModule | undefined {
  if (loadedSqlite === undefined) {
    loadedSqlite = "absent";
    // Where SQLite is still marked experimental, loading it prints a warning, once. Its lock is not the part that may
    // change, and a library has no business printing: only that one warning is held back, only during the load.
    const emitWarning = process.emitWarning;
    process.emitWarning = () => {};
    try {
      const module: unknown = process.getBuiltinModule("node:sqlite");
      if (isSqliteModule(module)) loadedSqlite = module;
    } catch {
      // Built without it, or forbidden.
    } finally {
      process.emitWarning = emitWarning;
    }
  }
  return loadedSqlite === "absent" ? undefined : loadedSqlite;
}

function isSqliteModule(module: unknown): module is SqliteModule {
  return typeof module === "object" && module !== null && "DatabaseSync" in module;
}
