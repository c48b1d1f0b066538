import { runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RunShard } from "./shard.js";
import { type CommitRange, Timeline, type WriteTarget } from "./timeline.js";
import { VersionChain } from "./version-chain.js";

const shard = new RunShard(runId(1));
const targets: WriteTarget[] = [
  shard.events("default")!,
  ...["a", "b", "c"].map((key) => new VersionChain(shard.table("default", "kv")!, key, 1, 1)),
];

interface NaiveCommit {
  readonly version: number;
  readonly timestamp: number;
  readonly message: string | undefined;
  readonly bytes: number;
  readonly writes: readonly WriteTarget[];
}

const commit = fc.record({
  gap: fc.integer({ min: 1, max: 3 }),
  wait: fc.nat(2),
  message: fc.option(fc.constantFrom("why", ""), { nil: undefined }),
  writes: fc.array(fc.constantFrom(...targets), { maxLength: 6 }),
});
/** Long enough for several blocks of commits and writes. */
const history = fc.record({
  floor: fc.constantFrom(0, 5, 2 ** 31 - 100),
  commits: fc.array(commit, { maxLength: 40, size: "max" }),
  repeats: fc.constantFrom(1, 1, 1, 60),
});

function build({
  floor,
  commits,
  repeats,
}: typeof history extends fc.Arbitrary<infer H> ? H : never): [Timeline, NaiveCommit[]] {
  const timeline = new Timeline(floor);
  const naive: NaiveCommit[] = [];
  let version = floor;
  let timestamp = 1000;
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const { gap, wait, message, writes } of commits) {
      version += gap;
      timestamp += wait;
      timeline.append(version, timestamp, message, version * 2);
      for (const target of writes) timeline.write(target);
      naive.push({ version, timestamp, message, bytes: version * 2, writes });
    }
  }
  return [timeline, naive];
}

function expectSame(timeline: Timeline, naive: readonly NaiveCommit[], floor: number, probes: readonly number[]): void {
  expect(timeline.length).toBe(naive.length);
  expect(timeline.floor).toBe(floor);
  const asCommit = (entry: NaiveCommit, index: number): object => ({
    version: entry.version,
    previous: naive[index - 1]?.version ?? floor,
    timestamp: entry.timestamp,
    message: entry.message,
    bytes: entry.bytes,
    operations: entry.writes.length,
  });
  const commits = naive.map(asCommit);
  expect([...timeline.commits()]).toEqual(commits);
  expect([...timeline.commits({ reverse: true })]).toEqual([...commits].reverse());
  for (const probe of probes) {
    const version = floor + probe;
    const exact = naive.find((entry) => entry.version === version);
    expect(timeline.timestampOf(version)).toBe(exact?.timestamp ?? 0);
    expect(timeline.bytesOf(version)).toBe(exact?.bytes ?? 0);
    expect(timeline.messageOf(version)).toBe(exact?.message);
    expect(timeline.writesOf(version)).toEqual(exact?.writes ?? []);
    expect(timeline.lastAtOrBefore(version)).toBe(naive.findLast((entry) => entry.version <= version)?.version);
    expect(timeline.nextAfter(version)).toBe(naive.find((entry) => entry.version > version)?.version);
    expect(timeline.versionAtTime(1000 + probe)).toBe(
      naive.findLast((entry) => entry.timestamp <= 1000 + probe)?.version,
    );
    const later = naive.filter((entry) => entry.version > version);
    const changes: [WriteTarget, number][] = later.flatMap((entry) =>
      entry.writes.map((target): [WriteTarget, number] => [target, entry.version]),
    );
    const seen: [WriteTarget, number][] = [];
    timeline.changedSince(version, (target, version) => seen.push([target, version]) > 0);
    expect(seen.length).toBe(changes.length);
    expect(
      seen.every(([target, version], index) => target === changes[index]![0] && version === changes[index]![1]),
    ).toBe(true);
    expect(timeline.writesSince(version)).toBe(changes.length);
    expect(timeline.findAfter(version, () => true)).toBe(later.find(({ writes }) => writes.length > 0)?.version);
    for (const wanted of targets) {
      expect(timeline.findAfter(version, (target) => target === wanted)).toBe(
        later.find(({ writes }) => writes.includes(wanted))?.version,
      );
    }
    let visits = 0;
    timeline.changedSince(version, () => ++visits < 3);
    expect(visits).toBe(Math.min(3, changes.length));
    const range: CommitRange = { after: version, limit: 5 };
    expect([...timeline.commits(range)]).toEqual(
      commits.filter((_, index) => naive[index]!.version > version).slice(0, 5),
    );
    expect([...timeline.commits({ ...range, reverse: true })]).toEqual(
      commits
        .filter((_, index) => naive[index]!.version < version)
        .reverse()
        .slice(0, 5),
    );
  }
}

