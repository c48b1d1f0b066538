import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatStorageKey, PRIMITIVES, parseStorageKey, type StorageKey, StrataError } from "./index.js";
import { anyText } from "./testing/index.js";

const awkward = fc.oneof(
  fc.string({ unit: fc.constantFrom(":", "%", "2", "5", "3", "A", "a", "\0", "/"), maxLength: 6 }),
  anyText(10),
  fc.constantFrom("", "default", "x".repeat(65_536)),
);
const anyStorageKey: fc.Arbitrary<StorageKey> = fc.record({
  run: awkward,
  space: awkward,
  primitive: fc.constantFrom(...PRIMITIVES),
  key: awkward,
});

describe("formatStorageKey", () => {
  test("reads as run, space, primitive and key", () => {
    expect(formatStorageKey({ run: "default", space: "notes", primitive: "kv", key: "user:1" })).toBe(
      "default:notes:kv:user:1",
    );
    expect(formatStorageKey({ run: "a:b", space: "50%", primitive: "json", key: "%:" })).toBe("a%3Ab:50%25:json:%:");
  });

  test("comes back, whatever the names hold", () => {
    fc.assert(
      fc.property(anyStorageKey, (address) => {
        expect(parseStorageKey(formatStorageKey(address))).toEqual(address);
      }),
      { numRuns: 2000 },
    );
  });

  test("no two addresses share a text", () => {
    fc.assert(
      fc.property(anyStorageKey, anyStorageKey, (a, b) => {
        const same = a.run === b.run && a.space === b.space && a.primitive === b.primitive && a.key === b.key;
        expect(formatStorageKey(a) === formatStorageKey(b)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    "",
    "a",
    "a:b",
    "a:b:kv",
    "a:b:cell:k",
    "a:b:KV:k",
    "a%3a:b:kv:k",
    "a%:b:kv:k",
    "a:%2:kv:k",
    undefined,
    1,
  ])("parse refuses %j", (text) => {
    const thrown = (() => {
      try {
        return parseStorageKey(text as string);
      } catch (error) {
        return error;
      }
    })();
    expect(StrataError.is(thrown, "INVALID_KEY")).toBe(true);
  });
});
