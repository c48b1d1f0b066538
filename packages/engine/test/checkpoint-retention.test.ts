import { CrashVfs } from "@strata/durability/testing";
import { expect, test } from "vitest";
import { keepLast } from "../src/index.js";
import { drive, nothingLeft } from "./drive.js";
import { openSimulated } from "./simulated-database.js";
import { SlicingTime } from "./slicing-time.js";
import { storesOf } from "./stores.js";

const RUNS = ["default", "a", "b", "c"];
/** Nothing is synced that is not asked for. */
const OPTIONS = { retention: keepLast(1), checkpoint: "manual", mode: "none", segments: {} } as const;

test("a checkpoint has what a run held at its moment, though it was written over and trimmed before it was its turn", async () => {
  for (let pause = 0; pause < 8; pause++) {
    const vfs = new CrashVfs();
    const time = new SlicingTime();
    const { db } = openSimulated(vfs, { ...OPTIONS, time });
    for (const name of RUNS.slice(1)) db.runs.create(name);
    for (const name of RUNS) db.put(name, "key", "at the moment");
    db.flush();
    time.isSlicing = true;
    let hasEnded = false;
    const done = db.checkpoint().finally(() => {
      hasEnded = true;
    });
    for (let pauses = 0; !hasEnded; pauses++) {
      await nothingLeft();
      // Often enough to be trimmed, and gone with the power.
      if (pauses === pause) for (const name of RUNS) for (let i = 0; i < 20; i++) db.put(name, "key", i);
      if (!hasEnded) time.advance(0);
    }
    await done;
    const left = openSimulated(vfs.afterPowerLoss({ model: "posix", keep: "none" }), { ...OPTIONS, seed: 2 }).db;
    for (const name of RUNS)
      expect(left.get(name, "key"), `${name}, written over in pause ${pause}`).toBe("at the moment");
  }
});

test("what the next merge starts from stays, though nobody has asked for the run that knows of the last one", async () => {
  const vfs = new CrashVfs();
  let { db, time } = openSimulated(vfs, OPTIONS);
  const checkpointAndReopen = async (seed: number) => {
    await drive(time, db.checkpoint());
    db.close();
    ({ db, time } = openSimulated(vfs, { ...OPTIONS, seed }));
  };
  db.put("default", "key", 0);
  db.put("default", "other", 0);
  db.fork(db.runs.must("default"), ["source", "target"]);
  db.put("source", "key", 1);
  db.put("target", "other", 1);
  db.algebra.merge("source", "target");
  for (let round = 0; round < 4; round++) {
    await checkpointAndReopen(round + 2);
    for (let i = 0; i < 30; i++) db.put("source", "key", 100 * round + i);
  }
  await checkpointAndReopen(9);
  expect(db.algebra.merge("source", "target")).toMatchObject({ applied: 1, conflicts: [] });
  expect(db.get("target", "key")).toBe(329);
});

test("the newest version of a run can be asked for, though retention left nothing of its last commit", async () => {
  const vfs = new CrashVfs();
  const { db, time } = openSimulated(vfs, OPTIONS);
  const run = db.runs.must("default");
  const { kv } = storesOf(db.head(run, "other"));
  const older = kv.put("key", 1) as number;
  time.advance(1_000);
  db.spaces(run).delete("other", { force: true });
  const { timestamp } = [...db.history.commits(run)].at(-1) as { timestamp: number };
  await drive(time, db.compact());
  db.close();
  const again = openSimulated(vfs, { ...OPTIONS, seed: 2 }).db;
  const same = again.runs.must("default");
  const ask = (version: number) => again.at(same, "default", { version }).timestamp;
  expect(ask(same.version)).toBe(timestamp);
  expect(again.at(same, "default", { time: timestamp }).version).toBe(same.version);
  // What an error says is there is there.
  const trimmed = expect.objectContaining({ code: "HISTORY_TRIMMED" });
  expect(() => ask(older)).toThrow(trimmed);
  try {
    ask(older);
  } catch (error) {
    expect(ask((error as { facts: { earliest: number } }).facts.earliest)).toBe(timestamp);
  }
});

