import type { Value } from "@strata/core";
import type { PowerLoss } from "@strata/durability/testing";
import { type CollectionOptions, type JsonFindOptions, keepAll, keepLast, type Where } from "@strata/engine";
import fc from "fast-check";
import type { SearchOptions } from "../src/search/search-options.js";
import { shown, type TextQuestion, type VectorQuestion } from "./search-judge.js";
import { type Question, RUN_NAMES, Step, type Write } from "./searched-world.js";

const KEYS = ["a", "a/1", "a/2", "b", "fox", "\u{1f600}", "￿"];
const TYPES = ["fox.note", "tree"];
const COLLECTIONS = ["docs", "é"];
/** Some of one stem, some one letter apart, one that no tokenizer keeps whole. */
const WORDS = [
  "run",
  "running",
  "runs",
  "fox",
  "foxes",
  "box",
  "alpha",
  "Älpha",
  "beta",
  "tree",
  "don't",
  "日本語",
  "🦊",
];
const BULK = 300;
const BULK_TEXTS = 80;

const run = fc.constantFrom(...RUN_NAMES);
/** Most is done where most is. */
const aRun = fc.oneof({ weight: 3, arbitrary: fc.constant("default") }, { weight: 2, arbitrary: run });
const fork = fc.constantFrom("fork-a", "fork-b", "fork-c");
const space = fc.constantFrom("default", "default", "other");
const key = fc.constantFrom(...KEYS);
const word = fc.constantFrom(...WORDS);
const text = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(" "));
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: text },
  {
    weight: 3,
    arbitrary: fc.record(
      { title: text, tag: fc.constantFrom("x", "y"), n: fc.oneof(fc.nat(3), fc.constantFrom(2n ** 60n, -1.5)) },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Value>,
  },
  { weight: 1, arbitrary: fc.record({ parts: fc.array(text, { maxLength: 3 }), tag: text }) as fc.Arbitrary<Value> },
  { weight: 1, arbitrary: fc.constantFrom<Value>(7, null, "", [], { n: 1, tag: new Uint8Array([1]) }) },
);
const component = fc.constantFrom(-1, 0, 0, 1, 2, Math.fround(0.1));
const vector = fc.array(component, { minLength: 4, maxLength: 4 });
const metadata = fc.option(fc.record({ tag: fc.constantFrom("x", "y"), n: fc.nat(3) }, { requiredKeys: [] }), {
  nil: undefined,
});
const collection = fc.record({
  dimension: fc.constantFrom(2, 3, 4),
  metric: fc.constantFrom("cosine", "dot", "euclidean"),
  index: fc.constantFrom("auto", "flat", "hnsw"),
  quantization: fc.constantFrom("none", "int8"),
}) as fc.Arbitrary<CollectionOptions>;

interface Named {
  readonly name: string;
  readonly write: Write;
}

