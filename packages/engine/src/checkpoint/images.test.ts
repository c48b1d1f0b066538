import type { RunId } from "@strata/core";
import { CrashVfs, changeFile, SeededRandom } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { auditCheckpoint } from "../../test/checkpoint-audit.js";
import { nothingLeft } from "../../test/drive.js";
import { bytesIn, imageFiles, numberOf, page, shown, withImage } from "../../test/image-files.js";
import { PagesIndex, savedPages } from "../../test/pages-index.js";
import { openSimulated } from "../../test/simulated-database.js";
import { SlicingTime } from "../../test/slicing-time.js";
import { ToyIndex } from "../../test/toy-index.js";
import { type Database, IMAGE_PAGE_BYTES } from "../index.js";

describe("an image of an index", () => {
  test("is there after opening again, without anything of its run being read", async () => {
    const vfs = new CrashVfs();
    const { db, run } = await withImage(vfs);
    await db.shutdown();
    const again = openSimulated(vfs, { seed: 2 }).db;
    const saved = again.savedImage("pages", run, "image");
    expect(saved).toMatchObject({ run, name: "image", pages: 3, head: Uint8Array.of(7) });
    expect(shown(savedPages(again, run, "image"))).toEqual(shown([page(1), page(2), page(3)]));
    expect(again.runs.must("default").shard.isLoaded).toBe(false);
    expect(again.savedImage("pages", run, "other")).toBeUndefined();
    expect(again.savedImage("other", run, "image")).toBeUndefined();
    expect(again.savedImage("pages", 99 as RunId, "image")).toBeUndefined();
  });

  test("costs what changed of it", async () => {
    const vfs = new CrashVfs();
    const { db, index, run } = await withImage(vfs);
    for (let i = 3; i < 40; i++) index.put(run, "image", i, page(i));
    await db.checkpoint();
    const before = bytesIn(vfs);
    index.put(run, "image", 7, page(77));
    index.put(run, "image", 40, page(40, 100));
    await db.checkpoint();
    expect(bytesIn(vfs) - before).toBeLessThan(2 * IMAGE_PAGE_BYTES);
    const pages = savedPages(db, run, "image");
    expect(shown(pages)).toEqual(shown(index.sheet(run, "image").pages));
  });

  test("that has not changed is nothing to make a checkpoint of; one that has is, without any commit", async () => {
    const vfs = new CrashVfs();
    const { db, index, run } = await withImage(vfs);
    const calls = vfs.calls;
    expect(await db.checkpoint()).toEqual({ runs: 0, bytes: 0, logBytesRetired: 0 });
    expect(vfs.calls).toBe(calls);
    index.put(run, "image", 1, page(9));
    await db.checkpoint();
    expect(vfs.calls).toBeGreaterThan(calls);
    expect(shown(savedPages(db, run, "image"))).toEqual(shown([page(1), page(9), page(3)]));
    expect(index.written).toEqual(["image", "image"]);
    // Nor is it written when something else is.
    const before = imageFiles(vfs);
    db.put("default", "b", 1);
    await db.checkpoint();
    expect(imageFiles(vfs).filter((path) => !before.includes(path))).toEqual([]);
    db.close();
    expect(shown(savedPages(openSimulated(vfs, { seed: 2 }).db, run, "image"))).toEqual(
      shown([page(1), page(9), page(3)]),
    );
  });

  test("is written whole where it is not based on the one that is there", async () => {
    const vfs = new CrashVfs();
    const { db, index, run } = await withImage(vfs);
    const sheet = index.sheet(run, "image");
    for (let i = 3; i < 20; i++) index.put(run, "image", i, page(i));
    await db.checkpoint();
    index.put(run, "image", 0, page(50));
    sheet.base = (sheet.base as number) - 1;
    sheet.pages[2] = page(52);
    await db.checkpoint();
    expect(shown(savedPages(db, run, "image"))).toEqual(shown(sheet.pages));
  });

  test("is as of the moment of its checkpoint, whatever is committed meanwhile", async () => {
    const vfs = new CrashVfs();
    const time = new SlicingTime();
    const { db } = openSimulated(vfs, { time, checkpoint: "manual" });
    for (let i = 0; i < 300; i++) db.put("default", `key-${i}`, i);
    const index = ToyIndex.of(db);
    index.checkAll();
    time.isSlicing = true;
    let isThrough = false;
    const done = db.checkpoint().finally(() => {
      isThrough = true;
    });
    let count = 0;
    for (await nothingLeft(); !isThrough; await nothingLeft()) {
      db.put("default", `later-${count++}`, 1);
      time.advance(0);
    }
    time.isSlicing = false;
    await done;
    expect(count).toBeGreaterThan(5);
    // What was not made durable by then is lost.
    const left = vfs.afterPowerLoss({ model: "posix", keep: "none" });
    const again = openSimulated(left, { seed: 2 }).db;
    expect(again.get("default", `later-${count - 1}`)).toBeUndefined();
    ToyIndex.of(again).checkAll();
    expect(ToyIndex.of(again)).toMatchObject({ loaded: 1, built: 0 });
  });

  test("goes with its run, and stays as long as forks read through that", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    const index = new PagesIndex(db);
    db.runs.create("parent");
    db.put("parent", "a", 1);
    db.fork(db.runs.must("parent"), ["child"]);
    const run = numberOf(db, "parent");
    index.put(run, "image", 0, page(1));
    await db.checkpoint();
    db.runs.delete("parent");
    await db.checkpoint();
    expect(shown(savedPages(db, run, "image"))).toEqual(shown([page(1)]));
    db.runs.delete("child");
    await db.checkpoint();
    expect(savedPages(db, run, "image")).toBeUndefined();
    auditCheckpoint(vfs, db.runs.list(), true);
    // What an index still has of it is not written any more.
    index.put(run, "image", 0, page(2));
    db.put("default", "a", 1);
    await db.checkpoint();
    await db.checkpoint();
    expect(savedPages(db, run, "image")).toBeUndefined();
    expect(imageFiles(vfs)).toEqual([]);
    auditCheckpoint(vfs, db.runs.list(), true);
  });

  test("is told once that it was written, or that it was not", async () => {
    const vfs = new CrashVfs();
    const { db, index, run } = await withImage(vfs);
    expect(index).toMatchObject({ written: ["image"], dropped: 0 });
    index.put(run, "image", 0, page(4));
    const reason = new Error("enough");
    const signal = {
      throwIfAborted() {
        throw reason;
      },
    } as unknown as AbortSignal;
    await expect(db.checkpoint({ signal })).rejects.toBe(reason);
    // It was looked at once before, to see whether there is anything to be written.
    expect(index).toMatchObject({ written: ["image"], dropped: 2 });
    expect(savedPages(db, run, "image")?.[0]?.[0]).toBe(1);
    await db.checkpoint();
    expect(index.written).toEqual(["image", "image"]);
    expect(savedPages(db, run, "image")?.[0]?.[0]).toBe(4);
    expect(index.closings).toBe(0);
    db.close();
    expect(index.closings).toBe(1);
  });

  test("of which a page cannot be had is left as it was, and the checkpoint goes on", async () => {
    const vfs = new CrashVfs();
    const lines: string[] = [];
    const logger = { log: (_level: string, _topic: string, message: string) => lines.push(message) };
    const { db } = openSimulated(vfs, { logger });
    const index = new PagesIndex(db);
    const run = numberOf(db);
    index.put(run, "image", 0, page(1));
    await db.checkpoint();
    index.put(run, "image", 0, page(2));
    db.put("default", "a", 1);
    index.onPage = () => {
      throw new Error("gone");
    };
    expect((await db.checkpoint()).runs).toBe(1);
    expect(lines.join()).toContain("could not be had");
    expect(shown(savedPages(db, run, "image"))).toEqual(shown([page(1)]));
    index.onPage = () => {};
    await db.checkpoint();
    expect(shown(savedPages(db, run, "image"))).toEqual(shown([page(2)]));
    db.put("default", "a", 2);
    await db.checkpoint();
    auditCheckpoint(vfs, db.runs.list(), true);
  });

  test("is not asked of an index that fails, and that is no failure of the checkpoint", async () => {
    const vfs = new CrashVfs();
    const lines: string[] = [];
    const logger = { log: (_level: string, _topic: string, message: string) => lines.push(message) };
    const { db } = openSimulated(vfs, { logger });
    db.registerIndex({
      name: "broken",
      onCommit: () => {},
      onRunDropped: () => {},
      images: () => {
        throw new Error("no");
      },
    });
    db.put("default", "a", 1);
    expect((await db.checkpoint()).runs).toBe(2);
    expect(lines).toEqual(['index "broken" failed to give its images']);
  });
});

