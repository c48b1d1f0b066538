import { StrataError } from "@strata/core";
import { CrashVfs, type Fault, FaultVfs, SeededRandom, type VfsCall } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { nothingLeft } from "./drive.js";
import { PagesIndex, savedPages } from "./pages-index.js";
import { openSimulated } from "./simulated-database.js";
import { SlicingTime } from "./slicing-time.js";
import { ToyIndex } from "./toy-index.js";

/** Lives of a database. More for long runs: `STRATA_SLICE_SEEDS=200`. */
const SEEDS = Number(process.env["STRATA_SLICE_SEEDS"] ?? 4);
const LIMIT_MS = 60_000 + 10_000 * SEEDS;
const NAMES = ["a", "b", "c", "d"];

/** Something that is committed in a pause. */
function disturb(db: Database, random: SeededRandom, n: number): void {
  const pick = () => NAMES[random.below(NAMES.length)] as string;
  const [name, other, roll] = [pick(), pick(), random.below(8)];
  if (!db.runs.exists(name)) {
    if (roll < 4 && db.runs.exists(other)) db.fork(db.runs.must(other), [name]);
    else db.runs.create(name);
  } else if (roll === 0) {
    db.runs.delete(name);
  } else {
    db.put(name, `key-${n % 30}`, n);
  }
}

describe("while images are written", () => {
  test(
    "runs come, change and go, and every image is right",
    async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        const random = new SeededRandom(seed);
        const [vfs, time] = [new CrashVfs(), new SlicingTime()];
        const { db } = openSimulated(vfs, { time, checkpoint: "manual", segments: {} });
        let count = 0;
        for (let round = 0; round < 6; round++) {
          for (let i = 0; i < 20; i++) disturb(db, random, count++);
          ToyIndex.of(db).checkAll();
          time.isSlicing = true;
          let isThrough = false;
          const work = round % 3 === 2 ? db.compact({ erase: random.below(2) === 0 }) : db.checkpoint();
          const done = work.finally(() => {
            isThrough = true;
          });
          for (await nothingLeft(); !isThrough; await nothingLeft()) {
            disturb(db, random, count++);
            time.advance(0);
          }
          time.isSlicing = false;
          await done;
          ToyIndex.of(db).checkAll();
          for (const left of [vfs.afterKill(), vfs.afterPowerLoss({ model: "posix", seed: round })]) {
            const again = openSimulated(left, { seed: 3, segments: {} }).db;
            ToyIndex.of(again).checkAll();
            expect(await again.verify()).toEqual({ ok: true, problems: [] });
            again.close();
          }
        }
        await db.checkpoint();
        auditCheckpoint(vfs, db.runs.list(), true);
        db.close();
        const again = openSimulated(vfs, { seed: 4 }).db;
        ToyIndex.of(again).checkAll();
        expect(ToyIndex.of(again).built).toBe(0);
      }
    },
    LIMIT_MS,
  );

  test("the disk fails at any call, and the image is the one before or the new one, and the next is right", async () => {
    const outcomes = new Set<string>();
    for (let call = 1; ; call++) {
      const vfs = new CrashVfs();
      let faultFor: (call: VfsCall) => Fault | undefined = () => undefined;
      const faulty = new FaultVfs(vfs, (each) => faultFor(each));
      const { db } = openSimulated(faulty);
      const index = new PagesIndex(db);
      const run = db.runs.must("default").number;
      const page = (fill: number) => new Uint8Array(1000).fill(fill);
      for (let i = 0; i < 4; i++) index.put(run, "image", i, page(1));
      db.put("default", "a", 1);
      await db.checkpoint();
      index.put(run, "image", 2, page(2));
      db.put("default", "a", 2);
      const begun = faulty.calls;
      faultFor = ({ index: at }) => (at - begun === call ? { kind: "error", errno: "ENOSPC", bytes: 3 } : undefined);
      const outcome = await db.checkpoint().then(
        () => "done",
        (error: unknown) => (StrataError.is(error) ? "failed" : "broken"),
      );
      const isThrough = faulty.calls - begun < call;
      faultFor = () => undefined;
      outcomes.add(outcome);
      if (db.info().health.state !== "poisoned") {
        const third = savedPages(db, run, "image")?.[2]?.[0];
        // It may have failed behind the moment from which it counts.
        expect(outcome === "done" ? [2] : [1, 2], `call ${call}`).toContain(third);
        // And the index knows which.
        expect(index.sheet(run, "image").base).toBe(db.savedImage("pages", run, "image")?.version);
        index.put(run, "image", 3, page(3));
        await db.checkpoint();
        expect(savedPages(db, run, "image")?.map(([first]) => first)).toEqual([1, 1, 2, 3]);
        db.put("default", "a", 3);
        await db.checkpoint();
        auditCheckpoint(vfs, db.runs.list(), true);
      }
      db.close();
      const again = openSimulated(vfs, { seed: 2 }).db;
      expect([1, 2]).toContain(savedPages(again, run, "image")?.[2]?.[0]);
      expect(await again.verify()).toEqual({ ok: true, problems: [] });
      again.close();
      if (isThrough) break;
    }
    expect([...outcomes].sort()).toEqual(["done", "failed"]);
  });
});
