import { copyValue, DEFAULT_LIMITS, type Value } from "@strata/core";
import { anyName } from "@strata/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { getAt } from "./json-tree.js";
import { mergePatch } from "./merge-patch.js";

describe("the cases of RFC 7396, appendix A, and some of ours", () => {
  const cases: readonly (readonly [target: unknown, patch: unknown, result: unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 1 }, { b: { c: null, d: [{ e: null }] } }, { a: 1, b: { d: [{ e: null }] } }],
    [{ a: 1 }, { a: { b: null } }, { a: {} }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
    [{ a: new Uint8Array([1]) }, { a: { b: 1 } }, { a: { b: 1 } }],
    [{ a: { b: 1 } }, { a: new Uint8Array([1]) }, { a: new Uint8Array([1]) }],
  ];
  test.each(cases)("case %#", (target, patch, result) => {
    const merged = mergePatch(value(target), value(patch));
    expect(merged).toEqual(result);
    if (typeof merged === "object") expect(Object.isFrozen(merged) || merged instanceof Uint8Array).toBe(true);
  });

  test("where there is nothing, the patch without its nulls", () => {
    expect(mergePatch(undefined, value({ a: { b: null, c: 1 }, d: null }))).toEqual({ a: { c: 1 } });
  });
});

test("what does not change stays the same object", () => {
  const target = value({ a: { b: 1 }, c: { d: 2 } });
  expect(mergePatch(target, value({ a: { b: 1 }, x: null }))).toBe(target);
  const merged = mergePatch(target, value({ a: { b: 9 } }));
  expect(getAt(merged, ["c"])).toBe(getAt(target, ["c"]));
  const patch = value({ n: { o: { p: 1 } } });
  expect(getAt(mergePatch(target, patch), ["n"])).toBe(getAt(patch, ["n"]));
});

test("inherited names are members like any other", () => {
  const patch = value(
    JSON.parse('{"__proto__": {"polluted": 1, "gone": null}, "constructor": {"prototype": {"polluted": 1}}}'),
  );
  const merged = mergePatch(value({}), patch) as object;
  expect(Object.keys(merged)).toEqual(["__proto__", "constructor"]);
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined();
  const removed = mergePatch(merged as Value, value(JSON.parse('{"__proto__": null}'))) as object;
  expect(Object.keys(removed)).toEqual(["constructor"]);
});

test("a patch as deep as values may be merges", () => {
  let deep: unknown = null;
  for (let i = 0; i < 127; i++) deep = { a: deep, b: i };
  const merged = mergePatch(mergePatch(undefined, value(deep)), value(deep));
  expect(JSON.stringify(merged)).not.toContain("null");
});

test("it is the algorithm of the standard, on members by name", () => {
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "medium" },
      fc.constantFrom(null, 1, "x", true),
      fc.array(fc.constantFrom(null, 1, { a: null }), { maxLength: 2 }),
      fc
        .uniqueArray(fc.tuple(fc.oneof(fc.constantFrom("a", "b", "__proto__"), anyName()), tie("tree")), {
          selector: ([name]) => name,
          maxLength: 4,
        })
        .map((members) => new Map(members)),
    ),
  }));
  fc.assert(
    fc.property(tree, tree, (target, patch) => {
      const merged = mergePatch(value(fromMaps(target)), value(fromMaps(patch)));
      expect(merged).toEqual(fromMaps(naiveMerge(target, patch)));
    }),
  );
});

/** RFC 7396, section 2, word by word, on Maps in place of objects. */
function naiveMerge(target: unknown, patch: unknown): unknown {
  if (!(patch instanceof Map)) return patch;
  const result = new Map<string, unknown>(target instanceof Map ? target : []);
  for (const [name, change] of patch) {
    if (change === null) result.delete(name);
    else result.set(name, naiveMerge(result.get(name), change));
  }
  return result;
}

function fromMaps(tree: unknown): unknown {
  return tree instanceof Map ? Object.fromEntries([...tree].map(([name, inner]) => [name, fromMaps(inner)])) : tree;
}

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
