import { InlineSyncDriver, LogDurability } from "@strata/durability";
import { CrashVfs, changeFile, ManualTime } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { openSimulated } from "../../test/simulated-database.js";
import { WORKLOAD } from "../../test/workload.js";
import { Database, EventLogStore } from "../index.js";
import { Catalogue } from "./catalogue.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotLibrary } from "./snapshot-library.js";

/** A database of several segments a run, with a fork of a deleted run, closed with two commits in the log. */
async function written(): Promise<CrashVfs> {
  const vfs = new CrashVfs();
  const { db } = openSimulated(vfs);
  for (const [i, step] of WORKLOAD.entries()) {
    step.run(db);
    if (i % 4 === 0) await db.checkpoint();
  }
  db.runs.create("parent");
  new EventLogStore(db.head(db.runs.must("parent"))).append("inherited", {});
  db.fork(db.runs.must("parent"), ["child"]);
  new EventLogStore(db.head(db.runs.must("child"))).append("own", {});
  db.runs.delete("parent");
  await db.checkpoint();
  db.put("default", "in the log", 1);
  db.put("child", "in the log", 1);
  db.close();
  return vfs;
}

/** What the newest checkpoint names: stretches of files. */
function namedPlaces(vfs: CrashVfs): SegmentPlace[] {
  const log = new LogDurability(vfs, new InlineSyncDriver(vfs, new ManualTime()), { readOnly: true });
  const places: SegmentPlace[] = [];
  log.recover(
    () => {},
    ({ root }) => {
      const catalogue = Catalogue.open(new SnapshotLibrary(log.snapshots, 1000), root);
      for (const number of catalogue.runs()) places.push(...(catalogue.run(number)?.places ?? []));
      places.push(...catalogue.places);
    },
  );
  log.abandon();
  return places.map((place) => ({ ...place, file: `snapshots/${place.file}` }));
}

describe("verifying", () => {
  test("finds nothing wrong with a database that is whole, whatever was done", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    for (const [i, step] of WORKLOAD.entries()) {
      step.run(db);
      expect(await db.verify(), step.what).toEqual({ ok: true, problems: [] });
      if (i % 3 !== 0) continue;
      await db.checkpoint();
      expect(await db.verify(), step.what).toEqual({ ok: true, problems: [] });
    }
    const again = openSimulated(await written(), { seed: 2 }).db;
    const calls: [number, number][] = [];
    expect(await again.verify({ onProgress: (done, total) => calls.push([done, total]) })).toEqual({
      ok: true,
      problems: [],
    });
    expect(calls.at(-1)?.[0]).toBeLessThanOrEqual(calls.at(-1)?.[1] as number);
    expect(again.put("default", "goes on", 1)).toBeGreaterThan(0);
  });

  test("finds every byte that changed in a file of the newest checkpoint, and says where", async () => {
    const vfs = await written();
    let flips = 0;
    for (const { file: path, offset, length } of namedPlaces(vfs)) {
      for (let at = offset + (flips % 5); at < offset + length; at += 41) {
        const disk = vfs.afterKill();
        changeFile(disk, path, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
          return bytes;
        });
        let db: Database;
        try {
          ({ db } = openSimulated(disk, { seed: 2 }));
        } catch (error) {
          expect(error).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
          continue;
        }
        const report = await db.verify();
        expect(report.ok, `${path}, byte ${at}`).toBe(false);
        expect(
          report.problems.map(({ file }) => file),
          `${path}, byte ${at}`,
        ).toContain(path);
        flips++;
      }
    }
    expect(flips).toBeGreaterThan(80);
  });

  test("misses every file of the newest checkpoint that is gone", async () => {
    const vfs = await written();
    for (const path of new Set(namedPlaces(vfs).map(({ file }) => file))) {
      const disk = vfs.afterKill();
      disk.unlink(path);
      try {
        const report = await openSimulated(disk, { seed: 2 }).db.verify();
        expect(
          report.problems.map(({ file }) => file),
          path,
        ).toContain(path);
      } catch (error) {
        expect(error).toMatchObject({ code: "SNAPSHOT_CORRUPT" });
      }
    }
  });

  test("finds commits in the log that changed after they were read, up to which it goes on", async () => {
    const vfs = await written();
    const { db } = openSimulated(vfs, { seed: 2 });
    db.put("default", "later", "x".repeat(300));
    db.flush();
    const segment = db.wal?.describe().segment as string;
    changeFile(vfs, segment, (bytes) => {
      const at = bytes.lastIndexOf("x".charCodeAt(0));
      bytes[at] = 0;
      return bytes;
    });
    const report = await db.verify();
    expect(report.ok).toBe(false);
  });

  test("finds an event that was changed behind its checksums", async () => {
    const vfs = await written();
    const { db } = openSimulated(vfs, { seed: 2 });
    const events = db.runs.must("child").shard.events("default");
    expect(events?.length()).toBe(2);
    const ephemeral = Database.ephemeral();
    const log = new EventLogStore(ephemeral.head(ephemeral.runs.must("default")));
    for (let i = 0; i < 3; i++) log.append("counted", { i });
    expect(await ephemeral.verify()).toEqual({ ok: true, problems: [] });
    const record = ephemeral.runs.must("default").shard.events("default")?.record(1) as Uint8Array;
    record[record.length - 1] = (record.at(-1) as number) ^ 1;
    const { problems } = await ephemeral.verify();
    expect(problems).toEqual([
      { file: "", what: 'run "default": space "default", event 1: its content does not give its hash' },
    ]);
  });

  test("ends when it is asked to, wherever it is", async () => {
    const { db } = openSimulated(await written(), { seed: 2 });
    for (let at = 1; ; at++) {
      let pauses = 0;
      const reason = new Error("enough");
      const signal = {
        throwIfAborted() {
          if (++pauses >= at) throw reason;
        },
      } as unknown as AbortSignal;
      try {
        expect((await db.verify({ signal })).ok).toBe(true);
        break;
      } catch (error) {
        expect(error).toBe(reason);
      }
    }
  });
});