test("nobody can hold on to a version of which an earlier process trimmed something, and to a whole one everybody can", async () => {
  const vfs = new CrashVfs();
  const { db, time } = openSimulated(vfs, OPTIONS);
  const run = db.runs.must("default");
  const { kv } = storesOf(db.head(run));
  const both: [string, number][] = [
    ["trimmed", 1],
    ["kept", 1],
  ];
  kv.putMany(both);
  const partly = run.version;
  kv.put("trimmed", 2);
  const whole = run.version;
  db.put("default", "unrelated", 1);
  db.history.tag(run, undefined, "held");
  const held = run.version;
  for (let i = 3; i < 6; i++) kv.put("trimmed", i);
  db.fork(run, ["inheriting"]);
  await drive(time, db.compact());
  db.close();
  const again = openSimulated(vfs, { ...OPTIONS, seed: 2 }).db;
  const trimmed = expect.objectContaining({
    code: "HISTORY_TRIMMED",
    facts: expect.objectContaining({ earliest: whole }),
  });
  for (const name of ["default", "inheriting"]) {
    const same = again.runs.must(name);
    expect(() => again.fork(same, ["fork"], { version: partly })).toThrow(trimmed);
    expect(() => again.history.tag(same, { version: partly }, "tag")).toThrow(trimmed);
    for (const version of [whole, held]) {
      again.fork(same, [`${name}-${version}`], { version });
      expect(again.get(`${name}-${version}`, "trimmed")).toBe(2);
    }
  }
  expect(again.runs.exists("fork")).toBe(false);
});

test("a fork of a run that had nothing yet can be asked for any version, whatever its parent forgets", async () => {
  const vfs = new CrashVfs();
  const { db, time } = openSimulated(vfs, OPTIONS);
  db.runs.create("parent");
  db.fork(db.runs.must("parent"), ["fork"]);
  const { kv } = storesOf(db.head(db.runs.must("parent")));
  for (let i = 0; i < 20; i++) kv.put("key", i);
  kv.delete("key");
  await drive(time, db.compact());
  expect(db.runs.must("parent").shard.timeline.floor).toBeGreaterThan(0);
  const look = () => {
    const fork = db.runs.must("fork");
    for (let version = fork.number as number; version <= fork.version; version++)
      expect(storesOf(db.at(fork, "default", { version }) as never).kv.list()).toEqual([]);
    for (const time of [fork.createdAt, db.runtime.clock.now()]) expect(db.at(fork, "default", { time })).toBeDefined();
  };
  look();
  db.runs.setRetention("fork", keepLast(1));
  storesOf(db.head(db.runs.must("fork"))).json.put("doc", {});
  look();
});

test("what a checkpoint leaves out leaves memory too, also of keys whose commits retention forgot before", async () => {
  const { db, time } = openSimulated(new CrashVfs(), OPTIONS);
  const { kv } = storesOf(db.head(db.runs.must("default")));
  kv.put("twice", 1);
  await drive(time, db.checkpoint());
  kv.put("twice", 2);
  for (let i = 0; i < 9; i++) kv.put("often", i);
  // In memory alone, where too little was written for the first key to be looked at.
  for (const _ of db.retention.compact(db.runs.live.loaded(), db.runtime.clock.now()));
  expect(kv.history("twice")).toHaveLength(2);
  await drive(time, db.checkpoint());
  for (const { version, timestamp } of kv.history("twice")) expect(timestamp, `version ${version}`).toBeGreaterThan(0);
  expect(kv.history("twice")).toHaveLength(1);
});

test("a fork between two commits is judged by the time of the one before, also once history is trimmed", async () => {
  const { db, time } = openSimulated(new CrashVfs());
  db.runs.setRetention("default", keepLast(1));
  const run = db.runs.must("default");
  const { kv } = storesOf(db.head(run));
  const first = kv.put("a", 0, { ttlMs: 1 }) as number;
  const timestamp = kv.getVersioned("a")?.timestamp;
  await db.checkpoint();
  time.advance(5);
  kv.put("a", 1);
  db.fork(run, ["between"], { version: first + 1 });
  kv.put("a", 2);
  await db.checkpoint();
  db.put("between", "b", 1);
  const view = db.at(db.runs.must("between"), "default", { version: first + 2 });
  expect([view.timestamp, view.table("kv").get("a") === undefined]).toEqual([timestamp, false]);
});
