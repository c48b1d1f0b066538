import { StrataError } from "@strata/core";
import { MemoryVfs } from "../memory-vfs.js";
import { SeededRandom } from "../testing/seeded-random.js";
import type { Vfs, VfsFile } from "../vfs.js";
import { readFully, readWhole, writeFully } from "../vfs-io.js";
import type { TestTools } from "./test-tools.js";

/** A directory of its own for each test. */
export interface VfsUnderTest {
  readonly vfs: Vfs;
  /** Another `Vfs` on the same directory, as a second opening in this process. */
  again(): Vfs;
  /** Removes what the test left. */
  dispose(): void;
}

/** The whole test of a `Vfs`: everything the port promises that can be seen without a power failure. */
export function describeVfs(name: string, make: () => VfsUnderTest, { describe, test, expect }: TestTools): void {
  const withVfs = (title: string, body: (vfs: Vfs, under: VfsUnderTest) => void | Promise<void>) => {
    test(title, async () => {
      const under = make();
      try {
        await body(under.vfs, under);
      } finally {
        under.dispose();
      }
    });
  };

  describe(`Vfs ${name}: files`, () => {
    withVfs("what is written is read back, at its position", (vfs) => {
      const file = vfs.open("f", "create");
      expect(file.path).toBe("f");
      expect(file.size()).toBe(0);
      write(file, "hello world", 0);
      write(file, "W", 6);
      expect(file.size()).toBe(11);
      expect(text(file)).toBe("hello World");
      file.close();
      expect(text(vfs.open("f", "read"))).toBe("hello World");
    });

    withVfs("a part of a buffer is written, and nothing around it", (vfs) => {
      const file = vfs.open("f", "create");
      writeFully(file, bytesOf("0123456789"), 3, 4, 2);
      expect(text(file)).toBe("\0\x003456");
    });

    withVfs("a gap reads as zeros", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "end", 5000);
      const bytes = new Uint8Array(5003);
      expect(readFully(file, bytes, 0)).toBe(5003);
      expect(bytes.findIndex((byte) => byte !== 0)).toBe(5000);
    });

    withVfs("reading stops at the end of the file", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "abc", 0);
      const target = new Uint8Array(10).fill(7);
      expect(readFully(file, target, 1)).toBe(2);
      expect([...target.subarray(0, 4)]).toEqual([98, 99, 7, 7]);
      expect(file.read(target, 3)).toBe(0);
      expect(file.read(target, 300)).toBe(0);
    });

    withVfs("the caller's buffer is not kept", (vfs) => {
      const file = vfs.open("f", "create");
      const bytes = bytesOf("once");
      writeFully(file, bytes, 0, 4, 0);
      bytes.fill(0);
      expect(text(file)).toBe("once");
    });

    withVfs("every byte, in a file of several megabytes", (vfs) => {
      const file = vfs.open("f", "create");
      const bytes = new SeededRandom(1).bytes(3_000_001);
      writeFully(file, bytes, 0, bytes.length, 0);
      file.sync();
      file.close();
      expect(same(readWhole(vfs, "f"), bytes)).toBe(true);
    });

    withVfs("a file is cut and extended", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "abcdef", 0);
      file.truncate(2);
      expect(text(file)).toBe("ab");
      file.truncate(4);
      expect(text(file)).toBe("ab\0\0");
      write(file, "z", 4);
      expect(text(file)).toBe("ab\0\0z");
    });

    withVfs("what one descriptor writes, another sees at once", (vfs, under) => {
      const writer = vfs.open("f", "create");
      const reader = vfs.open("f", "read");
      const stranger = under.again().open("f", "readWrite");
      write(writer, "one", 0);
      expect(text(reader)).toBe("one");
      write(stranger, "two", 3);
      expect(text(reader)).toBe("onetwo");
    });

    withVfs("syncing changes nothing that can be seen", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "abc", 0);
      file.sync();
      file.syncData();
      vfs.syncDirectory("");
      expect(text(file)).toBe("abc");
    });

    withVfs("or, where it can be done without blocking, while the file is closed", async (vfs) => {
      vfs.makeDirectory("d");
      const file = vfs.open("d/f", "create");
      write(file, "abc", 0);
      await Promise.all([file.syncAsync?.(), file.syncAsync?.(), vfs.syncDirectoryAsync?.("d")]);
      const running = [file.syncAsync?.(), file.syncAsync?.()];
      write(file, "d", 3);
      file.close();
      file.close();
      await Promise.all(running);
      expect(text(vfs.open("d/f", "read"))).toBe("abcd");
    });

    withVfs("a file is closed once, and a second time without effect", (vfs) => {
      const file = vfs.open("f", "create");
      file.close();
      file.close();
    });

    withVfs("to create needs absence, to read and write presence", (vfs) => {
      vfs.open("f", "create").close();
      expect(codeOf(() => vfs.open("f", "create"))).toBe("IO_ERROR");
      expect(codeOf(() => vfs.open("absent", "read"))).toBe("IO_ERROR");
      expect(codeOf(() => vfs.open("absent", "readWrite"))).toBe("IO_ERROR");
      expect(codeOf(() => vfs.open("absent/f", "create"))).toBe("IO_ERROR");
      expect(vfs.exists("absent")).toBe(false);
    });

    withVfs("what was opened to read cannot be written", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "abc", 0);
      const reader = vfs.open("f", "read");
      expect(codeOf(() => write(reader, "x", 0))).toBe("IO_ERROR");
      expect(text(file)).toBe("abc");
    });

    withVfs("a failure says what failed, and where", (vfs) => {
      try {
        vfs.open("absent", "read");
      } catch (error) {
        const { operation, path } = StrataError.is(error, "IO_ERROR") ? error.facts : {};
        expect(operation).toBe("open");
        expect(path).toBe("absent");
        return;
      }
      expect("an error").toBe("thrown");
    });
  });

  describe(`Vfs ${name}: names`, () => {
    withVfs("a directory lists its own names, in code unit order", (vfs) => {
      expect(vfs.list("")).toEqual([]);
      vfs.makeDirectory("d");
      vfs.makeDirectory("d");
      for (const path of ["b", "a", "B", "d/x", "d/10", "d/9"]) vfs.open(path, "create").close();
      expect(vfs.list("")).toEqual(["B", "a", "b", "d"]);
      expect(vfs.list("d")).toEqual(["10", "9", "x"]);
      expect(vfs.list("absent")).toEqual([]);
    });

    withVfs("a name is there, or not, with its size", (vfs) => {
      vfs.makeDirectory("d");
      const file = vfs.open("d/f", "create");
      write(file, "abc", 0);
      expect(vfs.exists("d/f")).toBe(true);
      expect(vfs.exists("d")).toBe(true);
      expect(vfs.exists("d/g")).toBe(false);
      expect(vfs.exists("e/g")).toBe(false);
      expect(vfs.size("d/f")).toBe(3);
      expect(vfs.size("d/g")).toBe(undefined);
    });

    withVfs("a rename replaces its target, and open files follow the contents", (vfs) => {
      const from = vfs.open("from", "create");
      write(from, "new", 0);
      const to = vfs.open("to", "create");
      write(to, "old", 0);
      vfs.rename("from", "to");
      vfs.syncDirectory("");
      expect(vfs.list("")).toEqual(["to"]);
      expect(text(vfs.open("to", "read"))).toBe("new");
      write(from, "!", 3);
      expect(text(vfs.open("to", "read"))).toBe("new!");
      expect(codeOf(() => vfs.rename("absent", "to"))).toBe("IO_ERROR");
      expect(text(vfs.open("to", "read"))).toBe("new!");
    });

    withVfs("a removed name is gone, and what is absent may be removed", (vfs) => {
      const file = vfs.open("f", "create");
      write(file, "abc", 0);
      vfs.unlink("f");
      vfs.unlink("f");
      expect(vfs.exists("f")).toBe(false);
      expect(text(file)).toBe("abc");
      vfs.open("f", "create").close();
      expect(vfs.size("f")).toBe(0);
    });

    withVfs("an absent directory cannot be synced", (vfs) => {
      if (vfs.traits.directorySync) expect(codeOf(() => vfs.syncDirectory("absent"))).toBe("IO_ERROR");
    });

    withVfs("another Vfs on the same directory finds everything", (vfs, under) => {
      vfs.makeDirectory("d");
      const file = vfs.open("d/f", "create");
      write(file, "abc", 0);
      file.close();
      const second = under.again();
      expect(second.list("d")).toEqual(["f"]);
      expect(text(second.open("d/f", "read"))).toBe("abc");
    });

    withVfs("does whatever the reference does, in any order", (vfs) => {
      for (let seed = 1; seed <= 5; seed++) {
        const directory = `run${seed}`;
        vfs.makeDirectory(directory);
        const reference = new MemoryVfs();
        reference.makeDirectory(directory);
        const seen = drive(vfs, directory, seed);
        const expected = drive(reference, directory, seed);
        expect(seen).toEqual(expected);
      }
    });
  });

  describe(`Vfs ${name}: locks`, () => {
    withVfs("an exclusive lock keeps everybody out", (vfs, under) => {
      const lock = vfs.lock("LOCK", "exclusive");
      expect(typeof lock.method).toBe("string");
      expect(codeOf(() => vfs.lock("LOCK", "exclusive"))).toBe("DATABASE_LOCKED");
      expect(codeOf(() => under.again().lock("LOCK", "exclusive"))).toBe("DATABASE_LOCKED");
      expect(codeOf(() => under.again().lock("LOCK", "shared"))).toBe("DATABASE_LOCKED");
      lock.release();
      lock.release();
      under.again().lock("LOCK", "exclusive").release();
    });

    withVfs("shared locks keep out only the exclusive one", (vfs, under) => {
      const first = vfs.lock("LOCK", "shared");
      const second = under.again().lock("LOCK", "shared");
      expect(codeOf(() => vfs.lock("LOCK", "exclusive"))).toBe("DATABASE_LOCKED");
      first.release();
      expect(codeOf(() => vfs.lock("LOCK", "exclusive"))).toBe("DATABASE_LOCKED");
      second.release();
      vfs.lock("LOCK", "exclusive").release();
    });

    withVfs("a refusal says who holds it", (vfs) => {
      const lock = vfs.lock("LOCK", "exclusive");
      try {
        vfs.lock("LOCK", "exclusive");
      } catch (error) {
        const { holder } = StrataError.is(error, "DATABASE_LOCKED") ? error.facts : {};
        expect(holder !== undefined).toBe(true);
      }
      lock.release();
    });
  });
}

