import { assert, IoError } from "@strata/core";
import { MemoryLocks } from "../memory-locks.js";
import { checkPath, MemoryContent, nameOf, parentOf } from "../memory-vfs.js";
import type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "../vfs.js";
import { decideFates, type PowerLoss } from "./power-loss.js";
import { SeededRandom } from "./seeded-random.js";

/** Thrown by the call at which the process ends, and by every one after it. Deliberately no error of ours. */
export class SimulatedCrash extends Error {
  constructor(call: number) {
    super(`the process ends at call ${call}`);
    this.name = "SimulatedCrash";
  }
}

/** Where the process ends. Calls that change something are counted from 1. */
export interface CrashPoint {
  readonly call: number;
  /** `during` a write: only its first `bytes` are accepted. */
  readonly phase: "before" | "during" | "after";
  readonly bytes?: number;
}

/** A file, whatever its names: what processes see, and what a power failure leaves. */
export interface CrashInode {
  readonly live: MemoryContent;
  readonly durable: MemoryContent;
}

/** Something that was done and not synced. */
export type PendingOperation =
  | {
      readonly kind: "write";
      readonly path: string;
      readonly inode: CrashInode;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly path: string; readonly inode: CrashInode; readonly size: number }
  | { readonly kind: "create"; readonly path: string; readonly inode: CrashInode }
  | { readonly kind: "rename"; readonly path: string; readonly to: string; readonly inode: CrashInode }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "makeDirectory"; readonly path: string };

/**
 * A disk that can lose its power, and a process that can be killed, at any call. It keeps what processes see apart from
 * what is on stable storage: `sync` and `syncDirectory` carry over exactly what the port promises, nothing else survives
 * for certain. After a crash, `afterKill` and `afterPowerLoss` give the disk as the next process finds it; both can be asked
 * many times.
 */
export class CrashVfs implements Vfs {
  readonly name = "crash";
  readonly traits: VfsTraits = { directorySync: true };
  readonly #disk: Disk;
  readonly #crashPoint: CrashPoint | undefined;
  readonly #locks = new MemoryLocks();
  #calls = 0;
  #syncs = 0;
  #directorySyncs = 0;
  #crashed = false;

  constructor(crashPoint?: CrashPoint, disk: Disk = new Disk()) {
    this.#crashPoint = crashPoint;
    this.#disk = disk;
  }

  /** Calls so far that change something. */
  get calls(): number {
    return this.#calls;
  }

  /** Of those, fsyncs of files. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Of those, fsyncs of directories. */
  get directorySyncs(): number {
    return this.#directorySyncs;
  }

  /** Whether the process has ended. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** What a power failure now would put at stake, in order. */
  get pending(): readonly PendingOperation[] {
    return this.#disk.pending;
  }

