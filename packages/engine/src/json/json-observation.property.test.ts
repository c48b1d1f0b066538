import { DEFAULT_LIMITS, StrataError, Value } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changeByDelete, changeByIncrement, changeByMerge, changeByPush, changeBySet } from "./json-change.js";
import {
  holds,
  type JsonObservation,
  observeMerge,
  observePatch,
  observePathPresence,
  observePathRead,
  observePathWrite,
} from "./json-observation.js";
import { applyOperation, type JsonOperation } from "./json-operation.js";
import { applyPatch, type PatchOperation } from "./json-patch.js";
import type { JsonSegment } from "./json-path.js";

const anyMember = fc.constantFrom("a", "b");
const { tree: anyTree } = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: "large" },
    { weight: 3, arbitrary: fc.constantFrom<Value>(null, 1, 2, "x") },
    { weight: 2, arbitrary: fc.array(tie("tree"), { maxLength: 3 }).map((elements) => Object.freeze(elements)) },
    { weight: 4, arbitrary: fc.record({ a: tie("tree"), b: tie("tree") }, { requiredKeys: [] }).map(frozen) },
  ),
}));
/** Mostly an object, so that the calls below meet often. */
const anyDocument = fc.oneof(
  { weight: 1, arbitrary: fc.option(anyTree, { nil: undefined, freq: 2 }) },
  { weight: 5, arbitrary: fc.record({ a: anyTree, b: anyTree }).map(frozen) },
);
const anyPath: fc.Arbitrary<JsonSegment[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: anyMember }, { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) }),
  { maxLength: 3 },
);

function frozen(object: { readonly a?: Value; readonly b?: Value }): Value {
  return Object.freeze({ ...object }) as Value;
}

/** A call of the document store: what it does to a document, and what it observes of the one it is made on. */
interface Call {
  readonly name: string;
  run(root: Value | undefined): {
    readonly root: Value | undefined;
    readonly operations: readonly JsonOperation[];
    readonly answer: unknown;
  };
  observe(root: Value | undefined): readonly JsonObservation[];
}

function call(name: string, run: Call["run"], observe: Call["observe"]): Call {
  return { name, run, observe };
}

function logged(operation: JsonOperation | undefined): JsonOperation[] {
  return operation === undefined ? [] : [operation];
}

const anyPointer = fc
  .array(fc.oneof(anyMember, fc.constantFrom("0", "1", "-")), { maxLength: 3 })
  .map((tokens) => tokens.map((token) => `/${token}`).join(""));
const anyPatch: fc.Arbitrary<PatchOperation[]> = fc.array(
  fc.oneof(
    fc.record({
      op: fc.constantFrom("add" as const, "replace" as const, "test" as const),
      path: anyPointer,
      value: anyTree,
    }),
    fc.record({ op: fc.constant("remove" as const), path: anyPointer }),
    fc.record({ op: fc.constantFrom("move" as const, "copy" as const), from: anyPointer, path: anyPointer }),
  ),
  { minLength: 1, maxLength: 2 },
);

const anyCall: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(anyPath, anyTree).map(([path, written]) =>
    call(
      `set ${path.join()}`,
      (root) => {
        const change = changeBySet(root, path, written);
        return { root: change.root, operations: logged(change.operation), answer: undefined };
      },
      (root) => observePathWrite(root, path),
    ),
  ),
  anyPath.map((path) =>
    call(
      `delete ${path.join()}`,
      (root) => {
        const change = changeByDelete(root, path);
        return { root: change.root, operations: logged(change.operation), answer: change.removed };
      },
      (root) => [...observePathWrite(root, path), observePathPresence(root, path)],
    ),
  ),
  fc.tuple(anyPath, anyTree).map(([path, patch]) =>
    call(
      `merge ${path.join()} ${JSON.stringify(patch)}`,
      (root) => {
        const change = changeByMerge(root, path, patch);
        return { root: change.root, operations: logged(change.operation), answer: undefined };
      },
      (root) => observeMerge(root, path, patch),
    ),
  ),
  fc.tuple(anyPath, anyTree).map(([path, pushed]) =>
    call(
      `push ${path.join()}`,
      (root) => {
        const change = changeByPush(root, path, [pushed]);
        return { root: change.root, operations: logged(change.operation), answer: change.length };
      },
      (root) => [...observePathWrite(root, path), observePathRead(root, path)],
    ),
  ),
  anyPath.map((path) =>
    call(
      `increment ${path.join()}`,
      (root) => {
        const change = changeByIncrement(root, path, 3);
        return { root: change.root, operations: logged(change.operation), answer: change.value };
      },
      (root) => [...observePathWrite(root, path), observePathRead(root, path)],
    ),
  ),
  anyPatch.map((patch) =>
    call(
      `patch ${JSON.stringify(patch)}`,
      (root) => {
        const result = applyPatch(root, patch, DEFAULT_LIMITS);
        return { root: result.root, operations: result.operations, answer: undefined };
      },
      (root) => observePatch(root, applyPatch(root, patch, DEFAULT_LIMITS).steps),
    ),
  ),
);

test("while its observations hold, a call made on the view means the same on the committed document", () => {
  let compared = 0;
  let changed = 0;
  fc.assert(
    fc.property(anyDocument, anyCall, fc.array(anyCall, { maxLength: 3 }), (view, mine, others) => {
      const made = attempt(mine, view);
      if (made === undefined) return;
      let committed = view;
      for (const other of others) committed = attempt(other, committed)?.root ?? committed;
      if (!mine.observe(view).every((observation) => holds(observation, committed))) return;
      compared++;
      if (!same(view, committed)) changed++;
      let applied = committed;
      for (const operation of made.operations) applied = applyOperation(applied, operation);
      const again = mine.run(committed);
      expect(same(applied, again.root)).toBe(true);
      expect(again.answer).toBe(made.answer);
    }),
    { numRuns: 5000 },
  );
  expect(compared).toBeGreaterThan(500);
  expect(changed).toBeGreaterThan(100);
});

test("writes to different members of one document both hold, in either order", () => {
  fc.assert(
    fc.property(anyTree, anyTree, anyTree, (document, first, second) => {
      const root: Value = Object.freeze({ a: Object.freeze({ x: document }), b: 1 });
      const one = changeBySet(root, ["a", "x"], first);
      const two = changeBySet(root, ["a", "y"], second);
      expect(observePathWrite(root, ["a", "y"]).every((observation) => holds(observation, one.root))).toBe(true);
      expect(observePathWrite(root, ["a", "x"]).every((observation) => holds(observation, two.root))).toBe(true);
      const both = applyOperation(one.root, two.operation as JsonOperation);
      expect(same(both, applyOperation(two.root, one.operation as JsonOperation))).toBe(true);
    }),
  );
});

test("what was just observed holds", () => {
  fc.assert(
    fc.property(anyDocument, anyCall, (document, mine) => {
      if (attempt(mine, document) === undefined) return;
      expect(mine.observe(document).every((observation) => holds(observation, document))).toBe(true);
    }),
  );
});

function attempt(made: Call, root: Value | undefined): ReturnType<Call["run"]> | undefined {
  try {
    return made.run(root);
  } catch (error) {
    if (StrataError.is(error)) return undefined;
    throw error;
  }
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Value.equal(a, b));
}