const write: fc.Arbitrary<Named> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom("kv", "json", "cells"), key, value).map(
      ([primitive, key, value]): Named => ({
        name: `${primitive} ${JSON.stringify(key)} = ${shown(value)}`,
        write: ({ kv, json, cells }) => {
          if (primitive === "kv") kv.put(key, value);
          else if (primitive === "json") json.put(key, value);
          else cells.set(key, value);
        },
      }),
    ),
  },
  fc.tuple(key, value, fc.integer({ min: 1, max: 40 })).map(
    ([key, value, ttlMs]): Named => ({
      name: `kv ${JSON.stringify(key)} = ${shown(value)} for ${ttlMs} ms`,
      write: ({ kv }) => void kv.put(key, value, { ttlMs }),
    }),
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("kv", "json", "cells"), key).map(
      ([primitive, key]): Named => ({
        name: `delete ${primitive} ${JSON.stringify(key)}`,
        write: (stores) => void stores[primitive as "kv"].delete(key),
      }),
    ),
  },
  fc.tuple(key, fc.constantFrom("title", "tag", "n"), fc.oneof(text, fc.nat(3))).map(
    ([key, path, value]): Named => ({
      name: `json ${JSON.stringify(key)}.${path} = ${shown(value)}`,
      write: ({ json }) => void json.set(key, path, value),
    }),
  ),
  fc.tuple(fc.constantFrom(...TYPES), text).map(
    ([type, note]): Named => ({
      name: `append ${type} ${shown(note)}`,
      write: ({ events }) => void events.append(type, { note, tag: "x" }),
    }),
  ),
  fc.tuple(fc.constantFrom("tag", "n", "title"), fc.boolean()).map(
    ([path, creates]): Named => ({
      name: `${creates ? "createIndex" : "dropIndex"} ${path}`,
      write: ({ json }) => void (creates ? json.createIndex(path) : json.dropIndex(path)),
    }),
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...COLLECTIONS), collection).map(
      ([name, options]): Named => ({
        name: `createCollection ${name} ${JSON.stringify(options)}`,
        write: ({ vectors }) => void vectors.createCollection(name, options),
      }),
    ),
  },
  fc.tuple(fc.constantFrom(...COLLECTIONS), collection).map(
    ([name, options]): Named => ({
      name: `recreateCollection ${name} ${JSON.stringify(options)}`,
      write: ({ vectors }) => {
        vectors.deleteCollection(name);
        vectors.createCollection(name, options);
      },
    }),
  ),
  fc.constantFrom(...COLLECTIONS).map(
    (name): Named => ({
      name: `deleteCollection ${name}`,
      write: ({ vectors }) => void vectors.deleteCollection(name),
    }),
  ),
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...COLLECTIONS), key, vector, metadata).map(
      ([name, key, vector, metadata]): Named => ({
        name: `upsert ${name} ${JSON.stringify(key)} ${JSON.stringify(vector)} ${JSON.stringify(metadata)}`,
        write: ({ vectors }) => {
          const info = vectors.listCollections().find((each) => each.name === name);
          vectors.upsert(name, key, vector.slice(0, info?.dimension), metadata);
        },
      }),
    ),
  },
  fc.tuple(fc.constantFrom(...COLLECTIONS), key).map(
    ([name, key]): Named => ({
      name: `delete ${name} ${JSON.stringify(key)}`,
      write: ({ vectors }) => void vectors.delete(name, key),
    }),
  ),
  // Seldom: it takes long.
  fc
    .tuple(fc.nat(5), fc.nat(3))
    .map(
      ([seed, often]): Named =>
        often === 0 ? { name: `bulk ${seed}`, write: bulk(seed) } : { name: "nothing", write: () => {} },
    ),
);

/** So much that images have pages, and graphs have something to walk. */
function bulk(seed: number): Write {
  return ({ kv, json, vectors }) => {
    const at = (i: number, from: readonly string[]) => from[(i * 7 + seed * 5 + ((i * i) >> 3)) % from.length]!;
    const textOf = (i: number) => `${at(i, WORDS)} ${at(i + 1, WORDS)} ${at(i * 3, WORDS)}`;
    kv.putMany(Array.from({ length: BULK_TEXTS }, (_, i) => [`bulk/${(i * (seed + 1)) % BULK_TEXTS}`, textOf(i)]));
    for (let i = 0; i < 20; i++) json.put(`bulk/${i}`, { title: textOf(i), n: i % 4, tag: i % 3 === 0 ? "x" : "y" });
    for (const { name, dimension } of vectors.listCollections()) {
      const entries = Array.from({ length: BULK }, (_, i) => ({
        key: `bulk/${(i * (seed + 1)) % BULK}`,
        vector: Array.from({ length: dimension }, (_, axis) => Math.sin((i + 1) * (seed + 2) * (axis + 1.3))),
        metadata: { tag: i % 5 === 0 ? "x" : "y", n: i % 4 },
      }));
      vectors.upsertMany(name, entries);
    }
  };
}

