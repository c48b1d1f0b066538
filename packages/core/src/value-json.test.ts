import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalBytes, type Json, StrataError, Value } from "./index.js";
import { anyValue } from "./testing/index.js";

describe("Value.toJson and Value.fromJson", () => {
  test("lose nothing, also through text", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const json = JSON.parse(JSON.stringify(Value.toJson(value))) as Json;
        const back = Value.fromJson(json);
        expect(isDeepStrictEqual(back, value)).toBe(true);
        expect(Buffer.compare(canonicalBytes(back), canonicalBytes(value))).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("tag what JSON cannot hold", () => {
    expect(
      Value.toJson([
        Uint8Array.of(1, 2),
        2n ** 53n,
        -0,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
      ]),
    ).toEqual([
      { $bytes: "AQI=" },
      { $int: "9007199254740992" },
      { $float: "-0" },
      { $float: "NaN" },
      { $float: "Infinity" },
      { $float: "-Infinity" },
    ]);
    expect(Value.toJson({ a: [1, null, "x", { b: true }] })).toEqual({ a: [1, null, "x", { b: true }] });
  });

  test("wrap only objects that would read as tags", () => {
    expect(Value.toJson({ $bytes: "mine" })).toEqual({ $object: { $bytes: "mine" } });
    expect(Value.toJson({ $object: {} })).toEqual({ $object: { $object: {} } });
    expect(Value.toJson({ $bytes: "mine", more: 1 })).toEqual({ $bytes: "mine", more: 1 });
    expect(Value.fromJson({ $object: { $bytes: "mine" } })).toEqual({ $bytes: "mine" });
  });

  test("leave large bytes whole", () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => i);
    expect(isDeepStrictEqual(Value.fromJson(Value.toJson(bytes)), bytes)).toBe(true);
  });

  test.each([
    { $bytes: "AQI" },
    { $bytes: "A Q I=" },
    { $bytes: "AQJ=" },
    { $bytes: 1 },
    { $int: "1" },
    { $int: "9007199254740991" },
    { $int: "09007199254740993" },
    { $int: "9223372036854775808" },
    { $int: "1e30" },
    { $float: "0" },
    { $float: "nan" },
    { $object: [] },
    { $object: null },
    { $object: "x" },
  ] as Json[])("a malformed tag is refused: %j", (json) => {
    const error = (() => {
      try {
        return Value.fromJson([json]);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(StrataError.is(error, "INVALID_VALUE") && error.hint).toContain("$object");
  });

  test("keep hostile member names as data", () => {
    const json = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as Json;
    const value = Value.fromJson(json) as object;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(Value.toJson(value as Value))).toBe(JSON.stringify(json));
  });

  test("refuse what is no JSON, nested too deeply or cyclic", () => {
    const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000)) as Json;
    expect(() => Value.fromJson(deep)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
    const cycle: Json[] = [];
    cycle.push(cycle);
    expect(() => Value.fromJson(cycle)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
    expect(() => Value.toJson(cycle as Value)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
    expect(() => Value.fromJson(undefined as unknown as Json)).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE" }),
    );
    expect(() => Value.toJson((() => 1) as unknown as Value)).toThrow(
      expect.objectContaining({ code: "INVALID_VALUE" }),
    );
  });
});
