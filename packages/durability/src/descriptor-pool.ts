import { CorruptionError, IoError } from "@strata/core";
import type { Vfs, VfsFile } from "./vfs.js";
import { closeQuietly, readFully } from "./vfs-io.js";

/** Descriptors that stay open at a time. */
export const DESCRIPTORS_MAX = 64;

/**
 * Reads files that never change, keeping those open that were read last.
 *
 * Invariant: `#files` holds at most `DESCRIPTORS_MAX` open files, the one that was read last at the end.
 */
export class DescriptorPool {
  readonly #vfs: Vfs;
  readonly #files = new Map<string, VfsFile>();

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
  }

  /**
   * Fills `target` from `offset` on.
   *
   * @throws {CorruptionError} `SNAPSHOT_CORRUPT` when the file is missing or ends before
   * @throws {IoError}
   */
  read(path: string, target: Uint8Array, offset: number): void {
    const filled = readFully(this.#open(path), target, offset);
    if (filled < target.length) throw snapshotDamage(path, offset + filled, "the file ends before what was written");
  }

  /** Closes the file, if it is open. */
  close(path: string): void {
    closeQuietly(this.#files.get(path));
    this.#files.delete(path);
  }

  closeAll(): void {
    for (const file of this.#files.values()) closeQuietly(file);
    this.#files.clear();
  }

  #open(path: string): VfsFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      for (const oldest of this.#files.keys()) {
        if (this.#files.size < DESCRIPTORS_MAX) break;
        this.close(oldest);
      }
      file = this.#openAnew(path);
    } else {
      this.#files.delete(path);
    }
    this.#files.set(path, file);
    return file;
  }

  #openAnew(path: string): VfsFile {
    try {
      return this.#vfs.open(path, "read");
    } catch (error) {
      if (error instanceof IoError && !this.#vfs.exists(path)) throw missing(path, error);
      throw error;
    }
  }
}

/** The error for a file that a checkpoint names and that is not as it was written. */
export function snapshotDamage(path: string, offset: number, reason: string, cause?: unknown): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", `${path}: ${reason}`, { file: path, offset, reason }, { cause });
}

export function missing(path: string, cause?: unknown): CorruptionError {
  return snapshotDamage(path, 0, "the file is missing", cause);
}
