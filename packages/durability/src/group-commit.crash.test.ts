import { StrataError, type Version } from "@strata/core";
import { expect, test } from "vitest";
import { payloadOf } from "./testing/crash-script.js";
import { type CrashPoint, CrashVfs, SimulatedCrash } from "./testing/crash-vfs.js";
import { openTestLog, TINY_SEGMENTS } from "./testing/test-log.js";

interface Told {
  readonly attempted: Version[];
  readonly strict: Set<Version>;
}

/** Eight writers that each wait for their own commits, some strict and some buffered, across several segments. */
async function work(vfs: CrashVfs): Promise<Told> {
  const told: Told = { attempted: [], strict: new Set() };
  try {
    const { log, time } = openTestLog(vfs, { segments: TINY_SEGMENTS, mode: "buffered" });
    let next = 1;
    const writer = async (id: number) => {
      for (let i = 0; i < 5; i++) {
        const version = next++;
        const mode = (id + i) % 3 === 0 ? "buffered" : "strict";
        told.attempted.push(version);
        const lsn = log.append(version, payloadOf(version, 20 + id * 5));
        await log.settled(lsn, mode);
        if (mode === "strict") told.strict.add(version);
        if (i % 2 === 0) time.advance(id * 20);
      }
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, id) => writer(id)));
    for (const outcome of outcomes) if (outcome.status === "rejected") mustBeExpected(vfs, outcome.reason);
    log.shutdown();
  } catch (error) {
    mustBeExpected(vfs, error);
  }
  return told;
}

function mustBeExpected(vfs: CrashVfs, error: unknown): void {
  if (!vfs.crashed || !(error instanceof SimulatedCrash || StrataError.is(error))) throw error;
}

test("group commits acknowledge nothing that a power failure can take, wherever it strikes", {
  timeout: 120_000,
}, async () => {
  const probe = new CrashVfs();
  expect((await work(probe)).attempted).toHaveLength(40);
  let acknowledged = 0;
  for (let call = 1; call <= probe.calls; call++) {
    for (const point of [
      { call, phase: "before" },
      { call, phase: "after" },
    ] satisfies CrashPoint[]) {
      const disk = new CrashVfs(point);
      const told = await work(disk);
      acknowledged += told.strict.size;
      for (const choice of [
        { model: "posix", keep: "none" },
        { model: "posix", seed: call },
        { model: "perFile", seed: call },
      ] as const) {
        const { commits, log } = openTestLog(disk.afterPowerLoss(choice), { segments: TINY_SEGMENTS });
        log.abandon();
        const there = commits.map(({ version }) => version);
        expect(there).toEqual(told.attempted.slice(0, there.length));
        const last = there.at(-1) ?? 0;
        expect([...told.strict].filter((version) => version > last)).toEqual([]);
      }
    }
  }
  expect(acknowledged).toBeGreaterThan(100);
});
