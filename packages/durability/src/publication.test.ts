import { IoError, StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "./durability.js";
import { selectManifest, surveyDatabase } from "./manifest-directory.js";
import { MemoryVfs } from "./memory-vfs.js";
import { OwnManifests } from "./own-manifests.js";
import { CheckpointedLog, commitsOf } from "./testing/checkpoint-log.js";
import { payloadOf } from "./testing/crash-script.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { imageOf, pathsOn } from "./testing/disk-image.js";
import { type Fault, FaultVfs, type VfsCall } from "./testing/fault-vfs.js";
import { HeldVfs } from "./testing/held-vfs.js";
import { SeededRandom } from "./testing/seeded-random.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { Vfs, VfsLock } from "./vfs.js";

const OPTIONS = { segments: TINY_SEGMENTS } as const;

/** What a publication waits for, in order: the snapshot files' directory, the manifest, its directory. */
const STAGES = 3;

function commit({ log }: Pick<TestLog, "log">, from: number, to: number): void {
  for (let version = from; version <= to; version++) log.append(version, payloadOf(version, 60));
}

/** Lets everything run that waits for nothing but promises. */
async function turn(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: unknown) => (StrataError.is(error) ? error.code : String(error)),
  );

const temporaries = (vfs: Vfs) => pathsOn(vfs).filter((path) => path.endsWith(".tmp"));

/** A log with two checkpoints, and a third that is written and not published. */
async function prepared(
  vfs: Vfs,
  seed = 1,
): Promise<{ test: TestLog; checkpoints: CheckpointedLog; next: Checkpoint }> {
  const test = openTestLog(vfs, OPTIONS, seed);
  const checkpoints = new CheckpointedLog(test);
  for (let i = 0; i < 2; i++) {
    commit(test, i * 20 + 1, i * 20 + 20);
    await checkpoints.make();
  }
  commit(test, 41, 60);
  return { test, checkpoints, next: await checkpoints.write() };
}

describe("while a checkpoint is being published", () => {
  async function started(stage: number) {
    const vfs = new HeldVfs();
    vfs.holds = false;
    const { test, checkpoints, next } = await prepared(vfs);
    vfs.holds = true;
    const published = outcome(test.log.publishCheckpoint(next));
    await turn();
    for (let i = 0; i < stage; i++) {
      vfs.release();
      await turn();
    }
    expect(vfs.held).toEqual([["snapshots"], ["MANIFEST-00000001-00000005.tmp"], ["."]][stage]);
    return { vfs, test, checkpoints, next, published };
  }

  test("commits go on", async () => {
    for (let stage = 0; stage < STAGES; stage++) {
      const { vfs, test, published } = await started(stage);
      commit(test, 61, 90);
      test.log.persist(91, payloadOf(91, 5), "strict");
      vfs.holds = false;
      vfs.release();
      expect(await published).toBe("done");
      test.log.shutdown();
      const { commits, summary } = openTestLog(vfs.disk, OPTIONS);
      expect(commits.map(({ version }) => version)).toEqual(Array.from({ length: 91 }, (_, i) => i + 1));
      expect(summary).toMatchObject({ commits: 31, checkpoint: { version: 60 } });
    }
  });

  for (const end of ["shutdown", "abandon"] as const) {
    test(`the log may end by ${end}: the publication is refused, and what is found is one of both`, async () => {
      for (let stage = 0; stage < STAGES; stage++) {
        const { vfs, test, published } = await started(stage);
        const all = commitsOf(test.log);
        test.log[end]();
        expect(temporaries(vfs)).toEqual([]);
        const image = imageOf(vfs);
        vfs.holds = false;
        vfs.release();
        expect(await published).toBe("DATABASE_CLOSED");
        expect(imageOf(vfs)).toEqual(image);
        const { commits, summary } = openTestLog(vfs.disk, OPTIONS);
        expect(commits).toEqual(all);
        expect(summary.clean).toBe(end === "shutdown");
        expect(summary.checkpoint?.version).toBe(stage === 2 ? 60 : 40);
      }
    });

    test(`the log may end by ${end} and be opened anew before it hears of it`, async () => {
      for (let stage = 0; stage < STAGES; stage++) {
        const { vfs, test, published } = await started(stage);
        test.log[end]();
        const next = openTestLog(vfs.disk, OPTIONS, 2);
        commit(next, next.summary.nextVersion, next.summary.nextVersion);
        const all = commitsOf(next.log);
        const image = imageOf(vfs);
        vfs.holds = false;
        vfs.release(new IoError("IO_ERROR", "too late"));
        expect(await published).toBe("DATABASE_CLOSED");
        expect(imageOf(vfs)).toEqual(image);
        next.log.shutdown();
        expect(openTestLog(vfs.disk, OPTIONS).commits).toEqual(all);
      }
    });
  }

  test("a sync that fails leaves the checkpoint before; but once the name is there, only reopening can tell", async () => {
    for (let stage = 0; stage < STAGES; stage++) {
      const { vfs, test, checkpoints, published } = await started(stage);
      vfs.holds = false;
      vfs.release(new IoError("IO_ERROR", "injected"));
      expect(await published).toBe("IO_ERROR");
      expect(temporaries(vfs)).toEqual([]);
      expect(test.log.health).toBe(stage === 2 ? "poisoned" : "ok");
      const all = commitsOf(test.log);
      if (stage < 2) await checkpoints.make();
      // What the manifest may name is not to be removed any more.
      else expect(await outcome(checkpoints.make())).toBe("STATE_POISONED");
      test.log.abandon();
      const { commits, summary } = openTestLog(vfs.disk, OPTIONS);
      expect(commits).toEqual(all);
      expect(summary.checkpoint?.version).toBe(60);
    }
  });
});

