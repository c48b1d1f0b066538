import { expect, test } from "vitest";
import { Box, isLive } from "./stored.js";

test("every value is live, an absent one is not", () => {
  for (const value of [null, false, 0, "", 1n, new Uint8Array(), [], {}]) expect(isLive(value)).toBe(true);
  expect(isLive(undefined)).toBe(false);
});

test("a box is as live as what it holds, expired or not", () => {
  expect(isLive(new Box(null, 1))).toBe(true);
  expect(isLive(new Box(undefined, Number.POSITIVE_INFINITY, 7))).toBe(false);
});

test("a box does not expire and counts nothing unless told", () => {
  const { value, expiresAt, counter, createdAt, holdsBytes } = new Box("v");
  expect([value, expiresAt, counter, createdAt, holdsBytes]).toEqual(["v", Number.POSITIVE_INFINITY, 0, 0, false]);
});
