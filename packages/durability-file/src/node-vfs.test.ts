import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { InvariantError, IoError } from "@strata/core";
import type { VfsOpenMode } from "@strata/durability";
import { describe, expect, test } from "vitest";
import { Program } from "../test/program.js";
import { temporaryDirectory } from "../test/temporary.js";
import { NodeVfs } from "./node-vfs.js";

function failure(action: () => unknown): IoError {
  try {
    action();
  } catch (error) {
    if (error instanceof IoError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

describe("paths", () => {
  test("none leaves the directory", () => {
    const outside = temporaryDirectory();
    mkdirSync(join(outside, "database"));
    writeFileSync(join(outside, "secret"), "secret");
    const vfs = new NodeVfs(join(outside, "database"));
    const illegal = [
      "../secret",
      "a/../../secret",
      "/etc/passwd",
      "..",
      ".",
      "a//b",
      "a/",
      "./a",
      "a\\..\\b",
      "a\0",
      "C:a",
    ];
    for (const path of illegal) {
      for (const action of [
        () => vfs.open(path, "read"),
        () => vfs.open(path, "create"),
        () => vfs.exists(path),
        () => vfs.list(path),
        () => vfs.size(path),
        () => vfs.makeDirectory(path),
        () => vfs.rename(path, "x"),
        () => vfs.rename("x", path),
        () => vfs.unlink(path),
        () => vfs.syncDirectory(path),
        () => vfs.lock(path, "exclusive"),
      ]) {
        expect(action, path).toThrow(InvariantError);
      }
    }
    expect(readdirSync(outside)).toEqual(["database", "secret"]);
  });

  test("a relative directory means the one it meant at first", () => {
    const directory = temporaryDirectory();
    const before = process.cwd();
    try {
      process.chdir(directory);
      const vfs = new NodeVfs("database");
      process.chdir(before);
      expect(vfs.name).toBe(join(directory, "database"));
    } finally {
      process.chdir(before);
    }
  });
});

describe("errors", () => {
  test("carry operation, path and errno as facts, the whole path in the message, and the cause", () => {
    const directory = temporaryDirectory();
    const error = failure(() => new NodeVfs(directory).open("wal/absent", "read"));
    expect(error.code).toBe("IO_ERROR");
    expect(error.facts).toEqual({ operation: "open", path: "wal/absent", errno: "ENOENT" });
    expect(error.message).toContain(join(directory, "wal/absent"));
    expect(error.cause).toMatchObject({ code: "ENOENT" });
  });

  test.each<[VfsOpenMode]>([["read"], ["readWrite"]])("a directory is no file to %s", (mode) => {
    const vfs = new NodeVfs(temporaryDirectory());
    vfs.makeDirectory("directory");
    expect(failure(() => vfs.open("directory", mode)).facts).toMatchObject({ errno: "EISDIR" });
  });

  test("a file is no directory", () => {
    const vfs = new NodeVfs(temporaryDirectory());
    vfs.open("file", "create").close();
    expect(failure(() => vfs.list("file")).facts).toMatchObject({ errno: "ENOTDIR" });
    expect(failure(() => vfs.makeDirectory("file")).facts).toMatchObject({ errno: "EEXIST" });
  });

  test.skipIf(process.getuid?.() === 0)("what the process may not do comes with a hint", () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o500);
    const error = failure(() => new NodeVfs(directory).open("file", "create"));
    expect(error.facts).toMatchObject({ errno: "EACCES" });
    expect(error.hint).toContain("owner and mode");
  });

  test("a failed fsync surfaces", () => {
    const directory = temporaryDirectory();
    symlinkSync("/dev/null", join(directory, "null"));
    const file = new NodeVfs(directory).open("null", "readWrite");
    expect(failure(() => file.sync()).facts).toMatchObject({ operation: "sync", errno: "EINVAL" });
    expect(failure(() => file.syncData()).facts).toMatchObject({ operation: "syncData", errno: "EINVAL" });
    file.close();
  });

  test.skipIf(!existsSync("/proc/self/fd"))("a failed close surfaces, and is not tried again", () => {
    const vfs = new NodeVfs(temporaryDirectory());
    const file = vfs.open("file", "create");
    closeSync(descriptorOf(vfs.name));
    expect(failure(() => file.close()).facts).toMatchObject({ operation: "close", errno: "EBADF" });
    file.close();
  });

  test("a file is not used after it was closed: the number may be another file's", () => {
    const file = new NodeVfs(temporaryDirectory()).open("file", "create");
    file.close();
    file.close();
    for (const action of [
      () => file.write(new Uint8Array(1), 0, 1, 0),
      () => file.read(new Uint8Array(1), 0),
      () => file.sync(),
      () => file.syncData(),
      () => file.size(),
      () => file.truncate(0),
    ]) {
      expect(action).toThrow(InvariantError);
    }
  });
});

/** The number under which this process has `directory/file` open. */
function descriptorOf(directory: string): number {
  const inode = statSync(join(directory, "file")).ino;
  for (const name of readdirSync("/proc/self/fd")) {
    if (statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false })?.ino === inode) return Number(name);
  }
  throw new Error("not open");
}

