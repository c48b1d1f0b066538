import { CrashVfs, type Fault, FaultVfs, type VfsCall } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { nothingLeft } from "./drive.js";
import { dump } from "./dump.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";

const WAL_SIZE_BYTES = 6_000;
const SEGMENT_HEADER_BYTES = 4096;
const SETTINGS = { checkpoint: { walSizeBytes: WAL_SIZE_BYTES } } as const;

/** Commits of about a hundred bytes each, with the event loop going round between them. */
async function commit({ db, time }: SimulatedDatabase, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    db.put("default", `key-${i % 20}`, "x".repeat(60));
    time.advance(1);
    await nothingLeft();
  }
}

/** Of commits, without the headers of segments. */
function logBytes(vfs: CrashVfs): number {
  return vfs.list("wal").reduce((sum, name) => sum + (vfs.size(`wal/${name}`) ?? 0) - SEGMENT_HEADER_BYTES, 0);
}

/** Their numbers go up. */
function filesBegun(vfs: CrashVfs): number {
  return Number.parseInt(/-([0-9a-f]+)\.snap$/.exec(vfs.list("snapshots").at(-1) ?? "")?.[1] ?? "0", 16);
}

function commitsReadBack(vfs: CrashVfs): number {
  const { db } = openSimulated(vfs.afterKill(), { seed: 7 });
  const commits = db.info().recovery?.commits ?? 0;
  db.close();
  return commits;
}

function expectSameAfterKill(vfs: CrashVfs, db: Database): void {
  const again = openSimulated(vfs.afterKill(), { seed: 7 }).db;
  expect(dump(again)).toBe(dump(db));
  expectReplaysToAgree(again);
  again.close();
}

