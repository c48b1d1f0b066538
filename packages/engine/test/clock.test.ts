import { CrashVfs } from "@strata/durability/testing";
import { expect, test } from "vitest";
import { openSimulated } from "./simulated-database.js";

test("a database whose newest commit lies ahead of the clock says so, and its timestamps go on from there", () => {
  const vfs = new CrashVfs();
  const future = openSimulated(vfs);
  future.time.advance(3_600_000);
  future.db.put("default", "key", 1);
  const written = future.db.at(future.db.runs.must("default")).version;
  future.db.close();

  const { db } = openSimulated(vfs);
  expect(db.info().clockBehindMs).toBeCloseTo(3_600_000, -2);
  const run = db.runs.must("default");
  const before = db.at(run, "default", { version: written }).timestamp;
  const after = db.at(run, "default", { version: db.put("default", "key", 2) }).timestamp;
  expect(after).toBe(before + 1);

  const punctual = openSimulated(new CrashVfs());
  expect(punctual.db.info()).not.toHaveProperty("clockBehindMs");
});