/** A device that has no room. Only Linux has it. */
test.skipIf(!existsSync("/dev/full"))("no room is DISK_FULL", () => {
  const directory = temporaryDirectory();
  symlinkSync("/dev/full", join(directory, "full"));
  const file = new NodeVfs(directory).open("full", "readWrite");
  const error = failure(() => file.write(new Uint8Array(10), 0, 10, 0));
  expect(error.code).toBe("DISK_FULL");
  expect(error.retryable).toBe(true);
  expect(error.facts).toEqual({ operation: "write", path: "full", errno: "ENOSPC" });
  file.close();
});

test("a short write is told by its result, and the next one says why", async () => {
  // bash counts `ulimit -f` in blocks of 1024 bytes.
  const limited = ["bash", "-c", 'ulimit -f 4 && exec "$@"', "bash"];
  const directory = temporaryDirectory();
  const program = new Program("write-beyond-limit.mjs", [directory], limited);
  expect(JSON.parse(await program.line())).toEqual({
    written: [3000, 1096],
    code: "DISK_FULL",
    facts: { operation: "write", path: "file", errno: "EFBIG" },
  });
  expect(readFileSync(join(directory, "file"))).toHaveLength(4096);
});

test("names come in code unit order, also beyond ASCII", () => {
  const vfs = new NodeVfs(temporaryDirectory());
  for (const name of ["b", "ä", "a", "B", "10", "9"]) vfs.open(name, "create").close();
  expect(vfs.list("")).toEqual(["10", "9", "B", "a", "b", "ä"]);
});

test("directories can be synced here, and the vfs says so", () => {
  const vfs = new NodeVfs(temporaryDirectory());
  expect(vfs.traits.directorySync).toBe(process.platform !== "win32");
  vfs.makeDirectory("wal");
  vfs.syncDirectory("wal");
  vfs.syncDirectory("");
  expect(failure(() => vfs.syncDirectory("absent")).facts).toEqual({
    operation: "syncDirectory",
    path: "absent",
    errno: "ENOENT",
  });
});

describe("a sync that does not block", () => {
  test("keeps the descriptor until it is done, and no longer", async () => {
    const directory = temporaryDirectory();
    const vfs = new NodeVfs(directory);
    const isOpen = () =>
      readdirSync("/proc/self/fd").some(
        (name) => statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false })?.ino === inode,
      );
    const file = vfs.open("file", "create");
    const inode = statSync(join(directory, "file")).ino;
    file.write(new Uint8Array(1_000_000), 0, 1_000_000, 0);
    const running = [file.syncAsync!(), file.syncAsync!()];
    file.close();
    expect(isOpen()).toBe(true);
    expect(() => file.size()).toThrow(InvariantError);
    await Promise.all(running);
    while (isOpen()) await new Promise(setImmediate);
    await expect(file.syncAsync!()).rejects.toThrow(InvariantError);
  });

  test("fails as the other does", async () => {
    const directory = temporaryDirectory();
    symlinkSync("/dev/null", join(directory, "unsyncable"));
    const vfs = new NodeVfs(directory);
    const file = vfs.open("unsyncable", "readWrite");
    await expect(file.syncAsync!()).rejects.toMatchObject({
      code: "IO_ERROR",
      facts: { operation: "sync", path: "unsyncable", errno: "EINVAL" },
    });
    file.close();
    await vfs.syncDirectoryAsync("");
    await expect(vfs.syncDirectoryAsync("absent")).rejects.toMatchObject({
      code: "IO_ERROR",
      facts: { operation: "syncDirectory", path: "absent", errno: "ENOENT" },
    });
  });
});

test("a process started from this one inherits no descriptor", async () => {
  const directory = temporaryDirectory();
  const file = new NodeVfs(directory).open("file", "create");
  const program = new Program("list-descriptors.mjs");
  expect(await program.line()).not.toContain(directory);
  file.close();
});
