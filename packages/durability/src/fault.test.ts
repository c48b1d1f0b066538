import { StrataError, type Version } from "@strata/core";
import { describe, expect, test } from "vitest";
import type { DurabilityMode } from "./durability.js";
import { InlineSyncDriver } from "./inline-sync-driver.js";
import { LogDurability } from "./log-durability.js";
import { MemoryVfs } from "./memory-vfs.js";
import { payloadOf } from "./testing/crash-script.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { type Fault, FaultVfs, type VfsCall } from "./testing/fault-vfs.js";
import { ManualTime } from "./testing/manual-time.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { Vfs } from "./vfs.js";

const { STRATA_CRASH_DEPTH = "1" } = process.env;
const EVERY = Math.max(1, 8 - Number(STRATA_CRASH_DEPTH));

const ERRNOS = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EACCES", "EINTR"];

const FAULTS: Fault[] = [
  ...ERRNOS.map((errno): Fault => ({ kind: "error", errno })),
  { kind: "error", errno: "ENOSPC", bytes: 20 },
  { kind: "error", errno: "EIO", bytes: 1_000_000 },
  { kind: "short", bytes: 0 },
  { kind: "short", bytes: 7 },
  { kind: "pagesLost" },
];

/** What the caller was told of each commit. */
interface Told {
  readonly acknowledged: Map<Version, DurabilityMode>;
  readonly refused: Set<Version>;
  readonly order: Version[];
}

/** Several sessions, every mode, rolls, pauses, orderly ends. Whatever fails must fail as one of ours. */
function work(vfs: Vfs): Told {
  const told: Told = { acknowledged: new Map(), refused: new Set(), order: [] };
  let seed = 0;
  for (const commits of [12, 7, 4]) {
    const session = attempt(() => openTestLog(vfs, { segments: TINY_SEGMENTS, mode: "buffered" }, ++seed));
    if (session === undefined) continue;
    for (let i = 0; i < commits; i++) {
      commitOne(session, session.summary.nextVersion + i, (["none", "strict", "buffered"] as const)[i % 3]!, told);
      if (i % 5 === 4) session.time.advance(250);
    }
    attempt(() => session.log.flush());
    attempt(() => session.log.shutdown());
  }
  return told;
}

function commitOne({ log }: TestLog, version: Version, mode: DurabilityMode, told: Told): void {
  told.order.push(version);
  try {
    log.settle(log.append(version, payloadOf(version, 60 + (version % 4) * 60)), mode);
    told.acknowledged.set(version, mode);
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    if (error.code !== "COMMIT_OUTCOME_UNKNOWN") told.refused.add(version);
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    return undefined;
  }
}

/** What is there is a subsequence of what was tried, holds what was promised, and nothing that was refused. */
function check(disk: Vfs, told: Told, promised: (mode: DurabilityMode) => boolean): void {
  const { commits, log } = openTestLog(disk, { segments: TINY_SEGMENTS }, 99);
  log.abandon();
  const there = commits.map(({ version }) => version);
  for (const { version, payload } of commits) {
    if (!told.order.includes(version)) throw new Error(`commit ${version} was never made`);
    if (told.refused.has(version)) throw new Error(`commit ${version} was refused and is there`);
    if (payload.join() !== payloadOf(version, payload.length).join())
      throw new Error(`commit ${version} has other contents`);
  }
  const kept = new Set(there);
  const last = there.at(-1) ?? 0;
  for (const [version, mode] of told.acknowledged) {
    if (promised(mode) && !kept.has(version))
      throw new Error(`commit ${version} was acknowledged (${mode}) and is gone`);
    if (version <= last && !kept.has(version)) throw new Error(`commit ${version} is missing before commit ${last}`);
  }
}

