import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { MemoryVfs } from "./memory-vfs.js";
import type { SnapshotFile, SnapshotFiles } from "./snapshot-files.js";
import { changeFile, imageOf } from "./testing/disk-image.js";
import { type Fault, FaultVfs, type VfsCall } from "./testing/fault-vfs.js";
import { HeldVfs } from "./testing/held-vfs.js";
import { SeededRandom } from "./testing/seeded-random.js";
import { openTestLog } from "./testing/test-log.js";
import type { Vfs, VfsFile, VfsOpenMode } from "./vfs.js";

const bytesOf = (seed: number, length: number): Uint8Array => new SeededRandom(seed).bytes(length);

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: unknown) => (StrataError.is(error) ? error.code : String(error)),
  );

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

async function writeFile(files: SnapshotFiles, contents: Uint8Array): Promise<string> {
  const writer = files.create();
  writer.write(contents);
  await writer.finish();
  return writer.name;
}

const filesOf = (vfs: Vfs): SnapshotFiles => openTestLog(vfs).log.snapshots!;

describe("a snapshot file", () => {
  test("is read back as it was written, whatever the sizes of the pieces", async () => {
    const files = filesOf(new MemoryVfs());
    const random = new SeededRandom(5);
    const writer = files.create();
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const size of [0, 1, 100, 65_536, 65_535, 1, 3_000_000, 0, 70_000, 7, 64_000, 2000, 1536]) {
      const part = random.bytes(size);
      const lent = part.slice();
      writer.write(lent);
      lent.fill(0);
      parts.push(part);
      length += size;
      expect(writer.length).toBe(length);
    }
    await writer.finish();
    const whole = new Uint8Array(length);
    let end = 0;
    for (const part of parts) {
      whole.set(part, end);
      end += part.length;
    }
    const file = files.open(writer.name);
    expect(file.size).toBe(length);
    expect(Buffer.compare(file.read(0, length), whole)).toBe(0);
    for (let i = 0; i < 100; i++) {
      const offset = random.below(length);
      const count = random.below(Math.min(10_000, length - offset) + 1);
      expect(Buffer.compare(file.read(offset, count), whole.subarray(offset, offset + count))).toBe(0);
    }
  });

  test("is read into an array of its own, exactly that long", async () => {
    const files = filesOf(new MemoryVfs());
    const file = files.open(await writeFile(files, bytesOf(1, 100)));
    const first = file.read(10, 20);
    expect([first.byteOffset, first.length, first.buffer.byteLength]).toEqual([0, 20, 20]);
    first.fill(0);
    expect(file.read(10, 20)).toEqual(bytesOf(1, 100).slice(10, 30));
    expect(file.read(100, 0)).toHaveLength(0);
  });

  test("is seen when it is finished, and not before", async () => {
    const disk = new MemoryVfs();
    const files = filesOf(disk);
    const writer = files.create();
    writer.write(bytesOf(1, 100_000));
    expect(files.list()).toEqual([]);
    expect(errorOf(() => files.open(writer.name))).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
    await writer.finish();
    expect(files.list()).toEqual([writer.name]);
    expect(writer.name).toBe("00000001-00000001.snap");
    writer.discard();
    expect(files.list()).toEqual([writer.name]);
    expect(errorOf(() => writer.write(new Uint8Array(1)))).toMatchObject({ name: "InvariantError" });
  });

  test("has a name that is never given again", async () => {
    const disk = new MemoryVfs();
    const names = new Set<string>();
    for (let session = 0; session < 3; session++) {
      const { log } = openTestLog(disk, {}, session);
      const files = log.snapshots!;
      for (let i = 0; i < 3; i++) {
        const name = await writeFile(files, bytesOf(i, 10));
        expect(names.has(name)).toBe(false);
        names.add(name);
        files.remove(name);
      }
      files.create().discard();
      log.shutdown();
    }
    expect(disk.list("snapshots")).toEqual([]);
  });

  test("that is removed is gone, also for who was reading it", async () => {
    const files = filesOf(new MemoryVfs());
    const name = await writeFile(files, bytesOf(1, 100));
    const file = files.open(name);
    file.read(0, 10);
    files.remove(name);
    files.remove(name);
    files.remove("../LOCK");
    expect(files.list()).toEqual([]);
    const damage = { code: "SNAPSHOT_CORRUPT", facts: { file: `snapshots/${name}`, offset: 0 } };
    expect(errorOf(() => file.read(0, 10))).toMatchObject(damage);
    expect(errorOf(() => files.open(name))).toMatchObject(damage);
  });

  test("that is shorter than it was is damaged, and says where it ends", async () => {
    const disk = new MemoryVfs();
    const files = filesOf(disk);
    const name = await writeFile(files, bytesOf(1, 100));
    const file = files.open(name);
    changeFile(disk, `snapshots/${name}`, (bytes) => bytes.subarray(0, 60));
    expect(errorOf(() => file.read(50, 20))).toMatchObject({ code: "SNAPSHOT_CORRUPT", facts: { offset: 60 } });
    expect(file.read(50, 10)).toEqual(bytesOf(1, 100).slice(50, 60));
  });

  test("is not read beyond its end, wherever a damaged position points", async () => {
    const files = filesOf(new MemoryVfs());
    const file = files.open(await writeFile(files, bytesOf(1, 100)));
    for (const [offset, length] of [
      [0, 101],
      [100, 1],
      [101, 0],
      [-1, 5],
      [5, -1],
      [0.5, 1],
      [0, 2 ** 40],
      [2 ** 53, 1],
      [Number.NaN, 1],
    ] as const) {
      expect(errorOf(() => file.read(offset, length))).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
    }
    for (const name of ["", "x", "../MANIFEST", "00000001-00000001.snap.tmp", "00000001-00000009.snap"]) {
      expect(errorOf(() => files.open(name))).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
    }
  });
});