const clause = fc
  .tuple(
    fc.constantFrom("", "", "", "", "+", "-"),
    fc.oneof(
      { weight: 5, arbitrary: word },
      fc.constantFrom("al*", "r*", "fo*", "fax~", "runing~2", "fox~1", '"run fox"', '"alpha beta tree"', '"fox ru*"'),
    ),
  )
  .map(([sign, term]) => sign + term);
const filter = fc.constantFrom<Where>(
  { tag: "x" },
  { n: { $gte: 2 } },
  { $not: { tag: "y" } },
  { tag: { $exists: false } },
);
const option: fc.Arbitrary<SearchOptions> = fc.oneof(
  fc.record({ k: fc.constantFrom(0, 1, 3, 1_000_000) }),
  fc.record({ primitives: fc.subarray(["kv", "state", "json", "event"] as const, { minLength: 1 }) }),
  fc.record({ spaces: fc.constantFrom("all" as const, "all" as const, ["other"], ["other", "default", "other"]) }),
  fc.record({ prefix: fc.constantFrom("a", "a/", "fox", "bulk/1") }),
  fc.record({ types: fc.subarray(TYPES) }),
  fc.record({ filter }),
  fc.record({ bm25: fc.constantFrom({ k1: 0.9, b: 0.4 }, { b: 0 }, { k1: 0 }) }),
  fc.record({ timeRange: fc.constantFrom({ start: 1_700_000_000_050_000 }, { end: 1_700_000_000_100_000 }) }),
  fc.constant({ explain: true }),
);
const textQuestion: fc.Arbitrary<TextQuestion> = fc.record({
  query: fc.array(clause, { minLength: 1, maxLength: 4 }).map((clauses) => clauses.join(" ")),
  options: fc.array(option, { maxLength: 2, size: "max" }).map((some): SearchOptions => Object.assign({}, ...some)),
});
const vectorQuestion: fc.Arbitrary<VectorQuestion> = fc.record({
  vector,
  k: fc.constantFrom(0, 1, 3, 10, 1_000_000),
  prefix: fc.constantFrom("", "", "a", "bulk/1", "nothing"),
  filter: fc.option(filter, { nil: undefined }),
  minScore: fc.option(fc.constantFrom(0, 0.5), { nil: undefined, freq: 3 }),
});
const condition = fc.oneof(
  fc.constantFrom<object>(
    { tag: "x" },
    { n: { $gte: 2 } },
    { n: { $in: [0, 2n ** 60n] } },
    { tag: { $exists: false } },
  ),
  fc.constantFrom<object>({ title: { $prefix: "r" } }, { n: { $lt: 1 }, tag: "y" }, { $or: [{ tag: "x" }, { n: 3 }] }),
  fc.constantFrom<object>({ $not: { tag: "x" } }, { $and: [{ tag: "y" }, { $not: { n: 1 } }] }, {}),
);
const findOptions: fc.Arbitrary<JsonFindOptions> = fc.record(
  {
    prefix: fc.constantFrom("a", "bulk/"),
    orderBy: fc.constantFrom("n", "tag", "title"),
    reverse: fc.boolean(),
    after: fc.constantFrom("a/1", "bulk/5"),
    limit: fc.constantFrom(1, 3, 100),
  },
  { requiredKeys: [] },
);
export const question: fc.Arbitrary<Question> = fc.record({
  texts: fc.array(textQuestion, { minLength: 1, maxLength: 2 }),
  vectors: vectorQuestion,
  find: fc.record({ where: condition, options: findOptions }),
});

const single = fc
  .tuple(aRun, space, write, fc.constantFrom(false, false, true))
  .map(
    ([run, space, { name, write }, apart]) =>
      new Step(`${run}/${space}${apart ? " apart" : ""} ${name}`, (world) => world.write(run, space, write, apart)),
  );

