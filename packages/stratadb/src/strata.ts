import { checkOptions, isString, LoadedRuns, type OptionCheck, RunHandle } from "@strata/api";
import { InvalidArgumentError, type Options, StateError } from "@strata/core";
import type { Durability } from "@strata/durability";
import { Database, DEFAULT_RUN, type LongWork, type RecoveryReport, type VerifyReport } from "@strata/engine";
import { directorySettings, openDirectory, openTemporary } from "./directory.js";
import { memoryShare } from "./memory-share.js";
import { makeDatabase } from "./new-directory.js";
import { checkOpenOptions, engineOptions, mustPath, type OpenOptions, searching } from "./open-options.js";
import { ownShare } from "./own-share.js";
import { repairDirectory } from "./repair-directory.js";
import { type DatabaseShare, LONG_WORK, StrataCursor } from "./strata-cursor.js";

/** Which runs `openAsync` makes usable at once. */
type Preload = Options<{ preload: "all" | readonly string[] }>;

/**
 * A database with a cursor on one run and one space: for scripts and a single task. Between two awaits somebody else may move the cursor;
 * share `in(…)` instead.
 */
export class Strata extends StrataCursor {
  private constructor(share: DatabaseShare | undefined, handle: RunHandle) {
    super(handle.database, share, handle);
  }

  /**
   * Opens the database in the directory `path`; makes or recovers it. The same path again in this process joins the same engine.
   *
   * @throws {StateError} `DATABASE_LOCKED`, `facts.holder`, while another process has it open
   * @throws {InvalidArgumentError} `NOT_A_DATABASE` when something else is at `path`
   * @throws {CorruptionError} `WAL_CORRUPT`, `MANIFEST_CORRUPT`, `MANIFEST_MISSING`: with file and offset
   */
  static open(path: string, options?: OpenOptions): Strata;
  /** Opens the database that a backend keeps. @throws {StateError} `ASYNC_BACKEND` when only `openAsync` can */
  static open(options: OpenOptions & { readonly durability: Durability }): Strata;
  static open(target: string | OpenOptions, options?: OpenOptions): Strata {
    return Strata.#over(openTarget("Strata.open", target, options ?? {}));
  }

  /** Opens a database on any backend. Runs outside `preload` throw `RUN_NOT_LOADED` until `runs.load`; all are loaded unless said. */
  static async openAsync(
    target: string | (OpenOptions & { readonly durability: Durability }),
    options?: OpenOptions & Preload,
  ): Promise<Strata> {
    checkPreload(options);
    const { preload = "all", ...rest } = options ?? {};
    const share =
      typeof target === "object"
        ? openTarget("Strata.openAsync", withDefined(target, rest), {})
        : openTarget("Strata.openAsync", target, rest);
    try {
      return Strata.#over(share, preload);
    } catch (error) {
      share.release();
      throw error;
    }
  }

  /** A database in memory only: nothing on disk, gone when it is closed. */
  static cache(options?: OpenOptions): Strata {
    return Strata.#over(memoryShare("Strata.cache", options));
  }

  /** A real database in a temporary directory, which is removed when it is closed. */
  static openTemp(options?: OpenOptions): Strata {
    checkOpenOptions("Strata.openTemp", options);
    return Strata.#over(openTemporary(directorySettings("Strata.openTemp", options ?? {})));
  }

  /** Another cursor on the same database, from the defaults. Closing it ends only itself. */
  newHandle(at?: Options<{ run: string; space: string }>): Strata {
    return new Strata(undefined, this.handleAt(at));
  }

  /**
   * Writes all that is committed, with its history, into a new database in `directory`: one version of everything, while reads and writes
   * go on. It is opened and verified before it takes its place; where that does not come to its end, nothing is left of it.
   *
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT` when the directory is not empty, `NOT_A_DATABASE` when it is a file
   * @throws {CorruptionError} of what cannot be read here: `Strata.repair` takes what can
   */
  async backup(directory: string, options?: LongWork): Promise<VerifyReport> {
    // Who has been closed says so.
    this.currentRun();
    mustPath("backup", directory);
    checkOptions("backup", options, LONG_WORK);
    const work = options ?? {};
    return (await makeDatabase(directory, (target) => this.database.backup(target, work), work)).report;
  }

  /**
   * Makes a new database in `into` of what can be read of a damaged one, which is not touched. Everything that is whole is in it; `lost`
   * says what is not, with its place and the runs that miss it.
   *
   * @throws {StateError} `DATABASE_LOCKED` while the damaged one is open, `FORMAT_TOO_NEW`
   * @throws {InvalidArgumentError} `NOT_A_DATABASE` when there is nothing of one; `INVALID_ARGUMENT` when `into` is not empty
   * @throws {CorruptionError} when nothing is left that tells which runs there were
   */
  static async repair(path: string, options: { readonly into: string } & LongWork): Promise<RecoveryReport> {
    mustPath("Strata.repair", path);
    checkOptions("Strata.repair", options, { ...LONG_WORK, into: isString });
    const { into, ...work } = options;
    mustPath("Strata.repair", into);
    return await repairDirectory(path, into, work);
  }

  static #over(share: DatabaseShare, preload: "all" | readonly string[] = "all"): Strata {
    const { database, joined } = share;
    if (!database.runs.exists(DEFAULT_RUN)) {
      share.release();
      throw withoutDefaultRun(database.dataDir);
    }
    const loaded = LoadedRuns.of(database);
    if (preload === "all") loaded.addAll();
    else if (joined) for (const name of preload) loaded.add(database.runs.must(name));
    else loaded.restrictTo(preload.map((name) => database.runs.must(name)));
    return new Strata(share, RunHandle.on(database));
  }
}

/** What a process leaves that is killed while it makes a database, and a repair of one of which too little was left. */
function withoutDefaultRun(path: string | undefined): StateError {
  const where = path === undefined ? "the database" : `the database in ${path}`;
  const message = `${where} has no run "${DEFAULT_RUN}" yet: opening it for writing makes it`;
  return new StateError("READ_ONLY", message, { path });
}

function openTarget(what: string, target: unknown, options: OpenOptions): DatabaseShare {
  if (typeof target !== "object" || target === null) {
    mustPath(what, target);
    checkOpenOptions(what, options);
    return openDirectory(target, directorySettings(what, options));
  }
  const given = target as OpenOptions;
  checkOpenOptions(what, given);
  const { durability } = given;
  if (typeof durability !== "object") {
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} without a path needs a backend: { durability }`, {
      option: "durability",
    });
  }
  return ownShare(Database.open({ ...searching(engineOptions(given), given), durability }));
}

/** `base` with the members of `more` that are not absent. */
function withDefined(base: OpenOptions, more: OpenOptions): OpenOptions {
  return { ...base, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) };
}

const isPreload: OptionCheck = (value) =>
  value === "all" || (Array.isArray(value) && value.every((name) => typeof name === "string"))
    ? undefined
    : '"all" or a list of runs';

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
function checkPreload(options: unknown): void {
  checkOpenOptions("Strata.openAsync", options as OpenOptions, { preload: isPreload });
}
