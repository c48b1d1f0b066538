import { InlineSyncDriver, LogDurability } from "@strata/durability";
import { CrashVfs, ManualTime, TINY_SEGMENTS } from "@strata/durability/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { openSimulated } from "../test/simulated-database.js";
import { Database } from "./index.js";

const code = (code: string) => expect.objectContaining({ code });

let disk: CrashVfs;
let db: Database;

/** The process ends without a word; another opens what it left. */
function afterKill(seed: number): Database {
  disk = disk.afterKill();
  return openSimulated(disk, { seed }).db;
}

beforeEach(() => {
  disk = new CrashVfs();
  db = openSimulated(disk).db;
});

describe("a run that was begun", () => {
  test("is an active run like any other while its process lives", () => {
    expect(db.runs.begin("job", { by: "me" })).toMatchObject({ name: "job", status: "active", meta: { by: "me" } });
    db.put("job", "a", 1);
    expect(db.runs.list({ status: "orphaned" })).toEqual([]);
    expect(() => db.runs.begin("job")).toThrow(code("RUN_EXISTS"));
    expect(() => db.runs.begin("default")).toThrow(code("RUN_EXISTS"));
    expect(() => db.runs.begin("_system_x")).toThrow(code("INVALID_NAME"));
    expect(() => db.runs.begin("other", [] as never)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("is an orphan once its process is gone, and refuses writes, naming the way out", () => {
    db.runs.begin("job");
    db.put("job", "a", 1);
    const version = db.runs.must("job").version;
    db = afterKill(2);
    expect(db.runs.get("job")).toMatchObject({ status: "orphaned", version });
    expect(db.runs.get("job")?.endedAt).toBeUndefined();
    expect(db.runs.list({ status: "orphaned" })).toEqual(["job"]);
    expect(db.runs.list({ status: "active" })).toEqual(["default"]);
    expect(db.get("job", "a")).toBe(1);
    expect(() => db.put("job", "a", 2)).toThrow(
      expect.objectContaining({
        code: "RUN_CLOSED",
        facts: { run: "job", status: "orphaned" },
        message: expect.stringContaining('runs.setStatus("job", "active")'),
      }),
    );
  });

  test("is an orphan after a clean close too: closing does not end it", () => {
    db.runs.begin("job");
    db.close();
    db = openSimulated(disk, { seed: 2 }).db;
    expect(db.runs.get("job")?.status).toBe("orphaned");
  });

  test("is no orphan when it had ended, whichever way, or was paused", () => {
    for (const status of ["completed", "failed", "cancelled", "archived", "paused"] as const) {
      db.runs.begin(status);
      db.runs.setStatus(status, status);
    }
    db = afterKill(2);
    expect(db.runs.list({ status: "orphaned" })).toEqual([]);
    for (const status of ["completed", "failed", "cancelled", "archived", "paused"] as const)
      expect(db.runs.get(status)?.status).toBe(status);
  });

  test("belongs to the process that makes it active again after a pause", () => {
    db.runs.begin("job");
    db.runs.setStatus("job", "paused");
    db = afterKill(2);
    db.runs.setStatus("job", "active");
    db.put("job", "a", 1);
    db = afterKill(3);
    expect(db.runs.get("job")?.status).toBe("orphaned");
  });

  test("gives nothing of it to its forks", () => {
    db.runs.begin("job");
    db.fork(db.runs.must("job"), ["fork"]);
    db = afterKill(2);
    expect(db.runs.get("fork")?.status).toBe("active");
  });
});

describe("an orphan", () => {
  beforeEach(() => {
    db.runs.begin("job", { by: "me" });
    db.put("job", "a", 1);
    db = afterKill(2);
  });

  test("can be taken over, and is one again when that process is gone too", () => {
    expect(db.runs.setStatus("job", "active", "taken over")).toMatchObject({
      status: "active",
      meta: { by: "me", reason: "taken over" },
    });
    db.put("job", "a", 2);
    db = afterKill(3);
    expect(db.runs.get("job")?.status).toBe("orphaned");
    expect(db.get("job", "a")).toBe(2);
  });

  test.each(["failed", "cancelled", "archived"] as const)("can be %s, which ends it for good", (status) => {
    expect(db.runs.setStatus("job", status)).toMatchObject({ status, endedAt: expect.any(Number) });
    db = afterKill(3);
    expect(db.runs.get("job")?.status).toBe(status);
  });

  test.each(["completed", "paused"] as const)("cannot be %s: nobody knows how far it came", (status) => {
    expect(() => db.runs.setStatus("job", status)).toThrow(code("CONSTRAINT_VIOLATION"));
  });

  test("can be forked and deleted", () => {
    db.fork(db.runs.must("job"), ["again"]);
    db.put("again", "a", 2);
    db.runs.delete("job");
    expect(db.runs.list()).toEqual(["again", "default"]);
  });

  test("is seen by who only reads, and finding it writes nothing", () => {
    db.runs.setStatus("job", "active");
    const before = db.runs.system.version;
    disk = disk.afterKill();
    const time = new ManualTime();
    const shared = { clock: time, timer: time };
    const open = (readOnly: boolean) =>
      Database.open({
        clock: time,
        readOnly,
        durability: new LogDurability(disk, new InlineSyncDriver(disk, time), {
          ...shared,
          segments: TINY_SEGMENTS,
          readOnly,
        }),
      });
    const calls = disk.calls;
    const reader = open(true);
    expect(reader.runs.list({ status: "orphaned" })).toEqual(["job"]);
    expect(disk.calls).toBe(calls);
    reader.close();
    const writer = open(false);
    expect(writer.runs.list({ status: "orphaned" })).toEqual(["job"]);
    expect(writer.runs.system.version).toBe(before);
  });
});

test("a run that was only created, or forked, is never an orphan, however many processes come and go", () => {
  db.runs.create("long-lived");
  db.fork(db.runs.must("long-lived"), ["fork"]);
  for (const seed of [2, 3, 4]) {
    db = afterKill(seed);
    expect(db.runs.list({ status: "orphaned" })).toEqual([]);
    db.put("long-lived", "seed", seed);
    db.put("fork", "seed", seed);
  }
  db.runs.setStatus("long-lived", "paused");
  db.runs.setStatus("long-lived", "active");
  db = afterKill(5);
  expect(db.runs.get("long-lived")?.status).toBe("active");
});

test("orphaned is found, never set", () => {
  db.runs.begin("job");
  expect(() => db.runs.setStatus("job", "orphaned")).toThrow(code("CONSTRAINT_VIOLATION"));
});
