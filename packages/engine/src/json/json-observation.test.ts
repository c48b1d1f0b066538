import { copyValue, DEFAULT_LIMITS, Value } from "@strata/core";
import { describe, expect, test } from "vitest";
import { changeBySet } from "./json-change.js";
import {
  holds,
  type JsonObservation,
  observeMerge,
  observePatch,
  observePathPresence,
  observePathRead,
  observePathWrite,
} from "./json-observation.js";
import { applyPatch, type PatchOperation } from "./json-patch.js";
import { parseJsonPath } from "./json-path.js";

const document = value({ a: { x: 1, y: { z: 2 } }, b: { list: [{ v: 1 }, { v: 2 }] }, text: "t" });

/** What another transaction committed meanwhile. */
function after(path: string, written: unknown): Value | undefined {
  return changeBySet(document, parseJsonPath(path), value(written)).root;
}

function allHold(observations: readonly JsonObservation[], root: Value | undefined): boolean {
  return observations.every((observation) => holds(observation, root));
}

describe("a read", () => {
  const read = observePathRead(document, parseJsonPath("a.y"));

  test("holds while the same subtree stands there", () => {
    expect(holds(read, document)).toBe(true);
    expect(holds(read, after("a.x", 9))).toBe(true);
    expect(holds(read, after("b", 9))).toBe(true);
  });

  test("holds while an equal subtree stands there, as after reloading", () => {
    expect(holds(read, value(structuredClone(document)))).toBe(true);
  });

  test("does not hold once it, something in it, or something around it was written", () => {
    expect(holds(read, after("a.y", 0))).toBe(false);
    expect(holds(read, after("a.y.z", 0))).toBe(false);
    expect(holds(read, after("a.y.new", 0))).toBe(false);
    expect(holds(read, after("a", 0))).toBe(false);
    expect(holds(read, undefined)).toBe(false);
  });

  test("of nothing holds while there is nothing", () => {
    const nothing = observePathRead(document, parseJsonPath("a.new"));
    expect(holds(nothing, document)).toBe(true);
    expect(holds(nothing, after("a.x", 9))).toBe(true);
    expect(holds(nothing, undefined)).toBe(true);
    expect(holds(nothing, after("a.new", null))).toBe(false);
  });

  test("counts a negative index from the end as it is then", () => {
    const last = observePathRead(document, parseJsonPath("b.list[-1].v"));
    expect(holds(last, after("b.list[0].v", 9))).toBe(true);
    expect(holds(last, after("b.list[2]", { v: 2 }))).toBe(true);
    expect(holds(last, after("b.list[2]", { v: 3 }))).toBe(false);
  });
});

test("presence holds whatever stands there", () => {
  const present = observePathPresence(document, parseJsonPath("a.y"));
  const absent = observePathPresence(document, parseJsonPath("a.new"));
  expect(holds(present, after("a.y", 9))).toBe(true);
  expect(holds(present, after("a", 9))).toBe(false);
  expect(holds(absent, after("a.y", 9))).toBe(true);
  expect(holds(absent, after("a.new", 9))).toBe(false);
});

describe("a write", () => {
  const write = observePathWrite(document, parseJsonPath("a.y.z"));

  test("is not disturbed by writes beside it, below it, or to the very place", () => {
    for (const path of ["a.x", "a.y.w", "a.y.z", "a.y.z2", "b.list[0].v", "new"])
      expect(allHold(write, after(path, 9))).toBe(true);
  });

  test("is disturbed when a container on its way becomes something else", () => {
    expect(allHold(write, after("a.y", 9))).toBe(false);
    expect(allHold(write, after("a", []))).toBe(false);
    expect(allHold(write, [])).toBe(false);
    expect(allHold(write, undefined)).toBe(false);
  });

  test("that makes parents is disturbed when another makes them", () => {
    const made = observePathWrite(document, parseJsonPath("new.deep.z"));
    expect(allHold(made, after("a.x", 9))).toBe(true);
    expect(allHold(made, after("new", {}))).toBe(false);
  });

  test("through an array is disturbed by every change to the array", () => {
    const inside = observePathWrite(document, parseJsonPath("b.list[0].v"));
    expect(allHold(inside, after("a.x", 9))).toBe(true);
    expect(allHold(inside, after("b.other", 9))).toBe(true);
    expect(allHold(inside, value(structuredClone(document)))).toBe(true);
    expect(allHold(inside, after("b.list[1].v", 9))).toBe(false);
    expect(allHold(inside, after("b.list[-]", 9))).toBe(false);
  });

  test("that creates the document is disturbed by creating it", () => {
    for (const path of ["$", "a", "a.b"]) {
      const creates = observePathWrite(undefined, parseJsonPath(path));
      expect(allHold(creates, undefined)).toBe(true);
      expect(allHold(creates, value({}))).toBe(false);
    }
  });

  test("of the whole document observes nothing", () => {
    expect(observePathWrite(document, [])).toEqual([]);
  });
});