describe("descriptors", () => {
  /** Counts what is open. */
  class CountingVfs extends MemoryVfs {
    open_ = 0;
    openMost = 0;

    override open(path: string, mode: VfsOpenMode): VfsFile {
      const file = super.open(path, mode);
      if (!path.startsWith("snapshots")) return file;
      this.openMost = Math.max(this.openMost, ++this.open_);
      const close = file.close.bind(file);
      let isOpen = true;
      file.close = () => {
        if (isOpen) this.open_ -= 1;
        isOpen = false;
        close();
      };
      return file;
    }
  }

  test("of files that are read stay few, and none is left at the end", async () => {
    const vfs = new CountingVfs();
    const { log } = openTestLog(vfs);
    const files = log.snapshots!;
    const open: SnapshotFile[] = [];
    for (let i = 0; i < 200; i++) open.push(files.open(await writeFile(files, bytesOf(i, 50))));
    expect(vfs.open_).toBe(0);
    for (let round = 0; round < 3; round++) {
      for (const [i, file] of open.entries()) expect(file.read(0, 50)).toEqual(bytesOf(i, 50));
    }
    expect(vfs.openMost).toBe(64);
    // The ones that were read last are open still.
    for (const file of open.slice(-64)) file.read(0, 1);
    expect(vfs.open_).toBe(64);
    const unfinished = files.create();
    log.shutdown();
    expect(vfs.open_).toBe(0);
    expect(vfs.list("snapshots")).toHaveLength(200);
    expect(errorOf(() => open[0]!.read(0, 1))).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(errorOf(() => files.open(open[0]!.name))).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(errorOf(() => files.create())).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(errorOf(() => unfinished.write(new Uint8Array(1)))).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(await outcome(unfinished.finish())).toBe("DATABASE_CLOSED");
  });
});

describe("a snapshot file that cannot be written", () => {
  async function failing(fault: (call: VfsCall) => Fault | undefined) {
    const disk = new MemoryVfs();
    let isOn = true;
    const vfs = new FaultVfs(disk, (call) => (isOn && call.path.startsWith("snapshots/") ? fault(call) : undefined));
    const { log } = openTestLog(vfs, { mode: "strict" });
    const writer = log.snapshots!.create();
    const said = [
      await outcome((async () => writer.write(new Uint8Array(200_000)))()),
      await outcome(writer.finish()),
      await outcome((async () => writer.write(new Uint8Array(1)))()),
    ];
    // The log is as it was.
    log.persist(1, bytesOf(1, 10));
    expect(log.health).toBe("ok");
    expect(disk.list("snapshots")).toEqual([]);
    isOn = false;
    await writeFile(log.snapshots!, bytesOf(2, 10));
    log.shutdown();
    expect(openTestLog(disk).commits).toHaveLength(1);
    return said;
  }

  test("because the disk is full says so, and is gone", async () => {
    const full = ["DISK_FULL", "DISK_FULL", "DISK_FULL"];
    expect(
      await failing(({ operation }) => (operation === "write" ? { kind: "error", errno: "ENOSPC" } : undefined)),
    ).toEqual(full);
    const half: Fault = { kind: "error", errno: "ENOSPC", bytes: 1000 };
    expect(await failing(({ operation }) => (operation === "write" ? half : undefined))).toEqual(full);
  });

  test("because of its fsync, or its name, is gone too", async () => {
    for (const failed of ["sync", "rename"]) {
      const said = await failing(({ operation }) =>
        operation === failed ? { kind: "error", errno: "EIO" } : undefined,
      );
      expect(said).toEqual(["done", "IO_ERROR", "IO_ERROR"]);
    }
  });

  test("because the log ends while it is being synced leaves nothing behind", async () => {
    for (const end of ["shutdown", "abandon"] as const) {
      const vfs = new HeldVfs();
      const { log } = openTestLog(vfs);
      const writer = log.snapshots!.create();
      writer.write(bytesOf(1, 10));
      const finished = outcome(writer.finish());
      expect(vfs.held).toEqual(["snapshots/00000001-00000001.snap.tmp"]);
      log[end]();
      expect(vfs.list("snapshots")).toEqual([]);
      vfs.release();
      expect(await finished).toBe("DATABASE_CLOSED");
      expect(vfs.list("snapshots")).toEqual([]);
    }
  });

  test("to its end is removed by the next opening for writing, finished ones are not", async () => {
    const disk = new MemoryVfs();
    const files = filesOf(disk);
    const name = await writeFile(files, bytesOf(1, 10));
    files.create().write(bytesOf(1, 100_000));
    const image = imageOf(disk);
    const crashed = disk.clone();
    const { log } = openTestLog(crashed, { readOnly: true });
    expect(log.snapshots!.list()).toEqual([name]);
    log.shutdown();
    expect(imageOf(crashed)).toEqual(image);
    openTestLog(crashed);
    expect(crashed.list("snapshots")).toEqual([name]);
  });

  test("takes short writes for what they are", async () => {
    const disk = new MemoryVfs();
    const vfs = new FaultVfs(disk, ({ operation, path }) =>
      operation === "write" && path.startsWith("snapshots") ? { kind: "short", bytes: 1000 } : undefined,
    );
    const files = filesOf(vfs);
    const file = files.open(await writeFile(files, bytesOf(3, 300_000)));
    expect(Buffer.compare(file.read(0, 300_000), bytesOf(3, 300_000))).toBe(0);
  });
});
