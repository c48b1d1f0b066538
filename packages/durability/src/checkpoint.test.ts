import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { CHECKPOINT_ROOT_BYTES_MAX } from "./durability.js";
import type { LogOptions } from "./log-options.js";
import { MemoryVfs } from "./memory-vfs.js";
import { CheckpointedLog, commitsOf } from "./testing/checkpoint-log.js";
import { payloadOf } from "./testing/crash-script.js";
import { changeFile, imageOf, pathsOn } from "./testing/disk-image.js";
import { FaultVfs } from "./testing/fault-vfs.js";
import { openTestLog, type RecoveredCommit, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { Vfs } from "./vfs.js";
import { FRAME_HEADER_SIZE, SEGMENT_HEADER_SIZE } from "./wal-format.js";

interface Session extends TestLog {
  readonly checkpoints: CheckpointedLog;
}

function open(vfs: Vfs, options: LogOptions = {}, seed = 1): Session {
  const opened = openTestLog(vfs, { segments: TINY_SEGMENTS, ...options }, seed);
  return { ...opened, checkpoints: new CheckpointedLog(opened) };
}

function commit({ log, summary }: TestLog, count: number, bytes = 60): void {
  const last = Math.max(commitsOf(log).at(-1)?.version ?? 0, summary.nextVersion - 1);
  for (let version = last + 1; version <= last + count; version++) log.append(version, payloadOf(version, bytes));
}

/** Ten commits and a checkpoint, `times` over. */
async function fill(session: Session, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    commit(session, 10);
    await session.checkpoints.make();
  }
}

const segmentsOn = (vfs: Vfs) => vfs.list("wal").filter((name) => name.endsWith(".wal"));

/** Names of manifests, the one that counts first. */
const manifestsOn = (vfs: Vfs) =>
  pathsOn(vfs)
    .filter((path) => /^MANIFEST-\w+-\w+$/.test(path))
    .reverse();

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "no error";
}

const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (StrataError.is(error) ? error.code : String(error)),
  );