  /** The process is gone, its locks with it; everything it wrote is there. Later a power failure may still take it. */
  afterKill(crashPoint?: CrashPoint): CrashVfs {
    return new CrashVfs(crashPoint, this.#disk.clone());
  }

  /** The machine was off. */
  afterPowerLoss(choice: PowerLoss, crashPoint?: CrashPoint): CrashVfs {
    return new CrashVfs(crashPoint, this.#disk.afterPowerLoss(choice));
  }

  /**
   * What a failed fsync may do: the pages of this file count as clean, so that no later sync writes them, although processes
   * still see their contents.
   */
  loseUnsynced(path: string): void {
    const inode = this.#disk.names.get(path);
    if (inode !== undefined) this.#disk.forget(inode);
  }

  open(path: string, mode: VfsOpenMode): VfsFile {
    checkPath(path);
    this.#checkAlive();
    let inode = this.#disk.names.get(path);
    if (mode === "create") {
      if (inode !== undefined || this.#disk.directories.has(path)) throw failure("open", path, "EEXIST");
      if (!this.#disk.directories.has(parentOf(path))) throw failure("open", path, "ENOENT");
      const created: CrashInode = { live: new MemoryContent(), durable: new MemoryContent() };
      inode = created;
      this.#change(() => this.#disk.change({ kind: "create", path, inode: created }));
    }
    if (inode === undefined) throw failure("open", path, "ENOENT");
    return new CrashFile(this, path, inode, mode !== "read");
  }

  exists(path: string): boolean {
    checkPath(path);
    this.#checkAlive();
    return this.#disk.names.has(path) || this.#disk.directories.has(path);
  }

  list(directory: string): string[] {
    checkPath(directory);
    this.#checkAlive();
    const names: string[] = [];
    for (const path of this.#disk.names.keys()) if (parentOf(path) === directory) names.push(nameOf(path));
    for (const path of this.#disk.directories)
      if (path !== "" && parentOf(path) === directory) names.push(nameOf(path));
    return names.sort();
  }

  size(path: string): number | undefined {
    checkPath(path);
    this.#checkAlive();
    return this.#disk.names.get(path)?.live.size;
  }

  makeDirectory(path: string): void {
    checkPath(path);
    if (!this.#disk.directories.has(parentOf(path))) throw failure("makeDirectory", path, "ENOENT");
    if (this.#disk.names.has(path)) throw failure("makeDirectory", path, "EEXIST");
    if (this.#disk.directories.has(path)) return;
    this.#change(() => this.#disk.change({ kind: "makeDirectory", path }));
  }

  rename(from: string, to: string): void {
    checkPath(from);
    checkPath(to);
    const inode = this.#disk.names.get(from);
    if (inode === undefined || !this.#disk.directories.has(parentOf(to))) throw failure("rename", from, "ENOENT");
    assert(parentOf(from) === parentOf(to), "no name moves to another directory");
    this.#change(() => this.#disk.change({ kind: "rename", path: from, to, inode }));
  }

  unlink(path: string): void {
    checkPath(path);
    this.#checkAlive();
    if (!this.#disk.names.has(path)) return;
    this.#change(() => this.#disk.change({ kind: "unlink", path }));
  }

  syncDirectory(path: string): void {
    checkPath(path);
    if (!this.#disk.directories.has(path)) throw failure("syncDirectory", path, "ENOENT");
    this.#change(() => this.#disk.syncDirectory(path));
    this.#directorySyncs += 1;
  }

  lock(path: string, kind: VfsLockKind): VfsLock {
    checkPath(path);
    if (!this.exists(path)) this.open(path, "create").close();
    return this.#locks.take(path, kind);
  }

  /** For `CrashFile`. */
  write(path: string, inode: CrashInode, bytes: Uint8Array, offset: number): void {
    this.#change(
      () => this.#disk.change({ kind: "write", path, inode, offset, bytes: bytes.slice() }),
      (accepted) => this.#disk.change({ kind: "write", path, inode, offset, bytes: bytes.slice(0, accepted) }),
    );
  }

  /** For `CrashFile`. */
  truncate(path: string, inode: CrashInode, size: number): void {
    this.#change(() => this.#disk.change({ kind: "truncate", path, inode, size }));
  }

  /** For `CrashFile`. */
  sync(inode: CrashInode): void {
    this.#change(() => this.#disk.sync(inode));
    this.#syncs += 1;
  }

  /** For `CrashFile`. */
  checkAlive(): void {
    this.#checkAlive();
  }

  #change(whole: () => void, part?: (bytes: number) => void): void {
    this.#checkAlive();
    this.#calls += 1;
    const point = this.#crashPoint;
    if (point === undefined || point.call !== this.#calls) {
      whole();
      return;
    }
    if (point.phase === "after") whole();
    else if (point.phase === "during" && (point.bytes ?? 0) > 0) part?.(point.bytes ?? 0);
    this.#crashed = true;
    throw new SimulatedCrash(this.#calls);
  }

  #checkAlive(): void {
    if (this.#crashed) throw new SimulatedCrash(this.#calls);
  }
}

class CrashFile implements VfsFile {
  readonly path: string;
  readonly #vfs: CrashVfs;
  readonly #inode: CrashInode;
  readonly #writable: boolean;
  #open = true;

  constructor(vfs: CrashVfs, path: string, inode: CrashInode, writable: boolean) {
    this.#vfs = vfs;
    this.path = path;
    this.#inode = inode;
    this.#writable = writable;
  }

  size(): number {
    this.#check();
    return this.#inode.live.size;
  }

  read(target: Uint8Array, position: number): number {
    this.#check();
    return this.#inode.live.read(target, position);
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): number {
    this.#check();
    if (!this.#writable) throw failure("write", this.path, "EBADF");
    this.#vfs.write(this.path, this.#inode, bytes.subarray(start, start + length), position);
    return length;
  }

  sync(): void {
    this.#check();
    this.#vfs.sync(this.#inode);
  }

  syncData(): void {
    this.sync();
  }

  truncate(size: number): void {
    this.#check();
    this.#vfs.truncate(this.path, this.#inode, size);
  }

  close(): void {
    this.#open = false;
  }

  #check(): void {
    assert(this.#open, "the file is closed");
    this.#vfs.checkAlive();
  }
}

/** What outlives processes. */
class Disk {
  readonly names = new Map<string, CrashInode>();
  readonly directories = new Set<string>([""]);
  pending: PendingOperation[] = [];
  readonly #durableNames = new Map<string, CrashInode>();
  readonly #durableDirectories = new Set<string>([""]);

  /** Does it, and remembers that it is not synced. */
  change(operation: PendingOperation): void {
    if (operation.kind === "write")
      operation.inode.live.write(operation.bytes, 0, operation.bytes.length, operation.offset);
    else if (operation.kind === "truncate") operation.inode.live.truncate(operation.size);
    else applyToNames(operation, this.names, this.directories);
    this.pending.push(operation);
  }

  sync(inode: CrashInode): void {
    this.pending = this.pending.filter((operation) => {
      if (!concerns(operation, inode)) return true;
      if (operation.kind === "write") inode.durable.write(operation.bytes, 0, operation.bytes.length, operation.offset);
      else if (operation.kind === "truncate") inode.durable.truncate(operation.size);
      return false;
    });
  }

  forget(inode: CrashInode): void {
    this.pending = this.pending.filter((operation) => !concerns(operation, inode));
  }

  syncDirectory(directory: string): void {
    this.pending = this.pending.filter((operation) => {
      if (operation.kind === "write" || operation.kind === "truncate" || parentOf(operation.path) !== directory)
        return true;
      applyToNames(operation, this.#durableNames, this.#durableDirectories);
      return false;
    });
  }

  clone(): Disk {
    const copy = new Disk();
    const inodes = new InodeCopies((inode) => ({ live: inode.live.clone(), durable: inode.durable.clone() }));
    for (const [path, inode] of this.names) copy.names.set(path, inodes.of(inode));
    for (const [path, inode] of this.#durableNames) copy.#durableNames.set(path, inodes.of(inode));
    for (const path of this.directories) copy.directories.add(path);
    for (const path of this.#durableDirectories) copy.#durableDirectories.add(path);
    copy.pending = this.pending.map((operation) =>
      "inode" in operation ? { ...operation, inode: inodes.of(operation.inode) } : operation,
    );
    return copy;
  }

  afterPowerLoss(choice: PowerLoss): Disk {
    const fates = decideFates(this.pending, choice);
    const garbage = new SeededRandom("seed" in choice ? choice.seed ^ 0x5bd1e995 : 1);
    const inodes = new InodeCopies((inode) => {
      const durable = inode.durable.clone();
      return { live: durable, durable };
    });
    const copy = new Disk();
    for (const [path, inode] of this.#durableNames) copy.names.set(path, inodes.of(inode));
    for (const path of this.#durableDirectories) copy.directories.add(path);
    for (const [i, operation] of this.pending.entries()) {
      const fate = fates[i]!;
      if (fate === "lost") continue;
      if (operation.kind === "write") applyWrite(operation, inodes.of(operation.inode).durable, fate, garbage);
      else if (operation.kind === "truncate") inodes.of(operation.inode).durable.truncate(operation.size);
      else
        applyToNames(
          "inode" in operation ? { ...operation, inode: inodes.of(operation.inode) } : operation,
          copy.names,
          copy.directories,
        );
    }
    // Everything is as it was after the machine came up: seen and durable are the same, and apart from now on.
    const split = new InodeCopies((inode) => ({ live: inode.live.clone(), durable: inode.durable.clone() }));
    for (const [path, inode] of copy.names) {
      if (!copy.directories.has(parentOf(path))) copy.names.delete(path);
      else copy.names.set(path, split.of(inode));
    }
    for (const [path, inode] of copy.names) copy.#durableNames.set(path, inode);
    for (const path of copy.directories) copy.#durableDirectories.add(path);
    return copy;
  }
}

/** Copies each file once, however many names and operations refer to it. */
class InodeCopies {
  readonly #copies = new Map<CrashInode, CrashInode>();
  readonly #copy: (inode: CrashInode) => CrashInode;

  constructor(copy: (inode: CrashInode) => CrashInode) {
    this.#copy = copy;
  }

  of(inode: CrashInode): CrashInode {
    let copy = this.#copies.get(inode);
    if (copy === undefined) {
      copy = this.#copy(inode);
      this.#copies.set(inode, copy);
    }
    return copy;
  }
}

function concerns(operation: PendingOperation, inode: CrashInode): boolean {
  return (operation.kind === "write" || operation.kind === "truncate") && operation.inode === inode;
}

function applyWrite(
  operation: PendingOperation & { kind: "write" },
  content: MemoryContent,
  fate: Exclude<ReturnType<typeof decideFates>[number], "lost">,
  garbage: SeededRandom,
): void {
  const { bytes, offset } = operation;
  if (fate === "kept") {
    content.write(bytes, 0, bytes.length, offset);
    return;
  }
  for (const { start, end, becomes } of fate) {
    const length = end - start;
    if (length === 0 || becomes === "old") continue;
    if (becomes === "written") content.write(bytes, start, length, offset + start);
    else content.write(becomes === "zeros" ? new Uint8Array(length) : garbage.bytes(length), 0, length, offset + start);
  }
}

function applyToNames(operation: PendingOperation, names: Map<string, CrashInode>, directories: Set<string>): void {
  switch (operation.kind) {
    case "create":
      names.set(operation.path, operation.inode);
      break;
    case "rename":
      if (names.get(operation.path) === operation.inode) names.delete(operation.path);
      names.set(operation.to, operation.inode);
      break;
    case "unlink":
      names.delete(operation.path);
      break;
    case "makeDirectory":
      directories.add(operation.path);
      break;
    case "write":
    case "truncate":
      break;
  }
}

function failure(operation: string, path: string, errno: string): IoError {
  return new IoError("IO_ERROR", `${operation} ${path}: ${errno}`, { operation, path, errno });
}