describe("when any call of a checkpoint fails", () => {
  /** Writes and publishes one, with `faultFor` in the way. */
  async function run(faultFor: (call: VfsCall, index: number) => Fault | undefined, disk: Vfs) {
    let index = 0;
    let isOn = false;
    const vfs = new FaultVfs(disk, (call) => (isOn ? faultFor(call, ++index) : undefined));
    const test = openTestLog(vfs, OPTIONS);
    const checkpoints = new CheckpointedLog(test);
    for (let i = 0; i < 3; i++) {
      commit(test, i * 20 + 1, i * 20 + 20);
      if (i < 2) await checkpoints.make();
    }
    const all = commitsOf(test.log);
    isOn = true;
    const writer = test.log.snapshots!;
    const said = await outcome(
      (async () => {
        const file = writer.create();
        file.write(new Uint8Array(100_000));
        await file.finish();
        await checkpoints.make();
      })(),
    );
    isOn = false;
    return { test, checkpoints, all, said, calls: index };
  }

  for (const errno of ["EIO", "ENOSPC"]) {
    test(`${errno} is told as such, nothing is half done, and the log goes on unless it says otherwise`, async () => {
      const { calls } = await run(() => undefined, new MemoryVfs());
      let failed = 0;
      for (let at = 1; at <= calls; at++) {
        const disk = new MemoryVfs();
        let hit: VfsCall | undefined;
        const { test, checkpoints, all, said } = await run((call, index) => {
          if (index !== at) return undefined;
          hit = call;
          return { kind: "error", errno };
        }, disk);
        if (said !== "done") failed += 1;
        expect(["done", "IO_ERROR", "DISK_FULL", "STATE_POISONED", "COMMIT_OUTCOME_UNKNOWN"]).toContain(said);
        if (test.log.health === "ok") {
          const isLeft = hit?.operation === "unlink" || hit?.operation === "exists";
          expect([at, isLeft ? [] : temporaries(disk)]).toEqual([at, []]);
          expect(commitsOf(test.log)).toEqual(all);
          await checkpoints.make();
          commit(test, 61, 61);
          test.log.shutdown();
          expect(openTestLog(disk, OPTIONS).commits).toHaveLength(61);
        } else {
          test.log.abandon();
          expect(openTestLog(disk, OPTIONS).commits).toEqual(all);
        }
      }
      expect(failed).toBeGreaterThan(10);
    });
  }

  test("a failed fsync that loses pages loses nothing that counts", async () => {
    const { calls } = await run(() => undefined, new CrashVfs());
    for (let at = 1; at <= calls; at++) {
      const disk = new CrashVfs();
      const { test, all } = await run(
        (call, index) =>
          index === at && ["sync", "syncData"].includes(call.operation) ? { kind: "pagesLost" } : undefined,
        disk,
      );
      test.log.abandon();
      for (const keep of ["all", "none"] as const) {
        const { commits } = openTestLog(disk.afterPowerLoss({ model: "posix", keep }), OPTIONS);
        // Buffered commits may go; those of the checkpoints before may not.
        expect(commits).toEqual(all.slice(0, commits.length));
        expect(commits.length).toBeGreaterThanOrEqual(40);
      }
    }
  });
});

