import type { Value } from "@strata/core";
import { describe, expect, test } from "vitest";
import { compileWhere, WHERE_DEPTH_MAX, WHERE_NODES_MAX, type Where } from "./where.js";

const holds = (where: unknown, value: Value | undefined) => compileWhere(where, "json.find").matches(value);

describe("a Where", () => {
  const document = {
    name: "Ada",
    age: 36,
    tags: ["a", 2, null],
    at: { city: "Zürich", "a.b": 1 },
    none: null,
    on: true,
    big: 2n ** 63n - 1n,
    list: [{ n: 1 }, { n: 2 }],
  };

  const true_: Where[] = [
    {},
    { name: "Ada" },
    { "$.name": "Ada" },
    { '["name"]': "Ada" },
    { name: "Ada", age: 36 },
    { none: null },
    { on: true },
    { "at.city": "Zürich" },
    { 'at["a.b"]': 1 },
    { "tags[0]": "a" },
    { "tags[-1]": null },
    { "list[1].n": 2 },
    { age: { $gt: 35, $lt: 37 } },
    { age: { $gte: 36, $lte: 36 } },
    { age: { $gt: 35.5 } },
    { age: { $lt: Number.POSITIVE_INFINITY } },
    { name: { $gte: "Ad", $lt: "B" } },
    { name: { $prefix: "A" } },
    { name: { $prefix: "" } },
    { name: { $contains: "d" } },
    { tags: { $contains: 2 } },
    { tags: { $contains: null } },
    { on: { $gt: false } },
    { none: { $gte: null } },
    { age: { $in: [1, 36n] } },
    { age: { $nin: [1, "36"] } },
    { age: { $nin: [] } },
    { age: { $ne: 35 } },
    { age: { $ne: "36" } },
    { at: { $exists: true } },
    { gone: { $exists: false } },
    { $not: { gone: { $ne: 1 } } },
    { $not: { name: "Bob" } },
    { $and: [] },
    { $and: [{ name: "Ada" }, { age: 36 }] },
    { $or: [{ name: "Bob" }, { age: 36 }] },
    { age: { $gt: 1, $lt: undefined } },
    { $: { $exists: true } },
  ];
  test.each(true_)("holds: %o", (where) => {
    expect(holds(where, document)).toBe(true);
  });

  const false_: Where[] = [
    { name: "Bob" },
    { name: "Ada", age: 35 },
    { age: "36" },
    { age: { $gt: "1" } },
    { age: { $gte: null } },
    { name: { $gt: 1 } },
    { on: { $gt: 0 } },
    { on: 1 },
    { none: { $exists: false } },
    { none: false },
    { gone: null },
    { gone: { $ne: 1 } },
    { gone: { $nin: [1] } },
    { gone: { $exists: true } },
    { gone: { $lt: 1 } },
    { tags: { $contains: "2" } },
    { tags: { $gt: 0 } },
    { age: { $contains: 3 } },
    { name: { $contains: 1 } },
    { tags: { $prefix: "a" } },
    { "name[0]": "A" },
    { "name.length": 3 },
    { age: { $in: [] } },
    { $or: [] },
    { $not: {} },
    { $not: { gone: { $exists: false } } },
  ];
  test.each(false_)("does not hold: %o", (where) => {
    expect(holds(where, document)).toBe(false);
  });

  test("compares numbers exactly, whether number or bigint", () => {
    const big = 2n ** 53n + 1n;
    expect(holds({ $: { $gt: 2 ** 53 } }, big)).toBe(true);
    expect(holds({ $: 2 ** 53 }, big)).toBe(false);
    expect(holds({ $: { $in: [2 ** 53] } }, big)).toBe(false);
    expect(holds({ $: { $in: [big] } }, big)).toBe(true);
    expect(holds({ $: 2 ** 60 }, 2n ** 60n)).toBe(true);
    expect(holds({ $: 2n ** 60n }, 2n ** 60n)).toBe(true);
    expect(holds({ $: { $in: [2 ** 60] } }, 2n ** 60n)).toBe(true);
    expect(holds({ $: { $gte: 2n ** 60n, $lte: 2n ** 60n } }, 2 ** 60)).toBe(true);
    expect(holds({ $: 5n }, 5)).toBe(true);
    expect(holds({ $: -0 }, 0)).toBe(true);
    expect(holds({ $: 10n ** 400n }, Number.POSITIVE_INFINITY)).toBe(false);
    expect(holds({ $: { $lt: 10n ** 400n } }, Number.POSITIVE_INFINITY)).toBe(false);
  });

  test("finds a stored NaN in no order and equal to nothing", () => {
    for (const where of [{ $gte: 0 }, { $lte: 0 }, { $in: [0] }, { $eq: 0 }]) {
      expect(holds({ $: where }, Number.NaN)).toBe(false);
    }
    expect(holds({ $: { $ne: 0 } }, Number.NaN)).toBe(true);
  });

  test("orders strings by code point", () => {
    expect(holds({ $: { $gt: "\u{ffff}" } }, "\u{10000}")).toBe(true);
  });

  test("sees own members only", () => {
    expect(holds({ toString: { $exists: true } }, {})).toBe(false);
    expect(holds(JSON.parse('{"__proto__": {"$exists": true}}'), {})).toBe(false);
    expect(holds(JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}'))).toBe(true);
  });

  test("asks for missing fields of what does not exist at all", () => {
    expect(holds({ a: 1 }, undefined)).toBe(false);
    expect(holds({ $: { $exists: false } }, undefined)).toBe(true);
    expect(holds({}, undefined)).toBe(true);
  });

  test("is what it was when it was checked", () => {
    const where = { a: { $in: [1] } };
    const predicate = compileWhere(where, "json.find");
    where.a.$in.push(2);
    expect(predicate.matches({ a: 2 })).toBe(false);
  });

  test("shows its structure, with equal paths and numbers in one form", () => {
    expect(compileWhere({ '$["a"]': 5n, $or: [{ b: { $in: [1n, 1] } }] }, "json.find").tree).toEqual({
      kind: "and",
      nodes: [
        { kind: "field", field: "$.a", path: ["a"], operator: "$eq", operand: 5 },
        { kind: "or", nodes: [{ kind: "field", field: "$.b", path: ["b"], operator: "$in", operand: new Set([1]) }] },
      ],
    });
  });

  test("may combine fields with $and, $or and $not", () => {
    const where = { age: 36, $or: [{ name: "Ada" }], $not: { name: "Bob" } };
    expect(holds(where, document)).toBe(true);
    expect(holds(where, { age: 36, name: "Bob" })).toBe(false);
  });
});

describe("a Where is refused", () => {
  class Money {
    amount = 1;
  }
  const refused: [what: string, where: unknown, message: RegExp | string][] = [
    ["when it is missing", undefined, "json.find: where takes a condition as an object, not undefined"],
    ["when it is null", null, "not null"],
    ["when it is text", "a", "not a string"],
    ["when it is an array", [{ a: 1 }], "not an array"],
    ["when it inherits its conditions", { __proto__: { tenant: 1 } }, "takes a condition as an object"],
    ["when it is an instance", new Money(), "takes a condition as an object"],
    ["with an unknown combination", { $adn: [] }, 'where.$adn has no operator "$adn" here; did you mean "$and"?'],
    ["with a field's operator around", { $gt: 1 }, "it stands in a field's condition"],
    ["with an unknown operator", { a: { $gtt: 1 } }, 'has no operator "$gtt" here; did you mean "$gt"?'],
    ["with $not inside a field", { a: { $not: { $gt: 1 } } }, "it stands around conditions"],
    [
      "with an operator that looks inherited",
      { a: JSON.parse('{"__proto__": 1}') },
      'has "__proto__" where an operator',
    ],
    ["with a nested object", { a: { b: 1 } }, 'has "b" where an operator is expected'],
    ["with an empty condition", { a: {} }, "has a field without any operator"],
    ["with a condition that is undefined", { a: { $eq: undefined } }, "has a field without any operator"],
    ["with an undefined field", { a: undefined }, "not undefined"],
    ["with an array to compare with", { a: [1] }, "not with an array"],
    ["with a date to compare with", { a: new Date(0) }, "takes a scalar or operators"],
    ["with bytes to compare with", { a: { $eq: new Uint8Array(1) } }, "compares with null"],
    ["with NaN", { a: Number.NaN }, "compares with NaN"],
    ["with NaN among several", { a: { $in: [1, Number.NaN] } }, 'where["a"].$in[1] compares with NaN'],
    ["with an $in that is no list", { a: { $in: "abc" } }, "takes a list of values"],
    ["with a hole in $in", { a: { $in: new Array(1) } }, "not with undefined"],
    ["with an $and that is no list", { $and: {} }, "takes a list of conditions"],
    ["with an $and of holes", { $and: new Array(3) }, "where.$and[0] takes a condition"],
    ["with a $not of nothing", { $not: null }, "not null"],
    ["with $exists of a number", { a: { $exists: 1 } }, "takes true or false"],
    ["with $prefix of a number", { a: { $prefix: 1 } }, "takes a string"],
  ];
  test.each(refused)("%s", (_what, where, message) => {
    expect(() => compileWhere(where, "json.find")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(asPattern(message)) }),
    );
  });

  test.each(["a..b", "a[", "a[-]", "a[*]", "[-]"])("with a field that is no path to read: %s", (field) => {
    expect(() => compileWhere({ [field]: 1 }, "json.find")).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
  });

  test("says how to name what is nested, or begins with $", () => {
    const hintOf = (where: unknown) => {
      try {
        compileWhere(where, "json.find");
      } catch (error) {
        return (error as { hint: string }).hint;
      }
      return undefined;
    };
    expect(hintOf({ "a.b": { "c d": 1 } })).toContain('a.b[\\"c d\\"]');
    expect(hintOf({ $type: 1 })).toContain('$[\\"$type\\"]');
    expect(holds({ '$["$type"]': 1 }, { $type: 1 })).toBe(true);
  });

  test("when it is nested too deep", () => {
    const nested = (depth: number) => {
      let where: unknown = { a: 1 };
      for (let i = 1; i < depth; i++) where = i % 2 === 0 ? { $not: where } : { $and: [where] };
      return where;
    };
    expect(holds(nested(WHERE_DEPTH_MAX), { a: 1 })).toBeTypeOf("boolean");
    for (const depth of [WHERE_DEPTH_MAX + 1, 100, 100_000]) {
      expect(() => compileWhere(nested(depth), "json.find")).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          facts: expect.objectContaining({ limit: "whereDepth", max: 64 }),
        }),
      );
    }
    const cycle: { $not?: unknown } = {};
    cycle.$not = cycle;
    expect(() => compileWhere(cycle, "json.find")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("when parts that are used again and again make it too large", () => {
    let where: unknown = { a: 1 };
    for (let i = 0; i < 40; i++) where = { $and: [where, where] };
    expect(() => compileWhere(where, "json.find")).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ limit: "whereNodes", max: WHERE_NODES_MAX }) }),
    );
  });
});

function asPattern(message: RegExp | string): RegExp {
  return typeof message === "string" ? new RegExp(message.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")) : message;
}
