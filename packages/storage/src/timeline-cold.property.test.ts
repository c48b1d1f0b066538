import { runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NaiveColdTimeline, type NaiveCommit } from "../test/naive-files.js";
import { RunShard } from "./shard.js";
import { Timeline, type WriteTarget } from "./timeline.js";
import { VersionChain } from "./version-chain.js";

// Histories of several blocks of commits and of writes, of which files take over one part after the other.

const shard = new RunShard(runId(1));
const TARGETS: readonly WriteTarget[] = [
  shard.events("default")!,
  ...["a", "b", "c"].map((key) => new VersionChain(shard.table("default", "kv")!, key, 1, 1)),
];

/** A commit's writes name their target by its number. */
function commitOf(version: number, writes: number): NaiveCommit {
  return {
    version,
    timestamp: 1000 + Math.floor(version / 3),
    message: version % 10 === 0 ? `commit ${version}` : undefined,
    bytes: version * 2,
    writes: Array.from({ length: writes }, (_, write) => {
      return { space: "default", primitive: "kv", key: String((version + write) % TARGETS.length) };
    }),
  };
}

function targetsOf({ writes }: NaiveCommit): WriteTarget[] {
  return writes.map(({ key }) => TARGETS[Number(key)]!);
}

function append(timeline: Timeline, commit: NaiveCommit): void {
  timeline.append(commit.version, commit.timestamp, commit.message, commit.bytes);
  for (const target of targetsOf(commit)) timeline.write(target);
}

function attach(timeline: Timeline, commits: readonly NaiveCommit[], floor: number, through: number): void {
  const filed = commits.filter(({ version }) => version <= through);
  const cold = new NaiveColdTimeline(filed, floor, () => 0);
  timeline.attachCold(cold, through, ({ key }) => TARGETS[Number(key)]!);
}

const history = fc.record({
  floor: fc.constantFrom(0, 5, 2 ** 31 - 100),
  commits: fc.integer({ min: 1, max: 2600 }),
  writes: fc.constantFrom(0, 1, 2, 5),
});
const versions = fc.array(fc.nat(2700), { minLength: 1, maxLength: 4 });

test("a timeline that files take over says what it said before", () => {
  fc.assert(
    fc.property(history, versions, versions, fc.nat(60), (history, ends, probes, more) => {
      const { floor } = history;
      const timeline = new Timeline(floor);
      const naive: NaiveCommit[] = [];
      const commit = () => {
        const version = floor + 1 + naive.length;
        naive.push(commitOf(version, version % 7 === 0 ? 0 : history.writes));
        append(timeline, naive.at(-1)!);
      };
      while (naive.length < history.commits) commit();
      for (const end of ends.sort((a, b) => a - b)) {
        const through = floor + Math.min(end, naive.length);
        attach(timeline, naive, floor, through);
        expect([timeline.floor, timeline.tailFloor, timeline.length]).toEqual([floor, through, naive.length]);
      }
      for (let next = 0; next < more; next++) commit();
      const commits = naive.map(({ version, timestamp, message, bytes, writes }) => {
        return { version, previous: version - 1, timestamp, message, bytes, operations: writes.length };
      });
      expect([...timeline.commits()]).toEqual(commits);
      expect([...timeline.commits({ reverse: true })]).toEqual(commits.toReversed());
      for (const version of [0, ...probes].map((probe) => floor + probe)) {
        const exact = naive.find((commit) => commit.version === version);
        const time = 1000 + Math.floor(version / 3);
        expect(timeline.timestampOf(version)).toBe(exact?.timestamp ?? 0);
        expect(timeline.bytesOf(version)).toBe(exact?.bytes ?? 0);
        expect(timeline.messageOf(version)).toBe(exact?.message);
        expect(timeline.writesOf(version)).toEqual(exact === undefined ? [] : targetsOf(exact));
        expect(timeline.lastAtOrBefore(version)).toBe(naive.findLast((commit) => commit.version <= version)?.version);
        expect(timeline.nextAfter(version)).toBe(naive.find((commit) => commit.version > version)?.version);
        expect(timeline.versionAtTime(time)).toBe(naive.findLast(({ timestamp }) => timestamp <= time)?.version);
        const later = naive.filter((commit) => commit.version > version);
        const expected = later.flatMap((commit) => targetsOf(commit).map((target) => ({ target, at: commit.version })));
        let seen = 0;
        timeline.changedSince(version, (target, at) => {
          const { target: wanted, at: version } = expected[seen++]!;
          return target === wanted && at === version;
        });
        expect(seen).toBe(expected.length);
        expect(timeline.writesSince(version)).toBe(expected.length);
        const events = later.find((commit) => targetsOf(commit).includes(TARGETS[0]!));
        expect(timeline.findAfter(version, (target) => target === TARGETS[0])).toBe(events?.version);
        const page = commits.filter((commit) => commit.version > version).slice(0, 3);
        expect([...timeline.commits({ after: version, limit: 3 })]).toEqual(page);
        const before = commits.filter((commit) => commit.version < version).toReversed();
        expect([...timeline.commits({ after: version, limit: 3, reverse: true })]).toEqual(before.slice(0, 3));
      }
    }),
    { numRuns: 40 },
  );
});

test.each([false, true])(
  "who walks along the commits while files take them over misses none, reverse: %s",
  (reverse) => {
    const naive = Array.from({ length: 3000 }, (_, index) => commitOf(index + 1, 2));
    const timeline = new Timeline();
    for (const commit of naive) append(timeline, commit);
    const seen: number[] = [];
    for (const { version } of timeline.commits({ reverse })) {
      seen.push(version);
      if (seen.length % 500 === 0) attach(timeline, naive, 0, seen.length);
    }
    expect(timeline.tailFloor).toBe(3000);
    expect(reverse ? seen.reverse() : seen).toEqual(naive.map(({ version }) => version));
  },
);

test("memory lets go of what it refers to once files have it", () => {
  const naive = Array.from({ length: 100 }, (_, index) => commitOf(index + 1, 1));
  const timeline = new Timeline();
  for (const commit of naive) append(timeline, commit);
  expect(timeline.tailLength).toBe(100);
  attach(timeline, naive, 0, 60);
  expect([timeline.tailLength, timeline.length]).toEqual([40, 100]);
  attach(timeline, naive, 0, 100);
  expect([timeline.tailLength, timeline.length]).toEqual([0, 100]);
});

test("a floor that files raise is the timeline's; what lies below it keeps its time where something is left of it", () => {
  const naive = Array.from({ length: 100 }, (_, index) => commitOf(index + 1, 1));
  const timeline = new Timeline();
  for (const commit of naive) append(timeline, commit);
  attach(timeline, naive, 30, 60);
  expect([timeline.floor, timeline.length, timeline.nextAfter(3)]).toEqual([30, 70, 31]);
  expect([timeline.timestampOf(12), timeline.timestampOf(31), timeline.writesOf(12)]).toEqual([1004, 1010, []]);
  expect([...timeline.commits({ limit: 1 })]).toMatchObject([{ version: 31, previous: 30 }]);
  expect(() => timeline.changedSince(29, () => true)).toThrow("floor");
  expect(() => timeline.append(100, 1, undefined, 0)).toThrow("rise");
});
