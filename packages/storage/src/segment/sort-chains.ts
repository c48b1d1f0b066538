/**
 * Chains in the order of their keys, a slice at a time.
 */
import { compareCodePoints } from "@strata/core";
import type { VersionChain } from "../version-chain.js";
import type { WorkBudget } from "./work-budget.js";

/** Sorted at once. */
const RUN_LENGTH = 512;
/** Units of work for a comparison in memory that is not in a cache. */
const COMPARISON_UNITS = 0.1;

/**
 * Merge sort from the bottom up: one native sort of a million keys would take more than a second. What is in order already is not compared again.
 *
 * @param byCodePoint whether a key has surrogates.
 * @returns the chains by key; one that came several times comes once.
 */
export function* sortChains(
  chains: readonly VersionChain[],
  byCodePoint: boolean,
  budget: WorkBudget,
): Generator<void, readonly VersionChain[], undefined> {
  const compare = byCodePoint ? compareChainsByCodePoint : compareChains;
  let runs: VersionChain[][] = [];
  for (let start = 0; start < chains.length; start += RUN_LENGTH) {
    const run = chains.slice(start, start + RUN_LENGTH);
    if (!isSorted(run, compare)) {
      run.sort(compare);
      budget.spend(run.length);
    }
    budget.spend(run.length * COMPARISON_UNITS);
    runs.push(unique(run));
    if (budget.isSpent) yield;
  }
  while (runs.length > 1) {
    const longer: VersionChain[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const left = runs[i]!;
      const right = runs[i + 1];
      longer.push(right === undefined ? left : yield* merge(left, right, compare, budget));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

type Compare = (a: VersionChain, b: VersionChain) => number;

function compareChains(a: VersionChain, b: VersionChain): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function compareChainsByCodePoint(a: VersionChain, b: VersionChain): number {
  return compareCodePoints(a.key, b.key);
}

function isSorted(run: readonly VersionChain[], compare: Compare): boolean {
  for (let i = 1; i < run.length; i++) if (compare(run[i - 1]!, run[i]!) > 0) return false;
  return true;
}

function unique(run: VersionChain[]): VersionChain[] {
  let length = 0;
  for (let i = 0; i < run.length; i++) {
    if (i === 0 || run[i]!.key !== run[i - 1]!.key) run[length++] = run[i]!;
  }
  run.length = length;
  return run;
}

/** Two sorted lists, each without a key twice, as one. */
function* merge(
  left: VersionChain[],
  right: VersionChain[],
  compare: Compare,
  budget: WorkBudget,
): Generator<void, VersionChain[], undefined> {
  const merged: VersionChain[] = [];
  let i = 0;
  let j = 0;
  const inOrder = compare(left.at(-1)!, right[0]!) < 0;
  while (i < left.length && j < right.length) {
    // Up to the next look at the budget.
    const stop = merged.length + RUN_LENGTH;
    while (i < left.length && j < right.length && merged.length < stop) {
      const order = inOrder ? -1 : compare(left[i]!, right[j]!);
      if (order === 0) j++;
      else merged.push(order < 0 ? left[i++]! : right[j++]!);
    }
    budget.spend(RUN_LENGTH * COMPARISON_UNITS);
    if (budget.isSpent) yield;
  }
  while (i < left.length || j < right.length) {
    const stop = merged.length + 8 * RUN_LENGTH;
    while (i < left.length && merged.length < stop) merged.push(left[i++]!);
    while (i === left.length && j < right.length && merged.length < stop) merged.push(right[j++]!);
    budget.spend(RUN_LENGTH * COMPARISON_UNITS);
    if (budget.isSpent) yield;
  }
  return merged;
}
