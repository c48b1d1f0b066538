import { MemoryVfs } from "../memory-vfs.js";
import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "../vfs.js";

/** Files in memory whose asynchronous syncs end when the test says so. */
export class HeldVfs implements Vfs {
  readonly name = "held";
  readonly traits: VfsTraits = { directorySync: true };
  readonly disk: MemoryVfs;
  readonly #held: HeldSync[] = [];
  /** Whether syncs wait to be released. */
  holds = true;

  constructor(disk: MemoryVfs = new MemoryVfs()) {
    this.disk = disk;
  }

  /** What is being synced, in the order in which it began. */
  get held(): readonly string[] {
    return this.#held.map(({ path }) => path);
  }

  /** Ends the oldest sync. */
  release(failure?: Error): void {
    const sync = this.#held.shift();
    if (failure === undefined) sync?.resolve();
    else sync?.reject(failure);
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    const file = this.disk.open(path, mode);
    return {
      path,
      size: () => file.size(),
      read: (target, position) => file.read(target, position),
      write: (bytes, start, length, position) => file.write(bytes, start, length, position),
      sync: () => file.sync(),
      syncAsync: () => this.#hold(path),
      syncData: () => file.syncData(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  }

  exists(path: string): boolean {
    return this.disk.exists(path);
  }

  list(directory: string): string[] {
    return this.disk.list(directory);
  }

  size(path: string): number | undefined {
    return this.disk.size(path);
  }

  makeDirectory(path: string): void {
    this.disk.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.disk.rename(from, to);
  }

  unlink(path: string): void {
    this.disk.unlink(path);
  }

  syncDirectory(path: string): void {
    this.disk.syncDirectory(path);
  }

  syncDirectoryAsync(path: string): Promise<void> {
    return this.#hold(path === "" ? "." : path);
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    return this.disk.lock(path, kind);
  }

  #hold(path: string): Promise<void> {
    if (!this.holds) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#held.push({ path, resolve, reject });
    });
  }
}

interface HeldSync {
  readonly path: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}
