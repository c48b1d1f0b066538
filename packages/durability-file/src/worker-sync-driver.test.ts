import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { Lsn, StrataError } from "@strata/core";
import type { SyncSettings } from "@strata/durability";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../test/temporary.js";
import { NodeVfs } from "./node-vfs.js";
import { WorkerSyncDriver } from "./worker-sync-driver.js";

/** Long enough never to pass in a test. */
const NEVER_MS = 600_000;

interface Setup {
  readonly directory: string;
  readonly driver: WorkerSyncDriver;
  readonly failures: StrataError[];
}

function setUp(settings: Partial<SyncSettings> = {}): Setup {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "a"), new Uint8Array(65_536));
  writeFileSync(join(directory, "b"), new Uint8Array(65_536));
  const driver = new WorkerSyncDriver(new NodeVfs(directory));
  const failures: StrataError[] = [];
  driver.start({ flushIntervalMs: NEVER_MS, maxPendingWrites: 1_000_000, ...settings }, (error) =>
    failures.push(error),
  );
  onTestFinished(() => driver.stop(false));
  return { directory, driver, failures };
}

function lsn(position: number): Lsn {
  return position as Lsn;
}

/** Blocks this thread, and with it its event loop, until `done`. */
function blockUntil(done: () => boolean): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!done()) Atomics.wait(nobody, 0, 0, 1);
}

/** Keeps this thread busy. */
function spinFor(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}

function openDescriptors(directory: string): string[] {
  return readdirSync("/proc/self/fd")
    .map((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        return "";
      }
    })
    .filter((path) => path.startsWith(directory));
}

describe("waiting", () => {
  test("a commit that is waited for is synced by one fsync, at once", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(100));
    driver.wait(lsn(100));
    expect(driver.syncedThrough).toBe(100);
    expect(driver.fsyncs).toBe(1);
  });

  test("what was synced already is not synced again", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(100));
    driver.wait(lsn(100));
    driver.wait(lsn(50));
    driver.wait(lsn(100));
    expect(driver.fsyncs).toBe(1);
  });

  test("positions beyond 32 bits are told exactly", () => {
    const { driver } = setUp();
    const start = 2 ** 40 + 2 ** 32 - 50;
    driver.segmentOpened("a", lsn(start));
    driver.requested(lsn(start + 100));
    driver.wait(lsn(start + 100));
    expect(driver.syncedThrough).toBe(start + 100);
  });

  test("no signal is lost, however it falls into the worker's fsync", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 600; commit++) {
      driver.requested(lsn(commit));
      // Every length of pause between two signals: none, some of an fsync, more than one.
      spinFor((commit % 60) * 4);
      if (commit % 3 !== 0) driver.wait(lsn(commit));
    }
    driver.wait(lsn(600));
    expect(driver.syncedThrough).toBe(600);
  });

  test("no signal is lost, however it falls into the worker's going to sleep", () => {
    const { driver } = setUp({ maxPendingWrites: 1 });
    driver.segmentOpened("a", lsn(0));
    const commits = 300;
    for (let commit = 1; commit <= commits; commit++) {
      driver.requested(lsn(commit));
      // Seen by looking, an instant after it was published: the worker is still on its way to sleep. A lost signal waits
      // for a window that never ends; a slow disk only takes its time.
      const lostAt = performance.now() + 30_000;
      while (driver.syncedThrough < commit) {
        if (performance.now() > lostAt) expect.fail(`the signal of commit ${commit} was lost`);
      }
      spinFor(commit % 20);
    }
    expect(driver.syncedThrough).toBe(commits);
  });

  test("quiesce begins no fsync", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(100));
    driver.quiesce();
    expect(driver.syncedThrough).toBe(0);
  });
});

describe("the window", () => {
  test("commits of one window share one fsync", () => {
    const windowMs = 100;
    const { driver } = setUp({ flushIntervalMs: windowMs });
    driver.segmentOpened("a", lsn(0));
    const begin = performance.now();
    for (let commit = 1; commit <= 50; commit++) driver.requested(lsn(commit));
    // A machine that is busy elsewhere may stretch this loop over several windows.
    const windows = 1 + Math.floor((performance.now() - begin) / windowMs);
    blockUntil(() => driver.syncedThrough === 50);
    expect(driver.fsyncs).toBeLessThanOrEqual(windows);
  });

  test("every window is served while the event loop is blocked, the first included", () => {
    const { driver } = setUp({ flushIntervalMs: 20 });
    driver.segmentOpened("a", lsn(0));
    for (let round = 1; round <= 5; round++) {
      driver.requested(lsn(round));
      blockUntil(() => driver.syncedThrough === round);
    }
    expect(driver.fsyncs).toBe(5);
  });

  test("as many commits as may wait are synced before the window ends, one fewer are not", () => {
    const { driver } = setUp({ maxPendingWrites: 10 });
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 9; commit++) driver.requested(lsn(commit));
    driver.prepare("c", 16_384);
    expect(driver.prepared("c")).toBe(true); // the worker has run, and had nothing to sync
    expect(driver.fsyncs).toBe(0);
    driver.requested(lsn(10));
    blockUntil(() => driver.syncedThrough === 10);
    expect(driver.fsyncs).toBe(1);
    for (let commit = 11; commit <= 20; commit++) driver.requested(lsn(commit));
    blockUntil(() => driver.syncedThrough === 20);
    expect(driver.fsyncs).toBe(2);
  });

  test("what the log has synced itself is not counted and not synced again", () => {
    const { driver } = setUp({ maxPendingWrites: 10 });
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 100; commit++) {
      driver.requested(lsn(commit));
      driver.synced(lsn(commit));
    }
    expect(driver.syncedThrough).toBe(100);
    driver.stop(true);
    expect(driver.fsyncs).toBe(0);
  });

  test("nor is it by a worker that runs already", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(1));
    driver.wait(lsn(1));
    driver.requested(lsn(2));
    driver.synced(lsn(2));
    driver.stop(true);
    expect(driver.fsyncs).toBe(1);
  });

  test("commits that somebody had synced are not counted any more", () => {
    const { driver } = setUp({ maxPendingWrites: 10 });
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 27; commit++) {
      driver.requested(lsn(commit));
      driver.prepare(`${commit}`, 1);
      driver.prepared(`${commit}`); // the worker has run since
      if (commit % 9 === 0) driver.wait(lsn(commit));
    }
    driver.stop(true);
    expect(driver.fsyncs).toBe(3);
  });
});

