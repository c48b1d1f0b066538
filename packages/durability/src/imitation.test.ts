import { describe, expect, test } from "vitest";
import { MemoryVfs } from "./memory-vfs.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { changeFile } from "./testing/disk-image.js";
import { openTestLog } from "./testing/test-log.js";
import { readWhole } from "./vfs-io.js";
import { decodeSegmentHeader, FRAME_HEADER_SIZE, FrameType, SEGMENT_HEADER_SIZE } from "./wal-format.js";
import { FrameEncoder } from "./wal-frame.js";

/** A payload that holds, at the very position where it will stand in the log, a frame. */
function forged(commitLsn: number, salt: number, durableThrough: number): Uint8Array {
  const at = commitLsn + FRAME_HEADER_SIZE + 10;
  const encoder = new FrameEncoder();
  encoder.add(salt, FrameType.commit, at, durableThrough, 1000, new TextEncoder().encode("never committed"));
  const payload = new Uint8Array(10 + encoder.length + 10);
  payload.set(encoder.bytes.subarray(0, encoder.length), 10);
  return payload;
}

function saltOf(vfs: MemoryVfs): number {
  const path = `wal/${vfs.list("wal")[0]}`;
  return decodeSegmentHeader(readWhole(vfs, path), path).salt;
}

describe("a value that holds a frame, made for its very position", () => {
  test("is a value while its own frame is whole", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    const payload = forged(0, saltOf(vfs), 0);
    log.persist(1, payload, "strict");
    log.persist(2, new Uint8Array(3), "strict");
    log.abandon();
    expect(openTestLog(vfs).commits.map((commit) => commit.payload)).toEqual([payload, new Uint8Array(3)]);
  });

  test("is no commit when its own frame is torn, not even with the right salt", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    log.append(1, forged(0, saltOf(vfs), 0));
    log.abandon();
    changeFile(
      vfs,
      `wal/${vfs.list("wal")[0]}`,
      (bytes) => void bytes.fill(0, SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + 20),
    );
    const { commits, summary } = openTestLog(vfs);
    expect(commits).toEqual([]);
    expect(summary.tornBytes).toBeGreaterThan(0);
  });

  test("without the salt it is no evidence either: a torn tail stays a torn tail", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    log.append(1, forged(0, 0, 40));
    log.abandon();
    changeFile(
      vfs,
      `wal/${vfs.list("wal")[0]}`,
      (bytes) => void bytes.fill(0, SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + 20),
    );
    expect(openTestLog(vfs).commits).toEqual([]);
  });

  test("a copy of the log itself, as a value, comes back as that value", () => {
    const vfs = new CrashVfs();
    const { log } = openTestLog(vfs);
    const copies: Uint8Array[] = [];
    for (let version = 1; version <= 5; version++) {
      copies.push(readWhole(vfs, log.describe().segment!).slice(0, SEGMENT_HEADER_SIZE * 3));
      log.persist(version, copies.at(-1)!, "strict");
    }
    const after = openTestLog(vfs.afterPowerLoss({ model: "posix", keep: "none" }));
    expect(after.commits.map(({ payload }) => payload)).toEqual(copies);
  });
});
