import { expect, test } from "vitest";
import { RecentMap } from "./recent-map.js";

test("an entry that keeps being used stays", () => {
  const map = new RecentMap<number>(10);
  map.set("hot", 1);
  for (let i = 0; i < 1000; i++) {
    map.set(`cold ${i}`, i);
    expect(map.get("hot")).toBe(1);
  }
});

test("an entry that is not used any more goes", () => {
  const map = new RecentMap<number>(10);
  map.set("cold", 1);
  for (let i = 0; i < 21; i++) map.set(`other ${i}`, i);
  expect(map.get("cold")).toBeUndefined();
});

test("it never holds more than twice its capacity", () => {
  const map = new RecentMap<number>(10);
  for (let i = 0; i < 1000; i++) {
    map.set(`key ${i}`, i);
    map.get(`key ${i - 7}`);
    expect(map.size).toBeLessThanOrEqual(20);
  }
});