describe("a checkpoint", () => {
  test("is what recovery begins with; only what follows it is visited", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    commit(first, 30);
    await first.checkpoints.make();
    const { lsn } = first.checkpoints.last!;
    commit(first, 5);
    const all = commitsOf(first.log);
    first.log.shutdown();
    const second = openTestLog(vfs, { segments: TINY_SEGMENTS });
    expect(second.commits).toEqual(all);
    expect(all).toHaveLength(35);
    expect(second.summary).toMatchObject({ commits: 5, clean: true, checkpoint: { version: 30, lsn } });
    const visited: number[] = [];
    second.log.read(
      (_, __, version) => visited.push(version),
      ({ version }) => visited.push(-version),
    );
    expect(visited).toEqual([-30, 31, 32, 33, 34, 35]);
  });

  test("lets go of the log below the one before it, and of nothing above", async () => {
    const vfs = new MemoryVfs();
    const session = open(vfs);
    commit(session, 40);
    const whole = session.log.describe().logBytes!;
    await session.checkpoints.make();
    expect(session.log.describe().logBytes).toBe(whole + FRAME_HEADER_SIZE);
    const { lsn } = session.checkpoints.last!;
    expect(segmentsOn(vfs)[0]).toBe("00000001-0000000000000000.wal");
    commit(session, 40);
    const second = await session.checkpoints.write();
    const { logBytesRetired } = await session.log.publishCheckpoint(second);
    expect(logBytesRetired).toBeGreaterThan(whole / 2);
    expect(logBytesRetired).toBeLessThan(lsn + 1);
    const firstLsn = Number.parseInt(segmentsOn(vfs)[0]!.slice(9, 25), 16);
    expect(firstLsn).toBe(logBytesRetired);
    const logBytes = session.log.describe().logBytes!;
    const all = commitsOf(session.log);
    session.log.shutdown();
    const next = openTestLog(vfs, { segments: TINY_SEGMENTS, readOnly: true });
    expect(next.commits).toEqual(all);
    expect(next.log.describe().logBytes).toBe(logBytes);
  });

  test("keeps log and directory small, however long it goes on", async () => {
    const vfs = new MemoryVfs();
    let session = open(vfs);
    for (let i = 0; i < 30; i++) {
      commit(session, 20);
      await session.checkpoints.make("all");
      if (i % 3 === 0) {
        if (i % 2 === 0) session.log.shutdown();
        else session.log.abandon();
        session = open(vfs, {}, i);
      }
      expect(commitsOf(session.log)).toHaveLength((i + 1) * 20);
      expect(session.log.describe().logBytes).toBeLessThan(10_000);
      expect(pathsOn(vfs).length).toBeLessThan(20);
    }
  });

  test("leaves the log that leads to it from the one before, through every opening until the next", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    await fill(first, 2);
    commit(first, 10);
    first.log.flush();
    commit(first, 1);
    first.log.shutdown();
    const second = open(vfs, {}, 2);
    const before = second.checkpoints.last!;
    await fill(second, 1);
    second.log.abandon();
    for (let seed = 3; seed < 6; seed++) {
      const { log, summary } = open(vfs, {}, seed);
      expect(summary.checkpoint?.lsn).toBeGreaterThan(before.lsn);
      const firstLsn = summary.checkpoint!.lsn - log.describe().logBytes! + (log.end - summary.checkpoint!.lsn);
      expect(firstLsn).toBeLessThanOrEqual(before.lsn + FRAME_HEADER_SIZE);
      expect(Number.parseInt(segmentsOn(vfs)[0]!.slice(9, 25), 16)).toBeLessThanOrEqual(before.lsn);
      log.abandon();
    }
  });

  test("may be made of nothing, again and again", async () => {
    const vfs = new MemoryVfs();
    const session = open(vfs);
    for (let i = 0; i < 3; i++) await session.checkpoints.make();
    expect(session.log.end).toBe(0);
    session.log.shutdown();
    const next = open(vfs);
    expect(next.summary).toMatchObject({ commits: 0, nextVersion: 1, checkpoint: { version: 0, lsn: 0 } });
    commit(next, 1);
    for (let i = 0; i < 3; i++) await next.checkpoints.make();
    next.log.abandon();
    expect(openTestLog(vfs).commits).toHaveLength(1);
  });

  test("with nothing behind it tells the rest as if the log were whole", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    await fill(first, 3);
    const { end } = first.log;
    first.log.shutdown();
    const reader = openTestLog(vfs, { readOnly: true });
    expect(reader.log.durableThrough).toBe(30);
    expect(reader.log.end).toBeGreaterThanOrEqual(end);
    reader.log.shutdown();
    const { log, summary } = open(vfs);
    expect(summary).toMatchObject({ commits: 0, nextVersion: 31, clean: true });
    expect(log.durableThrough).toBe(30);
    expect(log.commitStatus({ epoch: 1, version: 30 })).toBe("committed");
    expect(log.commitStatus({ epoch: 1, version: 31 })).toBe("lost");
    expect(() => log.append(30, payloadOf(30, 1))).toThrow("versions rise");
  });

  test("that the log ends with, to the byte, is as good", async () => {
    const disk = new MemoryVfs();
    let isFull = false;
    const vfs = new FaultVfs(disk, ({ operation, path }) =>
      isFull && operation === "write" && path.startsWith("wal") ? { kind: "error", errno: "ENOSPC" } : undefined,
    );
    const first = open(vfs);
    commit(first, 3);
    const checkpoint = await first.checkpoints.write();
    first.log.flush();
    // The mark that would follow finds no room.
    isFull = true;
    await first.log.publishCheckpoint(checkpoint);
    first.log.shutdown();
    for (let i = 0; i < 3; i++) {
      const next = open(disk);
      expect(next.summary).toMatchObject({ commits: 0, nextVersion: 4, clean: true });
      expect(next.log.end).toBe(checkpoint.lsn);
      next.log.shutdown();
    }
    const last = open(disk);
    commit(last, 1);
    last.log.shutdown();
    expect(open(disk).commits).toHaveLength(4);
  });

  test("is waited for until the log is durable, whatever the mode", async () => {
    for (const mode of ["none", "buffered", "strict"] as const) {
      const session = open(new MemoryVfs(), { mode });
      commit(session, 30);
      await session.checkpoints.make();
      expect(session.log.durableThrough).toBe(30);
    }
  });

  test("leaves to the next opening what it cannot remove", async () => {
    const disk = new MemoryVfs();
    const vfs = new FaultVfs(disk, ({ operation, path }) =>
      operation === "unlink" && path.endsWith(".wal") ? { kind: "error", errno: "EACCES" } : undefined,
    );
    const first = open(vfs);
    await fill(first, 4);
    commit(first, 10);
    expect((await first.log.publishCheckpoint(await first.checkpoints.write())).logBytesRetired).toBe(0);
    expect(segmentsOn(disk)[0]).toBe("00000001-0000000000000000.wal");
    first.log.shutdown();
    const second = open(disk);
    expect(commitsOf(second.log)).toHaveLength(50);
    expect(segmentsOn(disk)[0]).not.toBe("00000001-0000000000000000.wal");
    expect(second.log.describe().logBytes).toBeLessThan(3000);
  });

  test("is refused where it cannot be one", async () => {
    const session = open(new MemoryVfs());
    await fill(session, 2);
    const { log } = session;
    const { version, lsn } = session.checkpoints.last!;
    const root = new Uint8Array(0);
    const refused = [
      { version: version - 1, lsn, root },
      { version, lsn: log.end - 1, root },
      { version, lsn: log.end + FRAME_HEADER_SIZE, root },
      { version, lsn, root: new Uint8Array(CHECKPOINT_ROOT_BYTES_MAX + 1) },
    ];
    for (const checkpoint of refused) {
      await expect(log.publishCheckpoint(checkpoint as never)).rejects.toMatchObject({ name: "InvariantError" });
    }
    commit(session, 1);
    await expect(log.publishCheckpoint({ version, lsn: log.end, root })).rejects.toMatchObject({
      name: "InvariantError",
    });
    const both = [await session.checkpoints.write(), await session.checkpoints.write()].map((checkpoint) =>
      rejection(log.publishCheckpoint(checkpoint)),
    );
    expect(await Promise.all(both)).toEqual(["no error", expect.stringMatching(/one checkpoint/)]);
    expect(log.health).toBe("ok");
    session.log.shutdown();
    expect(await rejection(log.publishCheckpoint({ version, lsn, root }))).toBe("DATABASE_CLOSED");
  });

  test("keeps a root of its own", async () => {
    const vfs = new MemoryVfs();
    const session = open(vfs);
    commit(session, 1);
    const root = new Uint8Array(CHECKPOINT_ROOT_BYTES_MAX).fill(7);
    const published = session.log.publishCheckpoint({ version: 1, lsn: session.log.end, root });
    root.fill(8);
    await published;
    const roots: Uint8Array[] = [];
    session.log.read(
      () => {},
      (checkpoint) => roots.push(checkpoint.root),
    );
    session.log.read(
      () => {},
      (checkpoint) => roots.push(checkpoint.root),
    );
    expect(roots[0]).toEqual(new Uint8Array(CHECKPOINT_ROOT_BYTES_MAX).fill(7));
    roots[0]!.fill(9);
    expect(roots[1]).toEqual(new Uint8Array(CHECKPOINT_ROOT_BYTES_MAX).fill(7));
  });
});

