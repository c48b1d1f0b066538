import { CrashVfs } from "@strata/durability/testing";
import { expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { dump } from "./dump.js";
import { openSimulated } from "./simulated-database.js";
import { storesOf } from "./stores.js";

const on = (db: Database, run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));

/** A merge over every primitive, from a fork with changes of its own into a target with others. */
function prepare(db: Database): void {
  on(db, "default").kv.putMany([
    ["a", 1],
    ["b", 1],
  ]);
  on(db, "default").json.put("doc", { x: 1, y: 1 });
  on(db, "default").events.append("note", { n: 0 });
  db.fork(db.runs.must("default"), ["try"]);
  on(db, "try").kv.put("a", "x".repeat(700));
  on(db, "try").kv.delete("b");
  on(db, "try").json.set("doc", "$.x", 2);
  on(db, "try").cells.set("cell", "one");
  on(db, "try", "lab").events.appendMany([
    { type: "note", payload: { n: 1 } },
    { type: "note", payload: { n: 2 } },
  ]);
  on(db, "default").json.set("doc", "$.y", 3);
  db.flush();
}

function states(): { readonly before: string; readonly after: string } {
  const { db } = openSimulated(new CrashVfs());
  prepare(db);
  const before = dump(db);
  db.algebra.merge("try", "default");
  return { before, after: dump(db) };
}

test("a merge is there whole or not at all, wherever the process or the power fails", () => {
  const { before, after } = states();
  const seen = new Set<string>();
  for (const phase of ["before", "during", "after"] as const) {
    for (let call = 1; ; call++) {
      const vfs = new CrashVfs({ call, phase, bytes: 40 });
      let merging = false;
      try {
        const { db } = openSimulated(vfs);
        prepare(db);
        merging = true;
        db.algebra.merge("try", "default");
        db.flush();
      } catch (error) {
        if (!vfs.crashed) throw error;
      }
      if (!vfs.crashed) break;
      if (!merging) continue;
      const losses = [
        vfs.afterKill(),
        ...["none", "all"].map((keep) => vfs.afterPowerLoss({ model: "posix", keep: keep as "none" })),
      ];
      for (const left of losses) {
        const { db } = openSimulated(left, { seed: 1 });
        const found = dump(db);
        expect([before, after]).toContain(found);
        seen.add(found === before ? "before" : "after");
        // Whether it is remembered goes with what it wrote.
        const { applied } = db.algebra.merge("try", "default");
        expect(applied === 0).toBe(found === after);
        expect(withoutHashes(dump(db))).toBe(withoutHashes(after));
        db.close();
      }
    }
  }
  expect([...seen].sort()).toEqual(["after", "before"]);
}, 60_000);

test("merges, origins and the base they leave survive reopening, and forks made then inherit them", () => {
  const vfs = new CrashVfs();
  const first = openSimulated(vfs).db;
  prepare(first);
  first.algebra.merge("try", "default");
  const expected = dump(first);
  const origins = on(first, "default", "lab")
    .events.range(0, 9)
    .map(({ origin }) => origin);
  first.close();

  const { db } = openSimulated(vfs, { seed: 2 });
  expect(dump(db)).toBe(expected);
  expect(
    on(db, "default", "lab")
      .events.range(0, 9)
      .map(({ origin }) => origin),
  ).toEqual(origins);
  expect(origins).toMatchObject([
    { run: "try", sequence: 0 },
    { run: "try", sequence: 1 },
  ]);
  expect(db.algebra.merge("try", "default")).toMatchObject({ version: undefined });
  db.fork(db.runs.must("default"), ["later"]);
  expect(db.algebra.merge("try", "later")).toMatchObject({ version: undefined });
  on(db, "try").kv.put("c", 1);
  on(db, "later").kv.put("a", "own");
  expect(db.algebra.merge("try", "later")).toMatchObject({ applied: 1, conflicts: [] });
});

/** Copies get the time of the merge, and hashes follow. */
function withoutHashes(dumped: string): string {
  return dumped.replace(/"[0-9a-f]{64}"/g, '"hash"');
}
