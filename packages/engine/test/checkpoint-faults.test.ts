import { StrataError } from "@strata/core";
import { CrashVfs, type Fault, FaultVfs, type VfsCall } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { drive } from "./drive.js";
import { dump } from "./dump.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";
import { storesOf } from "./stores.js";

const on = (db: Database, run: string) => storesOf(db.head(db.runs.must(run)));

/** A disk with a fault, when there is one to come. */
class FaultyDisk {
  readonly vfs = new CrashVfs();
  faultFor: (call: VfsCall) => Fault | undefined = () => undefined;
  readonly faulty = new FaultVfs(this.vfs, (call) => this.faultFor(call));
}

/** Two checkpoints with changes of all kinds between them, and before the third. */
async function prepared(disk: FaultyDisk): Promise<SimulatedDatabase> {
  const opened = openSimulated(disk.faulty);
  const { db, time } = opened;
  db.runs.create("parent");
  on(db, "parent").kv.put("inherited", "x".repeat(600));
  on(db, "default").events.append("note", { n: 1 });
  await drive(time, db.checkpoint());
  db.fork(db.runs.must("parent"), ["child", "unasked"]);
  on(db, "child").kv.put("own", 1);
  on(db, "default").events.append("note", { n: 2 });
  db.runs.create("gone");
  on(db, "gone").kv.put("a", 1);
  await drive(time, db.checkpoint());
  on(db, "default").events.append("note", { n: 3 });
  on(db, "default").kv.put("large", "z".repeat(400));
  on(db, "child").cells.set("cell", 1);
  db.runs.delete("gone");
  db.runs.delete("parent");
  return opened;
}

/** How many calls the third checkpoint makes. */
async function callsInAll(): Promise<number> {
  const disk = new FaultyDisk();
  const { db, time } = await prepared(disk);
  const before = disk.faulty.calls;
  await drive(time, db.checkpoint());
  return disk.faulty.calls - before;
}

/** What a fault in the third checkpoint may at most do is to make it fail: the next one succeeds, and nothing is lost or left over. */
async function expectNoHarm(
  faultAt: (call: number) => Fault | undefined,
  what: string,
): Promise<"failed" | "done" | "poisoned"> {
  const disk = new FaultyDisk();
  const { db, time } = await prepared(disk);
  const before = dump(db);
  const begun = disk.faulty.calls;
  disk.faultFor = ({ index }) => faultAt(index - begun);
  let failure: unknown;
  await drive(time, db.checkpoint()).catch((error: unknown) => {
    failure = error;
  });
  disk.faultFor = () => undefined;
  expect(failure === undefined || StrataError.is(failure), `${what}: ${failure}`).toBe(true);
  if (db.info().health.state === "poisoned") {
    db.close();
    const again = openSimulated(disk.vfs, { seed: 2 }).db;
    expect(dump(again), what).toBe(before);
    again.close();
    return "poisoned";
  }
  expect(dump(db), what).toBe(before);
  expectReplaysToAgree(db);
  on(db, "default").events.append("note", { n: 4 });
  on(db, "child").kv.put("later", 1);
  await drive(time, db.checkpoint());
  auditCheckpoint(disk.vfs, db.runs.list(), true);
  on(db, "default").kv.put("last", 1);
  await drive(time, db.checkpoint());
  auditCheckpoint(disk.vfs, db.runs.list(), true);
  const after = dump(db);
  expectReplaysToAgree(db);
  db.close();
  const again = openSimulated(disk.vfs, { seed: 2 }).db;
  expect(dump(again), what).toBe(after);
  expectReplaysToAgree(again);
  again.close();
  return failure === undefined ? "done" : "failed";
}

describe("a checkpoint on a disk that fails", () => {
  test.each(["EIO", "ENOSPC"])("at one call, with %s, can be taken again, and leaves nothing over", async (errno) => {
    const outcomes = new Map<string, number>();
    const calls = await callsInAll();
    for (let call = 1; call <= calls; call++) {
      const fault: Fault = { kind: "error", errno, bytes: 3 };
      const outcome = await expectNoHarm((index) => (index === call ? fault : undefined), `${errno} at call ${call}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(outcomes.get("failed")).toBeGreaterThan(5);
  });

  test("for a while can be taken again, and leaves nothing over", async () => {
    const outcomes = new Map<string, number>();
    const calls = await callsInAll();
    for (let call = 1; call <= calls; call++) {
      const outcome = await expectNoHarm(
        (index) => (index >= call ? { kind: "error", errno: "EIO" } : undefined),
        `EIO from call ${call} on`,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(outcomes.get("failed")).toBeGreaterThan(5);
  });
});
