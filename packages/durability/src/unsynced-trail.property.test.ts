import fc from "fast-check";
import { expect, test } from "vitest";
import { UnsyncedTrail } from "./unsynced-trail.js";

/** The naive form: every commit, in an array. */
class Oracle {
  readonly commits: { lsn: number; version: number }[] = [];
  durable = 0;

  get syncedVersion(): number {
    return this.commits.findLast(({ lsn }) => lsn <= this.durable)?.version ?? 0;
  }

  get unsynced(): number {
    return this.commits.filter(({ lsn }) => lsn > this.durable).length;
  }
}

test("says what an array of all commits says", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.record({ push: fc.integer({ min: 1, max: 9 }) }), fc.record({ percent: fc.nat(100) })), {
        maxLength: 500,
      }),
      (steps) => {
        const trail = new UnsyncedTrail(0, 0);
        const oracle = new Oracle();
        let lsn = 0;
        let version = 0;
        for (const step of steps) {
          if ("push" in step) {
            lsn += step.push * 10;
            version += step.push;
            trail.push(lsn, version);
            oracle.commits.push({ lsn, version });
          } else {
            oracle.durable = Math.max(oracle.durable, Math.floor((lsn * step.percent) / 100));
            trail.advance(oracle.durable);
          }
          expect(trail.syncedVersion).toBe(oracle.syncedVersion);
          expect(trail.unsynced).toBe(oracle.unsynced);
          expect([trail.lastLsn, trail.lastVersion]).toEqual([lsn, version]);
          const waiting = oracle.commits.filter((commit) => commit.lsn > oracle.durable);
          for (const commit of waiting) expect(trail.versionAt(commit.lsn)).toBe(commit.version);
          for (const count of [0, 1, 5]) {
            const through = trail.lsnToLeave(count);
            if (waiting.length > 0)
              expect(waiting.filter((commit) => commit.lsn > through).length).toBeLessThanOrEqual(count);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("beyond its capacity it promises less, never more", () => {
  const trail = new UnsyncedTrail(0, 0);
  const count = 200_000;
  for (let version = 1; version <= count; version++) trail.push(version * 10, version);
  let synced = 0;
  for (let durable = 0; durable < count * 10; durable += 12_345) {
    trail.advance(durable);
    expect(trail.syncedVersion).toBeLessThanOrEqual(durable / 10);
    expect(trail.syncedVersion).toBeGreaterThanOrEqual(synced);
    expect(durable / 10 - trail.syncedVersion).toBeLessThanOrEqual(64);
    expect(trail.unsynced).toBeGreaterThanOrEqual(count - durable / 10);
    synced = trail.syncedVersion;
  }
  trail.advance(count * 10);
  expect(trail.syncedVersion).toBe(count);
  expect(trail.unsynced).toBe(0);
});