describe("promises", () => {
  test("all that wait in one turn share one fsync", async () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    const settled: Promise<void>[] = [];
    for (let commit = 1; commit <= 100; commit++) {
      driver.requested(lsn(commit));
      settled.push(driver.settled(lsn(commit)));
    }
    await Promise.all(settled);
    expect(driver.syncedThrough).toBe(100);
    expect(driver.fsyncs).toBe(1);
  });

  test("writers that wait for each commit get on together", async () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    let last = 0;
    const writer = async (): Promise<void> => {
      for (let commit = 0; commit < 50; commit++) {
        const mine = lsn(++last);
        driver.requested(mine);
        await driver.settled(mine);
        expect(driver.syncedThrough).toBeGreaterThanOrEqual(mine);
      }
    };
    await Promise.all(Array.from({ length: 16 }, writer));
    expect(driver.fsyncs).toBeLessThan(400); // 800 commits
  });

  test("a promise is kept by an fsync that somebody else waited for", async () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 300; commit++) {
      driver.requested(lsn(commit));
      const settled = driver.settled(lsn(commit));
      driver.wait(lsn(commit));
      await settled;
    }
    expect(driver.fsyncs).toBe(300);
  });

  test("a promise asked for just while the fsync ends is kept", async () => {
    const { driver } = setUp({ maxPendingWrites: 1 });
    driver.segmentOpened("a", lsn(0));
    // A slow disk meets fewer of these moments.
    const enough = performance.now() + 20_000;
    for (let commit = 1; commit <= 2000 && performance.now() < enough; commit++) {
      driver.requested(lsn(commit));
      spinFor(commit % 200);
      await driver.settled(lsn(commit));
    }
  });

  test("the log's own fsync keeps promises", async () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(1));
    const settled = driver.settled(lsn(1));
    driver.synced(lsn(1));
    await settled;
  });

  test("stopping without draining breaks promises with a reason", async () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(1));
    const settled = driver.settled(lsn(1));
    driver.stop(false);
    await expect(settled).rejects.toMatchObject({ code: "DATABASE_CLOSED" });
    await expect(driver.settled(lsn(1))).rejects.toMatchObject({ code: "DATABASE_CLOSED" });
  });
});

describe("segments", () => {
  test("a segment that was left is synced without being asked for, then closed", () => {
    const { driver, directory } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.segmentOpened("b", lsn(1000));
    blockUntil(() => driver.syncedThrough === 1000);
    expect(driver.fsyncs).toBe(1);
    expect(openDescriptors(directory)).toEqual([join(directory, "b")]);
  });

  test("what lies in two segments takes an fsync of each, the older first", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(900));
    driver.segmentOpened("b", lsn(1000));
    driver.requested(lsn(1100));
    driver.wait(lsn(1100));
    expect(driver.syncedThrough).toBe(1100);
    expect(driver.fsyncs).toBe(2);
  });

  test("a segment that the log synced and removed before the worker ran is never looked for", () => {
    const { driver } = setUp();
    driver.segmentOpened("removed", lsn(0));
    driver.synced(lsn(1000));
    driver.segmentOpened("a", lsn(1000));
    driver.requested(lsn(1100));
    driver.wait(lsn(1100));
    expect(driver.failed).toBe(false);
    expect(driver.syncedThrough).toBe(1100);
  });
});

