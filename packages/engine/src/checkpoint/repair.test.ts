import { silentLogger } from "@strata/core";
import { InlineSyncDriver, LogDurability, LogSalvage } from "@strata/durability";
import { CrashVfs, changeFile, imageOf, ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { digestsOf, dump } from "../../test/dump.js";
import { openSimulated } from "../../test/simulated-database.js";
import { WORKLOAD } from "../../test/workload.js";
import { type Database, EventLogStore, KvStore, type RecoveryReport } from "../index.js";
import { Catalogue } from "./catalogue.js";
import { repairInto } from "./repair.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotLibrary } from "./snapshot-library.js";

/** Of the random damage. For long runs: `STRATA_REPAIR_ROUNDS=1000 STRATA_REPAIR_SEED=7`. */
const ROUNDS = Number(process.env["STRATA_REPAIR_ROUNDS"] ?? 40);
const SEED = Number(process.env["STRATA_REPAIR_SEED"] ?? 11);

function seen(db: Database): string[] {
  return [dump(db), ...digestsOf(db)];
}

/** A database with a fork of a deleted run, several checkpoints, and commits behind the last. */
async function written(options: { checkpoints: number }): Promise<{ vfs: CrashVfs; expected: string[] }> {
  const vfs = new CrashVfs();
  const { db } = openSimulated(vfs);
  for (const [i, step] of WORKLOAD.entries()) {
    step.run(db);
    if (options.checkpoints > 1 && i % 6 === 5) await db.checkpoint();
  }
  db.runs.create("parent");
  new EventLogStore(db.head(db.runs.must("parent"))).append("inherited", {});
  db.fork(db.runs.must("parent"), ["child"]);
  new EventLogStore(db.head(db.runs.must("child"))).append("own", {});
  db.runs.delete("parent");
  db.runs.create("early");
  const entries = Array.from({ length: 300 }, (_, i) => [
    `key-${String(i).padStart(4, "0")}`,
    `value ${i} ${"x".repeat(40)}`,
  ]);
  const kv = new KvStore(db.head(db.runs.must("early")));
  for (let i = 0; i < 300; i += 50) kv.putMany(entries.slice(i, i + 50) as [string, string][]);
  if (options.checkpoints > 0) await db.checkpoint();
  db.runs.create("later");
  db.put("later", "a", 1);
  db.put("early", "key-0007", "changed");
  if (options.checkpoints > 1) await db.checkpoint();
  db.put("default", "in the log", 1);
  db.put("later", "in the log", 1);
  db.close();
  const { db: again } = openSimulated(vfs.afterKill(), { seed: 40 });
  const expected = seen(again);
  again.close();
  return { vfs, expected };
}

interface Repaired {
  readonly db: Database;
  readonly report: RecoveryReport;
}

async function repaired(damaged: CrashVfs, what: string): Promise<Repaired> {
  const before = imageOf(damaged);
  const target = new CrashVfs();
  const time = new ManualTime();
  const shared = { clock: time, timer: time, random: new SeededRandom(7) };
  const source = new LogSalvage(damaged);
  let report: RecoveryReport;
  try {
    const log = new LogDurability(target, new InlineSyncDriver(target, time), { ...shared, segments: TINY_SEGMENTS });
    report = await repairInto(source, log, { ...shared, logger: silentLogger });
  } finally {
    source.close();
  }
  expect(imageOf(damaged), what).toEqual(before);
  const { db } = openSimulated(target, { seed: 8 });
  return { db, report };
}

/** Where the segments lie that the newest checkpoint names: of runs, and of the catalogue. */
function namedPlaces(vfs: CrashVfs): { runs: Map<number, SegmentPlace[]>; catalogue: SegmentPlace[] } {
  const log = new LogDurability(vfs, new InlineSyncDriver(vfs, new ManualTime()), { readOnly: true });
  const runs = new Map<number, SegmentPlace[]>();
  let own: SegmentPlace[] = [];
  log.recover(
    () => {},
    ({ root }) => {
      const catalogue = Catalogue.open(new SnapshotLibrary(log.snapshots, 1000), root);
      for (const number of catalogue.runs()) runs.set(number, [...(catalogue.run(number)?.places ?? [])]);
      own = [...catalogue.places];
    },
  );
  log.abandon();
  return { runs, catalogue: own };
}

function flip(vfs: CrashVfs, { file, offset, length }: SegmentPlace, at: number): void {
  changeFile(vfs, `snapshots/${file}`, (bytes) => {
    bytes[offset + (at % length)] = (bytes[offset + (at % length)] as number) ^ 0x10;
    return bytes;
  });
}

describe("a repair", () => {
  test("of what is whole loses nothing", async () => {
    for (const checkpoints of [0, 1, 4]) {
      const { vfs, expected } = await written({ checkpoints });
      const { db, report } = await repaired(vfs, `${checkpoints}`);
      expect(seen(db)).toEqual(expected);
      expect(report.lost).toEqual([]);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    }
  });

  test("takes from the checkpoint before and the log what the newest files of a run do not tell", async () => {
    const { vfs, expected } = await written({ checkpoints: 4 });
    const { runs } = namedPlaces(vfs);
    let whole = 0;
    for (const [number, places] of runs) {
      const newest = places.at(-1);
      if (newest === undefined) continue;
      for (const at of [0, 20, newest.length >> 1, newest.length - 3]) {
        const disk = vfs.afterKill();
        flip(disk, newest, at);
        const what = `run ${number}, byte ${at} of ${newest.length}`;
        const { db, report } = await repaired(disk, what);
        if (report.lost.length === 0) {
          expect(seen(db), what).toEqual(expected);
          whole++;
        } else {
          // Commits in the log may be of no use without what they follow.
          const isHere = ({ file }: { file: string }) => file === "wal" || file === `snapshots/${newest.file}`;
          expect(report.lost.every(isHere), `${what} ${JSON.stringify(report.lost)}`).toBe(true);
          expect(
            report.lost.every(({ runs: names }) => (names?.length ?? 0) > 0),
            what,
          ).toBe(true);
        }
      }
    }
    expect(whole).toBeGreaterThan(8);
  });

  test("without a catalogue finds the runs by themselves", async () => {
    const { vfs, expected } = await written({ checkpoints: 4 });
    const { catalogue } = namedPlaces(vfs);
    const newest = catalogue.at(-1) as SegmentPlace;
    for (const how of ["flipped", "gone", "all gone"]) {
      const disk = vfs.afterKill();
      if (how === "flipped") flip(disk, newest, newest.length >> 1);
      if (how === "gone") disk.unlink(`snapshots/${newest.file}`);
      if (how === "all gone") {
        for (const { place } of catalogueSegments(disk)) flip(disk, place, place.length - 2);
      }
      const { db, report } = await repaired(disk, how);
      expect(seen(db), `${how} ${JSON.stringify(report.lost)}`).toEqual(expected);
      expect((await db.verify()).problems, how).toEqual([]);
      expect(
        report.lost.every(({ runs }) => runs === undefined),
        how,
      ).toBe(true);
    }
  });

  test("finds out from log and files what damaged or missing manifests would say", async () => {
    for (const checkpoints of [0, 1, 4]) {
      const { vfs, expected } = await written({ checkpoints });
      for (const how of ["damaged", "missing"]) {
        const disk = vfs.afterKill();
        for (const name of disk.list("").filter((each) => each.startsWith("MANIFEST"))) {
          if (how === "missing") disk.unlink(name);
          else changeFile(disk, name, (bytes) => bytes.subarray(3));
        }
        const { db, report } = await repaired(disk, how);
        expect(seen(db), `${how} ${checkpoints} ${JSON.stringify(report.lost)}`).toEqual(expected);
        expect(report.lost.length).toBeGreaterThan(0);
      }
    }
  });

  test("ends the log where it is damaged, and says from which version on", async () => {
    const { vfs } = await written({ checkpoints: 4 });
    const disk = vfs.afterKill();
    const newest = disk.list("wal").at(-1) as string;
    changeFile(disk, `wal/${newest}`, (bytes) => {
      const at = latin(bytes).lastIndexOf("in the log");
      bytes[at] = 0;
      return bytes;
    });
    const { db, report } = await repaired(disk, "log");
    expect(db.get("later", "in the log")).toBeUndefined();
    expect(db.get("default", "in the log")).toBe(1);
    expect(report.lost).toHaveLength(1);
    expect(report.lost[0]).toMatchObject({ file: `wal/${newest}` });
  });

  test("without the log has what the newest checkpoint had", async () => {
    const { vfs } = await written({ checkpoints: 4 });
    const disk = vfs.afterKill();
    for (const name of disk.list("wal")) disk.unlink(`wal/${name}`);
    const { db, report } = await repaired(disk, "no log");
    expect(db.get("early", "key-0007")).toBe("changed");
    expect(db.get("later", "a")).toBe(1);
    expect(db.get("later", "in the log")).toBeUndefined();
    expect(report.lost.length).toBeGreaterThan(0);
  });

  test("reads around damaged blocks where nothing else has what was in them", async () => {
    const { vfs, expected } = await written({ checkpoints: 4 });
    const early = [...namedPlaces(vfs).runs].find(([, places]) => places.some(({ length }) => length > 15_000));
    const [, places] = early as [number, SegmentPlace[]];
    const large = places.find(({ length }) => length > 15_000) as SegmentPlace;
    const all = openSimulated(vfs.afterKill(), { seed: 3 }).db;
    let partial = 0;
    for (let at = 100; at < large.length; at += 1499) {
      const disk = vfs.afterKill();
      flip(disk, large, at);
      // The checkpoint before is of no help any more.
      const { db, report } = await repaired(disk, `byte ${at}`);
      if (report.lost.length === 0) {
        expect(seen(db)).toEqual(expected);
        continue;
      }
      partial++;
      for (const { file, runs, offset, bytes } of report.lost) {
        expect(file).toBe(`snapshots/${large.file}`);
        expect(runs).toEqual(["early"]);
        expect(offset + bytes).toBeLessThanOrEqual(large.offset + large.length);
      }
      const kv = new KvStore(db.head(db.runs.must("early")));
      let there = 0;
      for (const [key, value] of kv.entries()) {
        expect(value).toBe(all.get("early", key));
        there++;
      }
      if (!report.lost.some(({ what }) => what?.includes("all 3") || what?.includes("everything"))) {
        expect(there, `byte ${at} ${JSON.stringify(report.lost)}`).toBeGreaterThan(150);
      }
      for (const name of ["default", "child", "later", "second"]) {
        expect(digestOfRun(db, name), `${name}, byte ${at}`).toBe(digestOfRun(all, name));
      }
      expect((await db.verify()).problems, `byte ${at}`).toEqual([]);
    }
    expect(partial).toBeGreaterThan(4);
  });

  test("does not take for a run's what lies in its file and is of another run", async () => {
    const { vfs } = await written({ checkpoints: 4 });
    const files = vfs.list("snapshots");
    for (const file of files) {
      for (const other of files) {
        if (file === other) continue;
        const disk = vfs.afterKill();
        const bytes = imageOf(disk).get(`snapshots/${other}`) as Uint8Array;
        changeFile(disk, `snapshots/${file}`, () => Uint8Array.from(bytes));
        const { db } = await repaired(disk, `${other} as ${file}`);
        expect(db.runs.exists("default"), `${other} as ${file}`).toBe(true);
      }
    }
  });

  test("takes a commit as a whole or not at all where the run has lost what it follows", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    const events = new EventLogStore(db.head(db.runs.must("default")));
    for (let i = 0; i < 300; i++) events.append("written", { i, text: "x".repeat(30) });
    await db.checkpoint();
    db.put("default", "early", 1);
    await db.checkpoint();
    db.put("default", "tail", 1);
    db.transaction("default", (txn) => {
      new KvStore(txn.scope("default")).put("late", 1);
      new EventLogStore(txn.scope("default")).append("written", { i: 300 });
    });
    const { number } = db.runs.must("default");
    db.close();
    const [place] = namedPlaces(vfs).runs.get(number) as [SegmentPlace];
    let dropped = 0;
    for (let at = 100; at < place.length; at += 997) {
      const disk = vfs.afterKill();
      flip(disk, place, at);
      const { db: left, report } = await repaired(disk, `byte ${at}`);
      const log = new EventLogStore(left.head(left.runs.must("default")));
      const isThere = left.get("default", "late") !== undefined;
      expect(isThere, `byte ${at} ${JSON.stringify(report.lost)}`).toBe(log.len() === 301);
      expect((await left.verify()).problems, `byte ${at}`).toEqual([]);
      if (!isThere) dropped++;
    }
    expect(dropped).toBeGreaterThan(2);
  });

  test("is never silently wrong, whatever byte changed in whatever file", async () => {
    const { vfs, expected } = await written({ checkpoints: 4 });
    let n = 0;
    for (const [path, contents] of imageOf(vfs)) {
      const step = Math.max(1, Math.floor(contents.length / 5));
      for (let at = n % 7; at < contents.length; at += step) {
        const disk = vfs.afterKill();
        changeFile(disk, path, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ 1;
          return bytes;
        });
        n++;
        const { db, report } = await repaired(disk, `${path} ${at}`);
        if (report.lost.length === 0 && report.cut.length === 0) {
          expect(seen(db), `${path}, byte ${at}`).toEqual(expected);
        }
        // Logs of events that lost their beginning cannot hide it.
        const broken = report.lost.flatMap(({ runs }) => runs ?? []);
        for (const { what } of (await db.verify()).problems) {
          expect(
            broken.some((name) => what.startsWith(`run "${name}": space `)),
            `${path}, byte ${at}: ${what}`,
          ).toBe(true);
        }
      }
    }
    expect(n).toBeGreaterThan(30);
  });

  test("is never silently wrong where several things are damaged at once", async () => {
    const { vfs, expected } = await written({ checkpoints: 4 });
    const names = [...imageOf(vfs).keys()];
    const logs = names.filter((name) => name.startsWith("wal/"));
    const { runs, catalogue } = namedPlaces(vfs);
    const newest = [...runs.values()].flatMap((places) => places.slice(-1));
    const random = new SeededRandom(SEED);
    let lossless = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const disk = vfs.afterKill();
      const what: string[] = [`round ${round}`];
      // What stands in for a damaged file is damaged too, more often than not.
      const place =
        random.below(4) === 0
          ? (catalogue.at(-1) as SegmentPlace)
          : (newest[random.below(newest.length)] as SegmentPlace);
      flip(disk, place, random.below(place.length));
      what.push(`${place.file} ${place.offset}`);
      const path =
        (random.below(3) === 0 ? names : logs)[random.below(random.below(3) === 0 ? names.length : 2)] ?? logs[0]!;
      if (random.below(3) === 0 && disk.exists(path)) disk.unlink(path);
      else if (disk.exists(path)) {
        changeFile(disk, path, (bytes) => {
          const at = random.below(bytes.length);
          bytes[at] = (bytes[at] as number) ^ 4;
          return bytes;
        });
      }
      what.push(path);
      let found: Repaired;
      try {
        found = await repaired(disk, what.join(", "));
      } catch (error) {
        expect(error, what.join(", ")).toMatchObject({ code: expect.stringMatching(/CORRUPT/) });
        continue;
      }
      if (found.report.lost.length > 0 || found.report.cut.length > 0) continue;
      expect(seen(found.db), what.join(", ")).toEqual(expected);
      lossless++;
    }
    expect(lossless).toBeGreaterThan(3);
  });

  test("of a directory that holds nothing of a database is refused", () => {
    expect(() => new LogSalvage(new CrashVfs())).toThrow(expect.objectContaining({ code: "NOT_A_DATABASE" }));
  });
});

function digestOfRun(db: Database, name: string): string {
  const run = db.runs.must(name);
  const view = db.at(run, "default", { version: run.version });
  try {
    return view.digest({ history: true });
  } finally {
    view.dispose();
  }
}

function latin(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Every segment of a catalogue that lies in a file of its own. */
function catalogueSegments(vfs: CrashVfs): { place: SegmentPlace }[] {
  const named = new Set([...namedPlaces(vfs).runs.values()].flat().map(({ file }) => file));
  return vfs
    .list("snapshots")
    .filter((file) => !named.has(file))
    .map((file) => ({ place: { file, offset: 0, length: vfs.size(`snapshots/${file}`) as number } }));
}
