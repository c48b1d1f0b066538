import { expect, test } from "vitest";
import { LEVEL_MAX, levelOf } from "./level.js";

test("of the rows on one level one in m is on the next", () => {
  const counts = new Array<number>(LEVEL_MAX + 1).fill(0);
  for (let slot = 0; slot < 1 << 20; slot++) counts[levelOf(1, slot, 16)]!++;
  const reached = counts.map((_, level) => counts.slice(level).reduce((sum, count) => sum + count, 0));
  expect(reached[1]! / 2 ** 16).toBeCloseTo(1, 1);
  expect(reached[2]! / 2 ** 12).toBeCloseTo(1, 0);
  expect(reached[6]).toBeLessThan(5);
});

test("levels are the same on every machine", () => {
  const levels = Array.from({ length: 64 }, (_, slot) => levelOf(42, slot, 4)).join("");
  expect(levels).toMatchInlineSnapshot(`"1000010000000000000010011000102000001010000030020000000030000114"`);
  expect(Array.from({ length: 64 }, (_, slot) => levelOf(43, slot, 4)).join("")).not.toBe(levels);
});

test("no row is above the highest level there may be", () => {
  for (let slot = 0; slot < 100_000; slot++) expect(levelOf(3, slot, 2)).toBeLessThanOrEqual(LEVEL_MAX);
});