/** The same hundred calls for each seed. @returns what they answered. */
function drive(vfs: Vfs, directory: string, seed: number): unknown[] {
  const random = new SeededRandom(seed);
  const answers: unknown[] = [];
  for (let i = 0; i < 100; i++) {
    const path = `${directory}/${["a", "b", "c"][random.below(3)]}`;
    const other = `${directory}/${["a", "b", "c"][random.below(3)]}`;
    const bytes = random.bytes(random.below(50));
    const position = random.below(100);
    const size = random.below(120);
    const action = random.below(8);
    answers.push(codeOf(() => answers.push(act(vfs, action, path, other, bytes, position, size))));
    answers.push(vfs.list(directory));
  }
  return answers;
}

function act(
  vfs: Vfs,
  action: number,
  path: string,
  other: string,
  bytes: Uint8Array,
  position: number,
  size: number,
): unknown {
  switch (action) {
    case 0:
      return vfs.open(path, "create").close();
    case 1:
      return path === other ? undefined : vfs.rename(path, other);
    case 2:
      return vfs.unlink(path);
    case 3:
      return vfs.size(path);
    case 4:
      return using(vfs.open(path, "readWrite"), (file) => file.truncate(size));
    case 5:
      return using(vfs.open(path, "read"), (file) => text(file));
    default:
      return using(vfs.open(path, "readWrite"), (file) => writeFully(file, bytes, 0, bytes.length, position));
  }
}

function using<T>(file: VfsFile, body: (file: VfsFile) => T): T {
  try {
    return body(file);
  } finally {
    file.close();
  }
}

function write(file: VfsFile, content: string, position: number): void {
  writeFully(file, bytesOf(content), 0, content.length, position);
}

/** The whole file, a character for each byte. */
function text(file: VfsFile): string {
  const bytes = new Uint8Array(file.size());
  readFully(file, bytes, 0);
  return String.fromCharCode(...bytes);
}

function bytesOf(content: string): Uint8Array {
  return Uint8Array.from(content, (character) => character.charCodeAt(0));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The code of the failure, or `"done"`. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : `not a StrataError: ${String(error)}`;
  }
  return "done";
}