describe("files of images", () => {
  test("are few and mostly in use, whatever changes, and what lies in them is right", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {}, checkpoint: "manual" });
    const random = new SeededRandom(5);
    const index = new PagesIndex(db);
    const names = ["default", "a", "b"];
    for (const name of names.slice(1)) db.runs.create(name);
    for (let round = 0; round < 60; round++) {
      const run = numberOf(db, names[random.below(3)]);
      const image = `image ${random.below(3)}`;
      const { length } = index.sheet(run, image).pages;
      for (let i = random.below(6); i >= 0; i--) {
        const at = random.below(3) === 0 ? index.sheet(run, image).pages.length : random.below(Math.max(1, length));
        index.put(run, image, at, page(round, random.below(20) * 3000));
      }
      db.put("default", "round", round);
      await db.checkpoint();
      auditCheckpoint(vfs, db.runs.list(), true);
    }
    let live = 0;
    for (const run of names.map((name) => numberOf(db, name))) {
      for (let i = 0; i < 3; i++) {
        const { pages } = index.sheet(run, `image ${i}`);
        live += pages.reduce((sum, { length }) => sum + length, 0);
        if (pages.length > 0) expect(shown(savedPages(db, run, `image ${i}`))).toEqual(shown(pages));
      }
    }
    expect(imageFiles(vfs).length).toBeLessThan(60);
    expect(bytesIn(vfs)).toBeLessThan(3 * live + 2_000_000);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  test("are few for an image that grows by a page from checkpoint to checkpoint, and each page is written a few times", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {} });
    const index = new PagesIndex(db);
    const run = numberOf(db);
    let [written, most] = [0, 0];
    index.onPage = () => {
      written++;
    };
    for (let i = 0; i < 100; i++) {
      index.put(run, "image", i, page(i));
      await db.checkpoint();
      most = Math.max(most, imageFiles(vfs).length);
    }
    // Files of the checkpoint before are still there.
    expect(most).toBeLessThan(20);
    expect(written).toBeLessThan(100 * 8);
    expect(shown(savedPages(db, run, "image"))).toEqual(shown(index.sheet(run, "image").pages));
  });

  /** An image whose index is not in memory any more, in a file with others that are written anew elsewhere. */
  async function withResting(vfs: CrashVfs, lines: string[], damage: boolean): Promise<{ db: Database; run: RunId }> {
    const first = openSimulated(vfs, { segments: {} }).db;
    const run = numberOf(first);
    const index = new PagesIndex(first);
    first.put("default", "a", 1);
    index.put(run, "resting", 0, page(200));
    index.put(run, "resting", 1, page(201, 10));
    for (let i = 0; i < 9; i++) index.put(run, `other ${i}`, 0, page(i));
    await first.checkpoint();
    await first.shutdown();
    const [path] = imageFiles(vfs) as [string];
    if (damage) {
      changeFile(vfs, path, (bytes) => {
        bytes[100] = bytes[100]! ^ 1;
        return bytes;
      });
    }
    const logger = { log: (_level: string, _topic: string, message: string) => lines.push(message) };
    const { db } = openSimulated(vfs, { seed: 2, segments: {}, logger });
    const next = new PagesIndex(db);
    for (let i = 0; i < 9; i++) next.put(run, `other ${i}`, 0, page(i + 1));
    await db.checkpoint();
    auditCheckpoint(vfs, db.runs.list(), true);
    expect(imageFiles(vfs)).toContain(path);
    await db.compact();
    auditCheckpoint(vfs, db.runs.list(), true);
    expect(imageFiles(vfs)).not.toContain(path);
    expect(bytesIn(vfs)).toBeLessThan(11 * IMAGE_PAGE_BYTES);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    return { db, run };
  }

  test("of which little is in use are left, also by images whose index is not in memory", async () => {
    const vfs = new CrashVfs();
    const { db, run } = await withResting(vfs, [], false);
    expect(shown(savedPages(db, run, "resting"))).toEqual(shown([page(200), page(201, 10)]));
    const files = vfs.list("snapshots");
    await db.compact();
    expect(imageFiles(vfs).filter((path) => !files.includes(path.replace("snapshots/", "")))).toEqual([]);
    db.close();
    const again = openSimulated(vfs, { seed: 3 }).db;
    expect(shown(savedPages(again, run, "resting"))).toEqual(shown([page(200), page(201, 10)]));
  });

  test("that are damaged give up what cannot move out of them, and say so", async () => {
    const lines: string[] = [];
    const { db, run } = await withResting(new CrashVfs(), lines, true);
    expect(lines).toEqual([
      `image "resting" of index "pages", run ${run} cannot be read and is given up: the index is built anew`,
    ]);
    expect(savedPages(db, run, "resting")).toBeUndefined();
    expect(shown(savedPages(db, run, "other 3"))).toEqual(shown([page(4)]));
  });

  test("are not left over for a few bytes of their own", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    const index = new PagesIndex(db, "i");
    index.sheet(numberOf(db), "n").head = new Uint8Array(0);
    db.put("default", "a", 1);
    await db.checkpoint();
    const files = imageFiles(vfs);
    expect(files).toHaveLength(1);
    await db.compact();
    expect(imageFiles(vfs)).toEqual(files);
  });
});
