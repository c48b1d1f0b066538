/** A directory of the operating system as a `Vfs`, by the synchronous calls of `node:fs`. */
import {
  close,
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { InvariantError } from "@strata/core";
import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "@strata/durability";
import { errnoOf, ioFailure } from "./io-failure.js";
import { takeLock } from "./os-lock.js";

const FLAGS = { read: "r", readWrite: "r+", create: "wx+" } as const satisfies {
  readonly [mode in VfsOpenMode]: string;
};

/** What systems say that cannot sync a directory: Windows, and some network file systems. */
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set([
  "EINVAL",
  "EISDIR",
  "EPERM",
  "EACCES",
  "EBADF",
  "ENOTSUP",
  "ENOSYS",
]);

/**
 * Files under one directory, which must exist. Facts of errors carry the path as the caller gave it, messages the whole.
 *
 * 1. No path leaves the directory by its name. (A symbolic link inside it is followed: who can make one there owns it.)
 * 2. No file is inherited by a process started from this one.
 */
export class NodeVfs implements Vfs {
  readonly name: string;
  /** `undefined` until the first attempt. */
  #directorySync: boolean | undefined;

  /** @param directory absolute, or relative to the current directory of the process now. */
  constructor(directory: string) {
    this.name = resolve(directory);
  }

  /** Found out by the first sync of a directory, which the question is where there was none before. */
  get traits(): VfsTraits {
    if (this.#directorySync === undefined) this.syncDirectory("");
    return { directorySync: this.#directorySync === true };
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    const absolute = this.#absolute(path);
    try {
      const descriptor = openSync(absolute, FLAGS[mode]);
      // Opening a directory to read succeeds on some systems and would fail later, less clearly.
      if (mode !== "read" || fstatSync(descriptor).isFile()) return new NodeFile(path, absolute, descriptor);
      closeSync(descriptor);
    } catch (error) {
      throw ioFailure("open", path, error, absolute);
    }
    throw ioFailure("open", path, Object.assign(new Error("no regular file"), { code: "EISDIR" }), absolute);
  }

  exists(path: string): boolean {
    return existsSync(this.#absolute(path));
  }

  list(directory: string): string[] {
    const absolute = this.#absolute(directory);
    try {
      // The default order of `sort` is by code unit, whatever the locale.
      return readdirSync(absolute).sort();
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw ioFailure("list", directory, error, absolute);
    }
  }

  size(path: string): number | undefined {
    const absolute = this.#absolute(path);
    try {
      return statSync(absolute, { throwIfNoEntry: false })?.size;
    } catch (error) {
      throw ioFailure("size", path, error, absolute);
    }
  }

  makeDirectory(path: string): void {
    const absolute = this.#absolute(path);
    try {
      mkdirSync(absolute);
    } catch (error) {
      if (errnoOf(error) === "EEXIST" && statSync(absolute, { throwIfNoEntry: false })?.isDirectory()) return;
      throw ioFailure("makeDirectory", path, error, absolute);
    }
  }

  rename(from: string, to: string): void {
    const absolute = this.#absolute(from);
    try {
      renameSync(absolute, this.#absolute(to));
    } catch (error) {
      throw ioFailure("rename", from, error, absolute);
    }
  }

  unlink(path: string): void {
    const absolute = this.#absolute(path);
    try {
      unlinkSync(absolute);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw ioFailure("unlink", path, error, absolute);
    }
  }

  syncDirectory(path: string): void {
    const absolute = this.#absolute(path);
    if (this.#directorySync === false) return;
    try {
      syncDescriptorOf(absolute);
      this.#directorySync = true;
    } catch (error) {
      this.#directorySyncFailed(path, absolute, error);
    }
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    const absolute = this.#absolute(path);
    if (this.#directorySync === false) return;
    try {
      await syncDescriptorOfAsync(absolute);
      this.#directorySync = true;
    } catch (error) {
      this.#directorySyncFailed(path, absolute, error);
    }
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    return takeLock(this.#absolute(path), kind);
  }

  /** @throws {IoError} unless directories cannot be synced here at all */
  #directorySyncFailed(path: string, absolute: string, cause: unknown): void {
    const unsupported = process.platform === "win32" || NO_DIRECTORY_SYNC.has(errnoOf(cause) ?? "");
    if (this.#directorySync === true || !unsupported) throw ioFailure("syncDirectory", path, cause, absolute);
    this.#directorySync = false;
  }

  #absolute(path: string): string {
    if (path === "") return this.name;
    const legal =
      !/[\0\\:]/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
    if (!legal) {
      throw new InvariantError(`${JSON.stringify(path)} is no path inside the database: names joined by "/", no ".."`);
    }
    return join(this.name, path);
  }
}

function syncDescriptorOf(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const openAsync = promisify(open);
const closeAsync = promisify(close);
const fsyncAsync = promisify(fsync);

async function syncDescriptorOfAsync(directory: string): Promise<void> {
  const descriptor = await openAsync(directory, "r");
  try {
    await fsyncAsync(descriptor);
  } finally {
    await closeAsync(descriptor);
  }
}

/** One open descriptor. */
class NodeFile implements VfsFile {
  readonly path: string;
  readonly #absolute: string;
  /** -1 once closed: the number may belong to another file by then. */
  #descriptor: number;
  /** How many fsyncs run on other threads; the descriptor is theirs as well. */
  #syncing = 0;

  constructor(path: string, absolute: string, descriptor: number) {
    this.path = path;
    this.#absolute = absolute;
    this.#descriptor = descriptor;
  }

  size(): number {
    try {
      return fstatSync(this.#open()).size;
    } catch (error) {
      throw this.#failure("size", error);
    }
  }

  read(target: Uint8Array, position: number): number {
    try {
      return readSync(this.#open(), target, 0, target.length, position);
    } catch (error) {
      throw this.#failure("read", error);
    }
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): number {
    try {
      return writeSync(this.#open(), bytes, start, length, position);
    } catch (error) {
      throw this.#failure("write", error);
    }
  }

  sync(): void {
    try {
      fsyncSync(this.#open());
    } catch (error) {
      throw this.#failure("sync", error);
    }
  }

  async syncAsync(): Promise<void> {
    const descriptor = this.#open();
    this.#syncing += 1;
    try {
      await fsyncAsync(descriptor);
    } catch (error) {
      throw this.#failure("sync", error);
    } finally {
      this.#syncing -= 1;
      // Closed meanwhile, and left to the last fsync: nobody is there to hear what it reports.
      if (this.#descriptor < 0 && this.#syncing === 0) close(descriptor, () => {});
    }
  }

  syncData(): void {
    try {
      fdatasyncSync(this.#open());
    } catch (error) {
      throw this.#failure("syncData", error);
    }
  }

  truncate(size: number): void {
    try {
      ftruncateSync(this.#open(), size);
    } catch (error) {
      throw this.#failure("truncate", error);
    }
  }

  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor < 0) return;
    // Whatever close reports, the descriptor is gone: trying again could close somebody else's.
    this.#descriptor = -1;
    if (this.#syncing > 0) return;
    try {
      closeSync(descriptor);
    } catch (error) {
      throw this.#failure("close", error);
    }
  }

  #open(): number {
    if (this.#descriptor < 0) throw new InvariantError(`"${this.#absolute}" is used after it was closed`);
    return this.#descriptor;
  }

  #failure(operation: string, cause: unknown): unknown {
    return ioFailure(operation, this.path, cause, this.#absolute);
  }
}
