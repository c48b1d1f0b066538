import { runId, StateError } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NaiveTable } from "../test/naive-store.js";
import { compactShard } from "./compact-shard.js";
import { ReadView } from "./read-view.js";
import type { RetentionGround, RetentionRule } from "./retention.js";
import { KEEP_ALL, sameRules } from "./retention.js";
import { RunShard } from "./shard.js";
import { ShardRetention } from "./shard-retention.js";
import { Box, isLive, type Stored } from "./stored.js";
import { Found } from "./version-chain.js";

const KEYS = ["a", "b", "c", "d"];
const EVERYTHING = { start: undefined, end: undefined, reverse: false };
/** Microseconds between two commits. */
const STEP = 1000;

/** A run with its history untrimmed beside it. */
class Twin {
  readonly shard: RunShard;
  readonly naive: NaiveTable;
  readonly retention: ShardRetention;
  readonly views: ReadView[] = [];
  readonly forks: Twin[] = [];
  /** As of which version a transaction reads and writes on. */
  from = Number.POSITIVE_INFINITY;

  constructor(world: World, shard: RunShard, naive: NaiveTable, rule: RetentionRule) {
    this.shard = shard;
    this.naive = naive;
    this.retention = new ShardRetention(shard, sameRules(rule), () => this.#ground(world));
  }

  #ground(world: World): RetentionGround {
    return {
      from: this.from,
      isPinned: (from, to) =>
        this.shard.watermark.hasIn(from, to) ||
        this.forks.some(({ shard }) => from <= shard.forkVersion && shard.forkVersion < to),
      lastFork: Math.max(0, ...this.forks.map(({ shard }) => shard.forkVersion)),
      horizon: (milliseconds) => this.shard.timeline.horizonAt(world.now - milliseconds * 1000),
    };
  }

  get table() {
    return this.shard.table("default", "kv")!;
  }

  /** Versions as of which everything must be there. */
  held(version: number): boolean {
    return (
      version >= this.shard.lastVersion ||
      version >= this.from ||
      this.views.some((view) => view.version === version) ||
      this.forks.some((fork) => fork.shard.forkVersion === version)
    );
  }
}

class World {
  version = 0;
  now = 0;
  readonly runs: Twin[] = [];
  readonly times: number[] = [0];
  readonly rules: readonly RetentionRule[];
  ids = 1;

  constructor(rules: readonly RetentionRule[]) {
    this.rules = rules;
    this.runs.push(new Twin(this, new RunShard(runId(1)), new NaiveTable(), rules[0]!));
  }

  commit(run: Twin, writes: readonly (readonly [string, Stored | undefined])[]): void {
    const version = ++this.version;
    this.now += STEP;
    this.times[version] = this.now;
    const { shard } = run;
    shard.timeline.append(version, this.now, undefined, 0);
    for (const [key, stored] of writes) {
      shard.timeline.write(run.table.put(key, stored, version));
      run.naive.put(key, stored, version);
    }
    shard.lastVersion = version;
    shard.lastTimestamp = this.now;
    run.retention.follow(version);
  }

  fork(run: Twin, version: number): void {
    const shard = new RunShard(runId(++this.ids), run.shard, version);
    const fork = new Twin(this, shard, run.naive.forkedAt(version), this.rules[this.ids % this.rules.length]!);
    run.forks.push(fork);
    this.runs.push(fork);
  }
}

/** What a reader at a time sees of an entry. */
function visible(stored: Stored | undefined, now: number): unknown {
  if (!isLive(stored)) return undefined;
  return stored instanceof Box ? (stored.expiresAt > now ? stored.value : undefined) : stored;
}

function attempt<T>(read: () => T): T | "trimmed" {
  try {
    return read();
  } catch (error) {
    if (error instanceof StateError && error.code === "HISTORY_TRIMMED") return "trimmed";
    throw error;
  }
}

