/** A database in a directory. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InvalidArgumentError, type Lsn, type Version } from "@strata/core";
import {
  type Checkpoint,
  type Durability,
  LogDurability,
  type LogOptions,
  type RecoverySummary,
} from "@strata/durability";
import { identityOf } from "./held-locks.js";
import { ioFailure } from "./io-failure.js";
import { NodeVfs } from "./node-vfs.js";
import { WorkerSyncDriver } from "./worker-sync-driver.js";

/** How the log in the directory is kept. Everything has a default. */
export type FileDurabilityOptions = LogOptions;

/**
 * Commits in the directory `path`, by one process at a time. Nothing is touched before `recover`, which makes the
 * directory, and those above it, where they are absent and the database is not opened read-only.
 *
 * Ending without `shutdown` is allowed at any moment: what was acknowledged was written, and what was to be fsynced
 * still is when the process exits by itself. No signal handler is installed.
 *
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` an option or the path is not what it must be.
 */
export function fileDurability(path: string, options: FileDurabilityOptions = {}): Durability {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${JSON.stringify(path)} is no path of a directory`, { path });
  }
  return new FileDurability(new NodeVfs(path), options);
}

/**
 * What tells one directory from another, whatever it is called: the same text for every path, link and mount that leads
 * to it. `undefined` when it does not exist.
 */
export function directoryIdentity(path: string): string | undefined {
  return identityOf(path);
}

class FileDurability extends LogDurability {
  readonly #directory: string;
  readonly #readOnly: boolean;

  constructor(vfs: NodeVfs, options: FileDurabilityOptions) {
    super(vfs, new WorkerSyncDriver(vfs), options);
    this.#directory = vfs.name;
    this.#readOnly = options.readOnly === true;
  }

  override recover(
    visit: (payload: Uint8Array, lsn: Lsn, version: Version) => void,
    onCheckpoint?: (checkpoint: Checkpoint) => void,
  ): RecoverySummary {
    if (!this.#readOnly) makeDirectories(this.#directory);
    else isDirectory(this.#directory);
    return super.recover(visit, onCheckpoint);
  }
}

/** Makes a directory and what is missing above it. Where there is no database yet, its name is made durable before one is made. */
function makeDirectories(path: string): void {
  let highest = path;
  try {
    if (!isDirectory(path)) highest = mkdirSync(path, { recursive: true }) ?? path;
    else if (readdirSync(path).some((name) => name.startsWith("MANIFEST"))) return;
  } catch (error) {
    throw ioFailure("makeDirectory", path, error);
  }
  for (let made = path; made.length >= highest.length; made = dirname(made)) {
    new NodeVfs(dirname(made)).syncDirectory("");
    if (made === dirname(made)) return;
  }
}

/** @throws {InvalidArgumentError} `NOT_A_DATABASE` when it is something else. */
function isDirectory(path: string): boolean {
  let stat: { isDirectory(): boolean } | undefined;
  try {
    stat = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw ioFailure("open", path, error);
  }
  if (stat === undefined || stat.isDirectory()) return stat !== undefined;
  throw new InvalidArgumentError("NOT_A_DATABASE", `"${path}" is a file; a database is a directory`, { path });
}
