import { StrataError, type Value } from "@strata/core";
import { anyName, anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { APPEND, type JsonSegment } from "./json-path.js";
import { deleteAt, getAt, setAt } from "./json-tree.js";

/** Names that documents and paths share often enough to meet. */
const anyMember = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "__proto__", "toString") },
  { weight: 1, arbitrary: anyName() },
);

const { document: anyDocument } = fc.letrec<{ document: Value }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 4, depthSize: "medium" },
    anyValue({ depth: 1, nan: false }),
    fc.array(tie("document"), { maxLength: 4 }).map((elements) => Object.freeze(elements)),
    fc
      .uniqueArray(fc.tuple(anyMember, tie("document")), { maxLength: 4, selector: ([name]) => name })
      .map((members) => Object.freeze(Object.fromEntries(members))),
  ),
}));

const anySegment: fc.Arbitrary<JsonSegment> = fc.oneof(
  { weight: 4, arbitrary: anyMember },
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constant(APPEND) },
);
const anyPath = fc.array(anySegment, { maxLength: 4 });

test("setting is what a naive setter on a thawed copy does, and leaves everything else the same object", () => {
  fc.assert(
    fc.property(anyDocument, anyPath, anyDocument, (document, path, written) => {
      const before = thaw(document);
      let after: Value;
      try {
        after = setAt(document, path, written);
      } catch (error) {
        if (!StrataError.is(error)) throw error;
        expect(naiveSet({ root: thaw(document) }, path, thaw(written))).toBe(false);
        return;
      }
      const oracle = { root: thaw(document) };
      expect(naiveSet(oracle, path, thaw(written))).toBe(true);
      expect(thaw(after)).toEqual(oracle.root);
      expect(thaw(document)).toEqual(before);
      expectFrozen(after);
      expectShared(document, after, path);
    }),
    { numRuns: 1000 },
  );
});

test("deleting is what a naive deleter on a thawed copy does", () => {
  fc.assert(
    fc.property(
      anyDocument,
      anyPath.filter((path) => !path.includes(APPEND)),
      (document, path) => {
        const { root, removed } = deleteAt(document, path);
        const oracle = { root: thaw(document) };
        expect(naiveDelete(oracle, path)).toBe(removed === 1);
        expect(removed).toBe(getAt(document, path) === undefined ? 0 : 1);
        if (removed === 0) expect(root).toBe(document);
        else if (root === undefined) expect(path).toEqual([]);
        else {
          expect(thaw(root)).toEqual(oracle.root);
          expectFrozen(root);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("what was set is read back", () => {
  fc.assert(
    fc.property(
      anyDocument,
      anyPath.filter((path) => !path.includes(APPEND)),
      anyDocument,
      (document, path, written) => {
        let after: Value;
        try {
          after = setAt(document, path, written);
        } catch (error) {
          if (StrataError.is(error)) return;
          throw error;
        }
        expect(getAt(after, path)).toBe(written);
      },
    ),
  );
});

/** A mutable copy in which objects are Maps, so that no name is special. */
type Thawed = Map<string, Thawed> | Thawed[] | { readonly scalar: Value };

function thaw(value: Value): Thawed {
  if (Array.isArray(value)) return value.map(thaw);
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    return new Map(Object.entries(value).map(([name, member]) => [name, thaw(member)]));
  }
  return { scalar: value };
}

function naiveSet(oracle: { root: Thawed }, path: readonly JsonSegment[], written: Thawed): boolean {
  const holder: Thawed[] = [oracle.root];
  let container: Thawed = holder;
  let step: string | number = 0;
  for (const segment of path) {
    let child: Thawed | undefined = at(container, step);
    if (child === undefined) {
      child = typeof segment === "string" ? new Map() : [];
      put(container, step, child);
    }
    if (typeof segment === "string" ? !(child instanceof Map) : !Array.isArray(child)) return false;
    if (Array.isArray(child)) {
      const index: number =
        segment === APPEND
          ? child.length
          : (segment as number) < 0
            ? child.length + (segment as number)
            : (segment as number);
      if (index < 0 || index > child.length) return false;
      step = index;
    } else step = segment as string;
    container = child;
  }
  put(container, step, written);
  oracle.root = holder[0] as Thawed;
  return true;
}

function naiveDelete(oracle: { root: Thawed }, path: readonly JsonSegment[]): boolean {
  let container: Thawed | undefined = [oracle.root];
  let step: string | number = 0;
  for (const segment of path) {
    const child: Thawed | undefined = at(container, step);
    if (child === undefined || (typeof segment === "string" ? !(child instanceof Map) : !Array.isArray(child)))
      return false;
    step =
      Array.isArray(child) && (segment as number) < 0
        ? child.length + (segment as number)
        : (segment as string | number);
    container = child;
  }
  if (at(container, step) === undefined) return false;
  if (container instanceof Map) container.delete(step as string);
  else (container as Thawed[]).splice(step as number, 1);
  return true;
}

function at(container: Thawed, step: string | number): Thawed | undefined {
  if (container instanceof Map) return container.get(step as string);
  return Array.isArray(container) ? container[step as number] : undefined;
}

function put(container: Thawed, step: string | number, child: Thawed): void {
  if (container instanceof Map) container.set(step as string, child);
  else (container as Thawed[])[step as number] = child;
}

function expectFrozen(value: Value): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  expect(Object.isFrozen(value)).toBe(true);
  for (const member of Object.values(value)) expectFrozen(member);
}

/** Every member and element off the path is the same object as before. */
function expectShared(before: Value, after: Value, path: readonly JsonSegment[]): void {
  let [old, now]: [Value | undefined, Value | undefined] = [before, after];
  for (const segment of path) {
    if (typeof old !== "object" || old === null || typeof now !== "object" || now === null || now === old) return;
    const index = Array.isArray(old) && typeof segment === "number" && segment < 0 ? old.length + segment : segment;
    for (const [name, member] of Object.entries(old)) {
      if (name !== String(index)) expect((now as { readonly [name: string]: Value })[name]).toBe(member);
    }
    if (typeof index === "symbol") return;
    old = getAt(old, [index]);
    now = getAt(now, [index]);
  }
}