test("a timeline says what a list of commits says, before and after it is trimmed", () => {
  const probes = fc.array(fc.nat(4000), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(history, probes, fc.nat(3000), (history, probes, trim) => {
      const [timeline, naive] = build(history);
      expectSame(timeline, naive, history.floor, [0, ...probes]);
      const floor = history.floor + trim;
      timeline.trimThrough(floor);
      timeline.trimThrough(floor - 1);
      const kept = naive.filter((entry) => entry.version > floor);
      expectSame(timeline, kept, floor, [0, ...probes]);
      const last = Math.max(floor, naive.at(-1)?.version ?? 0);
      timeline.append(last + 1, 2 ** 50, undefined, 1);
      timeline.write(targets[0]!);
      const added = {
        version: last + 1,
        timestamp: 2 ** 50,
        message: undefined,
        bytes: 1,
        writes: [targets[0]!],
      };
      expectSame(timeline, [...kept, added], floor, probes);
    }),
    { numRuns: 60 },
  );
});

test("commit versions rise, timestamps do not fall, and what is below the floor is not asked for", () => {
  const timeline = new Timeline(10);
  expect(() => timeline.append(10, 5, undefined, 1)).toThrow("floor");
  timeline.append(11, 5, undefined, 1);
  expect(() => timeline.append(11, 6, undefined, 1)).toThrow("rise");
  expect(() => timeline.append(12, 4, undefined, 1)).toThrow("back");
  expect(() => timeline.changedSince(9, () => true)).toThrow("floor");
  expect(() => timeline.findAfter(9, () => true)).toThrow("floor");
  expect(timeline.length).toBe(1);
});

test("a commit of very many writes gives them all back", () => {
  const timeline = new Timeline();
  timeline.append(1, 1, undefined, 1);
  timeline.append(2, 2, undefined, 2);
  for (let write = 0; write < 100_000; write++) timeline.write(targets[write % targets.length]!);
  timeline.append(3, 3, undefined, 3);
  timeline.write(targets[0]!);
  expect([...timeline.commits()].map(({ operations }) => operations)).toEqual([0, 100_000, 1]);
  let position = 0;
  timeline.changedSince(0, (target) => target === targets[position++ % targets.length] || position > 100_000);
  expect(position).toBe(100_001);
});

test("spaces that a commit ended are known until that commit is trimmed", () => {
  const run = new RunShard(runId(2));
  const { timeline } = run;
  for (const [version, name] of ["", "a", "", "b"].entries()) {
    timeline.append(version + 1, version, undefined, 0);
    if (name === "") run.registerSpace(version === 0 ? "a" : "b", version + 1);
    else run.dropSpace(name, version + 1);
  }
  const dropped = (version: number) => timeline.spacesDroppedBy(version).map(({ name }) => name);
  expect([1, 2, 3, 4].map(dropped)).toEqual([[], ["a"], [], ["b"]]);
  expect([0, 1, 2, 3, 4].map((version) => timeline.findAfter(version, () => true))).toEqual([2, 2, 4, 4, undefined]);
  timeline.trimThrough(2);
  expect([1, 2, 3, 4].map(dropped)).toEqual([[], [], [], ["b"]]);
});
