import { StrataError, type Version } from "@strata/core";
import { describe, expect, test } from "vitest";
import { MemoryVfs } from "./memory-vfs.js";
import { payloadOf } from "./testing/crash-script.js";
import { imageOf, pathsOn } from "./testing/disk-image.js";
import { FaultVfs, type VfsCall } from "./testing/fault-vfs.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { Vfs, VfsLock } from "./vfs.js";

/** A disk whose lock keeps nobody out: two containers on one volume, a lock file that somebody deleted. */
class UnlockedVfs extends FaultVfs {
  constructor(inner: Vfs, before: (call: VfsCall) => void = () => {}) {
    super(inner, (call) => {
      before(call);
      return undefined;
    });
  }

  override lock(): VfsLock {
    return { method: "none", release: () => {} };
  }
}

const OPTIONS = { segments: TINY_SEGMENTS } as const;

const persist = ({ log }: TestLog, version: Version, mode: "none" | "buffered" | "strict" = "strict") =>
  log.persist(version, payloadOf(version, 30), mode);

/** As somebody else would: files that are open stay so. */
function removeAll(disk: Vfs): void {
  for (const path of [...pathsOn(disk), "LOCK"]) disk.unlink(path);
}

const versions = ({ commits }: TestLog) => commits.map(({ version }) => version);

describe("an owner that was robbed", () => {
  test("can acknowledge nothing any more as strict, and hears why", () => {
    const disk = new MemoryVfs();
    const robbed = openTestLog(new UnlockedVfs(disk), OPTIONS);
    persist(robbed, 1);
    const robber = openTestLog(new UnlockedVfs(disk), OPTIONS);
    expect(versions(robber)).toEqual([1]);
    const error = errorOf(() => persist(robbed, 2));
    expect(error).toMatchObject({
      code: "COMMIT_OUTCOME_UNKNOWN",
      facts: { epoch: 1, version: 2 },
      cause: { code: "DATABASE_FENCED" },
    });
    expect(codeOf(() => persist(robbed, 3))).toBe("DATABASE_FENCED");
    expect(robbed.log.health).toBe("poisoned");
    expect(codeOf(() => robbed.log.settle(robbed.log.append(4, payloadOf(4, 1))))).toBe("DATABASE_FENCED");
    expect(robbed.log.commitStatus({ epoch: 1, version: 2 })).toBe("unknown");
  });

  test("hears it when it waits asynchronously", async () => {
    const disk = new MemoryVfs();
    const robbed = openTestLog(new UnlockedVfs(disk), OPTIONS);
    openTestLog(new UnlockedVfs(disk), OPTIONS);
    const lsn = robbed.log.append(1, payloadOf(1, 30));
    const error = await robbed.log.settled(lsn, "strict").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN", cause: { code: "DATABASE_FENCED" } });
    // It stays so: that its bytes are on the disk means nothing.
    expect(codeOf(() => robbed.log.settle(lsn, "strict"))).toBe("COMMIT_OUTCOME_UNKNOWN");
  });

  test("leaves no segment behind when it rolls, and no manifest when it ends", () => {
    const disk = new MemoryVfs();
    const robbed = openTestLog(new UnlockedVfs(disk), OPTIONS);
    const robber = openTestLog(new UnlockedVfs(disk), OPTIONS);
    let version = 0;
    const before = [...imageOf(disk).keys()].filter((path) => !path.endsWith(".prepared"));
    while (version < 1000 && codeOf(() => persist(robbed, ++version, "none")) === "done");
    expect(codeOf(() => persist(robbed, ++version, "none"))).toBe("DATABASE_FENCED");
    robbed.log.shutdown();
    const left = [...imageOf(disk).keys()].filter((path) => !path.endsWith(".prepared") && !before.includes(path));
    expect(left.every((path) => path.startsWith("wal/00000001-"))).toBe(true);
    persist(robber, robber.summary.nextVersion);
    robber.log.shutdown();
    const next = openTestLog(disk, OPTIONS);
    expect(next.summary).toMatchObject({ epoch: 3, clean: true });
    expect(next.commits).toHaveLength(1);
    expect([...imageOf(disk).keys()].some((path) => path.startsWith("wal/00000001-"))).toBe(false);
  });

  test("cannot close as if nothing had happened", () => {
    const disk = new MemoryVfs();
    const robbed = openTestLog(new UnlockedVfs(disk), OPTIONS);
    persist(robbed, 1, "buffered");
    const robber = openTestLog(new UnlockedVfs(disk), OPTIONS);
    persist(robbed, 2, "buffered");
    expect(codeOf(() => robbed.log.shutdown())).toBe("COMMIT_OUTCOME_UNKNOWN");
    persist(robber, robber.summary.nextVersion);
    robber.log.abandon();
    expect(versions(openTestLog(disk, OPTIONS))).toEqual([1, robber.summary.nextVersion]);
  });
});