describe("recovering from a checkpoint", () => {
  test("needs somebody who takes it, and has changed nothing where there is nobody", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    await fill(first, 1);
    const before = first.log.end;
    expect(() => first.log.read(() => {})).toThrow("checkpoint");
    first.log.shutdown();
    const image = imageOf(vfs);
    for (const readOnly of [true, false]) {
      const { log } = openTestLog(new MemoryVfs());
      log.shutdown();
      expect(() => openTestLog(vfs, { readOnly }, 1, "no checkpoints")).toThrow("checkpoint");
    }
    expect(imageOf(vfs)).toEqual(image);
    expect(open(vfs).log.end).toBeGreaterThanOrEqual(before);
  });

  test("throws what the taker throws, and can be done again", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    await fill(first, 1);
    first.log.shutdown();
    const failure = new Error("not today");
    expect(() => openTestLog(vfs, {}, 1, failure)).toThrow(failure);
    expect(open(vfs).commits).toHaveLength(10);
  });

  test("read-only changes no byte, reads snapshot files and writes none", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    await fill(first, 3);
    commit(first, 2);
    const unfinished = first.log.snapshots!.create();
    unfinished.write(new Uint8Array(100_000));
    const all = commitsOf(first.log);
    first.log.abandon();
    const image = imageOf(vfs);
    const { log, commits } = openTestLog(vfs, { readOnly: true });
    expect(commits).toEqual(all);
    expect(commitsOf(log)).toEqual(all);
    expect(log.snapshots!.list()).toHaveLength(3);
    expect(codeOf(() => log.snapshots!.create())).toBe("READ_ONLY");
    expect(codeOf(() => log.snapshots!.remove("00000001-00000001.snap"))).toBe("READ_ONLY");
    expect(await rejection(log.publishCheckpoint({ version: 32, lsn: log.end, root: new Uint8Array(0) }))).toBe(
      "READ_ONLY",
    );
    log.shutdown();
    expect(imageOf(vfs)).toEqual(image);
  });

  test("judges nothing below it", async () => {
    const vfs = new MemoryVfs();
    const session = open(vfs, { segments: { firstBytes: SEGMENT_HEADER_SIZE + 8000 } });
    commit(session, 5);
    await session.checkpoints.make();
    commit(session, 5);
    const all = commitsOf(session.log);
    session.log.abandon();
    changeFile(
      vfs,
      `wal/${segmentsOn(vfs)[0]}`,
      (bytes) => void bytes.fill(0xee, SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + 300),
    );
    expect(open(vfs).commits).toEqual(all);
  });
});