function check(world: World): void {
  const found = new Found();
  for (const run of world.runs) {
    const { table, naive, retention, shard } = run;
    for (let version = shard.forkVersion; version <= world.version; version++) {
      const now = version >= shard.lastVersion ? world.now : world.times[version]!;
      const must = run.held(version) || version === shard.forkVersion;
      const isWhole = must || retention.trimmedAt(version) === undefined;
      if (must) expect(retention.trimmedAt(version)).toBeUndefined();
      const answer = (key: string) =>
        attempt(() => (table.find(key, version, found) ? visible(found.stored, now) : undefined));
      for (const key of KEYS) {
        const right = visible(naive.find(key, version)?.stored, now);
        expect(isWhole ? [right] : [right, "trimmed"]).toContain(answer(key));
      }
      const list = attempt(() => {
        const listed: unknown[] = [];
        table.scan(EVERYTHING, version, (key, stored) => {
          if (visible(stored, now) !== undefined) listed.push(key, visible(stored, now));
          return true;
        });
        return listed;
      });
      const right = naive
        .scan(EVERYTHING, version)
        .flatMap(([key, stored]) => (visible(stored, now) === undefined ? [] : [key, visible(stored, now)]));
      expect(isWhole ? [right] : [right, "trimmed"]).toContainEqual(list);
    }
    for (const key of KEYS) {
      const all = naive.versions(key, Number.POSITIVE_INFINITY);
      table.versions(key, Number.POSITIVE_INFINITY, (version, stored) => {
        expect(all.find((entry) => entry.version === version)?.stored).toBe(stored);
        // What is left has its time.
        if (version > shard.forkVersion) expect(shard.timeline.timestampOf(version)).toBe(world.times[version]);
        return true;
      });
    }
    expect(table.liveCount()).toBe(countLive(run));
  }
}

/** Keys with a value, expired or not, except expired ones that were forgotten. */
function countLive({ table }: Twin): number {
  let count = 0;
  table.scan(EVERYTHING, Number.POSITIVE_INFINITY, () => ++count > 0);
  return count;
}

const rule: fc.Arbitrary<RetentionRule> = fc.oneof(
  fc.constant(KEEP_ALL),
  fc.record({ keep: fc.constant("last" as const), versions: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ keep: fc.constant("for" as const), milliseconds: fc.integer({ min: 1, max: 12 }) }),
);
const stored = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5 }).map((steps) => ({ expiresIn: steps * STEP })) },
);
const step = fc.record({
  what: fc.oneof(
    { weight: 12, arbitrary: fc.constant("write" as const) },
    { weight: 6, arbitrary: fc.constantFrom("view", "dispose", "compact", "compact", "fork", "begin", "end", "thin") },
    { weight: 1, arbitrary: fc.constantFrom("empty", "look") },
  ),
  run: fc.nat(),
  which: fc.nat(),
  key: fc.constantFrom(...KEYS),
  stored,
  repeats: fc.constantFrom(1, 1, 1, 9),
});

test("what is held reads as if nothing had been trimmed, and everything else so too or not at all", () => {
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 3 }),
      fc.array(step, { maxLength: 60, size: "max" }),
      (rules, steps) => {
        const world = new World(rules);
        for (const { what, run: nth, which, key, stored, repeats } of steps) {
          const run = world.runs[nth % world.runs.length]!;
          const { shard } = run;
          const past = shard.forkVersion + (which % (shard.lastVersion - shard.forkVersion + 1));
          // Who holds on to a version makes sure that it is whole.
          const isWhole = run.retention.trimmedAt(past) === undefined;
          if (what === "write") {
            for (let i = 0; i < repeats; i++) {
              const value = typeof stored === "object" ? new Box(i, world.now + STEP + stored.expiresIn) : stored;
              world.commit(run, [[key, value]]);
            }
          } else if (what === "empty") world.commit(run, []);
          else if (what === "look") check(world);
          else if (what === "view" && isWhole) run.views.push(new ReadView(shard, past));
          else if (what === "dispose") run.views.splice(which % (run.views.length + 1), 1)[0]?.dispose();
          else if (what === "fork" && isWhole && world.runs.length < 4) world.fork(run, past);
          else if (what === "begin") run.from = Math.min(run.from, shard.lastVersion);
          else if (what === "end") run.from = Number.POSITIVE_INFINITY;
          else if (what === "thin") run.retention.thin(run.retention.ground);
          else if (what === "compact") {
            for (const _ of compactShard(shard, run.retention, world.now));
          }
        }
        check(world);
      },
    ),
    { numRuns: 120 },
  );
});
