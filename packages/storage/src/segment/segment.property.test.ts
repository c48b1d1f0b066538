import { hasBytes, runId, type Value } from "@strata/core";
import { anyKey, anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyChange, changed } from "../../test/changed-value.js";
import { openWritten, type WrittenSegment, writeToMemory } from "../../test/segment-file.js";
import { expectRun, type ModelOperation, NOBODY, SegmentModel } from "../../test/segment-model.js";
import { keepEntries, type RetentionRule, sameRules } from "../retention.js";
import { RunShard } from "../shard.js";
import { Box } from "../stored.js";
import { valueIn } from "../stored-codec.js";

const space = fc.constantFrom("default", "one", "two");
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "ab", "abc", "b", "\uffff", "\u{1F600}", "k1", "k2") },
  { weight: 1, arbitrary: anyKey() },
);
const stored = fc.oneof(
  fc.constant(undefined),
  fc.integer(),
  anyValue({ depth: 2 }),
  fc.constant(undefined).map(() => new Box(undefined, Number.POSITIVE_INFINITY, 3)),
  fc.tuple(anyValue({ depth: 1 }), fc.nat(), fc.nat()).map(([value, at, counter]) => new Box(value, at, counter, at)),
  // Fills a block.
  fc.integer({ min: 500, max: 3000 }).map((length) => "x".repeat(length)),
);
const put = fc.record({
  kind: fc.constant("put" as const),
  space,
  primitive: fc.constantFrom("kv" as const, "kv" as const, "state" as const, "vector" as const),
  key,
  stored,
});
const append = fc.record({
  kind: fc.constant("append" as const),
  space,
  type: fc.constantFrom("made", "sold", "\u{1F600}"),
  record: fc.uint8Array({ maxLength: 40 }),
});
const layout = fc.oneof(
  fc.record({ kind: fc.constant("register" as const), space }),
  fc.record({ kind: fc.constant("drop" as const), space }),
);
/** Changes a document a little, or makes it. */
const change = fc.record({
  kind: fc.constant("change" as const),
  space: fc.constantFrom("default", "one"),
  primitive: fc.constantFrom("json" as const, "json" as const, "kv" as const),
  key: fc.constantFrom("doc", "other"),
  change: anyChange,
  isBoxed: fc.boolean(),
});
type Operation = ModelOperation | (typeof change extends fc.Arbitrary<infer T> ? T : never);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: put },
  { weight: 8, arbitrary: change },
  { weight: 2, arbitrary: append },
  { weight: 2, arbitrary: layout },
);
const commit = fc.record({
  operations: fc.array(operation, { maxLength: 6 }),
  message: fc.option(fc.constantFrom("", "made by hand"), { nil: undefined }),
});

type CommitSpec = { readonly operations: Operation[]; readonly message: string | undefined };

const DOCUMENT: Value = Object.freeze({
  title: "a document that is not small",
  7: Object.freeze({ seven: "eight", __proto__: null, nine: Object.freeze([1, "two", 3n ** 35n]) }),
  list: Object.freeze(["one", Object.freeze({ two: 3, "": -0 }), "three"]),
  last: "and some more text",
});

function commitTo(model: SegmentModel, { operations, message }: CommitSpec): void {
  const { shard } = model;
  const puts = operations.map((each): ModelOperation => {
    if (each.kind !== "change") return each;
    const { space, primitive, key } = each;
    const known = valueIn(shard.table(space, primitive)?.head(key));
    const value = known === undefined ? DOCUMENT : changed(known, each.change);
    const box = new Box(value, Number.POSITIVE_INFINITY, shard.lastVersion, each.change.at, hasBytes(value));
    return { kind: "put", space, primitive, key, stored: each.isBoxed ? box : value };
  });
  model.commit(puts, message);
}
/** Forgets this part of the timeline. */
type Forgetting = { readonly share: number };

const forgetting: fc.Arbitrary<Forgetting> = fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }) });
const event = fc.oneof(
  { weight: 4, arbitrary: commit },
  { weight: 1, arbitrary: forgetting },
  { weight: 1, arbitrary: fc.constant("evict" as const) },
);

interface Checkpoint {
  /** How many of the newest segments are taken in. */
  readonly merge: number;
  readonly attach: boolean;
  readonly evict: boolean;
  /** While it is being written. */
  readonly meanwhile: readonly (CommitSpec | Forgetting | "evict")[];
  /** Slices between two of these. */
  readonly apart: number;
  readonly rule: RetentionRule | undefined;
}

const anyCheckpoint = (rule: fc.Arbitrary<RetentionRule | undefined>): fc.Arbitrary<Checkpoint> =>
  fc.record({
    merge: fc.nat({ max: 4 }),
    attach: fc.boolean(),
    evict: fc.boolean(),
    meanwhile: fc.array(event, { maxLength: 4 }),
    apart: fc.integer({ min: 1, max: 12 }),
    rule,
  });

type Step = { readonly commit: CommitSpec } | { readonly checkpoint: Checkpoint } | Forgetting | "merge";

