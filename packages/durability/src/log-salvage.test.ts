import { describe, expect, test } from "vitest";
import { LogSalvage } from "./log-salvage.js";
import { CheckpointedLog } from "./testing/checkpoint-log.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { changeFile, imageOf } from "./testing/disk-image.js";
import { openTestLog, TINY_SEGMENTS } from "./testing/test-log.js";

/** Twenty commits before each of two checkpoints, and five behind the second. */
async function written(): Promise<CrashVfs> {
  const vfs = new CrashVfs();
  const test = openTestLog(vfs, { segments: TINY_SEGMENTS });
  const checkpoints = new CheckpointedLog(test);
  let version = 1;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < (round < 2 ? 20 : 5); i++) test.log.persist(version++, new Uint8Array(60).fill(version));
    if (round < 2) await checkpoints.make();
  }
  test.log.shutdown();
  return vfs;
}

function read(salvage: LogSalvage, from: "checkpoint" | "beginning") {
  const versions: number[] = [];
  const found = salvage.read(from, (_payload, version) => versions.push(version));
  return { ...found, versions };
}

describe("a damaged directory", () => {
  test("that is whole gives both: the log behind the newest checkpoint, and that behind the one before", async () => {
    const vfs = await written();
    const before = imageOf(vfs);
    const salvage = new LogSalvage(vfs);
    expect(salvage.isKnown).toBe(true);
    expect(salvage.checkpoints[0]?.version).toBe(40);
    expect(read(salvage, "checkpoint").versions).toEqual([41, 42, 43, 44, 45]);
    const whole = read(salvage, "beginning");
    expect(whole.versions.at(-1)).toBe(45);
    expect(whole.versions[0]).toBeLessThanOrEqual(21);
    expect(whole).toMatchObject({ isFromBeginning: true, lost: [] });
    expect(salvage.snapshots.list().length).toBeGreaterThan(0);
    salvage.close();
    expect(imageOf(vfs)).toEqual(before);
  });

  test("without a manifest gives the commits of the segments that are there, and says what it does not know", async () => {
    const vfs = await written();
    for (const name of vfs.list("").filter((each) => each.startsWith("MANIFEST"))) vfs.unlink(name);
    const salvage = new LogSalvage(vfs);
    expect(salvage.isKnown).toBe(false);
    expect(salvage.lost).toMatchObject([{ file: "MANIFEST" }]);
    expect(salvage.checkpoints).toEqual([]);
    const { versions, isFromBeginning } = read(salvage, "beginning");
    expect(versions.at(-1)).toBe(45);
    expect(isFromBeginning).toBe(versions[0] === 1);
    salvage.close();
  });

  test("has the commits behind the checkpoint, whatever is wrong with the log before", async () => {
    const vfs = await written();
    const [first] = vfs.list("wal") as [string];
    changeFile(vfs, `wal/${first}`, (bytes) => bytes.fill(0, 4100, 4200));
    const salvage = new LogSalvage(vfs);
    expect(read(salvage, "checkpoint").versions).toEqual([41, 42, 43, 44, 45]);
    const whole = read(salvage, "beginning");
    expect(whole.versions.length).toBeLessThan(5);
    expect(whole.lost[0]).toMatchObject({ file: `wal/${first}` });
    salvage.close();
  });

  test("may have no log at all, but must have something", async () => {
    const vfs = await written();
    for (const name of vfs.list("wal")) vfs.unlink(`wal/${name}`);
    for (const name of vfs.list("").filter((each) => each.startsWith("MANIFEST"))) vfs.unlink(name);
    const salvage = new LogSalvage(vfs);
    expect(read(salvage, "beginning")).toMatchObject({ versions: [], isFromBeginning: false });
    expect(salvage.epoch).toBe(1);
    salvage.close();
    for (const name of vfs.list("snapshots")) vfs.unlink(`snapshots/${name}`);
    expect(() => new LogSalvage(vfs)).toThrow(expect.objectContaining({ code: "NOT_A_DATABASE" }));
  });

  test("that somebody has open is left alone", async () => {
    const vfs = await written();
    const { log } = openTestLog(vfs, { segments: TINY_SEGMENTS }, 2);
    expect(() => new LogSalvage(vfs)).toThrow(expect.objectContaining({ code: "DATABASE_LOCKED" }));
    log.abandon();
    new LogSalvage(vfs).close();
  });
});
