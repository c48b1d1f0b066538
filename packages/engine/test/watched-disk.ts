import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode } from "@strata/durability";
import type { CrashVfs } from "@strata/durability/testing";

/** A disk at one moment, as often as it is wanted: just before a call that changes something, or in the middle of it. */
export interface Moment {
  readonly what: string;
  /** As a process that is killed leaves it. */
  before(): CrashVfs;
  /** The same with the first bytes written, when the call is a write. */
  during(bytes: number): CrashVfs | undefined;
}

/**
 * Shows every moment of a disk while the process that uses it goes on. Another way to end it at each call in turn: what it would do behind
 * the call at which it ends cannot matter, for that changes nothing any more.
 */
export class WatchedDisk implements Vfs {
  readonly name = "watched";
  readonly #disk: CrashVfs;
  readonly #onChange: (moment: Moment) => void;
  /** Files that are open go by the names that they have by now. */
  readonly #open = new Set<WatchedFile>();

  constructor(disk: CrashVfs, onChange: (moment: Moment) => void) {
    this.#disk = disk;
    this.#onChange = onChange;
  }

  get traits() {
    return this.#disk.traits;
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    if (mode === "create") this.note(`create ${path}`);
    const file = new WatchedFile(this, this.#disk.open(path, mode), () => this.#open.delete(file));
    this.#open.add(file);
    return file;
  }

  exists(path: string): boolean {
    return this.#disk.exists(path);
  }

  list(directory: string): string[] {
    return this.#disk.list(directory);
  }

  size(path: string): number | undefined {
    return this.#disk.size(path);
  }

  makeDirectory(path: string): void {
    this.note(`make directory ${path}`);
    this.#disk.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.note(`rename ${from} to ${to}`);
    this.#disk.rename(from, to);
    for (const file of this.#open) if (file.livesAt === from) file.livesAt = to;
  }

  unlink(path: string): void {
    this.note(`unlink ${path}`);
    this.#disk.unlink(path);
  }

  syncDirectory(path: string): void {
    this.note(`sync directory "${path}"`);
    this.#disk.syncDirectory(path);
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    return this.#disk.lock(path, kind);
  }

  /** For `WatchedFile`. */
  note(what: string, write?: (copy: CrashVfs, bytes: number) => void): void {
    const disk = this.#disk;
    this.#onChange({
      what,
      before: () => disk.afterKill(),
      during(bytes) {
        if (write === undefined) return undefined;
        const copy = disk.afterKill();
        write(copy, bytes);
        return copy;
      },
    });
  }
}

class WatchedFile implements VfsFile {
  readonly path: string;
  readonly #disk: WatchedDisk;
  readonly #file: VfsFile;
  readonly #onClose: () => void;
  livesAt: string;

  constructor(disk: WatchedDisk, file: VfsFile, onClose: () => void) {
    this.path = file.path;
    this.livesAt = file.path;
    this.#disk = disk;
    this.#file = file;
    this.#onClose = onClose;
  }

  size(): number {
    return this.#file.size();
  }

  read(target: Uint8Array, position: number): number {
    return this.#file.read(target, position);
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): number {
    this.#disk.note(`write ${length} bytes to ${this.livesAt}`, (copy, count) => {
      const file = copy.open(this.livesAt, "readWrite");
      file.write(bytes, start, Math.min(count, length), position);
      file.close();
    });
    return this.#file.write(bytes, start, length, position);
  }

  sync(): void {
    this.#disk.note(`sync ${this.livesAt}`);
    this.#file.sync();
  }

  syncData(): void {
    this.sync();
  }

  truncate(size: number): void {
    this.#disk.note(`truncate ${this.livesAt}`);
    this.#file.truncate(size);
  }

  close(): void {
    this.#onClose();
    this.#file.close();
  }
}
