import { ByteReader, ByteWriter, copyValue, DEFAULT_LIMITS, StrataError, Value } from "@strata/core";
import { anyMutation, anyName, anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changeByDelete,
  changeByIncrement,
  changeByMerge,
  changeByPush,
  changeBySet,
  type JsonChange,
} from "./json-change.js";
import { applyOperation, decodeOperation, encodeOperation, type JsonOperation, valuesOf } from "./json-operation.js";
import type { JsonSegment } from "./json-path.js";

const document = value({ a: { b: [1, 2] }, text: "x" });

describe("an operation that does not apply leaves the document and says so", () => {
  const cases: readonly (readonly [JsonOperation, string])[] = [
    [{ kind: "set", path: ["text", "x"], value: 1 }, "WRONG_TYPE"],
    [{ kind: "set", path: ["a", "b", 3], value: 1 }, "INVALID_PATH"],
    [{ kind: "delete", path: ["a", "missing"] }, "INVALID_PATH"],
    [{ kind: "delete", path: ["a", "b", 2] }, "INVALID_PATH"],
    [{ kind: "insert", path: ["a"], index: 0, values: [1] }, "WRONG_TYPE"],
    [{ kind: "insert", path: ["a", "b"], index: 3, values: [1] }, "INVALID_PATH"],
    [{ kind: "merge", path: ["text", "x"], patch: {} }, "WRONG_TYPE"],
  ];
  test.each(cases)("%j", (operation, code) => {
    expect(() => applyOperation(document, operation)).toThrow(expect.objectContaining({ code }));
  });
});

test("operations name the values that they bring", () => {
  expect(valuesOf({ kind: "set", path: [], value: 1 })).toEqual([1]);
  expect(valuesOf({ kind: "merge", path: [], patch: 2 })).toEqual([2]);
  expect(valuesOf({ kind: "insert", path: [], index: 0, values: [3, 4] })).toEqual([3, 4]);
  expect(valuesOf({ kind: "delete", path: [] })).toEqual([]);
});

const anyStep = fc.oneof(anyName(), fc.nat(5), fc.nat(Number.MAX_SAFE_INTEGER - 1));
const anyResolvedPath = fc.array(anyStep, { maxLength: 6 });
const anyOperation: fc.Arbitrary<JsonOperation> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), path: anyResolvedPath, value: anyValue({ nan: false }) }),
  fc.record({ kind: fc.constant("delete" as const), path: anyResolvedPath }),
  fc.record({
    kind: fc.constant("insert" as const),
    path: anyResolvedPath,
    index: fc.nat(),
    values: fc.array(anyValue({ nan: false, depth: 2 }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("merge" as const), path: anyResolvedPath, patch: anyValue({ nan: false }) }),
);

describe("bytes", () => {
  test("are as documented", () => {
    expect([...encode({ kind: "set", path: ["ab", 0, 200], value: null })]).toEqual([
      1, // set
      3, // segments
      0,
      2,
      97,
      98, // member "ab"
      1, // index 0
      201,
      1, // index 200
      0xf6, // null
    ]);
    expect([...encode({ kind: "delete", path: [] })]).toEqual([2, 0]);
    expect([...encode({ kind: "insert", path: [], index: 1, values: [1, 2] })]).toEqual([3, 0, 1, 2, 1, 2]);
    expect([...encode({ kind: "merge", path: [], patch: {} })]).toEqual([4, 0, 0xa0]);
  });

  test("decode to the operation they were made from", () => {
    fc.assert(
      fc.property(anyOperation, (operation) => {
        const reader = new ByteReader(encode(operation));
        const decoded = decodeOperation(reader);
        reader.expectEnd();
        expect(decoded.kind).toBe(operation.kind);
        expect(decoded.path).toEqual(operation.path);
        if (decoded.kind === "insert" && operation.kind === "insert") expect(decoded.index).toBe(operation.index);
        expect(Value.equal(valuesOf(decoded), valuesOf(operation))).toBe(true);
      }),
    );
  });

  test("of no operation are refused", () => {
    const cases = [
      [],
      [0, 0],
      [5, 0],
      [1],
      [1, 1],
      [1, 0],
      [2, 129, 2],
      [3, 0, 0, 100, 1],
      [1, 1, 0, 5, 97],
      [255, 255],
      [2, 129, 2, ...Array(257).fill(1)],
    ];
    for (const bytes of cases) {
      expect(() => decodeOperation(new ByteReader(new Uint8Array(bytes)))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^CORRUPT_(RECORD|VALUE)$/) }),
      );
    }
  });

  test("that were damaged decode to some operation or are refused with a typed error", () => {
    fc.assert(
      fc.property(anyOperation, anyMutation(), (operation, damage) => {
        expectTyped(damage(encode(operation)));
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => expectTyped(bytes)),
      { numRuns: 1000 },
    );
  });
});

const anyMember = fc.constantFrom("a", "b", "c", "__proto__");
const { tree: anyTree } = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: "medium" },
    fc.constantFrom<Value>(null, 1, -7, 0.5, "x", 2n ** 60n),
    fc.array(tie("tree"), { maxLength: 3 }).map((elements) => Object.freeze(elements)),
    fc
      .uniqueArray(fc.tuple(anyMember, tie("tree")), { maxLength: 3, selector: ([name]) => name })
      .map((members) => Object.freeze(Object.fromEntries(members))),
  ),
}));
const anyPath: fc.Arbitrary<JsonSegment[]> = fc.array(fc.oneof(anyMember, fc.integer({ min: -2, max: 2 })), {
  maxLength: 3,
});
const anyCall: fc.Arbitrary<(root: Value | undefined) => JsonChange> = fc.oneof(
  fc.tuple(anyPath, anyTree).map(
    ([path, written]) =>
      (root: Value | undefined) =>
        changeBySet(root, path, written),
  ),
  anyPath.map((path) => (root: Value | undefined) => changeByDelete(root, path)),
  fc.tuple(anyPath, anyTree).map(
    ([path, patch]) =>
      (root: Value | undefined) =>
        changeByMerge(root, path, patch),
  ),
  fc.tuple(anyPath, fc.array(anyTree, { maxLength: 2 })).map(
    ([path, values]) =>
      (root: Value | undefined) =>
        changeByPush(root, path, values),
  ),
  fc.tuple(anyPath, fc.integer()).map(
    ([path, by]) =>
      (root: Value | undefined) =>
        changeByIncrement(root, path, by),
  ),
);

test("applying what the log kept to the document before gives the document afterwards", () => {
  let applied = 0;
  fc.assert(
    fc.property(fc.option(anyTree, { nil: undefined }), fc.array(anyCall, { maxLength: 8 }), (start, calls) => {
      const logged: Uint8Array[] = [];
      let current = start;
      for (const call of calls) {
        try {
          const { root, operation } = call(current);
          if (operation === undefined) expect(root).toBe(current);
          else logged.push(encode(operation));
          current = root;
          applied++;
        } catch (error) {
          if (!StrataError.is(error)) throw error;
        }
      }
      let replayed = start;
      for (const bytes of logged) replayed = applyOperation(replayed, decodeOperation(new ByteReader(bytes)));
      expect(same(replayed, current)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(applied).toBeGreaterThan(500);
});

function expectTyped(bytes: Uint8Array): void {
  try {
    decodeOperation(new ByteReader(bytes));
  } catch (error) {
    if (!StrataError.is(error) || !error.code.startsWith("CORRUPT_")) throw error;
  }
}

function encode(operation: JsonOperation): Uint8Array {
  const writer = new ByteWriter();
  encodeOperation(writer, operation);
  return writer.take();
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Value.equal(a, b));
}

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
