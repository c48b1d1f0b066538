import { expect, test } from "vitest";
import { Inherited, InheritedMemo, NOT_INHERITED } from "./inherited-memo.js";

test("what was used lately is remembered, misses too", () => {
  const memo = new InheritedMemo();
  const entry = new Inherited(3, "v");
  memo.set("k", entry);
  memo.set("none", NOT_INHERITED);
  for (let other = 0; other < 1000; other++) memo.set(`other ${other}`, entry);
  expect(memo.get("k")).toBe(entry);
  expect(memo.get("none")).toBe(NOT_INHERITED);
});

test("it is bounded, and what is asked for again outlives what is not", () => {
  const memo = new InheritedMemo();
  const entry = new Inherited(3, "v");
  memo.set("asked for", entry);
  memo.set("forgotten", entry);
  for (let other = 0; other < 40_000; other++) {
    memo.set(`other ${other}`, entry);
    memo.get("asked for");
  }
  let remembered = 0;
  for (let other = 0; other < 40_000; other++) if (memo.get(`other ${other}`) !== undefined) remembered++;
  expect(memo.get("forgotten")).toBeUndefined();
  expect(remembered).toBeLessThanOrEqual(8192);
});

test("a key asked for again and again stays", () => {
  const memo = new InheritedMemo();
  memo.set("asked for", new Inherited(3, "v"));
  for (let other = 0; other < 20_000; other++) {
    memo.set(`other ${other}`, NOT_INHERITED);
    expect(memo.get("asked for")?.stored).toBe("v");
  }
});