describe("whatever call of the file system fails, in whatever way", () => {
  const probe = new FaultVfs(new CrashVfs(), () => undefined);
  work(probe);
  const calls = probe.calls;

  for (const times of ["once", "for ever"] as const) {
    test(`${times}: the failure is typed, what was promised is there, what was refused is not`, {
      timeout: 300_000,
    }, () => {
      let states = 0;
      for (const [f, fault] of FAULTS.entries()) {
        for (let index = 1 + (f % EVERY); index <= calls; index += EVERY) {
          const hits = (call: VfsCall) => (times === "once" ? call.index === index : call.index >= index);
          const disk = new CrashVfs();
          const told = work(new FaultVfs(disk, (call) => (hits(call) ? fault : undefined)));
          try {
            check(disk.afterKill(), told, () => true);
            check(disk.afterPowerLoss({ model: "posix", keep: "none" }), told, (mode) => mode === "strict");
            for (let seed = 1; seed <= 2; seed++) {
              check(
                disk.afterPowerLoss({ model: "posix", seed: index * 31 + seed }),
                told,
                (mode) => mode === "strict",
              );
            }
          } catch (error) {
            throw new Error(`${(error as Error).message}\n  to repeat: ${JSON.stringify({ fault, index, times })}`, {
              cause: error,
            });
          }
          states += 4;
        }
      }
      expect(states).toBeGreaterThan(1000);
    });
  }
});

const PAYLOAD = new Uint8Array(20).fill(1);

function expectNothing(disk: CrashVfs): void {
  expect(openTestLog(disk.afterKill(), { segments: TINY_SEGMENTS }).commits).toEqual([]);
  for (let seed = 0; seed < 50; seed++) {
    expect(openTestLog(disk.afterPowerLoss({ model: "posix", seed }), { segments: TINY_SEGMENTS }).commits).toEqual([]);
  }
}

describe("a failed write", () => {
  test("refuses that commit only; writing resumes by itself", () => {
    const disk = new MemoryVfs();
    let full = false;
    const { log } = openTestLog(
      new FaultVfs(disk, ({ operation }) =>
        full && operation === "write" ? { kind: "error", errno: "ENOSPC", bytes: 25 } : undefined,
      ),
    );
    log.persist(1, PAYLOAD);
    full = true;
    for (let version = 2; version <= 4; version++) expect(codeOf(() => log.append(version, PAYLOAD))).toBe("DISK_FULL");
    expect(log.health).toBe("ok");
    full = false;
    log.persist(5, PAYLOAD);
    log.abandon();
    expect(openTestLog(disk).commits.map(({ version }) => version)).toEqual([1, 5]);
  });

  test("that left the whole frame behind is undone, also after a power failure", () => {
    const disk = new CrashVfs();
    let writes = 0;
    const vfs = new FaultVfs(disk, ({ operation }) =>
      operation === "write" && ++writes === 0 ? { kind: "error", errno: "EIO", bytes: 1000 } : undefined,
    );
    const { log } = openTestLog(vfs);
    writes = -1;
    expect(codeOf(() => log.append(1, PAYLOAD))).toBe("IO_ERROR");
    expect(log.health).toBe("ok");
    expectNothing(disk);
  });

  test("that left the whole frame behind and cannot be undone has an unknown outcome", () => {
    const disk = new CrashVfs();
    let failing = false;
    const vfs = new FaultVfs(disk, ({ operation }) =>
      failing && operation === "write" ? { kind: "error", errno: "EIO", bytes: 1000 } : undefined,
    );
    const { log } = openTestLog(vfs);
    failing = true;
    expect(errorOf(() => log.append(1, PAYLOAD))).toMatchObject({
      code: "COMMIT_OUTCOME_UNKNOWN",
      facts: { epoch: 1, version: 1 },
    });
    expect(log.health).toBe("poisoned");
    expect(codeOf(() => log.append(2, PAYLOAD))).toBe("STATE_POISONED");
  });

  test("cut short before nothing but zeros does not leave a whole frame", () => {
    const disk = new CrashVfs();
    const payload = new Uint8Array(200);
    let cut = 0;
    const vfs = new FaultVfs(disk, ({ operation }) => {
      if (cut === 0 || operation !== "write") return undefined;
      // First the frame without its last zeros, then no space; the undoing works.
      return cut++ === 1 ? { kind: "short", bytes: 40 } : cut === 3 ? { kind: "error", errno: "ENOSPC" } : undefined;
    });
    const { log } = openTestLog(vfs);
    cut = 1;
    expect(codeOf(() => log.append(1, payload))).toBe("DISK_FULL");
    expectNothing(disk);
  });

  test("a next segment that cannot be made refuses the commit; space lets it go on", () => {
    const disk = new MemoryVfs();
    let full = false;
    const vfs = new FaultVfs(disk, ({ operation, path }) =>
      full && operation === "write" && path.endsWith(".prepared") ? { kind: "error", errno: "ENOSPC" } : undefined,
    );
    const { log } = openTestLog(vfs, { segments: TINY_SEGMENTS });
    full = true;
    let version = 0;
    while (version < 1000 && codeOf(() => log.persist(++version, PAYLOAD)) === "done");
    const refused = version;
    expect(codeOf(() => log.persist(++version, PAYLOAD))).toBe("DISK_FULL");
    expect(log.health).toBe("ok");
    full = false;
    log.persist(++version, PAYLOAD);
    log.abandon();
    const there = openTestLog(disk).commits.map((commit) => commit.version);
    expect(there).toEqual([...Array.from({ length: refused - 1 }, (_, i) => i + 1), version]);
  });
});

