import { compareCodePoints, runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyOrder } from "./key-bucket.js";
import { KeyCursor, type KeyRange } from "./key-cursor.js";
import { OrderedKeys } from "./ordered-keys.js";
import { RunShard } from "./shard.js";
import { VersionChain } from "./version-chain.js";

// Lists of thousands of keys, so that buckets are parted, sorted, split, emptied and removed.

const table = new RunShard(runId(1)).table("default", "kv")!;

/** Keys in the order of arrival: random ones, rising ones, with and without what sorts differently by code point. */
const arrival = fc.record({
  count: fc.integer({ min: 1, max: 6000 }),
  seed: fc.nat(),
  manner: fc.constantFrom("random", "rising", "falling", "rising with exceptions"),
  prefixes: fc.subarray(["", "k", "\uffee", "\u{1f600}"], { minLength: 1 }),
});

function keysOf({ count, seed, manner, prefixes }: typeof arrival extends fc.Arbitrary<infer A> ? A : never): string[] {
  const keys = new Set<string>();
  let state = seed;
  for (let position = 0; position < count; position++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const isException = manner === "random" || (manner === "rising with exceptions" && state % 97 === 0);
    const number = isException ? state % 1_000_000 : manner === "falling" ? count - position : position;
    keys.add(`${prefixes[(state >>> 8) % prefixes.length]}${String(number).padStart(7, "0")}`);
  }
  return [...keys];
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("add"), arrival }),
  fc.record({
    kind: fc.constant("add again"),
    every: fc.integer({ min: 1, max: 50 }),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant("remove"), from: fc.nat(6000), count: fc.nat(2000) }),
  fc.record({ kind: fc.constant("part ahead"), budget: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({
    kind: fc.constant("walk"),
    from: fc.nat(6000),
    count: fc.nat(300),
    reverse: fc.boolean(),
    disturb: fc.boolean(),
  }),
);

class Model {
  readonly order = new KeyOrder();
  readonly keys = new OrderedKeys(this.order);
  readonly chains = new Map<string, VersionChain>();

  chain(key: string): VersionChain {
    return new VersionChain(table, key, 1, 1);
  }

  load(keys: readonly string[]): void {
    for (const key of keys) this.chains.set(key, this.chain(key));
    this.keys.load([...this.chains.values()]);
  }

  add(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.chains.has(key)) continue;
      const chain = this.chain(key);
      this.chains.set(key, chain);
      this.keys.add(chain, true);
    }
  }

  sorted(): string[] {
    return [...this.chains.keys()].sort(compareCodePoints);
  }

  /** As a table does with dead keys: bucket by bucket, when they are met. */
  remove(keys: ReadonlySet<string>): void {
    const cursor = new KeyCursor(this.keys, { start: undefined, end: undefined, reverse: false });
    for (let chain = cursor.next(); chain !== undefined; chain = cursor.next()) {
      if (keys.has(chain.key)) this.keys.retain(cursor.bucket, ({ key }) => !keys.has(key));
    }
    for (const key of keys) this.chains.delete(key);
  }

  walk(range: KeyRange, count: number, disturb: () => void): string[] {
    const cursor = new KeyCursor(this.keys, range);
    const seen: string[] = [];
    while (seen.length < count) {
      const chain = cursor.next();
      if (chain === undefined) break;
      if (chain !== this.chains.get(chain.key)) throw new Error(`another chain of ${chain.key}`);
      seen.push(chain.key);
      disturb();
    }
    return seen;
  }
}

