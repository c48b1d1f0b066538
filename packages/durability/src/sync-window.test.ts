import { expect, test } from "vitest";
import { SyncWindow } from "./sync-window.js";
import { SeededRandom } from "./testing/seeded-random.js";

test("nothing waits while what was noted is synced in time", () => {
  const window = new SyncWindow(100);
  for (let i = 1; i < 1000; i++) expect(window.note(i, i * 50_000, i - 2)).toBe(0);
});

test("waits when the oldest commit is older than nine windows, for that one", () => {
  const window = new SyncWindow(100);
  expect(window.note(10, 0, 0)).toBe(0);
  expect(window.note(20, 900_000, 0)).toBe(0);
  expect(window.note(30, 900_001, 0)).toBe(10);
  expect(window.note(40, 950_000, 10)).toBe(0);
});

test("never lets a commit pass while one older than ten windows and a sync is unsynced", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const window = new SyncWindow(10);
    const made: { lsn: number; at: number }[] = [];
    let now = 0;
    let synced = 0;
    let slowest = 0;
    for (let lsn = 1; lsn <= 300; lsn++) {
      now += random.below(8000);
      made.push({ lsn, at: now });
      // A disk that falls behind: now and then it has synced what was there some time ago.
      if (random.chance(10)) {
        const before = now - random.below(60_000);
        const through = made.findLast(({ at }) => at <= before)?.lsn ?? 0;
        slowest = Math.max(slowest, now - before);
        synced = Math.max(synced, through);
      }
      const through = window.note(lsn, now, synced);
      if (through > 0) synced = lsn;
      const oldest = made.find((commit) => commit.lsn > synced);
      if (oldest !== undefined) expect(now - oldest.at).toBeLessThanOrEqual(100_000 + slowest);
    }
  }
});
