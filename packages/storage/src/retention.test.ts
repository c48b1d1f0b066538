import { expect, test } from "vitest";
import {
  formatRetention,
  isForgettable,
  KEEP_ALL,
  keepEntries,
  keptEntries,
  parseRetention,
  type RetentionGround,
  type RetentionRule,
  sameRules,
  trims,
} from "./retention.js";

const LAST_2: RetentionRule = { keep: "last", versions: 2 };
const FOR_1_S: RetentionRule = { keep: "for", milliseconds: 1000 };

function ground(pins: readonly number[] = [], more: Partial<RetentionGround> = {}): RetentionGround {
  return {
    from: Number.POSITIVE_INFINITY,
    isPinned: (from, to) => pins.some((pin) => from <= pin && pin < to),
    lastFork: 0,
    horizon: () => 0,
    ...more,
  };
}

/** Versions that stay. */
function stay(rule: RetentionRule, versions: readonly number[], on: RetentionGround): readonly number[] {
  const kept = keptEntries(rule, on, versions);
  return kept === undefined ? versions : versions.filter((_, entry) => kept[entry]);
}

test("the newest versions stay, deletions counted", () => {
  expect(stay(LAST_2, [1, 4, 6, 9], ground())).toEqual([6, 9]);
  expect(stay(LAST_2, [6, 9], ground())).toEqual([6, 9]);
  expect(stay({ keep: "last", versions: 1 }, [6, 9], ground())).toEqual([9]);
  expect(stay(KEEP_ALL, [1, 4, 6, 9], ground())).toEqual([1, 4, 6, 9]);
});

test("what was there at the horizon stays with everything behind it", () => {
  const at = (version: number) => ground([], { horizon: () => version });
  expect(stay(FOR_1_S, [3, 5, 8], at(0))).toEqual([3, 5, 8]);
  expect(stay(FOR_1_S, [3, 5, 8], at(4))).toEqual([3, 5, 8]);
  expect(stay(FOR_1_S, [3, 5, 8], at(5))).toEqual([5, 8]);
  expect(stay(FOR_1_S, [3, 5, 8], at(7))).toEqual([5, 8]);
  expect(stay(FOR_1_S, [3, 5, 8], at(100))).toEqual([8]);
});

test("what a pinned version sees stays", () => {
  expect(stay(LAST_2, [1, 4, 6, 9, 12], ground([4]))).toEqual([4, 9, 12]);
  expect(stay(LAST_2, [1, 4, 6, 9, 12], ground([5]))).toEqual([4, 9, 12]);
  expect(stay(LAST_2, [1, 4, 6, 9, 12], ground([0, 3, 6, 13]))).toEqual([1, 6, 9, 12]);
  expect(stay(LAST_2, [1, 4, 6, 9, 12], ground([], { from: 5 }))).toEqual([4, 6, 9, 12]);
  expect(stay(LAST_2, [1, 4, 6, 9, 12], ground([], { from: 6 }))).toEqual([6, 9, 12]);
  expect(stay(FOR_1_S, [1, 4, 6], ground([2], { horizon: () => 9 }))).toEqual([1, 6]);
});

test("a dead key is forgotten when nothing alive is kept of it", () => {
  const dead = (entry: number) => entry === 1 || entry === 3;
  const forgets = (rule: RetentionRule, versions: number[], on: RetentionGround) =>
    isForgettable(rule, on, versions, dead, keptEntries(rule, on, versions));
  const last1: RetentionRule = { keep: "last", versions: 1 };
  expect(forgets(last1, [1, 4, 6, 9], ground())).toBe(true);
  expect(forgets(last1, [1, 4, 6, 9], ground([5]))).toBe(true);
  expect(forgets(last1, [1, 4, 6, 9], ground([6]))).toBe(false);
  expect(forgets(last1, [1, 4, 6, 9], ground([], { from: 100 }))).toBe(false);
  expect(forgets(last1, [1, 4, 6], ground())).toBe(false);
  expect(forgets(LAST_2, [1, 4, 6, 9], ground())).toBe(false);
  expect(forgets(KEEP_ALL, [1, 4], ground())).toBe(false);
  expect(forgets(FOR_1_S, [1, 4], ground([], { horizon: () => 3 }))).toBe(false);
  expect(forgets(FOR_1_S, [1, 4], ground([], { horizon: () => 4 }))).toBe(true);
});

test("segments are told to forget a dead key, but no cell", () => {
  const rules = sameRules({ keep: "last", versions: 1 });
  const lost: [number, number][] = [];
  const kept = (primitive: "kv" | "state" | "json", versions: number[], on = ground()) =>
    keepEntries(rules, on, (from, to) => lost.push([from, to]))(primitive, "k", versions, (entry) => entry % 2 === 1);
  expect(kept("kv", [1, 4])).toEqual([false, false]);
  expect(lost).toEqual([[1, 4]]);
  expect(kept("state", [1, 4])).toEqual([false, true]);
  expect(kept("json", [1, 4])).toEqual([false, true]);
  expect(kept("kv", [1, 4, 6])).toEqual([false, false, true]);
  expect(lost.slice(-2)).toEqual([
    [1, 4],
    [4, 6],
  ]);
  expect(kept("kv", [1])).toBeUndefined();
  // Somebody reads as of the first deletion: without it, what is older would not be told from it.
  expect(kept("kv", [1, 4, 6, 9], ground([5]))).toEqual([false, true, false, true]);
  expect(keepEntries(sameRules(KEEP_ALL), ground(), () => {})("kv", "k", [1, 4], () => true)).toBeUndefined();
});

test("rules are told and read back", () => {
  for (const text of ["all", "last 1", "last 10", "for 60000 ms", "for 0.5 ms", "for 1e+21 ms"]) {
    const rules = parseRetention(text);
    expect(rules && formatRetention(rules)).toBe(text);
  }
  const mixed = { ...sameRules(KEEP_ALL), state: LAST_2, json: FOR_1_S };
  expect(formatRetention(mixed)).toBe("kv: all, state: last 2, json: for 1000 ms, vector: all");
  expect(parseRetention(formatRetention(mixed))).toEqual(mixed);
  expect([trims(mixed), trims(sameRules(KEEP_ALL))]).toEqual([true, false]);
  for (const text of ["", "last 0", "last -1", "last 1.5", "for 0 ms", "for x ms", "kv: all", "all, all, all, all"]) {
    expect(parseRetention(text)).toBeUndefined();
  }
});
