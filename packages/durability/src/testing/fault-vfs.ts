import { IoError } from "@strata/core";
import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "../vfs.js";

export type VfsOperation =
  | "open"
  | "exists"
  | "list"
  | "size"
  | "makeDirectory"
  | "rename"
  | "unlink"
  | "syncDirectory"
  | "lock"
  | "fileSize"
  | "read"
  | "write"
  | "sync"
  | "syncData"
  | "truncate"
  | "close";

/** One call, as a fault sees it. */
export interface VfsCall {
  readonly operation: VfsOperation;
  readonly path: string;
  /** Counts all calls, from 1. */
  readonly index: number;
  /** Counts calls of this operation, from 1. */
  readonly ordinal: number;
}

/**
 * What happens instead of the call: an error, with the first `bytes` of a write accepted before it; a read or write of only
 * `bytes`; a failed fsync after which the pages count as clean (the inner `Vfs` must then be a `CrashVfs`).
 */
export type Fault =
  | { readonly kind: "error"; readonly errno: string; readonly bytes?: number }
  | { readonly kind: "short"; readonly bytes: number }
  | { readonly kind: "pagesLost" };

/** A disk whose unsynced contents can be declared clean: what a failed fsync does. */
interface ForgetfulVfs extends Vfs {
  loseUnsynced(path: string): void;
}

/** Passes every call on, except those for which `faultFor` has something else in mind. */
export class FaultVfs implements Vfs {
  readonly name: string;
  readonly traits: VfsTraits;
  readonly #inner: Vfs;
  readonly #faultFor: (call: VfsCall) => Fault | undefined;
  readonly #ordinals = new Map<VfsOperation, number>();
  #calls = 0;

  constructor(inner: Vfs, faultFor: (call: VfsCall) => Fault | undefined) {
    this.#inner = inner;
    this.#faultFor = faultFor;
    this.name = inner.name;
    this.traits = inner.traits;
  }

  /** How many calls there were. */
  get calls(): number {
    return this.#calls;
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    this.check("open", path);
    return new FaultFile(this, this.#inner.open(path, mode));
  }

  exists(path: string): boolean {
    this.check("exists", path);
    return this.#inner.exists(path);
  }

  list(directory: string): string[] {
    this.check("list", directory);
    return this.#inner.list(directory);
  }

  size(path: string): number | undefined {
    this.check("size", path);
    return this.#inner.size(path);
  }

  makeDirectory(path: string): void {
    this.check("makeDirectory", path);
    this.#inner.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.check("rename", from);
    this.#inner.rename(from, to);
  }

  unlink(path: string): void {
    this.check("unlink", path);
    this.#inner.unlink(path);
  }

  syncDirectory(path: string): void {
    this.check("syncDirectory", path);
    this.#inner.syncDirectory(path);
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    this.check("lock", path);
    return this.#inner.lock(path, kind);
  }

  /** For `FaultFile`: throws the error that is due. @returns how many bytes may pass, where that is limited. */
  check(operation: VfsOperation, path: string, beforeError?: (bytes: number) => void): number | undefined {
    this.#calls += 1;
    const ordinal = (this.#ordinals.get(operation) ?? 0) + 1;
    this.#ordinals.set(operation, ordinal);
    const fault = this.#faultFor({ operation, path, index: this.#calls, ordinal });
    if (fault === undefined) return undefined;
    switch (fault.kind) {
      case "short":
        return fault.bytes;
      case "pagesLost":
        if (isForgetful(this.#inner)) this.#inner.loseUnsynced(path);
        throw injected(operation, path, "EIO");
      case "error":
        if (fault.bytes !== undefined) beforeError?.(fault.bytes);
        throw injected(operation, path, fault.errno);
    }
  }
}

class FaultFile implements VfsFile {
  readonly path: string;
  readonly #vfs: FaultVfs;
  readonly #inner: VfsFile;

  constructor(vfs: FaultVfs, inner: VfsFile) {
    this.#vfs = vfs;
    this.#inner = inner;
    this.path = inner.path;
  }

  size(): number {
    this.#vfs.check("fileSize", this.path);
    return this.#inner.size();
  }

  read(target: Uint8Array, position: number): number {
    const bytes = this.#vfs.check("read", this.path);
    return this.#inner.read(bytes === undefined ? target : target.subarray(0, bytes), position);
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): number {
    const accept = (count: number) => this.#inner.write(bytes, start, Math.min(count, length), position);
    const accepted = this.#vfs.check("write", this.path, accept);
    if (accepted === 0) return 0;
    return accept(accepted ?? length);
  }

  sync(): void {
    this.#vfs.check("sync", this.path);
    this.#inner.sync();
  }

  syncData(): void {
    this.#vfs.check("syncData", this.path);
    this.#inner.syncData();
  }

  truncate(size: number): void {
    this.#vfs.check("truncate", this.path);
    this.#inner.truncate(size);
  }

  close(): void {
    // The descriptor is gone whatever close says.
    this.#inner.close();
    this.#vfs.check("close", this.path);
  }
}

function isForgetful(vfs: Vfs): vfs is ForgetfulVfs {
  return "loseUnsynced" in vfs;
}

function injected(operation: string, path: string, errno: string): IoError {
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  return new IoError(full ? "DISK_FULL" : "IO_ERROR", `${operation} ${path}: ${errno}, injected`, {
    operation,
    path,
    errno,
  });
}