describe("an owner whose directory was removed and made anew", () => {
  test.each(["strict", "buffered", "none"] as const)(
    "acknowledges no %s commit for good and leaves the new database alone",
    (mode) => {
      const disk = new MemoryVfs();
      const evicted = openTestLog(new UnlockedVfs(disk), { ...OPTIONS, mode }, 1);
      persist(evicted, 1, mode);
      removeAll(disk);
      const newcomer = openTestLog(new UnlockedVfs(disk), OPTIONS, 2);
      expect(newcomer.log.epoch).toBe(evicted.log.epoch);
      persist(newcomer, 1);
      const before = imageOf(disk);
      expect(codeOf(() => persist(evicted, 2, "strict"))).toBe("COMMIT_OUTCOME_UNKNOWN");
      expect(evicted.log.cause?.code).toBe("DATABASE_FENCED");
      evicted.log.shutdown();
      expect(imageOf(disk)).toEqual(before);
      newcomer.log.shutdown();
      expect(versions(openTestLog(new UnlockedVfs(disk), OPTIONS))).toEqual([1]);
    },
  );

  test.each(["buffered", "none"] as const)("hears it when it closes, in mode %s", (mode) => {
    const disk = new MemoryVfs();
    const evicted = openTestLog(new UnlockedVfs(disk), { ...OPTIONS, mode }, 1);
    removeAll(disk);
    const newcomer = openTestLog(new UnlockedVfs(disk), OPTIONS, 2);
    persist(newcomer, 1);
    const before = imageOf(disk);
    expect(errorOf(() => evicted.log.shutdown())).toBeDefined();
    expect(imageOf(disk)).toEqual(before);
  });
});

test("an owner whose directory was made anew touches no file that the new owner has in the making", async () => {
  const disk = new MemoryVfs();
  const begin = (seed: number) => {
    const { log } = openTestLog(new UnlockedVfs(disk), OPTIONS, seed);
    const files = [log.snapshots!.create(), log.snapshots!.create(), log.snapshots!.create()] as const;
    for (const file of files) file.write(payloadOf(1, 100_000));
    return { log, files };
  };
  const evicted = begin(1);
  removeAll(disk);
  const newcomer = begin(2);
  expect(newcomer.files.map(({ name }) => name)).toEqual(evicted.files.map(({ name }) => name));
  const before = imageOf(disk);
  await expect(evicted.files[0].finish()).rejects.toMatchObject({ code: "DATABASE_FENCED" });
  evicted.files[1].discard();
  const checkpoint = { version: 0, lsn: evicted.log.end, root: new Uint8Array(0) };
  await expect(evicted.log.publishCheckpoint(checkpoint)).rejects.toMatchObject({ code: "DATABASE_FENCED" });
  evicted.log.shutdown();
  expect(imageOf(disk)).toEqual(before);
  for (const file of newcomer.files) await file.finish();
  newcomer.log.shutdown();
});

