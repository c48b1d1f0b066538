import { CrashVfs } from "@strata/durability/testing";
import { expect, test } from "vitest";
import type { RunStatus } from "../src/index.js";
import { openSimulated } from "./simulated-database.js";

const STEPS: readonly [run: string, RunStatus | "begin" | "create"][] = [
  ["one", "begin"],
  ["two", "begin"],
  ["plain", "create"],
  ["one", "completed"],
  ["three", "begin"],
  ["two", "paused"],
  ["two", "active"],
  ["three", "failed"],
  ["two", "cancelled"],
];

/** What each run is to another process after the first steps: whoever had begun it and not ended it is gone. */
function expectedAfter(steps: number): Map<string, RunStatus> {
  const statuses = new Map<string, RunStatus>();
  for (const [run, what] of STEPS.slice(0, steps))
    statuses.set(run, what === "create" ? "active" : what === "begin" || what === "active" ? "orphaned" : what);
  return statuses;
}

/** @returns how many steps returned. */
function work(vfs: CrashVfs): number {
  let done = 0;
  try {
    const { db } = openSimulated(vfs, { mode: "strict" });
    for (const [run, what] of STEPS) {
      if (what === "begin") db.runs.begin(run);
      else if (what === "create") db.runs.create(run);
      else db.runs.setStatus(run, what);
      done++;
    }
  } catch (error) {
    if (!vfs.crashed) throw error;
  }
  return done;
}

test("wherever the process dies, runs it had begun and not ended are orphans, and no others", () => {
  const whole = new CrashVfs();
  work(whole);
  let orphans = 0;
  for (let call = 1; call <= whole.calls + 1; call++) {
    const vfs = new CrashVfs({ call, phase: "during", bytes: 5 });
    const done = work(vfs);
    for (const left of [vfs.afterKill(), vfs.afterPowerLoss({ model: "posix", keep: "none" })]) {
      const { db } = openSimulated(left, { seed: 2 });
      const found = new Map(db.runs.list().map((name) => [name, db.runs.get(name)?.status as RunStatus]));
      found.delete("default");
      // The step that was under way may have come through.
      expect([expectedAfter(done), expectedAfter(done + 1)]).toContainEqual(found);
      orphans += db.runs.list({ status: "orphaned" }).length;
      for (const name of db.runs.list({ status: "orphaned" }))
        expect(() => db.put(name, "a", 1)).toThrow(expect.objectContaining({ code: "RUN_CLOSED" }));
    }
  }
  expect(orphans).toBeGreaterThan(20);
});