describe("an owner that was robbed", () => {
  /** A disk whose lock keeps nobody out. */
  class UnlockedVfs extends FaultVfs {
    override lock(): VfsLock {
      return { method: "none", release: () => {} };
    }
  }

  /** Makes a checkpoint; before its call number `at` somebody else opens the log. */
  async function robbedAt(at: number) {
    const disk = new MemoryVfs();
    let index = 0;
    let isOn = false;
    let robber: TestLog | undefined;
    const vfs: Vfs = new UnlockedVfs(disk, () => {
      if (!isOn || ++index !== at) return undefined;
      isOn = false;
      robber = openTestLog(new UnlockedVfs(disk, () => undefined), OPTIONS, 99);
      return undefined;
    });
    const { test, checkpoints, next } = await prepared(vfs);
    const all = commitsOf(test.log);
    isOn = true;
    const said = await outcome(test.log.publishCheckpoint(next));
    isOn = false;
    return { disk, robber, test, checkpoints, all, said, calls: index };
  }

  test("before any call of a checkpoint takes nothing from the new owner", async () => {
    const { calls } = await robbedAt(-1);
    let refused = 0;
    for (let at = 1; at <= calls; at++) {
      const { disk, robber, test, all, said } = await robbedAt(at);
      expect(["done", "DATABASE_FENCED"]).toContain(said);
      if (said === "DATABASE_FENCED") refused += 1;
      expect(robber!.commits).toEqual(all);
      // It hears of it at the next occasion, whatever it was told about this one, and leaves everything as it is.
      const image = imageOf(disk);
      expect(await outcome((async () => test.log.snapshots!.create())())).toBe("DATABASE_FENCED");
      expect(await outcome((async () => test.log.snapshots!.remove("00000001-00000001.snap"))())).toBe(
        "DATABASE_FENCED",
      );
      const again = { version: 60, lsn: test.log.end, root: new Uint8Array(0) };
      expect(await outcome(test.log.publishCheckpoint(again))).toBe("DATABASE_FENCED");
      test.log.abandon();
      expect(imageOf(disk)).toEqual(image);
      const checkpoints = new CheckpointedLog(robber!);
      commit(robber!, robber!.summary.nextVersion, robber!.summary.nextVersion);
      await checkpoints.make();
      robber!.log.shutdown();
      expect(openTestLog(disk, OPTIONS).commits).toHaveLength(61);
    }
    expect(refused).toBeGreaterThan(3);
  });

  test("cannot finish a snapshot file, and leaves what it began to the new owner", async () => {
    const disk = new MemoryVfs();
    const robbed = openTestLog(new UnlockedVfs(disk, () => undefined), OPTIONS, 1);
    const file = robbed.log.snapshots!.create();
    file.write(new Uint8Array(10));
    const robber = openTestLog(new UnlockedVfs(disk, () => undefined), OPTIONS, 2);
    expect(temporaries(disk)).toEqual([]);
    expect(await outcome(file.finish())).toBe("DATABASE_FENCED");
    expect(disk.list("snapshots")).toEqual([]);
    robber.log.shutdown();
  });
});

describe("who takes a database over while its owner publishes manifests", () => {
  /** Before call number `at` of the newcomer the owner publishes `count` of them. */
  function takeOver(at: number, count: number) {
    const disk = new MemoryVfs();
    const owner = raise(disk, 1);
    let published = owner.current.nextVersion;
    let index = 0;
    const vfs = new FaultVfs(disk, () => {
      if (++index !== at) return undefined;
      for (let i = 1; i <= count; i++) {
        const said = codeOf(() => owner.replace({ nextVersion: published + 1 }));
        if (said === "done") published += 1;
      }
      return undefined;
    });
    let newcomer: OwnManifests | undefined;
    const said = codeOf(() => {
      newcomer = raise(vfs, 2);
    });
    return { said, newcomer, published, calls: index };
  }

  function raise(vfs: Vfs, seed: number): OwnManifests {
    const survey = surveyDatabase(vfs);
    const selected = selectManifest(vfs, survey, false);
    return OwnManifests.raiseEpoch(vfs, new SeededRandom(seed), selected?.manifest ?? NEW, survey, []);
  }

  const NEW = {
    databaseId: "00112233445566778899aabbccddeeff",
    createdAt: 0,
    nextVersion: 1,
    spans: [],
    endings: [],
    clean: undefined,
    checkpoint: undefined,
  };

  test("either goes on from the newest, or has taken nothing over", () => {
    for (const count of [1, 2]) {
      const { calls } = takeOver(-1, count);
      let refused = 0;
      for (let at = 1; at <= calls; at++) {
        const { said, newcomer, published } = takeOver(at, count);
        // What it had listed may be gone when it reads it.
        if (said === "DATABASE_FENCED" || said === "IO_ERROR") refused += 1;
        else expect([at, said, newcomer?.current.nextVersion]).toEqual([at, "done", published]);
      }
      expect(refused).toBeGreaterThan(0);
    }
  });
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "done";
}
