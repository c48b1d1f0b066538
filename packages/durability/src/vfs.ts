/**
 * The files a log lives in, as a port. Everything StrataDB knows of a disk goes through `Vfs`, so that a crash, a full
 * disk or a browser's storage is one more implementation. Every call is synchronous, but two that a platform may leave out.
 *
 * Paths are relative to the database's directory and use "/"; "" is that directory itself, which exists. No path starts
 * with "/" or contains "." or ".." segments.
 *
 * What an implementation promises, and nothing beyond it is assumed:
 *
 *  1. What `write` accepted is read back by every file opened on that path, at once, and survives the end of the process.
 *  2. It survives a power failure once `sync` or `syncData` of *any* file open on that path, called after the write, has
 *     returned. Before that any part of it may survive in any order: sectors, bytes, nothing.
 *  3. `create`, `rename` and `unlink` are seen at once, and survive a power failure once `syncDirectory` of the directory
 *     that holds the name has returned. A rename replaces its target in one step: afterwards the name holds the one or the
 *     other. Contents and names are independent: a name that survived may hold nothing unless the file was synced too.
 *  4. After `sync` has thrown, what had been written and not yet synced may be lost although a later `sync` succeeds.
 *  5. A failed call changed nothing but what its docstring says.
 *
 * Failures of the medium are `IoError`: `DISK_FULL` when space or quota ran out, else `IO_ERROR`; with the facts
 * `operation`, `path` and, where the platform has one, `errno`. Limits of the interface itself (a closed file, a path that
 * leaves the directory) are `InvariantError`: no user can cause them.
 */

/** How a file is opened: `read` and `readWrite` need it to exist, `create` needs it not to. */
export type VfsOpenMode = "read" | "readWrite" | "create";

/** Whom a lock keeps out: `exclusive` everybody, `shared` only those who want it exclusively. */
export type VfsLockKind = "exclusive" | "shared";

/** What differs between implementations and is visible to their callers. */
export interface VfsTraits {
  /** False where directories cannot be synced (Windows): `syncDirectory` then does nothing, and names are as safe as the platform makes them. */
  readonly directorySync: boolean;
}

/** A directory of files. See the top of this module for what survives what. */
export interface Vfs {
  /** For messages: the directory, or what stands in its place. */
  readonly name: string;
  readonly traits: VfsTraits;

  /**
   * Opens a file. Several may be open on one path; each has its own descriptor.
   *
   * @throws {IoError} `IO_ERROR`, also when a file to read is absent or a file to create is there.
   */
  open(path: string, mode: VfsOpenMode): VfsFile;

  /** Whether a file or directory has this name. */
  exists(path: string): boolean;

  /**
   * Names (not paths) of the files and directories in `directory`, in code unit order; none when it is absent.
   *
   * @throws {IoError} `IO_ERROR` when the directory cannot be read, never when it is absent.
   */
  list(directory: string): string[];

  /** Length of the file in bytes; `undefined` when nothing has this name. */
  size(path: string): number | undefined;

  /** Makes a directory; does nothing when it is there. Its parent must exist; sync the parent to keep the name. */
  makeDirectory(path: string): void;

  /** Gives `from` the name `to`, replacing what had that name. */
  rename(from: string, to: string): void;

  /** Removes a name. Files open on it stay usable. Does nothing when it is absent. */
  unlink(path: string): void;

  /** Makes the names in this directory as durable as its last change. `""` is the database's directory. */
  syncDirectory(path: string): void;

  /** The same without blocking, where the platform can; callers fall back on `syncDirectory`. */
  syncDirectoryAsync?(path: string): Promise<void>;

  /**
   * Takes the lock that this file stands for, without waiting; makes the file where needed. The lock ends with `release`
   * and with the process, however it ends. A second lock by the same process is refused like anybody else's.
   *
   * @throws {StateError} `DATABASE_LOCKED`, with the fact `holder`: what is known of who has it.
   */
  lock(path: string, kind: VfsLockKind): VfsLock;
}

/** An open file. */
export interface VfsFile {
  /** The path it was opened by. */
  readonly path: string;

  /** Its length in bytes now. */
  size(): number;

  /**
   * Fills `target` from `position` on. May return fewer bytes than `target` holds, and 0 only at the end of the file;
   * callers use `readFully`.
   *
   * @returns how many bytes were read.
   */
  read(target: Uint8Array, position: number): number;

  /**
   * Writes `bytes[start, start + length)` at `position`; beyond the end the file grows, and a gap reads as zeros.
   * **May write fewer bytes than asked** and say so only by its result: callers use `writeFully`. When it throws, any
   * part of the range may have been written.
   *
   * @param bytes is not kept: the caller may reuse it at once.
   * @returns how many bytes were written.
   */
  write(bytes: Uint8Array, start: number, length: number, position: number): number;

  /** Makes contents, length and attributes durable (fsync). */
  sync(): void;

  /** `sync` without blocking, where the platform can; callers fall back on `sync`. What is written meanwhile may be covered or not. */
  syncAsync?(): Promise<void>;

  /** Makes contents, and the length when it changed, durable (fdatasync). */
  syncData(): void;

  /** Cuts the file to `size` bytes, or extends it with zeros. */
  truncate(size: number): void;

  /** Releases the descriptor, once no `syncAsync` is running; does not sync. A second call does nothing. */
  close(): void;
}

/** A lock that is held. */
export interface VfsLock {
  /** How it is kept, for `info()`: `"memory"`, `"ofd"`, `"sqlite"`, `"pid-file"` … */
  readonly method: string;

  /** Gives it up; a second call does nothing. */
  release(): void;
}
