import { compareCodePoints } from "@strata/core";
import { compileWhere, Database, type Metric, type Where } from "@strata/engine";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { scoreOfProximity } from "./distance.js";
import { VectorRows } from "./row-store.js";
import { SearchableVectorReader, type SearchableVectorReads, SearchableVectorStore } from "./searchable-vectors.js";
import type { VectorMatch, VectorSearchOptions } from "./vector-match.js";

const COLLECTION = "docs";
const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean"];
const KEYS = ["a", "a/1", "a/2", "b", "b/1", "\u{1f600}", "￿", "z"];
/** Few different components: many vectors are equally near. */
const component = fc.constantFrom(-1, 0, 0, 1, 2);

interface World {
  readonly database: Database;
  readonly indexes: Indexes;
  readonly metric: Metric;
}

type Search = VectorSearchOptions & { readonly query: readonly number[] };

/** Looks at every vector there is, by what reading them gives. */
function naive(reader: SearchableVectorReads, metric: Metric, { query, ...options }: Search): VectorMatch[] {
  const { k = 10, prefix = "", filter, minScore = Number.NEGATIVE_INFINITY, includeVectors } = options;
  const predicate = compileWhere(filter ?? {}, "test");
  const matches: VectorMatch[] = [];
  for (const key of reader.keys(COLLECTION)) {
    const { vector, metadata } = reader.get(COLLECTION, key)!;
    if (!key.startsWith(prefix) || !predicate.matches(metadata)) continue;
    const score = scoreOf(metric, query, vector);
    if (score >= minScore) matches.push(includeVectors ? { key, score, metadata, vector } : { key, score, metadata });
  }
  matches.sort((a, b) => b.score - a.score || compareCodePoints(a.key, b.key));
  return matches.slice(0, k);
}

/** By the kernel, one by one: what is tested here is which vectors are found, not how they are compared. */
function scoreOf(metric: Metric, query: readonly number[], vector: Float32Array): number {
  const rows = new VectorRows(vector.length, metric);
  rows.append(vector);
  const out = new Float32Array(1);
  rows.scan(rows.prepare(query), 0, 1, out);
  return scoreOfProximity(metric, out[0]!) + 0;
}

const vector = fc.array(component, { minLength: 3, maxLength: 3 });
const metadata = fc.option(fc.record({ tag: fc.constantFrom("x", "y"), rank: fc.nat(3) }, { requiredKeys: [] }), {
  nil: undefined,
});
const filter = fc.constantFrom<Where>(
  { tag: "x" },
  { rank: { $gte: 2 } },
  { $not: { tag: "y" } },
  { $or: [{ tag: "x" }, { rank: 1 }] },
  { tag: { $exists: false } },
);
const search: fc.Arbitrary<Search> = fc.record(
  {
    query: vector,
    k: fc.constantFrom(0, 1, 2, 5, 1_000_000),
    prefix: fc.constantFrom("", "a", "a/", "b/1", "nothing", "￿"),
    filter,
    minScore: fc.constantFrom(-1, 0, 0.5),
    includeVectors: fc.boolean(),
    exact: fc.boolean(),
  },
  { requiredKeys: ["query"] },
);

const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("upsert" as const), key: fc.constantFrom(...KEYS), vector, metadata }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("recreate" as const) }) },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fork" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("switch" as const), to: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("search" as const), search }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("past" as const), back: fc.nat(8), search }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("transaction" as const),
      changes: fc.array(change, { maxLength: 4 }),
      search,
      commits: fc.boolean(),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Aborted extends Error {}

function apply(store: SearchableVectorStore<unknown>, metric: Metric, changes: readonly Change[]): void {
  for (const each of changes) {
    if (each.kind === "upsert") store.upsert(COLLECTION, each.key, each.vector, each.metadata);
    else if (each.kind === "delete") store.delete(COLLECTION, each.key);
    else {
      store.deleteCollection(COLLECTION);
      store.createCollection(COLLECTION, { dimension: 3, metric });
    }
  }
}

function check(reader: SearchableVectorReads, { metric }: World, wanted: Search): void {
  const { query, ...options } = wanted;
  expect(reader.search(COLLECTION, query, options)).toEqual(naive(reader, metric, wanted));
  const all = naive(reader, metric, { query, k: 1000 });
  const { filter = {} } = options;
  const predicate = compileWhere(filter, "test");
  expect(reader.count(COLLECTION, filter)).toBe(all.filter((match) => predicate.matches(match.metadata)).length);
  expect(reader.count(COLLECTION)).toBe(all.length);
  expect(reader.stats(COLLECTION)).toMatchObject({ name: COLLECTION, dimension: 3, metric, count: all.length });
}

test.each(METRICS)("%s: a search finds what looking at every vector finds, wherever the reader stands", (metric) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const database = Database.ephemeral();
      const world = { database, indexes: Indexes.of(database), metric };
      let run = database.runs.must("default");
      const runs = [run];
      const first = new SearchableVectorStore(database.head(run, "default"), world.indexes);
      first.createCollection(COLLECTION, { dimension: 3, metric });
      const begin = run.version;
      for (const each of steps) {
        const head = new SearchableVectorStore(database.head(run, "default"), world.indexes);
        if (each.kind === "commit") {
          database.transaction(run, (open) => {
            apply(new SearchableVectorStore(open.scope("default"), world.indexes), metric, each.changes);
          });
        } else if (each.kind === "fork") {
          const name = `fork-${runs.length}`;
          database.runs.fork(run, run.version, [name]);
          run = database.runs.must(name);
          runs.push(run);
        } else if (each.kind === "switch") run = runs[each.to % runs.length]!;
        else if (each.kind === "search") check(head, world, each.search);
        else if (each.kind === "past") {
          const version = Math.max(begin, run.version - each.back);
          const past = database.at(run, "default", { version });
          check(new SearchableVectorReader(past, world.indexes), world, each.search);
          past.dispose();
        } else transact(world, run, each);
      }
      for (const each of runs) {
        run = each;
        check(new SearchableVectorStore(database.head(run, "default"), world.indexes), world, {
          query: [1, 0, 2],
          k: 100,
        });
      }
      database.close();
    }),
    { numRuns: 150 },
  );
});

function transact(
  world: World,
  run: Parameters<Database["transaction"]>[0],
  step: Extract<Step, { kind: "transaction" }>,
): void {
  try {
    world.database.transaction(run, (open) => {
      const store = new SearchableVectorStore(open.scope("default"), world.indexes);
      apply(store, world.metric, step.changes);
      check(store, world, step.search);
      if (!step.commits) throw new Aborted();
    });
  } catch (error) {
    if (!(error instanceof Aborted)) throw error;
  }
}
