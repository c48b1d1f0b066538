import type { Value } from "@strata/core";
import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { ManualTime, SeededRandom } from "@strata/durability/testing";
import {
  Database,
  JsonDocumentStore,
  type JsonFindOptions,
  jsonQuery,
  type ReadScope,
  scanDocuments,
} from "@strata/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Indexes } from "../partition/indexes.js";
import { IndexedDocuments } from "./indexed-documents.js";

const PATHS = ["a", "b", "l", "l[0]", "o.x", "$"];
const KEYS = Array.from({ length: 12 }, (_, n) => `${n < 6 ? "p" : "q"}/${n}`);

const scalar = fc.constantFrom<Value>(
  ...[null, false, true, -1, 0, 1, 1.5, 2 ** 60, 2n ** 60n + 1n, "", "a", "ab", "b", "\u{1f600}", "x".repeat(200)],
);
const document: fc.Arbitrary<Value> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ a: scalar, b: scalar }, { requiredKeys: [] }) as fc.Arbitrary<Value> },
  fc.record({ l: fc.array(scalar, { maxLength: 3 }), o: fc.record({ x: scalar }) }) as fc.Arbitrary<Value>,
  scalar,
);
const comparison = fc.oneof(
  fc.tuple(fc.constantFrom("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains"), scalar),
  fc.tuple(fc.constantFrom("$in", "$nin"), fc.array(scalar, { maxLength: 3 })),
  fc.tuple(fc.constant("$exists"), fc.boolean()),
  fc.tuple(fc.constant("$prefix"), fc.constantFrom("", "a", "x")),
);
const condition = fc.array(comparison, { minLength: 1, maxLength: 2 }).map(Object.fromEntries);
const leaf = fc.dictionary(fc.constantFrom(...PATHS), condition, { maxKeys: 2 });
const { where } = fc.letrec<{ where: object }>((tie) => ({
  where: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 3, arbitrary: leaf as fc.Arbitrary<object> },
    fc.record({ $and: fc.array(tie("where"), { maxLength: 3 }) }),
    fc.record({ $or: fc.array(tie("where"), { maxLength: 3 }) }),
    fc.record({ $not: tie("where") }),
  ),
}));
const options: fc.Arbitrary<JsonFindOptions> = fc.record(
  {
    prefix: fc.constantFrom("p/", "q/", "z"),
    orderBy: fc.constantFrom(...PATHS),
    reverse: fc.boolean(),
    after: fc.constantFrom(...KEYS),
    limit: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: [] },
);
const question = fc.record({ where, options });
type Question = { readonly where: object; readonly options: JsonFindOptions };

type Step =
  | { readonly do: "put"; readonly key: string; readonly value: Value }
  | { readonly do: "set"; readonly key: string; readonly path: string; readonly value: Value }
  | { readonly do: "delete"; readonly key: string }
  | { readonly do: "createIndex" | "dropIndex"; readonly path: string }
  | { readonly do: "ask" | "fork" | "switch" | "checkpoint" | "reopen" };

const key = fc.constantFrom(...KEYS);
const path = fc.constantFrom(...PATHS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("put" as const), key, value: document }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("set" as const), key, path: fc.constantFrom("a", "b"), value: scalar }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("createIndex" as const), path }) },
  fc.record({ do: fc.constant("dropIndex" as const), path }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      questions: fc.array(question, { minLength: 1, maxLength: 4 }),
    }),
  },
  ...(["fork", "switch", "checkpoint", "reopen"] as const).map((what) => fc.record({ do: fc.constant(what) })),
);

