import { lsn, StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { InlineSyncDriver } from "./inline-sync-driver.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { FaultVfs } from "./testing/fault-vfs.js";
import { ManualTime } from "./testing/manual-time.js";
import type { Vfs } from "./vfs.js";
import { writeFully } from "./vfs-io.js";

function setUp(wrap: (disk: CrashVfs) => Vfs = (disk) => disk) {
  const disk = new CrashVfs();
  const time = new ManualTime();
  const driver = new InlineSyncDriver(wrap(disk), time);
  const write = (path: string, text: string, position = 0) => {
    if (!disk.exists(path)) {
      disk.open(path, "create").close();
      disk.syncDirectory("");
    }
    const file = disk.open(path, "readWrite");
    writeFully(file, new TextEncoder().encode(text), 0, text.length, position);
    file.close();
  };
  const survives = (path: string) => disk.afterPowerLoss({ model: "posix", keep: "none" }).size(path);
  return { disk, time, driver, write, survives };
}

const SETTINGS = { flushIntervalMs: 100, maxPendingWrites: 3 };

describe("a sync driver", () => {
  test("syncs what was requested when the oldest request is due", () => {
    const { disk, time, driver, write, survives } = setUp();
    write("a", "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(3));
    time.advance(60);
    driver.requested(lsn(5));
    time.advance(39);
    expect(driver.syncedThrough).toBe(0);
    expect(survives("a")).toBe(0);
    time.advance(1);
    expect(driver.syncedThrough).toBe(5);
    expect(survives("a")).toBe(5);
    expect(driver.fsyncs).toBe(1);
    expect(disk.syncs).toBe(1);
  });

  test("syncs at once when enough requests wait", () => {
    const { time, driver, write } = setUp();
    write("a", "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    for (const position of [1, 2, 3]) driver.requested(lsn(position));
    expect(driver.fsyncs).toBe(0);
    time.advance(0);
    expect(driver.syncedThrough).toBe(3);
  });

  test("syncs every segment below, closes what is done, and leaves what is above", () => {
    const { driver, time, write, survives } = setUp();
    for (const path of ["a", "b", "c"]) write(path, "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    driver.segmentOpened("b", lsn(5));
    driver.segmentOpened("c", lsn(10));
    driver.wait(lsn(7));
    expect(driver.syncedThrough).toBe(10);
    expect([survives("a"), survives("b"), survives("c")]).toEqual([5, 5, 0]);
    time.advance(1000);
    expect(driver.syncedThrough).toBe(10);
    driver.wait(lsn(12));
    expect(survives("c")).toBe(5);
  });

  test("syncs a segment that was left behind, although nobody asked", () => {
    const { driver, time, write, survives } = setUp();
    write("a", "12345");
    write("b", "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    driver.segmentOpened("b", lsn(5));
    time.advance(0);
    expect([survives("a"), survives("b")]).toEqual([5, 0]);
  });

  test("does nothing again that the log has synced itself", () => {
    const { driver, time, write } = setUp();
    write("a", "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(4));
    driver.synced(lsn(5));
    time.advance(1000);
    expect(driver.fsyncs).toBe(0);
    expect(driver.syncedThrough).toBe(5);
    expect(time.pending).toBe(0);
  });

  test("before it is started it remembers, and makes nothing", () => {
    const { driver, time, write, disk } = setUp();
    write("a", "12345");
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(5));
    driver.prepare("next", 100);
    time.advance(10_000);
    expect(driver.fsyncs).toBe(0);
    expect(driver.prepared("next")).toBe(false);
    expect(disk.exists("next")).toBe(false);
    driver.start(SETTINGS, () => {});
    driver.start(SETTINGS, () => {});
    time.advance(100);
    expect(driver.syncedThrough).toBe(5);
  });

  test("serves those who wait together with one fsync", async () => {
    const { driver, write } = setUp();
    write("a", "12345");
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    await Promise.all([1, 2, 3, 4, 5].map((position) => driver.settled(lsn(position))));
    expect(driver.fsyncs).toBe(1);
    await driver.settled(lsn(5));
    expect(driver.fsyncs).toBe(1);
  });

  test("after a failed fsync it has failed for good, and says so to everyone, once", async () => {
    let fails = true;
    const { driver, time, write, disk } = setUp(
      (inner) =>
        new FaultVfs(inner, ({ operation }) => (fails && operation === "syncData" ? { kind: "pagesLost" } : undefined)),
    );
    write("a", "12345");
    const heard: unknown[] = [];
    driver.start(SETTINGS, (error) => heard.push(error.code));
    driver.segmentOpened("a", lsn(0));
    const waiting = driver.settled(lsn(2)).catch((error: unknown) => StrataError.is(error) && error.code);
    expect(await waiting).toBe("IO_ERROR");
    expect(heard).toEqual(["IO_ERROR"]);
    fails = false;
    driver.requested(lsn(5));
    driver.wait(lsn(5));
    time.advance(10_000);
    expect([driver.failed, driver.failure?.code, driver.syncedThrough]).toEqual([true, "IO_ERROR", 0]);
    expect(disk.syncs).toBe(0);
    await expect(driver.settled(lsn(5))).rejects.toMatchObject({ code: "IO_ERROR" });
  });

  test("lays out a segment in the background, and at the latest when it is asked for", () => {
    const { driver, time, disk, survives } = setUp();
    driver.start(SETTINGS, () => {});
    driver.segmentOpened("a", lsn(0));
    driver.prepare("next", 50_000);
    expect(disk.exists("next")).toBe(false);
    time.advance(0);
    expect(disk.size("next")).toBe(50_000);
    expect(driver.prepared("next")).toBe(true);
    driver.prepare("other", 10);
    expect(driver.prepared("other")).toBe(true);
    disk.syncDirectory("");
    expect(survives("next")).toBe(50_000);
  });

  test("leaves no file where laying out fails, and has not failed", () => {
    const { driver, disk } = setUp(
      (inner) =>
        new FaultVfs(inner, ({ operation }) =>
          operation === "write" ? { kind: "error", errno: "ENOSPC" } : undefined,
        ),
    );
    driver.start(SETTINGS, () => {});
    driver.prepare("next", 50_000);
    expect(driver.prepared("next")).toBe(false);
    expect(disk.exists("next")).toBe(false);
    expect(driver.failed).toBe(false);
  });

  test("at the end does what was requested when asked to, and nothing afterwards", async () => {
    for (const drain of [true, false]) {
      const { driver, time, write } = setUp();
      write("a", "12345");
      driver.start(SETTINGS, () => {});
      driver.segmentOpened("a", lsn(0));
      driver.requested(lsn(5));
      const waiting = driver.settled(lsn(5)).then(
        () => "settled",
        (error: unknown) => StrataError.is(error) && error.code,
      );
      driver.stop(drain);
      driver.stop(true);
      time.advance(10_000);
      expect(driver.syncedThrough).toBe(drain ? 5 : 0);
      expect(await waiting).toBe(drain ? "settled" : "DATABASE_CLOSED");
      expect(time.pending).toBe(0);
    }
  });
});
