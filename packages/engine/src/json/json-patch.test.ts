import { copyValue, DEFAULT_LIMITS, StrataError, Value } from "@strata/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyOperation } from "./json-operation.js";
import { applyPatch, type PatchOperation } from "./json-patch.js";

interface Case {
  readonly why: string;
  readonly document: unknown;
  readonly patch: readonly unknown[];
  /** What the patch makes of it, or the code it fails with. */
  readonly result?: unknown;
  readonly code?: string;
}

const cases: readonly Case[] = [
  { why: "an empty patch changes nothing", document: { a: 1 }, patch: [], result: { a: 1 } },
  {
    why: "add sets a member",
    document: { foo: "bar" },
    patch: [{ op: "add", path: "/baz", value: "qux" }],
    result: { baz: "qux", foo: "bar" },
  },
  {
    why: "add replaces a member",
    document: { foo: 1 },
    patch: [{ op: "add", path: "/foo", value: [1] }],
    result: { foo: [1] },
  },
  {
    why: "add inserts an element",
    document: { foo: ["bar", "baz"] },
    patch: [{ op: "add", path: "/foo/1", value: "qux" }],
    result: { foo: ["bar", "qux", "baz"] },
  },
  {
    why: "add at the length appends",
    document: [1, 2],
    patch: [{ op: "add", path: "/2", value: 3 }],
    result: [1, 2, 3],
  },
  {
    why: "add at - appends",
    document: { a: [1] },
    patch: [{ op: "add", path: "/a/-", value: [2] }],
    result: { a: [1, [2]] },
  },
  {
    why: "add beyond the length fails",
    document: [1, 2],
    patch: [{ op: "add", path: "/3", value: 3 }],
    code: "INVALID_PATH",
  },
  {
    why: "add below nothing fails",
    document: { a: 1 },
    patch: [{ op: "add", path: "/b/c", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "add below a scalar fails",
    document: { a: 1 },
    patch: [{ op: "add", path: "/a/c", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "add at the root replaces the document",
    document: { a: 1 },
    patch: [{ op: "add", path: "", value: [1] }],
    result: [1],
  },
  { why: "add of null adds null", document: {}, patch: [{ op: "add", path: "/a", value: null }], result: { a: null } },
  {
    why: "add with a bad index fails",
    document: [1],
    patch: [{ op: "add", path: "/bar", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "add with a padded index fails",
    document: [1, 2, 3],
    patch: [{ op: "add", path: "/01", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "add with a fractional index fails",
    document: [1],
    patch: [{ op: "add", path: "/1e0", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "numbers are members of objects",
    document: { foo: 1 },
    patch: [{ op: "add", path: "/0", value: "x" }],
    result: { foo: 1, "0": "x" },
  },
  { why: "the empty name is a member", document: {}, patch: [{ op: "add", path: "/", value: 1 }], result: { "": 1 } },
  {
    why: "remove takes a member away",
    document: { baz: 1, foo: 2 },
    patch: [{ op: "remove", path: "/baz" }],
    result: { foo: 2 },
  },
  {
    why: "remove takes an element away",
    document: { foo: [1, 2, 3] },
    patch: [{ op: "remove", path: "/foo/1" }],
    result: { foo: [1, 3] },
  },
  { why: "remove of nothing fails", document: { a: 1 }, patch: [{ op: "remove", path: "/b" }], code: "INVALID_PATH" },
  { why: "remove of - fails", document: [1], patch: [{ op: "remove", path: "/-" }], code: "INVALID_PATH" },
  {
    why: "remove of the root removes the document",
    document: { a: 1 },
    patch: [{ op: "remove", path: "" }],
    result: undefined,
  },
  {
    why: "a removed document can be added again",
    document: { a: 1 },
    patch: [
      { op: "remove", path: "" },
      { op: "add", path: "", value: 2 },
    ],
    result: 2,
  },
  {
    why: "replace keeps the place",
    document: { a: 1, b: 2 },
    patch: [{ op: "replace", path: "/a", value: 3 }],
    result: { a: 3, b: 2 },
  },
  {
    why: "replace of an element",
    document: ["a", "b"],
    patch: [{ op: "replace", path: "/0", value: null }],
    result: [null, "b"],
  },
  {
    why: "replace of nothing fails",
    document: { a: 1 },
    patch: [{ op: "replace", path: "/b", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "replace at the length fails",
    document: [1],
    patch: [{ op: "replace", path: "/1", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "replace of the root",
    document: { a: 1 },
    patch: [{ op: "replace", path: "", value: { b: 2 } }],
    result: { b: 2 },
  },
  {
    why: "move renames",
    document: { foo: { bar: 1, waldo: 2 }, qux: {} },
    patch: [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    result: { foo: { bar: 1 }, qux: { thud: 2 } },
  },
  {
    why: "move of an element",
    document: { foo: ["all", "grass", "cows", "eat"] },
    patch: [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    result: { foo: ["all", "cows", "eat", "grass"] },
  },
  {
    why: "move to itself changes nothing",
    document: { a: [1] },
    patch: [{ op: "move", from: "/a/0", path: "/a/0" }],
    result: { a: [1] },
  },
  {
    why: "move of nothing fails",
    document: { a: 1 },
    patch: [{ op: "move", from: "/b", path: "/c" }],
    code: "INVALID_PATH",
  },
  {
    why: "move into itself fails",
    document: { a: { b: 1 } },
    patch: [{ op: "move", from: "/a", path: "/a/b/c" }],
    code: "INVALID_PATH",
  },
  {
    why: "move to the end counts the array without the element",
    document: [1, 2, 3],
    patch: [{ op: "move", from: "/0", path: "/3" }],
    code: "INVALID_PATH",
  },
  {
    why: "move to a name that begins alike is no move into itself",
    document: { a: 1 },
    patch: [{ op: "move", from: "/a", path: "/ab" }],
    result: { ab: 1 },
  },
  {
    why: "move over the root",
    document: { a: { b: 1 } },
    patch: [{ op: "move", from: "/a", path: "" }],
    result: { b: 1 },
  },
  {
    why: "copy duplicates",
    document: { a: { b: 1 }, c: [] },
    patch: [{ op: "copy", from: "/a", path: "/c/-" }],
    result: { a: { b: 1 }, c: [{ b: 1 }] },
  },
  {
    why: "copy into itself is allowed",
    document: { a: { b: 1 } },
    patch: [{ op: "copy", from: "/a", path: "/a/c" }],
    result: { a: { b: 1, c: { b: 1 } } },
  },
  {
    why: "copy of the root",
    document: { a: 1 },
    patch: [{ op: "copy", from: "", path: "/self" }],
    result: { a: 1, self: { a: 1 } },
  },
  { why: "copy of nothing fails", document: {}, patch: [{ op: "copy", from: "/b", path: "/c" }], code: "INVALID_PATH" },
  {
    why: "test passes on an equal value",
    document: { baz: "qux", foo: ["a", 2, "c"] },
    patch: [{ op: "test", path: "/foo/1", value: 2 }],
    result: { baz: "qux", foo: ["a", 2, "c"] },
  },
  {
    why: "test ignores the order of members",
    document: { a: { x: 1, y: [2] } },
    patch: [{ op: "test", path: "/a", value: { y: [2], x: 1 } }],
    result: { a: { x: 1, y: [2] } },
  },
  {
    why: "test fails on another value",
    document: { baz: "qux" },
    patch: [{ op: "test", path: "/baz", value: "bar" }],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "test tells a number from a text",
    document: { "~1": 10 },
    patch: [{ op: "test", path: "/~01", value: "10" }],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "test tells null from nothing",
    document: {},
    patch: [{ op: "test", path: "/a", value: null }],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "test fails where no path leads",
    document: { a: 1 },
    patch: [{ op: "test", path: "/a/b/c", value: 1 }],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "test tells an empty object from an empty array",
    document: { a: {} },
    patch: [{ op: "test", path: "/a", value: [] }],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "a failing test undoes everything",
    document: { a: 1 },
    patch: [
      { op: "replace", path: "/a", value: 2 },
      { op: "test", path: "/a", value: 1 },
    ],
    code: "PATCH_TEST_FAILED",
  },
  {
    why: "operations see the ones before",
    document: {},
    patch: [
      { op: "add", path: "/a", value: {} },
      { op: "add", path: "/a/b", value: 1 },
      { op: "move", from: "/a/b", path: "/c" },
    ],
    result: { a: {}, c: 1 },
  },
  {
    why: "members beside the known ones are ignored",
    document: { a: 1 },
    patch: [{ op: "remove", path: "/a", xyz: 1, from: 5 }],
    result: {},
  },
  {
    why: "inherited names are data",
    document: {},
    patch: [
      { op: "add", path: "/__proto__", value: { polluted: 1 } },
      { op: "add", path: "/constructor", value: {} },
      { op: "add", path: "/constructor/prototype", value: 1 },
    ],
    result: JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": 1}}'),
  },
  {
    why: "inherited properties are not there",
    document: {},
    patch: [{ op: "add", path: "/__proto__/polluted", value: 1 }],
    code: "INVALID_PATH",
  },
  {
    why: "an unknown operation fails",
    document: {},
    patch: [{ op: "spam", path: "/a", value: 1 }],
    code: "INVALID_ARGUMENT",
  },
  {
    why: "an inherited name is no operation",
    document: {},
    patch: [{ op: "toString", path: "/a", value: 1 }],
    code: "INVALID_ARGUMENT",
  },
  { why: "a missing op fails", document: {}, patch: [{ path: "/a", value: 1 }], code: "INVALID_ARGUMENT" },
  { why: "a missing path fails", document: {}, patch: [{ op: "add", value: 1 }], code: "INVALID_ARGUMENT" },
  {
    why: "a path that is no text fails",
    document: {},
    patch: [{ op: "add", path: null, value: 1 }],
    code: "INVALID_ARGUMENT",
  },
  { why: "a missing value fails", document: {}, patch: [{ op: "add", path: "/a" }], code: "INVALID_ARGUMENT" },
  { why: "a missing from fails", document: { a: 1 }, patch: [{ op: "copy", path: "/a" }], code: "INVALID_ARGUMENT" },
  { why: "what is no object fails", document: {}, patch: [null], code: "INVALID_ARGUMENT" },
  { why: "a malformed pointer fails", document: { a: 1 }, patch: [{ op: "remove", path: "a" }], code: "INVALID_PATH" },
  {
    why: "a value that is none fails",
    document: {},
    patch: [{ op: "add", path: "/a", value: new Date(0) }],
    code: "INVALID_VALUE",
  },
  {
    why: "a number that JSON cannot say fails",
    document: {},
    patch: [{ op: "add", path: "/a", value: [Number.NaN] }],
    code: "INVALID_VALUE",
  },
  {
    why: "a malformed operation fails before any is applied",
    document: {},
    patch: [{ op: "test", path: "/a", value: 1 }, { op: "add" }],
    code: "INVALID_ARGUMENT",
  },
];

describe("RFC 6902", () => {
  test.each(cases)("$why", ({ document, patch, result, code }) => {
    const root = value(document);
    const before = JSON.stringify(root);
    if (code !== undefined) {
      expect(() => applyPatch(root, patch as PatchOperation[], DEFAULT_LIMITS)).toThrow(
        expect.objectContaining({ code }),
      );
    } else {
      const applied = applyPatch(root, patch as PatchOperation[], DEFAULT_LIMITS);
      expect(applied.root).toEqual(result);
      expect(applied.steps).toHaveLength(patch.length);
      expect(replay(root, applied.operations)).toEqual(result);
    }
    expect(JSON.stringify(root)).toBe(before);
  });
});

test("on a document that does not exist only add at the root succeeds", () => {
  expect(applyPatch(undefined, [{ op: "add", path: "", value: { a: 1 } }], DEFAULT_LIMITS).root).toEqual({ a: 1 });
  for (const operation of [
    { op: "add", path: "/a", value: 1 },
    { op: "replace", path: "", value: 1 },
    { op: "remove", path: "" },
    { op: "copy", from: "", path: "/a" },
  ] as const) {
    expect(() => applyPatch(undefined, [operation], DEFAULT_LIMITS)).toThrow(
      expect.objectContaining({ code: "INVALID_PATH" }),
    );
  }
  expect(() => applyPatch(undefined, [{ op: "test", path: "", value: null }], DEFAULT_LIMITS)).toThrow(
    expect.objectContaining({ code: "PATCH_TEST_FAILED" }),
  );
});

test("a failed test tells which operation, what it expected and what it found", () => {
  const patch: PatchOperation[] = [
    { op: "test", path: "/a", value: 1 },
    { op: "test", path: "/b", value: [2] },
  ];
  expect(() => applyPatch(value({ a: 1, b: [3] }), patch, DEFAULT_LIMITS)).toThrow(
    expect.objectContaining({ code: "PATCH_TEST_FAILED", facts: { index: 1, path: "/b", expected: [2], actual: [3] } }),
  );
});

test("what the caller keeps of a patch is copied", () => {
  const inner = { b: 1 };
  const { root } = applyPatch(value({}), [{ op: "add", path: "/a", value: inner }], DEFAULT_LIMITS);
  inner.b = 2;
  expect(root).toEqual({ a: { b: 1 } });
});

test("a patch cannot nest a document deeper than documents may", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 60; i++) deep = { a: deep };
  const pointer = "/a".repeat(60);
  expect(() => applyPatch(value(deep), [{ op: "copy", from: "", path: pointer }], DEFAULT_LIMITS)).toThrow(
    expect.objectContaining({ code: "LIMIT_VALUE" }),
  );
  expect(() =>
    applyPatch(value(deep), [{ op: "copy", from: "/a/a/a", path: "/a/a/a/a/a/a/b" }], DEFAULT_LIMITS),
  ).not.toThrow();
});

test("what is no array is no patch", () => {
  expect(() => applyPatch(value({}), {} as PatchOperation[], DEFAULT_LIMITS)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});

test("the operations of any patch that succeeds lead to its document", () => {
  const anyToken = fc.constantFrom("a", "b", "0", "1", "-", "__proto__");
  const anyPointer = fc.array(anyToken, { maxLength: 3 }).map((tokens) => tokens.map((token) => `/${token}`).join(""));
  const anyTree = fc.constantFrom<unknown>(
    null,
    1,
    [],
    [1, [2]],
    {},
    { a: [1, 2] },
    { a: { b: 1 }, b: [{ a: 1 }] },
    JSON.parse('{"__proto__": [1]}'),
  );
  const anyOperation = fc.oneof(
    fc.record({ op: fc.constantFrom("add" as const, "replace" as const), path: anyPointer, value: anyTree }),
    fc.record({ op: fc.constant("remove" as const), path: anyPointer }),
    fc.record({ op: fc.constantFrom("move" as const, "copy" as const), from: anyPointer, path: anyPointer }),
  );
  let applied = 0;
  fc.assert(
    fc.property(anyTree, fc.array(anyOperation, { maxLength: 6 }), (document, patch) => {
      const root = value(document);
      const fitting: PatchOperation[] = [];
      for (const operation of patch) {
        try {
          applyPatch(root, [...fitting, operation], DEFAULT_LIMITS);
          fitting.push(operation);
          applied++;
        } catch (error) {
          if (!StrataError.is(error)) throw error;
        }
      }
      const result = applyPatch(root, fitting, DEFAULT_LIMITS);
      const replayed = replay(root, result.operations);
      expect(replayed === result.root || Value.equal(replayed as Value, result.root as Value)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(applied).toBeGreaterThan(200);
});

function replay(
  root: Value | undefined,
  operations: readonly Parameters<typeof applyOperation>[1][],
): Value | undefined {
  return operations.reduce<Value | undefined>(applyOperation, root);
}

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
