import { KvStore, keepLast } from "../src/index.js";
import type { CheckpointStep } from "./checkpoint-workload.js";
import { good, latest } from "./sample-bundles.js";

/** Put and deleted: nothing of it may be left behind `erase`. */
export const SECRET = "the-password-is-swordfish";

/** The run that keeps the last entry alone. Forks of it begin with its policy. */
export const TRIMMED = "counter";

const count = (n: number): CheckpointStep => ({
  what: `the counter says ${n}`,
  run: (db) => db.put(TRIMMED, "a", { n, padding: "x".repeat(60) }),
});

/**
 * A run that keeps little, its forks and tags, runs that come as bundles, go and come again, between compactions that pack what is left and
 * erase what is not.
 */
export const COMPACTION_WORKLOAD: readonly CheckpointStep[] = [
  { what: "a key", run: (db) => db.put("default", "a", 1) },
  { what: "a run", run: (db) => db.runs.create(TRIMMED) },
  { what: "that keeps little", run: (db) => db.runs.setRetention(TRIMMED, keepLast(1)) },
  count(1),
  count(2),
  { what: "a tag", run: (db) => db.history.tag(db.runs.must(TRIMMED), undefined, "two") },
  count(3),
  { what: "a secret", run: (db) => db.put("default", "secret", SECRET) },
  "checkpoint",
  count(4),
  { what: "a fork of the head", run: (db) => db.fork(db.runs.must(TRIMMED), ["child"]) },
  count(5),
  { what: "a run that comes from elsewhere", run: (db) => db.bundles.import([good]) },
  "compact",
  count(6),
  { what: "a fork of the past", run: (db) => db.fork(db.runs.must(TRIMMED), ["past"], { tag: "two" }) },
  { what: "a word of the child's own", run: (db) => db.put("child", "own", 1) },
  { what: "the secret goes", run: (db) => db.delete("default", "secret") },
  { what: "so does the default run's history", run: (db) => db.runs.setRetention("default", keepLast(1)) },
  { what: "a fork of what came", run: (db) => db.fork(db.runs.must("job"), ["job-fork"]) },
  { what: "what came goes, its fork lives", run: (db) => db.runs.delete("job") },
  { what: "it comes again", run: (db) => db.bundles.import([latest]) },
  "erase",
  count(7),
  { what: "the counter goes, its forks live", run: (db) => db.runs.delete(TRIMMED) },
  { what: "another of the name", run: (db) => db.runs.create(TRIMMED) },
  { what: "which says something else", run: (db) => db.put(TRIMMED, "a", "other") },
  "compact",
  { what: "a fork goes", run: (db) => db.runs.delete("past") },
  {
    what: "a strict key",
    strict: true,
    run: (db) =>
      db.transactionWithDurability("child", "strict", (t) => new KvStore(t.scope("default")).put("strict", 1)),
  },
  "erase",
  { what: "a last word", run: (db) => db.put("child", "a", "mine") },
];