test("a walk gives the keys of its range once, in order, however they came and went", () => {
  fc.assert(
    fc.property(fc.option(arrival), fc.array(step, { minLength: 1, maxLength: 12 }), (first, steps) => {
      const model = new Model();
      if (first !== null) model.load(keysOf(first));
      for (const step of steps) {
        switch (step.kind) {
          case "add":
            model.add(keysOf(step.arrival));
            break;
          case "add again": {
            const again = [...model.chains.values()].filter((_, position) => position % step.every === 0);
            for (let time = 0; time < step.times; time++) for (const chain of again) model.keys.add(chain, false);
            break;
          }
          case "remove":
            model.remove(new Set(model.sorted().slice(step.from, step.from + step.count)));
            break;
          case "part ahead":
            model.keys.partAhead(step.budget);
            break;
          case "walk": {
            const sorted = model.sorted();
            const bound = sorted[step.from % (sorted.length + 1)];
            const range = step.reverse
              ? { start: undefined, end: bound, reverse: true }
              : { start: bound, end: undefined, reverse: false };
            const inside = sorted.filter(
              (key) =>
                bound === undefined ||
                (step.reverse ? compareCodePoints(key, bound) < 0 : compareCodePoints(key, bound) >= 0),
            );
            if (step.reverse) inside.reverse();
            const others = sorted.filter((_, position) => position % 7 === 0).map((key) => model.chains.get(key)!);
            const disturb = (): void => {
              // Puts chains where they are already: the walk must neither skip nor repeat.
              if (step.disturb) model.keys.add(others[Math.floor(others.length / 2)]!, false);
            };
            expect(model.walk(range, step.count, disturb)).toEqual(inside.slice(0, step.count));
          }
        }
      }
      const sorted = model.sorted();
      const [start, end] = [sorted[Math.floor(sorted.length / 3)], sorted[Math.floor((2 * sorted.length) / 3)]];
      const nothing = (): void => {};
      expect(
        model.walk({ start: undefined, end: undefined, reverse: false }, Number.POSITIVE_INFINITY, nothing),
      ).toEqual(sorted);
      expect(
        model.walk({ start: undefined, end: undefined, reverse: true }, Number.POSITIVE_INFINITY, nothing),
      ).toEqual([...sorted].reverse());
      const middle = sorted.slice(Math.floor(sorted.length / 3), Math.floor((2 * sorted.length) / 3));
      expect(model.walk({ start, end, reverse: false }, Number.POSITIVE_INFINITY, nothing)).toEqual(middle);
      expect(model.walk({ start: end, end: start, reverse: false }, Number.POSITIVE_INFINITY, nothing)).toEqual([]);
      expect(model.walk({ start: end, end: start, reverse: true }, Number.POSITIVE_INFINITY, nothing)).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

test("looking ahead parts everything, and leaves a reader nothing but small sorts", () => {
  const model = new Model();
  model.load(keysOf({ count: 50_000, seed: 7, manner: "random", prefixes: ["k"] }));
  let slices = 0;
  while (model.keys.partAhead(1000) === 0) slices++;
  expect(slices).toBeGreaterThan(50);
  const before = model.order.comparisons;
  const { length } = model.walk({ start: "k05", end: undefined, reverse: false }, 100, () => {});
  expect(length).toBe(100);
  expect(model.order.comparisons - before).toBeLessThan(2 * 1024 * 10);
});

const ALL: KeyRange = { start: undefined, end: undefined, reverse: false };

function walkAll(model: Model): string[] {
  return model.walk(ALL, Number.POSITIVE_INFINITY, () => {});
}

test("a reader who comes while a bucket is being parted leaves nothing of the parting behind", () => {
  for (const manner of ["rising", "random"] as const) {
    const model = new Model();
    model.load(keysOf({ count: 5000, seed: 7, manner, prefixes: ["k"] }));
    model.keys.partAhead(1500);
    expect(model.walk(ALL, 10, () => {})).toEqual(model.sorted().slice(0, 10));
    while (model.keys.partAhead(700) === 0);
    expect(walkAll(model)).toEqual(model.sorted());
  }
});

test("chains repeated while their bucket is being parted are weeded out, and none is lost", () => {
  const model = new Model();
  model.load(Array.from({ length: 3000 }, (_, id) => `k${(id * 7919) % 3000}`));
  const [chain] = model.chains.values();
  const repeat = (times: number): void => {
    for (let time = 0; time < times; time++) model.keys.add(chain!, false);
  };
  repeat(1000);
  expect(model.keys.partAhead(3500)).toBe(0);
  model.add(Array.from({ length: 600 }, (_, id) => `k${id} added`));
  repeat(20_000);
  while (model.keys.partAhead(700) === 0);
  expect(walkAll(model)).toEqual(model.sorted());
});

test("one key with a surrogate among thousands is in its place", () => {
  for (const position of [0, 1, 2, 17, 2500, 4999]) {
    const keys = Array.from({ length: 5000 }, (_, id) => `\uffee${(id * 7919) % 5000}`);
    keys[position] = "\u{1f600}";
    const model = new Model();
    model.load(keys);
    expect(walkAll(model)).toEqual(model.sorted());
  }
});