describe("damage to a log that has a checkpoint", () => {
  async function damaged(
    damage: (vfs: MemoryVfs) => void,
    checkpoints = 5,
  ): Promise<{ vfs: MemoryVfs; all: RecoveredCommit[] }> {
    const vfs = new MemoryVfs();
    const session = open(vfs);
    await fill(session, checkpoints);
    commit(session, 30);
    session.log.flush();
    const all = commitsOf(session.log);
    session.log.abandon();
    damage(vfs);
    return { vfs, all };
  }

  const spoil = (vfs: Vfs, path: string) => changeFile(vfs, path, (bytes) => bytes.subarray(1));

  test("in the newest manifest is made up for by the one before, from the checkpoint before", async () => {
    const { vfs, all } = await damaged((disk) => spoil(disk, manifestsOn(disk)[0]!));
    const reader = openTestLog(vfs, { readOnly: true });
    expect(reader.summary.checkpoint?.version).toBe(40);
    expect(reader.commits).toEqual(all);
    reader.log.shutdown();
    const { commits, checkpoints, log } = open(vfs);
    expect(commits).toEqual(all);
    await checkpoints.make();
    log.abandon();
    expect(open(vfs).commits).toEqual(all);
    expect(pathsOn(vfs).some((path) => path.endsWith(".damaged"))).toBe(true);
  });

  test("in both manifests is an error, also of salvage, once the log no longer begins at its beginning", async () => {
    const { vfs } = await damaged((disk) => manifestsOn(disk).forEach((path) => void spoil(disk, path)));
    const image = imageOf(vfs);
    for (const recovery of ["strict", "salvage"] as const) {
      expect(codeOf(() => openTestLog(vfs, { recovery }))).toBe("MANIFEST_CORRUPT");
    }
    expect(imageOf(vfs)).toEqual(image);
  });

  test("in all manifests can be salvaged as long as the log is whole", async () => {
    const { vfs, all } = await damaged((disk) => manifestsOn(disk).forEach((path) => void spoil(disk, path)), 1);
    const { commits, summary, log } = open(vfs, { recovery: "salvage" });
    expect(summary.checkpoint).toBe(undefined);
    expect(commits.map(({ version, payload }) => ({ version, payload }))).toEqual(
      all.map(({ version, payload }) => ({ version, payload })),
    );
    expect(summary.lost.map(({ file }) => file.slice(0, 8))).toEqual(["MANIFEST", "MANIFEST"]);
    log.shutdown();
  });

  test("that takes the manifests away is no empty directory, even where only snapshot files are left", async () => {
    const { vfs } = await damaged((disk) => {
      for (const path of pathsOn(disk)) if (!path.startsWith("snapshots")) disk.unlink(path);
    });
    for (const recovery of ["strict", "salvage"] as const) {
      expect(codeOf(() => openTestLog(vfs, { recovery }))).toBe("MANIFEST_MISSING");
    }
  });

  test("that takes the segment away that the checkpoint ends in is told; salvage ends with the checkpoint", async () => {
    const { vfs, all } = await damaged((disk) => {
      const checkpoint = openTestLog(disk.clone()).summary.checkpoint!;
      const holder = segmentsOn(disk).findLast((name) => Number.parseInt(name.slice(9, 25), 16) <= checkpoint.lsn);
      disk.unlink(`wal/${holder}`);
    });
    expect(codeOf(() => openTestLog(vfs))).toBe("WAL_CORRUPT");
    const { commits, summary, checkpoints, log } = open(vfs, { recovery: "salvage" });
    expect(commits).toEqual(all.slice(0, 50));
    expect(summary.lost[0]).toMatchObject({ firstVersion: 51, reason: expect.stringMatching(/missing/) });
    // What lies below the checkpoint is not lost by that.
    const placesOf = (files: readonly string[]) => files.map((file) => Number.parseInt(file.slice(13, 29), 16));
    const [holder, ...rest] = placesOf(summary.lost.map(({ file }) => file));
    expect(holder).toBeLessThanOrEqual(summary.checkpoint!.lsn);
    expect(rest.filter((lsn) => lsn <= summary.checkpoint!.lsn)).toEqual([]);
    commit({ log, summary } as TestLog, 1);
    await checkpoints.make();
    log.abandon();
    expect(open(vfs).commits).toHaveLength(51);
  });

  test("that takes the last segment away is told, although the one before reaches as far", async () => {
    // A large frame rolls early: the segment before has room behind its roll frame, up to where the checkpoint is.
    const vfs = new MemoryVfs();
    const session = open(vfs, {
      segments: { firstBytes: SEGMENT_HEADER_SIZE + 4000, maxBytes: SEGMENT_HEADER_SIZE + 4000 },
    });
    commit(session, 1);
    session.log.append(2, payloadOf(2, 3900));
    session.log.append(3, payloadOf(3, 10));
    const path = session.log.describe().segment!;
    await session.log.publishCheckpoint({ version: 1, lsn: commitsOf(session.log)[0]!.lsn, root: new Uint8Array(0) });
    session.log.abandon();
    vfs.unlink(path);
    expect(codeOf(() => openTestLog(vfs))).toBe("WAL_CORRUPT");
  });

  test("of a snapshot file is told by whoever reads it", async () => {
    const { vfs } = await damaged((disk) => disk.unlink(`snapshots/${disk.list("snapshots")[0]}`));
    expect(codeOf(() => openTestLog(vfs))).toBe("SNAPSHOT_CORRUPT");
  });

  test("that leaves names of a later time raises the epoch above them", async () => {
    const { vfs } = await damaged((disk) => disk.open("snapshots/00000009-00000001.snap", "create").close());
    expect(open(vfs).log.epoch).toBe(10);
  });
});