describe("a merge", () => {
  const merge = observeMerge(document, [], value({ a: { y: { z: 5 }, gone: null }, text: "u" }));

  test("is not disturbed by other members, nor by the leaves it writes", () => {
    for (const path of ["a.x", "a.y.z", "a.y.w", "a.gone", "text", "b.list[0].v"]) {
      expect(allHold(merge, after(path, 9))).toBe(true);
    }
  });

  test("is disturbed when what it merges with is something else", () => {
    expect(allHold(merge, after("a.y", 9))).toBe(false);
    expect(allHold(merge, after("a", null))).toBe(false);
    expect(allHold(observeMerge(document, [], value({ text: { a: 1 } })), after("text", {}))).toBe(false);
    expect(allHold(observeMerge(document, [], value({ new: { a: 1 } })), after("new", {}))).toBe(false);
  });

  test("inside an array is disturbed by every change to the array", () => {
    const inside = observeMerge(document, parseJsonPath("b.list[1]"), value({ v: { w: 1 } }));
    expect(allHold(inside, after("a.x", 9))).toBe(true);
    expect(allHold(inside, after("b.list[0].v", 9))).toBe(false);
  });

  test("behind an array's end can be observed", () => {
    const appended = observeMerge(document, parseJsonPath("b.list[-].x"), value({ v: { w: 1 } }));
    expect(allHold(appended, document)).toBe(true);
    expect(allHold(appended, after("b.list[2]", 1))).toBe(false);
  });
});

describe("a patch", () => {
  function observed(...patch: readonly PatchOperation[]): JsonObservation[] {
    return observePatch(document, applyPatch(document, patch, DEFAULT_LIMITS).steps);
  }

  test("that tests is disturbed by a change of what it tested", () => {
    const tests = observed({ op: "test", path: "/a/y", value: { z: 2 } });
    expect(allHold(tests, after("a.x", 9))).toBe(true);
    expect(allHold(tests, after("a.y.z", 9))).toBe(false);
  });

  test("that replaces or removes needs something to be there, whatever it is", () => {
    for (const observations of [
      observed({ op: "replace", path: "/a/x", value: 2 }),
      observed({ op: "remove", path: "/a/x" }),
    ]) {
      expect(allHold(observations, after("a.x", 9))).toBe(true);
      expect(allHold(observations, applyPatch(document, [{ op: "remove", path: "/a/x" }], DEFAULT_LIMITS).root)).toBe(
        false,
      );
    }
  });

  test("that copies or moves is disturbed by a change of what it took", () => {
    for (const op of ["copy", "move"] as const) {
      const observations = observed({ op, from: "/a/x", path: "/c" });
      expect(allHold(observations, after("a.y.z", 9))).toBe(true);
      expect(allHold(observations, after("a.x", 9))).toBe(false);
    }
  });

  test("that inserts is disturbed by every change to the array", () => {
    const observations = observed({ op: "add", path: "/b/list/0", value: 0 });
    expect(allHold(observations, after("b.list[1].v", 9))).toBe(false);
    expect(allHold(observations, after("b.x", 9))).toBe(true);
  });
});

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}

test("values are compared as the store compares them", () => {
  const observation = observePathRead(value({ n: 0 }), ["n"]);
  expect(holds(observation, value({ n: -0 }))).toBe(Value.equal(0, -0));
});