test("a roll that fails leaves no segment behind, not even one that a power failure brings back", () => {
  const disk = new CrashVfs();
  let failing = false;
  const vfs = new FaultVfs(disk, ({ operation }) => {
    // The first write once the next segment is in place is that of the roll frame.
    const isRolling = failing && disk.list("wal").filter((name) => name.endsWith(".wal")).length === 2;
    if (!isRolling || operation !== "write") return undefined;
    failing = false;
    return { kind: "error", errno: "EIO", bytes: 5 };
  });
  const { log } = openTestLog(vfs, { segments: TINY_SEGMENTS, mode: "strict" });
  log.persist(1, PAYLOAD);
  failing = true;
  expect(codeOf(() => log.persist(2, new Uint8Array(2000)))).toBe("IO_ERROR");
  expect(failing).toBe(false);
  // What is smaller has room where the roll frame would have stood, and behind it.
  for (let version = 3; version <= 7; version++) log.persist(version, PAYLOAD);
  expect(log.counters.rolls).toBe(0);
  const after = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }), { segments: TINY_SEGMENTS });
  expect(after.commits.map(({ version }) => version)).toEqual([1, 3, 4, 5, 6, 7]);
});

test("a read that ends early is an error of the medium, not a shorter log", () => {
  const disk = new MemoryVfs();
  const { log } = openTestLog(disk, { segments: TINY_SEGMENTS });
  for (let version = 1; version <= 3; version++) log.persist(version, PAYLOAD);
  log.abandon();
  const reads = new FaultVfs(disk, () => undefined);
  openTestLog(reads, { segments: TINY_SEGMENTS, readOnly: true }).log.shutdown();
  for (let index = 1; index <= reads.calls; index++) {
    for (const bytes of [0, 5]) {
      let isRead = false;
      const vfs = new FaultVfs(disk, (call) => {
        if (call.index < index || call.operation !== "read") return undefined;
        isRead ||= call.index === index;
        return { kind: "short", bytes: call.index === index ? bytes : 0 };
      });
      const code = codeOf(() => openTestLog(vfs, { segments: TINY_SEGMENTS, readOnly: true }).log.shutdown());
      if (isRead) expect(code).toBe("IO_ERROR");
    }
  }
});

