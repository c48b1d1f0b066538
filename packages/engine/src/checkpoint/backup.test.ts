import { StrataError } from "@strata/core";
import { InlineSyncDriver, LogDurability, type Vfs } from "@strata/durability";
import { CrashVfs, FaultVfs, ManualTime, pathsOn, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { hostWithJob } from "../../test/bundle-host.js";
import { digestsOf, dump } from "../../test/dump.js";
import { expectReplaysToAgree } from "../../test/replay-oracle.js";
import { openSimulated } from "../../test/simulated-database.js";
import { WORKLOAD } from "../../test/workload.js";
import { Database, KvStore } from "../index.js";

/** An empty place for a copy. */
function targetOn(vfs: Vfs): LogDurability {
  const time = new ManualTime();
  const random = new SeededRandom(7);
  return new LogDurability(vfs, new InlineSyncDriver(vfs, time), {
    clock: time,
    timer: time,
    random,
    segments: TINY_SEGMENTS,
  });
}

function seen(db: Database): unknown {
  return [dump(db), ...digestsOf(db), db.runs.list().map((name) => db.runs.must(name).info())];
}

/** A database with some of everything that a copy must not lose. */
async function grown(vfs: CrashVfs): Promise<Database> {
  const { db: first, time } = openSimulated(vfs);
  let db = first;
  for (const [i, step] of WORKLOAD.entries()) {
    step.run(db);
    time.advance(5);
    if (i % 5 === 0) await db.checkpoint();
  }
  db.runs.create("parent");
  db.put("parent", "inherited", "from afar");
  db.fork(db.runs.must("parent"), ["child", "untouched"]);
  db.put("child", "own", 1);
  db.runs.delete("parent");
  const kv = new KvStore(db.head(db.runs.must("default")));
  kv.put("soon gone", 1, { ttlMs: 60_000 });
  db.runs.begin("at-work");
  await db.shutdown();
  ({ db } = openSimulated(vfs, { seed: 2 }));
  db.put("default", "late", "in the log");
  return db;
}

describe("a backup", () => {
  test("opens as the database that it was made of, with all its history", async () => {
    const db = await grown(new CrashVfs());
    const disk = new CrashVfs();
    const info = await db.backup(targetOn(disk));
    expect(info.runs).toBe(db.runs.list().length + 2); // `_system`, and the deleted run that forks read through
    const copy = openSimulated(disk, { seed: 3 }).db;
    expect(copy.info().recovery?.commits).toBe(0);
    expect(seen(copy)).toEqual(seen(db));
    expect(copy.runs.must("at-work").status).toBe("orphaned");
    expect(copy.get("untouched", "inherited")).toBe("from afar");
    expectReplaysToAgree(copy);
    expect(copy.put("default", "goes on", 1)).toBeGreaterThan(db.runs.must("default").version);
  });

  test("shows runs that a process works on as left behind: there, nobody does", async () => {
    const vfs = new CrashVfs();
    for (let seed = 1; seed <= 4; seed++) openSimulated(vfs, { seed }).db.close();
    const { db } = openSimulated(vfs, { seed: 5 });
    db.runs.begin("working");
    expect(db.runs.must("working").status).toBe("active");
    const disk = new CrashVfs();
    await db.backup(targetOn(disk));
    const copy = openSimulated(disk).db;
    expect(copy.runs.must("working").status).toBe("orphaned");
    copy.runs.begin("goes-on");
    expect(copy.runs.must("goes-on").status).toBe("active");
    await copy.shutdown();
    expect(openSimulated(disk, { seed: 2 }).db.runs.must("goes-on").status).toBe("orphaned");
  });

  test("of a backup is the same again", async () => {
    const db = await grown(new CrashVfs());
    const [first, second] = [new CrashVfs(), new CrashVfs()];
    await db.backup(targetOn(first));
    const copy = openSimulated(first, { seed: 3 }).db;
    await copy.backup(targetOn(second));
    const again = openSimulated(second, { seed: 4 }).db;
    expect(seen(again)).toEqual(seen(db));
  });

  test("is one version of the database while writes go on", async () => {
    const { db, time } = openSimulated(new CrashVfs(), { segments: {} });
    for (const name of ["left", "right"]) db.runs.create(name);
    for (let i = 0; i < 300; i++) for (const name of ["left", "right"]) db.put(name, `key-${i}`, "x".repeat(200));
    let n = 0;
    let copying = true;
    const disk = new CrashVfs();
    const backup = db.backup(targetOn(disk), {
      onProgress: () => {
        n++;
        time.block(10);
        db.put("left", "n", n);
        db.put("right", "n", n);
      },
    });
    void backup.finally(() => {
      copying = false;
    });
    while (copying) {
      await new Promise((resolve) => setImmediate(resolve));
      time.advance(1);
    }
    await backup;
    expect(n).toBeGreaterThan(2);
    const copy = openSimulated(disk, { seed: 3 }).db;
    expect(copy.get("left", "n")).toBe(copy.get("right", "n"));
    expect(copy.runs.must("left").version).toBeLessThan(db.runs.must("left").version);
  });

  test("has runs that came as bundles, before a checkpoint knows of them and after", async () => {
    const bundle = await hostWithJob().exported("job");
    const { db } = openSimulated(new CrashVfs());
    await db.bundles.import([bundle]);
    db.fork(db.runs.must("job"), ["fork"]);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    for (const seed of [3, 4]) {
      const disk = new CrashVfs();
      await db.backup(targetOn(disk));
      const copy = openSimulated(disk, { seed }).db;
      expect(seen(copy)).toEqual(seen(db));
      expect(await copy.verify()).toEqual({ ok: true, problems: [] });
      await db.checkpoint();
    }
  });

  test("is made of a database in memory too", async () => {
    const db = Database.ephemeral();
    for (const step of WORKLOAD) step.run(db);
    db.fork(db.runs.must("default"), ["fork"]);
    const disk = new CrashVfs();
    await db.backup(targetOn(disk));
    expect(seen(openSimulated(disk).db)).toEqual(seen(db));
  });

  test("goes nowhere where a database is", async () => {
    const db = await grown(new CrashVfs());
    const disk = new CrashVfs();
    openSimulated(disk).db.close();
    const target = targetOn(disk);
    await expect(db.backup(target)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(openSimulated(disk, { seed: 2 }).db.runs.list()).toEqual(["default"]);
  });

  test("onto a disk that fails at any call says so, or is whole", async () => {
    const db = await grown(new CrashVfs());
    await db.checkpoint();
    const before = seen(db);
    const empty = dump(openSimulated(new CrashVfs()).db);
    let failed = 0;
    for (let at = 1; ; at++) {
      const disk = new CrashVfs();
      const faulty = new FaultVfs(disk, ({ index }) => (index === at ? { kind: "error", errno: "ENOSPC" } : undefined));
      const done = await db.backup(targetOn(faulty)).then(
        () => true,
        (error: unknown) => {
          expect(StrataError.is(error), `call ${at}: ${String(error)}`).toBe(true);
          return false;
        },
      );
      const left = openSimulated(disk, { seed: 9 }).db;
      if (done || dump(left) !== empty) expect(seen(left), `call ${at}`).toEqual(before);
      left.close();
      if (!done) failed++;
      if (faulty.calls < at) break;
    }
    expect(failed).toBeGreaterThan(15);
    expect(seen(db)).toEqual(before);
  });

  test("that is aborted at any pause leaves the source as it was, and an empty target", async () => {
    const vfs = new CrashVfs();
    const db = await grown(vfs);
    await db.checkpoint();
    const before = seen(db);
    const files = pathsOn(vfs);
    let pauses = 0;
    for (let at = 1; ; at++) {
      pauses = 0;
      const disk = new CrashVfs();
      const signal = {
        aborted: false,
        reason: new Error("enough"),
        throwIfAborted() {
          if (++pauses >= at) throw this.reason;
        },
      };
      try {
        await db.backup(targetOn(disk), { signal: signal as unknown as AbortSignal });
        break;
      } catch (error) {
        expect(error).toBe(signal.reason);
      }
      expect(pathsOn(vfs)).toEqual(files);
      const left = openSimulated(disk, { seed: 9 }).db;
      expect(left.runs.list()).toEqual(["default"]);
      expect(disk.list("snapshots")).toEqual([]);
    }
    expect(pauses).toBeGreaterThan(10);
    expect(seen(db)).toEqual(before);
  });
});