describe("at whatever moment a log is taken over", () => {
  const calls = callsOfOpening();

  test("what the former owner acknowledges is found by the new one; versions are not used twice", () => {
    let acknowledged = 0;
    let refused = 0;
    for (let at = 1; at <= calls; at++) {
      const disk = new MemoryVfs();
      const robbed = openTestLog(new UnlockedVfs(disk), OPTIONS);
      for (let version = 1; version <= 8; version++) persist(robbed, version);
      let isAcknowledged = false;
      const robber = openTestLog(
        new UnlockedVfs(disk, ({ index }) => {
          if (index !== at) return;
          isAcknowledged = codeOf(() => persist(robbed, 9)) === "done";
        }),
        OPTIONS,
      );
      if (isAcknowledged) acknowledged += 1;
      else refused += 1;
      expect(versions(robber).slice(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      if (isAcknowledged) expect(versions(robber)).toContain(9);
      expect(robber.summary.nextVersion).toBeGreaterThan(9);
      // From now on there is one log, and it is the robber's.
      expect(codeOf(() => persist(robbed, 10))).not.toBe("done");
      persist(robber, robber.summary.nextVersion);
      robber.log.shutdown();
      expect(versions(openTestLog(disk, OPTIONS))).toEqual([...versions(robber), robber.summary.nextVersion]);
    }
    expect(acknowledged).toBeGreaterThan(2);
    expect(refused).toBeGreaterThan(2);
  });

  test("by two at once, one of them has it, or neither, and nothing is lost", () => {
    for (let at = 1; at <= calls; at++) {
      const disk = new MemoryVfs();
      const before = openTestLog(new UnlockedVfs(disk), OPTIONS);
      for (let version = 1; version <= 5; version++) persist(before, version);
      before.log.abandon();
      let second: TestLog | undefined;
      const first = attempt(() =>
        openTestLog(
          new UnlockedVfs(disk, ({ index }) => {
            if (index === at) second = attempt(() => openTestLog(new UnlockedVfs(disk), OPTIONS, 7));
          }),
          OPTIONS,
        ),
      );
      const made: Version[] = [1, 2, 3, 4, 5];
      const owners = [first, second].filter((log) => log !== undefined);
      const winners = owners.filter((owner) => {
        const version = owner.summary.nextVersion;
        const done = codeOf(() => persist(owner, version)) === "done";
        if (done) made.push(version);
        return done;
      });
      expect(winners.length).toBeLessThanOrEqual(1);
      for (const { log } of owners) attempt(() => log.shutdown());
      const after = openTestLog(disk, OPTIONS);
      expect(versions(after)).toEqual(made);
      after.log.shutdown();
    }
  });

  test("whatever the former owner was doing, it acknowledges nothing that the new one does not have", () => {
    const work = (vfs: Vfs) => {
      const acknowledged: Version[] = [];
      let epoch = 0;
      attempt(() => {
        const log = openTestLog(vfs, OPTIONS);
        epoch = log.summary.epoch;
        for (let version = log.summary.nextVersion; acknowledged.length < 25; version++) {
          persist(log, version, version % 2 === 0 ? "none" : "strict");
          if (version % 2 === 1) acknowledged.push(version);
        }
        log.log.shutdown();
      });
      return { acknowledged, epoch };
    };
    const probe = new UnlockedVfs(new MemoryVfs());
    work(probe);
    for (let at = 1; at <= probe.calls; at++) {
      const disk = new MemoryVfs();
      let robber: TestLog | undefined;
      const { acknowledged, epoch } = work(
        new UnlockedVfs(disk, ({ index }) => {
          if (index === at) robber = openTestLog(new UnlockedVfs(disk), OPTIONS, 7);
        }),
      );
      // Before the worker has raised its own epoch, it is the one who takes over.
      const isRobbed = robber!.summary.epoch > epoch;
      expect(codeOf(() => persist(robber!, robber!.summary.nextVersion)) === "done").toBe(isRobbed);
      robber!.log.abandon();
      const there = versions(openTestLog(disk, OPTIONS));
      if (isRobbed) expect(there).toEqual([...versions(robber!), robber!.summary.nextVersion]);
      expect(acknowledged.filter((version) => !there.includes(version))).toEqual([]);
    }
  });

  function callsOfOpening(): number {
    const disk = new MemoryVfs();
    const first = openTestLog(disk, OPTIONS);
    for (let version = 1; version <= 8; version++) persist(first, version);
    first.log.abandon();
    const vfs = new UnlockedVfs(disk);
    openTestLog(vfs, OPTIONS);
    return vfs.calls;
  }
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    return undefined;
  }
}

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
