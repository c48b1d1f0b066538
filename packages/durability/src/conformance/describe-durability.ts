import type { Lsn, Version } from "@strata/core";
import { StrataError } from "@strata/core";
import type { Durability, DurabilityMode, RecoverySummary } from "../durability.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { describeCheckpoints } from "./describe-checkpoints.js";
import { codeOf } from "./describe-vfs.js";
import type { TestTools } from "./test-tools.js";

/** A place of its own for each test. */
export interface BackendUnderTest {
  /** A backend on that place, not recovered yet; each call another one. */
  open(options: { readonly mode: DurabilityMode; readonly readOnly?: boolean }): Durability;
  /** Removes what the test left. */
  dispose(): void;
}

/** What a backend has; suites that need more are left out. */
export interface BackendTraits {
  /** Commits survive the process. */
  readonly persistent: boolean;
  /** `counters.fsyncs` counts. */
  readonly countsFsyncs: boolean;
  /** One process at a time; `readOnly` opens for reading. */
  readonly locks: boolean;
  /** It keeps snapshot files, and so can have checkpoints. */
  readonly checkpoints: boolean;
}

const MODES: readonly DurabilityMode[] = ["none", "buffered", "strict"];

/** The whole test of a `Durability`: everything the port promises that can be seen without a crash of the machine. */
export function describeDurability(
  name: string,
  make: () => BackendUnderTest,
  traits: BackendTraits,
  tools: TestTools,
): void {
  const { describe, test, expect } = tools;
  const withBackend = (title: string, body: (backend: BackendUnderTest) => void | Promise<void>) => {
    test(title, async () => {
      const backend = make();
      try {
        await body(backend);
      } finally {
        backend.dispose();
      }
    });
  };

  describe(`Durability ${name}: every backend`, () => {
    withBackend("has a name, and knows what it is", ({ open }) => {
      const log = open({ mode: "buffered" });
      expect(log.modeName.length).toBeGreaterThan(0);
      expect(log.isPersistent()).toBe(traits.persistent);
      expect(log.requiresWal()).toBe(traits.persistent);
      expect(log.snapshots !== undefined).toBe(traits.checkpoints);
      log.abandon();
    });

    withBackend("begins empty", ({ open }) => {
      const { log, summary, commits } = recover(open({ mode: "buffered" }));
      expect(commits).toEqual([]);
      expect(summary.created).toBe(true);
      expect(summary.nextVersion).toBe(1);
      expect(summary.commits).toBe(0);
      expect(summary.epoch).toBe(log.epoch);
      expect(/^[0-9a-f]{32}$/.test(summary.databaseId)).toBe(true);
      expect(log.health).toBe("ok");
      expect(log.cause).toBe(undefined);
      log.shutdown();
    });

    withBackend("positions rise with each commit; versions may leave gaps", ({ open }) => {
      const { log } = recover(open({ mode: "none" }));
      const start = log.end;
      const positions = [1, 2, 10, 11, 5000].map((version) => {
        const lsn = log.append(version, bytes(version));
        expect(log.end).toBe(lsn);
        return lsn;
      });
      expect(positions[0]!).toBeGreaterThan(start);
      expect([...new Set(positions)].sort((a, b) => a - b)).toEqual(positions);
      log.shutdown();
    });

    withBackend("acknowledges in every mode, with and without waiting", async ({ open }) => {
      for (const mode of MODES) {
        const { log, summary } = recover(open({ mode }));
        let version = summary.nextVersion;
        for (const override of [undefined, ...MODES]) {
          log.persist(version, bytes(version), override);
          await log.settled(log.append(version + 1, bytes(version + 1)), override);
          version += 2;
        }
        log.flush();
        await log.durable();
        expect(log.health).toBe("ok");
        log.shutdown();
      }
    });

    withBackend("the end can be said twice, and nothing goes on behind it", async ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      log.persist(1, bytes(1));
      log.shutdown();
      log.shutdown();
      log.abandon();
      expect(codeOf(() => log.append(2, bytes(2)))).toBe("DATABASE_CLOSED");
      expect(codeOf(() => log.persist(2, bytes(2)))).toBe("DATABASE_CLOSED");
      expect(codeOf(() => log.flush())).toBe("DATABASE_CLOSED");
      expect(await rejection(log.durable())).toBe("DATABASE_CLOSED");
    });

    withBackend("may be given up before it was ever used", ({ open }) => {
      open({ mode: "strict" }).abandon();
      open({ mode: "strict" }).shutdown();
    });

    withBackend("a listener can be added and taken away", ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      log.onHealth(() => {})();
      expect(typeof log.describe().mode).toBe("string");
      log.shutdown();
    });
  });

  if (!traits.persistent) return;

  describe(`Durability ${name}: what survives`, () => {
    for (const end of ["shutdown", "abandon"] as const) {
      for (const mode of MODES) {
        withBackend(`everything acknowledged, in order, byte for byte (${mode}, ${end})`, ({ open }) => {
          const random = new SeededRandom(7);
          const made: { version: Version; lsn: Lsn; payload: string }[] = [];
          for (let session = 0; session < 4; session++) {
            const { log, summary, commits } = recover(open({ mode }));
            expect(commits).toEqual(made);
            let version = summary.nextVersion;
            for (let i = 0; i < 30; i++) {
              const payload = random.bytes([0, 1, 100, 5000, 70_000][random.below(5)]!);
              const lsn = log.append(version, payload);
              log.settle(lsn, random.chance(20) ? MODES[random.below(3)] : undefined);
              made.push({ version, lsn, payload: digest(payload) });
              version += 1 + random.below(3);
            }
            log[end]();
          }
          expect(recover(open({ mode })).commits).toEqual(made);
        });
      }
    }

    withBackend("the log can be read again while it is open, with what was just appended", ({ open }) => {
      const random = new SeededRandom(11);
      const made: { version: Version; lsn: Lsn; payload: string }[] = [];
      for (const mode of MODES) {
        const { log, summary } = recover(open({ mode }));
        expect(readAgain(log)).toEqual(made);
        let version = summary.nextVersion;
        for (let i = 0; i < 30; i++) {
          const payload = random.bytes([0, 1, 100, 5000, 70_000][random.below(5)]!);
          made.push({ version, lsn: log.append(version, payload), payload: digest(payload) });
          version += 1 + random.below(3);
          if (i % 10 === 0) expect(readAgain(log)).toEqual(made);
        }
        const { appends } = log.counters;
        expect(readAgain(log)).toEqual(made);
        expect(readAgain(log)).toEqual(made);
        expect(log.counters.appends).toBe(appends);
        log.persist(version, bytes(1), "strict");
        made.push({ version, lsn: readAgain(log).at(-1)!.lsn, payload: digest(bytes(1)) });
        log.shutdown();
        expect(codeOf(() => log.read(() => {}))).toBe("DATABASE_CLOSED");
      }
      expect(recover(open({ mode: "strict" })).commits).toEqual(made);
    });

    withBackend("what the reader throws is thrown as it is, and the log goes on", ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      log.persist(1, bytes(1));
      const failure = new Error("not today");
      let thrown: unknown;
      try {
        log.read(() => {
          throw failure;
        });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(failure);
      log.persist(2, bytes(2));
      expect(readAgain(log).length).toBe(2);
      log.shutdown();
    });

    withBackend("a commit of several megabytes between small ones", ({ open }) => {
      const first = recover(open({ mode: "strict" })).log;
      const large = new SeededRandom(3).bytes(5_000_000);
      first.persist(1, bytes(1));
      first.persist(2, large);
      first.persist(3, bytes(3));
      first.abandon();
      const { commits, log } = recover(open({ mode: "strict" }));
      expect(commits.map(({ payload }) => payload)).toEqual([digest(bytes(1)), digest(large), digest(bytes(3))]);
      log.shutdown();
    });

    withBackend("the payload is copied, and what recovery shows is the commit's own", ({ open }) => {
      const first = recover(open({ mode: "none" })).log;
      const payload = bytes(1);
      first.append(1, payload);
      payload.fill(0);
      first.shutdown();
      expect(recover(open({ mode: "none" })).commits[0]?.payload).toBe(digest(bytes(1)));
    });

    withBackend("opened twenty times without a write, it says the same", ({ open }) => {
      const first = recover(open({ mode: "buffered" }));
      for (let version = 1; version <= 10; version++) first.log.persist(version, bytes(version));
      first.log.shutdown();
      let epoch = first.summary.epoch;
      for (let i = 0; i < 20; i++) {
        const { log, summary, commits } = recover(open({ mode: "buffered" }));
        expect(commits.length).toBe(10);
        expect(summary.nextVersion).toBe(11);
        expect(summary.databaseId).toBe(first.summary.databaseId);
        expect(summary.epoch).toBeGreaterThan(epoch);
        expect(summary.tornBytes).toBe(0);
        epoch = summary.epoch;
        log.shutdown();
      }
    });

    withBackend("no version is given out twice", ({ open }) => {
      let highest = 0;
      for (let session = 0; session < 6; session++) {
        const { log, summary } = recover(open({ mode: "buffered" }));
        expect(summary.nextVersion).toBeGreaterThan(highest);
        highest = summary.nextVersion + 5 * session;
        log.append(highest, bytes(1));
        if (session % 2 === 0) log.shutdown();
        else log.abandon();
      }
    });

    withBackend("an error of the visitor is thrown as it is, and the log can be opened again", ({ open }) => {
      const first = recover(open({ mode: "strict" })).log;
      first.persist(1, bytes(1));
      first.shutdown();
      const failure = new Error("not today");
      const second = open({ mode: "strict" });
      let thrown: unknown;
      try {
        second.recover(() => {
          throw failure;
        });
      } catch (error) {
        thrown = error;
      }
      second.abandon();
      expect(thrown).toBe(failure);
      expect(recover(open({ mode: "strict" })).commits.length).toBe(1);
    });

    withBackend("commitStatus knows the commits of earlier sessions", ({ open }) => {
      const first = recover(open({ mode: "strict" }));
      first.log.persist(1, bytes(1));
      expect(first.log.commitStatus({ epoch: first.summary.epoch, version: 1 })).toBe("committed");
      first.log.shutdown();
      const second = recover(open({ mode: "strict" }));
      expect(second.log.commitStatus({ epoch: first.summary.epoch, version: 1 })).toBe("committed");
      expect(second.log.commitStatus({ epoch: first.summary.epoch, version: 2 })).toBe("lost");
      expect(second.log.commitStatus({ epoch: second.summary.epoch + 1, version: 2 })).toBe("unknown");
      second.log.shutdown();
    });
  });

  if (traits.checkpoints) describeCheckpoints(name, withBackend, traits.locks, tools);

  describe(`Durability ${name}: what is durable`, () => {
    withBackend("flush and durable make everything durable, whatever the mode", async ({ open }) => {
      for (const mode of MODES) {
        const { log, summary } = recover(open({ mode }));
        const first = summary.nextVersion;
        log.persist(first, bytes(1));
        log.flush();
        expect(log.durableThrough).toBe(first);
        log.persist(first + 1, bytes(1));
        await log.durable();
        expect(log.durableThrough).toBe(first + 1);
        log.shutdown();
      }
    });

    withBackend("a strict commit makes those before it durable", async ({ open }) => {
      const { log } = recover(open({ mode: "none" }));
      for (let version = 1; version <= 20; version++) log.persist(version, bytes(version));
      log.persist(21, bytes(21), "strict");
      expect(log.durableThrough).toBe(21);
      log.persist(22, bytes(22));
      await log.settled(log.append(23, bytes(23)), "strict");
      expect(log.durableThrough).toBe(23);
      log.shutdown();
    });

    withBackend("a buffered commit becomes durable by itself", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      log.persist(1, bytes(1));
      // However slow the disk is; should it never come, the runner gives up.
      while (log.durableThrough < 1) await sleep(5);
      expect(log.durableThrough).toBe(1);
      log.shutdown();
    });

    if (!traits.countsFsyncs) return;

    withBackend("a strict commit costs one fsync", ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      const before = log.counters.fsyncs;
      for (let version = 1; version <= 10; version++) log.persist(version, bytes(version));
      expect(log.counters.fsyncs - before).toBe(10);
      expect(log.counters.appends).toBe(10);
      log.shutdown();
    });

    withBackend("sixty-four that wait together share theirs", async ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      const before = log.counters.fsyncs;
      await Promise.all(Array.from({ length: 64 }, (_, i) => log.settled(log.append(i + 1, bytes(i)))));
      expect(log.counters.fsyncs - before).toBeLessThan(8);
      expect(log.durableThrough).toBe(64);
      log.shutdown();
    });

    withBackend("buffered and unsynced commits cost none of their own", ({ open }) => {
      for (const mode of ["none", "buffered"] as const) {
        const { log, summary } = recover(open({ mode }));
        const before = log.counters.fsyncs;
        for (let i = 0; i < 200; i++) log.persist(summary.nextVersion + i, bytes(i));
        // A slow machine takes several windows for them.
        expect(log.counters.fsyncs - before).toBeLessThan(100);
        log.shutdown();
      }
    });
  });

  if (!traits.locks) return;

  describe(`Durability ${name}: who may open it`, () => {
    withBackend("one at a time", ({ open }) => {
      const { log } = recover(open({ mode: "strict" }));
      const second = open({ mode: "strict" });
      expect(codeOf(() => second.recover(() => {}))).toBe("DATABASE_LOCKED");
      log.shutdown();
      expect(codeOf(() => second.recover(() => {}))).toBe("done");
      second.shutdown();
    });

    withBackend("readers together, who write nothing", ({ open }) => {
      expect(codeOf(() => open({ mode: "strict", readOnly: true }).recover(() => {}))).toBe("READ_ONLY");
      const { log } = recover(open({ mode: "strict" }));
      log.persist(1, bytes(1));
      log.shutdown();
      const readers = [1, 2].map(() => recover(open({ mode: "strict", readOnly: true })));
      for (const reader of readers) {
        expect(reader.commits.length).toBe(1);
        expect(readAgain(reader.log)).toEqual(reader.commits);
        expect(codeOf(() => reader.log.append(2, bytes(2)))).toBe("READ_ONLY");
        reader.log.flush();
      }
      expect(codeOf(() => open({ mode: "strict" }).recover(() => {}))).toBe("DATABASE_LOCKED");
      for (const reader of readers) reader.log.shutdown();
      recover(open({ mode: "strict" })).log.shutdown();
    });
  });
}

interface Recovered {
  readonly log: Durability;
  readonly summary: RecoverySummary;
  readonly commits: readonly { readonly version: Version; readonly lsn: Lsn; readonly payload: string }[];
}

function recover(log: Durability): Recovered {
  const commits: { version: Version; lsn: Lsn; payload: string }[] = [];
  const summary = log.recover((payload, lsn, version) => commits.push({ version, lsn, payload: digest(payload) }));
  return { log, summary, commits };
}

function readAgain(log: Durability): Recovered["commits"] {
  const commits: { version: Version; lsn: Lsn; payload: string }[] = [];
  log.read((payload, lsn, version) => commits.push({ version, lsn, payload: digest(payload) }));
  return commits;
}

/** Enough to tell payloads apart, and short in a report. */
function digest(payload: Uint8Array): string {
  let hash = 2166136261;
  for (const byte of payload) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return `${payload.length} bytes, ${hash}`;
}

function bytes(seed: number): Uint8Array {
  return new SeededRandom(seed).bytes(50);
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "done";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
