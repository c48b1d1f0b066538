import fc from "fast-check";
import { expect, test } from "vitest";
import { mostAccepted } from "./most-accepted.js";

test("the first of a ranking that are accepted are those that looking at all of it gives", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (ranking, limit) => {
      const all = ranking.map((isAccepted, rank) => ({ isAccepted, rank }));
      const best = (count: number) => all.slice(0, count);
      const accepted = all.filter(({ isAccepted }) => isAccepted).slice(0, limit);
      expect(mostAccepted(limit, best, ({ isAccepted }) => isAccepted)).toEqual(accepted);
    }),
  );
});

test("no more of a ranking is asked for than it takes, and each of it is judged once", () => {
  const asked: number[] = [];
  const judged: number[] = [];
  const best = (count: number) => {
    asked.push(count);
    return Array.from({ length: Math.min(count, 1000) }, (_, rank) => rank);
  };
  const accepts = (rank: number) => {
    judged.push(rank);
    return rank >= 50;
  };
  expect(mostAccepted(2, best, accepts)).toEqual([50, 51]);
  expect(asked).toEqual([18, 36, 72]);
  expect(judged).toEqual(Array.from({ length: 52 }, (_, rank) => rank));
});
