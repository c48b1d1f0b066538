import { runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RunShard } from "./shard.js";
import { Timeline } from "./timeline.js";
import { VersionChain } from "./version-chain.js";

const shard = new RunShard(runId(1));
const events = shard.events("default")!;
const table = shard.table("default", "kv")!;

interface NaiveCommit {
  readonly version: number;
  readonly timestamp: number;
}

function build(gaps: readonly number[], timeline: Timeline, naive: NaiveCommit[]): void {
  for (const gap of gaps) {
    const version = (naive.at(-1)?.version ?? timeline.floor) + gap;
    const timestamp = (naive.at(-1)?.timestamp ?? 0) + gap;
    timeline.append(version, timestamp, "why", 7);
    for (let write = 0; write < gap; write++) timeline.write(events);
    naive.push({ version, timestamp });
  }
}

/** What is said is right, and what is left of the commits is said. */
function expectHonest(timeline: Timeline, naive: readonly NaiveCommit[], isKnown: (version: number) => boolean): void {
  const { floor } = timeline;
  const above = naive.filter(({ version }) => version > floor);
  expect(timeline.length).toBe(above.length);
  expect([...timeline.commits()].map(({ version, operations }) => [version, operations])).toEqual(
    above.map(({ version }) => [version, timeline.writesOf(version).length]),
  );
  for (const { version, timestamp } of naive) {
    const isSaid = version > floor || isKnown(version);
    expect(timeline.timestampOf(version)).toBe(isSaid ? timestamp : 0);
    for (const probe of [version, version + 1]) {
      const right = naive.findLast((commit) => commit.version <= probe)!;
      expect([right.version, undefined]).toContain(timeline.lastAtOrBefore(probe));
      if (right.version > floor || isKnown(right.version)) expect(timeline.lastAtOrBefore(probe)).toBe(right.version);
      else expect(timeline.lastAtOrBefore(probe)).toBeUndefined();
    }
    for (const probe of [timestamp, timestamp + 1]) {
      const right = naive.findLast((commit) => commit.timestamp <= probe)!;
      expect(timeline.versionAtTime(probe)).toBe(
        right.version > floor || isKnown(right.version) ? right.version : undefined,
      );
      expect(timeline.horizonAt(probe)).toBeLessThanOrEqual(right.version);
    }
    expect(timeline.writesOf(version).length).toBe(version > floor ? operationsOf(naive, version) : 0);
  }
  expect(timeline.lastAtOrBefore(naive[0]!.version - 1)).toBeUndefined();
}

function operationsOf(naive: readonly NaiveCommit[], version: number): number {
  const index = naive.findIndex((commit) => commit.version === version);
  return naive[index]!.timestamp - (naive[index - 1]?.timestamp ?? 0);
}

test("a thinned timeline says the truth or nothing, and all above its floor", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 60 });
  const thinning = fc.record({ modulus: fc.integer({ min: 1, max: 6 }), share: fc.nat(100), gaps });
  fc.assert(
    fc.property(fc.constantFrom(0, 50), gaps, fc.array(thinning, { maxLength: 4 }), (floor, first, thinnings) => {
      const timeline = new Timeline(floor);
      const naive: NaiveCommit[] = [];
      build(first, timeline, naive);
      let known = new Set<number>();
      for (const { modulus, share, gaps } of thinnings) {
        const newest = naive.at(-1)!.version;
        const through = Math.floor((newest * share) / 100);
        const before = timeline.floor;
        const wasSaid = naive.filter(({ version }) => version > before || known.has(version));
        timeline.thin(through, (version, next) => {
          expect(next).toBe(naive.find((commit) => commit.version > version)?.version ?? Number.POSITIVE_INFINITY);
          return version % modulus === 0;
        });
        expect(timeline.floor).toBeGreaterThanOrEqual(before);
        expect(timeline.floor).toBeLessThanOrEqual(Math.max(before, through));
        known = new Set(
          wasSaid
            .filter(({ version }) => version <= timeline.floor && (version % modulus === 0 || version > through))
            .map(({ version }) => version),
        );
        expectHonest(timeline, naive, (version) => known.has(version));
        build(gaps, timeline, naive);
        expectHonest(timeline, naive, (version) => known.has(version));
      }
    }),
  );
});

test("a commit is asked about with whether a write of it can still be read", () => {
  const timeline = new Timeline();
  const chain = new VersionChain(table, "k", "a", 1);
  for (let version = 1; version <= 4; version++) {
    chain.put(String(version), version);
    timeline.append(version, version, undefined, 0);
    timeline.write(chain);
  }
  timeline.append(5, 5, undefined, 0);
  timeline.append(6, 6, undefined, 0);
  timeline.write(events);
  chain.trim([false, true, false, true], () => {});
  const left: [number, boolean][] = [];
  timeline.thin(Number.POSITIVE_INFINITY, (version, _next, isLeft) => left.push([version, isLeft]) > 0);
  expect(left).toEqual([
    [1, false],
    [2, true],
    [3, false],
    [4, true],
    [5, false],
    [6, true],
  ]);
  expect(timeline.floor).toBe(0);
});

test("a hundred thousand commits of which few are left take few rows", () => {
  const timeline = new Timeline();
  for (let version = 1; version <= 100_000; version++) {
    timeline.append(version, version, undefined, 0);
    if (version % 1000 === 0) timeline.thin(Number.POSITIVE_INFINITY, (each) => each === 7 || each > version - 10);
  }
  expect(timeline.tailLength).toBeLessThan(20);
  expect(timeline.floor).toBe(99_990);
  expect([timeline.timestampOf(7), timeline.timestampOf(8)]).toEqual([7, 0]);
  expect(timeline.length).toBe(10);
});
