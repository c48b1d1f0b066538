import type { Command, CommandName, Strata } from "../src/index.js";

/** Fills a database so that every command below has something to do. */
export function populate(db: Strata): void {
  db.kv.putMany([
    ["a", 1],
    ["a:b", new Uint8Array([1, 2, 3])],
    ["a:c", 2n ** 60n],
    ["gone", Number.NaN],
  ]);
  db.kv.delete("gone");
  db.events.appendMany([
    { type: "seen", payload: { what: "door" } },
    { type: "opened", payload: { by: "key" } },
  ]);
  db.state.set("cell", { n: 1 });
  db.state.acquire("job", "me", { ttlMs: 3_600_000 });
  db.json.put("doc", { n: 1, tags: ["a"], user: { name: "Ann" } });
  db.createRun("other", { purpose: "test" });
  db.createRun("doomed");
  db.spaces.create("empty");
  db.vectors.createCollection("docs", { dimension: 2 });
  db.vectors.upsert("docs", "a", [1, 0.5], { lang: "en" });
  db.vectors.upsert("docs", "gone", [0, 1]);
  db.vectors.delete("docs", "gone");
}

/** One legal command of every name, in an order in which all of them succeed one after the other on what `populate` made. */
export const CASES: readonly Command[] = [
  { name: "db.ping" },
  { name: "db.info" },
  { name: "db.metrics" },
  { name: "db.flush" },
  { name: "db.commitStatus", epoch: 1, version: 1 },

  { name: "kv.get", key: "a" },
  { name: "kv.getMany", keys: ["a", "missing", "a:c"] },
  { name: "kv.getVersioned", key: "a:b" },
  { name: "kv.exists", key: "a" },
  { name: "kv.list", prefix: "a:", reverse: true, limit: 1 },
  { name: "kv.entries", start: "a", end: "b" },
  { name: "kv.history", key: "gone", limit: 5 },
  { name: "events.read", sequence: 0 },
  { name: "events.range", start: 0, end: 2 },
  { name: "events.readByType", type: "seen", limit: 1 },
  { name: "events.iterate", after: 0 },
  { name: "events.len" },
  { name: "events.types" },
  { name: "events.head" },
  { name: "events.verify" },
  { name: "state.read", cell: "cell" },
  { name: "state.readVersioned", cell: "cell" },
  { name: "state.list" },
  { name: "state.history", cell: "cell" },
  { name: "state.require", cell: "job", owner: "me", token: 1 },
  { name: "json.get", key: "doc", path: "$.user.name" },
  { name: "json.getVersioned", key: "doc" },
  { name: "json.exists", key: "doc", path: ["tags", 0] },
  { name: "json.list" },
  { name: "json.entries" },
  { name: "json.query", key: "doc", jsonPath: "$..name" },
  { name: "json.find", where: { "user.name": "Ann" }, orderBy: "n", limit: 2 },
  { name: "json.explain", where: { n: { $gte: 1 } }, prefix: "d" },
  { name: "json.history", key: "doc" },
  { name: "vectors.get", collection: "docs", key: "a" },
  { name: "vectors.keys", collection: "docs", prefix: "a" },
  { name: "vectors.count", collection: "docs", filter: { lang: "en" } },
  { name: "vectors.history", collection: "docs", key: "gone" },
  { name: "vectors.listCollections" },
  { name: "vectors.stats", collection: "docs" },
  { name: "vectors.search", collection: "docs", query: [1, 0], k: 1, filter: { lang: "en" }, includeVectors: true },
  { name: "search", query: "door Ann", highlight: true, explain: true },
  { name: "runs.list", prefix: "d" },
  { name: "runs.get", runName: "other" },
  { name: "runs.exists", runName: "nobody" },
  { name: "runs.commits", runName: "default", limit: 2, reverse: true },
  { name: "runs.timeRange", runName: "default" },
  { name: "runs.tags", runName: "default" },
  { name: "runs.replay", runName: "default" },
  { name: "runs.diff", a: "other", b: { run: "default", at: { version: 5 } }, primitives: ["kv"], limit: 9 },
  { name: "spaces.list" },
  { name: "spaces.exists", spaceName: "empty" },
  { name: "session.begin", readOnly: true },
  { name: "session.commit" },

  { name: "kv.put", key: "new", value: { bytes: new Uint8Array([9]), big: -(2n ** 62n) }, ttlMs: 3_600_000 },
  {
    name: "kv.putMany",
    entries: [
      ["x:1", 1],
      ["x:2", null],
    ],
  },
  { name: "kv.delete", key: "x:1" },
  { name: "kv.deleteMany", keys: ["x:2", "missing"] },
  { name: "kv.clear", prefix: "a:" },
  { name: "events.append", type: "closed", payload: { by: "wind" } },
  { name: "events.appendMany", events: [{ type: "seen", payload: {} }] },
  { name: "state.set", cell: "cell", value: 2 },
  { name: "state.init", cell: "cell", value: 3 },
  { name: "state.cas", cell: "cell", expected: 2, value: 4 },
  { name: "state.delete", cell: "cell" },
  { name: "state.acquire", cell: "lock", owner: "you", ttlMs: 3_600_000 },
  { name: "json.set", key: "doc", path: "$.user.age", value: 7 },
  { name: "json.put", key: "second", document: [1, 2] },
  { name: "vectors.createCollection", collection: "more", dimension: 1, metric: "dot", ifExists: "keep" },
  { name: "vectors.upsert", collection: "more", key: "x", vector: [0.25], metadata: { n: 1 } },
  {
    name: "vectors.upsertMany",
    collection: "more",
    entries: [
      { key: "y", vector: [1], metadata: { n: 2 } },
      { key: "z", vector: [2] },
    ],
  },
  { name: "vectors.delete", collection: "more", key: "y" },
  { name: "vectors.deleteCollection", collection: "more" },
  { name: "json.delete", key: "doc", path: "$.user.age" },
  { name: "json.merge", key: "doc", path: "$.user", patch: { name: null, nick: "A" } },
  {
    name: "json.patch",
    key: "doc",
    operations: [
      { op: "test", path: "/n", value: 1 },
      { op: "remove", path: "/n" },
    ],
  },
  { name: "json.push", key: "doc", path: "$.tags", values: ["b", "c"] },
  { name: "json.increment", key: "doc", path: "$.count", by: 2 },
  { name: "json.createIndex", path: "user.name" },
  { name: "json.dropIndex", path: "$.user.name" },
  { name: "runs.create", runName: "third", meta: { depth: 1 } },
  { name: "runs.begin", runName: "fourth" },
  { name: "runs.fork", source: "other", runName: "fork", meta: { depth: 2 } },
  { name: "runs.merge", source: "fork", target: "other", strategy: "ours", message: "why not" },
  { name: "runs.rebase", runName: "fork", preview: true },
  { name: "runs.cherryPick", source: "other", target: "fork", filter: { spaces: ["default"] } },
  { name: "runs.revert", runName: "fork", from: 12 },
  { name: "runs.tag", runName: "default", tagName: "stable" },
  { name: "runs.untag", runName: "default", tagName: "stable" },
  { name: "runs.delete", runName: "doomed" },
  { name: "runs.setStatus", runName: "other", status: "paused", reason: "lunch" },
  { name: "spaces.create", spaceName: "made" },
  { name: "spaces.delete", spaceName: "empty" },
  { name: "session.begin", message: "to be given up" },
  { name: "session.rollback" },
];

/** The first case of a name. */
export function caseOf(name: CommandName): Command {
  const found = CASES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case for ${name}`);
  return found;
}
