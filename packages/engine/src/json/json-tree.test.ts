import { ARRAY_LENGTH_MAX, copyValue, DEFAULT_LIMITS, OBJECT_MEMBERS_MAX, type Value } from "@strata/core";
import { afterEach, describe, expect, test } from "vitest";
import { APPEND, type JsonPath, parseJsonPath } from "./json-path.js";
import { deleteAt, getAt, insertAt, resolvePath, setAt } from "./json-tree.js";

const prototypeNames = Object.getOwnPropertyNames(Object.prototype).sort();
afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(prototypeNames);
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined();
});

const document = value({ user: { name: "Ada", tags: ["x", "y", "z"] }, other: { deep: [1, [2, 3]] }, none: null });

describe("reading", () => {
  const cases: readonly (readonly [JsonPath, unknown])[] = [
    ["$", document],
    ["user.name", "Ada"],
    ["user.tags[1]", "y"],
    ["user.tags[-1]", "z"],
    ["user.tags[-3]", "x"],
    ["other.deep[1][0]", 2],
    ["none", null],
    ["missing", undefined],
    ["missing.deeper[3].still", undefined],
    ["none.deeper", undefined],
    ["user.name.length", undefined],
    ["user.tags[3]", undefined],
    ["user.tags[-4]", undefined],
    ["user.tags.length", undefined],
    [["user", "tags", "1"], undefined],
    [["user", 0], undefined],
    ["user.toString", undefined],
    ["user.__proto__", undefined],
    ["constructor.prototype", undefined],
  ];
  test.each(cases)("%j", (path, expected) => {
    expect(getAt(document, parseJsonPath(path))).toBe(expected);
  });

  test("nothing is in a document that does not exist", () => {
    expect(getAt(undefined, [])).toBeUndefined();
    expect(getAt(undefined, ["a"])).toBeUndefined();
  });

  test("bytes are a scalar: nothing is inside them", () => {
    const bytes = value({ b: new Uint8Array([7, 8]) });
    expect(getAt(bytes, ["b", "0"])).toBeUndefined();
    expect(getAt(bytes, ["b", 0])).toBeUndefined();
    expect(getAt(bytes, ["b", "length"])).toBeUndefined();
  });

  test("the append marker cannot be read, even where nothing is", () => {
    for (const path of ["user.tags[-]", "missing[-]", "[-].x"]) {
      expect(() => getAt(document, parseJsonPath(path))).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
    }
  });
});

