import { silentLogger } from "@strata/core";
import { InlineSyncDriver, LogDurability, LogSalvage } from "@strata/durability";
import { CrashVfs, changeFile, imageOf, ManualTime, SeededRandom } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { auditCheckpoint } from "../../test/checkpoint-audit.js";
import { imageFiles, numberOf, page, shown, textOf, withImage } from "../../test/image-files.js";
import { PagesIndex, savedPages } from "../../test/pages-index.js";
import { openSimulated } from "../../test/simulated-database.js";
import { Catalogue } from "./catalogue.js";
import { repairInto } from "./repair.js";
import { SnapshotLibrary } from "./snapshot-library.js";

const SECRET = "my-secret-value";

describe("a byte of an image file that changed", () => {
  test("is found by whoever reads it, and never read as something else", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    const index = new PagesIndex(db);
    const run = numberOf(db);
    const pages = [page(1, 300), page(2, 0), page(3, 120)];
    for (const [i, bytes] of pages.entries()) index.put(run, "image", i, bytes);
    db.put("default", "a", 1);
    await db.checkpoint();
    db.close();
    const [path] = imageFiles(vfs) as [string];
    const size = vfs.size(path) as number;
    for (let at = 0; at < size; at++) {
      const disk = vfs.afterKill();
      changeFile(disk, path, (bytes) => {
        bytes[at] = bytes[at]! ^ (1 << (at % 8));
        return bytes;
      });
      const again = openSimulated(disk, { seed: 2 }).db;
      expect(() => savedPages(again, run, "image"), `byte ${at}`).toThrow(
        expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }),
      );
      const { problems } = await again.verify();
      expect(
        problems.map(({ file }) => file),
        `byte ${at}`,
      ).toEqual([path]);
      expect(again.get("default", "a")).toBe(1);
      again.close();
    }
    const gone = vfs.afterKill();
    gone.unlink(path);
    const again = openSimulated(gone, { seed: 2 }).db;
    expect(() => again.savedImage("pages", run, "image")).toThrow(
      expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }),
    );
    const next = new PagesIndex(again);
    next.put(run, "image", 0, page(5));
    await again.checkpoint();
    expect(shown(savedPages(again, run, "image"))).toEqual(shown([page(5)]));
  });
});

describe("erasing", () => {
  test("leaves nothing of any image, and tells the indexes", async () => {
    const vfs = new CrashVfs();
    const { db, index, run } = await withImage(vfs);
    index.put(run, "image", 1, new TextEncoder().encode(SECRET));
    db.put("default", "b", 1);
    await db.checkpoint();
    const hasSecret = () => [...imageOf(vfs)].some(([path]) => textOf(vfs, path).includes(SECRET));
    expect(hasSecret()).toBe(true);
    await db.compact();
    expect(index.erasures).toBe(0);
    expect(hasSecret()).toBe(true);
    await db.compact({ erase: true });
    expect(index.erasures).toBe(1);
    expect(hasSecret()).toBe(false);
    expect(imageFiles(vfs)).toEqual([]);
    expect(savedPages(db, run, "image")).toBeUndefined();
    auditCheckpoint(vfs, db.runs.list(), true);
    index.put(run, "image", 0, page(9));
    await db.checkpoint();
    expect(shown(savedPages(db, run, "image"))).toEqual(shown([page(9)]));
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });
});

describe("a repair", () => {
  test("passes over files of images, with a catalogue and without one", async () => {
    for (const isCatalogueGone of [false, true]) {
      const vfs = new CrashVfs();
      const { db } = await withImage(vfs);
      await db.shutdown();
      if (isCatalogueGone) for (const path of catalogueFiles(vfs)) vfs.unlink(path);
      const [target, time] = [new CrashVfs(), new ManualTime()];
      const parts = { clock: time, timer: time, random: new SeededRandom(3), logger: silentLogger };
      const into = new LogDurability(target, new InlineSyncDriver(target, time), parts);
      const report = await repairInto(new LogSalvage(vfs), into, parts);
      expect(report.lost.filter(({ what }) => what?.includes("not known"))).toEqual([]);
      const repaired = openSimulated(target, { seed: 5 }).db;
      expect(repaired.get("default", "a")).toBe(1);
      expect(imageFiles(target)).toEqual([]);
      repaired.close();
    }
  });
});

describe("a copy", () => {
  test("has no images: its indexes are built anew", async () => {
    const { db, run } = await withImage(new CrashVfs());
    const target = new CrashVfs();
    const time = new ManualTime();
    const shared = { clock: time, timer: time, random: new SeededRandom(7) };
    await db.backup(new LogDurability(target, new InlineSyncDriver(target, time), shared));
    const copy = openSimulated(target, { seed: 4 }).db;
    expect(copy.get("default", "a")).toBe(1);
    expect(savedPages(copy, run, "image")).toBeUndefined();
    expect(imageFiles(target)).toEqual([]);
    expect(await copy.verify()).toEqual({ ok: true, problems: [] });
  });
});

/** Where the newest checkpoint's list of runs and images lies. */
function catalogueFiles(vfs: CrashVfs): string[] {
  const log = new LogDurability(vfs, new InlineSyncDriver(vfs, new ManualTime()), { readOnly: true });
  const paths: string[] = [];
  log.recover(
    () => {},
    ({ root }) => {
      const { places } = Catalogue.open(new SnapshotLibrary(log.snapshots, 1000), root);
      paths.push(...places.map(({ file }) => `snapshots/${file}`));
    },
  );
  log.abandon();
  return paths;
}