describe("a failed fsync", () => {
  const failingSync = (disk: Vfs, when: () => boolean) =>
    new FaultVfs(disk, ({ operation, path }) =>
      when() && path.startsWith("wal/") && (operation === "sync" || operation === "syncData")
        ? { kind: "pagesLost" }
        : undefined,
    );

  test("poisons: the commit's outcome is unknown, nothing more is written, the cause is told", () => {
    const disk = new CrashVfs();
    let failing = false;
    const { log } = openTestLog(failingSync(disk, () => failing));
    log.persist(1, PAYLOAD, "strict");
    failing = true;
    const error = errorOf(() => log.persist(2, PAYLOAD, "strict"));
    expect(error).toMatchObject({
      code: "COMMIT_OUTCOME_UNKNOWN",
      facts: { epoch: 1, version: 2 },
      outcome: "maybe_committed",
    });
    failing = false;
    expect(log.health).toBe("poisoned");
    expect(log.cause).toMatchObject({ code: "IO_ERROR" });
    expect(codeOf(() => log.append(3, PAYLOAD))).toBe("STATE_POISONED");
    expect(codeOf(() => log.flush())).toBe("COMMIT_OUTCOME_UNKNOWN");
    expect(log.durableThrough).toBe(1);
    const { calls } = disk;
    log.shutdown();
    expect(disk.calls).toBe(calls);
  });

  test("tells everyone who waits, and everyone who listens, once", async () => {
    const disk = new CrashVfs();
    let failing = false;
    const { log } = openTestLog(failingSync(disk, () => failing));
    const heard: unknown[] = [];
    log.onHealth((health) => heard.push(health));
    const forget = log.onHealth(() => heard.push("forgotten"));
    forget();
    failing = true;
    const waiting = [1, 2, 3].map((version) => log.settled(log.append(version, PAYLOAD), "strict"));
    for (const [i, promise] of waiting.entries()) {
      const error = await promise.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN", facts: { epoch: 1, version: i + 1 } });
    }
    expect(heard).toEqual(["poisoned"]);
  });

  test("in the background stops the writer before it acknowledges any more", () => {
    const disk = new CrashVfs();
    let failing = false;
    const { log, time } = openTestLog(failingSync(disk, () => failing));
    failing = true;
    log.persist(1, PAYLOAD, "buffered");
    time.advance(100);
    failing = false;
    expect(codeOf(() => log.append(2, PAYLOAD))).toBe("STATE_POISONED");
    expect(codeOf(() => log.flush())).toBe("COMMIT_OUTCOME_UNKNOWN");
  });

  test("that the background met while the caller's own went through counts all the same", () => {
    const disk = new CrashVfs();
    let failed = false;
    class FailingDriver extends InlineSyncDriver {
      override get failed(): boolean {
        return failed;
      }
    }
    const vfs = new FaultVfs(disk, ({ operation }) => {
      // An error of the medium is told once to each descriptor. This one went to the driver's.
      if (operation === "syncData") failed = true;
      return undefined;
    });
    const log = new LogDurability(vfs, new FailingDriver(vfs, new ManualTime()), { mode: "strict" });
    log.recover(() => {});
    expect(errorOf(() => log.persist(1, PAYLOAD))).toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
    expect(log.health).toBe("poisoned");
    expect(log.durableThrough).toBe(0);
  });

  test("whose pages then count as clean: reopening writes them again before it serves", () => {
    const disk = new CrashVfs();
    let failing = false;
    const { log } = openTestLog(failingSync(disk, () => failing));
    log.persist(1, PAYLOAD, "strict");
    failing = true;
    expect(codeOf(() => log.persist(2, PAYLOAD, "strict"))).toBe("COMMIT_OUTCOME_UNKNOWN");
    log.shutdown();
    // The next process sees commit 2, because it is in memory, and shows it to its caller …
    const after = disk.afterKill();
    const second = openTestLog(after);
    expect(second.commits).toHaveLength(2);
    expect(second.log.commitStatus({ epoch: 1, version: 2 })).toBe("committed");
    // … so it must not vanish later, although no fsync of the old pages would write it.
    const third = openTestLog(after.afterPowerLoss({ model: "posix", keep: "none" }));
    expect(third.commits).toHaveLength(2);
  });

  test("and a power failure: the commit is gone, and that can be asked for", () => {
    const disk = new CrashVfs();
    let failing = false;
    const { log } = openTestLog(failingSync(disk, () => failing));
    log.persist(1, PAYLOAD, "strict");
    failing = true;
    expect(codeOf(() => log.persist(2, PAYLOAD, "strict"))).toBe("COMMIT_OUTCOME_UNKNOWN");
    expect(log.commitStatus({ epoch: 1, version: 1 })).toBe("committed");
    expect(log.commitStatus({ epoch: 1, version: 2 })).toBe("unknown");
    const second = openTestLog(disk.afterPowerLoss({ model: "posix", keep: "none" }));
    expect(second.commits).toHaveLength(1);
    expect(second.log.commitStatus({ epoch: 1, version: 1 })).toBe("committed");
    expect(second.log.commitStatus({ epoch: 1, version: 2 })).toBe("lost");
  });
});

function codeOf(action: () => unknown): string {
  const error = errorOf(action);
  return error === undefined ? "done" : StrataError.is(error) ? error.code : String(error);
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
