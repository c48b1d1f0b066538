import {
  type Database,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  type OpenTransaction,
  StateCellStore,
  VectorStore,
} from "../src/index.js";

/** One commit of the workload; `strict` ones are on stable storage when they return. */
export interface Step {
  readonly what: string;
  readonly strict?: boolean;
  readonly run: (db: Database) => void;
}

const kvOf = (t: OpenTransaction, space = "default") => new KvStore(t.scope(space));

/** Commits of every kind, buffered and strict mixed, in several runs and spaces, enough to roll small segments a few times. */
export const WORKLOAD: readonly Step[] = [
  { what: "a key", run: (db) => db.put("default", "first", 1) },
  {
    what: "a strict key",
    strict: true,
    run: (db) => db.transactionWithDurability("default", "strict", (t) => kvOf(t).put("strict", 1)),
  },
  {
    what: "all primitives over two spaces",
    run: (db) =>
      db.transaction("default", (t) => {
        kvOf(t).put("a", { deep: [1, "two", new Uint8Array([3])] });
        new EventLogStore(t.scope("logs")).append("began", { n: 1 });
        new EventLogStore(t.scope("logs")).append("went on", { n: 2 });
        new StateCellStore(t.scope("default")).set("phase", "one");
        new JsonDocumentStore(t.scope("default")).put("doc", { list: [1, 2], at: { x: 0 } });
        for (const name of ["docs", "gone"]) {
          new VectorStore(t.scope("default")).createCollection(name, { dimension: 2 });
          new VectorStore(t.scope("default")).upsert(name, "a/b", [0.1, -0], { of: name });
        }
      }),
  },
  {
    what: "a path write",
    run: (db) => new JsonDocumentStore(db.head(db.runs.must("default"))).set("doc", "$.at.x", 1),
  },
  { what: "a run", run: (db) => db.runs.create("second", { why: "test" }) },
  { what: "a key in it", run: (db) => db.put("second", "only", "here") },
  { what: "a tag", run: (db) => db.history.tag(db.runs.must("default"), undefined, "mine") },
  { what: "a tag in the run that goes", run: (db) => db.history.tag(db.runs.must("second"), undefined, "mine") },
  { what: "a big value", run: (db) => db.put("second", "big", "x".repeat(900)) },
  {
    what: "a strict event",
    strict: true,
    run: (db) =>
      db.transactionWithDurability("default", "strict", (t) => new EventLogStore(t.scope("logs")).append("strict", {})),
  },
  { what: "a push", run: (db) => new JsonDocumentStore(db.head(db.runs.must("default"))).push("doc", "$.list", 3) },
  {
    what: "several vectors",
    run: (db) =>
      new VectorStore(db.head(db.runs.must("default"))).upsertMany("docs", [
        { key: "a/b", vector: [1, 2] },
        { key: "c", vector: [3, 4], metadata: { n: 1 } },
      ]),
  },
  {
    what: "a collection goes, vectors and all",
    run: (db) => new VectorStore(db.head(db.runs.must("default"))).deleteCollection("gone"),
  },
  { what: "a deletion", run: (db) => db.delete("default", "first") },
  { what: "a cell again", run: (db) => new StateCellStore(db.head(db.runs.must("default"))).set("phase", "two") },
  { what: "a space by name", run: (db) => db.spaces(db.runs.must("second")).create("empty") },
  { what: "another big value", run: (db) => db.put("default", "big", "y".repeat(1500)) },
  {
    what: "the space goes, data and all",
    run: (db) => db.spaces(db.runs.must("default")).delete("logs", { force: true }),
  },
  {
    what: "an event log begins again",
    run: (db) => new EventLogStore(db.head(db.runs.must("default"), "logs")).append("again", {}),
  },
  { what: "the run goes", run: (db) => db.runs.delete("second") },
  { what: "its name comes again", strict: false, run: (db) => db.runs.create("second") },
  { what: "a status", run: (db) => db.runs.setStatus("second", "completed", "done") },
  { what: "a frame larger than a segment", run: (db) => db.put("default", "huge", "z".repeat(7000)) },
  { what: "the tag goes", run: (db) => db.history.untag(db.runs.must("default"), "mine") },
  {
    what: "a last strict key",
    strict: true,
    run: (db) => db.transactionWithDurability("default", "strict", (t) => kvOf(t).put("last", true)),
  },
  { what: "and one behind it", run: (db) => db.put("default", "after", null) },
];