describe("failure", () => {
  /** A file whose fsync fails: a device that takes none. */
  function openUnsyncable({ directory, driver }: Setup): void {
    symlinkSync("/dev/null", join(directory, "unsyncable"));
    driver.segmentOpened("unsyncable", lsn(0));
  }

  test("a failed fsync is told to everyone, once, and none is tried again", async () => {
    const setup = setUp();
    const { driver, failures } = setup;
    openUnsyncable(setup);
    driver.requested(lsn(100));
    const settled = driver.settled(lsn(100));
    await expect(settled).rejects.toMatchObject({
      code: "IO_ERROR",
      facts: { operation: "syncData", errno: "EINVAL", path: join(setup.directory, "unsyncable") },
    });
    expect(driver.failed).toBe(true);
    expect(driver.syncedThrough).toBe(0);
    driver.requested(lsn(200));
    driver.wait(lsn(200));
    await expect(driver.settled(lsn(200))).rejects.toBe(driver.failure);
    driver.stop(true);
    expect(driver.fsyncs).toBe(1);
    expect(failures).toEqual([driver.failure]);
  });

  test("a blocked waiter returns and finds the reason, before the event loop has run", () => {
    const setup = setUp();
    openUnsyncable(setup);
    setup.driver.requested(lsn(100));
    setup.driver.wait(lsn(100));
    expect(setup.driver.failed).toBe(true);
    expect(setup.driver.failure).toMatchObject({ code: "IO_ERROR" });
    expect(setup.failures).toEqual([]); // never from inside a call
  });

  test("a segment that cannot be opened is a failure", () => {
    const { driver } = setUp();
    driver.segmentOpened("absent", lsn(0));
    driver.requested(lsn(1));
    driver.wait(lsn(1));
    expect(driver.failure).toMatchObject({ facts: { operation: "open", errno: "ENOENT" } });
  });

  test("a worker that dies is a failure, also for a thread that is blocked", async () => {
    const { driver, failures } = setUp();
    await new Promise(setImmediate); // workers of the tests before are announced by now
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(1));
    driver.wait(lsn(1));
    void (await started).terminate();
    // It lives on for a moment, and this thread, which never returns to its event loop, is not told of its end.
    let last = 1;
    while (!driver.failed) {
      driver.requested(lsn(++last));
      driver.wait(lsn(last));
    }
    await expect(driver.settled(lsn(last))).rejects.toBe(driver.failure);
    expect(failures).toEqual([driver.failure]);
    driver.stop(true);
  });
});

describe("preparing segments", () => {
  test("a prepared file holds zeros, as many as asked for", () => {
    const { driver, directory } = setUp();
    const size = 3 * 1024 * 1024 + 5;
    driver.prepare("next", size);
    expect(driver.prepared("next")).toBe(true);
    expect(readFileSync(join(directory, "next")).equals(Buffer.alloc(size))).toBe(true);
    expect(openDescriptors(directory)).toEqual([]);
    expect(driver.fsyncs).toBe(0); // those of segments in use are counted
  });

  test("a failed one leaves no file and no failure", () => {
    const { driver, directory, failures } = setUp();
    driver.prepare("absent/next", 16_384);
    expect(driver.prepared("absent/next")).toBe(false);
    expect(driver.prepared("never asked for")).toBe(false);
    expect(existsSync(join(directory, "absent"))).toBe(false);
    expect(driver.failed).toBe(false);
    expect(failures).toEqual([]);
  });

  test("commits do not wait for it", () => {
    const { driver, directory } = setUp();
    driver.segmentOpened("a", lsn(0));
    const bytes = 1024 * 1024 * 1024; // seconds of work
    driver.prepare("next", bytes);
    driver.requested(lsn(1));
    driver.wait(lsn(1));
    expect(new NodeVfs(directory).size("next") ?? 0).toBeLessThan(bytes);
    driver.stop(true);
    expect(existsSync(join(directory, "next"))).toBe(false); // half of one is none
  });
});

describe("before the start and after the end", () => {
  test("what was requested before the start is served after it", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "a"), "x");
    const driver = new WorkerSyncDriver(new NodeVfs(directory));
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(10));
    driver.prepare("ignored", 16_384);
    driver.start({ flushIntervalMs: 5, maxPendingWrites: 10 }, () => {});
    blockUntil(() => driver.syncedThrough === 10);
    expect(driver.prepared("ignored")).toBe(false);
    driver.stop(true);
  });

  test("as many as may wait before the start do not wait after it", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "a"), "x");
    const driver = new WorkerSyncDriver(new NodeVfs(directory));
    driver.segmentOpened("a", lsn(0));
    for (let commit = 1; commit <= 10; commit++) driver.requested(lsn(commit));
    driver.start({ flushIntervalMs: NEVER_MS, maxPendingWrites: 10 }, () => {});
    blockUntil(() => driver.syncedThrough === 10);
    driver.stop(true);
  });

  test("stop drains if asked to, closes everything, and may be called twice", () => {
    const { driver, directory } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(100));
    driver.stop(true);
    expect(driver.syncedThrough).toBe(100);
    expect(openDescriptors(directory)).toEqual([]);
    driver.stop(true);
    driver.wait(lsn(200));
    expect(driver.fsyncs).toBe(1);
  });

  test("stop without draining syncs nothing", () => {
    const { driver } = setUp();
    driver.segmentOpened("a", lsn(0));
    driver.requested(lsn(100));
    driver.stop(false);
    expect(driver.syncedThrough).toBe(0);
    expect(driver.fsyncs).toBe(0);
  });
});