/** What a find gives or throws, as something to be compared. */
function answerOf(scope: ReadScope, finder: Pick<IndexedDocuments, "find">, { where, options }: Question): unknown {
  try {
    const { documents } = finder.find(scope, jsonQuery(where, options, scope.limits, "test"));
    return documents.map(({ key, stored }) => [key, stored]);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

class World {
  readonly #vfs = new MemoryVfs();
  readonly #questions: readonly Question[];
  #db: Database;
  #finder: IndexedDocuments;
  #runs = ["default"];
  #run = "default";
  #versions: { readonly run: string; readonly version: number }[] = [];
  /** Answers that used an index. */
  served = 0;

  constructor(questions: readonly Question[]) {
    this.#questions = questions;
    this.#db = this.#open();
    this.#finder = this.#newFinder();
  }

  async take(step: Step): Promise<void> {
    const run = this.#db.runs.must(this.#run);
    this.change(new JsonDocumentStore(this.#db.head(run)), step);
    if (step.do === "fork") {
      this.#run = `fork${this.#runs.length}`;
      this.#db.fork(run, [this.#run]);
      this.#runs.push(this.#run);
    } else if (step.do === "switch")
      this.#run = this.#runs[(this.#runs.indexOf(this.#run) + 1) % this.#runs.length] as string;
    else if (step.do === "checkpoint") await this.#db.checkpoint();
    else if (step.do === "reopen") {
      this.#db.close();
      this.#db = this.#open();
      this.#finder = this.#newFinder();
    } else if (step.do === "ask") this.ask();
    this.#versions.push({ run: this.#run, version: this.#db.runs.must(this.#run).version });
  }

  change(store: JsonDocumentStore, step: Step): void {
    try {
      if (step.do === "put") store.put(step.key, step.value);
      else if (step.do === "set") store.set(step.key, step.path, step.value);
      else if (step.do === "delete") store.delete(step.key);
      else if (step.do === "createIndex") store.createIndex(step.path);
      else if (step.do === "dropIndex") store.dropIndex(step.path);
    } catch (error) {
      // A member of a scalar cannot be set.
      expect(error).toMatchObject({ code: "WRONG_TYPE" });
    }
  }

  /** @param pending what a transaction has done by then. */
  ask(pending: readonly Step[] = []): void {
    for (const name of this.#runs) this.#compare(this.#db.head(this.#db.runs.must(name)));
    for (const at of [0.2, 0.5, 0.8]) {
      const then = this.#versions[Math.floor(this.#versions.length * at)];
      if (then === undefined) continue;
      const past = this.#db.at(this.#db.runs.must(then.run), "default", { version: then.version });
      this.#compare(past);
      past.dispose();
    }
    const open = this.#db.beginTransaction(this.#db.runs.must(this.#run));
    const scope = open.scope("default");
    for (const each of pending) this.change(new JsonDocumentStore(scope), each);
    this.#compare(scope);
    open.rollback();
  }

  close(): void {
    this.#db.close();
  }

  #compare(scope: ReadScope): void {
    for (const question of this.#questions) {
      const expected = answerOf(scope, scanDocuments, question);
      expect(answerOf(scope, this.#finder, question)).toEqual(expected);
      if (!Array.isArray(expected)) continue;
      const query = jsonQuery(question.where, question.options, scope.limits, "test");
      const { explanation } = this.#finder.find(scope, query);
      if (explanation.indexes.length > 0) this.served++;
      expect(explanation.matches).toBe(expected.length);
    }
  }

  #open(): Database {
    const time = new ManualTime();
    const shared = { clock: time, timer: time, random: new SeededRandom(1) };
    const driver = new InlineSyncDriver(this.#vfs, time);
    return Database.open({ ...shared, durability: new LogDurability(this.#vfs, driver, shared) });
  }

  /** One for which nothing is cheaper than an index. */
  #newFinder(): IndexedDocuments {
    return new IndexedDocuments(() => Indexes.of(this.#db), 0);
  }
}

describe("finding by index", () => {
  test("is finding by reading everything: at the head, in forks, in the past, in transactions, after opening again", async () => {
    let served = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
        fc.array(question, { minLength: 3, maxLength: 6 }),
        fc.array(step, { maxLength: 8 }),
        async (steps, questions, pending) => {
          const world = new World(questions);
          for (const each of steps) await world.take(each);
          world.ask(pending);
          world.close();
          served += world.served;
        },
      ),
      { numRuns: 40 },
    );
    expect(served).toBeGreaterThan(100);
  }, 60_000);
});
