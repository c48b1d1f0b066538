import { type Lsn, StrataError, type Version } from "@strata/core";
import type { Checkpoint, Durability, RecoverySummary } from "../durability.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { codeOf } from "./describe-vfs.js";
import type { TestTools } from "./test-tools.js";

/** Opens a backend on the place of the test. */
type Open = (options: { readonly mode: "none" | "buffered" | "strict"; readonly readOnly?: boolean }) => Durability;

type WithBackend = (title: string, body: (backend: { readonly open: Open }) => void | Promise<void>) => void;

/** What the port promises of snapshot files and checkpoints, as far as it can be seen without a crash of the machine. */
export function describeCheckpoints(
  name: string,
  withBackend: WithBackend,
  locks: boolean,
  { describe, expect }: TestTools,
): void {
  describe(`Durability ${name}: snapshot files`, () => {
    withBackend("are read back as they were written, piece by piece", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      const files = log.snapshots!;
      const contents = new SeededRandom(1).bytes(3_000_000);
      const writer = files.create();
      for (let start = 0; start < contents.length; start += 700_001) {
        const piece = contents.slice(start, start + 700_001);
        writer.write(piece);
        piece.fill(0);
      }
      expect(writer.length).toBe(contents.length);
      expect(codeOf(() => files.open(writer.name))).toBe("SNAPSHOT_CORRUPT");
      await writer.finish();
      const file = files.open(writer.name);
      expect(file.size).toBe(contents.length);
      expect(same(file.read(0, contents.length), contents)).toBe(true);
      const piece = file.read(1_000_000, 10);
      expect(piece.buffer.byteLength).toBe(10);
      expect(same(piece, contents.subarray(1_000_000, 1_000_010))).toBe(true);
      expect(file.read(contents.length, 0).length).toBe(0);
      expect(codeOf(() => file.read(contents.length, 1))).toBe("SNAPSHOT_CORRUPT");
      log.shutdown();
      expect(codeOf(() => file.read(0, 1))).toBe("DATABASE_CLOSED");
    });

    withBackend(
      "are there when they are finished, until they are removed, under names of their own",
      async ({ open }) => {
        const names = new Set<string>();
        for (let session = 0; session < 3; session++) {
          const { log } = recover(open({ mode: "buffered" }));
          const files = log.snapshots!;
          expect(files.list()).toEqual([...names].sort());
          files.create().discard();
          const unfinished = files.create();
          unfinished.write(bytes(1));
          for (let i = 0; i < 2; i++) names.add(await writeFile(log, bytes(i)));
          expect(files.list()).toEqual([...names].sort());
          const removed = await writeFile(log, bytes(3));
          expect(names.has(removed)).toBe(false);
          files.remove(removed);
          files.remove(removed);
          expect(codeOf(() => files.open(removed))).toBe("SNAPSHOT_CORRUPT");
          log[session === 1 ? "abandon" : "shutdown"]();
          expect(await rejection(unfinished.finish())).toBe("DATABASE_CLOSED");
        }
        expect(names.size).toBe(6);
      },
    );

    withBackend("can be many, read in turn", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      const files = [];
      for (let i = 0; i < 150; i++) files.push(log.snapshots!.open(await writeFile(log, bytes(i))));
      for (let round = 0; round < 2; round++) {
        for (const [i, file] of files.entries()) expect(same(file.read(0, 50), bytes(i))).toBe(true);
      }
      log.shutdown();
    });
  });

  describe(`Durability ${name}: checkpoints`, () => {
    withBackend("are what recovery begins with, and reading; commits behind them follow", async ({ open }) => {
      let last: Version | undefined;
      let behind: Version[] = [];
      for (const end of ["shutdown", "abandon", "shutdown"] as const) {
        for (const mode of ["none", "buffered", "strict"] as const) {
          const { log, summary, checkpoint, versions } = recover(open({ mode }));
          expect(checkpoint?.version).toBe(last);
          expect(summary.checkpoint?.version).toBe(last);
          expect(versions).toEqual(behind);
          expect(summary.commits).toBe(behind.length);
          let version = summary.nextVersion;
          for (let i = 0; i < 20; i++) log.persist(version++, bytes(i));
          last = version - 1;
          await publish(log, last);
          behind = [version, version + 5, version + 6];
          for (const each of behind) log.persist(each, bytes(each));
          const again = readAgain(log);
          expect(again.versions).toEqual(behind);
          expect(again.checkpoint?.version).toBe(last);
          expect(textOf(again.checkpoint!.root)).toBe(`up to ${last}`);
          log[end]();
        }
      }
    });

    withBackend("are published while commits go on, and keep the log short", async ({ open }) => {
      const { log, summary } = recover(open({ mode: "buffered" }));
      let version = summary.nextVersion;
      let retired = 0;
      for (let round = 0; round < 8; round++) {
        for (let i = 0; i < 20; i++) log.persist(version++, new SeededRandom(version).bytes(100_000));
        const published = publish(log, version - 1);
        log.persist(version++, bytes(1));
        retired += (await published).logBytesRetired;
        expect(readAgain(log).versions).toEqual([version - 1]);
      }
      expect(retired).toBeGreaterThan(5_000_000);
      const { logBytes } = log.describe();
      if (logBytes !== undefined) expect(logBytes).toBeLessThan(16_500_000 - retired);
      log.shutdown();
      const next = recover(open({ mode: "buffered" }));
      expect(next.versions).toEqual([version - 1]);
      expect(next.summary.clean).toBe(true);
      next.log.shutdown();
    });

    withBackend("leave nothing of the log that was rolled before the first of two", async ({ open }) => {
      const { log, summary } = recover(open({ mode: "buffered" }));
      let version = summary.nextVersion;
      for (let i = 0; i < 5; i++) log.persist(version++, bytes(i));
      log.roll();
      await publish(log, version);
      // Once more where nothing was written since is the same.
      log.roll();
      await publish(log, version + 1);
      const { logBytes } = log.describe();
      if (logBytes !== undefined) expect(logBytes).toBeLessThan(100);
      log.persist(version + 2, bytes(1));
      log.abandon();
      const next = recover(open({ mode: "buffered" }));
      expect(next.checkpoint?.version).toBe(version + 1);
      expect(next.versions).toEqual([version + 2]);
      next.log.shutdown();
      expect(codeOf(() => next.log.roll())).toBe("DATABASE_CLOSED");
    });

    withBackend("may be of a version that no commit has, also when nothing follows", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      for (let version = 1; version <= 10; version++) log.persist(version, bytes(version));
      await publish(log, 15);
      log.shutdown();
      const next = recover(open({ mode: "buffered" }));
      expect(next.checkpoint?.version).toBe(15);
      expect(next.summary.clean).toBe(true);
      expect(next.summary.nextVersion).toBeGreaterThan(15);
      next.log.shutdown();
    });

    withBackend("answer for the commits they hold", async ({ open }) => {
      const first = recover(open({ mode: "buffered" }));
      for (let version = 1; version <= 10; version++) first.log.persist(version, bytes(version));
      await publish(first.log, 10);
      expect(first.log.durableThrough).toBe(10);
      first.log.shutdown();
      const { log, versions } = recover(open({ mode: "buffered" }));
      expect(versions).toEqual([]);
      expect(log.commitStatus({ epoch: first.summary.epoch, version: 10 })).toBe("committed");
      expect(log.commitStatus({ epoch: first.summary.epoch, version: 11 })).toBe("lost");
      log.shutdown();
    });

    withBackend("are refused to whoever has closed the log, and need somebody who takes them", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      log.persist(1, bytes(1));
      await publish(log, 1);
      log.persist(2, bytes(2));
      const published = rejection(publish(log, 2));
      log.abandon();
      expect(await published).toBe("DATABASE_CLOSED");
      expect(await rejection(publish(log, 2))).toBe("DATABASE_CLOSED");
      const careless = open({ mode: "buffered" });
      // That is no failure a user can cause.
      expect(codeOf(() => careless.recover(() => {})).startsWith("not a StrataError")).toBe(true);
      careless.abandon();
      const next = recover(open({ mode: "buffered" }));
      expect(next.checkpoint?.version).toBe(1);
      expect(next.versions).toEqual([2]);
      next.log.shutdown();
    });

    if (!locks) return;

    withBackend("are seen by readers, who write none", async ({ open }) => {
      const { log } = recover(open({ mode: "buffered" }));
      log.persist(1, bytes(1));
      const file = await writeFile(log, bytes(7));
      await publish(log, 1);
      log.persist(2, bytes(2));
      log.shutdown();
      const reader = recover(open({ mode: "buffered", readOnly: true }));
      expect(reader.checkpoint?.version).toBe(1);
      expect(reader.versions).toEqual([2]);
      expect(readAgain(reader.log).versions).toEqual([2]);
      expect(same(reader.log.snapshots!.open(file).read(0, 50), bytes(7))).toBe(true);
      expect(codeOf(() => reader.log.snapshots!.create())).toBe("READ_ONLY");
      expect(codeOf(() => reader.log.snapshots!.remove(file))).toBe("READ_ONLY");
      expect(await rejection(publish(reader.log, 2))).toBe("READ_ONLY");
      reader.log.shutdown();
    });
  });
}