const anySteps = (rule: fc.Arbitrary<RetentionRule | undefined>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: commit.map((each): Step => ({ commit: each })) },
      { weight: 3, arbitrary: anyCheckpoint(rule).map((checkpoint): Step => ({ checkpoint })) },
      { weight: 1, arbitrary: fc.constant("merge" as Step) },
      { weight: 1, arbitrary: forgetting as fc.Arbitrary<Step> },
    ),
    { maxLength: 20 },
  );

function newShard(isForked: boolean): RunShard {
  if (!isForked) return new RunShard(runId(3));
  const parent = new SegmentModel(new RunShard(runId(2)));
  parent.commit([
    { kind: "register", space: "one" },
    { kind: "put", space: "one", primitive: "kv", key: "a", stored: 1 },
    { kind: "put", space: "default", primitive: "kv", key: "b", stored: 2 },
    { kind: "append", space: "default", type: "made", record: Uint8Array.of(1) },
  ]);
  return new RunShard(runId(3), parent.shard, parent.version);
}

/** Carries out the steps, and looks at what files say after each checkpoint. */
function run(isForked: boolean, steps: readonly Step[]): void {
  const shard = newShard(isForked);
  const model = new SegmentModel(shard);
  let stack: WrittenSegment[] = [];
  for (const step of steps) {
    if (step === "merge") {
      model.merge(runId(9));
      continue;
    }
    if ("commit" in step) {
      commitTo(model, step.commit);
      continue;
    }
    if ("share" in step) {
      model.forget(Math.floor(step.share * shard.lastVersion));
      continue;
    }
    const { merge, attach, evict, rule, meanwhile, apart } = step.checkpoint;
    // What lies in files alone can only be merged.
    const from = stack.at(-1)?.summary.through ?? shard.forkVersion;
    const through = shard.lastVersion;
    const taken = stack.slice(Math.max(0, stack.length - merge));
    if (from === through && taken.length === 0) continue;
    const begin = taken[0]?.summary.from ?? from;
    const keep = rule === undefined ? undefined : keepEntries(sameRules(rule), NOBODY, () => {});
    const waiting = [...meanwhile];
    const input = { shard, from, through, merge: taken.map(({ source }) => source), keep, unitsPerSlice: 2 };
    if (rule !== undefined) model.trim(rule, begin, through);
    let slices = 0;
    const segment = writeToMemory(input, () => {
      if (slices++ % apart !== 0) return;
      const next = waiting.shift();
      if (next === undefined) return;
      if (next === "evict") shard.evict();
      else if ("share" in next) model.forget(Math.floor(next.share * shard.lastVersion));
      else commitTo(model, next);
    });
    stack = [...stack.slice(0, stack.length - taken.length), segment];
    const cold = openWritten(...stack);
    expectRun(cold, model, through);
    if (attach) shard.attachCold(cold);
    if (evict) shard.evict();
  }
}

describe("segments", () => {
  const runs = { numRuns: 100 };

  test("say what was done to a run, whatever was merged, attached, evicted and written meanwhile", () => {
    fc.assert(fc.property(fc.boolean(), anySteps(fc.constant(undefined)), run), runs);
  });

  test("say what retention left, and that it left something out", () => {
    const rule = fc.constantFrom<RetentionRule | undefined>(
      undefined,
      { keep: "last", versions: 1 },
      { keep: "last", versions: 3 },
    );
    fc.assert(fc.property(fc.boolean(), anySteps(rule), run), runs);
  });

  test("of the same run have the same bytes, in however many slices they were written", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(commit, { minLength: 1, maxLength: 12 }), (isForked, commits) => {
        const written = [2, 1_000_000].map((unitsPerSlice) => {
          const model = new SegmentModel(newShard(isForked));
          for (const each of commits) commitTo(model, each);
          const { shard } = model;
          return writeToMemory({
            shard,
            from: shard.forkVersion,
            through: shard.lastVersion,
            merge: [],
            unitsPerSlice,
          });
        });
        expect(written[0]!.bytes).toEqual(written[1]!.bytes);
        expect(written[1]!.slices).toBe(1);
      }),
      runs,
    );
  });

  test("that take in others have the bytes of one written at once", () => {
    const merging = fc.array(fc.nat({ max: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(commit, { minLength: 1, maxLength: 40 }), merging, (commits, cuts) => {
        const model = new SegmentModel(newShard(false));
        const { shard } = model;
        let stack: WrittenSegment[] = [];
        for (const [i, each] of commits.entries()) {
          commitTo(model, each);
          const cut = cuts.indexOf(i);
          if (cut < 0) continue;
          // Some take in what there is, some do not.
          const taken = cut % 2 === 0 ? stack : [];
          const from = stack.at(-1)?.summary.through ?? 0;
          const input = { shard, from, through: shard.lastVersion, merge: taken.map(({ source }) => source) };
          stack = [...stack.slice(0, stack.length - taken.length), writeToMemory(input)];
        }
        const through = shard.lastVersion;
        const from = stack.at(-1)?.summary.through ?? 0;
        const merged = writeToMemory({ shard, from, through, merge: stack.map(({ source }) => source) });
        expect(merged.bytes).toEqual(writeToMemory({ shard, from: 0, through, merge: [] }).bytes);
      }),
      runs,
    );
  });
});