/** What there is before anything else: what is searched is to be there. */
export const beginning: fc.Arbitrary<Step> = fc.tuple(collection, collection, fc.option(fc.nat(5), { freq: 1 })).map(
  ([one, other, seed]) =>
    new Step(`with ${JSON.stringify([one, other])}, bulk ${seed}`, (world) => {
      world.write("default", "default", ({ vectors }) => {
        vectors.createCollection(COLLECTIONS[0]!, one);
        vectors.createCollection(COLLECTIONS[1]!, other);
      });
      world.write("default", "other", ({ vectors }) => void vectors.createCollection(COLLECTIONS[0]!, other));
      world.write("default", "default", ({ json }) => void json.createIndex("n"));
      if (seed !== null) world.write("default", "default", bulk(seed));
    }),
);

/** Several writes with a look at what they have done by then. */
const transaction = fc
  .tuple(aRun, fc.array(fc.tuple(space, write), { minLength: 1, maxLength: 4 }), question, fc.boolean())
  .map(
    ([run, writes, question, commits]) =>
      new Step(
        `${run} ${commits ? "" : "rolled back "}{${writes.map(([space, { name }]) => `${space} ${name}`).join("; ")}} ask ${shown(question)}`,
        (world) => {
          world.end(true);
          world.begin(run);
          for (const [space, { write }] of writes) world.write(run, space, write);
          world.askInside(question);
          world.end(commits);
        },
      ),
  );
const begin = aRun.map((run) => new Step(`begin ${run}`, (world) => world.begin(run)));
const end = fc.boolean().map((commits) => new Step(commits ? "commit" : "roll back", (world) => world.end(commits)));
const ask = fc
  .tuple(fc.nat(1000), question)
  .map(([pick, question]) => new Step(`ask ${pick} ${shown(question)}`, (world) => world.ask(pick, question)));
const createRun = new Step("create second", (world) => {
  if (!world.db.runs.exists("second")) world.attempt(() => void world.db.runs.create("second"));
});
const deleteRun = fc
  .constantFrom("second", "fork-a", "fork-b", "fork-c")
  .map((name) => new Step(`delete ${name}`, (world) => world.deleteRun(name)));
const forkRun = fc.tuple(aRun, fork).map(
  ([source, name]) =>
    new Step(`fork ${source} as ${name}`, (world) => {
      const { runs } = world.db;
      if (runs.exists(source) && !runs.exists(name)) world.attempt(() => void world.db.fork(runs.must(source), [name]));
    }),
);
const forkPast = fc
  .tuple(fc.nat(1000), fork)
  .map(([pick, name]) => new Step(`fork of the past ${pick} as ${name}`, (world) => world.forkPast(pick, name)));
const keepView = fc.nat(1000).map((pick) => new Step(`keep a view of ${pick}`, (world) => world.keepView(pick)));
const deleteSpace = run.map((name) => new Step(`${name} spaces.delete(other)`, (world) => world.deleteSpace(name)));
const merge = fc.tuple(run, run).map(
  ([source, target]) =>
    new Step(`merge ${source} into ${target}`, (world) => {
      const { runs, algebra } = world.db;
      if (source !== target && runs.exists(source) && runs.exists(target))
        world.attempt(() => void algebra.merge(source, target, { strategy: "theirs" }));
    }),
);
const cherryPick = fc.tuple(run, run, fc.constantFrom({ prefix: "a" }, { spaces: ["other"] }, { prefix: "docs/" })).map(
  ([source, target, filter]) =>
    new Step(`pick ${JSON.stringify(filter)} of ${source} for ${target}`, (world) => {
      const { runs, algebra } = world.db;
      if (source !== target && runs.exists(source) && runs.exists(target))
        world.attempt(() => void algebra.cherryPick(source, target, filter, { strategy: "theirs" }));
    }),
);
const revert = fc.tuple(aRun, fc.integer({ min: 1, max: 4 })).map(
  ([name, back]) =>
    new Step(`revert the last ${back} versions of ${name}`, (world) => {
      const { runs, algebra } = world.db;
      if (!runs.exists(name)) return;
      const from = Math.max(0, runs.must(name).version - back);
      world.attempt(() => void algebra.revert(name, { from }));
    }),
);

