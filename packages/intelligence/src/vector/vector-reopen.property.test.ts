import { compareCodePoints } from "@strata/core";
import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { ManualTime, SeededRandom } from "@strata/durability/testing";
import { Database } from "@strata/engine";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { SearchableVectorReader, SearchableVectorStore } from "./searchable-vectors.js";

const DIMENSION = 2;

/** A database on a disk of its own that is closed and opened again. */
class Reopened {
  readonly #vfs = new MemoryVfs();
  #time = new ManualTime();
  db: Database;
  indexes: Indexes;

  constructor() {
    this.db = this.#open();
    this.indexes = Indexes.of(this.db);
  }

  store(run: string): SearchableVectorStore {
    return new SearchableVectorStore(this.db.head(this.db.runs.must(run), "default"), this.indexes);
  }

  reopen(): void {
    this.db.close();
    this.db = this.#open();
    this.indexes = Indexes.of(this.db);
  }

  /** Lets idle moments pass. */
  idle(): void {
    for (let ms = 0; ms < 50; ms++) this.#time.advance(1);
  }

  async finish(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      this.#time.advance(1);
      await Promise.resolve();
    }
    await work;
  }

  #open(): Database {
    this.#time = new ManualTime();
    const shared = { clock: this.#time, timer: this.#time, random: new SeededRandom(1) };
    const durability = new LogDurability(this.#vfs, new InlineSyncDriver(this.#vfs, this.#time), shared);
    return Database.open({ ...shared, durability });
  }
}

const component = fc.constantFrom(-1, 0, 1, 2);
const vector = fc.tuple(component, component);
const key = fc.nat(150).map((n) => `k${n}`);
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ key, vector }) },
  { weight: 1, arbitrary: fc.record({ key, vector: fc.constant(undefined) }) },
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      changes: fc.array(change, { minLength: 1, maxLength: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fork" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("switch" as const), to: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("search" as const), query: vector, back: fc.nat(3), idles: fc.boolean() }),
  },
);

/** As it was at some version of a run: components by key. */
type Content = ReadonlyMap<string, readonly [number, number]>;

function nearest(
  content: Content,
  [x, y]: readonly [number, number],
): { readonly key: string; readonly score: number }[] {
  return [...content]
    .map(([key, [a, b]]) => ({ key, score: a * x + b * y + 0 }))
    .sort((a, b) => b.score - a.score || compareCodePoints(a.key, b.key));
}

test.each(["none", "int8"] as const)(
  "%s: what is found does not depend on checkpoints, closing and idle moments",
  async (quantization) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const subject = new Reopened();
        subject.store("default").createCollection("docs", {
          dimension: DIMENSION,
          metric: "dot",
          index: "hnsw",
          m: 4,
          efConstruction: 8,
          quantization,
        });
        // So many that the graph is worth a walk.
        const first = new Map(Array.from({ length: 150 }, (_, i) => [`k${i}`, [i % 5, i % 7] as const]));
        subject.store("default").upsertMany(
          "docs",
          [...first].map(([key, vector]) => ({ key, vector })),
        );
        const begin = new Map<number, Content>([[subject.db.runs.must("default").version, first]]);
        /** What each run held at each of its versions. */
        const runs = new Map([["default", begin]]);
        let current = "default";
        for (const each of steps) {
          const run = subject.db.runs.must(current);
          const history = runs.get(current)!;
          const content = [...history.values()].at(-1)!;
          if (each.kind === "commit") {
            const after = new Map(content);
            subject.db.transaction(run, (open) => {
              const inside = new SearchableVectorStore(open.scope("default"), subject.indexes);
              for (const { key, vector } of each.changes) {
                if (vector === undefined) inside.delete("docs", key);
                else inside.upsert("docs", key, vector);
                if (vector === undefined) after.delete(key);
                else after.set(key, vector);
              }
            });
            history.set(run.version, after);
          } else if (each.kind === "fork") {
            const name = `fork-${runs.size}`;
            subject.db.runs.fork(run, run.version, [name]);
            runs.set(name, new Map([[run.version, content]]));
            current = name;
          } else if (each.kind === "switch") current = [...runs.keys()][each.to % runs.size]!;
          else if (each.kind === "checkpoint") await subject.finish(subject.db.checkpoint());
          else if (each.kind === "reopen") subject.reopen();
          else {
            const [version, then] = [...history].at(-1 - (each.back % history.size))!;
            const reader = new SearchableVectorReader(subject.db.at(run, "default", { version }), subject.indexes);
            reader.search("docs", each.query);
            if (each.idles) subject.idle();
            const wanted = nearest(then, each.query);
            for (const k of [1, 7, 1000]) {
              const exact = reader.search("docs", each.query, { k, exact: true });
              expect(exact.map(({ key, score }) => ({ key, score }))).toEqual(wanted.slice(0, k));
              // Through the graph, where there is one and it is worth it: sound, if not always the nearest.
              const scores = new Map(wanted.map(({ key, score }) => [key, score]));
              const about = reader.search("docs", each.query, { k, efSearch: 1 });
              expect(about).toHaveLength(exact.length);
              for (const { key, score } of about) expect(score).toBe(scores.get(key));
            }
          }
        }
        subject.db.close();
      }),
      { numRuns: 60 },
    );
  },
);
