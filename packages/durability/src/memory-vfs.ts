import { assert, IoError } from "@strata/core";
import { MemoryLocks } from "./memory-locks.js";
import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "./vfs.js";

/**
 * The reference implementation of `Vfs`: files in memory. Nothing survives the process, so syncing does nothing; what
 * survives a crash is `CrashVfs`'s subject. Files outlive the log that wrote them: opening the same `MemoryVfs` again is
 * reopening the database.
 */
export class MemoryVfs implements Vfs {
  readonly name: string;
  readonly traits: VfsTraits = { directorySync: true };
  readonly #files = new Map<string, MemoryContent>();
  readonly #directories = new Set<string>([""]);
  readonly #locks = new MemoryLocks();

  constructor(name = "memory") {
    this.name = name;
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    checkPath(path);
    let content = this.#files.get(path);
    if (mode === "create") {
      if (content !== undefined || this.#directories.has(path)) throw failure("open", path, "EEXIST");
      if (!this.#directories.has(parentOf(path))) throw failure("open", path, "ENOENT");
      content = new MemoryContent();
      this.#files.set(path, content);
    } else if (content === undefined) {
      throw failure("open", path, this.#directories.has(path) ? "EISDIR" : "ENOENT");
    }
    return new MemoryFile(path, content, mode !== "read");
  }

  exists(path: string): boolean {
    checkPath(path);
    return this.#files.has(path) || this.#directories.has(path);
  }

  list(directory: string): string[] {
    checkPath(directory);
    if (this.#files.has(directory)) throw failure("list", directory, "ENOTDIR");
    const names: string[] = [];
    for (const path of this.#files.keys()) if (parentOf(path) === directory) names.push(nameOf(path));
    for (const path of this.#directories) if (path !== "" && parentOf(path) === directory) names.push(nameOf(path));
    return names.sort();
  }

  size(path: string): number | undefined {
    checkPath(path);
    return this.#files.get(path)?.size;
  }

  makeDirectory(path: string): void {
    checkPath(path);
    if (this.#files.has(path)) throw failure("makeDirectory", path, "EEXIST");
    if (!this.#directories.has(parentOf(path))) throw failure("makeDirectory", path, "ENOENT");
    this.#directories.add(path);
  }

  rename(from: string, to: string): void {
    checkPath(from);
    checkPath(to);
    const content = this.#files.get(from);
    if (content === undefined || !this.#directories.has(parentOf(to))) throw failure("rename", from, "ENOENT");
    if (this.#directories.has(to)) throw failure("rename", to, "EISDIR");
    this.#files.delete(from);
    this.#files.set(to, content);
  }

  unlink(path: string): void {
    checkPath(path);
    if (this.#directories.has(path)) throw failure("unlink", path, "EISDIR");
    this.#files.delete(path);
  }

  syncDirectory(path: string): void {
    checkPath(path);
    if (!this.#directories.has(path)) throw failure("syncDirectory", path, "ENOENT");
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    checkPath(path);
    if (!this.#files.has(path)) this.#files.set(path, new MemoryContent());
    return this.#locks.take(path, kind);
  }

  /** A second, independent disk with the same files; locks are not copied. */
  clone(): MemoryVfs {
    const copy = new MemoryVfs(this.name);
    for (const directory of this.#directories) copy.#directories.add(directory);
    for (const [path, content] of this.#files) copy.#files.set(path, content.clone());
    return copy;
  }
}

/** The bytes of a file, whatever its name: `bytes[0, size)`, zeros behind. Copies share their bytes until one is changed. */
export class MemoryContent {
  size = 0;
  #bytes = NO_BYTES;
  #shared = true;

  /** A view, valid until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  write(source: Uint8Array, start: number, length: number, position: number): void {
    const end = position + length;
    this.#own(end);
    if (start === 0 && length === source.length) this.#bytes.set(source, position);
    else this.#bytes.set(source.subarray(start, start + length), position);
    if (end > this.size) this.size = end;
  }

  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.size - position));
    if (length > 0) target.set(this.#bytes.subarray(position, position + length));
    return length;
  }

  truncate(size: number): void {
    this.#own(size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  clone(): MemoryContent {
    const copy = new MemoryContent();
    copy.#bytes = this.#bytes;
    copy.size = this.size;
    this.#shared = true;
    return copy;
  }

  /** Makes the bytes its own, with room for `size`. */
  #own(size: number): void {
    const room = this.#bytes.length;
    if (!this.#shared && size <= room) return;
    const bytes = new Uint8Array(size > room ? Math.max(size, room * 2) : room);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#shared = false;
  }
}

const NO_BYTES = new Uint8Array(0);

class MemoryFile implements VfsFile {
  readonly path: string;
  readonly #content: MemoryContent;
  readonly #writable: boolean;
  #open = true;

  constructor(path: string, content: MemoryContent, writable: boolean) {
    this.path = path;
    this.#content = content;
    this.#writable = writable;
  }

  size(): number {
    assert(this.#open, "the file is closed");
    return this.#content.size;
  }

  read(target: Uint8Array, position: number): number {
    assert(this.#open, "the file is closed");
    return this.#content.read(target, position);
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): number {
    assert(this.#open, "the file is closed");
    if (!this.#writable) throw failure("write", this.path, "EBADF");
    this.#content.write(bytes, start, length, position);
    return length;
  }

  sync(): void {
    assert(this.#open, "the file is closed");
  }

  syncData(): void {
    assert(this.#open, "the file is closed");
  }

  truncate(size: number): void {
    assert(this.#open, "the file is closed");
    if (!this.#writable) throw failure("truncate", this.path, "EINVAL");
    this.#content.truncate(size);
  }

  close(): void {
    this.#open = false;
  }
}

/** The directory that holds this name. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** @throws {InvariantError} when the path could leave the directory. */
export function checkPath(path: string): void {
  if (path === "") return;
  for (const segment of path.split("/")) {
    assert(segment !== "" && segment !== "." && segment !== "..", `not a path inside the database: ${path}`);
  }
}

function failure(operation: string, path: string, errno: string): IoError {
  return new IoError("IO_ERROR", `${operation} ${path}: ${errno}`, { operation, path, errno });
}
