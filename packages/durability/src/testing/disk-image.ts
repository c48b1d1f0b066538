import type { Vfs } from "../vfs.js";
import { readWhole, writeFully } from "../vfs-io.js";

/** Paths of all files, locks left out. */
export function pathsOn(vfs: Vfs): string[] {
  const paths: string[] = [];
  for (const directory of ["", "wal", "snapshots"]) {
    for (const name of vfs.list(directory)) {
      const path = directory === "" ? name : `${directory}/${name}`;
      if (vfs.size(path) !== undefined && !name.startsWith("LOCK")) paths.push(path);
    }
  }
  return paths;
}

/** All files with their contents. */
export function imageOf(vfs: Vfs): Map<string, Uint8Array> {
  return new Map(pathsOn(vfs).map((path) => [path, readWhole(vfs, path)]));
}

/** Gives a file these contents, whatever it was. */
export function putFile(vfs: Vfs, path: string, bytes: Uint8Array): void {
  vfs.unlink(path);
  const file = vfs.open(path, "create");
  writeFully(file, bytes, 0, bytes.length, 0);
  file.close();
}

/** Changes the contents of a file in place. */
export function changeFile(vfs: Vfs, path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
  const bytes = readWhole(vfs, path);
  putFile(vfs, path, change(bytes) ?? bytes);
}