interface Seen {
  readonly checkpoint: Checkpoint | undefined;
  /** Of the commits behind it. */
  readonly versions: readonly Version[];
}

function recover(log: Durability): Seen & { readonly log: Durability; readonly summary: RecoverySummary } {
  const versions: Version[] = [];
  let checkpoint: Checkpoint | undefined;
  const summary = log.recover(
    (_payload: Uint8Array, _lsn: Lsn, version: Version) => versions.push(version),
    (found) => {
      if (versions.length > 0) throw new Error("a checkpoint comes first");
      checkpoint = found;
    },
  );
  return { log, summary, checkpoint, versions };
}

function readAgain(log: Durability): Seen {
  const versions: Version[] = [];
  let checkpoint: Checkpoint | undefined;
  log.read(
    (_payload: Uint8Array, _lsn: Lsn, version: Version) => versions.push(version),
    (found) => {
      checkpoint = found;
    },
  );
  return { checkpoint, versions };
}

async function writeFile(log: Durability, contents: Uint8Array): Promise<string> {
  const writer = log.snapshots!.create();
  writer.write(contents);
  await writer.finish();
  return writer.name;
}

/** A checkpoint of all commits so far, the last of which is `version`. */
function publish(log: Durability, version: Version): Promise<{ readonly logBytesRetired: number }> {
  const root = Uint8Array.from(`up to ${version}`, (character) => character.charCodeAt(0));
  return log.publishCheckpoint({ version, lsn: log.end, root });
}

function textOf(root: Uint8Array): string {
  return String.fromCharCode(...root);
}

function bytes(seed: number): Uint8Array {
  return new SeededRandom(seed).bytes(50);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "done";
}
