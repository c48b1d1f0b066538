import { Box } from "@strata/storage";
import { describe, expect, test } from "vitest";
import { hasText, textsOf, textsOfEvent } from "./entry-text.js";

const VALUE = { a: "one", n: 7, list: ["two", [{ deep: "three" }]], bytes: new Uint8Array([1]), none: null };

describe("the text of an entry", () => {
  test("is every string of its value, in order", () => {
    expect(textsOf("kv", "k", VALUE)).toEqual(["one", "two", "three"]);
    expect(textsOf("json", "k", new Box(VALUE))).toEqual(["one", "two", "three"]);
    expect(textsOf("kv", "k", "plain")).toEqual(["plain"]);
    expect(textsOf("kv", "k", 7)).toEqual([]);
  });

  test("is that of a cell behind its name, that of an event behind its type", () => {
    expect(textsOf("state", "build:status", "green")).toEqual(["build:status", "green"]);
    expect(textsOfEvent("tool.called", { tool: "grep" })).toEqual(["tool.called", "grep"]);
  });

  test("is there or not", () => {
    expect(hasText("kv", VALUE)).toBe(true);
    expect(hasText("kv", { n: 1, list: [null, { bytes: new Uint8Array([1]) }] })).toBe(false);
    expect(hasText("json", new Box(["x"]))).toBe(true);
    expect(hasText("state", 7)).toBe(true);
  });
});