const loss: fc.Arbitrary<PowerLoss> = fc.oneof(
  fc.constantFrom<PowerLoss>({ model: "posix", keep: "none" }, { model: "posix", keep: "all" }),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "posix", seed })),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "perFile", seed })),
  fc.nat(20).map((kept): PowerLoss => ({ model: "ordered", kept, tornBytes: 9 })),
);
const reopen = new Step("close and reopen", (world) => {
  world.close();
  world.reopen(world.vfs);
});
const kill = new Step("kill", (world) => world.reopen(world.vfs.afterKill()));
const powerFailure = loss.map(
  (choice) => new Step(`power failure ${JSON.stringify(choice)}`, (world) => world.powerFailure(choice)),
);
const checkpoint = new Step("checkpoint", async (world) => void (await world.wait(world.db.checkpoint())));
const beginCheckpoint = new Step("begin a checkpoint", (world) => world.beginWork(() => world.db.checkpoint()));
const beginCompact = fc
  .boolean()
  .map(
    (erase) =>
      new Step(`begin to compact${erase ? " and erase" : ""}`, (world) =>
        world.beginWork(() => world.db.compact({ erase })),
      ),
  );
const compact = fc
  .boolean()
  .map(
    (erase) =>
      new Step(
        `compact${erase ? " and erase" : ""}`,
        async (world) => void (await world.wait(world.db.compact({ erase }))),
      ),
  );
const damage = fc
  .tuple(fc.constantFrom("flipped", "zeroed", "cut", "gone"), fc.nat(1_000_000))
  .map(
    ([damage, seed]) => new Step(`images ${damage} ${seed}`, (world) => world.damageImages(damage as "flipped", seed)),
  );
const evict = new Step("evict everything", (world) => {
  for (const shard of [...world.db.storage.loaded(), ...world.db.runs.live.departed()]) shard.evict();
});
const jump = fc
  .constantFrom(-100, -20, 20, 200)
  .map((ms) => new Step(`the clock jumps by ${ms} ms`, (world) => world.time.block(ms)));
const idle = fc.constantFrom(20, 60).map((ms) => new Step(`nothing for ${ms} ms`, (world) => world.time.advance(ms)));
const retention = fc.tuple(aRun, fc.constantFrom(undefined, 1, 2)).map(
  ([name, versions]) =>
    new Step(`${name} keeps ${versions ?? "everything"}`, (world) => {
      const { runs } = world.db;
      if (runs.exists(name)) runs.setRetention(name, versions === undefined ? keepAll() : keepLast(versions));
    }),
);
const build = fc.tuple(aRun, space).map(
  ([name, space]) =>
    new Step(`build ${name}/${space}`, async (world) => {
      if (world.db.runs.exists(name)) await world.build(name, space);
    }),
);

/** Everything that may happen to a database that is searched. */
export const STEPS: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: single },
  { weight: 14, arbitrary: ask },
  { weight: 4, arbitrary: transaction },
  { weight: 2, arbitrary: begin },
  { weight: 2, arbitrary: end },
  { weight: 2, arbitrary: retention },
  { weight: 3, arbitrary: forkRun },
  { weight: 2, arbitrary: fc.constant(checkpoint) },
  { weight: 2, arbitrary: powerFailure },
  { weight: 2, arbitrary: idle },
  ...[createRun, reopen, kill, beginCheckpoint, evict].map((step) => ({ weight: 1, arbitrary: fc.constant(step) })),
  ...[deleteRun, forkPast, keepView, deleteSpace, merge, cherryPick, revert, beginCompact, compact, damage, jump].map(
    (arbitrary) => ({ weight: 1, arbitrary }),
  ),
  { weight: 1, arbitrary: build },
);