describe("setting", () => {
  test.each([
    ["$", "whole", "whole"],
    ["user.name", "Bob", { user: { name: "Bob", tags: ["x", "y", "z"] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[0]", 1, { user: { name: "Ada", tags: [1, "y", "z"] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[-1]", 1, { user: { name: "Ada", tags: ["x", "y", 1] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[3]", 1, { user: { name: "Ada", tags: ["x", "y", "z", 1] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[-]", 1, { user: { name: "Ada", tags: ["x", "y", "z", 1] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["none", 1, { user: { name: "Ada", tags: ["x", "y", "z"] }, other: { deep: [1, [2, 3]] }, none: 1 }],
  ])("%s to %j", (path, written, expected) => {
    expect(setAt(document, parseJsonPath(path), value(written))).toEqual(expected);
  });

  test.each([
    ["a.b.c", { a: { b: { c: 1 } } }],
    ["a[0].b", { a: [{ b: 1 }] }],
    ["a[-].b[-]", { a: [{ b: [1] }] }],
    ["[0][0]", [[1]]],
    ["$", 1],
  ])("in a document that does not exist, %s makes the parents", (path, expected) => {
    expect(setAt(undefined, parseJsonPath(path), 1)).toEqual(expected);
  });

  test("members keep their places, and a new one comes last", () => {
    const root = value({ a: 1, b: 2, c: 3 });
    expect(Object.keys(setAt(root, ["b"], 9) as object)).toEqual(["a", "b", "c"]);
    expect(Object.keys(setAt(root, ["d"], 9) as object)).toEqual(["a", "b", "c", "d"]);
  });

  test.each([
    ["user.name.first", "string", "object"],
    ["none.x", "null", "object"],
    ["user.tags.x", "array", "object"],
    ["user[0]", "object", "array"],
    ["user.name[0]", "string", "array"],
    ["user[-]", "object", "array"],
  ])("%s leads through the wrong type", (path, actual, expected) => {
    const before = JSON.stringify(document);
    expect(() => setAt(document, parseJsonPath(path), 1)).toThrow(
      expect.objectContaining({ code: "WRONG_TYPE", facts: expect.objectContaining({ actual, expected }) }),
    );
    expect(JSON.stringify(document)).toBe(before);
  });

  test("the message tells who indexes an object how to name a member", () => {
    expect(() => setAt(document, ["user", 7], 1)).toThrow(/named by the text "7"/);
  });

  test.each(["user.tags[4]", "user.tags[-4]", "missing[1]", "missing[-1]", "other.deep[1][9].x"])(
    "%s is outside the array",
    (path) => {
      expect(() => setAt(document, parseJsonPath(path), 1)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
    },
  );

  test("what is not on the way stays the same object, what is new is frozen", () => {
    const after = setAt(document, ["user", "name"], "Bob");
    expect(getAt(after, ["other"])).toBe(getAt(document, ["other"]));
    expect(getAt(after, ["user", "tags"])).toBe(getAt(document, ["user", "tags"]));
    expect(Object.isFrozen(after)).toBe(true);
    expect(Object.isFrozen(getAt(after, ["user"]))).toBe(true);
    expect(Object.isFrozen(getAt(setAt(undefined, ["a", 0, "b"], 1), ["a"]))).toBe(true);
  });

  test("setting the very value that is there gives the same document", () => {
    expect(setAt(document, ["user"], getAt(document, ["user"]) as Value)).toBe(document);
  });
});

describe("deleting", () => {
  test.each([
    ["user.name", { user: { tags: ["x", "y", "z"] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[0]", { user: { name: "Ada", tags: ["y", "z"] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["user.tags[-1]", { user: { name: "Ada", tags: ["x", "y"] }, other: { deep: [1, [2, 3]] }, none: null }],
    ["other.deep[1][0]", { user: { name: "Ada", tags: ["x", "y", "z"] }, other: { deep: [1, [3]] }, none: null }],
    ["none", { user: { name: "Ada", tags: ["x", "y", "z"] }, other: { deep: [1, [2, 3]] } }],
  ])("%s", (path, expected) => {
    const { root, removed } = deleteAt(document, parseJsonPath(path));
    expect(root).toEqual(expected);
    expect(removed).toBe(1);
    expect(Object.isFrozen(root)).toBe(true);
  });

  test("the root removes the document", () => {
    expect(deleteAt(document, [])).toEqual({ root: undefined, removed: 1 });
    expect(deleteAt(undefined, [])).toEqual({ root: undefined, removed: 0 });
  });

  test.each([
    "missing",
    "missing.x",
    "user.name.x",
    "user.tags[3]",
    "user.tags[-4]",
    "user.tags.x",
    "user[0]",
    "toString",
    "none.x",
  ])("%s is not there: the document stays the same object", (path) => {
    expect(deleteAt(document, parseJsonPath(path))).toEqual({ root: document, removed: 0 });
    expect(deleteAt(document, parseJsonPath(path)).root).toBe(document);
  });

  test("the append marker names nothing to delete", () => {
    expect(() => deleteAt(document, ["user", "tags", APPEND])).toThrow(
      expect.objectContaining({ code: "INVALID_PATH" }),
    );
  });
});

describe("inserting", () => {
  test.each([
    [0, [8, 9, 1, 2]],
    [1, [1, 8, 9, 2]],
    [2, [1, 2, 8, 9]],
  ])("before element %i", (index, expected) => {
    expect(insertAt(value([1, 2]), [], index, [8, 9])).toEqual(expected);
  });

  test("no values leave the document as it is", () => {
    const root = value({ a: [1] });
    expect(insertAt(root, ["a"], 1, [])).toBe(root);
  });

  test("there must be an array, and the index inside it", () => {
    expect(() => insertAt(document, ["user"], 0, [1])).toThrow(expect.objectContaining({ code: "WRONG_TYPE" }));
    expect(() => insertAt(document, ["missing"], 0, [1])).toThrow(expect.objectContaining({ code: "WRONG_TYPE" }));
    expect(() => insertAt(document, ["user", "tags"], 4, [1])).toThrow(
      expect.objectContaining({ code: "INVALID_PATH" }),
    );
  });

  test("a list longer than a call's arguments may be is inserted", () => {
    const long = Array.from({ length: 200_000 }, (_, i) => i);
    expect(insertAt(value([1, 2]), [], 1, long)).toHaveLength(200_002);
  });
});

test("relative steps are resolved against the document, absolute paths are returned as they are", () => {
  expect(resolvePath(document, ["user", "tags", -1])).toEqual(["user", "tags", 2]);
  expect(resolvePath(document, ["user", "tags", APPEND, "x", APPEND])).toEqual(["user", "tags", 3, "x", 0]);
  const path = ["user", "tags", 1] as const;
  expect(resolvePath(document, path)).toBe(path);
});

describe("names that objects inherit are plain members", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];
  test.each(names)("%s is set, read, kept and deleted", (name) => {
    const set = setAt(value({ a: 1 }), [name, "polluted"], true);
    expect(Object.getPrototypeOf(set)).toBe(Object.prototype);
    expect(getAt(set, [name, "polluted"])).toBe(true);
    const copied = setAt(set, ["a"], 2);
    expect(getAt(copied, [name, "polluted"])).toBe(true);
    expect(Object.hasOwn(copied as object, name)).toBe(true);
    const removed = deleteAt(copied, [name]);
    expect(removed.removed).toBe(1);
    expect(Object.keys(removed.root as object)).toEqual(["a"]);
    expect(getAt(deleteAt(copied, ["a"]).root, [name])).toEqual({ polluted: true });
  });

  test("a member can be set whose name is read-only on Object.prototype", () => {
    Object.defineProperty(Object.prototype, "locked", { value: 1, writable: false, configurable: true });
    try {
      const set = setAt(value({ a: 1 }), ["locked"], 2);
      expect(getAt(set, ["locked"])).toBe(2);
      expect(getAt(value({ a: 1 }), ["locked"])).toBeUndefined();
      expect(getAt(deleteAt(set, ["locked"]).root, ["locked"])).toBeUndefined();
    } finally {
      Reflect.deleteProperty(Object.prototype, "locked");
    }
  });
});

describe("large containers", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `member ${i}`);
  const large = value(Object.fromEntries(["__proto__", ...names].map((name, i) => [name, i])));

  test("an object with many members is copied like any other", () => {
    const after = setAt(large, ["member 500"], "new") as object;
    expect(Object.keys(after)).toEqual(Object.keys(large as object));
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
    expect(Object.isFrozen(after)).toBe(true);
    expect(getAt(after as Value, ["member 500"])).toBe("new");
    expect(getAt(after as Value, ["__proto__"])).toBe(0);
    expect(Object.keys(deleteAt(large, ["member 500"]).root as object)).toHaveLength(1000);
  });

  test("an array has at most a million elements", () => {
    const array = Object.freeze(new Array<Value>(ARRAY_LENGTH_MAX).fill(0));
    expect(() => setAt(array, [APPEND], 1)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
    expect(() => insertAt(array, [], 0, [1])).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
  });

  test("an object has at most a million members", { timeout: 60_000 }, () => {
    // Indexes as names: V8 makes such an object a hundred times faster.
    const object = Object.freeze({ ...new Array<Value>(OBJECT_MEMBERS_MAX).fill(0) });
    expect(() => setAt(object, ["more"], 1)).toThrow(expect.objectContaining({ code: "LIMIT_VALUE" }));
  });
});

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