describe("a checkpoint in the background", () => {
  test("is taken whenever the log has grown by so much, without being asked for", async () => {
    const vfs = new CrashVfs();
    const opened = openSimulated(vfs, SETTINGS);
    await commit(opened, 600);
    // Two checkpoints' worth of log is kept, and the segment that is being written.
    expect(logBytes(vfs)).toBeLessThan(4 * WAL_SIZE_BYTES);
    expect(commitsReadBack(vfs)).toBeLessThan(100);
    expectSameAfterKill(vfs, opened.db);
    // Each begins two files: one for runs, one for the catalogue.
    expect(filesBegun(vfs)).toBeLessThan(30);
  });

  test("is begun by nothing but the log's length", async () => {
    const vfs = new CrashVfs();
    const opened = openSimulated(vfs, { checkpoint: { walSizeBytes: 1_000_000 } });
    await commit(opened, 200);
    expect(vfs.list("snapshots")).toEqual([]);
    opened.db.close();
    await commit(openSimulated(vfs, { checkpoint: "manual" }), 200);
    expect(vfs.list("snapshots")).toEqual([]);
  });

  test("counts the log that is there when the database is opened, behind the last one", async () => {
    const vfs = new CrashVfs();
    const first = openSimulated(vfs, { checkpoint: "manual" });
    await commit(first, 200);
    const whole = vfs.afterKill();
    const late = openSimulated(whole, SETTINGS);
    expect(late.db.info().recovery?.commits).toBeGreaterThan(200);
    await commit(late, 2);
    expect(commitsReadBack(whole)).toBeLessThan(5);

    await first.db.checkpoint();
    await commit(first, 3);
    const files = vfs.list("snapshots");
    const left = vfs.afterKill();
    await commit(openSimulated(left, SETTINGS), 2);
    expect(left.list("snapshots")).toEqual(files);
  });

  test.each<[string, (call: VfsCall) => Fault | undefined, string]>([
    [
      "the disk is full",
      ({ operation, path }) =>
        operation === "write" && path.startsWith("snapshots/") ? { kind: "error", errno: "ENOSPC" } : undefined,
      "DISK_FULL",
    ],
    [
      "a file cannot be made durable",
      ({ operation, path }) =>
        operation === "sync" && path.startsWith("snapshots/") ? { kind: "error", errno: "EIO" } : undefined,
      "IO_ERROR",
    ],
    [
      "there is no room for a manifest",
      ({ operation, path }) =>
        operation === "write" && path.startsWith("MANIFEST") ? { kind: "error", errno: "ENOSPC" } : undefined,
      "DISK_FULL",
    ],
  ])("that fails, for %s, degrades health until one succeeds, and loses nothing", async (_, faultFor, code) => {
    const vfs = new CrashVfs();
    let isFaulty = false;
    const disk = new FaultVfs(vfs, (call) => (isFaulty ? faultFor(call) : undefined));
    const logged: string[] = [];
    const logger = { log: (level: string, area: string) => logged.push(`${level} ${area}`) > 0 || undefined };
    const opened = openSimulated(disk, { ...SETTINGS, logger: logger as never });
    const { db } = opened;
    await commit(opened, 200);
    expect(db.info().health).toEqual({ state: "ok" });
    const before = vfs.list("snapshots").length;

    isFaulty = true;
    await commit(opened, 300);
    expect(db.info().health).toMatchObject({ state: "degraded", cause: { code } });
    // Not again and again: only when the log has grown by as much again.
    expect(logged.filter((line) => line === "error strata.checkpoint").length).toBeLessThan(8);
    expect(logged).toContain("error strata.checkpoint");
    expect(commitsReadBack(vfs)).toBeGreaterThan(250);
    expect(vfs.list("snapshots").length).toBeLessThanOrEqual(before);
    expectSameAfterKill(vfs, db);

    isFaulty = false;
    await commit(opened, 200);
    expect(db.info().health).toEqual({ state: "ok" });
    expect(commitsReadBack(vfs)).toBeLessThan(100);
    expectSameAfterKill(vfs, db);
    db.close();
  });

  test("that fails by a defect degrades health too", async () => {
    let isFaulty = false;
    const disk = new FaultVfs(new CrashVfs(), ({ operation, path }) => {
      if (isFaulty && operation === "size" && path.startsWith("snapshots/")) throw new Error("a defect");
      return undefined;
    });
    const opened = openSimulated(disk, SETTINGS);
    await commit(opened, 200);
    isFaulty = true;
    await commit(opened, 100);
    expect(opened.db.info().health).toEqual({ state: "degraded" });
    isFaulty = false;
    await commit(opened, 100);
    expect(opened.db.info().health).toEqual({ state: "ok" });
    opened.db.close();
  });

  test("that was given up by whoever asked for it leaves everything as it was", async () => {
    const vfs = new CrashVfs();
    const opened = openSimulated(vfs, { checkpoint: "manual" });
    const { db } = opened;
    await commit(opened, 20);
    const calls = vfs.calls;
    const reason = new Error("not now");
    await expect(db.checkpoint({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(vfs.list("snapshots")).toEqual([]);
    expect(vfs.calls - calls).toBeLessThan(5);
    await db.checkpoint();
    auditCheckpoint(vfs, db.runs.list(), true);
    expect(db.info().health).toEqual({ state: "ok" });
  });

  test("that is under way when the database is closed counts or not, and what is there is whole", async () => {
    for (let calls = 0; calls < 12; calls++) {
      const vfs = new CrashVfs();
      const opened = openSimulated(vfs, { checkpoint: "manual" });
      const { db } = opened;
      await commit(opened, 30);
      await db.checkpoint();
      await commit(opened, 30);
      const shown = dump(db);
      const outcome = db.checkpoint().then(
        () => "done",
        (error: { code: string }) => error.code,
      );
      for (let i = 0; i < calls; i++) await Promise.resolve();
      db.close();
      expect(["done", "DATABASE_CLOSED"]).toContain(await outcome);
      const again = openSimulated(vfs, { seed: 7, checkpoint: "manual" });
      expect(dump(again.db)).toBe(shown);
      again.db.put("default", "one", "more");
      await again.db.checkpoint();
      auditCheckpoint(vfs, again.db.runs.list(), true);
      again.db.close();
    }
  });
});
