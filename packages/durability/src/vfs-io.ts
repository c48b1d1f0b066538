import { IoError, StrataError } from "@strata/core";
import type { Vfs, VfsFile } from "./vfs.js";

/**
 * Writes the whole range, however often the file takes only a part of it. The one caller of `VfsFile.write`.
 *
 * @throws {IoError} what the file threw, or `IO_ERROR` when it takes nothing at all; any part may have been written then.
 */
export function writeFully(file: VfsFile, bytes: Uint8Array, start: number, length: number, position: number): void {
  let written = file.write(bytes, start, length, position);
  while (written < length) {
    // A call that takes nothing and says nothing would be asked for ever.
    const more = file.write(bytes, start + written, length - written, position + written);
    if (more <= 0) {
      throw new IoError("IO_ERROR", `${file.path}: a write of ${length - written} bytes was not accepted`, {
        operation: "write",
        path: file.path,
        position: position + written,
      });
    }
    written += more;
  }
}

/**
 * Fills `target` from `position` on as far as the file goes.
 *
 * @returns how many bytes were read; fewer than `target` holds only when the file ends there.
 */
export function readFully(file: VfsFile, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.length) {
    const more = file.read(filled === 0 ? target : target.subarray(filled), position + filled);
    if (more <= 0) break;
    filled += more;
  }
  return filled;
}

/** Fills `target`, which the file's size has promised. @throws {IoError} `IO_ERROR` when the file ends before: that is no end of it. */
export function mustRead(file: VfsFile, target: Uint8Array, position: number): void {
  const read = readFully(file, target, position);
  if (read === target.length) return;
  throw new IoError("IO_ERROR", `${file.path}: of ${target.length} bytes only ${read} could be read`, {
    operation: "read",
    path: file.path,
    position: position + read,
  });
}

/** The whole file as bytes of its own. */
export function readWhole(vfs: Vfs, path: string): Uint8Array {
  const file = vfs.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    mustRead(file, bytes, 0);
    return bytes;
  } finally {
    file.close();
  }
}

/** How much of a new file is filled by one call: small writes keep later ones small too (large folios slow them by half). */
const FILL_CHUNK_BYTES = 16 * 1024;
const ZEROS = new Uint8Array(FILL_CHUNK_BYTES);

/** Overwrites `[from, to)` with zeros. */
export function fillWithZeros(file: VfsFile, from: number, to: number): void {
  for (let position = from; position < to; position += FILL_CHUNK_BYTES) {
    writeFully(file, ZEROS, 0, Math.min(FILL_CHUNK_BYTES, to - position), position);
  }
}

/** Makes a file durable, without blocking where the platform can. */
export async function syncFile(file: VfsFile): Promise<void> {
  if (file.syncAsync === undefined) file.sync();
  else await file.syncAsync();
}

/** The same for the names in a directory. */
export async function syncDirectoryOf(vfs: Vfs, path: string): Promise<void> {
  if (vfs.syncDirectoryAsync === undefined) vfs.syncDirectory(path);
  else await vfs.syncDirectoryAsync(path);
}

/** For a file whose contents are durable, or given up: a descriptor that does not close is lost to the process only. */
export function closeQuietly(file: VfsFile | undefined): void {
  try {
    file?.close();
  } catch (error) {
    if (!StrataError.is(error)) throw error;
  }
}
