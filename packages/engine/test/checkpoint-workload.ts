import { type Database, EventLogStore, JsonDocumentStore, KvStore, StateCellStore, VectorStore } from "../src/index.js";
import { good, latest } from "./sample-bundles.js";
import { storesOf } from "./stores.js";
import type { Step } from "./workload.js";

/** A commit, which may take its time; or a checkpoint of what was committed, or a compaction, plain or erasing. */
export type CheckpointStep =
  | (Omit<Step, "run"> & { readonly run: (db: Database) => unknown })
  | "checkpoint"
  | "compact"
  | "erase";

const on = (db: Database, run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));

const strictly = (what: string, run: string, key: string): Step => ({
  what,
  strict: true,
  run: (db) => db.transactionWithDurability(run, "strict", (t) => new KvStore(t.scope("default")).put(key, what)),
});

/**
 * Families of runs that come and go between checkpoints, so that segments are merged, files fall out of use, and log is retired. Steps are
 * commits, one each.
 */
export const CHECKPOINT_WORKLOAD: readonly CheckpointStep[] = [
  { what: "a key", run: (db) => db.put("default", "a", 1) },
  {
    what: "all primitives",
    run: (db) =>
      db.transaction("default", (t) => {
        new KvStore(t.scope("default")).put("bytes", new Uint8Array([1, 2, 3]));
        new EventLogStore(t.scope("logs")).append("began", { n: 1 });
        new StateCellStore(t.scope("default")).set("phase", "one");
        new JsonDocumentStore(t.scope("default")).put("doc", { x: 1, list: [1] });
        new VectorStore(t.scope("default")).createCollection("docs", { dimension: 2 });
        new VectorStore(t.scope("default")).upsert("docs", "a/b", [0.1, -0], { n: 1 });
      }),
  },
  { what: "a parent", run: (db) => db.runs.create("parent", { why: "test" }) },
  { what: "what it has to give", run: (db) => db.put("parent", "inherited", "x".repeat(500)) },
  "checkpoint",
  { what: "a tag", run: (db) => db.history.tag(db.runs.must("parent"), undefined, "mine") },
  strictly("a strict key", "parent", "strict"),
  { what: "two forks of the head", run: (db) => db.fork(db.runs.must("parent"), ["child", "unasked"]) },
  { what: "a write to one", run: (db) => db.put("child", "own", 1) },
  {
    what: "an event in a space of its own",
    run: (db) => on(db, "child", "lab").events.append("note", { n: 1 }),
  },
  {
    what: "a fork of the past",
    run: (db) => db.fork(db.runs.must("parent"), ["past"], { tag: "mine" }),
  },
  "checkpoint",
  { what: "a vector again", run: (db) => on(db, "default").vectors.upsert("docs", "a/b", [1, 2]) },
  { what: "a last word of the parent", run: (db) => db.put("parent", "word", "last") },
  { what: "a fork that hears it", run: (db) => db.fork(db.runs.must("parent"), ["heir"]) },
  { what: "the parent goes, the children live", run: (db) => db.runs.delete("parent") },
  { what: "a grandchild", run: (db) => db.fork(db.runs.must("child"), ["grandchild"]) },
  { what: "its own", run: (db) => on(db, "grandchild").json.put("doc", { y: 1 }) },
  { what: "another parent of the name", run: (db) => db.runs.create("parent") },
  { what: "a key in it", run: (db) => db.put("parent", "inherited", "other") },
  "checkpoint",
  strictly("a strict key in a fork", "past", "strict"),
  { what: "a merge", run: (db) => db.algebra.merge("grandchild", "child", { strategy: "theirs" }) },
  {
    what: "a space goes, data and all",
    run: (db) => db.spaces(db.runs.must("default")).delete("logs", { force: true }),
  },
  { what: "a run that comes from elsewhere", run: (db) => db.bundles.import([good]) },
  { what: "a deletion", run: (db) => db.delete("default", "a") },
  { what: "a cell again", run: (db) => on(db, "default").cells.set("phase", "two") },
  "checkpoint",
  "checkpoint",
  { what: "its name comes again", run: (db) => on(db, "default", "logs").events.append("again", {}) },
  { what: "a write to what came", run: (db) => db.put("job", "a", 2) },
  { what: "a fork of it", run: (db) => db.fork(db.runs.must("job"), ["job-fork"]) },
  { what: "another that came, and is not looked at", run: (db) => db.bundles.import([latest], { as: "latest" }) },
  { what: "the tag goes with its name", run: (db) => db.history.tag(db.runs.must("past"), undefined, "mine") },
  { what: "a child goes", run: (db) => db.runs.delete("child") },
  { what: "the untouched one goes", run: (db) => db.runs.delete("unasked") },
  "checkpoint",
  { what: "what came goes, its fork lives", run: (db) => db.runs.delete("job") },
  { what: "one comes and goes at once", run: (db) => db.bundles.import([latest], { as: "short" }) },
  { what: "it is written to", run: (db) => db.put("short", "a", 1) },
  { what: "it goes", run: (db) => db.runs.delete("short") },
  { what: "the grandchild lives on", run: (db) => db.put("grandchild", "last", true) },
  { what: "the other one goes", run: (db) => db.runs.delete("past") },
  { what: "the heir has something to say", run: (db) => db.put("heir", "word", "mine") },
  "checkpoint",
  { what: "so does the heir", run: (db) => db.runs.delete("heir") },
  { what: "the last of them goes", run: (db) => db.runs.delete("grandchild") },
  { what: "the fork of what came goes", run: (db) => db.runs.delete("job-fork") },
  { what: "so does what was not looked at", run: (db) => db.runs.delete("latest") },
  { what: "a large value", run: (db) => db.put("default", "large", "z".repeat(5000)) },
  "checkpoint",
  strictly("a last strict key", "default", "last"),
  { what: "and one behind it", run: (db) => db.put("default", "after", null) },
  "checkpoint",
];
